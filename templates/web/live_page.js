// A running program: its numbers over the last minutes, and its profiles.

const LIVE_WORDS = {
  heap: 'memory in use, by where it was allocated',
  allocs: 'everything allocated since the program began',
  profile: 'processor time of the next 5 seconds',
  block: 'where threads waited',
  mutex: 'where threads waited for a lock',
  goroutine: 'what each thread does now',
  threadcreate: 'the threads that there are',
};

const LIVE_PLOTS = [
  { id: 'live_bytes', title: 'live', values: (data) => data.live_bytes, text: (value) => amount(value, 'B') },
  { id: 'allocated', title: 'allocated', values: (data) => rates(data, data.bytes), text: (value) => amount(value, 'B') + '/s' },
  { id: 'allocations', title: 'allocations', values: (data) => rates(data, data.allocs), text: (value) => count(Math.round(value)) + '/s' },
  { id: 'cpu', title: 'CPU', values: (data) => rates(data, data.cpu_ms).map((rate) => rate / 10), text: (value) => value.toFixed(0) + ' %' },
  { id: 'threads', title: 'threads', values: (data) => data.threads, text: count },
];

// What was added a second, between each step and the one before it.
function rates(data, sums) {
  return sums.slice(1).map((sum, at) => Math.max(0, sum - sums[at]) / Math.max(0.001, (data.at_ms[at + 1] - data.at_ms[at]) / 1000));
}

function liveSpark(plot, data) {
  const [width, height] = [220, 44];
  const values = plot.values(data);
  const most = Math.max(...values, 0) || 1;
  const x = (at) => (values.length > 1 ? (at / (values.length - 1)) * width : width);
  const points = values.map((value, at) => `${x(at).toFixed(1)},${(height - 3 - (value / most) * (height - 6)).toFixed(1)}`);
  const last = values.length ? plot.text(values.at(-1)) : '–';
  return el('div', { class: 'live-number', 'data-plot': plot.id },
    el('div', { class: 'dim' }, plot.title),
    el('div', { class: 'live-value' }, last),
    svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'plot live', role: 'img', 'aria-label': `${plot.title}: ${last}, at most ${plot.text(most)} in ${values.length} seconds` },
      svg('polyline', { class: 'series series-1', points: points.join(' ') })));
}

function liveCard(kind) {
  const name = kind === 'profile' ? 'CPU' : kind;
  const said = el('span', { class: 'dim', role: 'status' });
  const parts = [el('a', { href: `open/${kind}`, class: 'button' }, 'Open')];
  parts.push(el('a', { href: `debug/pprof/${kind}${kind === 'profile' ? '?seconds=5' : ''}`, class: 'button', download: `${kind}.pb.gz` }, 'Download'));
  if (kind !== 'profile') {
    const since = el('span', { hidden: true }, ' since the mark: ', el('a', { href: `open/${kind}?since=mark` }, 'open'), ' · ', el('a', { href: `download/${kind}` }, 'download'));
    const mark = el('button', { type: 'button' }, 'Mark');
    mark.addEventListener('click', async () => {
      const answer = await fetch(`mark/${kind}`, { method: 'POST' }).catch(() => null);
      since.hidden = !(answer && answer.ok);
      said.textContent = answer && answer.ok ? ` marked at ${new Date().toLocaleTimeString()}` : ' could not be marked';
    });
    parts.push(mark, said, since);
  }
  return el('section', { class: 'live-card', 'data-kind': kind }, el('h3', {}, name), el('p', { class: 'dim' }, LIVE_WORDS[kind] || ''), el('div', { class: 'live-actions' }, ...parts));
}

function livePage(live) {
  const dot = el('span', { class: 'live-dot', 'data-state': 'lost', 'aria-hidden': 'true' });
  const state = el('span', { role: 'status', class: 'live-state' }, '…');
  const numbers = el('div', { class: 'live-numbers' });
  const kinds = ['heap', 'allocs', 'profile', ...live.kinds.filter((kind) => kind !== 'heap' && kind !== 'allocs')];
  const main = el('main', { tabindex: '-1' },
    el('p', { class: 'dim' }, `process ${live.pid}: `, el('code', {}, clipped(live.command))),
    numbers,
    el('h2', {}, 'Profiles'),
    el('div', { class: 'live-cards' }, ...kinds.map(liveCard)),
    el('p', { class: 'dim' }, 'For tools: ', el('a', { href: 'debug/pprof/' }, '/debug/pprof/'), ', as of a Go program.'));
  document.body.append(skipLink(main), el('header', { class: 'live-head' }, dot, el('h1', {}, live.name), state, theme.button()), main);
  const show = (data) => {
    const word = data ? data.state : 'lost';
    dot.dataset.state = word;
    if (state.textContent !== word) state.textContent = word;
    if (data) numbers.replaceChildren(...LIVE_PLOTS.map((plot) => liveSpark(plot, data)));
  };
  const look = async () => {
    const answer = await fetch('live.json').catch(() => null);
    show(answer && answer.ok ? await answer.json() : null);
    setTimeout(look, 1000);
  };
  look();
}
