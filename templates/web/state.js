// What a page shows of its data stands in its address, so that it survives a reload and the way back: in the query of a page
// of pprof's, in the report behind a `?` in the hash.

const viewState = {
  // Parameters that are of the view alone, and not of what is asked of the server.
  OWN: ['p', 'z', 'q', 'inv', 'order', 't', 'vs'],
  inHash: false,

  params() {
    return new URLSearchParams(viewState.inHash ? location.hash.split('?')[1] || '' : location.search);
  },

  get(name) {
    return viewState.params().get(name) || '';
  },

  // `isStep`: one goes back to what was before.
  set(changes, isStep) {
    const params = viewState.params();
    const before = params.toString();
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === undefined || value === '' || value === false) params.delete(name);
      else params.set(name, value);
    }
    const text = params.toString();
    if (text === before) return;
    const url = new URL(location.href);
    if (viewState.inHash) url.hash = location.hash.split('?')[0].slice(1) + (text && '?' + text);
    else url.search = text;
    history[isStep ? 'pushState' : 'replaceState'](null, '', url);
  },
};

// The way to a node of a flame graph: at each branch which child it is, from the heaviest; `^` stands for callers.
function flamePath(graph, node) {
  let [tree, at, direction] = graph.part(node);
  const steps = [];
  for (; at !== 0; at = tree.parent[at]) steps.push(tree.children[tree.parent[at]].indexOf(at));
  return steps.length ? (direction < 0 ? '^' : '') + steps.reverse().join('.') : '';
}

function flameNode(graph, path) {
  const isCaller = path.startsWith('^');
  const tree = isCaller ? graph.callers : graph.tree;
  if (!tree || path === '') return 0;
  let node = 0;
  for (const step of path.replace('^', '').split('.')) {
    const next = tree.children[node][Number(step)];
    if (next === undefined) break;
    node = next;
  }
  return node && isCaller ? node + graph.tree.frame.length : node;
}

// Shows what the address says, and keeps it there. Returns what applies a changed address.
function rememberFlame(graph) {
  let isApplying = false;
  const apply = () => {
    isApplying = true;
    const [pivot, inverted, zoom] = ['p', 'inv', 'z'].map(viewState.get);
    if ((graph.pivot ? graph.pivot.text : '') !== pivot) graph.setPivot(pivot || null);
    if (!pivot && graph.isInverted !== (inverted === '1')) graph.setInverted(inverted === '1');
    const node = flameNode(graph, zoom);
    if (node !== graph.zoomed) graph.zoom(node);
    isApplying = false;
  };
  apply();
  graph.options.onChange = () => {
    if (isApplying) return;
    viewState.set({ p: graph.pivot && graph.pivot.text, inv: graph.isInverted && '1', z: flamePath(graph, graph.zoomed) }, true);
  };
  return apply;
}
