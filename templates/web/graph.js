// The call graph: boxes and arrows that the tool has placed. Drag to move, wheel or + and - to zoom, click to select.

function callGraph(picture, options = {}) {
  if (!picture.boxes.length) return el('p', { class: 'empty' }, 'Nothing is left to be drawn; a filter may be too narrow.');
  const isDifference = options.isDifference || picture.boxes.some((box) => box.cum < 0 || box.flat < 0);
  const arrows = picture.arrows.map((arrow) => {
    const kind = arrow.share < 0 ? 'shrinks' : isDifference && arrow.share > 0 ? 'grows' : '';
    const points = arrow.points;
    const [mx, my] = points[points.length >> 1];
    const [lx, ly] = points.length % 2 ? [mx, my] : [(mx + points[(points.length >> 1) - 1][0]) / 2, (my + points[(points.length >> 1) - 1][1]) / 2];
    const from = picture.boxes[arrow.from].name;
    const to = picture.boxes[arrow.to].name;
    return svg('g', { class: 'arrow ' + kind },
      svg('path', { d: curve(points), 'stroke-width': arrow.stroke.toFixed(1), 'stroke-dasharray': arrow.residual ? '2 4' : null, 'marker-end': 'url(#head)' }),
      svg('text', { x: lx + 4, y: ly + 3 }, arrow.label + (arrow.inline ? ' (inline)' : '')),
      svg('title', {}, `${clipped(from)} ${arrow.residual ? '…' : '→'} ${clipped(to)}: ${arrow.label}`));
  });
  const boxes = picture.boxes.map((box) => {
    const height = box.font * 1.3;
    const lines = [...box.lines, ...box.values];
    const text = lines.map((line, at) => svg('text', { x: box.x, y: box.y - box.height / 2 + 6 + height * (at + 0.78), 'text-anchor': 'middle', 'font-size': box.font, class: at < box.lines.length ? 'name' : 'value' }, line));
    const isLabel = box.is_label;
    const kind = isLabel ? '' : isDifference ? (box.cum < 0 ? 'shrinks' : box.cum > 0 ? 'grows' : 'std') : box.origin;
    const group = svg('g', isLabel ? { class: 'tag' } : { class: 'box ' + kind, tabindex: '0', role: 'button', 'data-name': box.name, 'aria-label': `${clipped(box.name)}: ${box.values.join(' ')}` },
      svg('rect', { x: box.x - box.width / 2, y: box.y - box.height / 2, width: box.width, height: box.height, rx: isLabel ? 1 : 5, style: { '--share': Math.abs(box.share).toFixed(3) } }),
      ...text, svg('title', {}, clipped(box.name)));
    return group;
  });
  const canvas = svg('svg', { class: 'graph', role: 'group', 'aria-label': 'Call graph' },
    svg('defs', {}, svg('marker', { id: 'head', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: 'userSpaceOnUse', orient: 'auto' }, svg('path', { d: 'M0,0 L8,4 L0,8 z' }))),
    svg('g', {}, ...arrows), svg('g', {}, ...boxes));

  let view = { x: 0, y: 0, width: picture.width, height: picture.height };
  const apply = () => canvas.setAttribute('viewBox', `${view.x} ${view.y} ${view.width} ${view.height}`);
  const zoom = (factor, cx, cy) => {
    const width = Math.min(picture.width * 4, Math.max(60, view.width * factor));
    const part = width / view.width;
    view = { x: cx - (cx - view.x) * part, y: cy - (cy - view.y) * part, width, height: view.height * part };
    apply();
  };
  const position = (event) => {
    const box = canvas.getBoundingClientRect();
    const scale = Math.max(view.width / box.width, view.height / box.height) || 1;
    return [view.x + view.width / 2 + (event.clientX - box.left - box.width / 2) * scale, view.y + view.height / 2 + (event.clientY - box.top - box.height / 2) * scale, scale];
  };
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    const [x, y] = position(event);
    zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, x, y);
  }, { passive: false });
  let drag = null;
  canvas.addEventListener('pointerdown', (event) => {
    drag = { x: event.clientX, y: event.clientY, view: { ...view }, moved: false, target: event.target.closest('.box') };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!drag) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    drag.moved ||= Math.hypot(dx, dy) > 4;
    if (!drag.moved) return;
    const scale = position(event)[2];
    view = { ...view, x: drag.view.x - dx * scale, y: drag.view.y - dy * scale };
    apply();
  });
  canvas.addEventListener('pointerup', () => {
    if (drag && !drag.moved && drag.target && options.onSelect) options.onSelect(drag.target.dataset.name, drag.target);
    drag = null;
  });
  canvas.addEventListener('keydown', (event) => {
    const middle = [view.x + view.width / 2, view.y + view.height / 2];
    const step = view.width / 10;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key === '+' || event.key === '=') zoom(1 / 1.25, ...middle);
    else if (event.key === '-') zoom(1.25, ...middle);
    else if (event.key === '0') { view = { x: 0, y: 0, width: picture.width, height: picture.height }; apply(); }
    else if (moves[event.key]) { view.x += moves[event.key][0]; view.y += moves[event.key][1]; apply(); }
    else if ((event.key === 'Enter' || event.key === ' ') && event.target.closest('.box') && options.onSelect) options.onSelect(event.target.closest('.box').dataset.name, event.target.closest('.box'));
    else return;
    event.preventDefault();
  });
  apply();
  // A tall graph opens at the user's own code, in readable letters; Fit shows all of it.
  requestAnimationFrame(() => {
    const room = canvas.getBoundingClientRect();
    if (!room.width || Math.min(room.width / picture.width, room.height / picture.height) > 0.7) return;
    const [width, height] = [room.width / 0.8, room.height / 0.8];
    // Above the heaviest of the user's own functions there are only the callers of all of them: a harness.
    const first = (boxes) => boxes.reduce((best, box) => (Math.abs(box.cum) > Math.abs(best.cum) || (box.cum === best.cum && box.y < best.y) ? box : best));
    const own = picture.boxes.filter((box) => box.origin === 'own' && !box.is_label);
    const start = first(own.length ? own : picture.boxes);
    view = { x: start.x - width / 2, y: Math.max(0, start.y - start.height / 2 - 60), width, height };
    apply();
  });
  const button = (label, title, action) => el('button', { type: 'button', title, 'aria-label': title, onclick: action }, label);
  const middle = () => [view.x + view.width / 2, view.y + view.height / 2];
  const tools = el('div', { class: 'graph-tools' }, button('+', 'Larger', () => zoom(1 / 1.4, ...middle())), button('−', 'Smaller', () => zoom(1.4, ...middle())),
    button('Fit', 'The whole graph', () => { view = { x: 0, y: 0, width: picture.width, height: picture.height }; apply(); }));
  return el('div', {}, el('div', { class: 'tools' }, legendKeys({ isDifference: isDifference, flame: {} })), el('div', { class: 'graph-holder' }, tools, canvas));
}

// A smooth line through corners, leaving and arriving upright.
function curve(points) {
  let path = `M${points[0][0]},${points[0][1]}`;
  for (let at = 1; at < points.length; at++) {
    const [[x0, y0], [x1, y1]] = [points[at - 1], points[at]];
    const half = (y0 + y1) / 2;
    path += ` C${x0},${half} ${x1},${half} ${x1},${y1}`;
  }
  return path;
}
