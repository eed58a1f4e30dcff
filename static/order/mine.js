// My last orders, each a way back to its tracking.

import { h, icon } from '../lib/dom.js';
import { ended, readOrder } from '../lib/fold.js';
import { money } from '../lib/money.js';
import { time } from '../lib/time.js';
import { statusWord } from '../lib/words.js';

const SHOWN_MAX = 3;
const kindOf = (order) => (!ended(order) ? 'tag-wait' : ['delivered', 'completed'].includes(order.status) ? 'tag-good' : 'tag-bad');

/** The newest open orders as banners; nothing when there are none. */
export function mine(orders) {
  const open = orders.map(readOrder).filter((order) => !ended(order)).slice(0, SHOWN_MAX);
  return open.length > 0 && h('section', { class: 'mine', 'aria-label': 'Open orders', key: 'mine' }, open.map((order) => h('a', { class: 'card mine-card', href: `/track.html?order=${order.order_id}`, key: order.order_id },
    icon(order.fulfilment === 'delivery' ? 'bike' : 'bag'), h('span', { class: 'grow' }, h('b', {}, statusWord(order)), h('small', {}, `${order.parts.map((part) => part.kitchen_name).join(' + ')} · ${time(order.placed_at)} · ${money(order.totals?.total)}`)), h('span', { class: 'go' }, h('span', { class: 'wide-only' }, 'Follow it'), icon('arrow')))));
}

/** All my orders, newest first; `onOlder` reads more of them. */
export function history({ orders, older }, onOlder) {
  if (!orders.length) return null;
  return h('section', { class: 'card history', id: 'orders', key: 'history', 'aria-labelledby': 'orders-title' }, h('h2', { id: 'orders-title' }, 'Your orders'),
    h('ul', {}, orders.map(readOrder).map((order) => h('li', { key: order.order_id }, h('a', { class: 'history-row', href: `/track.html?order=${order.order_id}`, 'data-order': order.order_id },
      h('span', { class: 'grow' }, h('b', {}, order.parts.map((part) => part.kitchen_name).join(' + ')), h('small', {}, `${time(order.placed_at)} · ${money(order.accepted_total ?? order.totals?.total)}`)), h('span', { class: `tag ${kindOf(order)}` }, statusWord(order)))))),
    older && h('button', { type: 'button', id: 'older', onclick: onOlder }, 'Show older ones'));
}
