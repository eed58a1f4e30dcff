// What the pages do when the network does not: an answer that is lost, a socket that never opens, one that dies.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESK, addDish, openBrowser } from './browser.mjs';
import { lineOf, order, ready, signIn, until } from './client.mjs';
import { startServer } from './server.mjs';

let server;
let browser;
let demo;
let court;
let kitchen;
before(async () => {
  server = await startServer();
  browser = await openBrowser();
  const get = (path) => fetch(server.url + path).then((answer) => answer.json());
  demo = await get('/v1/demo');
  court = (await get('/v1/courts')).items[0];
  kitchen = (await get(`/v1/kitchens?court_id=${court.court_id}`)).items.find((one) => one.open_now && demo.accounts.some((account) => account.kitchens.includes(one.kitchen_id)));
}, { timeout: 240_000 });
after(async () => {
  await browser?.close();
  await server?.stop();
});
const as = (role) => demo.accounts.find((account) => account.role === role);
const witnessed = (what) => () => browser.witnessed(what)();

test('an order whose answer is lost is placed once, also over a reload', { timeout: 90_000 }, witnessed(async () => {
  const customer = await signIn(server.url, as('customer'));
  const before = (await customer('GET', '/v1/orders?limit=100')).items.length;
  const page = await browser.person('customer whose answer is lost', DESK, {}, { mayFail: true });
  const keys = [];
  let cut = true;
  await page.route('**/v1/orders', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    keys.push(route.request().headers()['idempotency-key']);
    // The server does its work, but nobody hears of it.
    const answer = await route.fetch();
    return cut ? route.abort('connectionreset') : route.fulfill({ response: answer });
  });
  await page.goto(`${server.url}/order.html#demo=${encodeURIComponent(as('customer').email)}`);
  await page.locator(`[data-kitchen="${kitchen.name}"] .dish:enabled`).first().click();
  await addDish(page);
  await page.locator('#checkout').click();
  await page.locator('.pick', { hasText: 'I fetch it' }).click();
  await page.locator('#place:enabled').click();
  await assert.doesNotReject(async () => {
    while (keys.length < 2) await page.waitForTimeout(50);
  });
  assert.ok(await page.evaluate(() => sessionStorage.getItem('foodcourt.placing')), 'the request is kept until it is answered');
  await page.reload();
  cut = false;
  await page.waitForURL(/\/track\.html\?order=/);
  await page.locator('.story-head').waitFor();
  assert.equal(new Set(keys).size, 1, `${keys.length} tries under one key`);
  assert.equal((await customer('GET', '/v1/orders?limit=100')).items.length, before + 1, 'one order was placed');
}));

test('an order is followed over server-sent events while no socket gets through, and without a gap after', { timeout: 90_000 }, witnessed(async () => {
  const customer = await signIn(server.url, as('customer'));
  const cook = await signIn(server.url, demo.accounts.find((account) => account.role === 'vendor_staff' && account.kitchens.includes(kitchen.kitchen_id)));
  const page = await browser.person('customer without a socket', DESK, {}, { mayFail: true });
  let blocked = true;
  const open = new Set();
  await page.routeWebSocket(/\/v1\/live/, (socket) => {
    if (blocked) return socket.close({ code: 1001 });
    socket.connectToServer();
    open.add(socket);
  });
  const placed = await order(customer, court, [await lineOf(customer, kitchen)]);
  const ticket = placed.parts[0].ticket_id;
  await page.goto(`${server.url}/track.html?order=${placed.order_id}#demo=${encodeURIComponent(as('customer').email)}`);
  await page.locator('[data-fact="order.placed"]').waitFor();
  await page.locator('#health [data-state=streaming]').waitFor({ timeout: 30_000 });
  await until(async () => (await cook('GET', `/v1/kitchens/${kitchen.kitchen_id}/tickets`)).items.some((one) => one.ticket_id === ticket));
  await cook('POST', `/v1/tickets/${ticket}/acceptance`, { prep_min: 5 });
  await page.locator('[data-fact="order.accepted"]').waitFor();

  // The socket works again, is cut once more in the middle, and comes back.
  blocked = false;
  await page.locator('#health [data-state=live]').waitFor({ timeout: 40_000 });
  for (const socket of open) await socket.close({ code: 1012, reason: '{"reason":"restart","retry_after_ms":300}' });
  await ready(cook, kitchen, ticket);
  await page.locator('[data-fact="order.ready_for_pickup"]').waitFor({ timeout: 40_000 });
  await cook('POST', `/v1/tickets/${ticket}/collected`);
  await page.locator('.story-head[data-status=completed]').waitFor();
  const told = await page.locator('[data-fact]').evaluateAll((all) => all.map((one) => one.dataset.fact));
  const { items } = await customer('GET', `/v1/orders/${placed.order_id}/events`);
  const shown = new Set(told);
  assert.equal(told.length, shown.size, 'nothing is told twice');
  for (const fact of ['order.placed', 'order.paid', 'order.part_accepted', 'order.accepted', 'order.ready_for_pickup', 'order.completed']) assert.ok(shown.has(fact) && items.some((item) => item.type === fact), `${fact} is told`);
}));
