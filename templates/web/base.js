// The page's own helpers: elements, data, colours. Everything that comes from a profile becomes text, never markup.

// Longer names are cut in the middle: nobody reads a megabyte.
const LONGEST = 400;

// The own property `key` of `object`; names in profiles may equal those of properties that every object has.
function own(object, key) {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function clipped(text, most = LONGEST) {
  return text.length <= most ? text : text.slice(0, most * 0.7) + ' … ' + text.slice(-most * 0.25);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'style') Object.entries(value).forEach(([key, v]) => element.style.setProperty(key, v));
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function island(id) {
  const element = document.getElementById(id);
  return element && JSON.parse(element.textContent);
}

// Packed data of the one-file report.
async function packedIsland(id) {
  const text = document.getElementById(id).textContent;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).json();
}

// A regular expression that matches exactly `text`.
function quoted(text) {
  return '^' + text.replace(/[\\.?+*[\](){}|^$]/g, '\\$&') + '$';
}

// A test for the text in a search box; null if that is not a regular expression. Ignores case if the text has no
// capitals.
function searchTest(text) {
  if (text === '') return () => false;
  try {
    const expression = new RegExp(text, /[A-Z]/.test(text) ? '' : 'i');
    // A name may be a megabyte, and an expression may scan it many times.
    return (name) => expression.test(name.slice(0, 1000));
  } catch (error) {
    return null;
  }
}

// Skips the page's head, for keyboard users.
function skipLink(main) {
  const link = el('a', { class: 'skip', href: '#' }, 'Skip to the content');
  link.addEventListener('click', (event) => {
    event.preventDefault();
    main.focus();
  });
  return link;
}

// `/` goes to the page's search box.
function searchBySlash() {
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, select')) return;
    const box = document.querySelector('input[type="search"]');
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
}

function debounced(wait, action) {
  let timer = null;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), wait);
  };
}

// Light, dark, or the system's choice. Stored if the browser allows it.
const theme = {
  get() {
    try { return localStorage.getItem('memprof-theme') || 'auto'; } catch (error) { return 'auto'; }
  },
  set(value) {
    try { localStorage.setItem('memprof-theme', value); } catch (error) { /* a file's page may have no storage */ }
    theme.apply(value);
  },
  apply(value) {
    if (value === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = value;
    window.dispatchEvent(new Event('memprof-theme'));
  },
  isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  },
  button() {
    const label = () => ({ auto: 'Theme: auto', light: 'Theme: light', dark: 'Theme: dark' })[theme.get()];
    const next = { auto: 'dark', dark: 'light', light: 'auto' };
    const button = el('button', { type: 'button', class: 'quiet', id: 'theme', title: 'Light, dark, or as the system says' }, label());
    button.addEventListener('click', () => {
      theme.set(next[theme.get()]);
      button.textContent = label();
    });
    return button;
  },
};

theme.apply(theme.get());
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => window.dispatchEvent(new Event('memprof-theme')));
// Print in the light theme.
let beforePrint = null;
window.addEventListener('beforeprint', () => {
  beforePrint = document.documentElement.dataset.theme || 'auto';
  theme.apply('light');
});
window.addEventListener('afterprint', () => theme.apply(beforePrint || 'auto'));

// A button with a menu beneath it. `items`: elements, made when it is opened.
function menu(label, id, items) {
  const list = el('div', { class: 'menu-list', role: 'menu', hidden: true, id: id + '-list' });
  const button = el('button', { type: 'button', id, 'aria-haspopup': 'menu', 'aria-expanded': 'false' }, label, el('span', { class: 'arrow', 'aria-hidden': 'true' }, ' ▾'));
  const holder = el('div', { class: 'menu' }, button, list);
  const close = () => {
    list.hidden = true;
    button.setAttribute('aria-expanded', 'false');
  };
  const open = () => {
    list.replaceChildren(...items());
    list.hidden = false;
    button.setAttribute('aria-expanded', 'true');
    // Keep it within the window.
    list.classList.remove('to-left');
    if (list.getBoundingClientRect().right > document.documentElement.clientWidth) list.classList.add('to-left');
    const first = list.querySelector('a, button');
    if (first) first.focus();
  };
  button.addEventListener('click', () => (list.hidden ? open() : close()));
  document.addEventListener('pointerdown', (event) => { if (!holder.contains(event.target)) close(); });
  list.addEventListener('click', (event) => { if (event.target.closest('a, button')) close(); });
  holder.addEventListener('keydown', (event) => {
    const entries = [...list.querySelectorAll('a, button')];
    const at = entries.indexOf(document.activeElement);
    if (event.key === 'Escape') {
      close();
      button.focus();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (list.hidden) open();
      else entries[(at + (event.key === 'ArrowDown' ? 1 : entries.length - 1)) % entries.length]?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return holder;
}
