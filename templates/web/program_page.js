// The report of a whole program: what it cost, over time, and where.

const PROGRAM_CHIPS = [
  { id: 'all', title: 'All', of: (data) => data.mem, type: 'alloc_space' },
  { id: 'peak', title: 'Peak', of: (data) => data.mem, type: 'peak_space' },
  { id: 'temporary', title: 'Temporary', of: (data) => data.temporary, type: 'alloc_objects' },
  { id: 'leaked', title: 'Never freed', of: (data) => data.mem, type: 'inuse_space' },
  { id: 'cpu', title: 'CPU', of: (data) => data.cpu, type: 'cpu' },
];

function programFigures(program) {
  const { memory, exit } = program;
  const card = (title, value, note, dim) => el('div', { class: 'figure', title: note }, el('span', { class: 'label' }, title), el('b', {}, value), dim && el('span', { class: 'dim' }, dim));
  const about = memory.exact ? '' : 'about ';
  return el('div', { class: 'figures' },
    card('ended', exit === 'unknown' ? '?' : exit.code === undefined ? `signal ${exit.signal}` : `exit ${exit.code}`),
    card('wall time', amount(program.wall_ns / 1e9, 's')),
    card('CPU time', amount(program.cpu_ns / 1e9, 's'), 'of all threads'),
    card('peak', (memory.peak_exact ? '' : '~') + amount(memory.peak_bytes, 'B'), 'the most that was live at once', `at ${amount(memory.peak_at_ns / 1e9, 's')}`),
    card('allocated', about + amount(memory.bytes, 'B'), 'all that was asked for', `in ${grouped(memory.allocs)} allocations`),
    card('temporary', about + grouped(memory.temporary_allocs), 'freed by the thread that allocated, with no allocation between', percent(memory.temporary_allocs, memory.allocs)),
    card('never freed', about + amount(memory.live_bytes, 'B'), 'live when the process ended', `in ${grouped(memory.live_blocks)} block${memory.live_blocks === 1 ? '' : 's'}`));
}

// `pages`: addresses of the profiles' own pages, if there is a server.
function programView(program, data, pages = {}) {
  const { timeline } = data;
  const below = el('section', { class: 'content' });
  const chips = el('nav', { class: 'tabs', 'aria-label': 'What is shown' });
  const there = PROGRAM_CHIPS.filter(({ of, type }) => of(data) && (of(data).error || of(data).types.includes(type)));
  let plot = null;
  let graph = null;
  let inner = null;
  const range = () => {
    const [from, to] = viewState.get('br').split('-').map(Number);
    return to > from ? [from, to] : null;
  };
  const wanted = () => there.find(({ id }) => id === viewState.get('chip')) || there[0];

  function showChip() {
    graph = null;
    const chip = wanted();
    chips.replaceChildren(...there.map((one) => el('button', { type: 'button', 'data-chip': one.id, 'aria-current': one === chip ? 'page' : null, 'aria-pressed': String(one === chip), onclick: () => {
      viewState.set({ chip: one.id, t: one.type, br: null, z: null, p: null }, true);
      apply();
    } }, one.title)), ...Object.entries(pages).filter(([, url]) => url).map(([kind, url]) => el('a', { href: url, class: 'outside', id: 'pages-' + kind }, `${kind === 'cpu' ? 'CPU' : 'Memory'} in all views ↗`)));
    if (!chip) {
      below.replaceChildren(el('p', { class: 'empty' }, 'It was run without profiles.'));
      return;
    }
    if (!viewState.get('t')) viewState.set({ t: chip.type });
    inner = profileView(chip.of(data), chip.id === 'cpu' ? 'cpu' : 'mem', program);
    const leaks = chip.id === 'leaked' ? data.leaks ?? [] : [];
    const words = leaks.map(({ keeper, blocks, bytes }) => `${amount(bytes, 'B')} in ${grouped(blocks)} block${blocks === 1 ? '' : 's'} ${keeper}`);
    below.replaceChildren(...(words.length ? [el('p', { class: 'dim', id: 'leaks' }, words.join(' · '))] : []), inner);
  }

  // What was held at the highest moment of the chosen time.
  function showRange([from, to]) {
    const [first, last] = stepsWithin(timeline, [from, to]);
    let step = first;
    for (let one = first; one <= last; one++) if (timeline.live[one] > timeline.live[step]) step = one;
    const flame = heldFlame(timeline, step);
    if (!graph) {
      graph = new FlameGraph(new FlameModel(flame, 0), { iterations: null });
      graph.options.onMenu = (source, node, x, y) => frameMenu(graph, source, node, x, y);
      window.memprofFlame = graph;
      below.replaceChildren(el('div', { class: 'held' }), flameTools(graph), graph.element, el('div', { class: 'scroll' }));
      [...chips.querySelectorAll('[data-chip]')].forEach((one) => { one.removeAttribute('aria-current'); one.setAttribute('aria-pressed', 'false'); });
    } else {
      graph.model = new FlameModel(flame, 0);
      graph.widths.clear();
      graph.colors.clear();
      graph.show();
    }
    const change = timeline.live[last] - timeline.live[first];
    const cpu = timeline.threads.map((thread) => [thread.name, cpuBetween(thread, first, last)]).filter(([, ns]) => ns > 0).sort((a, b) => b[1] - a[1]);
    const [held, table] = [below.firstChild, below.lastChild];
    held.replaceChildren(el('p', {}, el('b', {}, `${amount(timeline.at[first] / 1e9, 's')} to ${amount(timeline.at[last] / 1e9, 's')}`), `: ${grouped(timeline.allocs[last] - timeline.allocs[first])} allocations, ${signed(change, amount(change, 'B'))} live`, cpu.length ? `, CPU ${cpu.slice(0, 4).map(([name, ns]) => `${clipped(name, 20)} ${amount(ns / 1e9, 's')}`).join(', ')}` : ''),
      el('p', { class: 'dim' }, `Held at its highest moment, ${amount(timeline.at[step] / 1e9, 's')}: ${amount(timeline.live[step], 'B')}, by the stacks that hold most.`));
    const rows = timeline.held[step].map(([site, bytes]) => ({ name: timeline.sites[site].length ? timeline.sources[timeline.sites[site][0]].unique : '?', bytes }));
    table.replaceChildren(el('table', { class: 'top', id: 'held' }, el('thead', {}, el('tr', {}, el('th', { class: 'number' }, 'Live'), el('th', { class: 'number' }, 'Share'), el('th', { class: 'name' }, 'Allocated by'))),
      el('tbody', {}, ...rows.map(({ name, bytes }) => el('tr', {}, el('td', { class: 'number' }, amount(bytes, 'B')), el('td', { class: 'number' }, percent(bytes, timeline.live[step])), el('td', { class: 'name' }, el('code', {}, clipped(name))))))));
  }

  function apply() {
    const chosen = timeline && !timeline.error && range();
    plot?.choose(chosen);
    if (chosen) showRange(chosen);
    else if (graph || !inner || viewState.get('chip')) showChip();
    else inner.apply?.();
  }
  if (timeline && !timeline.error && timeline.at.length > 1) {
    const remember = debounced(200, (chosen) => viewState.set({ br: chosen && chosen.map((time) => Math.round(time)).join('-') }));
    plot = timelinePlot(timeline, (chosen) => {
      remember(chosen);
      if (chosen) showRange(chosen);
      else showChip();
    });
  }
  showChip();
  const view = el('div', { class: 'program' }, programFigures(program), plot ? el('figure', { class: 'scroll' }, plot) : timeline?.error ? el('div', { class: 'notice bad' }, clipped(timeline.error, 2000)) : null, chips, below);
  if (range() && plot) apply();
  view.apply = apply;
  return view;
}
