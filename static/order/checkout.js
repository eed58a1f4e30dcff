// The checkout: pickup or delivery, the door on the map, tip, payment, and the quote that the order will honour.

import { h, icon } from '../lib/dom.js';
import { money } from '../lib/money.js';
import { time } from '../lib/time.js';
import { lines, totals } from './tray.js';

const methods = [
  ['pm_ok', 'Card that works'], ['pm_slow', 'Card with a slow bank'], ['pm_twice', 'Card whose bank answers twice'], ['pm_timeout_after_effect', 'Card whose bank answers too late'],
  ['pm_declined', 'Card that is declined'], ['pm_capture_fails', 'Card that fails when charged'], ['pm_hangs', 'Card whose bank never answers'],
];
const tips = [0, 100, 200, 400];

function choice(name, value, label, checked, onPick, more = {}) {
  return h('label', { class: 'pick', key: `${name}-${value}` }, h('input', { type: 'radio', name, value: String(value), checked, onchange: onPick, ...more }), label);
}

/** The checkout view. `act` holds what the page does: `change(basket)`, `contact(name, value)`, `back()`, `place(event)`. */
export function checkout(state, act) {
  const { basket, quote, court } = state;
  const delivery = basket.fulfilment === 'delivery';
  const pick = (change) => () => act.change({ ...basket, ...change });
  const contactField = (name, label, complete, more = {}) => h('label', { class: 'field', key: name }, h('span', {}, label), h('input', { type: name === 'phone' ? 'tel' : 'text', name, autocomplete: complete, value: basket.contact[name], maxlength: 200, oninput: (event) => act.contact(name, event.target.value), ...more }));
  const needsDoor = delivery && !basket.dropoff;
  return h('form', { class: 'checkout', key: 'checkout', onsubmit: act.place },
    h('div', { class: 'checkout-main' },
      h('div', { class: 'row' }, h('button', { class: 'quiet', type: 'button', onclick: act.back }, icon('back'), 'Back to the kitchens')),
      h('h1', {}, 'Checkout'),
      h('fieldset', { class: 'card', key: 'how' }, h('legend', { class: 'unseen' }, 'Pickup or delivery'), h('div', { class: 'picks' },
        choice('fulfilment', 'delivery', [icon('bike'), 'To my door'], delivery, pick({ fulfilment: 'delivery' })), choice('fulfilment', 'pickup', [icon('bag'), 'I fetch it'], !delivery, pick({ fulfilment: 'pickup' })))),
      h('section', { class: 'card stack', key: 'where', hidden: !delivery }, h('h2', {}, 'Where is your door?'),
        h('p', { class: 'small' }, 'Tap the map, or move it with the arrow keys and press Enter to put the door in the middle.'),
        h('div', { class: 'map-frame map-small', key: 'map-frame' }, h('div', { id: 'door-map', class: 'map', role: 'application', 'data-own': true, key: 'door-map' })),
        h('p', { class: needsDoor ? 'small' : 'small bad-free', role: 'status' }, needsDoor ? 'No door yet.' : state.doorText),
        contactField('address', 'Street, number, floor', 'street-address', { required: delivery })),
      h('section', { class: 'card stack', key: 'contact' }, h('h2', {}, 'Who is it for?'), h('div', { class: 'pair' }, contactField('name', 'Name', 'name', { required: true }), contactField('phone', 'Phone', 'tel', { required: delivery })), contactField('note', delivery ? 'A note to the rider' : 'A note', 'off', { placeholder: delivery ? 'The bell says Sommer' : '' })),
      delivery && h('fieldset', { class: 'card', key: 'proof' }, h('legend', {}, 'How is it handed over?'), h('div', { class: 'picks' }, choice('proof', 'nothing', 'As usual', !basket.pin, pick({ pin: false })), choice('proof', 'pin', 'With a PIN', Boolean(basket.pin), pick({ pin: true }))), h('small', {}, 'With a PIN, your rider asks for four digits that only your order page shows.')),
      h('fieldset', { class: 'card', key: 'tip' }, h('legend', {}, delivery ? 'A tip for your rider' : 'A tip for the crew'), h('div', { class: 'picks' }, tips.map((amount) => choice('tip', amount, amount ? money({ amount, currency: court.currency }) : 'None', basket.tip === amount, pick({ tip: amount }))))),
      h('section', { class: 'card stack', key: 'pay' }, h('h2', {}, 'Payment'), h('label', { class: 'field' }, h('span', {}, 'Pay with'), h('select', { name: 'payment_method', value: basket.payment_method, onchange: (event) => act.change({ ...basket, payment_method: event.target.value }, false) }, methods.map(([value, label]) => h('option', { value, key: value }, label)))), h('small', {}, 'This is the sandbox provider: no real card is involved, and none is ever asked for here.'))),
    h('aside', { class: 'card checkout-side', 'aria-label': 'Your order', key: 'side' }, h('h2', {}, 'Your order'), lines(basket, state.menus, act.change),
      quote ? h('div', { class: 'stack', key: 'quote' }, totals(quote.totals), h('p', { class: 'promise' }, icon('clock'), h('span', {}, delivery ? 'At your door ' : 'Ready ', h('b', {}, `${time(quote.promised_from)} – ${time(quote.promised_to)}`)))) : h('p', { class: 'empty', key: 'no-quote' }, state.quoting ? 'Working out the price.' : needsDoor ? 'Show us your door, and we know the price.' : 'No price yet.'),
      h('p', { class: 'problem', role: 'alert', key: 'problem' }, state.problem),
      h('button', { class: 'main huge', id: 'place', disabled: !quote || state.placing, key: 'place' }, state.placing ? 'Placing your order' : quote ? `Order and pay ${money(quote.totals.total)}` : 'Order and pay')));
}
