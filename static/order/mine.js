// My last orders, each a way back to its tracking.

import { h, icon } from '../lib/dom.js';
import { ended, readOrder } from '../lib/fold.js';
import { money } from '../lib/money.js';
import { time } from '../lib/time.js';
import { statusWord } from '../lib/words.js';

const SHOWN_MAX = 3;

/** The newest open orders as banners; nothing when there are none. */
export function mine(orders) {
  const open = orders.map(readOrder).filter((order) => !ended(order)).slice(0, SHOWN_MAX);
  return open.length > 0 && h('section', { class: 'mine', 'aria-label': 'Open orders', key: 'mine' }, open.map((order) => h('a', { class: 'card mine-card', href: `/track.html?order=${order.order_id}`, key: order.order_id },
    icon(order.fulfilment === 'delivery' ? 'bike' : 'bag'), h('span', { class: 'grow' }, h('b', {}, statusWord(order)), h('small', {}, `${order.parts.map((part) => part.kitchen_name).join(' + ')} · ${time(order.placed_at)} · ${money(order.totals?.total)}`)), h('span', { class: 'go' }, h('span', { class: 'wide-only' }, 'Follow it'), icon('arrow')))));
}
