// Keyboard navigation in a flame graph, and the tools above it.

function flameKey(graph, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const [tree, at, direction] = graph.part(graph.selected);
  const offset = direction > 0 ? 0 : graph.tree.frame.length;
  const siblings = tree.children[tree.parent[at]];
  const beside = (step) => (at === 0 ? 0 : siblings[siblings.indexOf(at) + step] ?? at) + offset;
  const [inward, outward] = direction > 0 ? ['ArrowUp', 'ArrowDown'] : ['ArrowDown', 'ArrowUp'];
  // The matching frames are in both trees but drawn once: callers begin right above them.
  const nearest = graph.callers && graph.callers.children[0].flatMap((twin) => graph.callers.children[twin])[0];
  const parent = () => {
    if (direction > 0 && at === 0 && nearest !== undefined && nearest !== null) return nearest + graph.tree.frame.length;
    return direction < 0 && tree.depth[at] <= 2 ? 0 : tree.parent[at] + offset;
  };
  const moves = {
    [inward]: parent,
    [outward]: () => (tree.children[at][0] ?? at) + offset,
    ArrowLeft: () => beside(-1),
    ArrowRight: () => beside(1),
    Home: () => 0,
  };
  const letter = event.key.toLowerCase();
  if (moves[event.key]) {
    graph.select(moves[event.key]());
    reveal(graph, graph.selected);
  } else if (event.key === 'Enter') graph.zoom(graph.selected);
  else if (event.key === 'Escape') graph.pivot ? graph.setPivot(null) : graph.reset();
  else if (event.key === 'Backspace') {
    const [zoomedTree, zoomedAt] = graph.part(graph.zoomed);
    graph.zoom(zoomedTree === graph.tree ? zoomedTree.parent[zoomedAt] : 0);
  } else if (letter === 'i') graph.setInverted(!graph.isInverted);
  else if (letter === 'p' && graph.selected > 0) graph.setPivot(quoted(graph.source(graph.selected).unique));
  else if (letter === 'm' || event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) openFrameMenu(graph);
  else return;
  event.preventDefault();
}

// Scrolls to a frame that the user reached by keys.
function reveal(graph, node) {
  const [tree, at] = graph.part(node);
  const { x, width } = graph.view;
  if (tree.x[at] >= x + width || tree.x[at] + tree.width[at] <= x) graph.zoom(0);
  const top = graph.row(node) * ROW;
  const { holder } = graph;
  if (holder.classList.contains('scrolls')) {
    if (top < holder.scrollTop) holder.scrollTop = top;
    else if (top + ROW > holder.scrollTop + holder.clientHeight) holder.scrollTop = top + ROW - holder.clientHeight;
  }
  const y = holder.getBoundingClientRect().top + top - holder.scrollTop;
  // The page's own head covers the top.
  const [least, most] = [140, document.documentElement.clientHeight - 2 * ROW];
  if (y < least || y > most) window.scrollBy(0, y < least ? y - least : y - most);
}

// The legend of the colours.
function legendKeys({ isDifference, flame }) {
  const all = isDifference
    ? [['grows', 'more than before'], ['shrinks', 'less'], ['pale', 'may be chance']]
    : [['own', 'your code'], ['dependency', 'dependencies and C'], ['std', 'standard library'], ['pale', `fewer than ${FEW_SAMPLES} samples`]];
  const legend = all.filter(([name]) => name !== 'pale' || flame.counts);
  return el('span', { class: 'keys' }, ...legend.map(([name, text]) => el('span', { class: 'key' }, el('i', { class: 'swatch ' + name }), text)));
}

// Invert, search and legend above a flame graph.
function flameTools(graph, extra = []) {
  const invert = el('button', { type: 'button', class: 'toggle', 'aria-pressed': 'false', id: 'invert', title: 'Where samples end on top (I)' }, 'Inverted');
  invert.addEventListener('click', () => graph.setInverted(!graph.isInverted));
  graph.options.onShow = () => invert.setAttribute('aria-pressed', String(graph.isInverted));
  const harness = el('button', { type: 'button', class: 'toggle', 'aria-pressed': String(graph.model.skipped === 0), id: 'harness', title: 'The frames that every stack begins with, down to the benchmark\u2019s own' }, 'Harness');
  harness.addEventListener('click', () => {
    const shown = harness.getAttribute('aria-pressed') !== 'true';
    graph.setHarness(shown);
    harness.setAttribute('aria-pressed', String(shown));
    if (graph.options.onHarness) graph.options.onHarness();
  });
  return el('div', { class: 'tools' }, ...extra, invert, harness, legendKeys(graph.model));
}
