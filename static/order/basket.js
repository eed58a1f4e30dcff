// The basket as plain data: lines over several kitchens of one court, kept in this browser until ordered.


const KEY = 'foodcourt.basket';

/** An empty basket of a court. */
export const empty = (courtId) => ({ court_id: courtId, lines: [], fulfilment: 'delivery', dropoff: null, tip_percent: 0, wanted_at: null, pin: false, payment_method: 'pm_ok', contact: { name: '', phone: '', address: '', note: '' } });

/** What was left in the basket of this court, or an empty one. */
export function load(courtId) {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    if (kept?.court_id === courtId) return { ...empty(courtId), ...kept };
  } catch {
    // Somebody else's format: start anew.
  }
  return empty(courtId);
}
export const save = (basket) => localStorage.setItem(KEY, JSON.stringify(basket));

const same = (a, b) => a.item_id === b.item_id && a.note === b.note && a.modifiers.map((m) => m.modifier_id).join() === b.modifiers.map((m) => m.modifier_id).join();

/** The basket with one more line; an equal line grows instead. */
export function add(basket, line) {
  const at = basket.lines.findIndex((known) => same(known, line));
  const lines = at < 0 ? [...basket.lines, line] : basket.lines.map((known, index) => (index === at ? { ...known, quantity: Math.min(99, known.quantity + line.quantity) } : known));
  return { ...basket, lines };
}

/** The basket with line `at` set to `quantity`; zero takes it out. */
export const setQuantity = (basket, at, quantity) => ({ ...basket, lines: basket.lines.map((line, index) => (index === at ? { ...line, quantity } : line)).filter((line) => line.quantity > 0) });

/** One of a line with its options, minor units. */
export const unitAmount = (line) => line.price.amount + line.modifiers.reduce((sum, modifier) => sum + modifier.price.amount, 0);

/** What the lines come to. */
export const subtotal = (basket, currency) => ({ amount: basket.lines.reduce((sum, line) => sum + unitAmount(line) * line.quantity, 0), currency });

/** The tip as the server wants it: a share of the dishes, to the smallest coin: beside its percentage a rounded sum would look wrong. */
export function tipOf(basket, currency, percent = basket.tip_percent) {
  return { amount: Math.round((subtotal(basket, currency).amount * percent) / 100), currency };
}

/** Whether a line's dish, or an option of it, is off the card by now. */
export function isGone(line, menus) {
  const item = menus.get(line.kitchen_id)?.find((one) => one.item_id === line.item_id);
  return Boolean(item) && (item.sold_out || item.modifier_groups.some((group) => group.modifiers.some((modifier) => modifier.sold_out && line.modifiers.some((chosen) => chosen.modifier_id === modifier.modifier_id))));
}

export const countOf = (basket) => basket.lines.reduce((sum, line) => sum + line.quantity, 0);

/** The basket as `POST /v1/quotes` wants it. */
export const request = (basket, currency) => ({
  court_id: basket.court_id, fulfilment: basket.fulfilment, tip: tipOf(basket, currency), wanted_at: basket.wanted_at,
  dropoff: basket.fulfilment === 'delivery' ? basket.dropoff : null,
  ...(basket.fulfilment === 'delivery' && basket.pin ? { proof: 'pin' } : {}),
  lines: basket.lines.map((line) => ({ kitchen_id: line.kitchen_id, item_id: line.item_id, quantity: line.quantity, modifiers: line.modifiers.map((modifier) => modifier.modifier_id), note: line.note || null })),
});
