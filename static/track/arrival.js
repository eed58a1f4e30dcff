// When it is there: what is expected now, big, with the promise beside it where the two differ.

import { h } from '../lib/dom.js';
import { ended } from '../lib/fold.js';
import { inMinutes, secondsUntil, time } from '../lib/time.js';

const brought = (order) => order.fulfilment === 'delivery';

/** Whether the rider is about to reach the door. */
export const almostThere = (order, facts) => order.status === 'picked_up' && facts.some((fact) => fact.type === 'order.courier_imminent');

/** When it is expected at the door or the counter; before anything is known of the way: as promised. */
export const expectedAt = (order) => (brought(order) ? order.dropoff_eta_at : order.ready_at) ?? order.promised_at ?? null;

/** The expected time as one sentence, for whoever listens; empty while there is none. */
export function expectedWord(order) {
  const at = expectedAt(order);
  return at && !ended(order) && !order.ending ? `Expected ${brought(order) ? 'at your door' : 'at the counter'} around ${time(at)}.` : '';
}

// What the time rests on.
function grounds(order) {
  if (!brought(order)) return 'As the kitchens say.';
  if (order.status === 'picked_up') return 'Your rider has your food.';
  if (order.pickup_eta_at) return `Your rider is at the court around ${time(order.pickup_eta_at)}.`;
  return order.dropoff_eta_at ? 'Your rider is at the court.' : 'As promised; told anew once a rider is on the way.';
}

/** The block with the time. It has the same height whatever it says, so nothing below it moves. */
export function arrival(order) {
  const at = expectedAt(order);
  const atCounter = order.status === 'ready_for_pickup' && !brought(order);
  if (!at || ended(order) || order.ending || atCounter) return null;
  const promised = order.promised_at && time(order.promised_at) !== time(at);
  const soon = secondsUntil(at) < 30;
  return h('section', { class: 'card arrival', key: 'arrival', 'aria-label': 'When it arrives', 'data-expected': at },
    h('p', { class: 'sign kicker' }, brought(order) ? 'Expected at your door' : 'Expected at the counter'),
    h('p', { class: 'arrival-line' }, h('time', { class: 'arrival-time', datetime: at }, time(at)), h('span', { class: 'arrival-in', key: 'in' }, soon ? 'any moment' : inMinutes(at)), promised && h('span', { class: 'arrival-promised', key: 'promised' }, 'promised ', h('time', { datetime: order.promised_at }, time(order.promised_at)))),
    h('p', { class: 'small arrival-more' }, order.wanted_at && order.status !== 'picked_up' ? `You wanted it ${time(order.wanted_at)}.` : grounds(order)));
}
