// The blocks of a benchmark: live memory within one operation, and histograms of sizes and lives, whose bars choose
// what the flame graph beneath shows.

const MOST_KINDS = 6;

function powerRange(power, unit) {
  const [low, high] = [2 ** power, 2 ** (power + 1) - 1];
  return low === high ? `${grouped(low)}${unit}` : `${grouped(low)}–${grouped(high)}${unit}`;
}

// Memory over the events of the first operation that was followed; the peak is marked.
function blockCurve(blocks) {
  const { curve, events } = blocks;
  if (curve.length < 2) return null;
  const [width, height, left, right, top, bottom] = [900, 170, 100, 16, 26, 26];
  const most = Math.max(...curve);
  const peak = curve.indexOf(most);
  const x = (at) => left + (at / curve.length) * (width - left - right);
  const y = (value) => top + (1 - value / (most || 1)) * (height - top - bottom);
  const steps = curve.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}L${x(at + 1).toFixed(1)},${y(value).toFixed(1)}`);
  const grid = ticks(0, most || 1, 3).flatMap((tick) => [svg('line', { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: 'grid' }), svg('text', { x: left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, perOperation(tick, 'B'))]);
  const middle = x(peak + 0.5);
  const at = Math.round(((peak + 0.5) / curve.length) * events);
  return el('figure', {}, svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'plot curve', role: 'img', 'aria-label': `Live memory over ${grouped(events)} events of one operation, at most ${perOperation(most, 'B')}` }, ...grid,
    svg('path', { class: 'area', d: `M${x(0)},${y(0)}L${steps.join('L')}L${x(curve.length)},${y(0)}Z` }),
    svg('line', { x1: middle, x2: middle, y1: top, y2: height - bottom, class: 'median' }),
    svg('text', { x: Math.min(Math.max(middle, left + 80), width - right - 80), y: 20, 'text-anchor': 'middle', class: 'peak' }, `peak ${perOperation(most, 'B')}, event ${grouped(Math.max(at, 1))}`),
    svg('text', { x: (left + width - right) / 2, y: height - 8, 'text-anchor': 'middle' }, `${grouped(events)} allocations, growths and frees of one operation`)));
}

// Bars that can be chosen, each with its parts: `bars` are { id, label, parts, title }; `chosen` holds ids.
function blockBars(name, bars, chosen, choose) {
  const most = Math.max(...bars.map(({ parts }) => parts.reduce((sum, part) => sum + part, 0))) || 1;
  return el('div', { class: 'bars', role: 'group', 'aria-label': name }, ...bars.map(({ id, label, parts, title }) => el('button', { type: 'button', class: 'bar-row', 'data-id': id, 'aria-pressed': String(chosen.has(id)), title, onclick: () => choose(id) },
    el('span', { class: 'bar-label' }, label), el('span', { class: 'bar-parts' }, ...parts.map((part, at) => (part ? el('i', { class: 'part kind-' + Math.min(at, MOST_KINDS - 1), style: { '--share': (part / most).toFixed(4) } }) : null))),
    el('span', { class: 'number' }, title.split(':').at(-1).trim()))));
}

function blocksView(blocks) {
  const { flame, followed, kinds } = blocks;
  const [sizes, lives] = [blocks.sizes, blocks.lives];
  let measure = 'calls';
  let chosen = new Set();
  const classes = { calls: sizes, bytes: sizes, lives };
  const first = { calls: 0, bytes: sizes.length, lives: 2 * sizes.length };
  // The column that is shown is a sum of chosen ones.
  flame.columns.push({ kind: 'chosen', unit: '', scale: 1, per_iteration: false, total: 0, up: [], down: [], zeros: [], same: 0 });
  const sum = flame.columns.length - 1;
  const model = new FlameModel(flame, 0);
  const graph = new FlameGraph(model, { iterations: followed });
  graph.options.onMenu = (source, node, x, y) => frameMenu(graph, source, node, x, y);
  window.memprofFlame = graph;
  const pictures = el('div', { class: 'histograms' });
  const whole = el('span', { class: 'whole' });

  // Ids are `s3` for a size, `l3` for a life, with `r` for the rest.
  const idOf = (prefix, one) => prefix + (one.class === null ? 'r' : one.class);
  const isOf = (prefix) => [...chosen].some((id) => id.startsWith(prefix));
  const choose = (id) => {
    const next = new Set([...chosen].filter((one) => one[0] === id[0]));
    chosen.has(id) ? next.delete(id) : next.add(id);
    chosen = next;
    viewState.set({ b: [...chosen].join(','), z: null, p: null });
    show();
  };
  const units = el('nav', { class: 'segmented', 'aria-label': 'Measure of the sizes' });

  function show() {
    const ofLives = isOf('l');
    const group = ofLives ? 'lives' : measure;
    const all = classes[group].map((one, at) => ({ at: first[group] + at, id: idOf(ofLives ? 'l' : 's', one) })).filter(({ id }) => !chosen.size || chosen.has(id));
    const up = flame.parents.map(() => 0);
    for (const { at } of all) flame.columns[at].up.forEach((value, node) => { up[node] += value; });
    const { unit, scale } = flame.columns[all.length ? all[0].at : 0];
    const total = up.reduce((sum, value) => sum + value, 0);
    Object.assign(flame.columns[sum], { up, unit, scale, total });
    graph.options.iterations = ofLives ? null : followed;
    graph.setColumn(sum);
    graph.setHarness(false);
    whole.replaceChildren(el('b', {}, ofLives ? `${grouped(total)} block${total === 1 ? '' : 's'}` : `${perOperation((total * scale) / followed, unit)}${measure === 'calls' ? ' calls' : ''}/op`),
      el('span', { class: 'dim' }, ofLives ? ' of one operation' : ` over ${grouped(followed)} operations`, chosen.size ? ', chosen' : ''));
    const each = (value) => (measure === 'bytes' ? perOperation(value / followed, 'B') : count(value / followed));
    const sizeBars = sizes.map((one) => ({ id: idOf('s', one), label: one.class === null ? 'others' : powerRange(one.class, ' B'), parts: one[measure],
      title: `${kinds.map((kind, at) => one[measure][at] && `${kind} ${each(one[measure][at])}`).filter(Boolean).join(', ')}: ${each(one[measure].reduce((sum, part) => sum + part, 0))}` }));
    const lifeBars = lives.map((one) => ({ id: idOf('l', one), label: one.class === null ? 'outlives it' : powerRange(one.class, ''), parts: [one.blocks], title: `blocks: ${grouped(one.blocks)}` }));
    units.replaceChildren(...['calls', 'bytes'].map((one) => el('button', { type: 'button', 'aria-pressed': String(one === measure), onclick: () => { measure = one; show(); } }, one === 'calls' ? 'Calls' : 'Bytes')));
    const focused = document.activeElement?.dataset?.id;
    pictures.replaceChildren(
      el('section', {}, el('div', { class: 'line' }, el('h3', {}, `Sizes, ${measure === 'calls' ? 'calls' : 'bytes'}/op`), units),
        el('p', { class: 'keys' }, ...kinds.slice(0, MOST_KINDS).map((kind, at) => el('span', { class: 'key' }, el('i', { class: 'swatch kind-' + at }), at === MOST_KINDS - 1 && kinds.length > MOST_KINDS ? 'others' : clipped(kind, 60)))),
        blockBars('Sizes of blocks', sizeBars, chosen, choose)),
      el('section', {}, el('h3', {}, 'Lives, in events until the free'), blocks.all_lives ? null : el('p', { class: 'dim' }, 'There were more blocks than could be followed.'),
        lives.length ? blockBars('Lives of blocks', lifeBars, chosen, choose) : el('p', { class: 'empty' }, 'Not known.')));
    if (focused) pictures.querySelector(`[data-id="${focused}"]`)?.focus();
  }

  const read = () => new Set(viewState.get('b').split(',').filter((id) => [...sizes.map((one) => idOf('s', one)), ...lives.map((one) => idOf('l', one))].includes(id)));
  chosen = read();
  show();
  const clear = el('button', { type: 'button', class: 'quiet', id: 'all-blocks', onclick: () => { chosen = new Set(); viewState.set({ b: null }); show(); } }, 'All blocks');
  const view = el('div', { class: 'profile blocks' }, blockCurve(blocks), pictures, el('div', { class: 'line' }, whole, clear), flameTools(graph), graph.element);
  const applyFlame = rememberFlame(graph);
  view.apply = () => {
    const wanted = read();
    if ([...wanted].join() !== [...chosen].join()) {
      chosen = wanted;
      show();
    }
    applyFlame();
  };
  return view;
}
