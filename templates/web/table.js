// Tables that are sorted by a click on a column's head.

// `columns`: { title, key(row) (number or text), cell(row) (text or element), number, note }.
function sortedTable(columns, rows, options = {}) {
  const body = el('tbody', {});
  const table = el('table', { class: options.class || '', id: options.id });
  const elements = rows.map((row, at) => options.row(row, at, columns.map((column) => el('td', { class: column.number ? 'number' : column.class || '' }, column.cell(row)))));
  let sorted = { column: options.column ?? -1, descending: true };

  const heads = columns.map((column, at) => {
    const button = el('button', { type: 'button', class: 'sort', title: column.note }, column.title);
    button.addEventListener('click', () => sort(at));
    return el('th', { class: column.number ? 'number' : '', scope: 'col' }, column.key ? button : column.title);
  });

  function sort(at) {
    const first = Boolean(columns[at].number);
    sorted = { column: at, descending: sorted.column === at ? !sorted.descending : first };
    show();
  }

  function show() {
    const { column, descending } = sorted;
    let order = rows.map((_, at) => at);
    if (column >= 0) {
      const keys = rows.map(columns[column].key);
      const compare = (a, b) => {
        const [x, y] = [keys[a], keys[b]];
        // What is not known stands at the end either way.
        if (x === null || y === null) return (x === null) - (y === null) || a - b;
        const by = typeof x === 'string' ? x.localeCompare(y) : x - y;
        return (descending ? -by : by) || a - b;
      };
      order.sort(compare);
    }
    heads.forEach((head, at) => {
      if (at === column) head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
    body.replaceChildren(...order.map((at) => elements[at]));
    if (options.onOrder) options.onOrder(order, elements);
  }

  show();
  table.append(el('thead', {}, el('tr', {}, ...heads)), body);
  table.sortBy = sort;
  return table;
}

// A bar behind a number: `share` from 0 to 1.
function bar(share, kind = '') {
  return el('span', { class: 'bar ' + kind, 'aria-hidden': 'true', style: { '--share': Math.min(1, Math.abs(share)).toFixed(4) } });
}

// The table of functions: `top` as the tool gives it, values in all or per operation.
function topTable(top, options = {}) {
  const { iterations, unit, scale, selected } = options;
  const each = (value) => (iterations ? perOperation((value * scale) / iterations, unit) : null);
  // Per operation values are exact, and said to the digit; the texts are rounded.
  const value = (text, number) => [each(number) || (options.perOp && scale !== undefined ? perOperation(number * scale, unit) : text)];
  const isDifference = options.isDifference || top.rows.some((row) => row.flat < 0 || row.cum < 0);
  const kind = (number) => (isDifference && number !== 0 ? (number > 0 ? 'grows' : 'shrinks') : '');
  const sums = new Map();
  const per = iterations || options.perOp ? '/op' : '';
  const columns = [
    { title: 'Flat' + per, number: true, key: (row) => row.flat, cell: (row) => value(row.flat_text, row.flat), note: 'its own' },
    { title: 'Flat%', number: true, key: (row) => row.flat, cell: (row) => [bar(row.flat / top.total, kind(row.flat)), percent(row.flat, top.total)] },
    { title: 'Sum%', number: true, cell: (row) => { const cell = el('span', {}); sums.set(row, cell); return cell; } },
    { title: 'Cum' + per, number: true, key: (row) => row.cum, cell: (row) => value(row.cum_text, row.cum), note: 'its own and that of what it calls' },
    { title: 'Cum%', number: true, key: (row) => row.cum, cell: (row) => [bar(row.cum / top.total, kind(row.cum)), percent(row.cum, top.total)] },
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
        sums.get(top.rows[at]).textContent = percent(sum, top.total);
      }
    },
  });
}
