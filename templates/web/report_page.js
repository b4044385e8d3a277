// The report of a run: its table, and each benchmark with its profiles. The same in one file and on the server.

// What is shown of one benchmark, in this order. A further view is a further entry: `title`; `has(row, data)`, whether there
// is anything to show; `show(row, data, report)`, an element. `data` is what the tool's `page::details` gives.
const VIEWS = [
  { id: 'memory', title: 'Memory', has: (row, data) => data.mem, show: (row, data) => profileView(data.mem, 'mem', row) },
  { id: 'cpu', title: 'CPU', has: (row, data) => data.cpu, show: (row, data) => profileView(data.cpu, 'cpu', row) },
  { id: 'why', title: 'Why', has: (row, data) => data.why, show: (row, data) => whyView(data.why) },
  { id: 'difference', title: 'Difference', has: (row, data) => data.differences.length, show: (row, data) => differenceView(data.differences, row) },
  { id: 'samples', title: 'Samples', has: (row) => row.samples.length, show: (row) => samplePlot(row) },
];

// More groups side by side nobody compares.
const MOST_CARDS = 24;

const TYPE_NAMES = {
  alloc_space: 'Bytes allocated', alloc_objects: 'Allocations', inuse_space: 'Bytes still live', inuse_objects: 'Blocks still live',
  peak_space: 'Bytes at the peak', peak_objects: 'Blocks at the peak', cpu: 'CPU time', samples: 'CPU samples',
};

// How a value stands to another: `−66%` where less is better.
function change(from, to) {
  if (from === null || to === null || from === undefined || to === undefined || from === to) return null;
  if (from === 0) return { text: 'new', kind: 'grows' };
  const part = (100 * (to - from)) / from;
  const text = (part > 0 ? '+' : '−') + (to !== 0 && part < -99 ? almostAll(-part) : Math.abs(part) >= 9.95 ? grouped(Math.abs(part).toFixed(0)) : Math.abs(part).toPrecision(2)) + '%';
  return { text, kind: to > from ? 'grows' : 'shrinks' };
}

// What is left is never rounded away: 99.6, 99.98, >99.99.
function almostAll(part) {
  return [1, 2].map((decimals) => part.toFixed(decimals)).find((text) => Number(text) < 100) || '>99.99';
}

// `0.90`; a small one keeps two digits.
function ratioText(ratio) {
  return ratio > 0 && ratio < 0.095 ? String(Number(ratio.toPrecision(2))) : ratio.toFixed(2);
}

function ranged(value, range) {
  return range && range[0] !== range[1] ? `${count(range[0])}–${count(range[1])}` : count(value);
}

function changeMark(from, to, note) {
  const found = change(from, to);
  return found && el('span', { class: 'change ' + found.kind, title: note }, found.text);
}

// Times overlap as long as neither median's interval leaves the other's.
function timeChange(before, row) {
  if (!before || before.ns === null || row.ns === null) return null;
  const apart = before.lower === null || row.lower === null || before.upper < row.lower || row.upper < before.lower;
  return apart ? changeMark(before.ns, row.ns, 'time, against ' + nanoseconds(before.ns) + ' ns') : el('span', { class: 'change same', title: 'the intervals of the medians overlap' }, '≈');
}

function reportPage(report) {
  const inFile = Boolean(document.getElementById('benchmark-0'));
  const loaded = new Map();
  const load = (number) => {
    if (!loaded.has(number)) loaded.set(number, inFile ? packedIsland('benchmark-' + number) : fetch(`benchmark/${number}.json`).then((answer) => {
      if (!answer.ok) throw new Error('the server has no answer');
      return answer.json();
    }).catch((error) => {
      // Perhaps it is there the next time.
      loaded.delete(number);
      throw error;
    }));
    return loaded.get(number);
  };
  const facts = [['cargo-memprof', report.tool], ['rustc', report.rustc], ['', report.target], ['profile', report.profile], ['', report.cpu], ['commit', report.commit && report.commit.slice(0, 12)]].filter(([, value]) => value);
  const main = el('main', { class: 'report' });
  document.body.append(el('header', { class: 'bar-top' }, el('div', { class: 'line' }, el('a', { class: 'brand', href: '#' }, 'memprof'), el('h1', {}, clipped(report.title.replace(/ · cargo memprof$/, ''), 160)), el('span', { class: 'grow' }), theme.button()),
    el('p', { class: 'facts' }, ...facts.map(([name, value]) => el('span', {}, name && name + ' ', el('b', {}, clipped(value, 100)))))), main);

  // What the table compares a row with; a benchmark that a baseline does not have is new.
  const before = (row) => (report.baseline ? row.base : row.reference === null ? null : report.rows[row.reference]);

  function overview() {
    const problems = [...report.failed.map((failed) => el('li', {}, el('b', {}, clipped(failed.name)), ': ', clipped(failed.error, 2000))),
      ...report.checks.filter((check) => check.verdict === 'failed').map((check) => el('li', {}, el('b', {}, clipped(check.name)), ': ', clipped(check.message, 2000)))];
    const parts = [];
    if (problems.length) parts.push(el('section', { class: 'notice bad' }, el('h2', {}, problems.length === 1 ? 'One problem' : `${problems.length} problems`), el('ul', {}, ...problems)));
    const groups = groupsOf(report.rows);
    if (groups.length) parts.push(el('section', {}, el('h2', {}, 'Side by side'), el('div', { class: 'cards' }, ...groups.slice(0, MOST_CARDS).map((group) => groupCard(group))),
      groups.length > MOST_CARDS ? el('p', { class: 'dim' }, `and ${groups.length - MOST_CARDS} more groups, whose benchmarks are in the table`) : ''));
    parts.push(el('section', {}, el('h2', {}, report.rows.length === 1 ? 'One benchmark' : `${report.rows.length} benchmarks`), el('div', { class: 'scroll' }, table())));
    if (!report.rows.length) parts.push(el('p', { class: 'empty' }, 'Nothing was measured.'));
    if (report.rows.some((row) => row.custom)) parts.push(el('p', { class: 'dim' }, '* the benchmark measures itself (iter_custom): B/op and allocs/op are of its whole closure'));
    if (report.rows.some((row) => row.whole_process)) parts.push(el('p', { class: 'dim' }, '† a main function of its own: the numbers are of its whole process, start and exit included'));
    return parts;
  }

  // The address of a benchmark, and of a view of it: by name, for in another run it may have another place.
  function addressOf(row, view) {
    return '#' + encodeURIComponent(row.name) + (view ? '/' + view : '');
  }

  // The row that an address means; a number is a place in the table.
  function rowAt(text) {
    let name = text;
    try { name = decodeURIComponent(text); } catch (error) { /* not one of ours */ }
    const at = report.rows.findIndex((row) => row.name === name);
    return at >= 0 ? at : /^\d+$/.test(text) ? Number(text) : -1;
  }

  function groupsOf(rows) {
    const groups = new Map();
    rows.forEach((row, number) => {
      if (!row.group) return;
      const key = JSON.stringify([row.package, row.target, row.group]);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push({ row, number });
    });
    return [...groups.values()].filter((members) => members.length > 1);
  }

  // The variants of a group, measure by measure.
  function groupCard(members) {
    const measures = [
      ['ns/op', (row) => row.ns, (value) => amount(value / 1e9, 's'), timeChange],
      ['B/op', (row) => row.memory.bytes_per_op, (value) => perOperation(value, 'B'), (was, row) => was && changeMark(was.memory.bytes_per_op, row.memory.bytes_per_op)],
      ['allocs/op', (row) => row.memory.allocs_per_op, count, (was, row) => was && changeMark(was.memory.allocs_per_op, row.memory.allocs_per_op)],
    ];
    const shown = members.slice(0, 12);
    const columns = measures.map(([title, value, text, compare]) => {
      const most = Math.max(...shown.map(({ row }) => value(row) || 0)) || 1;
      return el('div', { class: 'measure' }, el('h4', {}, title), ...shown.map(({ row }) => {
        const number = value(row);
        const isReference = row.reference === null;
        return el('div', { class: 'measured' + (isReference ? ' reference' : '') }, el('span', { class: 'beam', style: { '--share': ((number || 0) / most).toFixed(4) } }), el('b', {}, number === null ? '–' : text(number)), isReference ? null : compare(report.rows[row.reference], row));
      }));
    });
    const names = el('div', { class: 'measure names' }, el('h4', {}, ' '), ...shown.map(({ row }) => el('div', { class: 'measured' }, el('a', { href: addressOf(row), title: row.name }, clipped(row.short.startsWith(row.group + '/') ? row.short.slice(row.group.length + 1) : row.short.split('/').pop(), 60)))));
    const left = members.length - shown.length;
    return el('article', { class: 'card' }, el('h3', {}, clipped(shown[0].row.group)), el('div', { class: 'measures' }, names, ...columns), left ? el('p', { class: 'dim' }, `and ${left} more in the table`) : null);
  }

  function table() {
    const against = report.baseline ? report.baseline : report.against || 'first';
    const compared = report.rows.some((row) => before(row));
    const columns = [
      { title: 'Benchmark', class: 'name', key: (row) => row.short, cell: (row) => [el('a', { href: addressOf(row), title: row.name }, clipped(row.short)), row.custom ? '*' : row.whole_process ? '†' : '', row.measurements > 1 ? el('span', { class: 'dim' }, ` median of ${row.measurements}`) : ''] },
      { title: 'ns/op', number: true, key: (row) => row.ns, cell: (row) => (row.ns === null ? '–' : [nanoseconds(row.ns), row.lower === null || !row.ns ? '' : el('span', { class: 'dim' }, ` ±${(((row.upper - row.lower) / 2 / row.ns) * 100).toFixed(1)}%`)]) },
      { title: 'Samples', cell: (row) => sparkline(row) },
      { title: 'B/op', number: true, key: (row) => row.memory.bytes_per_op, cell: (row) => ranged(row.memory.bytes_per_op, row.memory.bytes_per_op_range) },
      { title: 'allocs/op', number: true, key: (row) => row.memory.allocs_per_op, cell: (row) => ranged(row.memory.allocs_per_op, row.memory.allocs_per_op_range) },
      { title: 'Peak B', number: true, key: (row) => row.memory.peak_bytes, cell: (row) => grouped(row.memory.peak_bytes), note: 'highest live bytes above the start' },
      { title: 'Retained B/op', number: true, key: (row) => row.memory.retained_bytes_per_op, cell: (row) => count(row.memory.retained_bytes_per_op), note: 'allocated, and live at the end' },
    ];
    if (compared) {
      const ratio = (row) => { const was = before(row); return was && was.ns && row.ns ? row.ns / was.ns : null; };
      columns.push({ title: 'Time vs ' + against, number: true, key: ratio, cell: (row) => { const part = ratio(row); return part === null ? el('span', { class: 'dim' }, report.baseline ? 'new' : '·') : [ratioText(part) + '× ', timeChange(before(row), row)]; } },
        { title: 'Memory vs ' + against, number: true, key: (row) => { const was = before(row); return was ? row.memory.bytes_per_op - was.memory.bytes_per_op : null; }, cell: (row) => memoryChange(before(row), row) });
    }
    return sortedTable(columns, report.rows, { class: 'rows', id: 'benchmarks', row: (row, at, cells) => el('tr', { 'data-name': row.name }, ...cells) });
  }

  function memoryChange(was, row) {
    if (!was) return report.baseline ? el('span', { class: 'dim' }, 'new') : '';
    const parts = [['bytes_per_op', 'B'], ['allocs_per_op', 'allocs']].map(([key, unit]) => {
      const by = row.memory[key] - was.memory[key];
      return by === 0 ? null : el('span', { class: 'change ' + (by > 0 ? 'grows' : 'shrinks') }, `${by > 0 ? '+' : ''}${count(by)} ${unit}`);
    }).filter(Boolean);
    return parts.length ? parts.flatMap((part) => [part, ' ']) : el('span', { class: 'dim' }, 'same');
  }

  async function benchmark(number, view) {
    const row = report.rows[number];
    const was = before(row) || (row.reference === null ? null : report.rows[row.reference]);
    const memory = row.memory;
    const wasName = row.base ? report.baseline : was && was.short;
    const card = (title, value, mark, note, dim) => el('div', { class: 'figure', title: note }, el('span', { class: 'label' }, title), el('b', {}, value), mark, dim && el('span', { class: 'dim' }, dim));
    const moved = (key) => was && changeMark(was.memory[key], memory[key], 'against ' + wasName);
    const throughput = row.throughput && row.ns ? Object.entries(row.throughput).filter(([, value]) => typeof value === 'number') : [];
    const cards = [
      row.ns === null ? card('time', '–', null, 'this benchmark does not measure time') : card('ns/op', nanoseconds(row.ns), timeChange(was, row), 'median over the samples', row.lower === null ? '' : `±${(((row.upper - row.lower) / 2 / row.ns) * 100).toFixed(1)}%`),
      card('B/op', ranged(memory.bytes_per_op, memory.bytes_per_op_range), moved('bytes_per_op'), 'bytes asked for'),
      card('allocs/op', ranged(memory.allocs_per_op, memory.allocs_per_op_range), moved('allocs_per_op'), 'calls of alloc, alloc_zeroed and realloc'),
      card('reallocs/op', count(memory.reallocs_per_op), moved('reallocs_per_op'), 'of them reallocs'),
      card('peak', grouped(memory.peak_bytes) + ' B', moved('peak_bytes'), 'highest live bytes above the start'),
      card('retained', count(memory.retained_bytes_per_op) + ' B/op', moved('retained_bytes_per_op'), 'allocated, and live at the end'),
      ...throughput.map(([unit, value]) => card('throughput', unit === 'bytes' ? amount((value / row.ns) * 1e9, 'B') + '/s' : count(Math.round((value / row.ns) * 1e9)) + ' ' + unit + '/s')),
    ];
    const content = el('section', { class: 'content' }, el('p', { class: 'empty' }, 'One moment …'));
    const tabs = el('nav', { class: 'tabs', 'aria-label': 'Views of this benchmark' });
    const choose = el('select', { id: 'benchmark-choice', 'aria-label': 'Another benchmark' }, ...report.rows.map((one, at) => el('option', { value: at, selected: at === number }, clipped(one.short, 100))));
    choose.addEventListener('change', () => { location.hash = addressOf(report.rows[choose.value], view); });
    main.replaceChildren(el('div', { class: 'line' }, el('a', { href: '#', class: 'back' }, '‹ All benchmarks'), report.rows.length > 1 ? choose : null),
      el('h2', { class: 'benchmark' }, clipped(row.short)),
      el('p', { class: 'dim' }, clipped(row.name), ` · ${row.harness} · counted over ${grouped(memory.iterations)} iteration${memory.iterations === 1 ? '' : 's'}`, memory.exact ? ', exact' : ', not the same in every pass', row.custom ? ' · measures itself' : row.whole_process ? ' · the numbers are of its whole process' : '', row.tracker ? ` · tracker ${row.tracker}` : ''),
      was ? el('p', { class: 'dim' }, 'compared with ', el('b', {}, clipped(wasName))) : '',
      el('div', { class: 'figures' }, ...cards), tabs, content);
    document.title = row.short + ' · ' + report.title;
    let data;
    try {
      data = await load(number);
    } catch (error) {
      content.replaceChildren(el('div', { class: 'notice bad' }, 'This benchmark’s profiles cannot be shown: ' + error.message));
      return;
    }
    const there = VIEWS.filter((one) => one.has(row, data));
    const current = there.find((one) => one.id === view) || there[0];
    tabs.replaceChildren(...there.map((one) => el('a', { href: addressOf(row, one.id), id: 'view-' + one.id, 'aria-current': one === current ? 'page' : null }, one.title)));
    for (const [kind, url] of Object.entries(row.pages)) {
      if (url) tabs.append(el('a', { href: url, class: 'outside', id: 'pages-' + kind }, `${kind === 'cpu' ? 'CPU' : 'Memory'} in all views ↗`));
    }
    content.replaceChildren(current ? current.show(row, data, report) : el('p', { class: 'empty' }, 'It was measured without profiles.'));
  }

  function route() {
    const [name, view] = location.hash.slice(1).split('/');
    const at = rowAt(name);
    window.scrollTo(0, 0);
    if (report.rows[at]) benchmark(at, view);
    else {
      document.title = report.title;
      main.replaceChildren(...overview());
    }
  }
  window.addEventListener('hashchange', route);
  route();
}

// A profile: its flame graph, functions and source lines, by sample type.
function profileView(profile, kind, row, isDifference) {
  if (profile.error) return el('div', { class: 'notice bad' }, clipped(profile.error, 2000));
  const columns = profile.flame.columns;
  const shown = profile.types.map((type, at) => ({ type, at })).filter(({ at }) => columns[at].total !== 0);
  if (!shown.length) return el('p', { class: 'empty' }, kind === 'cpu' ? 'No CPU sample fell into this benchmark; it may have run too briefly.' : isDifference ? 'There is no difference.' : 'Nothing was allocated.');
  let { at } = shown.find((one) => one.type === profile.default) || shown[0];
  const model = new FlameModel(profile.flame, at, isDifference);
  const graph = new FlameGraph(model, { iterations: profile.iterations, perOp: profile.per_op, onMenu: null });
  graph.options.onMenu = (source) => graph.setPivot(quoted(source.unique));
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
  search.addEventListener('input', debounced(80, look));
  const fillIn = () => {
    types.replaceChildren(...shown.map((one) => el('button', { type: 'button', 'data-type': one.type, 'aria-pressed': String(one.at === at), onclick: () => choose(one) }, own(TYPE_NAMES, one.type) || clipped(one.type, 60))));
    const { scale, unit, total } = model.column;
    const sum = model.column.up.reduce((all, value) => all + value, 0) - model.column.down.reduce((all, value) => all + value, 0);
    const once = model.column.per_iteration;
    const iterations = once ? null : profile.iterations;
    const perOp = Boolean(profile.per_op) && !once;
    const each = iterations ? sum / iterations : sum;
    const per = iterations || perOp ? '/op' : '';
    const text = per || once ? perOperation(each * scale, unit) + per : amount(each * scale, unit);
    whole.replaceChildren(isDifference
      ? el('span', { class: sum > 0 ? 'grows' : sum < 0 ? 'shrinks' : 'dim' }, signed(each, text))
      : el('b', {}, text), iterations ? el('span', { class: 'dim' }, ` · ${amount(total * scale, unit)} over ${grouped(iterations)} iterations`) : once ? el('span', { class: 'dim' }, ' · of one iteration') : '');
    // As above: what every stack begins with and does nothing of its own is left out with the harness.
    const hidden = new Set(graph.hidesHarness ? model.skippedFrames.map((frame) => profile.flame.sources[frame].name) : []);
    const all = profile.tops[at];
    const top = all && { ...all, rows: all.rows.filter((row) => row.flat !== 0 || !hidden.has(row.name)) };
    const listing = profile.listings[at];
    const numbers = { iterations, perOp, scale, unit, isDifference };
    below.replaceChildren(
      el('section', {}, el('h3', {}, 'Functions'), top ? el('div', { class: 'scroll' }, topTable(top, numbers)) : ''),
      el('section', {}, el('h3', {}, 'Source lines'), listing ? sourceListing(listing, numbers) : el('p', { class: 'empty' }, 'No source lines.')));
    look();
  };
  const choose = (one) => {
    at = one.at;
    graph.setColumn(at);
    fillIn();
  };
  fillIn();
  graph.options.onHarness = fillIn;
  const hint = el('p', { class: 'dim hint-line' }, 'Click zooms, right click or P shows callers and callees, I turns it over, arrow keys go from frame to frame.');
  return el('div', { class: 'profile' }, el('div', { class: 'line' }, types, whole, el('span', { class: 'grow' }), el('span', { class: 'search' }, search, found)), flameTools(graph), graph.element, hint, below);
}

// What this benchmark has more and less than others, per operation.
function differenceView(differences, row) {
  const content = el('div', {});
  const choices = differences.flatMap((one) => [['mem', 'Memory'], ['cpu', 'CPU']].filter(([kind]) => one[kind]).map(([kind, title]) => ({ label: one.label, kind, title, profile: one[kind] })));
  const types = el('nav', { class: 'segmented', 'aria-label': 'Compared with' });
  const choose = (choice) => {
    types.replaceChildren(...choices.map((one) => el('button', { type: 'button', 'aria-pressed': String(one === choice), onclick: () => choose(one) }, `${one.title} vs ${clipped(one.label, 80)}`)));
    content.replaceChildren(el('p', { class: 'dim' }, 'What ', el('b', {}, clipped(row.short)), ' has more (red) and less (blue) than ', el('b', {}, clipped(choice.label)), ', per operation. A box is as wide as its increases and decreases together.'), profileView(choice.profile, choice.kind, row, true));
  };
  choose(choices[0]);
  return el('div', {}, el('div', { class: 'line' }, types), content);
}

{
  const page = island('page-data');
  const run = island('run-data');
  if (page) profilePage(page);
  else if (run) reportPage(run);
}
