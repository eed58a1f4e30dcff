// One order, followed live: read once over REST, then folded fact by fact from the socket (or from server-sent
// events), with its rider on the map. After a lost connection it goes on where it stopped.

import { Api } from '../lib/api.js';
import { byId, draw, h, loading } from '../lib/dom.js';
import { atTheDoor, ended, evolve, readOrder } from '../lib/fold.js';
import { Live } from '../lib/live.js';
import { openMap } from '../lib/map.js';
import { promiseOf } from '../lib/promise.js';
import { Session } from '../lib/session.js';
import { openDoor, signInFromAddress } from '../lib/signin.js';
import { noteFact } from '../lib/time.js';
import { toast, toastProblem } from '../lib/toast.js';
import { drawHealth, drawWho } from '../lib/top.js';
import { statusWord } from '../lib/words.js';
import { almostThere, expectedWord } from './arrival.js';
import { story } from './story.js';

const GLIDE_MS = 1_100;
const orderId = new URLSearchParams(location.search).get('order');
const session = new Session('customer');
const api = new Api(session);
const live = new Live(api, drawHealth);
const state = { order: null, facts: [], rider: null, fixSeq: -1, cancelling: false, told: promiseOf(orderId), pin: null, photo: null };
let map = null;
let spoken = { word: '', due: '' };
let asking = false;
let framed = '';

function show() {
  const { order } = state;
  draw(byId('story'), story(state, { cancel }));
  const [word, due] = [almostThere(order, state.facts) ? 'Almost there' : statusWord(order), expectedWord(order)];
  document.title = `${word} · foodcourt`;
  const news = spoken.word && [spoken.word !== word && `${word}.`, spoken.due !== due && due].filter(Boolean).join(' ');
  if (news) byId('spoken').textContent = news;
  spoken = { word, due };
  showMap();
  askProof();
}

// What belongs to the hand-over: the PIN until it is delivered, in this page's memory alone; afterwards the photo.
async function askProof() {
  const { order } = state;
  const over = ended(order) || order.ending;
  if (over && state.pin) {
    state.pin = null;
    return show();
  }
  const wanted = ['pin', 'photo'].includes(order.proof) && (over ? order.status === 'delivered' && !state.photo : order.proof === 'pin' && !state.pin);
  if (!wanted || asking) return;
  asking = true;
  try {
    if (over) state.photo = await readPhoto();
    else state.pin = (await api.get(`/v1/orders/${orderId}/pin`)).pin;
  } catch (problem) {
    // Without it the rest still holds; it is asked for again when the page is drawn next.
    asking = false;
    return;
  }
  // Where there is no photo there will be none.
  asking = over && !state.photo;
  show();
}
async function readPhoto() {
  const id = state.facts.findLast((fact) => fact.type === 'order.rider_assigned')?.data?.delivery_id;
  const delivery = id && (await api.get(`/v1/deliveries/${id}`));
  return delivery?.proof?.photo_taken ? api.picture(`/v1/deliveries/${id}/photo`) : null;
}

// What the place on the map is worth: before pickup the server tells it only roughly.
function mapNote({ order, rider }) {
  if (order.fulfilment !== 'delivery') return 'The court, where you fetch it.';
  if (ended(order)) return 'From the court to your door.';
  if (atTheDoor(order)) return 'Your rider is at your door.';
  if (order.status === 'picked_up') return rider ? 'Where your rider is right now.' : 'Waiting for your rider\'s position.';
  return order.rider_id ? 'Until pickup you see only roughly where your rider is.' : 'Your rider appears here once one is on the way.';
}

function showMap() {
  draw(byId('map-note'), mapNote(state));
  if (!map) return;
  const { order, rider } = state;
  map.pin('court', 'court', order.handoff, 'The court');
  if (order.dropoff) map.pin('door', 'door', order.dropoff, 'Your door');
  const riding = rider && order.rider_id && !ended(order);
  if (riding) map.pin('rider', 'rider', rider, 'Your rider', GLIDE_MS);
  else if (!ended(order) || order.status !== 'delivered') map.remove('rider');
  // The view is set anew only when something appears or the order moves on, so that a hand on the map is not pushed away.
  const view = `${order.status}/${Boolean(riding)}`;
  if (view !== framed) map.fit([order.handoff, order.dropoff, riding ? rider : null]);
  framed = view;
}

function take(fact) {
  noteFact(fact.at);
  if (!state.facts.some((known) => known.seq === fact.seq)) state.facts.push(fact);
  state.order = evolve(state.order, fact);
  show();
}

async function reread() {
  const [order, history] = await Promise.all([api.get(`/v1/orders/${orderId}`), api.get(`/v1/orders/${orderId}/events`)]);
  state.order = readOrder(order);
  state.facts = history.items.sort((a, b) => a.seq - b.seq);
}

async function cancel() {
  if (!confirm('Call this order off? Your money goes back to you.')) return;
  state.cancelling = true;
  show();
  try {
    await api.patiently('POST', `/v1/orders/${orderId}/cancellation`, {});
  } catch (problem) {
    toastProblem(problem);
  }
  state.cancelling = false;
  show();
}

async function start() {
  byId('tracking').hidden = false;
  if (!state.order) draw(byId('story'), loading());
  try {
    const [me] = await Promise.all([api.get('/v1/me'), reread()]);
    drawWho(me.display_name, leave);
    show();
    live.watch(`order:${orderId}`, {
      after: state.order.version,
      onFact: take,
      onSnapshot: (data) => {
        state.order = readOrder(data);
        show();
      },
      onPosition: (at, fixSeq) => {
        if (fixSeq <= state.fixSeq) return;
        Object.assign(state, { rider: at, fixSeq });
        showMap();
      },
      onError: toastProblem,
    });
    live.watch('inbox', { onFact: (fact) => fact.type === 'inbox.posted' && fact.data.order_id === orderId && toast(fact.data.text, 'good') });
    live.start();
    map = await openMap(byId('map'), state.order.handoff, { label: 'Map of your order' });
    showMap();
  } catch (problem) {
    if (!session.signedIn) return door();
    lost(problem);
  }
}

// No order to follow: not there, somebody else's, or not to be had right now.
function lost(problem) {
  const gone = problem.status === 404;
  document.querySelector('.map-side').hidden = true;
  document.title = `${gone ? 'No such order' : 'Not reachable'} · foodcourt`;
  draw(byId('story'), h('div', { class: 'card stack', key: 'lost' }, h('h1', {}, gone ? 'No such order' : 'Something is in the way'),
    h('p', { class: 'lead' }, gone ? 'There is no order at this address, or it belongs to another account.' : problem.sentence ?? String(problem)),
    h('div', { class: 'row' }, h('a', { class: 'button main', href: '/order.html#orders' }, 'Your orders'), !gone && h('button', { type: 'button', onclick: () => location.reload() }, 'Try again'))));
}

async function leave() {
  live.stop();
  await session.signOut();
  location.assign('/order.html');
}
const door = () => openDoor(byId('door'), session, { roles: ['customer'], title: 'Your order', text: 'Sign in to follow it.', onIn: start });

setInterval(() => state.order && !ended(state.order) && document.visibilityState === 'visible' && show(), 15_000);
drawHealth('off');
await signInFromAddress(session, ['customer']).catch(toastProblem);
if (!orderId) location.replace('/order.html');
else if (session.signedIn) start();
else door();
