// pprof's pages: one profile, one view of it, and the menus that lead to the others.

const PAGES = [
  ['flamegraph', 'Flame graph', 'The profile as a flame graph'],
  ['graph', 'Graph', 'Who calls whom'],
  ['top', 'Top', 'The functions, with what they cost'],
  ['peek', 'Peek', 'Callers and callees of the functions that match'],
  ['source', 'Source', 'Source lines of the functions that match'],
];
// Refinements: the label, the parameter, whether an old value goes.
const REFINE = [
  ['Focus', 'f', true, 'Only samples through functions that match'],
  ['Ignore', 'i', false, 'Without samples through them'],
  ['Hide', 'h', false, 'Without these functions; what they call stays'],
  ['Show', 's', true, 'Only these functions'],
  ['Show from', 'sf', true, 'Without what calls them'],
];

function profilePage(page) {
  const here = new URL(location.href);
  // Parameters of this view alone do not belong in links to others.
  viewState.OWN.forEach((name) => here.searchParams.delete(name));
  // The selection by click; the search text replaces it while it is typed.
  const selection = new Set();
  let searched = '';

  const chosen = () => (searched !== '' ? searched : [...selection].map(quoted).join('|'));

  // The address of `path` with `changes` to this page's parameters; null removes one.
  function address(path, changes) {
    const url = new URL(path, here);
    for (const [name, value] of here.searchParams) url.searchParams.set(name, value);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === '') url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    return url.pathname + url.search;
  }

  // Peek's names are followed by a place.
  function forPeek(text) {
    return searched === '' ? text.replace(/\$(?=\||$)/g, '( |$)') : text;
  }

  function refined(parameter, replaces, text) {
    const old = here.searchParams.get(parameter);
    return address('', { [parameter]: !replaces && old && text ? `${text}|${old}` : text || null });
  }

  const tabs = PAGES.map(([name, title, note]) => {
    const link = el('a', { id: 'view-' + name, title: note, href: address('./' + name, {}), 'aria-current': name === page.page ? 'page' : null }, title);
    // Add the selection, whichever way the link is opened.
    const update = () => {
      const text = chosen();
      link.href = address('./' + name, text ? { f: name === 'peek' ? forPeek(text) : text } : {});
    };
    ['pointerenter', 'focus', 'pointerdown'].forEach((kind) => link.addEventListener(kind, update));
    return link;
  });

  const sampleMenu = page.sample_types.length > 1
    ? menu('Sample: ' + page.sample_type, 'sample', () => page.sample_types.map((type) => el('a', { href: address('', { si: type }), role: 'menuitem', id: 'sampletype-' + type, 'aria-current': type === page.sample_type ? 'true' : null }, type)))
    : null;

  const refineMenu = menu('Refine', 'refine', () => {
    const text = chosen();
    const entries = REFINE.map(([title, parameter, replaces, note]) => el('a', { role: 'menuitem', id: 'refine-' + parameter, title: note, class: text ? '' : 'disabled', 'aria-disabled': text ? null : 'true', href: text ? refined(parameter, replaces, text) : null, tabindex: '0' }, title));
    const hint = el('p', { class: 'hint' }, text ? clipped(text, 120) : 'Select something, or write into the search box.');
    return [hint, ...entries, el('hr', {}), el('a', { role: 'menuitem', id: 'reset', href: here.pathname }, 'Reset')];
  });

  const configMenu = menu('Config', 'config', () => {
    const entries = page.saved.map((entry) => el('div', { class: 'entry' },
      el('a', { role: 'menuitem', href: entry.url, 'aria-current': entry.current ? 'true' : null }, entry.name),
      entry.own ? el('button', { type: 'button', class: 'quiet delete', 'aria-label': 'Delete ' + entry.name, onclick: () => remove(entry.name) }, '×') : null));
    const options = [['noinlines', 'Without inlined functions'], ['rel', 'Percentages of what is shown'], ['compact', 'Short details'], page.page === 'graph' ? ['calltree', 'As a tree'] : null, page.iterations || page.per_op ? ['perop', 'Per operation'] : null].filter(Boolean);
    const switches = options.map(([name, title]) => {
      const on = name === 'perop' ? page.per_op : /^(t|y|1)/i.test(here.searchParams.get(name) || '');
      return el('a', { role: 'menuitemcheckbox', 'aria-checked': String(on), id: 'option-' + name, href: address('', { [name]: on ? (name === 'perop' ? 'f' : null) : 't' }) }, (on ? '☑ ' : '☐ ') + title);
    });
    const levels = ['functions', 'filefunctions', 'files', 'lines', 'addresses'].map((level) => el('a', { role: 'menuitemradio', 'aria-checked': String(here.searchParams.get('g') === level), id: 'granularity-' + level, href: address('', { g: level }) }, (here.searchParams.get('g') === level ? '◉ ' : '○ ') + level));
    return [el('button', { type: 'button', role: 'menuitem', id: 'save-config', onclick: save }, 'Save as …'), ...entries, el('hr', {}), ...switches, el('hr', {}), ...levels];
  });

  async function change(path, method, name) {
    const url = new URL(address(path, { config: name }), here);
    const answer = await fetch(url, { method });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    location.reload();
  }

  function save() {
    const field = el('input', { type: 'text', id: 'save-name', maxlength: '100', required: true, 'aria-label': 'Name', list: 'saved-names' });
    const problem = el('p', { class: 'problem', role: 'alert' });
    const names = el('datalist', { id: 'saved-names' }, ...page.saved.filter((entry) => entry.own).map((entry) => el('option', { value: entry.name })));
    const confirm = () => change('./saveconfig', 'POST', field.value).catch((error) => { problem.textContent = error.message; });
    const dialog = el('dialog', { id: 'save-dialog' }, el('h2', {}, 'Save this view as'), field, names, problem,
      el('div', { class: 'buttons' }, el('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'), el('button', { type: 'button', class: 'main', id: 'save-confirm', onclick: confirm }, 'Save')));
    field.addEventListener('keydown', (event) => { if (event.key === 'Enter') confirm(); });
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  function remove(name) {
    const dialog = el('dialog', { id: 'delete-dialog' }, el('h2', {}, 'Delete ' + clipped(name, 100) + '?'), el('p', { class: 'problem', role: 'alert' }),
      el('div', { class: 'buttons' }, el('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'),
        el('button', { type: 'button', class: 'main', id: 'delete-confirm', onclick: () => change('./deleteconfig', 'DELETE', name).catch((error) => { dialog.querySelector('.problem').textContent = error.message; }) }, 'Delete')));
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  const search = el('input', { type: 'search', id: 'search', placeholder: 'Search (regular expression)', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', 'aria-label': 'Search; Enter narrows the view to it' });
  const found = el('output', { id: 'found', for: 'search' });
  const details = el('div', { id: 'detailsbox', hidden: true }, ...page.legend.map((line) => el('div', {}, clipped(line, 2000))));
  const detailsButton = el('button', { type: 'button', id: 'details', 'aria-expanded': 'false', 'aria-controls': 'detailsbox' }, 'Details');
  detailsButton.addEventListener('click', () => {
    details.hidden = !details.hidden;
    detailsButton.setAttribute('aria-expanded', String(!details.hidden));
  });
  const active = REFINE.filter(([, parameter]) => here.searchParams.get(parameter)).map(([title, parameter]) => el('span', { class: 'chip' }, title + ': ', el('code', {}, clipped(here.searchParams.get(parameter), 60)),
    el('a', { href: address('', { [parameter]: null }), 'aria-label': `Without ${title}`, class: 'remove' }, '×')));

  const title = page.benchmark || page.file;
  const header = el('header', { class: 'bar-top' },
    el('div', { class: 'line' },
      page.home ? el('a', { class: 'brand', href: page.home, title: 'All benchmarks' }, '‹ memprof') : el('a', { class: 'brand', href: './' }, 'memprof'),
      el('h1', { title: page.title }, clipped(title, 120)),
      page.siblings.length > 1 ? el('nav', { class: 'segmented', 'aria-label': 'Profile' }, ...page.siblings.map((one) => el('a', { href: one.url, 'aria-current': one.here ? 'true' : null }, one.kind))) : null,
      el('span', { class: 'grow' }),
      /^https?:\/\//.test(page.doc_url) ? el('a', { href: page.doc_url, rel: 'noreferrer noopener', target: '_blank', class: 'quiet-link' }, 'Help ↗') : null,
      el('a', { href: './download', id: 'download', class: 'quiet-link', download: 'profile.pb.gz' }, 'Download'), detailsButton, theme.button()),
    el('div', { class: 'line' },
      el('nav', { class: 'tabs', 'aria-label': 'View', id: 'view' }, ...tabs),
      sampleMenu, refineMenu, configMenu, el('span', { class: 'grow' }), el('span', { class: 'search' }, search, found)));
  const errors = page.errors.length ? el('div', { class: 'notice', id: 'errors', role: 'status' }, ...page.errors.map((error) => el('div', {}, clipped(error, 2000)))) : null;
  const main = el('main', { class: 'page-' + page.page, id: 'main', tabindex: '-1' });
  document.body.append(skipLink(main), header, details, active.length ? el('div', { class: 'chips' }, ...active) : '', errors || '', main);

  const reselect = (name, element) => {
    const on = !selection.has(name);
    on ? selection.add(name) : selection.delete(name);
    element.classList.toggle('selected', on);
    search.value = searched = '';
    found.textContent = '';
  };
  const highlight = { flamegraph: showFlame, graph: showGraph, top: showTop, peek: showPeek, source: showSource }[page.page]();

  const look = debounced(120, () => {
    const test = searchTest(search.value);
    search.classList.toggle('wrong', test === null);
    found.textContent = test === null ? 'no regular expression' : highlight(search.value, test) || '';
  });
  const takeSearch = () => {
    searched = searchTest(search.value) ? search.value : '';
    look();
  };
  search.addEventListener('input', () => {
    viewState.set({ q: search.value });
    takeSearch();
  });
  const recall = () => {
    if (search.value === viewState.get('q')) return;
    search.value = viewState.get('q');
    takeSearch();
  };
  recall();
  window.addEventListener('popstate', () => {
    recall();
    main.querySelector('table')?.restore?.();
  });
  search.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && searchTest(search.value)) {
      event.preventDefault();
      location.assign(address('', { f: search.value || null }));
    }
  });
  searchBySlash();

  function showFlame() {
    const flame = page.data;
    const model = new FlameModel(flame, 0, page.compared);
    const graph = new FlameGraph(model, {
      iterations: page.per_op ? null : page.iterations,
      perOp: page.per_op,
      onMenu: (source, node, x, y) => frameMenu(graph, source, node, x, y, entries(source)),
      onSelect: (source) => {
        selection.clear();
        if (source) selection.add(source.name.replace(/:\d+$/, ''));
      },
    });
    // As in the report: hide the common beginning of the stacks if it is a harness.
    if (flame.sources.some((source) => /^<?(criterion\w*|codspeed\w*|divan|memprof_rt)::/.test(source.name))) graph.setHarness(false);
    main.append(flameTools(graph, [el('span', { class: 'whole' }, el('b', {}, graph.amount(model.column.total)), ' ', model.column.kind)]), graph.element);
    window.memprofFlame = graph;
    window.addEventListener('popstate', rememberFlame(graph));
    return (text) => {
      const result = graph.setSearch(text);
      return result && `${percent(result.share, 1)} matched`;
    };

    function entries(source) {
      const name = quoted(source.name.replace(/:\d+$/, ''));
      const link = (title, id, href) => el('a', { role: 'menuitem', href, id }, title);
      return [link('Show source', 'frame-source', address('./source', { f: name })),
        link('Peek', 'frame-peek', address('./peek', { f: name.replace(/\$$/, '( |$)') })), el('hr', {}),
        ...REFINE.filter(([, parameter]) => parameter !== 's').map(([title, parameter, replaces]) => link(title, 'frame-' + parameter, refined(parameter, replaces, name)))];
    }
  }

  function marked(elements) {
    return (text, test) => {
      let number = 0;
      elements().forEach((element) => {
        const hit = text !== '' && test(element.dataset.name);
        element.classList.toggle('match', hit);
        number += hit;
      });
      if (text !== '') {
        selection.clear();
        main.querySelectorAll('.selected').forEach((element) => element.classList.remove('selected'));
      }
      return text && `${number} matched`;
    };
  }

  function showGraph() {
    main.append(callGraph(page.data, { onSelect: reselect, isDifference: page.compared }));
    return marked(() => main.querySelectorAll('.box'));
  }

  function showTop() {
    main.append(el('div', { class: 'scroll' }, topTable(page.data, { selected: reselect, isDifference: page.compared })));
    if (!page.data.rows.length) main.append(el('p', { class: 'empty' }, 'No functions are left; a filter may be too narrow.'));
    return marked(() => main.querySelectorAll('tbody tr'));
  }

  function showPeek() {
    const lines = page.data.text.split('\n');
    const text = el('pre', { id: 'content', tabindex: '0' }, ...lines.map((line) => el('span', { class: 'peek-line', 'data-name': line }, clipped(line, 600) + '\n')));
    main.append(text);
    return marked(() => text.querySelectorAll('.peek-line'));
  }

  function showSource() {
    main.append(sourceListing(page.data));
    return (text, test) => {
      let number = 0;
      main.querySelectorAll('section.function').forEach((section) => {
        const hit = text === '' || test(section.querySelector('h3').textContent);
        section.hidden = !hit;
        number += hit;
      });
      return text && `${number} matched`;
    };
  }
}
