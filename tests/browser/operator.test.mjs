// The operator's page: an order's story on a tap, and what may be done about it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE } from './browser.mjs';
import { accept, lineOf, order } from './client.mjs';
import { stage } from './stage.mjs';

const on = stage();

test('a tap on an order opens its story, and the operator calls it off there', { timeout: 60_000 }, on.witnessed(async () => {
  const [kitchen] = on.kitchens;
  const guest = await on.call(on.as('customer'));
  const placed = await order(guest, on.court, [await lineOf(guest, kitchen)]);
  const page = await on.open('operator', PHONE, '/city.html', on.as('admin'));
  page.on('dialog', (dialog) => dialog.accept());
  await page.locator(`[data-order="${placed.order_id}"] .order-open`).click();
  const story = page.locator(`[data-story="${placed.order_id}"]`);
  await story.locator('[data-fact="order.placed"]').getByText('The guest placed the order').waitFor();
  await story.locator(`[data-kitchen="${kitchen.name}"]`).waitFor();
  // What happens meanwhile shows without a tap.
  await accept(await on.call(on.crew(kitchen)), kitchen, placed.parts[0].ticket_id);
  await story.locator('[data-fact="order.accepted"]').waitFor();
  await story.locator('#call-off').click();
  await page.locator(`[data-story="${placed.order_id}"][data-status=cancelled]`).getByText(/Called off because the court called it off/).waitFor();
  assert.equal(await story.locator('#call-off').count(), 0);
  await story.getByRole('button', { name: 'Close' }).click();
  await story.waitFor({ state: 'hidden' });
}));

test('a delivery is given to another rider from its story', { timeout: 90_000 }, on.witnessed(async () => {
  const [kitchen] = on.kitchens;
  const guest = await on.call(on.as('customer'));
  const { lat, lon } = on.court.position;
  const rider = await on.open('rider', PHONE, '/rider.html', on.as('rider'), { permissions: ['geolocation'], geolocation: { latitude: lat, longitude: lon, accuracy: 6 } });
  await rider.locator('#start-shift').click();
  await rider.getByText(/GPS within/).waitFor();
  const placed = await order(guest, on.court, [await lineOf(guest, kitchen)], { dropoff: { lat: lat + 0.002, lon } });
  const page = await on.open('operator', DESK, '/city.html', on.as('admin'));
  page.on('dialog', (dialog) => dialog.accept());
  await page.locator(`[data-order="${placed.order_id}"] td`).nth(1).click();
  const story = page.locator(`[data-story="${placed.order_id}"]`);
  await story.getByText('No rider yet.').waitFor();
  await accept(await on.call(on.crew(kitchen)), kitchen, placed.parts[0].ticket_id);
  await rider.locator('#accept').click();
  await story.locator('[data-ride=confirmed]').waitFor();
  await story.getByText('by bicycle, 1 of').waitFor();
  await story.locator('#unassign').click();
  await story.locator('[data-fact="order.rider_unassigned"]').waitFor();
  await rider.locator('[data-delivery]').waitFor({ state: 'detached' });
  await on.callOff(placed);
}));

test('promises are told in words of the trade', { timeout: 60_000 }, on.witnessed(async () => {
  const page = await on.open('operator', DESK, '/city.html', on.as('admin'));
  await page.locator('.promises li').first().waitFor();
  assert.doesNotMatch(await page.locator('#promises').innerText(), /invariant|stream|version|1\.\.n|inbox entry|per payment/i);
}));
