// The order in words: where it stands, each kitchen's part, what happened when, what it costs, and the way out.

import { h, icon } from '../lib/dom.js';
import { glyph, stall } from '../lib/cuisine.js';
import { atTheDoor, ended, numbers } from '../lib/fold.js';
import { money } from '../lib/money.js';
import { time } from '../lib/time.js';
import { almostThere, arrival } from './arrival.js';
import { partWord, reasonWord, rejectWord, statusWord } from '../lib/words.js';

const rails = {
  delivery: [['placed', 'Placed'], ['accepted', 'Accepted'], ['in_preparation', 'Cooking'], ['ready_for_pickup', 'Ready'], ['picked_up', 'On its way'], ['delivered', 'Delivered']],
  pickup: [['placed', 'Placed'], ['accepted', 'Accepted'], ['in_preparation', 'Cooking'], ['ready_for_pickup', 'Ready at the counter'], ['completed', 'Handed over']],
};
const steps = ['waiting', 'accepted', 'in_kitchen', 'ready_for_collection', 'collected'];

function headline(order, facts, told) {
  if (['rejected', 'cancelled', 'expired'].includes(order.status)) return [statusWord(order), order.end_reason ? `Because ${reasonWord(order.end_reason)}. ${order.refunded?.amount ? `${money(order.refunded)} went back to you.` : 'Nothing was charged.'}` : ''];
  if (order.ending) return [statusWord(order), 'Your money is on its way back.'];
  if (order.status === 'delivered') return ['Enjoy your meal', 'It is at your door.'];
  if (order.status === 'completed') return ['Enjoy your meal', 'It was handed over at the counter.'];
  if (order.status === 'ready_for_pickup' && order.fulfilment === 'pickup') return ['Ready for you', numbers(order) ? 'It stands at the counter: say your number.' : 'It stands at the counter.'];
  if (atTheDoor(order)) return [statusWord(order), order.proof === 'pin' ? 'Your rider has your food and waits for your PIN.' : 'Your rider is there with your food.'];
  if (almostThere(order, facts)) return ['Almost there', 'Your rider is about to reach your door.'];
  if (order.wanted_at && !order.promised_at) return [statusWord(order), `Wanted ${time(order.wanted_at)}. The kitchens are being asked.`];
  return [statusWord(order), order.promised_at || told ? '' : 'We will know the time once the kitchens have answered.'];
}

function rail(order) {
  const list = rails[order.fulfilment] ?? rails.delivery;
  const at = list.findIndex(([status]) => status === order.status);
  if (at < 0) return null;
  return h('ol', { class: 'rail', 'aria-label': 'Progress' }, list.map(([status, word], index) => h('li', { key: status, class: index < at || ended(order) ? 'done' : index === at ? 'now' : '', 'aria-current': index === at ? 'step' : null, 'data-step': status }, h('span', { class: 'rail-dot', 'aria-hidden': 'true' }, (index < at || (index === at && ended(order))) && icon('check')), h('span', { class: 'rail-word' }, status === 'picked_up' && atTheDoor(order) ? 'At the door' : word))));
}

function part(one, at, order) {
  const step = steps.indexOf(one.stage);
  const kind = one.stage === 'rejected' ? 'tag-bad' : step >= 3 ? 'tag-good' : 'tag-wait';
  return h('li', { class: 'part', key: one.kitchen_id, 'data-stall': stall(at), 'data-kitchen': one.kitchen_name, 'data-stage': one.stage },
    h('span', { class: 'stall-face', 'aria-hidden': 'true' }, icon(glyph({ name: one.kitchen_name }))),
    h('div', { class: 'grow' }, h('div', { class: 'row spread' }, h('h3', {}, one.kitchen_name, one.ticket_number && one.stage !== 'rejected' && h('span', { class: 'part-number', key: 'number' }, ` #${one.ticket_number}`)), h('span', { class: `tag ${kind}` }, partWord(one, order))),
      h('span', { class: 'steps', 'aria-hidden': 'true' }, steps.slice(1).map((name, index) => h('i', { key: name, class: index < step ? 'on' : '' }))),
      one.stage === 'rejected' ? h('small', {}, `The kitchen ${rejectWord(one.reason)}. You do not pay for this part.`) : h('small', {}, one.lines.map((line) => `${line.quantity} × ${line.name}${line.modifiers.length ? ` (${line.modifiers.map((modifier) => modifier.name).join(', ')})` : ''}`).join(' · '))));
}

/** What one fact says to the guest; `null` for what only the machinery needs. */
export function sentence(fact, order) {
  const kitchen = order.parts.find((one) => one.kitchen_id === fact.data?.kitchen_id)?.kitchen_name ?? 'A kitchen';
  switch (fact.type) {
    case 'order.placed': return 'You placed the order';
    case 'order.paid': return `${money(fact.data?.amount) || 'The money'} reserved, kitchens asked`;
    case 'order.part_accepted': return `${kitchen} takes its part, ${fact.data.prep_min} min of work`;
    case 'order.part_delayed': return `${kitchen} needs ${fact.data.by_min} min longer`;
    case 'order.part_rejected': return `${kitchen} ${rejectWord(fact.data.reason)}`;
    case 'order.accepted': return `All kitchens have answered, ready around ${time(fact.data.ready_at)}`;
    case 'order.preparation_started':
    case 'order.part_started': return `${kitchen} began to cook`;
    case 'order.part_ready': return `${kitchen} is done`;
    case 'order.part_collected': return `${kitchen}'s part was collected`;
    case 'order.delayed': return `It takes longer, ready around ${time(fact.data.ready_at)}`;
    case 'order.ready_for_pickup': return 'Everything stands ready';
    case 'order.rider_assigned': return fact.data?.takes_over ? 'Another rider takes over and is coming to the court' : 'A rider is coming to the court';
    case 'order.rider_unassigned': return fact.data?.taken_over ? null : 'The rider cannot come, another one is sought';
    case 'order.courier_imminent': return 'The rider is almost there';
    case 'order.courier_arrived': return 'The rider is at your door';
    case 'order.picked_up': return 'The rider has your food';
    case 'order.delivered': return 'Delivered';
    case 'order.completed': return 'Handed over';
    case 'order.cancel_requested': return 'Cancellation asked for';
    case 'order.rejecting': return `It cannot be done: ${reasonWord(fact.data?.reason)}`;
    case 'order.rejected': return 'Refused';
    case 'order.cancelled': return 'Called off';
    case 'order.expired': return 'Expired';
    default: return null;
  }
}

// Spoken digit by digit: it is no number.
function handover(pin) {
  return h('section', { class: 'card stack handover', key: 'handover', 'aria-labelledby': 'handover-title' }, h('h2', { id: 'handover-title' }, 'Your PIN'),
    h('p', { class: 'handover-pin', id: 'handover-pin', 'aria-hidden': 'true' }, pin), h('p', { class: 'unseen' }, [...pin].join(', ')),
    h('p', { class: 'small' }, 'Tell it to your rider once the food is in front of you, and to nobody before.'));
}

// What the counter calls out, for whoever fetches it.
function called(order) {
  const words = numbers(order);
  if (order.fulfilment !== 'pickup' || !words || ended(order) || order.ending) return null;
  const ready = order.status === 'ready_for_pickup';
  return h('section', { class: 'card called', key: 'called', 'aria-labelledby': 'called-title', 'data-ready': String(ready) }, h('h2', { id: 'called-title' }, ready ? 'Say your number' : order.parts.filter((part) => part.stage !== 'rejected').length > 1 ? 'Your numbers' : 'Your number'),
    h('p', { class: 'called-numbers', id: 'numbers' }, words.split(' · ').map((word, at) => [at > 0 && ' · ', h('span', { key: word }, word)])));
}

/** The whole left side of the page. */
export function story({ order, facts, told, pin, photo, cancelling }, act) {
  const [word, text] = headline(order, facts, told);
  const mayCancel = ['placed', 'accepted'].includes(order.status) && !order.ending && order.parts.every((one) => ['waiting', 'accepted', 'rejected'].includes(one.stage));
  const happened = facts.map((fact) => [fact, sentence(fact, order)]).filter(([, said]) => said).reverse();
  const charged = order.accepted_total ?? order.totals?.total;
  return [
    h('header', { class: 'story-head', key: 'head', 'data-status': order.status }, h('p', { class: 'sign kicker' }, order.fulfilment === 'delivery' ? (order.rider_id && !ended(order) ? 'Your rider is on it' : 'To your door') : 'At the counter'), h('h1', {}, word), text && h('p', { class: 'lead' }, text)),
    arrival(order, facts, told),
    called(order),
    pin && handover(pin),
    photo && h('figure', { class: 'card stack proof-photo', key: 'photo' }, h('img', { src: photo, alt: 'The photo your rider took at your door' }), h('figcaption', { class: 'small' }, 'Taken by your rider at your door.')),
    rail(order),
    h('section', { class: 'card', key: 'parts', 'aria-label': 'Kitchens' }, h('h2', { class: 'unseen' }, 'Kitchens'), h('ul', { class: 'parts' }, order.parts.map((one, at) => part(one, at, order)))),
    h('section', { class: 'card', key: 'facts' }, h('h2', {}, 'What happened'), h('ol', { class: 'facts' }, happened.map(([fact, said]) => h('li', { key: fact.seq, 'data-fact': fact.type }, h('time', { datetime: fact.at }, time(fact.at)), h('span', {}, said))))),
    h('footer', { class: 'row spread', key: 'foot' }, charged ? h('p', {}, 'Total ', h('b', {}, money(charged)), order.accepted_total && order.totals && order.accepted_total.amount !== order.totals.total.amount && h('small', {}, ` instead of ${money(order.totals.total)}`)) : null,
      h('span', { class: 'row' }, mayCancel && h('button', { class: 'quiet bad', type: 'button', id: 'cancel', disabled: cancelling, onclick: act.cancel, key: 'cancel' }, icon('close'), 'Call it off'), h('a', { class: 'button', href: '/order.html', key: 'again' }, ended(order) ? 'Order again' : 'Back to the kitchens'))),
  ];
}
