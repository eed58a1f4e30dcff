// The operator's page: an order's story on a tap, and what may be done about it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE, picture } from './browser.mjs';
import { accept, lineOf, order, ready, until } from './client.mjs';
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
  const cook = await on.call(on.crew(kitchen));
  await accept(cook, kitchen, placed.parts[0].ticket_id);
  await ready(cook, kitchen, placed.parts[0].ticket_id);
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

test('why a rider was asked is told beside the map, with costs, offers and answers', { timeout: 120_000 }, on.witnessed(async () => {
  const [kitchen] = on.kitchens;
  const guest = await on.call(on.as('customer'));
  const { lat, lon } = on.court.position;
  const standing = (metres) => ({ permissions: ['geolocation'], geolocation: { latitude: lat + metres / 111_320, longitude: lon, accuracy: 6 } });
  const riders = on.demo.accounts.filter((one) => one.role === 'rider');
  const near = await on.open('near rider', PHONE, '/rider.html', riders[0], standing(150));
  const far = await on.open('far rider', PHONE, '/rider.html', riders[1], standing(700));
  for (const rider of [near, far]) {
    // One of them is still on duty from before.
    await rider.locator('#start-shift, #end-shift').first().waitFor();
    if (await rider.locator('#start-shift').isVisible()) await rider.locator('#start-shift').click();
    await rider.getByText(/GPS within/).waitFor();
  }
  const admin = await on.call(on.as('admin'));
  await until(async () => (await admin('GET', '/v1/admin/riders')).items.filter((one) => one.position).length >= 2);
  const placed = await order(guest, on.court, [await lineOf(guest, kitchen)], { dropoff: { lat: lat + 0.004, lon: lon + 0.004 } });
  const cook = await on.call(on.crew(kitchen));
  await accept(cook, kitchen, placed.parts[0].ticket_id);
  await ready(cook, kitchen, placed.parts[0].ticket_id);
  await near.locator('[data-offer]').waitFor();
  const page = await on.open('operator', { width: 1280, height: 1000 }, '/city.html', on.as('admin'));
  // By keyboard, from the list.
  const choice = page.locator('[data-why]').first();
  await choice.waitFor();
  await choice.focus();
  await page.keyboard.press('Enter');
  const why = page.locator('.why');
  await why.locator('[data-step="delivery.offered"]').getByText(/is asked, 1[45]\d m away/).waitFor();
  await why.locator('[data-said=ask] [data-candidate=A].chosen').waitFor();
  assert.match(await why.locator('[data-candidate=A]').innerText(), new RegExp(`${riders[0].display_name} · asked`));
  assert.equal(await why.locator('[data-candidate]').count(), 2);
  assert.deepEqual(await page.locator('#map [data-letter]').evaluateAll((all) => all.map((one) => one.dataset.letter).sort()), ['A', 'B']);
  // What happens meanwhile shows by itself.
  await near.locator('#decline').click();
  await why.locator('[data-step="delivery.offer_declined"]').getByText(`${riders[0].display_name} (A) says no`).waitFor();
  await why.locator('[data-candidate=B].chosen').waitFor();
  await why.locator('[data-candidate=A]').getByText('said no').waitFor();
  // An earlier decision can be looked at again.
  await why.getByRole('button', { name: `asks ${riders[0].display_name} (A)` }).click();
  await why.locator('[data-candidate=A].chosen').waitFor();
  await page.evaluate(() => window.scrollTo(0, 420));
  await picture(page, 'why-desk');
  await why.getByRole('button', { name: 'Close' }).click();
  await page.locator('.why[data-chosen=none]').waitFor();
  assert.equal(await page.locator('#map [data-letter]').count(), 0);
  // From its door on the map, and from its order's story.
  const door = page.locator(`[data-pin^="door-"]`).first();
  await door.click();
  await why.locator('[data-step="delivery.offered"]').first().waitFor();
  await why.getByRole('button', { name: 'Close' }).click();
  await page.locator(`[data-order="${placed.order_id}"] .order-open`).click();
  await page.locator('#open-why').click();
  await why.locator('[data-step="delivery.offered"]').first().waitFor();
  await on.callOff(placed);
}));

test('the map fills the room beside the promises, and shifts have names', { timeout: 60_000 }, on.witnessed(async () => {
  const { lat, lon } = on.court.position;
  const account = on.as('rider3@demo');
  const rider = await on.open('third rider', PHONE, '/rider.html', account, { permissions: ['geolocation'], geolocation: { latitude: lat, longitude: lon, accuracy: 6 } });
  await rider.locator('#start-shift').click();
  await rider.getByText(/GPS within/).waitFor();
  const page = await on.open('operator', DESK, '/city.html', on.as('admin'));
  await page.locator('#shifts').getByRole('rowheader', { name: account.display_name }).waitFor();
  await page.locator('.promises li').first().waitFor();
  const box = (selector) => page.locator(selector).boundingBox();
  const [map, promises, why] = [await box('.map-frame'), await box('#promises'), await box('#why')];
  assert.ok(Math.abs(map.height - promises.height) < 2, `the map is ${map.height} px high beside ${promises.height}`);
  assert.ok(why.y - (map.y + map.height) < 40, 'nothing is left empty under it');
  const cut = await page.locator('#shifts .table-frame').evaluate((frame) => frame.scrollWidth - frame.clientWidth);
  assert.ok(cut <= 0, `${cut} px of the shifts are cut off`);
  await rider.locator('#end-shift').click();
  await rider.locator('#start-shift').waitFor();
}));
