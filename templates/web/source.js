// Source lines with their costs.

const KEYWORDS = /^(?:as|async|await|break|const|continue|crate|dyn|else|enum|extern|fn|for|if|impl|in|let|loop|match|mod|move|mut|pub|ref|return|self|Self|static|struct|super|trait|type|unsafe|use|where|while)$/;

// Colours for Rust, roughly: comments, texts, numbers, keywords.
function highlighted(text) {
  const parts = [];
  const pattern = /(\/\/.*$)|("(?:[^"\\]|\\.)*")|('(?:[^'\\]|\\.)')|(\b\d[\w.]*)|([A-Za-z_]\w*)|([^\w"'/]+|.)/g;
  for (const [whole, comment, string, letter, number, word] of text.matchAll(pattern)) {
    const kind = comment ? 'comment' : string || letter ? 'string' : number ? 'literal' : word && KEYWORDS.test(word) ? 'keyword' : null;
    parts.push(kind ? el('span', { class: kind }, whole) : whole);
  }
  return parts;
}

// A listing that has its values in columns, as one that has them in lines; percentages are of `whole`.
function columnListing({ functions, costs, recursive, missing }, whole) {
  return { missing, functions: functions.map(({ name, file, steps, texts }, place) => {
    let number = 0;
    const lines = texts.map((text) => ({ number: 0, kind: 'plain', flat: 0, cum: 0, flat_text: '.', cum_text: '.', text }));
    steps.split(' ').forEach((step, at) => { if (lines[at]) lines[at].number = number += Number(step); });
    for (let at = 0; at < costs[place].length; at += 3) Object.assign(lines[costs[place][at]], { kind: 'sampled', flat: costs[place][at + 1], cum: costs[place][at + 2] });
    const [flat, all] = ['flat', 'cum'].map((key) => lines.reduce((sum, line) => sum + line[key], 0));
    const cum = all - recursive[place];
    return { name, file, flat, cum, flat_text: '', cum_text: '', percent: percent(cum, whole), lines };
  }) };
}

// `listing` is the tool's data; `options`: iterations, scale, unit, perOp, isDifference.
function sourceListing(listing, options = {}) {
  const { iterations, scale, unit, isDifference } = options;
  const number = (value) => (value * scale) / (iterations || 1);
  const shown = scale === undefined ? null : columnUnit(listing.functions.flatMap((one) => [one.flat, one.cum, ...one.lines.map((line) => line.cum)]).map(number), unit);
  const value = (text, raw) => (!shown ? text : raw === 0 ? (text === '.' ? '.' : '0') : (isDifference && raw > 0 ? '+' : '') + shown.text(number(raw)));
  const measure = shown ? [shown.name, iterations || options.perOp ? 'op' : ''].filter(Boolean).join('/').replace(/^op$/, '/op') : '';
  const title = (name) => name + (measure ? ', ' + measure : '');
  const isRust = (file) => file.endsWith('.rs');
  const functions = listing.functions.map((one) => {
    const most = Math.max(1, ...one.lines.map((line) => Math.abs(line.cum)));
    const rows = one.lines.map((line) => {
      const notes = (line.inlined || []).map((call) => el('div', { class: 'inlined' }, call.place ? [call.text && [isRust(one.file) ? highlighted(call.text) : call.text, ' '], el('span', { class: 'dim' }, call.place)] : call.text));
      const code = el('td', { class: 'code' }, isRust(one.file) ? highlighted(line.text) : line.text);
      const row = el('tr', { class: line.kind + (line.cum ? ' hot' : '') },
        el('td', { class: 'number flat' }, value(line.flat_text, line.flat)),
        el('td', { class: 'number cum' }, line.cum ? bar(line.cum / most, isDifference ? (line.cum < 0 ? 'shrinks' : 'grows') : '') : null, el('span', {}, value(line.cum_text, line.cum))),
        el('td', { class: 'line' }, String(line.number)), code);
      if (notes.length) {
        const detail = el('div', { class: 'notes', hidden: true }, ...notes);
        const open = el('button', { type: 'button', class: 'quiet unfold', 'aria-expanded': 'false', title: 'What was inlined here' }, '▸');
        open.addEventListener('click', () => {
          detail.hidden = !detail.hidden;
          open.textContent = detail.hidden ? '▸' : '▾';
          open.setAttribute('aria-expanded', String(!detail.hidden));
        });
        code.append(open, detail);
      }
      return row;
    });
    const each = measure && ' ' + measure;
    return el('section', { class: 'function' },
      el('h3', {}, el('code', {}, clipped(one.name))),
      el('p', { class: 'filename' }, clipped(one.file), el('span', { class: 'sums' }, ` flat ${value(one.flat_text, one.flat)}${each} · cum ${value(one.cum_text, one.cum)}${each} · ${one.percent.trim()} of the ${isDifference ? 'base' : 'total'}`)),
      el('div', { class: 'scroll' }, el('table', { class: 'source' },
        el('thead', {}, el('tr', {}, el('th', { class: 'number' }, title('flat')), el('th', { class: 'number' }, title('cum')), el('th', {}, ''), el('th', {}, ''))),
        el('tbody', {}, ...rows))));
  });
  const missing = listing.missing.length
    ? el('div', { class: 'notice' }, el('b', {}, 'Some sources were not found. '), 'Where they were looked for:', el('ul', {}, ...listing.missing.slice(0, 20).map((text) => el('li', {}, clipped(text)))), '-source_path and -trim_path say where they are.')
    : null;
  return el('div', { class: 'listing', id: 'content' }, missing, ...functions, functions.length ? null : el('p', { class: 'empty' }, 'No source lines.'));
}
