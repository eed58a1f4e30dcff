// The operator's page: riders as they move (socket), orders and promises asked for every few seconds.

import { Api } from '../lib/api.js';
import { byId, draw } from '../lib/dom.js';
import { readOrder } from '../lib/fold.js';
import { Live } from '../lib/live.js';
import { openMap } from '../lib/map.js';
import { Session } from '../lib/session.js';
import { openDoor, signInFromAddress } from '../lib/signin.js';
import { toastProblem } from '../lib/toast.js';
import { drawHealth, drawWho } from '../lib/top.js';
import { Desk } from './desk.js';
import { figures, orders, promises, shifts } from './panels.js';
import { Why } from './why.js';

const ORDERS_EVERY_MS = 3_000;
const PROMISES_EVERY_MS = 30_000;
const GLIDE_MS = 1_100;
const session = new Session('city');
const api = new Api(session);
const live = new Live(api, drawHealth);
const state = { courts: [], orders: [], riders: [], spread: null, invariants: [], places: new Map() };
let map = null;
const why = new Why(api, () => map);
const desk = new Desk(api, live, {
  onFind: ({ position }) => {
    map?.map.setView([position.lat, position.lon], 16);
    byId('map').scrollIntoView({ block: 'center' });
  },
  onWhy: (deliveryId) => why.choose(deliveryId),
});

function show() {
  draw(byId('figures'), figures(state));
  draw(byId('promises'), promises(state.invariants));
  draw(byId('shifts'), shifts(state));
  draw(byId('orders'), orders(state.orders, (id) => desk.open(id)));
}

const nameOf = (id) => state.riders.find((rider) => rider.rider_id === id)?.display_name ?? 'Rider';
/** Puts one rider on the map; a position older than the one shown is ignored. */
function place(id, at, fixSeq = 0) {
  const known = state.places.get(id);
  if (!at || (known && fixSeq < known.fixSeq)) return;
  state.places.set(id, { at, fixSeq });
  map?.pin(id, 'rider', at, nameOf(id), known ? GLIDE_MS : 0);
}
function gone() {
  const here = new Set(state.riders.map((rider) => rider.rider_id));
  for (const id of state.places.keys()) {
    if (here.has(id)) continue;
    state.places.delete(id);
    map?.remove(id);
  }
}
const positionOf = (data) => data?.position ?? (data?.lat === undefined ? null : data);

async function look() {
  const [orderList, riders] = await Promise.all([api.get('/v1/admin/orders?limit=100'), api.get('/v1/admin/riders')]);
  state.orders = orderList.items.map(readOrder);
  state.riders = riders.items;
  state.spread = riders.spread;
  for (const rider of state.riders) if (!state.places.has(rider.rider_id)) place(rider.rider_id, positionOf(rider));
  gone();
  show();
  await why.look(state.orders);
}
async function check() {
  state.invariants = (await api.get('/v1/admin/invariants')).items;
  show();
}
const again = (what, ms) => {
  const run = () => what().catch((problem) => problem.status === 403 && toastProblem(problem)).finally(() => setTimeout(run, document.visibilityState === 'visible' ? ms : ms * 5));
  run();
};

async function start() {
  byId('city').hidden = false;
  try {
    const [me, courts] = await Promise.all([api.get('/v1/me'), api.get('/v1/courts')]);
    drawWho(me.display_name, leave);
    state.courts = courts.items;
    show();
    const centre = state.courts[0]?.position ?? { lat: 0, lon: 0 };
    map = await openMap(byId('map'), centre, { zoom: 14.5, label: 'Map of all riders' });
    for (const court of state.courts) map.pin(court.court_id, 'court', court.position, court.name);
    for (const [id, { at }] of state.places) map.pin(id, 'rider', at, nameOf(id));
    live.watch('city', {
      onPosition: (data, fixSeq) => place(data.rider_id, positionOf(data), fixSeq),
      onSnapshot: (data) => (data?.riders ?? data ?? []).forEach?.((rider) => place(rider.rider_id, positionOf(rider), rider.fix_seq)),
      onError: toastProblem,
    });
    live.start();
    again(look, ORDERS_EVERY_MS);
    again(check, PROMISES_EVERY_MS);
  } catch (problem) {
    if (!session.signedIn) return door();
    toastProblem(problem);
  }
}
async function leave() {
  live.stop();
  await session.signOut();
  location.reload();
}
const door = () => openDoor(byId('door'), session, { roles: ['admin'], title: 'The whole city', text: 'For those who run the court.', onIn: start });

drawHealth('off');
await signInFromAddress(session, ['admin']).catch(toastProblem);
if (session.signedIn) start();
else door();
