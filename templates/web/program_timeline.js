// A program over time: live memory, allocations a second, and each thread's share of a processor. What is brushed
// decides what is shown beneath.

const MOST_LANES = 8;
const TIMELINE = { width: 1200, left: 110, right: 24, live: 150, rate: 56, lane: 22 };

function timelinePlot(timeline, onBrush) {
  const { at, live, allocs, wall } = timeline;
  const { width, left, right } = TIMELINE;
  const span = wall || at.at(-1) || 1;
  const x = (time) => left + (time / span) * (width - left - right);
  const parts = [];
  let top = 20;
  const band = (title, height, values, text, kind) => {
    const most = values.reduce((most, value) => Math.max(most, value), 0);
    const y = (value) => top + (1 - value / (most || 1)) * (height - 6);
    // As many points as there are pixels: the largest of those that fall together.
    const kept = [];
    for (let step = 0; step < at.length; step++) {
      const place = Math.round(x(at[step]));
      const last = kept.at(-1);
      if (last && last[0] === place) last[1] = Math.max(last[1], values[step]);
      else kept.push([place, values[step]]);
    }
    const points = kept.flatMap(([place, value], number) => (number ? [`${place},${y(kept[number - 1][1]).toFixed(1)}`, `${place},${y(value).toFixed(1)}`] : [`${place},${y(value).toFixed(1)}`]));
    const base = y(0).toFixed(1);
    parts.push(svg('line', { x1: left, x2: width - right, y1: base, y2: base, class: 'grid' }), ...(kind === 'cpu' ? [svg('text', { x: left - 6, y: top + 14, 'text-anchor': 'end' }, `${title} ${text(most)}`)] : [svg('text', { x: left - 6, y: top + 10, 'text-anchor': 'end' }, text(most)), svg('text', { x: left - 6, y: top + 26, 'text-anchor': 'end' }, title)]));
    if (points.length) parts.push(svg('path', { class: kind, d: `M${kept[0][0]},${base}L${points.join('L')}L${kept.at(-1)[0]},${base}Z` }));
    const peak = values.indexOf(most);
    if (kind === 'area' && most) parts.push(svg('line', { x1: x(at[peak]), x2: x(at[peak]), y1: top - 4, y2: base, class: 'median' }), svg('text', { x: Math.min(Math.max(x(at[peak]), left + 60), width - right - 60), y: top - 6, 'text-anchor': 'middle', class: 'peak' }, `peak ${text(most)}`));
    top += height;
  };
  const rates = at.map((time, step) => (step && time > at[step - 1] ? (allocs[step] - allocs[step - 1]) / ((time - at[step - 1]) / 1e9) : 0));
  band('live', TIMELINE.live, live, (value) => amount(value, 'B'), 'area');
  top += 6;
  band('allocs/s', TIMELINE.rate, rates, (value) => compactNumber(Math.round(value)), 'rate');
  const lanes = timeline.threads.map((thread) => ({ thread, share: at.map((time, step) => (step && thread.cpu[step] !== null && thread.cpu[step - 1] !== null && time > at[step - 1] ? Math.max(0, thread.cpu[step] - thread.cpu[step - 1]) / (time - at[step - 1]) : 0)) }));
  const busy = lanes.map((lane) => ({ ...lane, sum: cpuBetween(lane.thread, 0, at.length - 1) })).sort((a, b) => b.sum - a.sum);
  for (const { thread, share } of busy.slice(0, MOST_LANES)) band(clipped(thread.name || String(thread.id), 10), TIMELINE.lane, share, (value) => percent(Math.min(value, 1), 1), 'cpu');
  if (busy.length > MOST_LANES) parts.push(svg('text', { x: left, y: top + 12 }, `and ${busy.length - MOST_LANES} more threads`));
  const height = top + 26;
  for (const tick of ticks(0, span / 1e9, 8)) parts.push(svg('text', { x: x(tick * 1e9), y: height - 6, 'text-anchor': 'middle' }, amount(tick, 's')));
  const brush = svg('rect', { class: 'brush', y: 14, height: height - 36, width: 0, x: left });
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'plot timeline', role: 'application', tabindex: '0', 'aria-label': `${amount(span / 1e9, 's')} of the program: live memory up to ${amount(Math.max(0, ...live), 'B')}, allocations a second, CPU time of ${timeline.threads.length} threads. Drag, or use the arrow keys, to choose a part; with Shift its end; Escape chooses all.` }, ...parts, brush);
  let chosen = null;
  const draw = () => {
    brush.setAttribute('x', chosen ? x(chosen[0]) : left);
    brush.setAttribute('width', chosen ? Math.max(1, x(chosen[1]) - x(chosen[0])) : 0);
  };
  let waiting = false;
  // A pointer may move more often than the screen is drawn.
  const choose = (range) => {
    chosen = range && [Math.max(0, Math.min(...range)), Math.min(span, Math.max(...range))];
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
      onBrush(chosen);
    });
  };
  const timeAt = (event) => {
    const box = picture.getBoundingClientRect();
    return (((event.clientX - box.left) / box.width) * width - left) / (width - left - right) * span;
  };
  let from = null;
  picture.addEventListener('pointerdown', (event) => {
    from = timeAt(event);
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener('pointermove', (event) => { if (from !== null && Math.abs(timeAt(event) - from) > span / 400) choose([from, timeAt(event)]); });
  picture.addEventListener('pointerup', (event) => {
    // A click chooses all.
    if (from !== null && Math.abs(timeAt(event) - from) <= span / 400) choose(null);
    from = null;
  });
  picture.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === 'Escape') choose(null);
    else if (by) {
      const [start, end] = chosen || [0, span / 20];
      const step = (by * span) / 40;
      choose(event.shiftKey ? [start, Math.max(start + span / 200, end + step)] : chosen ? [start + step, end + step] : [start, end]);
    } else return;
    event.preventDefault();
  });
  picture.choose = (range) => { chosen = range; draw(); };
  return picture;
}

function cpuBetween(thread, first, last) {
  const known = thread.cpu.slice(first, last + 1).filter((value) => value !== null);
  return known.length ? known.at(-1) - (first === 0 ? 0 : known[0]) : 0;
}

// The steps within a range of time, by their first and last number.
function stepsWithin({ at }, [from, to]) {
  let first = at.findIndex((time) => time >= from);
  if (first < 0) first = at.length - 1;
  let last = at.findLastIndex((time) => time <= to);
  return [Math.min(first, Math.max(last, 0)), Math.max(last, first)];
}

// The stacks that held most at one step, as a flame graph's data; the rest of the live bytes is one box.
function heldFlame(timeline, step) {
  const root = { name: 'root', file: '', unique: '', inlined: false, display: ['root'], origin: null };
  const rest = { name: '(smaller ones)', file: '', unique: '(smaller ones)', inlined: false, display: ['(smaller ones)'], origin: null };
  const flame = { sources: [root, ...timeline.sources, rest], parents: [0], frames: [0], counts: null, left_out: 0 };
  const up = [0];
  const children = [new Map()];
  const below = (node, frame) => {
    if (!children[node].has(frame)) {
      children[node].set(frame, flame.parents.length);
      flame.parents.push(node);
      flame.frames.push(frame);
      up.push(0);
      children.push(new Map());
    }
    return children[node].get(frame);
  };
  let sum = 0;
  for (const [site, bytes] of timeline.held[step]) {
    const end = timeline.sites[site].reduceRight((node, frame) => below(node, frame + 1), 0);
    up[end] += bytes;
    sum += bytes;
  }
  const total = Math.max(timeline.live[step], sum);
  if (total > sum) up[below(0, flame.sources.length - 1)] += total - sum;
  flame.columns = [{ kind: 'live', unit: 'B', scale: 1, per_iteration: true, total, up, down: [], zeros: [], same: 0 }];
  return flame;
}
