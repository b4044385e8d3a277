// What a flame graph says in words.

// Name, place and numbers of a node, as lines.
function explainFrame(graph, node) {
  const [tree, at] = graph.part(node);
  const source = graph.source(node);
  const { total } = graph.model.column;
  const weight = tree.up[at] + tree.down[at];
  const self = tree.selfUp[at] + tree.selfDown[at];
  const lines = [el('strong', {}, clipped(node === 0 ? (graph.pivot ? 'matched' : 'everything') : source.name) + (source.inlined ? ' (inlined)' : ''))];
  if (source.file) lines.push(el('div', { class: 'dim' }, clipped(source.file)));
  const line = (label, value, all) => {
    const each = graph.each(value);
    return el('div', {}, label, el('b', {}, each || graph.amount(value)), ` · ${percent(value, total)} of the total`, each && el('span', { class: 'dim' }, ` (${graph.amount(value)} in all)`), all);
  };
  if (graph.model.isDifference) {
    const change = tree.up[at] - tree.down[at];
    lines.push(el('div', { class: change > 0 ? 'grows' : 'shrinks' }, signed(change, graph.amount(change)), ' · ' + percent(change, total)));
    if (tree.up[at] && tree.down[at]) lines.push(el('div', {}, `+${graph.amount(tree.up[at])} and −${graph.amount(tree.down[at])}`));
  } else {
    lines.push(line('', weight));
    if (self !== 0 && self !== weight) lines.push(line('itself ', self));
  }
  return lines;
}

// Where one is: turned to a frame, zoomed in; and what is not shown.
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
  if (graph.model.flame.left_out) crumbs.push(el('span', { class: 'dim' }, `${count(graph.model.flame.left_out)} light stacks are summed up`));
  return crumbs;
}
