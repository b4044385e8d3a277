// The first view of a report: the changes, the table, the groups side by side.

// Nobody compares more groups than this side by side.
const MOST_CARDS = 24;
// With more benchmarks, the table comes first and can be filtered.
const MANY_ROWS = 24;

function reportOverview(report) {
  const { rows } = report;
  const parts = [problemList(report)];
  if (report.busy) parts.push(el('p', { class: 'notice', id: 'busy' }, report.busy));
  if (report.baseline) parts.push(changedList(report));
  const groups = groupsOf(rows);
  const cards = el('div', { class: 'cards' });
  const drawCards = () => cards.append(...groups.slice(0, MOST_CARDS).map(groupCard));
  const side = groups.length ? el('section', {}, el('h2', {}, 'Side by side'), cards,
    groups.length > MOST_CARDS ? el('p', { class: 'dim' }, `and ${groups.length - MOST_CARDS} more groups, whose benchmarks are in the table`) : '') : '';
  // Beneath a long table they can wait until that is shown.
  if (rows.length > MANY_ROWS) requestAnimationFrame(() => setTimeout(drawCards));
  else drawCards();
  const table = benchmarkTable(report);
  const filter = filterBox(rows, table);
  const tables = el('section', {}, el('div', { class: 'line' }, el('h2', { id: 'all' }, rows.length === 1 ? 'One benchmark' : `${rows.length} benchmarks`), el('span', { class: 'grow' }), rows.length > 1 ? filter.element : null), el('div', { class: 'scroll' }, table));
  parts.push(...(rows.length > MANY_ROWS ? [tables, side] : [side, tables]));
  if (!rows.length) parts.push(el('p', { class: 'empty' }, 'Nothing was measured.'));
  if (rows.some((row) => row.custom)) parts.push(el('p', { class: 'dim' }, '* the benchmark measures itself (iter_custom): B/op and allocs/op are of its whole closure'));
  if (rows.some((row) => row.whole_process)) parts.push(el('p', { class: 'dim' }, '† a main function of its own: the numbers are of its whole process, start and exit included'));
  const element = el('div', { class: 'overview' }, ...parts.filter(Boolean));
  element.apply = () => {
    table.restore();
    filter.restore();
  };
  return element;
}

function problemList(report) {
  const item = (name, text) => el('li', {}, el('b', {}, clipped(name)), ': ', clipped(text, 2000));
  const problems = [...report.failed.map((failed) => item(failed.name, failed.error)),
    ...report.checks.filter((check) => check.verdict === 'failed').map((check) => item(check.name, check.message))];
  return problems.length ? el('section', { class: 'notice bad' }, el('h2', {}, problems.length === 1 ? 'One problem' : `${problems.length} problems`), el('ul', {}, ...problems)) : null;
}

// The worse, better, new and missing benchmarks since the baseline, the largest change first.
function changedList(report) {
  const size = (change) => (change.from ? Math.abs(Math.log(Math.max(change.to, change.from * 1e-6) / change.from)) : Infinity);
  const changes = report.rows.filter(compared).map((row) => ({ row, all: changesOf(row) })).filter(({ all }) => all.length);
  const sure = changes.map(({ row, all }) => ({ row, all: all.filter((change) => change.isSure).sort((a, b) => size(b) - size(a)) })).filter(({ all }) => all.length);
  sure.sort((a, b) => size(b.all[0]) - size(a.all[0]));
  const added = report.rows.filter((row) => row.vs && row.vs.kind === 'new');
  const listed = (title, kind, items) => (items.length ? el('div', { class: 'changed ' + kind }, el('h3', {}, `${title} (${items.length})`), el('ul', {}, ...items)) : null);
  const line = ({ row, all }) => el('li', {}, el('a', { href: addressOf(row, 'difference'), title: row.name }, clipped(row.short)), ' ', ...all.flatMap((change) => [change.mark(), change.share ? el('span', { class: 'dim' }, ` ${change.share} `) : ' ']),
    siteLine(row));
  const worse = sure.filter(({ all }) => all[0].to > all[0].from);
  const better = sure.filter(({ all }) => all[0].to <= all[0].from);
  const noisy = changes.filter(({ row }) => !sure.some((one) => one.row === row)).sort((a, b) => size(b.all[0]) - size(a.all[0]));
  const same = report.rows.filter(compared).length - changes.length;
  const rest = same ? `${same} as before` : '';
  return el('section', { id: 'changed' }, el('h2', {}, 'Changed since ', el('span', { title: report.baseline }, baselineText(report.baseline)), el('span', { class: 'dim' }, ` ${[[worse, 'worse'], [better, 'better'], [added, 'new'], [report.gone, 'gone']].filter(([all]) => all.length).map(([all, name]) => `${all.length} ${name}`).join(', ') || 'nothing'} of ${report.rows.length}`)),
    listed('Worse', 'grows', worse.map(line)), listed('Better', 'shrinks', better.map(line)),
    listed('New', '', added.map((row) => el('li', {}, el('a', { href: addressOf(row) }, clipped(row.short)), el('span', { class: 'dim' }, ` ${count(row.memory.bytes_per_op)} B/op, ${count(row.memory.allocs_per_op)} allocs/op`), siteLine(row)))),
    listed('Gone', '', report.gone.map((name) => el('li', {}, clipped(name)))),
    noisy.length ? el('details', { class: 'changed noise' }, el('summary', {}, `Within noise (${noisy.length})`), el('ul', {}, ...noisy.map(line))) : null,
    el('p', { class: 'dim' }, worse.length || better.length || added.length || report.gone.length ? rest : ['Nothing. ', rest].join('')));
}

// The line that allocates the difference, or most of what is new.
function siteLine({ vs: { site } }) {
  return site ? el('div', { class: 'dim' }, el('code', {}, clipped(site.function)), ' ', placeText(site), site.by ? ` ${signed(site.by, count(site.by))} B/op` : '') : null;
}

// A baseline's name; for a file, the end of its path.
function baselineText(label) {
  return clipped(label.split('/').slice(-2).join('/'), 40);
}

function placeText(site) {
  return site.file ? clipped(site.file.split('/').slice(-3).join('/'), 200) + (site.line ? ':' + site.line : '') : '';
}

// The differences of a row from its baseline.
function changesOf(row) {
  const { vs } = row;
  const all = METRICS.filter(({ id }) => row.memory[id] !== vs.memory[id]).map((metric) => ({
    from: vs.memory[metric.id], to: row.memory[metric.id], isSure: own(vs.sure, metric.id) ?? true, mark: () => amountMark(vs, row, metric), share: vs.memory[metric.id] ? timesOrPercent(vs.memory[metric.id], row.memory[metric.id]) : '',
  }));
  if (vs.ratio && vs.ratio.ratio !== 1) all.push({ from: 1, to: vs.ratio.ratio, isSure: vs.ratio.decided, mark: () => el('span', {}, 'time ', timeMark(vs)) });
  return all;
}

function filterBox(rows, table) {
  const box = el('input', { type: 'search', id: 'filter', placeholder: 'Filter (regular expression)', 'aria-label': 'Filter the benchmarks', spellcheck: 'false', autocomplete: 'off', autocapitalize: 'none' });
  const found = el('output', { for: 'filter' });
  const look = () => {
    const test = searchTest(box.value);
    box.classList.toggle('wrong', test === null);
    if (!test) return;
    const number = table.filter((row) => box.value === '' || test(row.name));
    found.textContent = box.value === '' ? '' : `${number} of ${rows.length}`;
  };
  box.addEventListener('input', debounced(80, () => {
    viewState.set({ q: box.value });
    look();
  }));
  const restore = () => {
    box.value = viewState.get('q');
    look();
  };
  restore();
  return { element: el('span', { class: 'search' }, box, found), restore };
}

function groupKey(row) {
  return row.group ? JSON.stringify([row.package, row.target, row.group]) : '';
}

function groupsOf(rows) {
  const groups = new Map();
  for (const row of rows.filter(groupKey)) {
    if (!groups.has(groupKey(row))) groups.set(groupKey(row), []);
    groups.get(groupKey(row)).push(row);
  }
  return [...groups.values()].filter((members) => members.length > 1);
}

// The variants of a group, measure by measure; each measure in one unit.
function groupCard(members) {
  const shown = members.slice(0, 12);
  // Steps get no mark: the bars show the growth with the input.
  const like = (row) => (row.vs && row.vs.kind === 'step' ? null : compared(row));
  const measures = [
    [(row) => (row.ns === null ? null : row.ns / 1e9), 's', (row) => timeMark(like(row))],
    [(row) => row.memory.bytes_per_op, 'B', (row) => shareMark(like(row), row, 'bytes_per_op')],
    [(row) => row.memory.allocs_per_op, '', (row) => shareMark(like(row), row, 'allocs_per_op')],
  ];
  const columns = measures.map(([value, unit, mark]) => {
    const most = Math.max(...shown.map((row) => value(row) || 0)) || 1;
    const { name, text } = columnUnit(shown.map(value), unit);
    return el('div', { class: 'measure' }, el('h4', {}, (name || 'allocs') + '/op'), ...shown.map((row) => {
      const number = value(row);
      const isReference = row.vs && row.vs.kind === 'reference';
      return el('div', { class: 'measured' + (isReference ? ' reference' : '') }, el('b', {}, number === null ? '–' : text(number)), mark(row), el('span', { class: 'beam', style: { '--share': ((number || 0) / most).toFixed(4) } }));
    }));
  });
  const name = (row) => (row.short.startsWith(row.group + '/') ? row.short.slice(row.group.length + 1) : row.short.split('/').pop());
  const names = el('div', { class: 'measure names' }, el('h4', {}, ' '), ...shown.map((row) => el('div', { class: 'measured' }, el('a', { href: addressOf(row), title: row.name }, clipped(name(row), 60)))));
  const left = members.length - shown.length;
  const growth = growthPlots(members);
  // Over an input the lines say more than distributions far apart.
  const violins = growth ? null : violinPlot(shown, name);
  return el('article', { class: 'card' }, el('h3', {}, clipped(shown[0].group)), growth, el('div', { class: 'measures' }, names, ...columns), violins ? el('figure', {}, violins, el('figcaption', { class: 'dim' }, 'time of each sample; the line is the median, the box its 95 % interval')) : null, left ? el('p', { class: 'dim' }, `and ${left} more in the table`) : null);
}

function benchmarkTable(report) {
  const { rows } = report;
  const against = report.baseline ? baselineText(report.baseline) : clipped(report.against || 'first', 40);
  const columns = [
    { title: 'Benchmark', class: 'name', key: (row) => row.short, cell: (row) => [el('a', { href: addressOf(row), title: row.name }, clipped(row.short)), row.custom ? '*' : row.whole_process ? '†' : '', row.measurements > 1 ? el('span', { class: 'dim' }, ` median of ${row.measurements}`) : ''] },
    { title: 'ns/op', number: true, key: (row) => row.ns, cell: (row) => (row.ns === null ? '–' : [nanoseconds(row.ns), el('span', { class: 'dim' }, spreadText(row))]) },
    { title: 'Samples', class: 'samples', cell: (row) => sparkline(row) },
    { title: 'B/op', number: true, key: (row) => row.memory.bytes_per_op, cell: (row) => ranged(row.memory.bytes_per_op, row.memory.bytes_per_op_range) },
    { title: 'allocs/op', number: true, key: (row) => row.memory.allocs_per_op, cell: (row) => ranged(row.memory.allocs_per_op, row.memory.allocs_per_op_range) },
    { title: 'Peak B', number: true, key: (row) => row.memory.peak_bytes, cell: (row) => grouped(row.memory.peak_bytes), note: 'highest live bytes above the start' },
    { title: 'Retained B/op', number: true, key: (row) => row.memory.retained_bytes_per_op, cell: (row) => count(row.memory.retained_bytes_per_op), note: 'allocated, and live at the end' },
  ];
  if (report.baseline || rows.some(compared)) {
    const none = (row) => el('span', { class: 'dim' }, row.vs && row.vs.kind === 'new' ? 'new' : row.vs ? '·' : '');
    columns.push({ title: 'Time vs ' + against, id: 'time', class: 'versus', number: true, bySize: true, key: (row) => (compared(row)?.ratio ? Math.log(row.vs.ratio.ratio || 1e-9) : null), cell: (row) => (compared(row) ? timeMark(row.vs) || '–' : none(row)) },
      { title: 'Memory vs ' + against, id: 'memory', class: 'versus', number: true, bySize: true, key: (row) => (compared(row) ? row.memory.bytes_per_op - row.vs.memory.bytes_per_op : null), cell: (row) => memoryCell(row, none) });
  }
  const isLong = rows.length > MANY_ROWS;
  return sortedTable(columns, rows, { class: 'rows', id: 'benchmarks', group: isLong ? (row) => row.group : null, row: (row, at, cells) => el('tr', { 'data-name': row.name }, ...cells) });
}

function memoryCell(row, none) {
  if (!compared(row)) return none(row);
  const marks = METRICS.map((metric) => amountMark(row.vs, row, metric)).filter(Boolean);
  return marks.length ? marks.flatMap((mark) => [mark, ' ']) : el('span', { class: 'dim' }, 'same');
}
