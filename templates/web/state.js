// The address holds the page's view state, so that it survives a reload and the back button: in the query on pprof's
// pages, after a `?` in the hash in the report.

const viewState = {
  // Parameters of the view alone, which do not affect requests to the server.
  OWN: ['p', 'z', 'q', 'inv', 'order', 'fold', 'b', 'br', 'chip', 't', 'vs'],
  inHash: false,

  params() {
    return new URLSearchParams(viewState.inHash ? location.hash.split('?')[1] || '' : location.search);
  },

  get(name) {
    return viewState.params().get(name) || '';
  },

  // `isStep`: the back button returns to the previous state.
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

// The path to a node of a flame graph: at each branch the child's rank, from the heaviest; `^` stands for callers.
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

// Shows the state in the address, and keeps it up to date there. Returns the function that applies a changed address.
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
