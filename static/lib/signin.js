// The door of a page: demo people with one tap, or e-mail and password, or a new account.

import { fetchJson } from './api.js';
import { draw, h, icon } from './dom.js';
import { focusFirst, marks, sortOut, words } from './fields.js';
import { setClock } from './time.js';
import { hideHealth } from './top.js';

let demo = null;

/** Whether this page was told to be the demo's: only there are guests shown demo people, and asked to try cards that fail. */
export const isDemo = () => document.querySelector('meta[name="foodcourt:demo"]')?.content === 'on';

/** What the demo offers, or `null` on a server without it. */
export function loadDemo() {
  demo ??= isDemo() ? fetchJson('GET', '/v1/demo').then((answer) => {
    setClock(answer.business_now, answer.business_speed);
    return answer;
  }).catch(() => null) : Promise.resolve(null);
  return demo;
}

const glyphs = { customer: 'basket', vendor_staff: 'pot', rider: 'bike', admin: 'map' };

/** Big buttons, one for each demo person. */
export function demoButtons(accounts, onTap, busy = false) {
  return h('div', { class: 'people' }, accounts.map((account) => h('button', { class: 'person', type: 'button', disabled: busy, key: account.email, 'data-account': account.email, onclick: () => onTap(account) },
    h('span', { class: 'person-face', 'aria-hidden': 'true' }, icon(glyphs[account.role] ?? 'dot')),
    h('span', {}, h('b', {}, account.display_name), h('small', {}, account.email)))));
}

/** Signs in from the address (`#demo=mia@…`), if it names a demo person of one of `roles`. */
export async function signInFromAddress(session, roles) {
  const email = new URLSearchParams(location.hash.slice(1)).get('demo');
  if (!email) return;
  history.replaceState(null, '', location.pathname + location.search);
  const account = (await loadDemo())?.accounts.find((one) => one.email === email && roles.includes(one.role));
  if (account) await session.signIn(account.email, account.password);
}

/** Draws the door into `root` until somebody is in, then calls `onIn`; with `onBack` there is a way back. */
export async function openDoor(root, session, { roles, title, text, mayRegister = false, onIn, onBack = null }) {
  const state = { accounts: [], registering: false, busy: false, problem: '', fields: {} };
  const enter = async (how) => {
    Object.assign(state, { busy: true, problem: '', fields: {} });
    show();
    try {
      await how();
      draw(root);
      root.hidden = true;
      onIn();
    } catch (problem) {
      const form = root.querySelector('form');
      const { fields, rest } = sortOut(problem, form);
      Object.assign(state, { busy: false, fields, problem: problem.type === '/problems/wrong-credentials' ? 'E-mail or password is not right.' : rest });
      show();
      focusFirst(form, fields);
    }
  };
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const [email, password] = [form.get('email').trim(), form.get('password')];
    enter(() => (state.registering ? session.register(email, password, form.get('name').trim()) : session.signIn(email, password)));
  };
  const field = (name, label, type, complete, more = {}) => h('label', { class: 'field', key: name }, h('span', {}, label), h('input', { name, type, required: true, autocomplete: complete, ...marks(state.fields, name), ...more }), words(state.fields, name));
  const show = () => draw(root, h('div', { class: 'door card' },
    onBack && h('div', { class: 'row', key: 'back' }, h('button', { class: 'quiet', type: 'button', onclick: () => { draw(root); root.hidden = true; onBack(); } }, icon('back'), 'Back to the kitchens')),
    h('h1', {}, title), h('p', { class: 'lead' }, text),
    state.accounts.length > 0 && h('section', { key: 'demo' }, h('h2', {}, 'Come in as'), demoButtons(state.accounts, (account) => enter(() => session.signIn(account.email, account.password)), state.busy)),
    h('form', { key: 'form', onsubmit: submit, class: 'stack' },
      h('h2', {}, state.registering ? 'New here' : state.accounts.length ? 'Or with your own account' : 'Sign in'),
      state.registering && field('name', 'Your name', 'text', 'name', { maxlength: 80 }),
      field('email', 'E-mail', 'email', 'username'),
      field('password', 'Password', 'password', state.registering ? 'new-password' : 'current-password', state.registering ? { minlength: 8 } : {}),
      h('p', { class: 'problem', role: 'alert', key: 'problem' }, state.problem),
      h('div', { class: 'row' }, h('button', { class: 'main', disabled: state.busy }, state.registering ? 'Make an account' : 'Sign in'),
        mayRegister && h('button', { class: 'quiet', type: 'button', onclick: () => { state.registering = !state.registering; show(); } }, state.registering ? 'I have an account' : 'I am new here')))));
  root.hidden = false;
  // Nobody is in: there is no connection to be well or ill.
  hideHealth();
  show();
  state.accounts = ((await loadDemo())?.accounts ?? []).filter((account) => roles.includes(account.role));
  // Somebody may have come in, or gone back, meanwhile.
  if (!root.hidden) show();
}
