// The table of functions of a flame graph that is whole, as pprof's `top` has it.

// Rows of a table; the tool's `TOP_ROWS`.
const TOP_ROWS = 100;
// Functions that cost less than this share are left out, except where small changes may be the important ones.
const LEAST_SHARE = 0.005;

// A row for each function, wherever it is: its own cost, and that of the samples that pass it.
function functionTable(flame, at, isDifference) {
  const { up, down, total } = flame.columns[at];
  if (!total && !up.some(Boolean) && !down.some(Boolean)) return null;
  const rows = new Map();
  const rowOf = flame.sources.map(({ name }, source) => {
    // The first is the root above all stacks, which is no function.
    const key = source ? name : null;
    if (!rows.has(key)) rows.set(key, { name, flat: 0, cum: 0, inlined: new Set(), called: new Set() });
    return rows.get(key);
  });
  const size = flame.parents.length;
  const sums = Float64Array.from(up, (value, node) => value - (down[node] || 0));
  for (let node = size - 1; node > 0; node--) {
    rowOf[flame.frames[node]].flat += up[node] - (down[node] || 0);
    sums[flame.parents[node]] += sums[node];
  }
  // A recursive function counts once for each sample: at its outermost call.
  const children = Array.from({ length: size }, () => []);
  for (let node = 1; node < size; node++) children[flame.parents[node]].push(node);
  const open = new Set();
  const stack = [0];
  while (stack.length) {
    const node = stack.pop();
    if (node < 0) {
      open.delete(rowOf[flame.frames[~node]]);
      continue;
    }
    const row = rowOf[flame.frames[node]];
    if (node && !open.has(row)) {
      row.cum += sums[node];
      open.add(row);
      stack.push(~node);
    }
    const caller = flame.parents[node] && rowOf[flame.frames[flame.parents[node]]];
    if (caller && caller !== row) (flame.sources[flame.frames[node]].inlined ? row.inlined : row.called).add(caller);
    stack.push(...children[node]);
  }
  rows.delete(null);
  // A call that is inlined in one place and not in another is a call.
  const mark = ({ inlined, called }) => {
    const onlyInlined = [...inlined].some((caller) => !called.has(caller));
    return onlyInlined && !isDifference ? (called.size ? '(partial-inline)' : '(inline)') : '';
  };
  const least = isDifference ? 0 : Math.trunc(LEAST_SHARE * Math.abs(total));
  const shown = [...rows.values()].filter(({ flat, cum }) => (flat || cum) && Math.abs(cum) >= least);
  shown.sort((a, b) => Math.abs(b.flat) - Math.abs(a.flat) || (a.name < b.name ? -1 : 1));
  return { total, rows: shown.slice(0, TOP_ROWS).map((row) => ({ name: row.name, inline: mark(row), flat: row.flat, cum: row.cum })) };
}
