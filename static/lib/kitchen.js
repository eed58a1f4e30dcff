// What everybody may know of a kitchen, as its facts tell it: its card, what is off it, its pauses.

const ofItem = (what, item) => (what.item ?? what.item_id) === item.item_id;
const ofModifier = (what, modifier) => (what.modifier ?? what.modifier_id) === modifier.modifier_id;

/**
 * `{kitchen, menu}` (and what else is kept there) after one more fact; facts of other kinds change nothing.
 * After a pause only the server knows whether it is open: hours and full hands have a say.
 */
export function evolveKitchen(board, fact) {
  const data = fact.data ?? {};
  const off = (sold_out) => ({
    ...board,
    menu: board.menu.map((item) => ({
      ...item, sold_out: ofItem(data.what, item) ? sold_out : item.sold_out,
      modifier_groups: item.modifier_groups.map((group) => ({ ...group, modifiers: group.modifiers.map((modifier) => (ofModifier(data.what, modifier) ? { ...modifier, sold_out } : modifier)) })),
    })),
  });
  switch (fact.type) {
    case 'kitchen.sold_out': return off(true);
    case 'kitchen.back_on_menu': return off(false);
    case 'kitchen.paused': return { ...board, kitchen: { ...board.kitchen, paused_until: data.until, open_now: false } };
    case 'kitchen.resumed': return { ...board, kitchen: { ...board.kitchen, paused_until: null } };
    default: return board;
  }
}
