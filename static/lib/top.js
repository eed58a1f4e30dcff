// What every page has at its top: the health of its connection, who is signed in, and the demo's own time.

import { fetchJson } from './api.js';
import { byId, draw, h, icon } from './dom.js';
import { clockSpeed, demoTime } from './time.js';

const words = {
  live: ['Live', 'good'], connecting: ['Connecting', 'wait'], waiting: ['Reconnecting', 'wait'], streaming: ['Live over HTTP', 'good'],
  offline: ['Offline', 'bad'], off: ['Not connected', 'idle'],
};

/** Nothing about a connection, where there is none to have. */
export const hideHealth = () => draw(byId('health'));

/** Draws the connection's health into `#health`; call it with each change. */
export function drawHealth(state, { retryAt } = {}) {
  const [word, kind] = words[state] ?? words.off;
  const seconds = state === 'waiting' && retryAt ? Math.max(1, Math.round((retryAt - Date.now()) / 1000)) : 0;
  draw(byId('health'), h('span', { class: `health health-${kind}`, 'data-state': state }, h('span', { class: 'dot', 'aria-hidden': 'true' }), seconds ? `${word}, next try in ${seconds} s` : word));
}

/** Draws who is signed in into `#who`, with a way out; for nobody a way in, where there is one. */
export function drawWho(name, onSignOut, onSignIn) {
  draw(byId('who'), !name && onSignIn && h('button', { type: 'button', id: 'sign-in', key: 'in', onclick: onSignIn }, 'Sign in'), name && h('span', { class: 'who-name' }, name), name && h('button', { class: 'quiet', type: 'button', onclick: onSignOut, 'aria-label': `Sign out ${name}` }, icon('exit'), h('span', { class: 'wide-only' }, 'Sign out')));
}

// A demo whose clock ran ahead says so: otherwise every time on the page would look wrong.
function drawDemoTime() {
  const [note, at] = [byId('demo-time'), demoTime()];
  if (!note) return;
  note.hidden = !at;
  draw(note, at && `Demo time: ${at}`, at && clockSpeed() > 1 && `, running ${clockSpeed()} times as fast as yours`);
}
setInterval(drawDemoTime, 1_000);

// Somebody else may set how fast the demo's clock runs; a page that only listens would never hear of it.
const CLOCK_EVERY_MS = 10_000;
if (document.querySelector('meta[name="foodcourt:demo"]')?.content === 'on') {
  setInterval(() => document.visibilityState === 'visible' && navigator.onLine && fetchJson('GET', '/v1/demo').catch(() => undefined), CLOCK_EVERY_MS);
}
