// The contents of a flame graph, without drawing: trees of frames with their weights and places.
//
// `up` and `down` are increases and decreases; a box is as wide as both together. In a profile that is not a
// difference, all `down` are 0. `fresh` and `base` count the samples of both sides, if there are samples.

const NO_CHILDREN = Object.freeze([]);
// This few samples do not make a measurement.
const FEW_SAMPLES = 3;

class FlameTree {
  constructor() {
    this.frame = [0];
    this.parent = [0];
    this.selfUp = [0];
    this.selfDown = [0];
    this.selfFresh = [0];
    this.selfBase = [0];
    this.known = [null];
  }

  child(node, frame) {
    const known = this.known[node] || (this.known[node] = new Map());
    let next = known.get(frame);
    if (next === undefined) {
      next = this.frame.length;
      known.set(frame, next);
      this.frame.push(frame);
      this.parent.push(node);
      this.selfUp.push(0);
      this.selfDown.push(0);
      this.selfFresh.push(0);
      this.selfBase.push(0);
      this.known.push(null);
    }
    return next;
  }

  // Sums up, orders children by weight, and places every node: `x` and `width` as shares of the whole.
  finish() {
    const size = this.frame.length;
    this.up = Float64Array.from(this.selfUp);
    this.down = Float64Array.from(this.selfDown);
    this.fresh = Float64Array.from(this.selfFresh);
    this.base = Float64Array.from(this.selfBase);
    this.children = new Array(size).fill(NO_CHILDREN);
    for (let node = size - 1; node > 0; node--) {
      const parent = this.parent[node];
      this.up[parent] += this.up[node];
      this.down[parent] += this.down[node];
      this.fresh[parent] += this.fresh[node];
      this.base[parent] += this.base[node];
      if (this.children[parent] === NO_CHILDREN) this.children[parent] = [node];
      else this.children[parent].push(node);
    }
    const weight = (node) => this.up[node] + this.down[node];
    this.x = new Float64Array(size);
    this.width = new Float64Array(size);
    this.depth = new Uint32Array(size);
    this.deepest = 0;
    const whole = weight(0) || 1;
    this.width[0] = 1;
    const stack = [0];
    while (stack.length) {
      const node = stack.pop();
      const children = this.children[node];
      if (children.length > 1) children.sort((a, b) => weight(b) - weight(a) || this.frame[a] - this.frame[b]);
      let x = this.x[node];
      for (const child of children) {
        this.x[child] = x;
        this.width[child] = weight(child) / whole;
        this.depth[child] = this.depth[node] + 1;
        this.deepest = Math.max(this.deepest, this.depth[child]);
        x += this.width[child];
        stack.push(child);
      }
    }
    this.known = null;
    return this;
  }
}

// The crates of the harnesses, and the crates injected into them.
const HARNESS = /^<*(criterion|codspeed_criterion_compat\w*|divan|codspeed_divan_compat\w*|memprof_\w+)::/;

class FlameModel {
  // `isDifference`: it compares two profiles, even if nothing in it shrinks.
  constructor(flame, column = 0, isDifference = false) {
    this.flame = flame;
    this.isDifference = isDifference;
    // Frames left out at the root of every stack.
    this.skipped = 0;
    this.skippedFrames = [];
    this.select(column);
  }

  // Leaves out the common frames of all stacks before the benchmark's own code: process start and harness. Returns the
  // number of these frames; 0: there are none.
  skipHarness(on) {
    this.skipped = 0;
    this.skippedFrames = [];
    this.trees = new Map();
    if (!on) return 0;
    const tree = this.normal();
    const weight = (node) => tree.up[node] + tree.down[node];
    let node = 0;
    const passed = [];
    while (tree.selfUp[node] === 0 && tree.selfDown[node] === 0) {
      const heavy = tree.children[node].filter((child) => weight(child) > 0);
      if (heavy.length !== 1) break;
      node = heavy[0];
      passed.push(tree.frame[node]);
    }
    const source = (frame) => this.flame.sources[frame];
    const behind = passed.findLastIndex((frame) => HARNESS.test(source(frame).name)) + 1;
    const own = passed.findIndex((frame, at) => at >= behind && source(frame).origin === 'own');
    // If stacks part in the harness, they share none of the user's frames.
    this.skipped = own >= 0 ? own : Math.min(behind, Math.max(passed.length - 1, 0));
    this.trees = new Map();
    this.skippedFrames = passed.slice(0, this.skipped);
    return this.skipped;
  }

  select(column) {
    this.column = this.flame.columns[column];
    this.isDifference ||= this.column.down.length > 0;
    this.trees = new Map();
  }

  down(node) {
    return this.column.down[node] || 0;
  }

  // Adds the values that end in `node` to a node of `tree`.
  add(tree, to, node) {
    const { counts } = this.flame;
    tree.selfUp[to] += this.column.up[node];
    tree.selfDown[to] += this.down(node);
    if (!counts) return;
    tree.selfFresh[to] += counts.new[node];
    tree.selfBase[to] += counts.base[node] || 0;
  }

  // The whole that percentages refer to: for a difference, the base.
  get whole() {
    return this.isDifference ? this.column.base ?? this.column.total : this.column.total;
  }

  // The possible error of a difference of counted samples, at 95 %; 0 if nothing was sampled.
  uncertainty(tree, at) {
    if (!this.isDifference || !this.flame.counts) return 0;
    const root = this.normal();
    const before = this.column.base || 0;
    const after = before + root.up[0] - root.down[0];
    const each = [[after, root.fresh[0], tree.fresh[at]], [before, root.base[0], tree.base[at]]];
    return 1.96 * Math.sqrt(each.reduce((sum, [value, samples, here]) => sum + (samples ? here * (value / samples) ** 2 : 0), 0));
  }

  // Whether a node's difference may be chance.
  isDoubtful(tree, at) {
    if (!this.flame.counts) return false;
    if (this.isDifference) return Math.abs(tree.up[at] - tree.down[at]) <= this.uncertainty(tree, at);
    return tree.fresh[at] < FEW_SAMPLES;
  }

  // The frames of a node's stack, outermost first.
  path(node) {
    const path = [];
    for (; node !== 0; node = this.flame.parents[node]) path.push(this.flame.frames[node]);
    return path.reverse();
  }

  // Callers above, callees beneath.
  normal() {
    return this.made('normal', () => {
      const tree = new FlameTree();
      if (this.skipped === 0) {
        // It is this tree already.
        tree.frame = this.flame.frames;
        tree.parent = this.flame.parents;
        tree.selfUp = this.column.up;
        const none = new Float64Array(tree.frame.length);
        const { counts } = this.flame;
        tree.selfDown = this.column.down.length ? this.column.down : none;
        tree.selfFresh = counts ? counts.new : none;
        tree.selfBase = counts && counts.base.length ? counts.base : none;
        return tree;
      }
      const moved = [0];
      const depths = [0];
      for (let node = 1; node < this.flame.parents.length; node++) {
        const parent = this.flame.parents[node];
        depths.push(depths[parent] + 1);
        moved.push(depths[node] <= this.skipped ? 0 : tree.child(moved[parent], this.flame.frames[node]));
      }
      moved.forEach((to, node) => this.add(tree, to, node));
      return tree;
    });
  }

  // The functions where samples end on top, their callers beneath.
  inverted() {
    return this.made('inverted', () => this.fromStacks((path) => path.slice(this.skipped).reverse()));
  }

  // The callees of the frames that pass `test`, below their outermost calls.
  callees(key, test) {
    return this.made('callees ' + key, () => this.fromStacks((path) => {
      const at = path.findIndex(test);
      return at < 0 ? null : path.slice(at);
    }));
  }

  // The callers of those frames, the nearest first.
  callers(key, test) {
    return this.made('callers ' + key, () => this.fromStacks((path) => {
      const at = path.findIndex(test);
      return at < 0 ? null : path.slice(Math.min(at, this.skipped), at + 1).reverse();
    }));
  }

  fromStacks(change) {
    const tree = new FlameTree();
    for (let node = 0; node < this.flame.parents.length; node++) {
      const { counts } = this.flame;
      if (!this.column.up[node] && !this.down(node) && !(counts && (counts.new[node] || counts.base[node]))) continue;
      const path = change(this.path(node));
      if (!path) continue;
      const end = path.reduce((at, frame) => tree.child(at, frame), 0);
      this.add(tree, end, node);
    }
    return tree;
  }

  made(key, make) {
    if (!this.trees.has(key)) {
      // Old trees are rarely looked at again.
      if (this.trees.size > 6) this.trees.clear();
      this.trees.set(key, make().finish());
    }
    return this.trees.get(key);
  }

  // The sum of the values in or beneath frames for which `test` is true, each sample counted once.
  matched(tree, test) {
    let sum = 0;
    const stack = [0];
    while (stack.length) {
      const node = stack.pop();
      if (node !== 0 && test(tree.frame[node])) sum += tree.up[node] + tree.down[node];
      else for (const child of tree.children[node]) stack.push(child);
    }
    return sum;
  }
}
