// The dialog of one dish: its options within their limits, a wish to the cook, how many.

import { byId, draw, h, icon } from '../lib/dom.js';
import { money } from '../lib/money.js';

/** Opens the dialog; calls `onAdd` with the finished line. */
export function openDish(kitchen, item, onAdd) {
  const dialog = byId('dish');
  const state = { quantity: 1, note: '', chosen: new Map(item.modifier_groups.map((group) => [group, new Set(group.max === 1 && group.min === 1 ? onlyFree(group) : [])])) };
  const chosen = () => item.modifier_groups.flatMap((group) => group.modifiers.filter((modifier) => state.chosen.get(group).has(modifier.modifier_id)));
  const missing = () => item.modifier_groups.filter((group) => state.chosen.get(group).size < group.min);
  const unit = () => item.price.amount + chosen().reduce((sum, modifier) => sum + modifier.price.amount, 0);

  const choose = (group, modifier, on) => {
    const set = state.chosen.get(group);
    if (group.max === 1) set.clear();
    if (on) set.add(modifier.modifier_id);
    else set.delete(modifier.modifier_id);
    show();
  };
  const option = (group, modifier) => {
    const set = state.chosen.get(group);
    const on = set.has(modifier.modifier_id);
    const full = group.max > 1 && set.size >= group.max && !on;
    return h('label', { class: 'pick', key: modifier.modifier_id },
      h('input', { type: group.max === 1 && group.min === 1 ? 'radio' : 'checkbox', name: group.name, checked: on, disabled: modifier.sold_out || full, onchange: (event) => choose(group, modifier, event.target.checked) }),
      h('span', {}, modifier.name), h('span', { class: 'right' }, modifier.sold_out ? 'sold out' : modifier.price.amount ? `+ ${money(modifier.price)}` : ''));
  };
  const hint = (group) => (group.min === group.max ? `choose ${group.min}` : group.min ? `${group.min} to ${group.max}` : `up to ${group.max}`);
  const done = (event) => {
    event.preventDefault();
    if (missing().length) return;
    dialog.close();
    onAdd({ kitchen_id: kitchen.kitchen_id, kitchen_name: kitchen.name, item_id: item.item_id, name: item.name, price: item.price, quantity: state.quantity, note: state.note.trim(), modifiers: chosen().map(({ modifier_id, name, price }) => ({ modifier_id, name, price })) });
  };
  const count = (by) => {
    state.quantity = Math.max(1, Math.min(99, state.quantity + by));
    show();
  };
  const show = () => draw(dialog, h('form', { class: 'sheet', onsubmit: done, key: item.item_id },
    h('div', { class: 'sheet-top' }, h('div', { class: 'row spread' }, h('small', {}, kitchen.name), h('button', { type: 'button', class: 'quiet', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close'))),
      h('h2', { id: 'dish-title' }, item.name), h('p', {}, item.description)),
    h('div', { class: 'sheet-mid' },
      item.modifier_groups.map((group, at) => h('fieldset', { key: `group-${at}` }, h('legend', {}, group.name, h('small', {}, hint(group))), group.modifiers.map((modifier) => option(group, modifier)))),
      h('label', { class: 'field', key: 'note' }, h('span', {}, 'A wish to the cook'), h('input', { type: 'text', maxlength: 200, placeholder: 'No coriander, please', oninput: (event) => { state.note = event.target.value; } }))),
    h('div', { class: 'sheet-end' },
      h('span', { class: 'count', role: 'group', 'aria-label': 'How many' }, h('button', { type: 'button', 'aria-label': 'One less', disabled: state.quantity === 1, onclick: () => count(-1) }, icon('minus')), h('output', {}, String(state.quantity)), h('button', { type: 'button', 'aria-label': 'One more', onclick: () => count(1) }, icon('plus'))),
      h('button', { class: 'main grow', disabled: missing().length > 0, 'data-add': true }, missing().length ? missing()[0].name.startsWith('Choose') ? missing()[0].name : `Choose: ${missing()[0].name}` : `Add · ${money({ ...item.price, amount: unit() * state.quantity })}`))));
  show();
  dialog.showModal();
}

// What must be chosen is the guest's to choose, unless there is nothing else.
const onlyFree = (group) => {
  const free = group.modifiers.filter((modifier) => !modifier.sold_out);
  return free.length === 1 ? [free[0].modifier_id] : [];
};
