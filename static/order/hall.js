// The hall: every kitchen of the court with its card, one stall after another.

import { h, icon } from '../lib/dom.js';
import { glyph, stall } from '../lib/cuisine.js';
import { money } from '../lib/money.js';
import { time } from '../lib/time.js';

const sections = (items) => [...Map.groupBy?.(items, (item) => item.section) ?? group(items)];
function group(items) {
  const found = new Map();
  for (const item of items) found.set(item.section, [...(found.get(item.section) ?? []), item]);
  return found;
}

function dish(kitchen, item, onDish) {
  const off = item.sold_out || !kitchen.open_now;
  return h('li', { key: item.item_id }, h('button', { class: 'dish', type: 'button', disabled: off, 'data-item': item.name, onclick: () => onDish(kitchen, item) },
    h('span', { class: 'dish-text' }, h('b', {}, item.name), h('small', {}, item.description), h('span', { class: 'dish-price' }, money(item.price), item.sold_out && h('span', { class: 'tag tag-bad' }, 'Sold out'), !item.sold_out && item.modifier_groups.length > 0 && h('small', {}, 'with choices'))),
    h('span', { class: 'dish-add', 'aria-hidden': 'true' }, icon('plus'))));
}

function standing(kitchen) {
  if (kitchen.paused_until) return h('span', { class: 'tag tag-wait' }, icon('pause'), `Paused until ${time(kitchen.paused_until)}`);
  if (!kitchen.open_now) return h('span', { class: 'tag tag-bad' }, kitchen.busy ? 'All hands busy' : 'Closed now');
  return h('span', { class: 'tag tag-good' }, icon('clock'), `${kitchen.prep_min} min`);
}

/** The stalls of a court. `state` is the page's; `onDish` opens a dish. */
export function hall(state, onDish) {
  const { court, kitchens, menus } = state;
  return h('div', { class: 'hall', key: 'hall' },
    h('div', { class: 'court-head' }, h('p', { class: 'sign kicker' }, `${kitchens.length} ${kitchens.length === 1 ? 'kitchen' : 'kitchens'}, one basket`), h('h1', {}, court.name), state.orders.length > 0 && h('p', { key: 'orders' }, h('a', { href: '#orders' }, 'Your orders'))),
    h('nav', { class: 'stall-nav', 'aria-label': 'Kitchens' }, kitchens.map((kitchen, at) => h('a', { class: 'button', href: `#stall-${at}`, 'data-stall': stall(at), key: kitchen.kitchen_id }, icon(glyph(kitchen)), kitchen.name))),
    kitchens.map((kitchen, at) => h('section', { class: 'card stall', id: `stall-${at}`, 'data-stall': stall(at), key: kitchen.kitchen_id, 'data-kitchen': kitchen.name, 'aria-label': kitchen.name },
      h('header', { class: 'stall-head' }, h('div', { class: 'stall-sign' }, h('span', { class: 'stall-face', 'aria-hidden': 'true' }, icon(glyph(kitchen))), h('div', { class: 'grow' }, h('h2', {}, kitchen.name), h('small', {}, kitchen.cuisine)), standing(kitchen))),
      (menus.get(kitchen.kitchen_id) === undefined) ? h('p', { class: 'empty' }, 'The card is on its way.') : sections(menus.get(kitchen.kitchen_id)).map(([section, items]) => h('div', { class: 'card-section', key: section }, h('h3', {}, section), h('ul', { class: 'dishes' }, items.map((item) => dish(kitchen, item, onDish))))))));
}
