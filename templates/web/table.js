// Tables that are sorted by a click on a column's head, filtered, and folded by groups.

// `columns`: { title, id, key(row) (number or text), cell(row) (text or element), number, note, bySize }. A column of
// differences (`bySize`) is sorted without the sign. `options.group(row)`: neighbouring rows with the same text fold
// together, as long as nothing is sorted.
function sortedTable(columns, rows, options = {}) {
  const body = el('tbody', {});
  const table = el('table', { class: options.class || '', id: options.id });
  const cells = (row) => columns.map((column) => el('td', { class: column.number ? 'number' : column.class || '', 'data-label': column.title || null }, column.cell(row)));
  const elements = rows.map((row, at) => options.row(row, at, cells(row)));
  const folded = new Set();
  let test = () => true;
  let sorted = { column: options.column ?? -1, descending: true };
  const nameOf = (column) => column.id || column.title;

  const heads = columns.map((column, at) => {
    const button = el('button', { type: 'button', class: 'sort', title: column.note }, column.title);
    button.addEventListener('click', () => sort(at));
    return el('th', { class: (column.number ? 'number ' : '') + (column.class || ''), scope: 'col' }, column.key ? button : column.title);
  });

  function sort(at) {
    const first = Boolean(columns[at].number);
    sorted = { column: at, descending: sorted.column === at ? !sorted.descending : first };
    viewState.set({ order: (sorted.descending ? '-' : '') + nameOf(columns[at]) });
    show();
  }

  // Sort and fold as the address says, if it does.
  table.restore = () => {
    folded.clear();
    if (options.group) viewState.get('fold').split('\n').filter(Boolean).forEach((group) => folded.add(group));
    const order = viewState.get('order');
    const at = columns.findIndex((column) => column.key && nameOf(column) === order.replace(/^-/, ''));
    sorted = at < 0 ? { column: options.column ?? -1, descending: true } : { column: at, descending: order.startsWith('-') };
    show();
  };

  // Shows only the rows for which `shown` is true; returns their number.
  table.filter = (shown) => {
    test = shown;
    show();
    return rows.filter(test).length;
  };

  function inOrder() {
    const order = rows.map((_, at) => at).filter((at) => test(rows[at]));
    const { column, descending } = sorted;
    if (column < 0) return order;
    const { key, bySize } = columns[column];
    const keys = rows.map((row) => (bySize && key(row) !== null ? Math.abs(key(row)) : key(row)));
    return order.sort((a, b) => {
      const [x, y] = [keys[a], keys[b]];
      // Unknown values come last in both directions.
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      const by = typeof x === 'string' ? x.localeCompare(y) : x - y;
      return (descending ? -by : by) || a - b;
    });
  }

  function withGroups(order) {
    const shown = [];
    let last = null;
    for (const at of order) {
      const group = options.group(rows[at]);
      if (group !== last && group) shown.push(groupRow(group, order.filter((other) => options.group(rows[other]) === group).length));
      last = group;
      if (!folded.has(group)) shown.push(elements[at]);
    }
    return shown;
  }

  function groupRow(group, size) {
    const isOpen = !folded.has(group);
    const button = el('button', { type: 'button', class: 'quiet', 'aria-expanded': String(isOpen) }, (isOpen ? '▾ ' : '▸ ') + clipped(group, 200), el('span', { class: 'dim' }, ` ${size}`));
    button.addEventListener('click', () => {
      isOpen ? folded.add(group) : folded.delete(group);
      viewState.set({ fold: [...folded].join('\n') });
      show();
      body.querySelectorAll('.group button')[[...body.querySelectorAll('.group')].findIndex((row) => row.dataset.group === group)]?.focus();
    });
    return el('tr', { class: 'group', 'data-group': group }, el('th', { colspan: columns.length, scope: 'colgroup' }, button));
  }

  function show() {
    heads.forEach((head, at) => {
      if (at === sorted.column) head.setAttribute('aria-sort', sorted.descending ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
    const order = inOrder();
    body.replaceChildren(...(options.group && sorted.column < 0 ? withGroups(order) : order.map((at) => elements[at])));
    if (options.onOrder) options.onOrder(order, elements);
  }

  table.restore();
  table.append(el('thead', {}, el('tr', {}, ...heads)), body);
  return table;
}

// A bar beside a number: `share` from 0 to 1.
function bar(share, kind = '') {
  return el('span', { class: 'bar ' + kind, 'aria-hidden': 'true', style: { '--share': Math.min(1, Math.abs(share)).toFixed(4) } });
}

// The table of functions: `top` is the tool's data; values in total or per operation. `options`: scale, unit,
// iterations, perOp, whole (what percentages are of), isDifference, selected.
function topTable(top, options = {}) {
  const { iterations, unit, scale, selected } = options;
  const isDifference = options.isDifference || top.rows.some((row) => row.flat < 0 || row.cum < 0);
  const whole = options.whole ?? top.total;
  const number = (value) => (value * scale) / (iterations || 1);
  const shown = scale === undefined ? null : columnUnit(top.rows.flatMap((row) => [number(row.flat), number(row.cum)]), unit);
  // pprof's pages use the tool's texts, each with its unit.
  const text = (said, value) => [shown ? (isDifference && value > 0 ? '+' : '') + shown.text(number(value)) : said];
  const measure = shown && [shown.name, iterations || options.perOp ? 'op' : ''].filter(Boolean).join('/');
  const title = (name) => name + (measure ? ', ' + measure.replace(/^op$/, '/op') : '');
  const kind = (value) => (isDifference && value !== 0 ? (value > 0 ? 'grows' : 'shrinks') : '');
  const most = isDifference ? top.rows.reduce((most, row) => Math.max(most, Math.abs(row.flat), Math.abs(row.cum)), 1) : top.total;
  const share = (value) => [bar(value / most, kind(value)), percent(value, whole)];
  const sums = new Map();
  const columns = [
    { title: title('Flat'), id: 'flat', number: true, bySize: isDifference, key: (row) => row.flat, cell: (row) => text(row.flat_text, row.flat), note: 'its own' },
    { title: 'Flat%', number: true, bySize: isDifference, key: (row) => row.flat, cell: (row) => share(row.flat) },
    { title: 'Sum%', number: true, cell: (row) => { const cell = el('span', {}); sums.set(row, cell); return cell; } },
    { title: title('Cum'), id: 'cum', number: true, bySize: isDifference, key: (row) => row.cum, cell: (row) => text(row.cum_text, row.cum), note: 'its own and that of what it calls' },
    { title: 'Cum%', number: true, bySize: isDifference, key: (row) => row.cum, cell: (row) => share(row.cum) },
    { title: 'Name', class: 'name', key: (row) => row.name, cell: (row) => el('code', {}, clipped(row.name)) },
    { title: '', class: 'dim', cell: (row) => row.inline },
  ];
  return sortedTable(columns, top.rows, {
    id: 'toptable',
    class: 'top',
    column: 0,
    row: (row, at, cells) => {
      const line = el('tr', { 'data-name': row.name, tabindex: selected ? '0' : null }, ...cells);
      if (selected) {
        const toggle = () => selected(row.name, line);
        line.addEventListener('click', toggle);
        line.addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === ' ') { toggle(); event.preventDefault(); } });
      }
      return line;
    },
    onOrder: (order) => {
      let sum = 0;
      for (const at of order) {
        sum += top.rows[at].flat;
        sums.get(top.rows[at]).textContent = percent(sum, whole);
      }
    },
  });
}
