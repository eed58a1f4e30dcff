// What every page has at its top: the health of its connection and who is signed in.

import { byId, draw, h, icon } from './dom.js';

const words = {
  live: ['Live', 'good'], connecting: ['Connecting', 'wait'], waiting: ['Reconnecting', 'wait'], streaming: ['Live over HTTP', 'good'],
  offline: ['Offline', 'bad'], off: ['Not connected', 'idle'],
};

/** Draws the connection's health into `#health`; call it with each change. */
export function drawHealth(state, { retryAt } = {}) {
  const [word, kind] = words[state] ?? words.off;
  const seconds = state === 'waiting' && retryAt ? Math.max(1, Math.round((retryAt - Date.now()) / 1000)) : 0;
  draw(byId('health'), h('span', { class: `health health-${kind}`, 'data-state': state }, h('span', { class: 'dot', 'aria-hidden': 'true' }), seconds ? `${word}, next try in ${seconds} s` : word));
}

/** Draws who is signed in into `#who`, with a way out. */
export function drawWho(name, onSignOut) {
  draw(byId('who'), name && h('span', { class: 'who-name' }, name), name && h('button', { class: 'quiet', type: 'button', onclick: onSignOut, 'aria-label': `Sign out ${name}` }, icon('exit'), h('span', { class: 'wide-only' }, 'Sign out')));
}
