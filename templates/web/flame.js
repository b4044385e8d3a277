// The flame graph on a canvas: some ten thousand boxes are drawn in a few milliseconds, so that zooming is smooth.

const ROW = 20;
const MIN_BOX = 1;
const MIN_TEXT = 26;
// During an animation, nobody reads text or sees slivers.
const MIN_TEXT_MOVING = 110;
const MIN_BOX_MOVING = 2;
const ZOOM_TIME = 220;
// Browsers limit the height of a canvas.
const TALLEST = 12000;

class FlameGraph {
  // `options`: iterations (null: unknown), onMenu(source, node, x, y), onSelect(source), onShow, onChange.
  static COLORS = { sourceColor, changeColor };

  constructor(model, options = {}) {
    this.model = model;
    this.options = options;
    this.test = () => false;
    this.isInverted = false;
    this.pivot = null;
    this.selected = 0;
    this.hovered = -1;
    this.view = { x: 0, width: 1 };
    this.zoomed = 0;
    this.widths = new Map();
    this.colors = new Map();
    this.isDark = theme.isDark();
    this.canvas = el('canvas', { tabindex: '0', class: 'flame', role: 'application', 'aria-label': 'Flame graph. Arrow keys go from frame to frame, Enter zooms in, Escape out, I turns it over, P shows callers and callees.' });
    this.spacer = el('div', { class: 'flame-spacer' });
    this.holder = el('div', { class: 'flame-holder' }, this.canvas, this.spacer);
    this.tip = el('div', { class: 'tip', hidden: true, role: 'tooltip' });
    this.live = el('div', { class: 'flame-details', 'aria-live': 'polite' });
    this.crumbs = el('div', { class: 'flame-crumbs' });
    this.element = el('div', { class: 'flame-view' }, this.crumbs, this.holder, this.live, this.tip);
    this.listen();
    this.show();
  }

  listen() {
    const { canvas } = this;
    new ResizeObserver(() => this.resize()).observe(this.holder);
    window.addEventListener('memprof-theme', () => {
      this.colors.clear();
      this.style = null;
      this.isDark = theme.isDark();
      this.draw();
    });
    this.holder.addEventListener('scroll', () => this.draw());
    canvas.addEventListener('pointermove', (event) => this.hover(event));
    canvas.addEventListener('pointerleave', () => this.hoverOver(-1));
    canvas.addEventListener('click', (event) => {
      const node = this.at(event);
      if (node < 0) return;
      this.select(node);
      this.zoom(node);
    });
    canvas.addEventListener('contextmenu', (event) => {
      const node = this.at(event);
      if (node <= 0 || !this.options.onMenu) return;
      event.preventDefault();
      this.select(node);
      this.hoverOver(-1);
      this.options.onMenu(this.source(node), node, event.clientX, event.clientY);
    });
    canvas.addEventListener('keydown', (event) => flameKey(this, event));
  }

  // Shows or hides the common beginning of all stacks; returns whether there is one.
  setHarness(shown) {
    this.hidesHarness = !shown;
    const skipped = this.model.skipHarness(!shown);
    this.show();
    return skipped > 0;
  }

  // Selects another sample type.
  setColumn(column) {
    this.model.select(column);
    this.model.skipHarness(this.hidesHarness);
    this.colors.clear();
    this.show();
  }

  setInverted(on) {
    this.isInverted = on;
    this.setPivot(null);
  }

  // Callers above and callees beneath the frames whose name or file `text` matches; null: everything.
  setPivot(text) {
    this.pivot = null;
    if (text) {
      const test = searchTest(text);
      // A frame's own full name matches exactly, however long it is.
      const exactly = (source) => text.startsWith('^') && text.length >= source.unique.length && quoted(source.unique) === text;
      const hit = test && this.model.flame.sources.map((source, at) => at > 0 && (exactly(source) || test(source.unique) || test(source.file)));
      if (hit && hit.some(Boolean)) {
        this.pivot = { text, test: (frame) => hit[frame] };
        this.isInverted = false;
      }
    }
    this.show();
  }

  // Sets the search; returns the share that matches.
  setSearch(text) {
    const test = searchTest(text) || (() => false);
    const hit = this.model.flame.sources.map((source, at) => at > 0 && (test(source.name) || test(source.file)));
    this.test = (frame) => hit[frame];
    this.matches = text === '' ? null : hit.filter(Boolean).length;
    this.draw();
    if (text === '') return null;
    // Every stack passes through the hidden frames.
    if (!this.pivot && this.model.skippedFrames.some(this.test)) return { share: 1, frames: this.matches };
    return { share: this.model.matched(this.tree, this.test) / (this.weight(0) || 1), frames: this.matches };
  }

  show() {
    if (this.pivot) {
      this.tree = this.model.callees(this.pivot.text, this.pivot.test);
      this.callers = this.model.callers(this.pivot.text, this.pivot.test);
    } else {
      this.tree = this.isInverted ? this.model.inverted() : this.model.normal();
      this.callers = null;
    }
    // Draw the callers above without the pivot itself, which is in both trees.
    this.above = this.callers ? Math.max(this.callers.deepest - 1, 0) : 0;
    this.selected = 0;
    this.hovered = -1;
    this.tip.hidden = true;
    this.zoomed = 0;
    cancelAnimationFrame(this.animation);
    this.moving = false;
    this.view = { x: 0, width: 1 };
    this.resize();
    this.sayCrumbs();
    this.describe(0);
    if (this.options.onShow) this.options.onShow();
    if (this.options.onChange) this.options.onChange();
  }

  source(node) {
    return this.model.flame.sources[this.sourceIndex(node)];
  }

  // Nodes of the callers' tree are numbered after those of the other.
  sourceIndex(node) {
    const size = this.tree.frame.length;
    return node < size ? this.tree.frame[node] : this.callers.frame[node - size];
  }

  part(node) {
    const size = this.tree.frame.length;
    return node < size ? [this.tree, node, 1] : [this.callers, node - size, -1];
  }

  weight(node) {
    const [tree, at] = this.part(node);
    return tree.up[at] + tree.down[at];
  }

  row(node) {
    const [tree, at, direction] = this.part(node);
    return direction > 0 ? this.above + tree.depth[at] : this.above + 1 - tree.depth[at];
  }

  resize() {
    const rows = this.above + this.tree.deepest + 1;
    const height = rows * ROW + 2;
    const isTall = height > TALLEST;
    this.holder.classList.toggle('scrolls', isTall);
    this.spacer.style.height = isTall ? height - this.holder.clientHeight + 'px' : '0';
    const shown = isTall ? this.holder.clientHeight : height;
    const width = this.holder.clientWidth;
    const ratio = Math.max(window.devicePixelRatio || 1, 1);
    this.canvas.style.height = shown + 'px';
    const [w, h] = [Math.round(width * ratio), Math.round(shown * ratio)];
    if (this.canvas.width !== w) this.canvas.width = w;
    if (this.canvas.height !== h) this.canvas.height = h;
    this.size = { width, height: shown, ratio };
    this.draw();
  }

  color(node) {
    const [tree, at] = this.part(node);
    if (this.model.isDifference) {
      const weight = tree.up[at] + tree.down[at];
      return changeColor(weight ? (tree.up[at] - tree.down[at]) / weight : 0, this.isDark, this.model.isDoubtful(tree, at));
    }
    const source = this.sourceIndex(node);
    const pale = node > 0 && this.model.isDoubtful(tree, at);
    const index = pale ? -source : source;
    let color = this.colors.get(index);
    if (!color) this.colors.set(index, (color = sourceColor(this.model.flame.sources[source], this.isDark, pale)));
    return color;
  }

  draw() {
    if (!this.size || this.size.width === 0) return;
    const started = performance.now();
    const context = this.canvas.getContext('2d');
    const { width, height, ratio } = this.size;
    const style = this.style ||= ['--flame-text', '--mark', '--text'].map((name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim());
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
    context.textBaseline = 'middle';
    this.paint = { context, width, height, top: this.holder.classList.contains('scrolls') ? this.holder.scrollTop : 0,
      text: style[0] || '#111', mark: style[1] || '#a0f', focus: style[2] || '#000', fill: null };
    this.boxes = 0;
    this.drawTree(0);
    if (this.callers) for (const child of this.callers.children[0]) this.callers.children[child].forEach((node) => this.drawTree(node + this.tree.frame.length));
    if (this.hovered > 0) this.outline(this.hovered, 1);
    if (this.selected > 0 && document.activeElement === this.canvas) this.outline(this.selected, 2);
    this.lastDraw = performance.now() - started;
  }

  place(node) {
    const [tree, at] = this.part(node);
    const { x, width } = this.view;
    const scale = this.size.width / width;
    return { left: (tree.x[at] - x) * scale, wide: tree.width[at] * scale, top: this.row(node) * ROW - (this.paint ? this.paint.top : 0) };
  }

  drawTree(start) {
    const { width, height } = this.paint;
    const [tree, , direction] = this.part(start);
    const offset = direction > 0 ? 0 : this.tree.frame.length;
    const stack = [start - offset];
    const narrowest = this.moving ? MIN_BOX_MOVING : MIN_BOX;
    while (stack.length) {
      const at = stack.pop();
      const { left, wide, top } = this.place(at + offset);
      if (wide < narrowest || left > width || left + wide < 0) continue;
      if (top > -ROW && top < height) this.drawBox(at + offset, left, wide, top);
      for (const child of tree.children[at]) stack.push(child);
    }
  }

  drawBox(node, left, wide, top) {
    const { context, width, text, mark } = this.paint;
    const from = Math.max(left, -2);
    const to = Math.min(left + wide, width + 2);
    this.boxes++;
    context.fillStyle = this.color(node);
    const gap = to - from > 2 ? 1 : 0;
    context.fillRect(from, top, to - from - gap, ROW - 1);
    const isMatch = node > 0 && this.test(this.sourceIndex(node));
    if (isMatch) {
      context.fillStyle = mark;
      context.fillRect(from, top + ROW - 5, to - from - gap, 4);
      context.strokeStyle = mark;
      if (to - from > 4) context.strokeRect(from + 0.5, top + 0.5, to - from - gap - 1, ROW - 2);
    }
    const visible = Math.min(to, width) - Math.max(from, 0) - 7;
    if (visible < (this.moving ? MIN_TEXT_MOVING : MIN_TEXT)) return;
    const label = fittingLabel(this, node, visible);
    if (!label) return;
    context.fillStyle = text;
    context.fillText(label, Math.max(from, 0) + 4, top + ROW / 2);
  }

  outline(node, strong) {
    const { left, wide, top } = this.place(node);
    const { context, focus } = this.paint;
    context.strokeStyle = focus;
    context.lineWidth = strong;
    context.strokeRect(left + 0.5, top + 0.5, Math.max(wide - 1, 1), ROW - 2);
    context.lineWidth = 1;
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const row = Math.floor((y + (this.paint ? this.paint.top : 0)) / ROW);
    const position = this.view.x + (x / this.size.width) * this.view.width;
    const find = (tree, start, depth) => {
      let node = start;
      while (tree.depth[node] < depth) {
        const next = tree.children[node].find((child) => position >= tree.x[child] && position < tree.x[child] + tree.width[child]);
        if (next === undefined) return -1;
        node = next;
      }
      return node;
    };
    if (row >= this.above) return find(this.tree, 0, row - this.above);
    const found = find(this.callers, 0, this.above + 1 - row);
    return found < 0 ? -1 : found + this.tree.frame.length;
  }

  hover(event) {
    const node = this.at(event);
    this.hoverOver(node);
    if (node < 0) return;
    const tip = this.tip;
    const room = document.documentElement;
    const [x, y] = [event.clientX + 14, event.clientY + 18];
    tip.style.left = Math.max(4, Math.min(x, room.clientWidth - tip.offsetWidth - 8)) + 'px';
    tip.style.top = (y + tip.offsetHeight > room.clientHeight ? event.clientY - tip.offsetHeight - 10 : y) + 'px';
  }

  hoverOver(node) {
    if (node === this.hovered) return;
    this.hovered = node;
    this.tip.hidden = node < 0;
    if (node >= 0) this.tip.replaceChildren(...explainFrame(this, node));
    this.canvas.style.cursor = node > 0 ? 'pointer' : 'default';
    this.draw();
  }

  amount(value) {
    const { scale, unit } = this.model.column;
    return this.options.perOp && !this.model.column.per_iteration ? perOperation(value * scale, unit) + '/op' : amount(value * scale, unit);
  }

  each(value) {
    const { iterations } = this.options;
    if (!iterations || this.model.column.per_iteration) return null;
    const { scale, unit } = this.model.column;
    return perOperation((value * scale) / iterations, unit) + '/op';
  }

  describe(node) {
    this.live.replaceChildren(...explainFrame(this, node));
  }

  select(node) {
    this.selected = node;
    this.describe(node);
    if (this.options.onSelect) this.options.onSelect(node > 0 ? this.source(node) : null);
    this.draw();
  }

  zoom(node) {
    const [tree, at] = this.part(node);
    this.zoomed = node;
    this.moveTo({ x: tree.x[at], width: tree.width[at] || 1 });
    this.sayCrumbs();
    if (this.options.onChange) this.options.onChange();
  }

  moveTo(to) {
    const from = this.view;
    const started = performance.now();
    this.frames = [];
    cancelAnimationFrame(this.animation);
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      this.view = to;
      this.draw();
      return;
    }
    const step = (now) => {
      const part = Math.min(1, Math.max(0, (now - started) / ZOOM_TIME));
      const eased = 1 - (1 - part) ** 3;
      this.moving = part < 1;
      this.view = part === 1 ? to : { x: from.x + (to.x - from.x) * eased, width: from.width + (to.width - from.width) * eased };
      this.frames.push(now);
      this.draw();
      if (part < 1) this.animation = requestAnimationFrame(step);
    };
    this.animation = requestAnimationFrame(step);
  }

  sayCrumbs() {
    this.crumbs.replaceChildren(...flameCrumbs(this));
  }

  reset() {
    this.zoom(0);
    this.select(0);
  }
}
