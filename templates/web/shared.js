// Data of the one-file report: texts, lists of texts, and frames stand once in a table for all benchmarks. A text in
// the data is a place in the table. The tool's `Shared` writes it.

class Shared {
  constructor(table) {
    this.table = table;
    this.whole = [];
  }

  // The value with its texts in place.
  read(value) {
    if (typeof value === 'string') return this.at(parseInt(value, 16));
    if (Array.isArray(value)) return value.map((one) => (typeof one === 'number' ? one : this.read(one)));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, name === 'parents' ? member.map((step, at) => at - step) : this.read(member)]));
  }

  at(place) {
    const entry = this.table[place];
    // Each is put together once, and only if it is needed.
    return typeof entry === 'string' ? entry : this.whole[place] ||= this.read(entry);
  }
}

// Benchmarks in a pack; the tool's `PACK`.
const PACK = 8;
const packs = new Map();

// A benchmark's data in the one-file report.
async function packedBenchmark(number) {
  const pack = (id) => {
    if (!packs.has(id)) packs.set(id, packedIsland(id));
    return packs.get(id);
  };
  const [table, benchmarks] = await Promise.all([pack('shared'), pack('benchmarks-' + Math.floor(number / PACK))]);
  table.shared ||= new Shared(table);
  return table.shared.read(benchmarks[number % PACK]);
}
