// A court of one's own, without the demo: guests are led to its food, and no test card is in their way.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { DESK, openBrowser } from './browser.mjs';
import { signIn } from './client.mjs';
import { BINARY, startServer } from './server.mjs';

const on = {};
const password = 'correct horse';
const [admin, guest] = [{ email: 'ada@example.org', password }, { email: 'mia@example.org', password }];
// A server that runs already has the court it has.
const skip = process.env.FOODCOURT_URL ? 'needs a server of its own' : false;

before(async () => {
  if (skip) return;
  on.server = await startServer({ FOODCOURT_DEMO__MODE: 'off' }, async (folder) => {
    const adding = promisify(execFile)(BINARY, ['admin', 'add', '--email', admin.email, '--data-dir', folder]);
    adding.child.stdin.end(`${password}\n`);
    await adding;
  });
  on.url = on.server.url;
  const call = await signIn(on.url, admin);
  const naira = (amount) => ({ amount, currency: 'NGN' });
  on.court = await call('POST', '/v1/courts', { name: 'Marina Food Hall', position: { lat: 6.4281, lon: 3.4219 }, time_zone: 'Africa/Lagos', currency: 'NGN', delivery_fee: 50_000 });
  const kitchen = await call('POST', `/v1/courts/${on.court.court_id}/kitchens`, { name: 'Mama Ngozi', cuisine: 'Jollof and suya' });
  on.menu = await call('PUT', `/v1/kitchens/${kitchen.kitchen_id}/menu`, { items: [{ name: 'Jollof rice', price: naira(250_000) }] });
  await call('POST', '/v1/auth/register', { ...guest, display_name: 'Mia' });
  on.browser = await openBrowser();
}, { timeout: 240_000 });
after(async () => {
  await on.browser?.close();
  await on.server?.stop();
});

test('guests are led to the food, and are told that nothing is charged', { timeout: 120_000, skip }, async () => {
  const page = await on.browser.person('guest', DESK);
  await page.goto(on.url);
  await page.getByRole('heading', { level: 1, name: 'Marina Food Hall' }).waitFor();
  assert.equal(await page.title(), 'Marina Food Hall');
  assert.equal(await page.locator('#doors').isVisible(), false, 'staff doors are not in the way');
  assert.equal(await page.locator('#demo').isVisible(), false);
  assert.equal(await page.locator('footer').getByRole('link', { name: 'Kitchen' }).isVisible(), true, 'but they are there');
  assert.equal(await page.getByRole('link', { name: 'Metrics', includeHidden: true }).isVisible(), false, 'what machines read is nothing to guests');
  await page.getByRole('link', { name: 'Order something' }).click();
  await page.waitForURL(/order\.html/);
  await page.locator('#sign-in').click();
  await page.locator('[name=email]').fill(guest.email);
  await page.locator('[name=password]').fill(password);
  await page.locator('#door button.main').click();
  await page.locator('.dish:enabled').first().click();
  assert.equal(await page.title(), 'Order · Marina Food Hall');
  await page.locator('[data-add]:enabled').click();
  await page.locator('#checkout').click();
  assert.equal(await page.locator('#place').innerText(), 'Order', 'without a door there is no price to name');
  await page.locator('.pick', { hasText: 'I fetch it' }).click();
  await page.locator('[data-unpaid]').getByText('no money moves').waitFor();
  assert.equal(await page.locator('[name=payment_method]').count(), 0, 'there is nothing to choose');
  await page.getByText(/^Order for .*\d/).waitFor();
  await page.locator('#place:enabled').click();
  await page.waitForURL(/\/track\.html\?order=/);
  await page.locator('.story-head[data-status=placed]').waitFor();
});

test('a test card is refused at the till', { skip }, async () => {
  const call = await signIn(on.url, guest);
  const lines = [{ kitchen_id: on.menu.kitchen_id, item_id: on.menu.items[0].item_id, quantity: 1 }];
  const order = (payment_method) => call('POST', '/v1/orders', { basket: { court_id: on.court.court_id, fulfilment: 'pickup', lines }, payment_method, contact: { name: 'Mia' } });
  await assert.rejects(order('pm_twice'), /422.*must be pm_ok: no payment provider is connected here/);
  assert.equal((await order('pm_ok')).status, 'placed');
});
