// How one moves in a flame graph by keys, and what stands above it.

function flameKey(graph, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const [tree, at, direction] = graph.part(graph.selected);
  const offset = direction > 0 ? 0 : graph.tree.frame.length;
  const siblings = tree.children[tree.parent[at]];
  const beside = (step) => (at === 0 ? 0 : siblings[siblings.indexOf(at) + step] ?? at);
  const [inward, outward] = direction > 0 ? ['ArrowUp', 'ArrowDown'] : ['ArrowDown', 'ArrowUp'];
  const moves = {
    [inward]: () => tree.parent[at],
    [outward]: () => tree.children[at][0] ?? at,
    ArrowLeft: () => beside(-1),
    ArrowRight: () => beside(1),
    Home: () => 0,
  };
  if (moves[event.key]) graph.select(moves[event.key]() + offset);
  else if (event.key === 'Enter') graph.zoom(graph.selected);
  else if (event.key === 'Escape') graph.pivot ? graph.setPivot(null) : graph.reset();
  else if (event.key === 'Backspace') {
    const [zoomedTree, zoomedAt] = graph.part(graph.zoomed);
    graph.zoom(zoomedTree === graph.tree ? zoomedTree.parent[zoomedAt] : 0);
  } else if (event.key === 'i') graph.options.onInvert ? graph.options.onInvert() : graph.setInverted(!graph.isInverted);
  else if (event.key === 'p' && graph.selected > 0) graph.setPivot(quoted(graph.source(graph.selected).unique));
  else return;
  event.preventDefault();
}

// Invert, search and legend above a flame graph.
function flameTools(graph, extra = []) {
  const invert = el('button', { type: 'button', class: 'toggle', 'aria-pressed': 'false', id: 'invert', title: 'Where samples end on top (I)' }, 'Inverted');
  const flip = () => {
    graph.setInverted(!graph.isInverted);
    invert.setAttribute('aria-pressed', String(graph.isInverted));
  };
  invert.addEventListener('click', flip);
  graph.options.onInvert = flip;
  const harness = el('button', { type: 'button', class: 'toggle', 'aria-pressed': String(graph.model.skipped === 0), id: 'harness', title: 'The frames that every stack begins with' }, 'Harness');
  harness.addEventListener('click', () => {
    const shown = harness.getAttribute('aria-pressed') !== 'true';
    graph.setHarness(shown);
    harness.setAttribute('aria-pressed', String(shown));
  });
  const legend = graph.model.isDifference
    ? [['grows', 'more than before'], ['shrinks', 'less']]
    : [['own', 'your code'], ['dependency', 'dependencies'], ['std', 'standard library']];
  const keys = legend.map(([name, text]) => el('span', { class: 'key' }, el('i', { class: 'swatch ' + name }), text));
  return el('div', { class: 'tools' }, ...extra, invert, harness, el('span', { class: 'keys' }, ...keys));
}
