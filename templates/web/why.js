// The reasons why a benchmark allocates, and the remedies: the findings of `cargo memprof explain`.

// Sites with less than this share of the bytes and of the calls are folded away.
const SMALL_SITE = 0.005;

function whyView(why) {
  if (why.error) return el('div', { class: 'notice bad' }, clipped(why.error, 2000));
  const small = (site) => site.share < SMALL_SITE && site.allocs_per_op < SMALL_SITE * why.allocs_per_op && !site.remedies.length;
  // The sites with the largest savings come first.
  const saved = (site) => Math.max(0, ...site.remedies.map(({ effect }) => share(-effect.bytes_per_op, why.bytes_per_op) + share(-effect.allocs_per_op, why.allocs_per_op)));
  const shown = why.sites.filter((site) => !small(site)).sort((a, b) => saved(b) - saved(a));
  const rest = why.sites.filter(small);
  const sum = (sites, key) => sites.reduce((all, site) => all + site[key], 0);
  const followed = `Counted over ${grouped(why.iterations)} operations, of which ${grouped(why.followed)} were followed block by block.`;
  return el('div', { class: 'why' },
    el('p', { class: 'line' }, el('span', { class: 'whole' }, el('b', {}, perOperation(why.bytes_per_op, 'B') + '/op'), ' in ', el('b', {}, count(why.allocs_per_op)), ' allocs/op'), el('span', { class: 'dim' }, followed)),
    why.sites.length ? null : el('p', { class: 'empty' }, 'It allocates nothing.'),
    ...shown.map(whySite),
    rest.length ? el('details', { class: 'rest' }, el('summary', {}, `${rest.length} more: ${perOperation(sum(rest, 'bytes_per_op'), 'B')}/op in ${count(sum(rest, 'allocs_per_op'))} allocs/op`), ...rest.map(whySite)) : null,
    ...why.notes.map((note) => el('p', { class: 'dim' }, 'Note: ' + clipped(note, 2000))));
}

function share(part, whole) {
  return whole ? part / whole : 0;
}

// One line of the user's code, and one thing that it does there.
function whySite(site) {
  const part = (text, title) => el('span', { title }, text);
  const place = site.file ? clipped(site.file.split('/').slice(-3).join('/'), 200) + (site.line ? ':' + site.line : '') : '';
  const facts = [
    part(el('b', {}, perOperation(site.bytes_per_op, 'B') + '/op'), 'bytes asked for'),
    part(el('b', {}, count(site.allocs_per_op) + ' allocs/op'), 'calls of alloc, alloc_zeroed and realloc'),
    part(percent(site.share, 1) + ' of the bytes', 'of all that an operation asks for'),
    site.share_of_peak >= SMALL_SITE ? part(percent(site.share_of_peak, 1) + ' of the peak', 'of what is live at the highest moment') : null,
  ];
  const beneath = [...site.callers.map((caller) => el('li', {}, 'called from ', el('code', {}, clipped(caller)))), ...site.stack.map((name) => el('li', {}, el('code', {}, clipped(name))))];
  return el('article', { class: 'site' },
    el('div', { class: 'site-share', 'aria-hidden': 'true' }, el('span', { class: 'beam', style: { '--share': Math.min(1, Math.max(0, site.share)).toFixed(4) } })),
    el('h3', {}, el('code', {}, clipped(site.function)), place ? el('span', { class: 'dim place', title: clipped(site.file, 2000) }, ' ' + place) : null),
    site.source ? el('pre', { class: 'code' }, site.file.endsWith('.rs') ? highlighted(clipped(site.source.trim(), 1000)) : clipped(site.source.trim(), 1000)) : null,
    el('p', { class: 'facts' }, ...facts),
    el('p', { class: 'words' }, clipped(site.words, 2000)),
    site.remedies.length ? el('ul', { class: 'remedies' }, ...site.remedies.map((remedy, at) => el('li', { class: at ? 'other' : null }, at ? 'or: ' : null, clipped(remedy.advice, 2000), ' ', el('span', { class: 'change shrinks' }, effectText(remedy.effect))))) : null,
    beneath.length ? el('details', {}, el('summary', {}, 'From there to the allocator'), el('ul', { class: 'stack' }, ...beneath)) : null);
}

// `−5 allocs/op, −1,984 B/op`.
function effectText(effect) {
  const number = (value) => (value > 0 ? '+' : '') + count(value);
  const parts = [`${number(effect.allocs_per_op)} allocs/op`];
  if (effect.bytes_per_op !== 0) parts.push(`${number(effect.bytes_per_op)} B/op`);
  return (effect.exact ? '' : 'about ') + parts.join(', ');
}
