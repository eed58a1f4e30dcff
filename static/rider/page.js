// The rider's page: shift, offers and deliveries read from the server whenever one of their facts arrives, positions
// going out all the while, the map in between.

import { Api } from '../lib/api.js';
import { byId, draw, loading } from '../lib/dom.js';
import { Live } from '../lib/live.js';
import { loadDistrict, openMap } from '../lib/map.js';
import { Session } from '../lib/session.js';
import { loadDemo, openDoor, signInFromAddress } from '../lib/signin.js';
import { now, noteFact } from '../lib/time.js';
import { toast, toastProblem } from '../lib/toast.js';
import { drawHealth, drawWho } from '../lib/top.js';
import { Autopilot, goal, inTurn } from './autopilot.js';
import { Fixes } from './fixes.js';
import { job } from './job.js';
import { smaller } from './photo.js';
import { readStreets, route } from './streets.js';

// Devices speak up only when they move; whoever is not heard of for a minute is offered nothing.
const STILL_EVERY_MS = 15_000;
const session = new Session('rider');
const api = new Api(session);
const live = new Live(api, drawHealth);
const state = { rider: null, me: null, vehicle: 'bicycle', capacity: 1, hours: 0, busy: false, demo: false, auto: sessionStorage.getItem('foodcourt.auto') === 'on', gps: 'Looking for your position', lost: false, waiting: 0 };
let [map, fixes, streets, pilot, watching, framed] = [null, null, null, null, null, ''];
// Where the device said it is, and when the server was told, in business time.
let [still, told] = [null, 0];
let rereading = null;
let orderWatch = { id: null, stop: () => undefined };

function show() {
  if (!state.rider) return;
  state.waiting = fixes.waiting;
  draw(byId('job'), job(state, act));
  showMap();
}
function showMap() {
  if (!map) return;
  const current = state.rider.deliveries[0];
  const open = state.rider.offers[0];
  const [pickup, dropoff] = [current?.pickup ?? open?.pickup, current?.dropoff ?? open?.dropoff_coarse];
  if (pickup) map.pin('court', 'court', pickup, 'The court');
  if (dropoff) map.pin('door', 'door', dropoff, current ? 'The door' : 'About here');
  else map.remove('door');
  if (state.me) map.pin('me', 'me', state.me, 'You', state.auto ? 1_000 : 600);
  const target = current && (['confirmed', 'enroute_to_pickup'].includes(current.state) ? current.pickup : ['picked_up', 'enroute_to_dropoff'].includes(current.state) ? current.dropoff : null);
  map.route('way', (state.auto && pilot?.way) || (target && state.me && streets ? route(streets, state.me, target) : null));
  const view = `${current?.delivery_id ?? open?.offer_id}/${current?.state}/${Boolean(state.me)}`;
  if (view !== framed) map.fit([state.me, pickup ?? state.court, dropoff]);
  else if (state.me) map.keepInView(state.me);
  framed = view;
}

// What the server says now; calls that come meanwhile share one more reading after this one.
function reread() {
  rereading ??= (async () => {
    await Promise.resolve();
    rereading = null;
    const rider = await api.get('/v1/riders/me');
    state.rider = { ...rider, deliveries: inTurn(rider.deliveries) };
    followOrder(state.rider.deliveries[0]?.order_id ?? null);
    show();
  })().catch((problem) => session.signedIn || location.reload() || problem);
  return rereading;
}
// The order tells when the food is ready.
function followOrder(id) {
  if (id === orderWatch.id) return;
  orderWatch.stop();
  orderWatch = { id, stop: id ? live.watch(`order:${id}`, { onFact: reread, onSnapshot: () => undefined }) : () => undefined };
}

async function call(what) {
  state.busy = true;
  show();
  try {
    await what();
    await reread();
  } catch (problem) {
    // A wrong PIN is said where it was typed, and stays there.
    if (problem.type === '/problems/wrong-pin') state.proofProblem = wrongPin(problem.body.tries_left);
    else toastProblem(problem);
    await reread();
    throw problem;
  } finally {
    state.busy = false;
    show();
  }
}
const wrongPin = (left) => `That is not the customer's PIN. ${left === 0 ? 'Take a photo of the food at the door instead.' : `Ask once more: ${left} ${left === 1 ? 'try is' : 'tries are'} left.`}`;
// A try whose answer was lost keeps its key: typed again it is the same try, and counts once.
let unanswered = { what: '', key: '' };
async function enterPin(path, shown) {
  const what = `${path} ${shown.pin}`;
  if (unanswered.what !== what) unanswered = { what, key: crypto.randomUUID() };
  try {
    await api.patiently('POST', path, shown, { key: unanswered.key });
    unanswered = { what: '', key: '' };
  } catch (problem) {
    if (!problem.retryable) unanswered = { what: '', key: '' };
    throw problem;
  }
}
const quietly = (what) => call(what).catch(() => undefined);
const act = {
  set: (change) => {
    Object.assign(state, change);
    show();
  },
  startShift: () => quietly(() => api.put('/v1/riders/me/shift', { vehicle: state.vehicle, capacity: state.capacity, ...(state.hours ? { until: new Date(now() + state.hours * 3_600_000).toISOString() } : {}) })),
  until: (hours) => quietly(() => api.put('/v1/riders/me/shift/until', { until: hours ? new Date(now() + hours * 3_600_000).toISOString() : null })),
  endShift: () => quietly(() => api.delete('/v1/riders/me/shift')),
  accept: (offer) => call(() => api.post(`/v1/offers/${offer.offer_id}/acceptance`)),
  decline: (offer) => quietly(() => api.post(`/v1/offers/${offer.offer_id}/decline`)),
  step: (delivery, name) => call(async () => {
    const shown = name === 'delivered' && delivery.proof?.pin_tries_left && state.pin ? { pin: state.pin } : undefined;
    Object.assign(state, { pin: '', proofProblem: '' });
    // A field that has the focus keeps what was typed, whatever is drawn.
    if (byId('pin')) byId('pin').value = '';
    const path = `/v1/deliveries/${delivery.delivery_id}/${name}`;
    await (shown ? enterPin(path, shown) : api.post(path));
  }),
  photo: (delivery, picture) => quietly(async () => {
    state.proofProblem = '';
    await api.put(`/v1/deliveries/${delivery.delivery_id}/photo`, await smaller(picture));
  }),
  giveBack: (delivery) => quietly(() => api.post(`/v1/deliveries/${delivery.delivery_id}/unassignment`)),
  autopilot: (on) => {
    state.auto = on;
    sessionStorage.setItem('foodcourt.auto', on ? 'on' : 'off');
    show();
  },
};

function tell(fix) {
  told = now();
  state.me = { lat: fix.lat, lon: fix.lon };
  localStorage.setItem(`foodcourt.place.${session.userId}`, JSON.stringify(state.me));
  if (state.rider?.on_shift) fixes.push(fix);
  show();
}

function tick() {
  if (!state.rider) return;
  if (state.auto && state.demo && state.rider.on_shift) {
    const next = state.rider.deliveries[0] && goal(state.rider.deliveries[0]);
    state.gps = next?.missing === 'pin' ? 'Your turn: type the PIN' : next?.missing === 'photo' ? 'Your turn: take the photo' : 'Riding by itself';
    const fix = pilot.tick(state.me, state.rider);
    if (fix) return tell(fix);
  } else if (state.rider.on_shift && watching === null && navigator.geolocation) {
    watching = navigator.geolocation.watchPosition(({ coords, timestamp }) => {
      if (state.auto) return;
      state.lost = false;
      state.gps = `GPS within ${Math.round(coords.accuracy)} m`;
      still = { lat: coords.latitude, lon: coords.longitude, accuracy_m: Math.round(coords.accuracy * 10) / 10 };
      tell({ at: new Date(now() - (Date.now() - timestamp)).toISOString(), ...still, ...(coords.speed === null ? {} : { speed_mps: coords.speed }), ...(Number.isFinite(coords.heading ?? NaN) ? { heading_deg: coords.heading } : {}) });
    }, (problem) => {
      still = null;
      if (problem.code === problem.PERMISSION_DENIED) refused();
      else state.gps = 'No position right now';
    }, { enableHighAccuracy: true, maximumAge: 2_000 });
  } else if (state.rider.on_shift && still && now() - told > STILL_EVERY_MS) return tell({ at: new Date(now()).toISOString(), ...still });
  show();
}

// The person, or the browser, does not tell the place. Once that changes, it is asked for again.
async function refused() {
  Object.assign(state, { lost: true, gps: 'No position' });
  const again = () => {
    navigator.geolocation.clearWatch(watching);
    watching = null;
  };
  const permission = await navigator.permissions?.query({ name: 'geolocation' });
  permission?.addEventListener('change', again, { once: true });
  if (permission?.state === 'granted') again();
}

async function start() {
  byId('ride').hidden = false;
  draw(byId('job'), loading());
  try {
    const [me, courts, district, demo] = await Promise.all([api.get('/v1/me'), api.get('/v1/courts'), loadDistrict(), loadDemo()]);
    drawWho(me.display_name, leave);
    const court = courts.items[0]?.position ?? { lat: 0, lon: 0 };
    streets = readStreets(district);
    Object.assign(state, { demo: Boolean(demo), court, me: lastPlace() ?? nearby(court, me.user_id) });
    fixes = new Fixes(me.user_id, api, live);
    pilot = new Autopilot(streets, act);
    live.watch('rider:me', { onFact: (fact) => { noteFact(fact.at); say(fact); reread(); }, onSnapshot: reread, onError: toastProblem });
    await reread();
    if (!state.rider) throw new Error('The server does not answer.');
    live.start();
    map = await openMap(byId('map'), state.me ?? court, { label: 'Map with your position' });
    map.pin('court', 'court', court, 'The court');
    setInterval(tick, 1_000);
    show();
  } catch (problem) {
    if (!session.signedIn) return door();
    draw(byId('job'), problem.sentence ?? String(problem));
  }
}
const lapsed = { revoked: 'This offer was taken back: the order was called off.', taken: 'Another rider was first: this delivery is taken.' };
function say(fact) {
  const why = fact.type === 'offer.lapsed' && lapsed[fact.data.reason];
  if (why) return toast(why);
  const text = { 'offer.received': 'A new offer', 'offer.lapsed': 'The offer is over', 'rider.delivery_confirmed': 'The delivery is yours' }[fact.type];
  if (text) byId('spoken').textContent = text;
  if (fact.type === 'rider.delivery_released' && fact.data.reason !== 'delivered') toast(fact.data.reason === 'replaced' ? 'Another rider has this delivery now, who will be at the court sooner. Nothing counts against you.' : 'This delivery is no longer yours.');
}
function lastPlace() {
  try {
    return JSON.parse(localStorage.getItem(`foodcourt.place.${session.userId}`));
  } catch {
    return null;
  }
}
// A corner a few streets from the court, another one for each rider.
function nearby(court, userId) {
  const nodes = [...streets.nodes.values()].filter((node) => Math.abs(node.lat - court.lat) < 0.004 && Math.abs(node.lon - court.lon) < 0.006);
  const pick = nodes.length ? nodes[parseInt(userId.slice(-6), 16) % nodes.length] : court;
  return { lat: pick.lat, lon: pick.lon };
}
async function leave() {
  live.stop();
  await session.signOut();
  location.reload();
}
const door = () => openDoor(byId('door'), session, { roles: ['rider'], title: 'Ready to ride?', text: 'Offers nearby, one step at a time, and a map that needs no internet of its own.', onIn: start });

drawHealth('off');
await signInFromAddress(session, ['rider']).catch(toastProblem);
if (session.signedIn) start();
else door();
