// The texts of a flame graph.

// Name, place and numbers of a node, as lines.
function explainFrame(graph, node) {
  const { model } = graph;
  const [tree, at] = graph.part(node);
  const source = graph.source(node);
  const weight = tree.up[at] + tree.down[at];
  const self = tree.selfUp[at] + tree.selfDown[at];
  const lines = [el('strong', {}, clipped(node === 0 ? (graph.pivot ? 'matched' : 'everything') : source.name) + (source.inlined ? ' (inlined)' : ''))];
  if (source.file) lines.push(el('div', { class: 'dim' }, clipped(source.file)));
  const line = (label, value) => {
    const each = graph.each(value);
    return el('div', {}, label, el('b', {}, each || graph.amount(value)), ` · ${percent(value, model.whole)} of the total`, each && el('span', { class: 'dim' }, ` (${graph.amount(value)} in all)`));
  };
  if (model.isDifference) {
    const change = tree.up[at] - tree.down[at];
    const doubt = model.uncertainty(tree, at);
    lines.push(el('div', { class: change > 0 ? 'grows' : 'shrinks' }, signed(change, graph.amount(change)), doubt ? ` ±${graph.amount(doubt)}` : '', model.whole ? ` · ${percent(change, model.whole)} of the base` : '', model.isDoubtful(tree, at) ? ' (~)' : ''));
    if (tree.up[at] && tree.down[at]) lines.push(el('div', {}, `+${graph.amount(tree.up[at])} and −${graph.amount(tree.down[at])}`));
  } else {
    lines.push(line('', weight));
    if (self !== 0 && self !== weight) lines.push(line('itself ', self));
  }
  const counted = countedText(model, tree, at);
  if (counted) lines.push(el('div', { class: 'dim' }, counted));
  return lines;
}

// The number of samples behind a node, if it was sampled.
function countedText(model, tree, at) {
  if (!model.flame.counts) return null;
  const samples = (number) => `${count(number)} sample${number === 1 ? '' : 's'}`;
  if (model.isDifference) return `${samples(tree.fresh[at])} against ${count(tree.base[at])}` + (model.isDoubtful(tree, at) ? ': it may be chance' : '');
  return samples(tree.fresh[at]) + (model.isDoubtful(tree, at) ? ': too few to say much' : '');
}

// The current pivot and zoom, and notes on the parts that are not shown.
function flameCrumbs(graph) {
  const crumbs = [];
  if (graph.pivot) {
    crumbs.push(el('span', { class: 'chip' }, 'callers above, callees beneath ', el('code', {}, clipped(graph.pivot.text, 80)),
      el('button', { type: 'button', class: 'quiet', 'aria-label': 'Show everything', onclick: () => graph.setPivot(null) }, '×')));
  }
  if (graph.zoomed > 0) {
    const short = graph.source(graph.zoomed).display.at(-1);
    crumbs.push(el('button', { type: 'button', class: 'quiet', onclick: () => graph.reset() }, '⤺ whole graph'), el('span', { class: 'dim' }, ' zoomed to ' + clipped(short, 80)));
  }
  const { column, isDifference } = graph.model;
  if (isDifference && column.same) crumbs.push(el('span', { class: 'unchanged' }, `unchanged: ${graph.amount(column.same)}`));
  if (graph.model.flame.left_out) crumbs.push(el('span', { class: 'dim' }, `${count(graph.model.flame.left_out)} light stacks are summed up`));
  return crumbs;
}

// As much of a node's name as fits into `room` pixels.
function fittingLabel(graph, node, room) {
  if (node === 0 && graph.pivot) return 'matched: callers above, callees beneath';
  const { display } = graph.source(node);
  const sign = graph.model.isDifference && node !== 0 ? changeSign(graph, node) : '';
  const measure = (text) => {
    let wide = graph.widths.get(text);
    if (wide === undefined) {
      if (graph.widths.size > 20000) graph.widths.clear();
      wide = graph.paint.context.measureText(text).width;
      graph.widths.set(text, wide);
    }
    return wide;
  };
  // A letter is at least about three pixels wide.
  const fits = display.find((name) => name.length * 3 < room && measure(sign + name) <= room);
  if (fits !== undefined) return sign + fits;
  const last = sign + display[display.length - 1].slice(0, 300);
  const letters = Math.floor((room / (measure(last) || 1)) * last.length) - 1;
  return letters > 2 ? last.slice(0, letters) + '…' : '';
}

function changeSign(graph, node) {
  const [tree, at] = graph.part(node);
  const change = tree.up[at] - tree.down[at];
  return change > 0 ? '+ ' : change < 0 ? '− ' : '';
}
