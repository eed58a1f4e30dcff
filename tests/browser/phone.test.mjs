// A phone: no page is wider than the screen, at any of its stops.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHONE, addDish } from './browser.mjs';
import { lineOf, order } from './client.mjs';
import { stage } from './stage.mjs';

const on = stage();

/** What makes a page wider than its screen; empty: nothing. */
const tooWide = (page) => page.evaluate(() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return '';
  const wide = [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > clientWidth + 1).slice(0, 6);
  return `${scrollWidth} px on ${clientWidth}: ${wide.map((one) => `${one.nodeName}.${one.className?.baseVal ?? one.className}`).join(', ')}`;
});
const fits = async (page, what) => assert.equal(await tooWide(page), '', what);

test('no page scrolls sideways', { timeout: 90_000 }, on.witnessed(async () => {
  const guest = await on.call(on.as('customer'));
  const placed = await order(guest, on.court, await Promise.all(on.kitchens.slice(0, 2).map((kitchen) => lineOf(guest, kitchen))));
  const nobody = await on.browser.person('nobody', PHONE, {}, { refused: /nowhere/ });
  await nobody.goto(on.url);
  await nobody.locator('[data-account]').first().waitFor();
  await fits(nobody, 'home');
  await nobody.goto(`${on.url}/nowhere`);
  await nobody.getByRole('heading', { level: 1 }).waitFor();
  await fits(nobody, 'nowhere');
  const { lat, lon } = on.court.position;
  const customer = await on.open('customer', PHONE, '/order.html', on.as('customer'));
  await customer.locator('.dish:enabled').first().click();
  await fits(customer, 'a dish');
  await addDish(customer);
  await fits(customer, 'the hall');
  await customer.locator('.tray-bar').click();
  await fits(customer, 'the tray');
  await customer.locator('#checkout').click();
  await customer.locator('#door-map .pin-court').waitFor();
  await fits(customer, 'the checkout');
  await customer.goto(`${on.url}/track.html?order=${placed.order_id}`);
  await customer.locator('[data-fact="order.paid"]').waitFor();
  await fits(customer, 'tracking');
  const cook = await on.open('kitchen', PHONE, '/kitchen.html', on.crew(on.kitchens[0]));
  await cook.locator('.ticket').first().waitFor();
  await fits(cook, 'the board');
  const rider = await on.open('rider', PHONE, '/rider.html', on.as('rider'), { permissions: ['geolocation'], geolocation: { latitude: lat, longitude: lon, accuracy: 6 } });
  await rider.locator('#start-shift').waitFor();
  await fits(rider, 'a rider');
  const operator = await on.open('operator', PHONE, '/city.html', on.as('admin'));
  await operator.locator('#orders tbody tr').first().waitFor();
  await operator.locator('.promises li').first().waitFor();
  await fits(operator, 'the city');
  await operator.locator('.order-open').first().click();
  await operator.locator('[data-story]').waitFor();
  await fits(operator, 'an order of the city');
  await on.callOff(placed);
}));

test('the words of the steps stand apart on a phone', { timeout: 60_000 }, on.witnessed(async () => {
  const guest = await on.call(on.as('customer'));
  const { lat, lon } = on.court.position;
  const placed = await order(guest, on.court, [await lineOf(guest, on.kitchens[0])], { dropoff: { lat: lat + 0.002, lon } });
  const page = await on.open('customer', PHONE, `/track.html?order=${placed.order_id}`, on.as('customer'));
  await page.locator('.rail-word').first().waitFor();
  // Of the letters, not of their boxes.
  const gaps = await page.locator('.rail-word').evaluateAll((words) => {
    const spans = words.map((word) => {
      const range = document.createRange();
      range.selectNodeContents(word);
      return range.getBoundingClientRect();
    });
    return spans.slice(1).map((span, at) => Math.round(span.left - spans[at].right));
  });
  assert.ok(gaps.every((gap) => gap >= 6), `gaps of ${gaps.join(', ')} px`);
  await on.callOff(placed);
}));

test('the last promise ends inside its card on a small desk', { timeout: 60_000 }, on.witnessed(async () => {
  const page = await on.open('operator', { width: 1_280, height: 720 }, '/city.html', on.as('admin'));
  await page.locator('.promises li').first().waitFor();
  const [hidden, card, last] = [await page.locator('#promises').evaluate((box) => box.scrollHeight - box.clientHeight), await page.locator('#promises .card').boundingBox(), await page.locator('.promises li').last().boundingBox()];
  assert.ok(hidden <= 0, `${hidden} px are cut off`);
  assert.ok(last.y + last.height <= card.y + card.height, JSON.stringify({ card, last }));
}));
