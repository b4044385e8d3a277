// The samples of a group's variants as violins on one axis: their distribution, the median and its interval.

// With fewer samples there is no distribution to draw, only the samples.
const LEAST_FOR_VIOLIN = 10;
// Beyond this quotient of the largest and the smallest time, the axis is logarithmic.
const MOST_LINEAR = 8;

function perIteration(row) {
  return row.samples.map(([iterations, time]) => time / iterations).filter((value) => value > 0).sort((a, b) => a - b);
}

function violinPlot(members, name) {
  const rows = members.filter((row) => row.ns !== null && row.ns > 0 && row.samples.length > 1).map((row) => ({ row, values: perIteration(row) }));
  if (rows.length < 2) return null;
  // Stray samples do not decide about the axis; their number is written at its end.
  const [low, high] = [Math.min(...rows.map(({ row, values }) => Math.min(quantile(values, 0.02), row.lower ?? row.ns))), Math.max(...rows.map(({ row, values }) => Math.max(quantile(values, 0.96), row.upper ?? row.ns)))];
  const isLog = high / low > MOST_LINEAR;
  const scaled = isLog ? Math.log : (value) => value;
  const [width, left, right, each, bottom] = [640, 150, 40, 34, 24];
  const room = (scaled(high) - scaled(low)) * 0.04 || Math.abs(scaled(high)) * 0.05 || 1;
  const [from, to] = [scaled(low) - room, scaled(high) + room];
  const x = (value) => left + ((scaled(value) - from) / (to - from)) * (width - left - right);
  const height = rows.length * each + bottom;
  const text = (value) => amount(value / 1e9, 's');
  const marks = isLog ? [low, Math.sqrt(low * high), high] : ticks(low, high, 4);
  const parts = marks.flatMap((mark) => [svg('line', { x1: x(mark), x2: x(mark), y1: 0, y2: height - bottom, class: 'grid' }), svg('text', { x: x(mark), y: height - 8, 'text-anchor': 'middle' }, text(mark))]);
  rows.forEach(({ row, values }, at) => parts.push(violinRow(row, values, { name: clipped(name(row), 20), middle: (at + 0.5) * each, half: each / 2 - 4, x, text, scaled, width, right, span: to - from, from, to })));
  return svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'plot violins', role: 'img', 'aria-label': `Samples of ${rows.length} variants: ${rows.map(({ row }) => `${name(row)} ${text(row.ns)}`).join(', ')}` }, ...parts);
}

function violinRow(row, values, { name, middle, half, x, text, scaled, width, right, span, from, to }) {
  const inside = values.filter((value) => scaled(value) >= from && scaled(value) <= to);
  const stray = values.length - inside.length;
  const parts = [svg('title', {}, `${row.short}: ${text(row.ns)}, half of ${values.length} samples from ${text(quantile(values, 0.25))} to ${text(quantile(values, 0.75))}`),
    svg('text', { x: 142, y: middle + 4, 'text-anchor': 'end' }, name)];
  if (values.length >= LEAST_FOR_VIOLIN) parts.push(svg('path', { d: violinShape(inside.map(scaled), { from, span, middle, half, width: width - 150 - right }), class: 'violin' }));
  else parts.push(...inside.map((value) => svg('circle', { cx: x(value).toFixed(1), cy: middle, r: 3, class: 'sample' })));
  if (row.lower !== null && row.upper !== null) parts.push(svg('rect', { x: x(row.lower).toFixed(1), y: middle - 5, width: Math.max(1, x(row.upper) - x(row.lower)).toFixed(1), height: 10, class: 'interval' }));
  parts.push(svg('line', { x1: x(row.ns).toFixed(1), x2: x(row.ns).toFixed(1), y1: middle - half, y2: middle + half, class: 'median' }));
  if (stray) parts.push(svg('text', { x: width - right + 4, y: middle + 4 }, `+${stray}`, svg('title', {}, `${stray} samples lie beyond the axis`)));
  return svg('g', { 'data-name': row.name }, ...parts);
}

// A mirrored density: Gaussian kernels with Silverman's bandwidth.
function violinShape(values, { from, span, middle, half, width }) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  const quarter = (quantile(values, 0.75) - quantile(values, 0.25)) / 1.34;
  const band = Math.max(0.9 * (Math.min(deviation, quarter || deviation) || deviation) * values.length ** -0.2, span / 300);
  const points = Array.from({ length: 97 }, (_, at) => from + (span * at) / 96).concat(values).sort((a, b) => a - b);
  const density = points.map((point) => values.reduce((sum, value) => sum + Math.exp(-(((point - value) / band) ** 2) / 2), 0));
  const most = Math.max(...density);
  const at = (point) => (150 + ((point - from) / span) * width).toFixed(1);
  const upper = points.map((point, place) => `${at(point)},${(middle - (half * density[place]) / most).toFixed(1)}`);
  const lower = points.map((point, place) => `${at(point)},${(middle + (half * density[place]) / most).toFixed(1)}`).reverse();
  return `M${[...upper, ...lower].join('L')}Z`;
}

// The samples by their iterations: on a line through the origin if each iteration costs the same.
function iterationPlot(row) {
  const points = row.samples.filter(([iterations, time]) => iterations > 0 && time >= 0);
  if (row.ns === null || new Set(points.map(([iterations]) => iterations)).size < 3) return null;
  const [width, height, left, right, top, bottom] = [900, 260, 78, 20, 14, 40];
  const [most, longest] = [Math.max(...points.map(([iterations]) => iterations)), Math.max(...points.map(([, time]) => time), 1)];
  const x = (iterations) => left + (iterations / most) * (width - left - right);
  const y = (time) => top + (1 - Math.min(1, time / longest)) * (height - top - bottom);
  const end = Math.min(most, longest / (row.ns || 1));
  const grid = [...ticks(0, longest, 4).flatMap((tick) => [svg('line', { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: 'grid' }), svg('text', { x: left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, amount(tick / 1e9, 's'))]),
    ...ticks(0, most, 5).map((tick) => svg('text', { x: x(tick), y: height - 24, 'text-anchor': 'middle' }, grouped(Math.round(tick))))];
  const dots = points.map(([iterations, time], at) => svg('circle', { cx: x(iterations).toFixed(1), cy: y(time).toFixed(1), r: 3, class: 'sample' }, svg('title', {}, `sample ${at + 1}: ${grouped(iterations)} iterations in ${amount(time / 1e9, 's')}`)));
  return svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'plot iterations', role: 'img', 'aria-label': `Time of ${points.length} samples over their iterations` }, ...grid,
    svg('line', { x1: x(0), y1: y(0), x2: x(end).toFixed(1), y2: y(end * row.ns).toFixed(1), class: 'median' }, svg('title', {}, 'the median cost of an iteration')), ...dots,
    svg('text', { x: (left + width - right) / 2, y: height - 6, 'text-anchor': 'middle' }, 'iterations of a sample'));
}
