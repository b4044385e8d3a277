// Describes how a benchmark compares. The tool decides which differences are certain and which may be chance, and says
// the same in a terminal; this only formats them.

const METRICS = [
  { id: 'bytes_per_op', unit: 'B', name: 'B/op' },
  { id: 'allocs_per_op', unit: 'allocs', name: 'allocs/op' },
];

// `+49%`; above ten times, and below a tenth, a factor.
function timesOrPercent(from, to) {
  if (!from) return to ? 'new' : 'same';
  const ratio = to / from;
  if (ratio > 10) return grouped(ratio < 100 ? Number(ratio.toFixed(1)) : Math.round(ratio)) + '×';
  const part = 100 * (ratio - 1);
  if (part === 0) return 'same';
  const text = to !== 0 && part < -99 ? almostAll(-part) : Math.abs(part) >= 9.95 ? grouped(Math.abs(part).toFixed(0)) : String(Number(Math.abs(part).toPrecision(2)));
  return (part > 0 ? '+' : '−') + text + '%';
}

// Never round up to 100, so that a remainder stays visible: 99.6, 99.98, >99.99.
function almostAll(part) {
  return [1, 2].map((decimals) => part.toFixed(decimals)).find((text) => Number(text) < 100) || '>99.99';
}

// `0.90`; a small ratio has more decimals, so that it keeps two digits.
function ratioText(ratio) {
  const decimals = ratio > 0 && ratio < 0.095 ? Math.min(12, 1 - Math.floor(Math.log10(ratio))) : 2;
  return ratio.toFixed(decimals);
}

function ranged(value, range) {
  return range && range[0] !== range[1] ? `${count(range[0])}–${count(range[1])}` : count(value);
}

// A difference: red if it is certainly more, blue if it is certainly less, else plain.
function changeMark(by, isSure, text, note) {
  return el('span', { class: 'change ' + (!isSure || by === 0 ? 'same' : by > 0 ? 'grows' : 'shrinks'), title: note || null }, text + (isSure ? '' : ' (~)'));
}

// `0.51× (~)`, as in the terminal's table.
function timeMark(vs) {
  if (!vs || !vs.ratio) return null;
  const { ratio, lower, upper, decided } = vs.ratio;
  const note = lower === null ? 'too few samples for an interval' : `95 % interval ${ratioText(lower)} to ${ratioText(upper)}`;
  const text = `${ratioText(ratio)}×${vs.step ? ` per ${vs.step}` : ''}`;
  const mark = changeMark(ratio - 1, decided, text, `time, against ${vs.name}: ${note}`);
  if (decided && !vs.ratio.paired) mark.append(el('span', { class: 'dim', title: 'not measured in turns: a change of the machine’s speed is part of it' }, ' (unpaired)'));
  return mark;
}

// `−845,256 B (~)`.
function amountMark(vs, row, { id, unit }) {
  const by = vs ? row.memory[id] - vs.memory[id] : 0;
  if (by === 0) return null;
  const word = unit === 'allocs' && Math.abs(by) === 1 ? 'alloc' : unit;
  return changeMark(by, own(vs.sure, id) ?? true, `${by > 0 ? '+' : ''}${count(by)} ${word}`, `against ${vs.name}: ${timesOrPercent(vs.memory[id], row.memory[id])}`);
}

// The same as a share.
function shareMark(vs, row, id) {
  if (!vs || vs.memory[id] === row.memory[id]) return null;
  return changeMark(row.memory[id] - vs.memory[id], own(vs.sure, id) ?? true, timesOrPercent(vs.memory[id], row.memory[id]), 'against ' + vs.name);
}

function spreadText(row) {
  return row.lower === null || row.upper === null || !row.ns ? '' : ` ±${(((row.upper - row.lower) / 2 / row.ns) * 100).toFixed(1)}%`;
}

// The address of a benchmark, and of a view of it: by name, because its place may differ in another run.
function addressOf(row, view) {
  return '#' + encodeURIComponent(row.name) + (view ? '/' + view : '');
}

// The comparison of a row, if there is one: not for the first of its group, nor for new rows.
function compared(row) {
  return row.vs && row.vs.memory ? row.vs : null;
}
