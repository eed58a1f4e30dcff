// The window that the checkout promised, kept in this tab until the kitchens have answered and a better time is known.

const KEY = 'foodcourt.promised';

/** Keeps what the order's quote promised. */
export function keepPromise(orderId, quote) {
  if (quote) sessionStorage.setItem(KEY, JSON.stringify({ order_id: orderId, from: quote.promised_from, to: quote.promised_to }));
}

/** `{from, to}` of an order placed in this tab, or `null`. */
export function promiseOf(orderId) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    return kept?.order_id === orderId ? kept : null;
  } catch {
    return null;
  }
}
