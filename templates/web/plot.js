// Plots of samples.

function median(sorted) {
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function quantile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(part * (sorted.length - 1))))];
}

// Round numbers over a range, about `wanted` of them.
function ticks(low, high, wanted) {
  // Values that only differ in their last digit have no ticks between them.
  if (!(high - low > 1e-9 * Math.abs(high))) return [low];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) || rough;
  const all = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1000; at += step) all.push(at);
  return all;
}

// The samples of a benchmark: in the order in which they were taken, and their distribution.
function samplePlot(row) {
  const values = row.samples.map(([iterations, time]) => time / iterations);
  if (!values.length) return el('p', { class: 'empty' }, 'There are no samples.');
  const isTime = row.ns !== null;
  const show = (value) => (isTime ? amount(value / 1e9, 's') : count(value));
  const sorted = [...values].sort((a, b) => a - b);
  const [width, height, left, right, top, bottom] = [900, 300, 78, 120, 14, 34];
  let low = sorted[0];
  let high = sorted[sorted.length - 1];
  const room = (high - low) * 0.08 || high * 0.05 || 1;
  low = Math.max(0, low - room);
  high += room;
  const x = (at) => left + ((at + 0.5) / values.length) * (width - left - right);
  const y = (value) => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
  const middle = row.ns ?? median(sorted);
  const parts = [];
  for (const tick of ticks(low, high, 5)) {
    parts.push(svg('line', { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: 'grid' }),
      svg('text', { x: left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, show(tick)));
  }
  if (row.lower !== null && row.upper !== null) {
    const [a, b] = [y(row.upper), y(row.lower)];
    parts.push(svg('rect', { x: left, y: a, width: width - left - right, height: Math.max(b - a, 1), class: 'interval' }));
  }
  parts.push(svg('line', { x1: left, x2: width - right, y1: y(middle), y2: y(middle), class: 'median' }));
  values.forEach((value, at) => {
    parts.push(svg('circle', { cx: x(at).toFixed(1), cy: y(value).toFixed(1), r: values.length > 60 ? 3 : 4, class: 'sample' },
      svg('title', {}, `sample ${at + 1}: ${show(value)}/op, ${grouped(row.samples[at][0])} iterations`)));
  });
  // The distribution, at the right.
  const bins = Math.min(24, Math.max(6, Math.round(Math.sqrt(values.length) * 2)));
  const counts = new Array(bins).fill(0);
  values.forEach((value) => counts[Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins))]++);
  const most = Math.max(...counts);
  counts.forEach((number, at) => {
    const [from, to] = [low + ((high - low) * at) / bins, low + ((high - low) * (at + 1)) / bins];
    if (number) parts.push(svg('rect', { x: width - right + 10, y: y(to) + 0.5, width: ((right - 20) * number) / most, height: Math.max(y(from) - y(to) - 1, 1), class: 'bin' }, svg('title', {}, `${number} samples from ${show(from)} to ${show(to)}`)));
  });
  parts.push(svg('text', { x: (left + width - right) / 2, y: height - 8, 'text-anchor': 'middle' }, `${values.length} sample${values.length === 1 ? '' : 's'}, in the order in which they were taken`),
    svg('text', { x: width - right + 10, y: height - 8 }, 'spread'));
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'plot', role: 'img', 'aria-label': `${values.length} samples from ${show(sorted[0])} to ${show(sorted.at(-1))} per operation` }, ...parts);
  const facts = [['median', middle], ['least', sorted[0]], ['most', sorted.at(-1)], ['middle half', null]];
  const text = (value) => (value === null ? `${show(quantile(sorted, 0.25))} – ${show(quantile(sorted, 0.75))}` : show(value));
  return el('figure', {}, picture, iterationPlot(row), el('figcaption', { class: 'facts' }, ...facts.map(([name, value]) => el('span', {}, name + ' ', el('b', {}, text(value)), ' '))));
}

// The samples as a small line for a table.
function sparkline(row) {
  const values = row.samples.map(([iterations, time]) => time / iterations);
  if (values.length < 2) return '';
  const sorted = [...values].sort((a, b) => a - b);
  // A single outlier would flatten the rest.
  const [low, high] = [sorted[0], quantile(sorted, 0.98)];
  const [width, height] = [90, 20];
  const points = values.map((value, at) => `${((at / (values.length - 1)) * width).toFixed(1)},${(height - 1 - Math.min(1, (value - low) / (high - low || 1)) * (height - 2)).toFixed(1)}`);
  return svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'spark', width, height, 'aria-hidden': 'true' }, svg('polyline', { points: points.join(' ') }));
}
