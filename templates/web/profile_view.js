// A profile in the report: its flame graph, functions and source lines, by sample type.

const TYPE_NAMES = {
  alloc_space: 'Bytes allocated', alloc_objects: 'Allocations', inuse_space: 'Bytes still live', inuse_objects: 'Blocks still live',
  peak_space: 'Bytes at the peak', peak_objects: 'Blocks at the peak', cpu: 'CPU time', samples: 'CPU samples',
};

function profileView(profile, kind, row, isDifference) {
  if (profile.error) return el('div', { class: 'notice bad' }, clipped(profile.error, 2000));
  const columns = profile.flame.columns;
  const isEmpty = (column) => column.total === 0 && !column.up.some(Boolean) && !column.down.some(Boolean);
  const shown = profile.types.map((type, at) => ({ type, at })).filter(({ at }) => !isEmpty(columns[at]));
  if (!shown.length) return el('p', { class: 'empty' }, kind === 'cpu' ? 'No CPU sample fell into this benchmark; it may have run too briefly.' : isDifference ? 'There is no difference.' : 'Nothing was allocated.');
  const wanted = () => shown.find((one) => one.type === viewState.get('t')) || shown.find((one) => one.type === profile.default) || shown[0];
  let { at } = wanted();
  const model = new FlameModel(profile.flame, at, isDifference);
  const graph = new FlameGraph(model, { iterations: profile.iterations, perOp: profile.per_op });
  graph.options.onMenu = (source, node, x, y) => frameMenu(graph, source, node, x, y);
  graph.setHarness(false);
  window.memprofFlame = graph;
  const types = el('nav', { class: 'segmented', 'aria-label': 'Sample type' });
  const whole = el('span', { class: 'whole' });
  const below = el('div', {});
  const found = el('output', { class: 'found' });
  const search = el('input', { type: 'search', class: 'flame-search', placeholder: 'Search', 'aria-label': 'Search in the flame graph', spellcheck: 'false', autocomplete: 'off' });
  const look = () => {
    search.classList.toggle('wrong', searchTest(search.value) === null);
    const result = graph.setSearch(search.value);
    found.textContent = result ? `${percent(result.share, 1)} matched` : '';
  };
  search.addEventListener('input', debounced(80, () => {
    viewState.set({ q: search.value });
    look();
  }));
  const fillIn = () => {
    types.replaceChildren(...shown.map((one) => el('button', { type: 'button', 'data-type': one.type, 'aria-pressed': String(one.at === at), onclick: () => choose(one) }, own(TYPE_NAMES, one.type) || clipped(one.type, 60))));
    whole.replaceChildren(...headline(model, profile, graph));
    // As above: hide the common beginning of all stacks, which has no cost of its own, together with the harness.
    const hidden = new Set(graph.hidesHarness ? model.skippedFrames.map((frame) => profile.flame.sources[frame].name) : []);
    const all = profile.tops[at] || functionTable(profile.flame, at, isDifference);
    const top = all && { ...all, rows: all.rows.filter((row) => (row.flat !== 0 || !hidden.has(row.name)) && (!isDifference || row.flat !== 0 || row.cum !== 0)) };
    const listing = profile.listings[at];
    const { scale, unit, per_iteration: once } = model.column;
    const numbers = { iterations: once ? null : profile.iterations, perOp: profile.per_op && !once, scale, unit, isDifference, whole: model.whole };
    below.replaceChildren(
      el('section', {}, el('h3', {}, 'Functions'), top ? el('div', { class: 'scroll' }, topTable(top, numbers)) : ''),
      el('section', {}, el('h3', {}, 'Source lines'), listing ? sourceListing(columnListing(listing, model.whole), numbers) : el('p', { class: 'empty' }, 'No source lines.')));
    look();
  };
  const show = (one) => {
    at = one.at;
    graph.setColumn(at);
    fillIn();
  };
  const choose = (one) => {
    viewState.set({ t: one.type, z: null }, true);
    show(one);
  };
  fillIn();
  const applyFlame = rememberFlame(graph);
  const apply = () => {
    if (wanted().at !== at) show(wanted());
    search.value = viewState.get('q');
    look();
    applyFlame();
  };
  apply();
  graph.options.onHarness = fillIn;
  const hint = el('p', { class: 'dim hint-line' }, 'Click zooms, right click or M opens a frame’s menu, P shows callers and callees, I turns it over, / searches, arrow keys go from frame to frame.');
  const view = el('div', { class: 'profile' }, el('div', { class: 'line' }, types, whole, el('span', { class: 'grow' }), el('span', { class: 'search' }, search, found)), flameTools(graph), graph.element, hint, below);
  view.apply = apply;
  return view;
}

// The profile's total; for a difference, the base, the new total, and the change.
function headline(model, profile, graph) {
  const { scale, unit, total, base, per_iteration: once, up, down } = model.column;
  const sum = up.reduce((all, value) => all + value, 0) - down.reduce((all, value) => all + value, 0);
  const iterations = once ? null : profile.iterations;
  const per = iterations || (profile.per_op && !once) ? '/op' : '';
  const text = (value) => (per || once ? perOperation((value * scale) / (iterations || 1), unit) + per : amount(value * scale, unit));
  const note = once ? el('span', { class: 'dim' }, ' · of one iteration') : '';
  if (!model.isDifference) {
    return [el('b', {}, text(sum)), iterations ? el('span', { class: 'dim' }, ` · ${amount(total * scale, unit)} over ${grouped(iterations)} iterations`) : note];
  }
  const root = graph.model.normal();
  const doubt = model.uncertainty(root, 0);
  const change = [signed(sum, text(sum)), doubt ? ` ±${text(doubt)}` : '', model.isDoubtful(root, 0) ? ' (~)' : ''].join('');
  const kind = sum === 0 || model.isDoubtful(root, 0) ? 'dim' : sum > 0 ? 'grows' : 'shrinks';
  const known = base !== null && base !== undefined;
  return [el('span', { class: kind }, change), known && base ? el('span', { class: 'dim' }, ` · ${timesOrPercent(base, base + sum)}`) : '',
    known ? el('span', { class: 'dim' }, ` · ${text(base)} before, ${text(base + sum)} now`) : '', note];
}

// The differences of this benchmark from others, per operation.
function differenceView(differences, row) {
  const content = el('div', {});
  const choices = differences.flatMap((one) => [['mem', 'Memory'], ['cpu', 'CPU']].filter(([kind]) => one[kind]).map(([kind, title]) => ({ id: kind + ' ' + one.label, label: one.label, kind, title, profile: one[kind] })));
  const types = el('nav', { class: 'segmented', 'aria-label': 'Compared with' });
  let shown = null;
  let view = null;
  const wanted = () => choices.find((one) => one.id === viewState.get('vs')) || choices[0];
  const show = (choice) => {
    shown = choice;
    types.replaceChildren(...choices.map((one) => el('button', { type: 'button', 'aria-pressed': String(one === choice), onclick: () => choose(one) }, `${one.title} vs ${clipped(one.label, 80)}`)));
    view = profileView(choice.profile, choice.kind, row, true);
    content.replaceChildren(el('p', { class: 'dim' }, 'What ', el('b', {}, clipped(row.short)), ' has more (red) and less (blue) than ', el('b', {}, clipped(choice.label)), ', per operation. A box is as wide as what changed; what is as it was is summed up in grey.'), view);
  };
  const choose = (choice) => {
    viewState.set({ vs: choice.id, z: null, p: null, t: null }, true);
    show(choice);
  };
  show(wanted());
  const whole = el('div', {}, el('div', { class: 'line' }, types), content);
  whole.apply = () => (wanted() === shown ? view.apply?.() : show(wanted()));
  return whole;
}
