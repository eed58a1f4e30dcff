// A rider says no, gives a delivery back, does not answer, or cannot be found: what riders and guest are told.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE } from './browser.mjs';
import { accept, lineOf, order, ready, until } from './client.mjs';
import { stage } from './stage.mjs';

const on = stage();
const north = (metres) => ({ latitude: on.court.position.lat + metres / 111_200, longitude: on.court.position.lon, accuracy: 6 });

const businessNow = async () => Date.parse((await (await fetch(`${on.url}/v1/demo`)).json()).business_now);

/** A rider's page on duty, `metres` north of the court. */
async function onDuty(email, metres) {
  const page = await on.open(email, PHONE, '/rider.html', on.as(email), { permissions: ['geolocation'], geolocation: north(metres) });
  await page.locator('#start-shift').click();
  await page.getByText(/GPS within/).waitFor();
  return page;
}
/** An order to a door nearby that its kitchen has accepted, and cooked if it is `due`: then a rider is asked at once. */
async function delivery(due = true) {
  const [kitchen] = on.kitchens;
  const [guest, cook] = [await on.call(on.as('customer')), await on.call(on.crew(kitchen))];
  const { lat, lon } = on.court.position;
  const placed = await order(guest, on.court, [await lineOf(guest, kitchen)], { dropoff: { lat: lat + 0.002, lon } });
  await accept(cook, kitchen, placed.parts[0].ticket_id);
  if (due) await ready(cook, kitchen, placed.parts[0].ticket_id);
  return placed;
}

test('an offer that one rider declines goes to the next, and a delivery given back is sought anew', { timeout: 120_000 }, on.witnessed(async () => {
  const near = await onDuty('rider1@demo', 20);
  const far = await onDuty('rider2@demo', 400);
  const third = await onDuty('rider3@demo', 800);
  const placed = await delivery();
  const customer = await on.open('customer', DESK, `/track.html?order=${placed.order_id}`, on.as('customer'));

  await near.locator('#decline').click();
  await near.getByRole('heading', { name: 'On duty' }).waitFor();
  await far.locator('#accept').click();
  await far.locator('[data-delivery]').waitFor();
  await customer.locator('[data-fact="order.rider_assigned"]').waitFor();
  assert.equal(await near.locator('[data-offer]').count(), 0, 'who declined is not asked again at once');

  await far.locator('#give-back').click();
  await far.getByRole('heading', { name: 'On duty' }).waitFor();
  await customer.locator('[data-fact="order.rider_unassigned"]').getByText('another one is sought').waitFor();

  await third.locator('#accept').click();
  await customer.locator('[data-fact="order.rider_assigned"]').nth(1).waitFor();
  for (const rider of [near, far, third]) assert.equal(await rider.locator('.toast-bad').count(), 0, 'nothing went wrong on the way');
  for (const rider of [near, far]) {
    await rider.locator('#end-shift').click();
    await rider.locator('#start-shift').waitFor();
  }
  await on.callOff(placed);
  await customer.locator('.story-head[data-status=cancelled]').waitFor();
  await third.getByRole('heading', { name: 'On duty' }).waitFor();
  await third.locator('#end-shift').click();
  await third.locator('#start-shift').waitFor();
}));

/** Whoever has stood still for so long, milliseconds of business time, is offered a delivery, and goes home. */
async function isFoundAfter(rider, still_ms) {
  const since = await businessNow();
  await until(async () => (await businessNow()) - since > still_ms);
  const placed = await delivery();
  await rider.locator('[data-offer]').waitFor();
  await on.hurry(1);
  await on.callOff(placed);
  await rider.locator('#end-shift').click();
  await rider.locator('#start-shift').waitFor();
}

test('a rider who stands still is still found', { timeout: 60_000 }, on.witnessed(async () => {
  await on.hurry(10);
  const rider = await onDuty('rider5@demo', 30);
  await isFoundAfter(rider, 75_000);
}));

test('a rider who was there before the clock ran faster is still found', { timeout: 60_000 }, on.witnessed(async () => {
  const rider = await onDuty('rider1@demo', 30);
  await on.hurry(20);
  await isFoundAfter(rider, 150_000);
}));

test('a rider moves the end of a running shift', { timeout: 60_000 }, on.witnessed(async () => {
  const rider = await onDuty('rider3@demo', 30);
  const end = rider.locator('#shift-until');
  assert.equal(await end.inputValue(), '0');
  await end.selectOption('2');
  await end.locator('option', { hasText: /^until \S+/ }).first().waitFor({ state: 'attached' });
  await rider.waitForFunction(() => document.querySelector('#shift-until').value === 'said');
  const me = await on.call(on.as('rider3@demo'));
  const left = Date.parse((await me('GET', '/v1/riders/me')).until) - (await businessNow());
  assert.ok(Math.abs(left - 2 * 3_600_000) < 60_000, `about two hours: ${left}`);
  await end.selectOption('0');
  await until(async () => !(await me('GET', '/v1/riders/me')).until);
  await rider.locator('#end-shift').click();
  await rider.locator('#start-shift').waitFor();
}));

test('an offer nobody answers in time is over and says so', { timeout: 60_000 }, on.witnessed(async () => {
  const rider = await onDuty('rider4@demo', 30);
  const placed = await delivery();
  const offer = await rider.locator('[data-offer]').getAttribute('data-offer');
  // All that is spoken: the next offer may follow soon.
  await rider.evaluate(() => {
    globalThis.said = [];
    new MutationObserver(() => globalThis.said.push(document.querySelector('#spoken').textContent)).observe(document.querySelector('#spoken'), { childList: true, characterData: true, subtree: true });
  });
  await on.hurry(20);
  await rider.locator(`[data-offer="${offer}"]`).waitFor({ state: 'detached' });
  await on.hurry(1);
  await rider.waitForFunction(() => globalThis.said.includes('The offer is over'));
  await on.callOff(placed);
  await rider.locator('#end-shift').click();
  await rider.locator('#start-shift').waitFor();
}));

test('a rider whose place is not told learns why no offer comes, and what to do', { timeout: 60_000 }, on.witnessed(async () => {
  const rider = await on.open('rider without a place', PHONE, '/rider.html', on.as('rider5@demo'));
  await rider.locator('#start-shift').click();
  await rider.getByRole('alert').getByText(/does not tell us where you are, so no offer can find you/).waitFor();
  await rider.context().setGeolocation(north(50));
  await rider.context().grantPermissions(['geolocation']);
  await rider.getByText(/GPS within/).waitFor();
  assert.equal(await rider.getByRole('alert').getByText(/where you are/).count(), 0);
  await rider.locator('#end-shift').click();
  await rider.locator('#start-shift').waitFor();
}));

test('a rider is told what to collect at which pass, and when it is ready', { timeout: 150_000 }, on.witnessed(async () => {
  const placed = await delivery(false);
  const [kitchen] = on.kitchens;
  await on.nearlyCooked(placed);
  const rider = await onDuty('rider2@demo', 20);
  const [part] = (await (await on.call(on.as('customer')))('GET', `/v1/orders/${placed.order_id}`)).parts;
  await rider.locator('[data-offer]').waitFor({ timeout: 60_000 });
  await rider.locator('#accept').click();
  const pass = rider.locator(`[data-collect="${kitchen.name}"]`);
  await pass.getByText(`#${part.ticket_number}`).waitFor();
  await pass.getByText(`${part.lines[0].quantity} × ${part.lines[0].name}`).waitFor();
  await pass.getByText('Not ready yet').waitFor();
  await ready(await on.call(on.crew(kitchen)), kitchen, part.ticket_id);
  await rider.locator(`[data-collect="${kitchen.name}"][data-ready=true]`).waitFor();
  await on.callOff(placed);
  await rider.getByRole('heading', { name: 'On duty' }).waitFor();
  await rider.locator('#end-shift').click();
  await rider.locator('#start-shift').waitFor();
}));
