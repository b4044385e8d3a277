// Results over commits: a line for each measure of a benchmark, and the commits at which it changed.

// More plots than this wait for a narrower filter.
const MOST_PLOTTED = 60;

const HISTORY_MEASURES = [
  { id: 'ns_per_op', title: 'time/op', value: (point) => point.ns_per_op, low: (point) => point.lower, high: (point) => point.upper, text: (value) => amount(value / 1e9, 's') },
  { id: 'bytes_per_op', title: 'B/op', value: (point) => point.bytes_per_op[0], low: (point) => point.bytes_per_op[0], high: (point) => point.bytes_per_op[1], text: count },
  { id: 'allocs_per_op', title: 'allocs/op', value: (point) => point.allocs_per_op[0], low: (point) => point.allocs_per_op[0], high: (point) => point.allocs_per_op[1], text: count },
];

function commitText(commit) {
  return `${commit.short} (${commit.date}) ${clipped(commit.subject, 80)}`;
}

// A line over all commits of the history; a commit that lacks the benchmark is a gap in it.
function historyPlot(history, series, measure) {
  const [width, height, left, right, top, bottom] = [420, 150, 66, 12, 20, 24];
  const points = series.points.filter((point) => measure.value(point) !== null);
  const values = points.flatMap((point) => [measure.low(point), measure.value(point), measure.high(point)]).filter((value) => value !== null);
  const name = `${measure.title} of ${series.short} over ${history.commits.length} commits`;
  const picture = (...parts) => svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'plot history', role: 'img', 'aria-label': name, 'data-measure': measure.id }, svg('text', { x: left, y: 12 }, measure.title), ...parts);
  if (!points.length) return picture(svg('text', { x: left, y: height / 2 }, 'nothing'));
  // From zero where that does not flatten the line, so that a small change does not look large.
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const low = least > 0.7 * most ? Math.max(0, least - 0.5 * (most - least || most)) : 0;
  const high = most + 0.08 * (most - low || 1);
  const x = (commit) => left + ((commit + 0.5) / history.commits.length) * (width - left - right);
  const y = (value) => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
  const grid = ticks(low, high, 3).flatMap((tick) => [svg('line', { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: 'grid' }), svg('text', { x: left - 5, y: y(tick) + 4, 'text-anchor': 'end' }, measure.text(tick))]);
  const [first, last] = [history.commits[0], history.commits.at(-1)];
  const ends = history.commits.length > 1 ? [svg('text', { x: left, y: height - 7 }, first.date), svg('text', { x: width - right, y: height - 7, 'text-anchor': 'end' }, last.date)] : [svg('text', { x: left, y: height - 7 }, first.date)];
  const runs = [];
  points.forEach((point, at) => (at > 0 && points[at - 1].commit === point.commit - 1 ? runs.at(-1).push(point) : runs.push([point])));
  const lines = runs.map((run) => svg('polyline', { class: 'series series-1', points: run.map((point) => `${x(point.commit).toFixed(1)},${y(measure.value(point)).toFixed(1)}`).join(' ') }));
  const steps = series.steps.filter((step) => step.metric === measure.id).map((step) => {
    // Between the commit and the one before it.
    const at = (x(step.commit) - (width - left - right) / history.commits.length / 2).toFixed(1);
    return svg('line', { x1: at, x2: at, y1: top, y2: height - bottom, class: 'step ' + (step.after > step.before ? 'grows' : 'shrinks') }, svg('title', {}, stepText(history, step)));
  });
  const dots = points.map((point) => svg('g', {},
    measure.low(point) !== null && measure.high(point) !== measure.low(point) ? svg('line', { x1: x(point.commit), x2: x(point.commit), y1: y(measure.low(point)), y2: y(measure.high(point)), class: 'whisker' }) : '',
    svg('circle', { class: 'dot series-1', cx: x(point.commit).toFixed(1), cy: y(measure.value(point)).toFixed(1), r: history.commits.length > 60 ? 2 : 3.5 }, svg('title', {}, `${measure.text(measure.value(point))} at ${commitText(history.commits[point.commit])}`))));
  return picture(...grid, ...ends, ...lines, ...steps, ...dots);
}

function stepText(history, step) {
  const { title, text } = HISTORY_MEASURES.find(({ id }) => id === step.metric);
  return `${title} ${text(step.before)} → ${text(step.after)} at ${commitText(history.commits[step.commit])}`;
}

function stepItem(history, step, name = null) {
  const { title, text } = HISTORY_MEASURES.find(({ id }) => id === step.metric);
  const commit = history.commits[step.commit];
  return el('li', {}, name, name && ' ', `${title} ${text(step.before)} → ${text(step.after)} `, changeMark(step.after - step.before, true, timesOrPercent(step.before, step.after)),
    el('div', { class: 'dim' }, 'at ', el('code', {}, commit.short), ` ${commit.date} `, clipped(commit.subject, 120)));
}

function historyView(history, series) {
  return el('div', { class: 'history' }, el('div', { class: 'small-plots' }, ...HISTORY_MEASURES.map((measure) => historyPlot(history, series, measure))),
    series.steps.length ? el('div', { class: 'changed' }, el('ul', {}, ...[...series.steps].reverse().map((step) => stepItem(history, step)))) : el('p', { class: 'dim' }, 'No commit changed it.'));
}

function historyPage(history) {
  viewState.inHash = true;
  const main = el('main', { class: 'report', id: 'main', tabindex: '-1' });
  const [first, last] = [history.commits[0], history.commits.at(-1)];
  document.body.append(skipLink(main), el('header', { class: 'bar-top' }, el('div', { class: 'line' }, el('span', { class: 'brand' }, 'memprof'), el('h1', {}, 'History'), el('span', { class: 'grow' }), theme.button()),
    el('p', { class: 'facts' }, el('span', {}, `${history.commits.length} commits`), el('span', {}, `${first.short} (${first.date}) to ${last.short} (${last.date})`))), main);
  searchBySlash();
  const steps = history.series.flatMap((series) => series.steps.map((step) => ({ series, step }))).sort((a, b) => b.step.commit - a.step.commit);
  const all = steps.length ? el('section', { class: 'changed', id: 'steps' }, el('h2', {}, steps.length === 1 ? 'One step' : `${steps.length} steps`), el('ul', {}, ...steps.slice(0, 200).map(({ series, step }) => stepItem(history, step, el('b', {}, clipped(series.short, 120)))))) : el('p', { class: 'empty' }, 'No commit changed anything.');
  const box = el('input', { type: 'search', id: 'filter', placeholder: 'Filter (regular expression)', 'aria-label': 'Filter the benchmarks', spellcheck: 'false', autocomplete: 'off', autocapitalize: 'none' });
  const shown = el('div', {});
  // Those that changed come first.
  const ordered = [...history.series].sort((a, b) => (b.steps.length > 0) - (a.steps.length > 0));
  const look = () => {
    const test = searchTest(box.value);
    box.classList.toggle('wrong', test === null);
    if (!test) return;
    const found = ordered.filter((series) => box.value === '' || test(series.name));
    shown.replaceChildren(...found.slice(0, MOST_PLOTTED).map((series) => el('section', { 'data-name': series.name }, el('h3', { title: series.name }, clipped(series.short)), historyView(history, series))),
      found.length > MOST_PLOTTED ? el('p', { class: 'dim' }, `and ${found.length - MOST_PLOTTED} more; the filter finds them`) : '');
  };
  box.addEventListener('input', debounced(80, () => { viewState.set({ q: box.value }); look(); }));
  const restore = () => { box.value = viewState.get('q'); look(); };
  restore();
  window.addEventListener('hashchange', restore);
  main.append(all, el('section', {}, el('div', { class: 'line' }, el('h2', {}, `${history.series.length} benchmark${history.series.length === 1 ? '' : 's'}`), el('span', { class: 'grow' }), el('span', { class: 'search' }, box)), shown));
}
