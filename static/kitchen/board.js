// The board: four columns of tickets, each with its one big button and its clock.

import { h, icon } from '../lib/dom.js';
import { countdown, secondsUntil, time } from '../lib/time.js';
import { openTickets } from './fold.js';

const columns = [['waiting', 'New', 'bell'], ['accepted', 'Accepted', 'check'], ['in_kitchen', 'Cooking', 'pot'], ['ready_for_collection', 'Ready', 'bag']];
const URGENT_S = 30;
// Later than this a time of day says more than minutes.
const SOON_S = 3_600;

/** Tickets in the order the keyboard walks them: column by column, oldest first. */
export const inOrder = (board) => columns.flatMap(([stage]) => openTickets(board).filter((ticket) => ticket.stage === stage).sort((a, b) => a.number - b.number));

function clock(ticket) {
  if (ticket.stage === 'waiting') return h('span', { class: `clock${secondsUntil(ticket.answer_by) < URGENT_S ? ' clock-late' : ''}` }, icon('clock'), `${countdown(ticket.answer_by)} to answer`);
  if (ticket.stage === 'accepted') return h('span', { class: 'clock' }, icon('clock'), !ticket.fire_at ? 'Waiting for the others' : secondsUntil(ticket.fire_at) > SOON_S ? `Start ${time(ticket.fire_at)}` : secondsUntil(ticket.fire_at) > 0 ? `Start in ${countdown(ticket.fire_at)}` : 'Start now');
  if (ticket.stage === 'in_kitchen' && ticket.ready_at) return h('span', { class: `clock${secondsUntil(ticket.ready_at) < 0 ? ' clock-late' : ''}` }, icon('clock'), secondsUntil(ticket.ready_at) > SOON_S ? `Ready ${time(ticket.ready_at)}` : secondsUntil(ticket.ready_at) > 0 ? `${countdown(ticket.ready_at)} left` : 'Late');
  return h('span', { class: 'clock' }, icon(ticket.fulfilment === 'delivery' ? 'bike' : 'bag'), ticket.fulfilment === 'delivery' ? 'Waits for its rider' : 'Waits at the counter');
}

function buttons(ticket, act, busy) {
  const button = (key, name, words, kind, more) => h('button', { type: 'button', key, class: kind, disabled: busy, 'data-act': name, onclick: more ?? (() => act.step(ticket, name)) }, words);
  if (ticket.stage === 'waiting') return [button('a', 'acceptance', 'Accept', 'good grow', () => act.accept(ticket)), button('r', 'rejection', 'Reject', 'bad', () => act.reject(ticket))];
  const longer = button('d', 'delay', '+5 min', '', () => act.delay(ticket, 5));
  // Until the order's other kitchens have answered, nobody knows when to begin.
  if (ticket.stage === 'accepted' && !ticket.fire_at) return [longer];
  if (ticket.stage === 'accepted' || ticket.stage === 'in_kitchen') return [button('y', 'ready', 'Ready', 'good grow'), longer];
  return ticket.fulfilment === 'pickup' ? [button('c', 'collected', 'Collected', 'good grow')] : [];
}

function card(ticket, state, act) {
  const chosen = state.chosen === ticket.ticket_id;
  return h('li', { class: `ticket card${chosen ? ' ticket-chosen' : ''}`, key: ticket.ticket_id, 'data-ticket': ticket.ticket_id, 'data-stage': ticket.stage, onclick: () => act.choose(ticket.ticket_id) },
    h('div', { class: 'ticket-top' }, h('b', { class: 'ticket-number' }, `#${ticket.number}`), h('span', { class: 'tag' }, icon(ticket.fulfilment === 'delivery' ? 'bike' : 'bag'), ticket.fulfilment === 'delivery' ? 'Rider' : 'Counter'), h('small', { class: 'right' }, time(ticket.opened_at))),
    ticket.wanted_at && h('p', { class: 'ticket-wanted', key: 'wanted' }, icon('clock'), `Wanted ${time(ticket.wanted_at)}`),
    h('ul', { class: 'ticket-lines', key: 'lines' }, ticket.lines.map((line, at) => h('li', { key: at }, h('b', {}, `${line.quantity} ×`), h('span', {}, line.name, line.modifiers.length > 0 && h('small', {}, line.modifiers.map((modifier) => modifier.name).join(', ')), line.note && h('em', {}, line.note))))),
    h('p', { class: 'row', key: 'clock' }, clock(ticket), ticket.delay_min > 0 && ['accepted', 'in_kitchen'].includes(ticket.stage) && h('span', { class: 'tag tag-wait', 'data-delay': ticket.delay_min }, `+${ticket.delay_min} min`)), h('div', { class: 'ticket-buttons' }, buttons(ticket, act, state.busy.has(ticket.ticket_id))));
}

/** Tickets that wait for an answer. */
export const unanswered = (board) => openTickets(board).filter((ticket) => ticket.stage === 'waiting').length;
// What another kitchen has on its board, in the list of kitchens.
function tally(board) {
  const open = board ? openTickets(board).length : 0;
  if (!open) return '';
  const fresh = unanswered(board);
  return ` (${open} open${fresh ? `, ${fresh} new` : ''})`;
}

// Who looks after several kitchens sees where else somebody waits for an answer, one tap away.
function elsewhere(state, act) {
  const waiting = state.kitchens.map((kitchen) => [kitchen, kitchen.kitchen_id !== state.open && state.boards.has(kitchen.kitchen_id) ? unanswered(state.boards.get(kitchen.kitchen_id)) : 0]).filter(([, fresh]) => fresh > 0);
  return waiting.length > 0 && h('nav', { class: 'chips elsewhere', key: 'elsewhere', 'aria-label': 'New at other kitchens' }, waiting.map(([{ kitchen_id: id, name }, fresh]) => h('button', { type: 'button', key: id, 'data-elsewhere': name, onclick: () => act.pick(id) }, icon('bell'), `${name}: ${fresh} new`)));
}

/** The whole board. `act`: accept, reject, delay, step, choose, pause, resume, menu, sound, pick. */
export function board(state, act) {
  const { board: own } = state;
  const tickets = openTickets(own);
  const paused = own.kitchen.paused_until && secondsUntil(own.kitchen.paused_until) > 0;
  const off = own.menu.filter((item) => item.sold_out).length;
  return [
    h('header', { class: 'board-head', key: 'head' },
      h('div', { class: 'grow' }, h('h1', {}, own.kitchen.name), h('p', { class: 'small keys' }, h('kbd', {}, '↑'), h('kbd', {}, '↓'), ' choose · ', h('kbd', {}, 'A'), ' accept · ', h('kbd', {}, 'R'), ' reject · ', h('kbd', {}, 'D'), ' delay · ', h('kbd', {}, 'Enter'), ' next step')),
      state.kitchens.length > 1 && h('select', { 'aria-label': 'Kitchen', value: own.kitchen.kitchen_id, onchange: (event) => act.pick(event.target.value), key: 'pick' }, state.kitchens.map((kitchen) => h('option', { value: kitchen.kitchen_id, key: kitchen.kitchen_id }, kitchen.name + tally(state.boards.get(kitchen.kitchen_id))))),
      h('button', { type: 'button', key: 'menu', id: 'menu', onclick: act.menu }, icon('book'), 'Sold out', off > 0 && h('span', { class: 'tag tag-bad' }, String(off))),
      h('button', { type: 'button', key: 'pause', id: 'pause', class: paused ? 'main' : '', onclick: paused ? act.resume : act.pause }, icon(paused ? 'play' : 'pause'), paused ? `Paused until ${time(own.kitchen.paused_until)}: go on` : 'Pause'),
      h('button', { type: 'button', key: 'sound', 'aria-pressed': String(state.sound), onclick: act.sound }, icon(state.sound ? 'bell' : 'bell-off'), state.sound ? 'Sound on' : 'Sound off')),
    elsewhere(state, act),
    h('div', { class: 'columns', key: 'columns' }, columns.map(([stage, word, glyph]) => {
      const own = tickets.filter((ticket) => ticket.stage === stage).sort((a, b) => a.number - b.number);
      return h('section', { class: `column column-${stage}`, key: stage, 'aria-label': word, 'data-column': stage }, h('h2', {}, icon(glyph), word, h('span', { class: 'tally' }, String(own.length))), h('ul', { class: 'tickets' }, own.map((ticket) => card(ticket, state, act))), own.length === 0 && h('p', { class: 'empty' }, stage === 'waiting' ? 'All quiet.' : 'Nothing here.'));
    })),
  ];
}
