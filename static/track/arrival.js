// When it is there: what is expected now, big, with the promise beside it where the two differ.

import { h } from '../lib/dom.js';
import { atTheDoor, ended } from '../lib/fold.js';
import { inMinutes, secondsUntil, span, time } from '../lib/time.js';

const brought = (order) => order.fulfilment === 'delivery';

/** Whether the rider is about to reach the door. */
export const almostThere = (order, facts) => order.status === 'picked_up' && !atTheDoor(order) && facts.some((fact) => fact.type === 'order.courier_imminent');

/** When it is expected at the door or the counter; before anything is known of the way: as promised. */
export const expectedAt = (order) => (brought(order) ? order.dropoff_eta_at : order.ready_at) ?? order.promised_at ?? null;

/** The expected time as one sentence, for whoever listens; empty while there is none. */
export function expectedWord(order) {
  const at = expectedAt(order);
  return at && !ended(order) && !order.ending && !atTheDoor(order) ? `Expected ${brought(order) ? 'at your door' : 'at the counter'} around ${time(at)}.` : '';
}

// What the time rests on. `late`: a kitchen has asked for more time than was promised at first.
function grounds(order, late) {
  if (order.status === 'picked_up') return 'Your rider has your food.';
  if (late && order.status !== 'ready_for_pickup') return 'Later than promised: a kitchen needs longer.';
  if (!brought(order)) return 'As the kitchens say.';
  if (order.pickup_eta_at) return `Your rider is at the court around ${time(order.pickup_eta_at)}.`;
  return order.dropoff_eta_at ? 'Your rider is at the court.' : 'As promised. We tell you more once a rider is on the way.';
}

// Until the kitchens have answered, what the checkout said.
function asTold(order, told) {
  const over = ended(order) || order.ending;
  if (over || !told) return null;
  return h('section', { class: 'card arrival', key: 'arrival', 'aria-label': 'When it arrives', 'data-expected': told.to, 'data-told': 'checkout' },
    h('p', { class: 'sign kicker' }, brought(order) ? 'At your door' : 'Ready at the counter'),
    h('p', { class: 'arrival-line' }, h('span', { class: 'arrival-time' }, h('time', { datetime: told.to }, span(told.from, told.to)))),
    h('p', { class: 'small arrival-more' }, 'As the checkout said. We tell you more once the kitchens have answered.'));
}

// Nothing to be expected any more: the rider waits.
const there = ({ courier_arrived_at: since }) => h('section', { class: 'card arrival', key: 'arrival', 'aria-label': 'When it arrives', 'data-expected': since, 'data-there': '' },
  h('p', { class: 'sign kicker' }, 'Your rider is there'),
  h('p', { class: 'arrival-line' }, h('span', { class: 'arrival-time' }, 'Now')),
  h('p', { class: 'small arrival-more' }, 'At your door since ', h('time', { datetime: since }, time(since)), '.'));

/** The block with the time; `told` is the window of the checkout, if it is known here. It has the same height whatever it says, so nothing below it moves. */
export function arrival(order, facts, told) {
  if (atTheDoor(order)) return there(order);
  const at = expectedAt(order);
  if (!at) return asTold(order, told);
  const atCounter = order.status === 'ready_for_pickup' && !brought(order);
  if (ended(order) || order.ending || atCounter) return null;
  // What was promised first stays to be seen: a delay moves the promise itself.
  const first = facts.find((fact) => fact.type === 'order.accepted')?.data?.promised_at ?? order.promised_at;
  const late = Date.parse(order.promised_at) > Date.parse(told && Date.parse(told.to) < Date.parse(first) ? told.to : first);
  const promised = first && time(first) !== time(at);
  const soon = secondsUntil(at) < 30;
  return h('section', { class: 'card arrival', key: 'arrival', 'aria-label': 'When it arrives', 'data-expected': at },
    h('p', { class: 'sign kicker' }, brought(order) ? 'Expected at your door' : 'Expected at the counter'),
    h('p', { class: 'arrival-line' }, h('time', { class: 'arrival-time', datetime: at }, time(at)), h('span', { class: 'arrival-in', key: 'in' }, soon ? 'any moment' : inMinutes(at)), promised && h('span', { class: 'arrival-promised', key: 'promised' }, 'promised ', h('time', { datetime: first }, time(first)))),
    h('p', { class: 'small arrival-more' }, order.wanted_at && !late && order.status !== 'picked_up' ? `You wanted it ${time(order.wanted_at)}.` : grounds(order, late)));
}
