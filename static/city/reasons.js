// A delivery's story in words, and what was weighed as a table with bars. Drawing only: what it says comes from the API.

import { h, icon } from '../lib/dom.js';
import { clockWithSeconds, time } from '../lib/time.js';
import { operatorWord } from '../lib/words.js';

const clock = (at) => (at ? clockWithSeconds(at) : '');
const span = (s) => (s >= 3_600 ? `${Math.floor(s / 3_600)} h ${Math.floor((s % 3_600) / 60)} min` : `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`);
const far = (metres) => (metres >= 1_000 ? `${(metres / 1_000).toFixed(1)} km` : `${metres} m`);

const bars = {
  declined: 'said no to it, was silent or was taken off it', asked: 'is being asked', reserved: 'is about to be asked by another search', silent: 'sends no position',
  unsettled: 'has accepted something that is not settled yet', full: 'has a full bag', too_far: 'is beyond the radius',
};
/** Why a rider could not be asked. */
export const barWord = (why) => bars[why] ?? why;
const taken = { silent: 'no position for too long', gave_back: 'the rider gave it back', too_late: 'the rider did not come in time', staff: 'staff took it away', better: 'another rider will have it at the door sooner' };

const revoked = { cancelled: 'the delivery was called off', taken: 'another rider said yes first', kept: 'who has it is at the court' };

/** The candidates of a decision. */
export const candidatesOf = (decision) => decision.candidates ?? [];

/** Riders by letter, in the order in which the story names them. */
export function lettersOf(items) {
  const letters = new Map();
  const name = (id) => id && !letters.has(id) && letters.set(id, letters.size < 26 ? String.fromCharCode(65 + letters.size) : `R${letters.size + 1}`);
  for (const { decision, data } of items) {
    for (const one of decision ? [...candidatesOf(decision), ...decision.barred] : []) name(one.rider_id);
    name(data?.rider_id);
    name(data?.instead_of?.rider_id);
  }
  return letters;
}

// Facts in words; what is not here is not about finding a rider.
const facts = {
  'delivery.requested': (data) => `A rider is needed: food expected ${clock(data.ready_at)}, promised at the door ${time(data.promised_at)}`,
  'delivery.search_started': (data) => `Round ${data.round}: looks within ${far(data.radius_m)}; unanswered, again at ${clock(data.deadline_at)}`,
  'delivery.nobody_near': (data) => `Nobody within ${far(data.radius_m)}; looks again at ${clock(data.retry_at)}${data.asks_again ? ', and may ask those who said no' : ''}`,
  'delivery.held_back': (data) => `Held back until ${clock(data.until)}, never beyond ${clock(data.latest_at)}`,
  'delivery.offered': (data, rider, name) => `${rider} is asked${data.instead_of ? ` instead of ${name(data.instead_of.rider_id)}, who keeps it meanwhile and would have it at the door ${span(data.instead_of.later_s)} later` : ''}${data.bundle ? ` for a route with ${data.bundle.stops.length} deliveries` : ''}, ${far(data.distance_m)} away; silence until ${clock(data.expires_at)} is a no`,
  'delivery.offer_declined': (_, rider) => `${rider} says no`,
  'delivery.offer_expired': (_, rider) => `${rider} did not answer in time`,
  'delivery.offer_revoked': (data, rider) => `The offer to ${rider} is taken back: ${revoked[data.reason] ?? data.reason}`,
  'delivery.assigned': (_, rider) => `${rider} says yes and has it`,
  'delivery.assignment_refused': (_, rider) => `${rider} says yes, too late`,
  'delivery.unassigned': (data, rider) => `Taken off ${rider}: ${taken[data.reason] ?? data.reason}`,
  'delivery.ready_noted': () => 'The food stands ready',
  'delivery.arrived_at_pickup': (_, rider) => `${rider} is at the court`,
  'delivery.picked_up': (_, rider) => `${rider} has the food`,
  'delivery.arrived_at_dropoff': (_, rider) => `${rider} is at the door`,
  'delivery.delivered': (_, rider) => `${rider} has handed it over`,
  'delivery.cancelled': () => 'Called off',
  'delivery.unassignable': () => 'Nobody could be found in time',
  'delivery.overdue': (_, rider) => `It takes far too long with ${rider}`,
};

// "Jonas Falk (A)": the letter is what stands on the map.
const namer = (letters, names) => (id) => (names.get(id) ? `${names.get(id)} (${letters.get(id) ?? '?'})` : `rider ${letters.get(id) ?? '?'}`);

function saidWord({ said, also = [], policy, candidates, open }, name) {
  const weighed = candidates.length === 1 ? '1 rider weighed' : `${candidates.length} riders weighed`;
  const who = policy === 'matcher' ? `The plan over ${open === 1 ? '1 delivery' : `${open} deliveries`}` : 'The search for the nearest';
  const what = { ask: () => `asks ${[said.rider_id, ...also].map(name).join(' and ')}${also.length ? ' at once: the first yes has it' : ''}`, wait: () => `means ${name(said.rider_id)}, who need not be asked before ${clock(said.until)}`, nearest: () => 'has nobody: the nearest is looked for', nobody: () => 'finds nobody' }[said.do];
  return `${who} ${what ? what() : said.do} (${weighed})`;
}

// Costs that follow one another, and so make the bar.
const parts = [['busy_s', 'Bag', 'busy'], ['to_pickup_s', 'To the court', 'ride'], ['wait_s', 'Waits for food', 'wait'], ['to_dropoff_s', 'To the door', 'door']];

function costs(decision, letters, names) {
  const list = candidatesOf(decision);
  const total = (one) => parts.reduce((sum, [key]) => sum + Math.max(0, one[key]), 0);
  const most = Math.max(1, ...list.map(total));
  // Only where the settings weigh who says no, or who has had more.
  const handicaps = list.some((one) => one.handicap_s > 0);
  const bar = (one) => h('span', { class: 'bar', 'aria-hidden': 'true' }, parts.map(([key, , kind]) => one[key] > 0 && h('i', { class: `cost-${kind}`, vars: { '--w': `${(100 * one[key]) / most}%` } })));
  const row = (one) => h('tr', { key: one.rider_id, 'data-candidate': letters.get(one.rider_id), class: one.rider_id === decision.said.rider_id ? 'chosen' : '' },
    h('th', { scope: 'row' }, h('span', { class: one.rider_id === decision.said.rider_id ? 'letter letter-chosen' : 'letter' }, letters.get(one.rider_id)), h('small', {}, names.get(one.rider_id) && `${names.get(one.rider_id)} · `, one.rider_id === decision.said.rider_id ? (decision.said.do === 'ask' ? 'asked' : 'meant') : one.declined ? 'said no' : far(one.distance_m))),
    parts.map(([key]) => h('td', { key }, span(Math.max(0, one[key])))), h('td', { key: 'shelf' }, span(one.shelf_s)), h('td', { key: 'late' }, one.late_s > 0 ? span(one.late_s) : 'on time'), handicaps && h('td', { key: 'handicap' }, span(one.handicap_s)), h('td', { key: 'bar', class: 'bar-cell' }, h('span', {}, span(total(one))), bar(one)));
  return h('div', { class: 'table-frame', tabindex: '0', role: 'region', 'aria-label': 'Costs by part', key: 'costs' }, h('table', { class: 'costs' }, h('caption', { class: 'unseen' }, 'What each rider would have cost, by part, minutes and seconds'),
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Rider'), parts.map(([key, word, kind]) => h('th', { scope: 'col', key }, h('i', { class: `swatch cost-${kind}`, 'aria-hidden': 'true' }), word)), h('th', { scope: 'col' }, 'Food waits'), h('th', { scope: 'col' }, 'Late'), handicaps && h('th', { scope: 'col', key: 'handicap' }, 'Noes and fairness'), h('th', { scope: 'col' }, 'In all'))),
    h('tbody', {}, list.map(row))));
}

// A route planned as one, in the sequence of its doors; deliveries are told by when their orders were placed.
function route(list, { deliveries, chosen, act }) {
  const order = (id) => deliveries.find((one) => one.delivery_id === id);
  const door = (id) => (id === chosen ? h('b', {}, 'This delivery') : order(id) ? h('button', { type: 'button', class: 'quiet', 'data-why': id, onclick: () => act.choose(id) }, `The order of ${time(order(id).placed_at)}`) : `Delivery ${id.slice(-6)}`);
  return h('div', { key: 'route', 'data-route': String(list.length) }, h('h4', {}, `Planned as one route with ${list.length} doors`), h('ol', {}, list.map((id) => h('li', { key: id }, door(id)))));
}

function weighed({ at, decision }, letters, story) {
  const name = namer(letters, story.names);
  return h('section', { class: 'stack', key: 'weighed', 'aria-labelledby': 'weighed-title', 'data-said': decision.said.do }, h('h3', { id: 'weighed-title' }, `What was weighed at ${clock(at)}`),
    h('p', {}, `${saidWord(decision, name)}. ${decision.riders} looked at, round ${decision.round}.`),
    decision.route?.length > 1 && route(decision.route, story),
    candidatesOf(decision).length > 0 && costs(decision, letters, story.names),
    decision.barred.length > 0 && h('div', { key: 'barred' }, h('h4', {}, 'Could not be asked'), h('ul', { class: 'barred' }, decision.barred.map((one) => h('li', { key: one.rider_id, 'data-barred': one.why }, h('span', { class: 'letter letter-barred' }, letters.get(one.rider_id)), ` ${story.names.get(one.rider_id) ? `${story.names.get(one.rider_id)} ` : ''}${barWord(one.why)}`, one.distance_m !== undefined && h('small', {}, ` ${far(one.distance_m)}`))))));
}

function timeline(items, picked, letters, names, act) {
  const name = namer(letters, names);
  const told = (item) => (item.decision ? h('button', { type: 'button', class: 'quiet why-step', 'aria-pressed': String(item === picked), onclick: () => act.pick(item) }, saidWord(item.decision, name)) : facts[item.type]?.(item.data ?? {}, name(item.data?.rider_id), name));
  const shown = items.map((item) => [item, told(item)]).filter(([, said]) => said);
  return h('section', { key: 'steps', 'aria-labelledby': 'steps-title' }, h('h3', { id: 'steps-title' }, 'Offers and answers'), h('ol', { class: 'facts why-steps' }, shown.map(([item, said]) => h('li', { key: item.seq ?? item.at, 'data-step': item.type, class: item.decision ? 'decided' : '' }, h('time', { datetime: item.at }, clock(item.at)), typeof said === 'string' ? h('span', {}, said.charAt(0).toUpperCase() + said.slice(1)) : said))));
}

/** The panel: the list of deliveries, and the story of the chosen one. `act`: choose, pick, close. */
export function panel({ deliveries, chosen, items, picked, names }, act) {
  const letters = lettersOf(items);
  return h('section', { class: 'card why', key: 'why', 'aria-labelledby': 'why-title', 'data-chosen': chosen ?? 'none' },
    h('div', { class: 'row spread', key: 'top' }, h('h2', { id: 'why-title', tabindex: '-1' }, 'Why this rider?'), chosen && h('button', { type: 'button', class: 'quiet', 'aria-label': 'Close', onclick: act.close }, icon('close'))),
    deliveries.length === 0 ? h('p', { class: 'empty', key: 'empty' }, 'No deliveries yet.') : h('ul', { class: 'chips', key: 'deliveries', 'aria-label': 'Deliveries' }, deliveries.map((order) => h('li', { key: order.delivery_id }, h('button', { type: 'button', 'data-why': order.delivery_id, 'aria-pressed': String(order.delivery_id === chosen), onclick: () => act.choose(order.delivery_id) }, `${time(order.placed_at)} · ${operatorWord(order)}`)))),
    !chosen && deliveries.length > 0 && h('p', { class: 'small', key: 'hint' }, 'Choose a delivery, here or by its door on the map.'),
    chosen && h('div', { class: 'why-story', key: 'story' }, timeline(items, picked, letters, names, act), picked ? weighed(picked, letters, { deliveries, chosen, names, act }) : h('p', { class: 'empty', key: 'none' }, 'Nothing was weighed yet, or it was forgotten.')));
}
