// Plots how the variants of a group grow with their input: a line for each variant, with time, bytes and calls side by
// side. Both axes are logarithmic, so that a straight line is a power and its slope the exponent.

const MOST_SERIES = 6;

// The series of a group by variant, each with its inputs in order; null if there are fewer than two inputs.
function growthSeries(members) {
  const series = new Map();
  for (const row of members) {
    if (row.input === null || !(row.input > 0)) continue;
    if (!series.has(row.variant)) series.set(row.variant, []);
    series.get(row.variant).push(row);
  }
  const all = [...series].map(([name, rows]) => ({ name, rows: rows.sort((a, b) => a.input - b.input) })).filter(({ rows }) => rows.length > 1 && rows[0].input < rows.at(-1).input);
  return all.length ? all.slice(0, MOST_SERIES) : null;
}

function growthPlots(members) {
  const series = growthSeries(members);
  if (!series) return null;
  const measures = [
    ['time/op', (row) => row.ns, (value) => amount(value / 1e9, 's')],
    ['B/op', (row) => row.memory.bytes_per_op, compactNumber],
    ['allocs/op', (row) => row.memory.allocs_per_op, compactNumber],
  ];
  const legend = series.length > 1 ? el('p', { class: 'keys' }, ...series.map(({ name }, at) => el('span', { class: 'key' }, el('i', { class: 'line-swatch series-' + at }), clipped(name, 60)))) : null;
  return el('div', {}, legend, el('div', { class: 'small-plots' }, ...measures.map(([title, value, text]) => growthPlot(series, title, value, text))));
}

// `10k`, `2.5M`: for the marks of an axis.
function compactNumber(value) {
  const [power, letter] = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']].find(([power]) => value >= power) || [1, ''];
  return String(Number((value / power).toPrecision(3))) + letter;
}

function growthPlot(series, title, value, text) {
  const [width, height, left, right, top, bottom] = [320, 190, 66, 12, 24, 26];
  // Zero has no logarithm, so it is left out.
  const points = series.map(({ name, rows }) => ({ name, rows: rows.filter((row) => value(row) > 0) }));
  const all = points.flatMap(({ rows }) => rows);
  const picture = (...parts) => svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'plot', role: 'img', 'aria-label': title + ' over the input' }, svg('text', { x: left, y: 15 }, title), ...parts);
  if (!all.length) return picture(svg('text', { x: left, y: height / 2 }, 'nothing'));
  const axis = (values, from, to) => {
    const [low, high] = [Math.min(...values), Math.max(...values)].map(Math.log10);
    const place = (number) => from + (high > low ? (Math.log10(number) - low) / (high - low) : 0.5) * (to - from);
    const powers = [];
    for (let power = Math.ceil(low - 1e-9); power <= high + 1e-9; power++) powers.push(10 ** power);
    return { place, marks: powers.length > 1 ? powers.filter((_, at) => at % Math.ceil(powers.length / 5) === 0) : [10 ** low, 10 ** high].filter((one, at, both) => at === 0 || one !== both[0]) };
  };
  const x = axis(all.map((row) => row.input), left + 6, width - right - 6);
  const y = axis(all.map(value), height - bottom - 6, top + 6);
  const grid = [...y.marks.flatMap((mark) => [svg('line', { x1: left, x2: width - right, y1: y.place(mark), y2: y.place(mark), class: 'grid' }), svg('text', { x: left - 5, y: y.place(mark) + 4, 'text-anchor': 'end' }, text(mark))]),
    ...x.marks.map((mark) => svg('text', { x: x.place(mark), y: height - 8, 'text-anchor': 'middle' }, compactNumber(mark)))];
  const lines = points.map(({ rows }, at) => svg('polyline', { class: 'series series-' + at, points: rows.map((row) => `${x.place(row.input).toFixed(1)},${y.place(value(row)).toFixed(1)}`).join(' ') }));
  const dots = points.flatMap(({ rows }, at) => rows.map((row) => svg('circle', { class: 'dot series-' + at, cx: x.place(row.input).toFixed(1), cy: y.place(value(row)).toFixed(1), r: 3.5 }, svg('title', {}, `${row.short}: ${text(value(row))}`))));
  return picture(...grid, ...lines, ...dots);
}
