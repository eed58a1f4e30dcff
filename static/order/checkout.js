// The checkout: pickup or delivery, the door on the map, tip, payment, and the quote that the order will honour.

import { h, icon } from '../lib/dom.js';
import { money } from '../lib/money.js';
import { marks, words } from '../lib/fields.js';
import { isDemo } from '../lib/signin.js';
import { clock, dayName, now, span } from '../lib/time.js';
import { tipOf } from './basket.js';
import { lines, totals } from './tray.js';
import { choices } from './when.js';

const methods = isDemo() ? [
  ['pm_ok', 'Card that works'], ['pm_slow', 'Card with a slow bank'], ['pm_twice', 'Card whose bank answers twice'], ['pm_timeout_after_effect', 'Card whose bank answers too late'],
  ['pm_declined', 'Card that is declined'], ['pm_capture_fails', 'Card that fails when charged'], ['pm_hangs', 'Card whose bank never answers'],
] : [['pm_ok', 'Nothing is charged here']];
const tips = [0, 5, 10, 15];

function choice(name, value, label, checked, onPick, more = {}) {
  return h('label', { class: 'pick', key: `${name}-${value}` }, h('input', { type: 'radio', name, value: String(value), checked, onchange: onPick, ...more }), label);
}

// Now, or a quarter of an hour at which all kitchens of the basket are open.
function when({ basket, kitchens, fields }, act) {
  const cooking = kitchens.filter((kitchen) => basket.lines.some((line) => line.kitchen_id === kitchen.kitchen_id));
  const days = choices(cooking, now());
  const chosen = days.find(([, slots]) => slots.includes(basket.wanted_at)) ?? null;
  const later = Boolean(basket.wanted_at);
  const want = (wanted_at) => act.change({ ...basket, wanted_at });
  return h('fieldset', { class: 'card', key: 'when' }, h('legend', {}, 'For when?'), h('div', { class: 'picks' },
    choice('when', 'now', [icon('clock'), 'As soon as possible'], !later, () => want(null)),
    choice('when', 'later', 'At a time I choose', later, () => want(days[0]?.[1][0] ?? null), { disabled: days.length === 0 })),
  later && h('div', { class: 'pair', key: 'later' },
    h('label', { class: 'field' }, h('span', {}, 'Day'), h('select', { name: 'wanted_day', value: chosen?.[0] ?? '', onchange: (event) => want(days.find(([day]) => day === event.target.value)[1][0]) }, !chosen && h('option', { value: '', key: 'none' }, 'Choose a day'), days.map(([day, slots]) => h('option', { value: day, key: day }, dayName(slots[0]))))),
    h('label', { class: 'field' }, h('span', {}, basket.fulfilment === 'delivery' ? 'At my door' : 'Ready'), h('select', { name: 'wanted_at', value: basket.wanted_at, onchange: (event) => want(event.target.value), ...marks(fields, 'wanted_at') }, !chosen && h('option', { value: basket.wanted_at, key: 'gone' }, 'Choose a time'), (chosen?.[1] ?? []).map((at) => h('option', { value: at, key: at }, clock(at)))), words(fields, 'wanted_at'))),
  later && h('small', { key: 'hint' }, 'Only times at which every kitchen of your order is open.'));
}

/** The checkout view. `act` holds what the page does: `change(basket)`, `contact(name, value)`, `back()`, `place(event)`. */
export function checkout(state, act) {
  const { basket, quote, court } = state;
  const delivery = basket.fulfilment === 'delivery';
  const pick = (change) => () => act.change({ ...basket, ...change });
  const contactField = (name, label, complete, more = {}) => h('label', { class: 'field', key: name }, h('span', {}, label), h('input', { type: name === 'phone' ? 'tel' : 'text', name, autocomplete: complete, value: basket.contact[name], maxlength: 200, oninput: (event) => act.contact(name, event.target.value), ...marks(state.fields, name), ...more }), words(state.fields, name));
  const needsDoor = delivery && !basket.dropoff;
  return h('form', { class: 'checkout', key: 'checkout', onsubmit: act.place },
    h('div', { class: 'checkout-main' },
      h('div', { class: 'row' }, h('button', { class: 'quiet', type: 'button', onclick: act.back }, icon('back'), 'Back to the kitchens')),
      h('h1', {}, 'Checkout'),
      h('fieldset', { class: 'card', key: 'how' }, h('legend', { class: 'unseen' }, 'Pickup or delivery'), h('div', { class: 'picks' },
        choice('fulfilment', 'delivery', [icon('bike'), 'To my door'], delivery, pick({ fulfilment: 'delivery' })), choice('fulfilment', 'pickup', [icon('bag'), 'I fetch it'], !delivery, pick({ fulfilment: 'pickup' })))),
      h('section', { class: 'card stack', key: 'where', hidden: !delivery }, h('h2', {}, 'Where is your door?'),
        h('p', { class: 'small' }, 'Tap the map where your door is.', h('span', { class: 'keys' }, ' Or move it with the arrow keys and press Enter to put the door in the middle.')),
        h('div', { class: 'row', key: 'locate' }, h('button', { type: 'button', id: 'locate', disabled: state.locating, onclick: act.locate }, icon('map'), state.locating ? 'Looking for you' : 'Use my location')),
        state.bareMap && h('p', { class: 'small', key: 'bare', id: 'bare-map' }, `No streets are drawn here. Use your location, or find your door by its way from the court in the middle: the rings are ${state.bareMap} apart, north is up.`),
        h('div', { class: 'map-frame map-small', key: 'map-frame' }, h('div', { id: 'door-map', class: 'map', role: 'application', 'data-own': true, key: 'door-map' })),
        h('p', { class: needsDoor ? 'small' : 'small bad-free', role: 'status' }, needsDoor ? 'No door yet.' : state.doorText),
        contactField('address', 'Street, number, floor', 'street-address', { required: delivery })),
      when(state, act),
      h('section', { class: 'card stack', key: 'contact' }, h('h2', {}, 'Who is it for?'), h('div', { class: 'pair' }, contactField('name', 'Name', 'name', { required: true }), contactField('phone', 'Phone', 'tel', { required: delivery })), contactField('note', delivery ? 'A note to the rider' : 'A note', 'off', { placeholder: delivery ? 'The bell says Sommer' : '' })),
      delivery && h('fieldset', { class: 'card', key: 'proof' }, h('legend', {}, 'How is it handed over?'), h('div', { class: 'picks' }, choice('proof', 'nothing', 'As usual', !basket.pin, pick({ pin: false })), choice('proof', 'pin', 'With a PIN', Boolean(basket.pin), pick({ pin: true }))), h('small', {}, 'With a PIN, your rider asks for four digits that only your order page shows.')),
      h('fieldset', { class: 'card', key: 'tip' }, h('legend', {}, delivery ? 'A tip for your rider' : 'A tip for the crew'), h('div', { class: 'picks' }, tips.map((percent) => choice('tip', percent, percent ? `${percent} % · ${money(tipOf(basket, court.currency, percent))}` : 'None', basket.tip_percent === percent, pick({ tip_percent: percent }))))),
      !isDemo() && h('section', { class: 'card stack', key: 'pay' }, h('h2', {}, 'Payment'), h('p', { 'data-unpaid': true }, 'No payment provider is connected here: no card is asked for, none is charged, and no money moves. How to pay is between you and the court; ask at the counter.')),
      isDemo() && h('section', { class: 'card stack', key: 'pay' }, h('h2', {}, 'Payment'), h('label', { class: 'field' }, h('span', {}, 'Pay with'), h('select', { name: 'payment_method', value: basket.payment_method, onchange: (event) => act.change({ ...basket, payment_method: event.target.value }, false), ...marks(state.fields, 'payment_method') }, methods.map(([value, label]) => h('option', { value, key: value }, label))), words(state.fields, 'payment_method')), h('small', {}, 'This is the sandbox provider: no real card is involved, and none is ever asked for here.'))),
    h('aside', { class: 'card checkout-side', 'aria-label': 'Your order', key: 'side' }, h('h2', {}, 'Your order'), lines(basket, state.menus, act.change),
      quote ? h('div', { class: 'stack', key: 'quote' }, totals(quote.totals), h('p', { class: 'promise' }, icon('clock'), h('span', {}, delivery ? 'At your door ' : 'Ready ', h('b', {}, span(quote.promised_from, quote.promised_to))))) : h('p', { class: 'empty', key: 'no-quote' }, state.quoting ? 'Working out the price.' : needsDoor ? 'Show us your door, and we know the price.' : 'No price yet.'),
      h('p', { class: 'problem', role: 'alert', key: 'problem' }, state.problem),
      h('button', { class: 'main huge', id: 'place', disabled: !quote || state.placing, key: 'place' }, state.placing ? 'Placing your order' : quote ? `${isDemo() ? 'Order and pay' : 'Order for'} ${money(quote.totals.total)}` : isDemo() ? 'Order and pay' : 'Order')));
}
