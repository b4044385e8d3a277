// The menu of a frame.

// `entries`: links and buttons after those that every graph has.
function frameMenu(graph, source, node, x, y, entries = []) {
  document.getElementById('frame-menu')?.remove();
  const button = (title, id, act) => el('button', { type: 'button', role: 'menuitem', id, onclick: act }, title);
  const list = el('div', { class: 'menu-list floating', id: 'frame-menu', role: 'menu' },
    el('p', { class: 'hint' }, clipped(source.display.at(-1), 100)),
    button('Callers and callees', 'frame-pivot', () => graph.setPivot(quoted(source.unique))),
    button('Copy name', 'frame-copy', () => copyText(source.name)),
    button('Copy stack', 'frame-copy-stack', () => copyText(stackOf(graph, node).join('\n'))), ...entries);
  const close = () => { list.remove(); document.removeEventListener('pointerdown', outside); };
  const outside = (event) => { if (!list.contains(event.target)) close(); };
  const all = () => [...list.querySelectorAll('a, button')];
  list.addEventListener('click', (event) => { if (event.target.closest('a, button')) close(); });
  list.addEventListener('keydown', (event) => {
    const at = all().indexOf(document.activeElement);
    if (event.key === 'Escape') { close(); graph.canvas.focus(); }
    else if (event.key === 'ArrowDown') all()[(at + 1) % all().length].focus();
    else if (event.key === 'ArrowUp') all()[(at + all().length - 1) % all().length].focus();
    else return;
    event.preventDefault();
  });
  document.body.append(list);
  list.style.left = Math.max(4, Math.min(x, document.documentElement.clientWidth - list.offsetWidth - 8)) + 'px';
  list.style.top = Math.max(4, Math.min(y, document.documentElement.clientHeight - list.offsetHeight - 8)) + 'px';
  all()[0].focus();
  document.addEventListener('pointerdown', outside);
}

// The menu of the selected frame, beneath it.
function openFrameMenu(graph) {
  if (graph.selected <= 0 || !graph.options.onMenu) return;
  const box = graph.canvas.getBoundingClientRect();
  const { left, top } = graph.place(graph.selected);
  graph.options.onMenu(graph.source(graph.selected), graph.selected, box.left + Math.max(left, 0), box.top + top + ROW);
}

// The names from the root down to a node, as the graph shows them.
function stackOf(graph, node) {
  const [tree, start, direction] = graph.part(node);
  const names = [];
  for (let at = start; at !== 0; at = tree.parent[at]) names.push(graph.model.flame.sources[tree.frame[at]].name);
  return direction < 0 || graph.isInverted ? names : names.reverse();
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch (error) {
    // A page from disk or over plain HTTP may lack the clipboard API.
    const area = el('textarea', { class: 'offscreen' });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}
