// A person without a browser: signs in and calls the API, to set a stage that pages then show.

import { randomUUID } from 'node:crypto';

/** Signs `account` in at `url`; resolves with `call(method, path, body)`. */
export async function signIn(url, account) {
  const ask = async (method, path, body, token) => {
    const headers = { accept: 'application/json', 'idempotency-key': randomUUID(), ...(token ? { authorization: `Bearer ${token}` } : {}), ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const answer = await fetch(url + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  const { access_token } = await ask('POST', '/v1/auth/token', { email: account.email, password: account.password });
  return (method, path, body) => ask(method, path, body, access_token);
}

/** A line for the dish at `at` of a kitchen's card, with as many options as it must have. */
export async function lineOf(call, kitchen, at = 0, note = null) {
  const { items } = await call('GET', `/v1/kitchens/${kitchen.kitchen_id}/menu`);
  const item = items.filter((one) => !one.sold_out)[at % items.length];
  const modifiers = item.modifier_groups.flatMap((group) => group.modifiers.filter((one) => !one.sold_out).slice(0, group.min).map((one) => one.modifier_id));
  return { kitchen_id: kitchen.kitchen_id, item_id: item.item_id, quantity: 1 + (at % 2), modifiers, note };
}

/** Places an order of these lines, to be fetched or (with a `dropoff`) brought and shown by `proof`, at once or when it is `wanted`. Resolves with it. */
export async function order(call, court, lines, { dropoff = null, method = 'pm_ok', proof, wanted = null } = {}) {
  const basket = { court_id: court.court_id, fulfilment: dropoff ? 'delivery' : 'pickup', lines, tip: null, dropoff, wanted_at: wanted, proof };
  const { quote_id } = await call('POST', '/v1/quotes', basket);
  return call('POST', '/v1/orders', { quote_id, payment_method: method, contact: { name: 'Mia Sommer', phone: dropoff && '+49 30 5550123', address: dropoff && 'Speicherstraße 4', note: null } });
}

/** Waits until `holds` answers true. */
export async function until(holds, ms = 20_000) {
  const deadline = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resume) => setTimeout(resume, 100));
  }
}

/** Accepts an order's part as its kitchen does, once it is asked. */
export async function accept(cook, kitchen, ticketId, prep_min = 5) {
  await until(async () => (await cook('GET', `/v1/kitchens/${kitchen.kitchen_id}/tickets`)).items.some((one) => one.ticket_id === ticketId));
  return cook('POST', `/v1/tickets/${ticketId}/acceptance`, { prep_min });
}

/** Calls a ticket ready as soon as the order's kitchens have all answered. */
export async function ready(cook, kitchen, ticketId) {
  await until(async () => (await cook('GET', `/v1/kitchens/${kitchen.kitchen_id}/tickets`)).items.some((one) => one.ticket_id === ticketId && (one.fire_at || one.stage === 'in_kitchen')));
  await cook('POST', `/v1/tickets/${ticketId}/ready`);
}

/**
 * Lets business time run ahead until two minutes before an order's food is ready, then `speed` times as fast as the wall:
 * riders are asked just before they must set out, so about now. `admin` runs the clock; an idle rider's page hears of it
 * when it is opened next.
 */
export async function nearlyCooked(url, admin, orderId, speed) {
  let due = NaN;
  // Nothing is known of it until the order has heard of its kitchens' answers.
  await until(async () => !Number.isNaN((due = Date.parse((await admin('GET', `/v1/orders/${orderId}`)).ready_at) - 120_000)));
  const now = async () => Date.parse((await (await fetch(`${url}/v1/demo`)).json()).business_now);
  await admin('PUT', '/v1/demo/clock', { speed: 20 });
  await until(async () => (await now()) >= due, 60_000);
  await admin('PUT', '/v1/demo/clock', { speed });
}
