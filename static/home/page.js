// The first page: whether the server takes orders right now. In the demo its people, each one tap from their page; on a
// court of one's own the way to the food, and everything else small and at the end.

import { fetchJson } from '../lib/api.js';
import { byId, draw, h, icon } from '../lib/dom.js';
import { Session } from '../lib/session.js';
import { isDemo, loadDemo } from '../lib/signin.js';
import '../lib/top.js';

const ASK_EVERY_MS = 10_000;
const pages = {
  customer: ['/order.html', 'basket', 'orders'], vendor_staff: ['/kitchen.html', 'pot', 'cooks'],
  rider: ['/rider.html', 'bike', 'rides'], admin: ['/city.html', 'map', 'runs it'],
};
const state = { ready: 'asking', since: null, courts: [], kitchens: 0, demo: null };

async function ask() {
  try {
    await fetchJson('GET', '/readyz');
    state.ready = 'yes';
  } catch (problem) {
    state.ready = problem.status === 503 ? 'draining' : 'no';
  }
  if (state.ready === 'yes' && !state.courts.length) {
    state.courts = (await fetchJson('GET', '/v1/courts').catch(() => ({ items: [] }))).items;
    const kitchens = await Promise.all(state.courts.map((court) => fetchJson('GET', `/v1/kitchens?court_id=${court.court_id}`).catch(() => ({ items: [] }))));
    state.kitchens = kitchens.flatMap((list) => list.items).filter((kitchen) => kitchen.open_now).length;
  }
  show();
}

/** A court of one's own: its guests came for its food. */
function welcome() {
  for (const [id, away] of [['watch', true], ['doors', true], ['staff', false]]) byId(id).hidden = away;
  const [court] = state.courts;
  if (!court) return;
  const name = state.courts.length > 1 ? 'Food courts' : court.name;
  document.title = name;
  draw(byId('welcome'), name);
  draw(byId('lead'), 'One basket over every kitchen of the court, ready at the counter or brought to your door. You see each step the moment it happens.');
}

function show() {
  if (!isDemo()) welcome();
  const [word, kind, text] = {
    asking: ['Asking', 'wait', 'Asking the server how it is.'],
    yes: ['Open', 'good', isDemo() ? 'The server takes orders.' : state.kitchens > 0 ? 'Orders are taken.' : 'No kitchen is open.'],
    draining: ['Not taking orders', 'wait', 'The server is starting or stopping. It will be back.'],
    no: ['Unreachable', 'bad', 'The server does not answer.'],
  }[state.ready];
  draw(byId('health'), h('span', { class: `health health-${kind}`, 'data-ready': state.ready }, h('span', { class: 'dot', 'aria-hidden': 'true' }), word));
  draw(byId('status'), h('h2', {}, isDemo() ? 'This server' : 'Right now'), h('p', { class: 'small' }, text),
    state.courts.map((court) => h('p', { key: court.court_id }, icon('awning'), ' ', h('b', {}, court.name))),
    state.kitchens > 0 && h('p', {}, icon('pot'), ` ${state.kitchens} ${state.kitchens === 1 ? 'kitchen is' : 'kitchens are'} open`),
    state.demo?.business_speed > 1 && h('p', {}, icon('clock'), ` Time runs ${state.demo.business_speed} times faster here`),
    isDemo() && h('p', {}, icon('book'), ' ', h('a', { href: '/swagger' }, 'API documentation')));
  const demo = byId('demo');
  byId('people').hidden = !state.demo;
  demo.hidden = !state.demo;
  if (!state.demo) return;
  draw(demo, h('h2', {}, 'Walk in as somebody'), h('p', { class: 'lead' }, 'These people exist only in the demo. One tap signs you in; open several in tabs beside each other and watch one order go through all hands.'),
    h('div', { class: 'people' }, state.demo.accounts.map((account) => {
      const [page, glyph, verb] = pages[account.role] ?? pages.customer;
      return h('a', { class: 'button person', href: `${page}#demo=${encodeURIComponent(account.email)}`, key: account.email, 'data-account': account.email },
        h('span', { class: 'person-face', 'aria-hidden': 'true' }, icon(glyph)), h('span', {}, h('b', {}, account.display_name), h('small', {}, `${verb} · ${account.email}`)));
    })));
}

// What machines read is nothing to a court's guests.
byId('machines').hidden = !isDemo() && !new Session('city').signedIn;
show();
if (isDemo()) {
  loadDemo().then((demo) => {
    state.demo = demo;
    show();
  });
}
ask();
setInterval(ask, ASK_EVERY_MS);
