// The dialogs of the board: minutes to accept with, the reason to reject for, how long to pause, and the 86 list.

import { byId, draw, h, icon } from '../lib/dom.js';

let current = () => undefined;

/** Draws the open dialog again. */
export const redraw = () => byId('sheet').open && current();

function open(title, text, content) {
  const dialog = byId('sheet');
  const show = () => draw(dialog, h('div', { class: 'sheet', key: title }, h('div', { class: 'sheet-top' }, h('div', { class: 'row spread' }, h('h2', { id: 'sheet-title' }, title), h('button', { type: 'button', class: 'quiet', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close'))), text && h('p', { class: 'small' }, text)), h('div', { class: 'sheet-mid' }, content())));
  current = show;
  show();
  if (!dialog.open) dialog.showModal();
}
const close = () => byId('sheet').close();
// The first choice has the focus, or the one that is named.
const grid = (choices, onPick, likely = choices[0][0]) => h('div', { class: 'choices' }, choices.map(([value, word]) => h('button', { type: 'button', class: 'choice', key: String(value), 'data-choice': String(value), autofocus: value === likely, onclick: () => { close(); onPick(value); } }, word)));

/** Asks for minutes of work, the usual ones first in mind. */
export function askMinutes(ticket, usual, onPick) {
  const minutes = [...new Set([usual, 5, 8, 12, 15, 20, 30])].filter((n) => n > 0).sort((a, b) => a - b);
  open(`Accept #${ticket.number}`, 'How many minutes of work is it?', () => grid(minutes.map((n) => [n, n === usual ? `${n} min, as usual` : `${n} min`]), onPick, usual));
}

/** Asks why a ticket is rejected. */
export function askReason(ticket, onPick) {
  open(`Reject #${ticket.number}`, 'The guest does not pay for this part.', () => grid([['sold_out', 'Sold out'], ['too_busy', 'Too busy'], ['closed', 'Closed'], ['other', 'Something else']], onPick));
}

/** Asks for how long to pause. */
export function askPause(onPick) {
  open('Pause', 'No new tickets come in. It ends by itself.', () => grid([[10, '10 min'], [20, '20 min'], [30, '30 min'], [60, '1 hour']], onPick));
}

/** The 86 list; `menu()` gives the card as it stands now. An option that several dishes share is listed once. */
export function openSoldOut(menu, onToggle) {
  const line = (entry, what) => h('label', { class: 'switch spread', key: Object.values(what)[0], 'data-86': entry.name }, h('span', { class: 'row' }, entry.name, entry.sold_out && h('span', { class: 'tag tag-bad' }, 'Sold out')), h('input', { type: 'checkbox', role: 'switch', checked: !entry.sold_out, onchange: (event) => onToggle(what, !event.target.checked), 'aria-label': `${entry.name} is on the menu` }));
  const options = () => [...new Map(menu().flatMap((item) => item.modifier_groups).flatMap((group) => group.modifiers).map((modifier) => [modifier.modifier_id, modifier])).values()];
  open('On the menu', 'Switch off what is sold out. Guests see it at once.', () => [
    h('section', { key: 'dishes', class: 'switches' }, h('h3', {}, 'Dishes'), menu().map((item) => line(item, { item_id: item.item_id }))),
    options().length > 0 && h('section', { key: 'options', class: 'switches' }, h('h3', {}, 'Options'), options().map((modifier) => line(modifier, { modifier_id: modifier.modifier_id }))),
  ]);
}
