// The customer's page: who, which court, what, how; one state, drawn anew after each change.

import { Api } from '../lib/api.js';
import { byId, draw, h, icon, loading } from '../lib/dom.js';
import { Live } from '../lib/live.js';
import { focusFirst, sortOut } from '../lib/fields.js';
import { distanceM, openMap } from '../lib/map.js';
import { Session } from '../lib/session.js';
import { isDemo, openDoor, signInFromAddress } from '../lib/signin.js';
import { now } from '../lib/time.js';
import { toast, toastProblem } from '../lib/toast.js';
import { drawHealth, drawWho, hideHealth } from '../lib/top.js';
import * as baskets from './basket.js';
import { checkout } from './checkout.js';
import { openDish } from './dish.js';
import { hall } from './hall.js';
import { pending, place } from './placing.js';
import { history as ordered, mine } from './mine.js';
import { Stalls } from './stalls.js';
import { tray } from './tray.js';

const ORDERS_A_TIME = 10;
const session = new Session('customer');
const api = new Api(session);
const live = new Live(api, drawHealth);
const state = { view: 'hall', me: null, court: null, courts: [], kitchens: [], menus: new Map(), orders: [], older: null, basket: null, quote: null, quoting: false, problem: '', doorText: '', fields: {}, locating: false, bareMap: '', trayOpen: false, placing: false };
const root = byId('hall');
const stalls = new Stalls(api, live, state, stallsChanged);
let map = null;
let asking = 0;

function show() {
  if (state.view === 'checkout') draw(root, checkout(state, { change, contact, back, locate, place: order }));
  else if (state.court) {
    draw(root, mine(state.orders), state.courts.length > 1 && courtChoice(), h('div', { class: 'order-floor', key: 'floor' }, hall(state, (kitchen, item) => openDish(kitchen, item, put)), tray(state, change, toCheckout, () => { state.trayOpen = !state.trayOpen; show(); })), ordered(state, readOlder));
  } else draw(root, h('p', { class: 'empty' }, 'No court takes orders here yet.'));
}

function courtChoice() {
  return h('nav', { class: 'chips', 'aria-label': 'Courts', key: 'courts' }, state.courts.map((court) => h('button', { type: 'button', key: court.court_id, 'aria-pressed': String(court === state.court), onclick: () => openCourt(court) }, icon('awning'), court.name)));
}

const readOrders = async () => {
  const list = await api.get(`/v1/orders?limit=${ORDERS_A_TIME}`);
  Object.assign(state, { orders: list.items, older: list.next_cursor ?? null });
};
async function readOlder() {
  try {
    const list = await api.get(`/v1/orders?limit=${ORDERS_A_TIME}&cursor=${encodeURIComponent(state.older)}`);
    const known = new Set(state.orders.map((order) => order.order_id));
    Object.assign(state, { orders: [...state.orders, ...list.items.filter((order) => !known.has(order.order_id))], older: list.next_cursor ?? null });
  } catch (problem) {
    toastProblem(problem);
  }
  show();
}

async function openCourt(court) {
  document.title = `Order · ${court.name}`;
  Object.assign(state, { court, kitchens: [], menus: new Map(), basket: baskets.load(court.court_id), quote: null });
  await stalls.open();
}

// A dish in the basket that sells out, or comes back, while its price is looked at: it is worked out anew.
let gone = '';
const goneNames = () => (state.basket?.lines ?? []).filter((line) => baskets.isGone(line, state.menus)).map((line) => line.name);
function stallsChanged() {
  const now = goneNames().join();
  if (now !== gone && state.view === 'checkout') askQuote();
  gone = now;
  show();
}

function put(line) {
  change(baskets.add(state.basket, line));
  byId('spoken').textContent = `${line.quantity} ${line.name} added to the basket`;
}

function change(basket, priced = true) {
  // What was typed since this basket was drawn stays.
  state.basket = { ...basket, contact: state.basket.contact };
  baskets.save(state.basket);
  if (!basket.lines.length) back();
  else if (state.view === 'checkout' && priced) askQuote();
  show();
}
function contact(name, value) {
  state.basket = { ...state.basket, contact: { ...state.basket.contact, [name]: value } };
  baskets.save(state.basket);
  if (!state.fields[name]) return;
  state.fields = { ...state.fields, [name]: undefined };
  show();
}

async function askQuote() {
  const { basket } = state;
  const mineNow = ++asking;
  Object.assign(state, { quote: null, problem: '', fields: { ...state.fields, wanted_at: undefined } });
  if (!basket.lines.length || (basket.fulfilment === 'delivery' && !basket.dropoff)) return;
  if (goneNames().length) {
    state.problem = `Sold out by now: ${goneNames().join(', ')}. Take it out of your order to go on.`;
    return;
  }
  state.quoting = true;
  try {
    const quote = await api.patiently('POST', '/v1/quotes', baskets.request(basket, state.court.currency));
    if (mineNow === asking) state.quote = quote;
  } catch (problem) {
    if (mineNow === asking) tell(problem);
  }
  if (mineNow !== asking) return;
  state.quoting = false;
  show();
}

// What is said of a field stands at the field, the rest beside the button.
function tell(problem) {
  const { fields, rest } = sortOut(problem, root.querySelector('form.checkout'));
  Object.assign(state, { fields: { ...state.fields, ...fields }, problem: rest });
  return fields;
}

async function toCheckout() {
  if (!session.signedIn) return door('One thing before you order', 'Sign in, or make an account: so the kitchens know whose food it is, and you can follow it.', toCheckout);
  // A time that was chosen yesterday may be over.
  if (Date.parse(state.basket.wanted_at) < now()) state.basket = { ...state.basket, wanted_at: null };
  Object.assign(state, { view: 'checkout', trayOpen: false, problem: '', fields: {} });
  if (!state.basket.contact.name) contact('name', state.me?.display_name ?? '');
  if (location.hash !== '#checkout') history.pushState(null, '', '#checkout');
  show();
  scrollTo(0, 0);
  askQuote().then(show);
  const opened = await openMap(byId('door-map'), state.basket.dropoff ?? state.court.position, { onClick: setDoor, label: 'Map to choose your door' });
  // Gone back meanwhile.
  if (state.view !== 'checkout') return opened.map.remove();
  map = opened;
  map.pin('court', 'court', state.court.position, state.court.name);
  map.circle('radius', state.court.position, state.court.delivery_radius_m);
  state.bareMap = map.bare ? map.rings(state.court.position, state.court.delivery_radius_m) : '';
  show();
  byId('door-map').addEventListener('keydown', (event) => event.key === 'Enter' && (event.preventDefault(), setDoor(map.centre())));
  if (state.basket.dropoff) setDoor(state.basket.dropoff);
}
function setDoor(at) {
  const metres = distanceM(state.court.position, at);
  state.doorText = `Your door is ${metres < 1000 ? `${Math.round(metres / 10) * 10} m` : `${(metres / 1000).toFixed(1)} km`} from the court${metres > state.court.delivery_radius_m ? ', farther than it delivers' : ''}.`;
  map?.pin('door', 'door', at, 'Your door');
  change({ ...state.basket, dropoff: { lat: Number(at.lat.toFixed(6)), lon: Number(at.lon.toFixed(6)) } });
}
function locate() {
  const failed = (why) => {
    state.locating = false;
    toast(why, 'bad');
    show();
  };
  if (!navigator.geolocation) return failed('This browser does not know where you are. Tap the map instead.');
  state.locating = true;
  show();
  navigator.geolocation.getCurrentPosition(({ coords }) => {
    state.locating = false;
    const at = { lat: coords.latitude, lon: coords.longitude };
    setDoor(at);
    map?.fit([state.court.position, at]);
  }, (problem) => failed(problem.code === problem.PERMISSION_DENIED ? 'This page may not ask where you are. Allow the location, or tap the map.' : 'Your place cannot be found right now. Tap the map instead.'), { enableHighAccuracy: true, timeout: 15_000 });
}
function back() {
  map?.map.remove();
  map = null;
  Object.assign(state, { view: 'hall', quote: null });
  if (location.hash === '#checkout') history.replaceState(null, '', location.pathname);
  show();
}

async function order(event) {
  event?.preventDefault();
  Object.assign(state, { placing: true, problem: '', fields: {} });
  show();
  const { basket } = state;
  const contactOf = Object.fromEntries(Object.entries(basket.contact).map(([name, value]) => [name, value.trim() || null]));
  try {
    const placed = await place(api, event && { quote_id: state.quote.quote_id, payment_method: isDemo() ? basket.payment_method : 'pm_ok', contact: contactOf }, state.quote);
    baskets.save({ ...baskets.empty(placed.court_id), dropoff: basket?.dropoff ?? null, contact: basket?.contact ?? baskets.empty().contact });
    location.assign(`/track.html?order=${placed.order_id}`);
  } catch (problem) {
    state.placing = false;
    const fields = tell(problem);
    show();
    focusFirst(root.querySelector('form.checkout'), fields);
    if (Object.keys(fields).length) return;
    if (['/problems/quote-expired', '/problems/item-unavailable'].includes(problem.type)) await askQuote();
    Object.assign(state, { problem: problem.sentence ?? String(problem) });
    show();
  }
}

async function start() {
  root.hidden = false;
  if (session.signedIn && pending()) return resume();
  if (!state.court) draw(root, loading());
  try {
    // A session that has run out ends here, and its guest looks around like any other.
    state.me = session.signedIn ? await api.get('/v1/me').catch((problem) => (session.signedIn ? Promise.reject(problem) : null)) : null;
    drawWho(state.me?.display_name, leave, () => door('Come in, sit down', 'One basket over every kitchen of the court, brought to your door or ready at the counter.'));
    state.courts = (await api.get('/v1/courts')).items;
    if (state.me) {
      await readOrders();
      live.watch('inbox', { onFact: told });
      live.start();
    } else hideHealth();
    if (state.courts.length) await openCourt(state.court ?? state.courts[0]);
    show();
    if (location.hash === '#checkout' && state.basket?.lines.length) toCheckout();
  } catch (problem) {
    toastProblem(problem);
    draw(root, h('p', { class: 'empty' }, problem.sentence ?? String(problem), ' ', h('button', { type: 'button', onclick: () => location.reload() }, 'Try again')));
  }
}
// A message about an order: the banners of open orders are read again.
async function told(fact) {
  if (fact.type !== 'inbox.posted') return;
  toast(fact.data.text, 'good');
  await readOrders().catch(() => undefined);
  show();
}
function resume() {
  draw(root, h('p', { class: 'empty' }, 'Your order was on its way to the kitchens. We ask what became of it.'));
  place(api, null).then((placed) => location.assign(`/track.html?order=${placed.order_id}`), (problem) => {
    toastProblem(problem);
    start();
  });
}
async function leave() {
  live.stop();
  await session.signOut();
  location.reload();
}
// Who only looks around needs no account: the door opens when somebody wants in, or at the checkout (`then`).
function door(title, text, then = () => undefined) {
  root.hidden = true;
  drawWho(null);
  scrollTo(0, 0);
  return openDoor(byId('door'), session, { roles: ['customer'], title, text, mayRegister: true, onIn: () => start().then(() => state.me && then()), onBack: start });
}

addEventListener('popstate', () => state.view === 'checkout' && location.hash !== '#checkout' && back());
drawHealth('off');
await signInFromAddress(session, ['customer']).catch(toastProblem);
start();
