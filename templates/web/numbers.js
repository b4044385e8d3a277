// Formats numbers for people.

const FAMILIES = {
  B: [['B', 1], ['kB', 1024], ['MB', 1024 ** 2], ['GB', 1024 ** 3], ['TB', 1024 ** 4], ['PB', 1024 ** 5]],
  s: [['ns', 1e-9], ['µs', 1e-6], ['ms', 1e-3], ['s', 1], ['h', 3600]],
};

function grouped(number) {
  return String(number).replace(/^(-?)(\d+)/, (_, sign, digits) => (sign ? '−' : '') + digits.replace(/\B(?=(\d{3})+$)/g, ','));
}

function trimmed(number, decimals) {
  const text = number.toFixed(decimals);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

// The largest unit of a family in which `size` is at least one: its name and size.
function unitFor(size, unit) {
  const family = own(FAMILIES, unit);
  if (!family) return [unit, 1];
  return family.findLast(([, factor]) => size >= factor) || family[0];
}

// `value` of unit `B`, `s` or none, in the unit in which it is at least one.
function amount(value, unit) {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (!own(FAMILIES, unit)) return count(value) + (unit && ' ' + unit);
  const [name, factor] = unitFor(size, unit);
  const scaled = size / factor;
  const text = trimmed(scaled, scaled >= 100 ? 1 : 2);
  return (value < 0 ? '−' : '') + (text === '0' ? scaled.toExponential(1) : grouped(text)) + ' ' + name;
}

// A column's smallest value shows at least this much of its unit.
const LEAST_OF_UNIT = 1e-4;

// One unit for a column of values of unit `B`, `s` or none: that of the largest value, unless the smallest would vanish
// in it; exact bytes while they are short enough to read. `name` is the unit's name, `text` formats a value in it,
// without the name.
function columnUnit(values, unit) {
  const sizes = values.map((value) => Math.abs(value || 0)).filter(Boolean);
  const most = sizes.reduce((most, size) => Math.max(most, size), 0);
  const least = sizes.reduce((least, size) => Math.min(least, size), most);
  const [name, factor] = unit === 'B' && most < 1e6 ? ['B', 1] : unitFor(Math.min(most, least / LEAST_OF_UNIT), unit);
  return { name, text: (value) => count(factor === 1 ? value : Number((value / factor).toPrecision(4))) };
}

// The cost of one operation: exact bytes while they are short enough to read.
function perOperation(value, unit) {
  if (unit === 'B' && Math.abs(value) < 1e6) return (value < 0 ? '−' : '') + count(Math.abs(value)) + ' B';
  return amount(value, unit);
}

// A count, perhaps fractional, never cut to 0.
function count(value) {
  if (Number.isInteger(value)) return grouped(value);
  const text = trimmed(Math.abs(value), Math.abs(value) >= 100 ? 1 : 3);
  return (value < 0 ? '−' : '') + (text === '0' ? tiny(Math.abs(value)) : grouped(text));
}

// Two digits, with an exponent only to avoid many zeros.
function tiny(size) {
  return size < 1e-5 ? size.toExponential(1) : size.toFixed(1 - Math.floor(Math.log10(size)));
}

function signed(value, text) {
  return (value > 0 ? '+' : '') + text;
}

// A share; above ten times, a factor.
function percent(part, whole) {
  if (!whole) return '–';
  const share = (100 * part) / Math.abs(whole);
  const size = Math.abs(share);
  if (size > 1000) return (share < 0 ? '−' : '') + grouped(size < 10000 ? Number((size / 100).toFixed(1)) : Math.round(size / 100)) + '×';
  const text = size >= 99.95 && size < 100.05 ? '100' : size >= 10 ? size.toFixed(1) : size.toPrecision(2);
  return (share < 0 ? '−' : '') + (size === 0 ? '0' : Number(text)) + '%';
}

// Nanoseconds per operation, with three or more significant digits.
function nanoseconds(value) {
  const size = Math.abs(value);
  return grouped(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 3));
}
