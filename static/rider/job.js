// What the rider sees beside the map: the shift, an offer with its clock, or the one next step of a delivery.

import { h, icon } from '../lib/dom.js';
import { distanceM } from '../lib/map.js';
import { countdown, secondsUntil, time } from '../lib/time.js';
import { goal } from './autopilot.js';

const vehicles = [['bicycle', 'Bicycle'], ['scooter', 'Scooter'], ['car', 'Car'], ['foot', 'On foot']];
const words = {
  enroute_to_pickup: 'Ride to the court', arrived_at_pickup: 'I am at the court', picked_up: 'I have the food',
  enroute_to_dropoff: 'Ride to the door', arrived_at_dropoff: 'I am at the door', delivered: 'Handed over',
};
const order = ['confirmed', ...Object.keys(words)];
const metres = (m) => (m < 1000 ? `${Math.round(m / 10) * 10} m` : `${(m / 1000).toFixed(1)} km`);

const hours = [1, 2, 3, 4, 6, 8];
const hoursWord = (n) => `${n} ${n === 1 ? 'hour' : 'hours'}`;

// When the running shift ends, and how to move it.
function shiftEnd({ rider, busy }, act) {
  const said = rider.until ? 'said' : '0';
  const move = (event) => {
    const picked = event.target.value;
    if (picked !== said) act.until(Number(picked));
  };
  return h('label', { class: 'field small', key: 'until' }, h('span', {}, 'You ride'), h('select', { id: 'shift-until', value: said, disabled: busy, onchange: move },
    rider.until && h('option', { value: 'said', key: 'said' }, `until ${time(rider.until)}`), h('option', { value: '0', key: '0' }, 'until you end it'), hours.map((n) => h('option', { value: String(n), key: n }, `${hoursWord(n)} from now`))));
}

function offShift(state, act) {
  return h('form', { class: 'card stack', key: 'off', onsubmit: (event) => { event.preventDefault(); act.startShift(); } }, h('h1', {}, 'Off duty'), h('p', { class: 'lead' }, 'Start your shift and offers nearby come to you.'),
    h('fieldset', {}, h('legend', {}, 'What do you ride?'), h('div', { class: 'picks' }, vehicles.map(([value, word]) => h('label', { class: 'pick', key: value }, h('input', { type: 'radio', name: 'vehicle', value, checked: state.vehicle === value, onchange: () => act.set({ vehicle: value }) }), word)))),
    h('div', { class: 'pair pair-tight' }, h('label', { class: 'field' }, h('span', {}, 'Deliveries at once'), h('select', { value: String(state.capacity), onchange: (event) => act.set({ capacity: Number(event.target.value) }) }, [1, 2, 3].map((n) => h('option', { value: String(n), key: n }, String(n))))),
    h('label', { class: 'field' }, h('span', {}, 'How long?'), h('select', { id: 'shift-hours', value: String(state.hours), onchange: (event) => act.set({ hours: Number(event.target.value) }) }, [0, ...hours].map((n) => h('option', { value: String(n), key: n }, n ? hoursWord(n) : 'Until I end it'))))),
    h('button', { class: 'good huge', id: 'start-shift', disabled: state.busy }, 'Start shift'));
}

// How long each offer was open when it was first seen here: the full bar.
const opened = new Map();

// A route is one card: its offers are answered together.
const cards = (offers) => offers.filter((one, index) => !one.bundle || offers.findIndex((other) => other.bundle?.bundle_id === one.bundle.bundle_id) === index);

// The legs to the doors, each from the one before.
function doors(one) {
  const stops = one.bundle?.stops ?? [{ dropoff_coarse: one.dropoff_coarse }];
  return stops.map(({ dropoff_coarse: door }, index) => {
    const from = index ? stops[index - 1].dropoff_coarse : one.pickup;
    const word = stops.length === 1 ? 'To the door, about' : index ? `On to door ${index + 1}, about` : 'To door 1, about';
    return h('div', { key: `door-${index}` }, h('dt', {}, icon('door'), word), h('dd', {}, door ? metres(distanceM(from, door)) : ''));
  });
}

const allReady = (one) => [one.ready_at, ...(one.bundle?.stops ?? []).map((stop) => stop.ready_at)].sort((a, b) => Date.parse(a) - Date.parse(b)).at(-1);

function offer(one, state, act) {
  const left = Math.max(0, Math.round(secondsUntil(one.expires_at)));
  if (!opened.has(one.offer_id)) opened.set(one.offer_id, Math.max(1, left));
  return h('section', { class: 'card stack offer', key: one.offer_id, 'data-offer': one.offer_id, 'aria-label': 'Offer' },
    h('div', { class: 'row spread' }, h('h1', {}, one.bundle ? `A route with ${one.bundle.stops.length} deliveries` : 'An offer'), h('span', { class: `clock${left < 8 ? ' clock-late' : ''}` }, icon('clock'), countdown(one.expires_at))),
    h('progress', { max: String(opened.get(one.offer_id)), value: String(left), 'aria-label': 'Time to answer', key: 'left' }),
    h('dl', { class: 'legs' }, h('div', {}, h('dt', {}, icon('awning'), 'To the court'), h('dd', {}, metres(one.distance_m ?? 0))), doors(one), h('div', {}, h('dt', {}, icon('clock'), one.bundle ? 'All food ready' : 'Food ready'), h('dd', {}, time(allReady(one))))),
    h('div', { class: 'row' }, h('button', { class: 'good huge grow', type: 'button', id: 'accept', disabled: state.busy, onclick: () => act.accept(one) }, 'Accept'), h('button', { class: 'quiet bad', type: 'button', id: 'decline', disabled: state.busy, onclick: () => act.decline(one) }, 'Decline')));
}

function delivery(one, state, act) {
  const next = goal(one);
  const at = order.indexOf(one.state);
  const toDoor = at >= order.indexOf('picked_up');
  const target = toDoor ? one.dropoff : one.pickup;
  const there = ['arrived_at_pickup', 'arrived_at_dropoff'].includes(one.state);
  const { contact } = one;
  return h('section', { class: 'card stack', key: one.delivery_id, 'data-delivery': one.delivery_id, 'data-state': one.state, 'aria-label': 'Delivery' },
    h('div', { class: 'row spread' }, h('h1', {}, there ? (toDoor ? 'At the door' : 'At the court') : toDoor ? 'To the door' : 'To the court'), !toDoor && (one.ready ? h('span', { class: 'tag tag-good' }, icon('check'), 'Food is ready') : h('span', { class: 'tag tag-wait' }, icon('pot'), `Ready ${time(one.ready_at)}`))),
    h('ol', { class: 'rail', 'aria-label': 'Steps' }, Object.keys(words).map((step, index) => h('li', { key: step, class: index + 1 <= at ? 'done' : index === at ? 'now' : '', 'data-step': step }, h('span', { class: 'rail-dot', 'aria-hidden': 'true' }, index + 1 <= at && icon('check')), h('span', { class: 'rail-word unseen' }, words[step])))),
    target && state.me && !there && h('p', { class: 'lead' }, `${metres(distanceM(state.me, target))} to go`),
    collect(one, toDoor),
    toDoor && contact && h('address', { class: 'address' }, h('b', {}, contact.name), contact.address && h('span', {}, contact.address), contact.note && h('em', {}, contact.note), contact.phone && h('a', { class: 'button', href: `tel:${contact.phone.replace(/[^+\d]/g, '')}` }, contact.phone)),
    next?.step === 'delivered' && one.proof && handover(one, state, act),
    next?.step === 'delivered' && h('p', { class: 'problem', id: 'proof-problem', role: 'alert', key: 'proof-problem' }, state.proofProblem ?? ''),
    next && h('button', { class: 'main huge', type: 'button', id: 'step', 'data-next': next.step, disabled: state.busy || next.waits, onclick: () => handOver(one, next, state, act) }, next.waits ? 'Waiting for the food' : words[next.step], !next.waits && icon('arrow')),
    at < order.indexOf('picked_up') && h('button', { class: 'quiet', type: 'button', id: 'give-back', disabled: state.busy, onclick: () => act.giveBack(one) }, 'I cannot bring it'));
}

// The next step; a hand-over without what shows it is not even asked for.
function handOver(one, next, state, act) {
  const lacks = next.missing === 'pin' && !/^\d{4}$/.test(state.pin ?? '') ? 'Type the four digits your customer tells you.' : next.missing === 'photo' ? 'Take a photo of the food at the door first.' : '';
  if (!lacks) return act.step(one, next.step).catch(() => undefined);
  act.set({ proofProblem: lacks });
  return document.getElementById(next.missing)?.focus();
}

// What shows the hand-over: the customer's PIN, or a photo.
function handover(one, state, act) {
  const { required, pin_tries_left: left, photo_taken: taken, waived } = one.proof;
  if (waived) return h('p', { class: 'small', key: 'proof' }, 'Staff vouch for this hand-over.');
  if (required === 'pin' && left > 0) {
    return h('label', { class: 'field', key: 'proof' }, h('span', {}, `The customer's PIN (${left} ${left === 1 ? 'try' : 'tries'} left)`),
      h('input', { id: 'pin', inputmode: 'numeric', autocomplete: 'off', maxlength: '4', required: true, 'aria-describedby': 'proof-problem', 'aria-invalid': state.proofProblem ? 'true' : null, value: state.pin ?? '', oninput: (event) => act.set({ pin: event.target.value, proofProblem: '' }), onkeydown: (event) => event.key === 'Enter' && !state.busy && handOver(one, goal(one), state, act) }));
  }
  return h('label', { class: 'field', key: 'proof' }, h('span', {}, taken ? 'Photo taken; another one replaces it' : 'A photo of the food at the door'),
    h('input', { id: 'photo', type: 'file', accept: 'image/jpeg,image/png,image/webp', capture: 'environment', disabled: state.busy, 'aria-describedby': 'proof-problem', onchange: (event) => event.target.files[0] && act.photo(one, event.target.files[0]) }));
}

// What to fetch, pass by pass; afterwards, what is in the bag.
function collect(one, toDoor) {
  if (!one.collect?.length) return null;
  return h('section', { class: 'collect', key: 'collect', 'aria-labelledby': `collect-${one.delivery_id}` }, h('h2', { id: `collect-${one.delivery_id}` }, toDoor ? 'In your bag' : 'What to collect'),
    h('ul', {}, one.collect.map((pass) => h('li', { key: pass.kitchen_id, 'data-collect': pass.kitchen_name, 'data-ready': String(pass.ready) },
      h('div', { class: 'row spread' }, h('b', {}, pass.kitchen_name, pass.ticket_number && h('span', { class: 'part-number' }, ` #${pass.ticket_number}`)), !toDoor && h('span', { class: `tag ${pass.ready ? 'tag-good' : 'tag-wait'}` }, pass.ready ? 'Ready' : 'Not ready yet')),
      h('small', {}, pass.dishes.map((dish) => `${dish.quantity} × ${dish.name}`).join(' · '))))));
}

/** The whole panel. */
export function job(state, act) {
  const { rider } = state;
  if (!rider.on_shift) return offShift(state, act);
  const current = rider.deliveries[0];
  return [
    state.lost && !state.auto && h('p', { class: 'problem', role: 'alert', key: 'lost' }, `This browser does not tell us where you are, so no offer can find you. Allow the location for this page${state.demo ? ', or let the page ride for you' : ''}.`),
    cards(rider.offers).map((one) => offer(one, state, act)),
    current ? delivery(current, state, act) : rider.offers.length === 0 && h('section', { class: 'card stack', key: 'idle' }, h('h1', {}, 'On duty'), h('p', { class: 'lead' }, rider.until && secondsUntil(rider.until) <= 0 ? 'The time until which you ride is over, and no more is offered to you. End your shift, or ride on: move its end below.' : state.lost && !state.auto ? 'You are asked once we know where you are.' : 'Stay near the court: you are asked when it is time to set out for an order.')),
    rider.deliveries.slice(1).filter((one) => order.indexOf(one.state) < order.indexOf('picked_up')).map((one) => h('section', { class: 'card', key: `also-${one.delivery_id}`, 'aria-label': 'To collect as well' }, collect(one, false))),
    rider.deliveries.length > 1 && h('p', { class: 'small', key: 'more' }, `${rider.deliveries.length - 1} more in your bag.`),
    h('section', { class: 'card row spread', key: 'shift' },
      state.demo && h('label', { class: 'switch', key: 'auto' }, h('input', { type: 'checkbox', role: 'switch', id: 'autopilot', checked: state.auto, onchange: (event) => act.autopilot(event.target.checked) }), 'Ride for me'),
      h('span', { class: 'small', key: 'gps' }, state.gps, state.waiting > 2 ? ` · ${state.waiting} positions wait for a connection` : ''),
      shiftEnd(state, act),
      h('button', { class: 'quiet', type: 'button', id: 'end-shift', key: 'end', disabled: state.busy, onclick: act.endShift }, 'End shift')),
  ];
}
