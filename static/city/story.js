// One order as the operator sees it: its kitchens, its delivery, its money, what happened, and what may be done about it.

import { h, icon } from '../lib/dom.js';
import { ended } from '../lib/fold.js';
import { money } from '../lib/money.js';
import { time } from '../lib/time.js';
import { operatorWord, partWord, reasonWord, rejectWord } from '../lib/words.js';
import { sentence } from '../track/story.js';

const rides = {
  created: 'A rider is being looked for', confirmed: 'A rider took it', enroute_to_pickup: 'The rider is riding to the court', arrived_at_pickup: 'The rider is at the court',
  picked_up: 'The rider has the food', enroute_to_dropoff: 'The rider is riding to the door', arrived_at_dropoff: 'The rider is at the door', delivered: 'Handed over', cancelled: 'Called off', unassignable: 'No rider could be found',
};
const vehicles = { bicycle: 'by bicycle', scooter: 'by scooter', car: 'by car', foot: 'on foot' };
const beforePickup = ['confirmed', 'enroute_to_pickup', 'arrived_at_pickup'];
const over = ['delivered', 'cancelled', 'unassignable'];

// The guest's sentences are addressed to the guest.
const ours = {
  'order.placed': () => 'The guest placed the order',
  'order.picked_up': () => 'The rider has the food',
  'order.courier_arrived': () => 'The rider is at the door',
  'order.rejecting': (fact) => `It cannot be done: ${reasonOf(fact.data?.reason)}`,
  'order.cancel_requested': (fact) => `To be called off: ${reasonOf(fact.data?.reason)}`,
};
const reasonOf = (reason) => (reason === 'customer_cancelled' ? 'the guest called it off' : reasonWord(reason));
const told = (fact, order) => (ours[fact.type] ? ours[fact.type](fact) : sentence(fact, order));

const row = (word, ...what) => h('div', {}, h('dt', {}, word), h('dd', {}, what));

function sums(order) {
  const charged = order.accepted_total ?? order.totals?.total;
  return [charged && row('Total', money(charged)), order.refunded?.amount > 0 && row('Went back', money(order.refunded))];
}

function part(one, order) {
  const kind = one.stage === 'rejected' ? 'tag-bad' : ['ready_for_collection', 'collected'].includes(one.stage) ? 'tag-good' : 'tag-wait';
  return h('li', { key: one.kitchen_id, 'data-kitchen': one.kitchen_name }, h('div', { class: 'row spread' }, h('b', {}, one.kitchen_name, one.ticket_number && h('span', { class: 'part-number' }, ` #${one.ticket_number}`)), h('span', { class: `tag ${kind}` }, partWord(one, order))),
    h('small', {}, one.stage === 'rejected' ? `The kitchen ${rejectWord(one.reason)}.` : one.lines.map((line) => `${line.quantity} × ${line.name}`).join(' · ')));
}

function delivery({ order, delivery: one, rider }, act, busy) {
  if (order.fulfilment !== 'delivery') return null;
  const proof = one?.proof;
  return h('section', { class: 'stack', key: 'delivery', 'aria-labelledby': 'delivery-title' }, h('h3', { id: 'delivery-title' }, 'Delivery'),
    h('p', { 'data-ride': one?.state ?? 'none' }, one ? rides[one.state] ?? one.state : ended(order) ? 'It never got a rider.' : 'No rider yet.'),
    h('dl', { class: 'legs' },
      rider && row('Rider', `${rider.display_name ? `${rider.display_name}, ` : ''}${vehicles[rider.vehicle] ?? rider.vehicle}, ${rider.deliveries.length} of ${rider.capacity} in the bag`),
      one && !over.includes(one.state) && one.pickup_eta_at && row('At the court', time(one.pickup_eta_at)),
      one && !over.includes(one.state) && one.dropoff_eta_at && row('At the door', time(one.dropoff_eta_at)),
      proof && row('Hand-over', proof.waived ? 'the court vouches for it' : proof.required === 'pin' ? 'with a PIN' : 'with a photo')),
    h('div', { class: 'row' },
      rider?.position && h('button', { type: 'button', id: 'find-rider', key: 'find', onclick: () => act.find(rider) }, icon('map'), 'Show the rider on the map'),
      one && h('button', { type: 'button', id: 'open-why', key: 'why', onclick: act.why }, icon('alert'), 'Why this rider?'),
      one && beforePickup.includes(one.state) && h('button', { type: 'button', id: 'unassign', key: 'unassign', disabled: busy, onclick: act.unassign }, icon('bike'), 'Give it to another rider'),
      proof && !proof.waived && !over.includes(one.state) && h('button', { type: 'button', id: 'waive', key: 'waive', disabled: busy, onclick: act.waive }, icon('check'), 'Vouch for the hand-over')));
}

const mayCancel = (order) => !ended(order) && !order.ending && order.status !== 'picked_up';

/** The dialog's content. `story` is `{order, facts, delivery, rider, busy}`; `act`: close, cancel, unassign, waive, find, why. */
export function story(one, act) {
  const { order, facts, busy } = one;
  const happened = facts.map((fact) => [fact, told(fact, order)]).filter(([, said]) => said).reverse();
  return h('div', { class: 'sheet', key: order.order_id, 'data-story': order.order_id, 'data-status': order.status },
    h('div', { class: 'sheet-top' }, h('div', { class: 'row spread' }, h('h2', { id: 'order-title' }, `Order of ${time(order.placed_at)}`), h('button', { type: 'button', class: 'quiet', 'aria-label': 'Close', onclick: act.close }, icon('close'))),
      h('p', {}, h('b', {}, operatorWord(order)), ended(order) && order.end_reason ? ` because ${reasonOf(order.end_reason)}` : '', order.fulfilment === 'delivery' ? ' · to the door' : ' · at the counter')),
    h('div', { class: 'sheet-mid', tabindex: '0', role: 'region', 'aria-label': 'Details' },
      h('dl', { class: 'legs', key: 'when' }, order.wanted_at && row('Wanted', time(order.wanted_at)), !ended(order) && order.ready_at && row('Ready', time(order.ready_at)), order.promised_at && row('Promised', time(order.promised_at)), sums(order)),
      h('section', { class: 'stack', key: 'kitchens', 'aria-labelledby': 'kitchens-title' }, h('h3', { id: 'kitchens-title' }, 'Kitchens'), h('ul', { class: 'stack' }, order.parts.map((one) => part(one, order)))),
      delivery(one, act, busy),
      h('section', { key: 'facts', 'aria-labelledby': 'facts-title' }, h('h3', { id: 'facts-title' }, 'What happened'), h('ol', { class: 'facts' }, happened.map(([fact, said]) => h('li', { key: fact.seq, 'data-fact': fact.type }, h('time', { datetime: fact.at }, time(fact.at)), h('span', {}, said)))))),
    mayCancel(order) && h('div', { class: 'sheet-end', key: 'end' }, h('button', { class: 'bad grow', type: 'button', id: 'call-off', disabled: busy, onclick: act.cancel }, icon('close'), 'Call it off')));
}
