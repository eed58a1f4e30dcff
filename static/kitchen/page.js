// The kitchen's page: snapshots and facts of one's kitchens folded into their boards, one of them open, and the cook's
// hands on it. All of them ring.

import { Api } from '../lib/api.js';
import { byId, draw, h, loading } from '../lib/dom.js';
import { Live } from '../lib/live.js';
import { Session } from '../lib/session.js';
import { openDoor, signInFromAddress } from '../lib/signin.js';
import { now } from '../lib/time.js';
import { toastProblem } from '../lib/toast.js';
import { drawHealth, drawWho } from '../lib/top.js';
import { board, inOrder, unanswered } from './board.js';
import { ring } from './bell.js';
import { answered, evolve, readBoard } from './fold.js';
import { askMinutes, askPause, askReason, openSoldOut, redraw } from './sheets.js';

const session = new Session('kitchen');
const api = new Api(session);
const live = new Live(api, drawHealth);
// A socket follows 64 topics at most.
const FOLLOWED_MAX = 48;
const state = { kitchens: [], boards: new Map(), open: null, get board() { return this.boards.get(this.open) ?? null; }, busy: new Set(), chosen: null, sound: localStorage.getItem('foodcourt.sound') === 'on' };
const root = byId('board');
const early = new Map();

function show() {
  if (!state.board) return;
  draw(root, board(state, act));
  redraw();
  const fresh = [...state.boards.values()].reduce((sum, one) => sum + unanswered(one), 0);
  document.title = `${fresh ? `(${fresh}) ` : ''}Kitchen · foodcourt`;
}

async function step(ticket, name, body, options) {
  const id = state.open;
  state.busy.add(ticket.ticket_id);
  show();
  try {
    const path = `/v1/tickets/${ticket.ticket_id}/${name}`;
    const after = name === 'delay' ? await api.patiently('POST', path, body) : await api.post(path, body, options);
    if (after?.stage && state.boards.has(id)) state.boards.set(id, answered(state.boards.get(id), after));
  } catch (problem) {
    toastProblem(problem);
  }
  state.busy.delete(ticket.ticket_id);
  show();
}

async function quietly(call) {
  try {
    await call;
  } catch (problem) {
    toastProblem(problem);
    show();
  }
}

// Shown at once, so that no redraw turns the switch back; a refusal does.
function sellOut(what, off) {
  const id = state.open;
  state.boards.set(id, evolve(state.board, { type: off ? 'kitchen.sold_out' : 'kitchen.back_on_menu', data: { what } }));
  show();
  const call = off ? api.post(path('sold_out'), what, { key: crypto.randomUUID() }) : api.delete(path(`sold_out/${Object.values(what)[0]}`));
  quietly(call.catch(async (problem) => {
    await rereadMenu(id);
    throw problem;
  }));
}

const path = (rest) => `/v1/kitchens/${state.board.kitchen.kitchen_id}/${rest}`;
const act = {
  step: (ticket, name) => step(ticket, name),
  accept: (ticket) => askMinutes(ticket, state.board.kitchen.prep_min, (prep_min) => step(ticket, 'acceptance', { prep_min })),
  reject: (ticket) => askReason(ticket, (reason) => step(ticket, 'rejection', { reason })),
  delay: (ticket, by_min) => step(ticket, 'delay', { by_min }),
  choose: (id) => {
    state.chosen = id;
    show();
  },
  pause: () => askPause((minutes) => quietly(api.put(path('pause'), { until: new Date(now() + minutes * 60_000).toISOString() }))),
  resume: () => quietly(api.delete(path('pause'))),
  menu: () => openSoldOut(() => state.board.menu, sellOut),
  sound: () => {
    state.sound = !state.sound;
    localStorage.setItem('foodcourt.sound', state.sound ? 'on' : 'off');
    if (state.sound) ring();
    show();
  },
  pick: (id) => quietly(open(state.kitchens.find((kitchen) => kitchen.kitchen_id === id))),
};

function take(id, fact) {
  const known = state.boards.get(id);
  if (!known) return void early.set(id, [...(early.get(id) ?? []), fact]);
  const now = evolve(known, fact);
  state.boards.set(id, now);
  const at = state.kitchens.length > 1 ? ` at ${now.kitchen.name}` : '';
  if (fact.type === 'ticket.opened') {
    byId('spoken').textContent = `New ticket ${fact.data.number}${at}`;
    if (state.sound) ring();
  }
  if (fact.type === 'ticket.delayed') byId('spoken').textContent = `Ticket ${now.tickets.find((one) => one.ticket_id === fact.data.ticket_id)?.number ?? ''}${at}: ${fact.data.by_min} minutes more`;
  if (fact.type === 'kitchen.menu_published') quietly(rereadMenu(id));
  show();
}
async function rereadMenu(id) {
  const { items } = await api.get(`/v1/kitchens/${id}/menu`);
  if (state.boards.has(id)) state.boards.set(id, { ...state.boards.get(id), menu: items });
  show();
}
function put(id, read) {
  state.boards.set(id, read);
  for (const fact of early.get(id) ?? []) take(id, fact);
  early.delete(id);
  show();
}

function follow({ kitchen_id: id }) {
  live.watch(`kitchen:${id}`, { onFact: (fact) => take(id, fact), onSnapshot: (data) => data?.kitchen && put(id, readBoard(data)), onError: toastProblem });
}
async function open(kitchen) {
  const { kitchen_id: id } = kitchen;
  state.open = id;
  sessionStorage.setItem('foodcourt.kitchen.open', id);
  show();
  if (state.board) return;
  const [tickets, menu] = await Promise.all([api.get(`/v1/kitchens/${id}/tickets`), api.get(`/v1/kitchens/${id}/menu`)]);
  if (!state.boards.has(id)) put(id, { kitchen, menu: menu.items, tickets: tickets.items });
}

function keys(event) {
  if (!state.board || byId('sheet').open || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.nodeName)) return;
  const tickets = inOrder(state.board);
  const at = tickets.findIndex((ticket) => ticket.ticket_id === state.chosen);
  const ticket = tickets[at];
  const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (by && tickets.length) {
    act.choose(tickets[(Math.max(at, by > 0 ? -1 : 0) + by + tickets.length) % tickets.length].ticket_id);
    root.querySelector('.ticket-chosen')?.scrollIntoView({ block: 'nearest' });
  } else if (!ticket && 'ard'.includes(event.key) && tickets.length) act.choose(tickets[0].ticket_id); // shown first, done with the next key
  else if (!ticket) return;
  else if (event.key === 'a' && ticket.stage === 'waiting') act.accept(ticket);
  else if (event.key === 'r' && ticket.stage === 'waiting') act.reject(ticket);
  else if (event.key === 'd' && ['accepted', 'in_kitchen'].includes(ticket.stage)) act.delay(ticket, 5);
  else if (event.key === 'Enter' && event.target.nodeName !== 'BUTTON') root.querySelector(`[data-ticket="${ticket.ticket_id}"] .good`)?.click();
  else return;
  event.preventDefault();
}

async function start() {
  root.hidden = false;
  draw(root, loading());
  try {
    const [me, courts] = await Promise.all([api.get('/v1/me'), api.get('/v1/courts')]);
    drawWho(me.display_name, leave);
    const lists = await Promise.all(courts.items.map((court) => api.get(`/v1/kitchens?court_id=${court.court_id}`)));
    state.kitchens = lists.flatMap((list) => list.items).filter((kitchen) => me.roles.includes('admin') || me.kitchens.includes(kitchen.kitchen_id));
    if (!state.kitchens.length) return draw(root, h('p', { class: 'empty' }, 'You do not work in any kitchen here.'));
    const last = sessionStorage.getItem('foodcourt.kitchen.open');
    const first = state.kitchens.find((kitchen) => kitchen.kitchen_id === last) ?? state.kitchens[0];
    [first, ...state.kitchens.filter((kitchen) => kitchen !== first)].slice(0, FOLLOWED_MAX).forEach(follow);
    await open(first);
    live.start();
  } catch (problem) {
    if (!session.signedIn) return door();
    toastProblem(problem);
    draw(root, h('p', { class: 'empty' }, problem.sentence ?? String(problem), ' ', h('button', { type: 'button', onclick: () => location.reload() }, 'Try again')));
  }
}
async function leave() {
  live.stop();
  await session.signOut();
  location.reload();
}
const door = () => openDoor(byId('door'), session, { roles: ['vendor_staff', 'admin'], title: 'The pass', text: 'Tickets as they come in. Made for the tablet beside the stove, and for its keyboard.', onIn: start });

document.addEventListener('keydown', keys);
setInterval(() => document.visibilityState === 'visible' && show(), 1_000);
drawHealth('off');
await signInFromAddress(session, ['vendor_staff', 'admin']).catch(toastProblem);
if (session.signedIn) start();
else door();
