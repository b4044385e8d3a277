// The report of a run: its first view, and each benchmark with its profiles. The same in one file and on the server.

// The views of one benchmark, in this order. To add a view, add an entry: `title`; `has(row, data)`, whether there is
// anything to show; `show(row, data)`, an element, whose `apply` shows the state in a changed address. `data` is the
// output of the tool's `pages::details`.
const VIEWS = [
  { id: 'memory', title: 'Memory', has: (row, data) => data.mem, show: (row, data) => profileView(data.mem, 'mem', row) },
  { id: 'cpu', title: 'CPU', has: (row, data) => data.cpu, show: (row, data) => profileView(data.cpu, 'cpu', row) },
  { id: 'why', title: 'Why', has: (row, data) => data.why, show: (row, data) => whyView(data.why) },
  { id: 'blocks', title: 'Blocks', has: (row, data) => data.blocks, show: (row, data) => blocksView(data.blocks) },
  { id: 'difference', title: 'Difference', has: (row, data) => data.differences.length, show: (row, data) => differenceView(data.differences, row) },
  { id: 'history', title: 'History', has: (row) => row.history, show: (row) => historyView(row.history.all, row.history.series) },
  { id: 'samples', title: 'Samples', has: (row) => row.samples.length, show: (row) => samplePlot(row) },
];

function reportPage(report) {
  viewState.inHash = true;
  for (const row of report.rows) {
    const [steps, times] = row.samples;
    let iterations = 0;
    row.samples = steps.map((step, at) => [(iterations += step), times[at]]);
  }
  for (const series of report.history?.series || []) {
    const row = report.rows.find((row) => row.name === series.name);
    if (row) row.history = { all: report.history, series };
  }
  const inFile = Boolean(document.getElementById('shared'));
  const loaded = new Map();
  const load = (number) => {
    if (!loaded.has(number)) loaded.set(number, inFile ? packedBenchmark(number) : fetch(`benchmark/${number}.json`).then((answer) => {
      if (!answer.ok) throw new Error('the server has no answer');
      return answer.json();
    }).catch((error) => {
      // Retry the next time.
      loaded.delete(number);
      throw error;
    }));
    return loaded.get(number);
  };
  const facts = [['cargo-memprof', report.tool], ['rustc', report.rustc], ['', report.target], ['profile', report.profile], ['', report.cpu], ['commit', report.commit && report.commit.slice(0, 12)]].filter(([, value]) => value);
  const main = el('main', { class: 'report', id: 'main', tabindex: '-1' });
  document.body.append(skipLink(main), el('header', { class: 'bar-top' }, el('div', { class: 'line' }, el('a', { class: 'brand', href: '#' }, 'memprof'), el('h1', {}, clipped(report.title.replace(/ · cargo memprof$/, ''), 160)), el('span', { class: 'grow' }), theme.button()),
    el('p', { class: 'facts' }, ...facts.map(([name, value]) => el('span', {}, name && name + ' ', el('b', {}, clipped(value, 100)))))), main);
  searchBySlash();

  // The row that an address means; a number is a place in the table.
  function rowAt(text) {
    let name = text;
    try { name = decodeURIComponent(text); } catch (error) { /* not one of ours */ }
    const at = report.rows.findIndex((row) => row.name === name);
    return at >= 0 ? at : /^\d+$/.test(text) ? Number(text) : -1;
  }

  function figures(row) {
    const vs = compared(row);
    const { memory } = row;
    const card = (title, value, mark, note, dim) => el('div', { class: 'figure', title: note }, el('span', { class: 'label' }, title), el('b', {}, value), mark, dim && el('span', { class: 'dim' }, dim));
    const moved = (key) => shareMark(vs, row, key);
    const throughput = row.throughput && row.ns ? Object.entries(row.throughput).filter(([, value]) => typeof value === 'number') : [];
    return [
      row.ns === null ? card('time', '–', null, 'this benchmark does not measure time') : card('ns/op', nanoseconds(row.ns), timeMark(vs), 'median over the samples', spreadText(row)),
      card('B/op', ranged(memory.bytes_per_op, memory.bytes_per_op_range), moved('bytes_per_op'), 'bytes asked for'),
      card('allocs/op', ranged(memory.allocs_per_op, memory.allocs_per_op_range), moved('allocs_per_op'), 'calls of alloc, alloc_zeroed and realloc'),
      card('reallocs/op', count(memory.reallocs_per_op), moved('reallocs_per_op'), 'of them reallocs'),
      card('peak', grouped(memory.peak_bytes) + ' B', moved('peak_bytes'), 'highest live bytes above the start'),
      card('retained', count(memory.retained_bytes_per_op) + ' B/op', moved('retained_bytes_per_op'), 'allocated, and live at the end'),
      ...throughput.map(([unit, value]) => card('throughput', unit === 'bytes' ? amount((value / row.ns) * 1e9, 'B') + '/s' : count(Math.round((value / row.ns) * 1e9)) + ' ' + unit + '/s')),
    ];
  }

  // The current state: the row, the view, and the function that applies a changed address.
  let shown = {};

  async function benchmark(number, view) {
    const row = report.rows[number];
    const vs = compared(row);
    const content = el('section', { class: 'content' }, el('p', { class: 'empty' }, 'One moment …'));
    const tabs = el('nav', { class: 'tabs', 'aria-label': 'Views of this benchmark' });
    const choose = el('select', { id: 'benchmark-choice', 'aria-label': 'Another benchmark' }, ...report.rows.map((one, at) => el('option', { value: at, selected: at === number }, clipped(one.short, 100))));
    choose.addEventListener('change', () => { location.hash = addressOf(report.rows[choose.value], shown.view); });
    const heading = el('h2', { class: 'benchmark', tabindex: '-1' }, clipped(row.short));
    main.replaceChildren(el('div', { class: 'line' }, el('a', { href: '#', class: 'back' }, '‹ All benchmarks'), report.rows.length > 1 ? choose : null),
      heading,
      el('p', { class: 'dim' }, clipped(row.name), ` · ${row.harness} · counted over ${grouped(row.memory.iterations)} iteration${row.memory.iterations === 1 ? '' : 's'}`, row.memory.exact ? ', exact' : ', not the same in every pass', row.custom ? ' · measures itself' : row.whole_process ? ' · the numbers are of its whole process' : '', row.tracker ? ` · tracker ${row.tracker}` : ''),
      vs ? el('p', { class: 'dim' }, 'compared with ', el('b', {}, clipped(vs.name))) : '',
      el('div', { class: 'figures' }, ...figures(row)), tabs, content);
    document.title = row.short + ' · ' + report.title;
    heading.focus({ preventScroll: true });
    let data;
    try {
      data = await load(number);
    } catch (error) {
      content.replaceChildren(el('div', { class: 'notice bad' }, 'This benchmark’s profiles cannot be shown: ' + error.message));
      return;
    }
    // The user may have moved on in the meantime.
    if (shown.number !== number || shown.view !== view) return;
    const there = VIEWS.filter((one) => one.has(row, data));
    // Remedies come before plain data.
    if (data.why && (data.why.sites || []).some((site) => site.remedies.length)) there.sort((a, b) => (b.id === 'why') - (a.id === 'why'));
    const current = there.find((one) => one.id === view) || there[0];
    tabs.replaceChildren(...there.map((one) => el('a', { href: addressOf(row, one.id), id: 'view-' + one.id, 'aria-current': one === current ? 'page' : null }, one.title)));
    for (const [kind, url] of Object.entries(row.pages)) {
      if (url) tabs.append(el('a', { href: url, class: 'outside', id: 'pages-' + kind }, `${kind === 'cpu' ? 'CPU' : 'Memory'} in all views ↗`));
    }
    const element = current ? current.show(row, data) : el('p', { class: 'empty' }, 'It was measured without profiles.');
    content.replaceChildren(element);
    shown.apply = element.apply;
  }

  // A program's page: there are no benchmarks beside it.
  async function program(at) {
    const { program, number, pages } = report.programs[at];
    const content = el('div', {}, el('p', { class: 'empty' }, 'One moment …'));
    const choose = el('nav', { class: 'segmented', 'aria-label': 'Program' }, ...report.programs.map((one, number) => el('a', { href: addressOf(one.program), 'aria-current': number === at ? 'true' : null }, clipped(one.program.name, 100))));
    const heading = el('h2', { class: 'benchmark', tabindex: '-1' }, clipped(program.name));
    main.replaceChildren(report.programs.length > 1 ? choose : '', heading, el('p', { class: 'dim' }, el('code', {}, clipped([program.target, ...program.args].join(' '), 1000))), content);
    document.title = program.name + ' · ' + report.title;
    try {
      const data = await load(number);
      if (shown.number !== number) return;
      const view = programView(program, data, pages);
      content.replaceChildren(view);
      shown.apply = view.apply;
    } catch (error) {
      content.replaceChildren(el('div', { class: 'notice bad' }, 'This program’s profiles cannot be shown: ' + error.message));
    }
  }

  function route() {
    if (!report.rows.length && report.programs.length) {
      const name = location.hash.slice(1).split('?')[0];
      const at = Math.max(0, report.programs.findIndex((one) => encodeURIComponent(one.program.name) === name));
      if (shown.number === report.programs[at].number && shown.apply) shown.apply();
      else {
        shown = { number: report.programs[at].number };
        program(at);
      }
      return;
    }
    const [name, view] = location.hash.slice(1).split('?')[0].split('/');
    const number = rowAt(name);
    const known = report.rows[number] ? number : -1;
    // Only the state within the view has changed.
    if (shown.number === known && shown.view === view && shown.apply) {
      shown.apply();
      return;
    }
    const isFirst = shown.number === undefined;
    shown = { number: known, view };
    window.scrollTo(0, 0);
    if (known >= 0) benchmark(known, view);
    else {
      document.title = report.title;
      const overview = reportOverview(report);
      main.replaceChildren(overview);
      shown.apply = overview.apply;
      if (!isFirst) main.focus({ preventScroll: true });
    }
  }
  window.addEventListener('hashchange', route);
  route();
}
