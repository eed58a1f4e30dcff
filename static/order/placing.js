// Placing an order so that it is placed once: the key and the body stay in this tab until the server has answered,
// and a reload in between sends the very same request again.

import { keepPromise } from '../lib/promise.js';

const KEY = 'foodcourt.placing';

/** The request that has not been answered yet, if there is one. */
export function pending() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

/** Places the order of `body` by `quote`, or goes on with the one under way. Resolves with the order. */
export async function place(api, body, quote) {
  const request = body ? { key: crypto.randomUUID(), body, quote: quote && { promised_from: quote.promised_from, promised_to: quote.promised_to } } : pending();
  sessionStorage.setItem(KEY, JSON.stringify(request));
  try {
    const order = await api.patiently('POST', '/v1/orders', request.body, { key: request.key, tries: 20 });
    sessionStorage.removeItem(KEY);
    keepPromise(order.order_id, request.quote);
    return order;
  } catch (problem) {
    // A clear no ends it; anything else may have been placed, so the key is kept.
    if (!problem.retryable) sessionStorage.removeItem(KEY);
    throw problem;
  }
}
