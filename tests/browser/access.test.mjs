// Who cannot see well, or at all, or uses no mouse: axe-core looks at every page, by day and by night.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { DESK, PHONE, TABLET, addDish } from './browser.mjs';
import { accept, lineOf, order, ready } from './client.mjs';
import { stage } from './stage.mjs';

const on = stage();
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What is wrong with a page as it stands, in both colour schemes. */
async function look(page, what) {
  const found = [];
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    // Through the debugger, which the page's policy on scripts does not bind.
    if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
    const { violations } = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }), TAGS);
    for (const { id, impact, help, nodes } of violations) {
      found.push(...nodes.slice(0, 4).map((node) => `${what}, ${colorScheme}: ${id} (${impact}) ${help}\n    ${node.html.slice(0, 160)}\n    ${node.failureSummary.split('\n').slice(1, 3).join(' ').trim()}`));
    }
  }
  return found;
}
const none = (found) => assert.equal(found.length, 0, `\n${found.join('\n')}`);

test('the first page and every door', { timeout: 60_000 }, on.witnessed(async () => {
  const found = [];
  const page = await on.browser.person('nobody', DESK);
  await page.goto(on.url);
  await page.locator('[data-account]').first().waitFor();
  found.push(...(await look(page, 'home')));
  for (const path of ['order', 'kitchen', 'rider', 'city']) {
    await page.goto(`${on.url}/${path}.html`);
    if (path === 'order') {
      await page.locator('.dish').first().waitFor();
      found.push(...(await look(page, 'the hall, signed out')));
      await page.locator('#sign-in').click();
    }
    await page.locator('#door [data-account]').first().waitFor();
    found.push(...(await look(page, `${path}, signed out`)));
  }
  none(found);
}));

test('an address that leads nowhere, and an order that is not there', { timeout: 60_000 }, on.witnessed(async () => {
  const page = await on.browser.person('lost', PHONE, {}, { refused: /nowhere|00000000/ });
  await page.goto(`${on.url}/nowhere`);
  const found = await look(page, 'nowhere');
  await page.goto(`${on.url}/track.html?order=00000000-0000-4000-8000-000000000000#demo=${encodeURIComponent(on.as('customer').email)}`);
  await page.getByRole('heading', { name: 'No such order' }).waitFor();
  found.push(...(await look(page, 'no such order')));
  none(found);
}));

test('what a guest sees, from the hall to the end', { timeout: 90_000 }, on.witnessed(async () => {
  const found = [];
  const page = await on.open('customer', DESK, '/order.html', on.as('customer'));
  await page.locator('.dish:enabled').first().click();
  await page.locator('[data-add]').waitFor();
  found.push(...(await look(page, 'dish')));
  await addDish(page);
  await page.locator('.tray-line').waitFor();
  found.push(...(await look(page, 'hall')));
  await page.locator('#checkout').click();
  await page.locator('#door-map .pin-court').waitFor();
  found.push(...(await look(page, 'checkout')));
  await page.setViewportSize(PHONE);
  found.push(...(await look(page, 'checkout on a phone')));
  await page.locator('.pick', { hasText: 'I fetch it' }).click();
  await page.locator('#place:enabled').click();
  await page.waitForURL(/\/track\.html\?order=/);
  await page.locator('[data-fact="order.paid"]').waitFor();
  found.push(...(await look(page, 'tracking on a phone')));
  none(found);
}));

test('what kitchen, rider and operator see', { timeout: 120_000 }, on.witnessed(async () => {
  const found = [];
  const [kitchen] = on.kitchens;
  const [guest, crew] = [await on.call(on.as('customer')), await on.call(on.crew(kitchen))];
  const { lat, lon } = on.court.position;
  const place = async () => (await order(guest, on.court, [await lineOf(guest, kitchen, 0, 'No coriander, please')], { dropoff: { lat: lat + 0.002, lon } })).parts[0].ticket_id;
  const cook = await on.open('kitchen', TABLET, '/kitchen.html', on.crew(kitchen));
  const rider = await on.open('rider', PHONE, '/rider.html', on.as('rider'), { permissions: ['geolocation'], geolocation: { latitude: lat, longitude: lon, accuracy: 6 } });
  found.push(...(await look(rider, 'rider off duty')));
  await rider.locator('#start-shift').click();
  await rider.getByText(/GPS within/).waitFor();
  found.push(...(await look(rider, 'rider on duty')));

  const [first, second, third] = [await place(), await place(), await place()];
  await accept(crew, kitchen, first);
  await ready(crew, kitchen, first);
  await rider.locator('[data-offer]').waitFor();
  found.push(...(await look(rider, 'rider with an offer')));
  await rider.locator('#accept').click();
  await rider.locator('[data-delivery]').waitFor();
  found.push(...(await look(rider, 'rider with a delivery')));

  await accept(crew, kitchen, second);
  await cook.locator(`[data-ticket="${first}"][data-stage=ready_for_collection]`).waitFor();
  await cook.locator(`[data-ticket="${second}"]:is([data-stage=accepted], [data-stage=in_kitchen])`).waitFor();
  await cook.locator(`[data-ticket="${third}"][data-stage=waiting]`).waitFor();
  found.push(...(await look(cook, 'kitchen')));
  await cook.locator('[data-act=acceptance]').first().click();
  found.push(...(await look(cook, 'minutes')));
  await cook.keyboard.press('Escape');
  await cook.locator('#menu').click();
  await cook.locator('[data-86] input').first().click({ force: true });
  await cook.locator('[data-86] .tag-bad').first().waitFor();
  found.push(...(await look(cook, 'card')));

  const city = await on.open('operator', DESK, '/city.html', on.as('admin'));
  await city.locator('#orders tbody tr').first().waitFor();
  await city.locator('.promises li').first().waitFor();
  found.push(...(await look(city, 'city')));
  await city.locator('[data-why]').last().click();
  await city.locator('.why [data-candidate]').first().waitFor();
  found.push(...(await look(city, 'why a rider')));
  await city.locator('.why').getByRole('button', { name: 'Close' }).click();
  await city.locator('.order-open').first().click();
  await city.locator('[data-story] [data-fact]').first().waitFor();
  found.push(...(await look(city, 'an order of the city')));
  none(found);
}));
