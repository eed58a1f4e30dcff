// The tray: what is in the basket, kitchen by kitchen, and what it comes to.

import { h, icon } from '../lib/dom.js';
import { money, times } from '../lib/money.js';
import { countOf, isGone, setQuantity, subtotal, unitAmount } from './basket.js';

/** Lines by kitchen, with buttons to change how many; `onChange` gets the new basket. What has sold out by `menus` says so. */
export function lines(basket, menus, onChange) {
  const kitchens = [...new Set(basket.lines.map((line) => line.kitchen_id))];
  return kitchens.map((id) => {
    const own = basket.lines.map((line, at) => [line, at]).filter(([line]) => line.kitchen_id === id);
    return h('div', { class: 'tray-kitchen', key: id }, h('h3', {}, own[0][0].kitchen_name), h('ul', {}, own.map(([line, at]) => {
      const unit = { ...line.price, amount: unitAmount(line) };
      return h('li', { class: 'tray-line', key: `${line.item_id}/${at}` },
        h('div', { class: 'grow' }, h('b', {}, line.name), isGone(line, menus) && h('span', { class: 'tag tag-bad' }, 'Sold out'), line.modifiers.length > 0 && h('small', {}, line.modifiers.map((modifier) => modifier.name).join(', ')), line.note && h('small', {}, `“${line.note}”`)),
        h('span', { class: 'tray-price' }, money(times(unit, line.quantity))),
        h('span', { class: 'count', role: 'group', 'aria-label': `How many ${line.name}` }, h('button', { type: 'button', 'aria-label': `One ${line.name} less`, onclick: () => onChange(setQuantity(basket, at, line.quantity - 1)) }, icon('minus')), h('output', {}, String(line.quantity)), h('button', { type: 'button', 'aria-label': `One ${line.name} more`, disabled: line.quantity >= 99, onclick: () => onChange(setQuantity(basket, at, line.quantity + 1)) }, icon('plus'))));
    })));
  });
}

/** The tray beside (desk) or under (phone) the hall. */
export function tray(state, onChange, onCheckout, onOpen) {
  const { basket, court } = state;
  const count = countOf(basket);
  const kitchens = new Set(basket.lines.map((line) => line.kitchen_id)).size;
  const total = money(subtotal(basket, court.currency));
  return h('aside', { class: `tray card${state.trayOpen ? ' tray-open' : ''}`, 'aria-label': 'Basket', key: 'tray' },
    h('button', { class: `tray-bar${count ? '' : ' tray-empty'}`, type: 'button', 'aria-expanded': String(state.trayOpen), onclick: onOpen }, icon('basket'), h('span', { class: 'grow' }, count ? `${count} ${count === 1 ? 'dish' : 'dishes'} from ${kitchens} ${kitchens === 1 ? 'kitchen' : 'kitchens'}` : 'Your basket is empty'), h('b', {}, count ? total : '')),
    h('div', { class: 'tray-body' },
      h('h2', { class: 'tray-title' }, icon('basket'), 'Your basket'),
      count === 0 ? h('p', { class: 'empty' }, 'Pick from as many kitchens as you like. They start at the right moments, so that all of it is ready together.') : lines(basket, state.menus, onChange),
      count > 0 && h('div', { class: 'tray-end' }, h('div', { class: 'row spread' }, h('b', {}, 'Dishes'), h('b', {}, total)), h('small', {}, 'Fees and the promised time come next.'), h('button', { class: 'main huge', type: 'button', id: 'checkout', onclick: onCheckout }, 'Go to checkout', icon('arrow')))));
}

/** Totals of a quote or an order as a small table. */
export function totals(of) {
  const row = (label, value, strong) => value && (value.amount !== 0 || strong) && h('div', { class: strong ? 'sum sum-all' : 'sum' }, h('dt', {}, label), h('dd', {}, money(value)));
  return h('dl', { class: 'sums' }, row('Dishes', of.items), row('Delivery', of.delivery_fee), row('Service', of.service_fee), row('Tip', of.tip), row('Total', of.total, true), h('div', { class: 'sum sum-tax' }, h('dt', {}, 'Tax included'), h('dd', {}, money(of.tax))));
}

