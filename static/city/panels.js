// The operator's figures: counts, the promises of the system, the newest orders.

import { h, icon } from '../lib/dom.js';
import { money } from '../lib/money.js';
import { time } from '../lib/time.js';
import { operatorWord } from '../lib/words.js';

const open = ['placed', 'accepted', 'in_preparation', 'ready_for_pickup', 'picked_up'];
const kindOf = (status) => (open.includes(status) ? 'tag-wait' : ['delivered', 'completed'].includes(status) ? 'tag-good' : 'tag-bad');

/** Counts, big enough to read across the room. */
export function figures({ orders, riders }) {
  const count = (status) => orders.filter((order) => order.status === status).length;
  const busy = riders.filter((rider) => (rider.deliveries ?? rider.held ?? []).length > 0).length;
  const figure = (name, value, word, glyph) => h('div', { class: 'card figure', key: name, 'data-figure': name }, icon(glyph), h('b', {}, String(value)), h('span', {}, word));
  return [
    figure('open', orders.filter((order) => open.includes(order.status)).length, 'open orders', 'basket'), figure('cooking', count('in_preparation'), 'being cooked', 'pot'),
    figure('riding', count('picked_up'), 'on the way', 'bike'), figure('riders', `${busy}/${riders.length}`, 'riders busy', 'bike'), figure('done', count('delivered') + count('completed'), 'handed over', 'check'),
  ];
}

// What the server checks over its whole history, in words of the trade.
const kept = {
  I2: 'Every guest is charged once, and only for what was served', I3: 'Nothing waits longer than it may', I4: 'The record of every order is complete',
  I5: 'One rider per order; no rider and no kitchen has more than they can carry', I6: 'An order that fails leaves nothing behind: no charge, no ticket, no rider', I8: 'An order that is done is done for everybody', I9: 'Nobody is told the same news twice', I11: 'No guest is promised less time than a kitchen has asked for',
};

/** The invariants, each with whether it holds. */
export function promises(list) {
  const broken = list.filter((one) => !one.holds).length;
  return h('section', { class: 'card', key: 'promises', 'aria-label': 'Promises kept' }, h('div', { class: 'row spread' }, h('h2', {}, 'Promises kept'), list.length > 0 && h('span', { class: `tag ${broken ? 'tag-bad' : 'tag-good'}` }, icon(broken ? 'alert' : 'check'), broken ? `${broken} broken` : 'All of them')),
    list.length === 0 ? h('p', { class: 'empty' }, 'Not checked yet.') : h('ul', { class: 'promises' }, list.map((one) => h('li', { key: one.id, class: one.holds ? 'holds' : 'broken' }, icon(one.holds ? 'check' : 'alert'), h('span', {}, kept[one.id] ?? one.says, one.breaches?.length > 0 && h('details', { key: 'details' }, h('summary', {}, one.breaches.length === 1 ? 'One case, for support' : `${one.breaches.length} cases, for support`), h('small', {}, one.breaches.slice(0, 3).join(' · ')))), h('span', { class: 'unseen' }, one.holds ? 'holds' : 'is broken')))));
}

const vehicles = { bicycle: 'Bicycle', scooter: 'Scooter', car: 'Car', foot: 'On foot' };

/** The running shifts: what each has come to, those with most work first, and how evenly work falls. */
export function shifts({ riders, spread }) {
  if (!riders.length || !spread) return null;
  const minutes = (s) => `${Math.round(s / 60)} min`;
  const lasted = ({ worked }) => Math.max(1, worked.busy_s + worked.idle_s);
  const share = (part) => `${Math.round(part * 100)} %`;
  const rows = [...riders].sort((a, b) => b.worked.busy_s / lasted(b) - a.worked.busy_s / lasted(a)).slice(0, 25);
  return h('section', { class: 'card', key: 'shifts', 'aria-label': 'Riders\' shifts' }, h('h2', {}, 'Riders\' shifts'),
    riders.length > 1 && h('p', { class: 'small', key: 'spread' }, `Idle between ${share(spread.idle_least)} and ${share(spread.idle_most)} of their shifts. How unevenly it falls, from 0 (all alike) to 1 (all on one): work ${spread.busy_gini}, deliveries an hour ${spread.deliveries_gini}.`),
    h('div', { class: 'table-frame', tabindex: '0', role: 'region', 'aria-label': 'Running shifts' }, h('table', {}, h('thead', {}, h('tr', {}, ['Rider', 'On', 'Since', 'Until', 'Handed over', 'At work', 'Idle'].map((word, at) => h('th', { scope: 'col', class: at > 3 ? 'right' : '', key: word }, word)))),
      h('tbody', {}, rows.map((rider) => h('tr', { key: rider.rider_id, 'data-shift': rider.rider_id }, h('th', { scope: 'row' }, rider.display_name ?? `Rider ${rider.rider_id.slice(-4)}`), h('td', {}, vehicles[rider.vehicle] ?? rider.vehicle), h('td', {}, time(rider.since)), h('td', {}, rider.until ? time(rider.until) : 'open end'), h('td', { class: 'right' }, String(rider.worked.delivered)), h('td', { class: 'right' }, share(rider.worked.busy_s / lasted(rider))), h('td', { class: 'right' }, minutes(rider.worked.idle_s))))))));
}

/** The newest orders; a tap opens one's story. */
export function orders(list, onOpen) {
  return h('section', { class: 'card', key: 'orders', 'aria-label': 'Orders' }, h('h2', {}, 'Newest orders'), list.length === 0 ? h('p', { class: 'empty' }, 'No orders yet.') : h('div', { class: 'table-frame', tabindex: '0', role: 'region', 'aria-label': 'Newest orders' }, h('table', {}, h('thead', {}, h('tr', {}, ['Placed', 'Kitchens', 'How', 'State', 'Total'].map((word) => h('th', { scope: 'col', key: word }, word)))),
    h('tbody', {}, list.slice(0, 25).map((order) => h('tr', { key: order.order_id, 'data-order': order.order_id, onclick: () => onOpen(order.order_id) }, h('td', {}, h('button', { class: 'quiet order-open', type: 'button', 'aria-label': `Open the order of ${time(order.placed_at)}` }, time(order.placed_at))), h('td', {}, order.parts.map((part) => part.kitchen_name + (part.ticket_number ? ` #${part.ticket_number}` : '')).join(' + ')), h('td', {}, order.fulfilment === 'delivery' ? 'Rider' : 'Counter'), h('td', {}, h('span', { class: `tag ${kindOf(order.status)}` }, operatorWord(order))), h('td', { class: 'right' }, money(order.accepted_total ?? order.totals?.total))))))));
}
