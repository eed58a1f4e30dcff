// When it is expected, that it is almost there, that the rider stands at the door, and the hand-over shown by a PIN or a photo, on the pages of both sides.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE, addDish } from './browser.mjs';
import { accept, lineOf, order, ready } from './client.mjs';
import { stage } from './stage.mjs';

const on = stage();
const at = (metres) => ({ latitude: on.court.position.lat + metres / 111_200, longitude: on.court.position.lon, accuracy: 6 });
const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==', 'base64');

/** A rider's page on duty at the court. */
async function onDuty(email) {
  const page = await on.open(`rider ${email}`, PHONE, '/rider.html', on.as(email), { permissions: ['geolocation'], geolocation: at(20) }, { refused: /\/delivered$/ });
  await page.locator('#start-shift').click();
  await page.getByText(/GPS within/).waitFor();
  return page;
}
const step = (rider, name) => rider.locator(`#step[data-next=${name}]:enabled`).click();

/** Cooks the order of `ticketId` and brings it to the door, button by button. */
async function nearTheDoor(rider, customer, ticketId) {
  const [kitchen] = on.kitchens;
  const cook = await on.call(on.crew(kitchen));
  await accept(cook, kitchen, ticketId);
  await ready(cook, kitchen, ticketId);
  await rider.locator('#accept').click();
  await step(rider, 'enroute_to_pickup');
  await customer.getByText('Until pickup you see only roughly where your rider is.').waitFor();
  await step(rider, 'arrived_at_pickup');
  await step(rider, 'picked_up');
  await step(rider, 'enroute_to_dropoff');
  await rider.context().setGeolocation(at(90));
  await customer.getByRole('heading', { level: 1, name: 'Almost there' }).waitFor();
}

/** Arrives at the door: nobody is told any more when that might be. */
async function atTheDoor(rider, customer) {
  await step(rider, 'arrived_at_dropoff');
  await rider.getByRole('heading', { level: 1, name: 'At the door' }).waitFor();
  await customer.getByRole('heading', { level: 1, name: 'At your door' }).waitFor();
  await customer.locator('[data-fact="order.courier_arrived"]').getByText('The rider is at your door').waitFor();
  await customer.locator('[data-there] .arrival-time', { hasText: 'Now' }).waitFor();
  await customer.locator('[data-there]', { hasText: /At your door since .*\d\d:\d\d/ }).waitFor();
  await customer.getByText('Your rider is at your door.').first().waitFor();
  await customer.locator('#spoken', { hasText: 'At your door.' }).waitFor({ state: 'attached' });
}

test('an order with a PIN is expected at the door, and handed over by the right PIN alone', { timeout: 120_000 }, on.witnessed(async () => {
  const [kitchen] = on.kitchens;
  const guest = await on.call(on.as('customer'));
  const rider = await onDuty('rider1@demo');
  const customer = await on.open('customer', DESK, '/order.html', on.as('customer'));
  await customer.locator(`[data-kitchen="${kitchen.name}"] .dish:enabled`).first().click();
  await addDish(customer);
  await customer.locator('#checkout').click();
  const door = customer.locator('#door-map');
  await door.locator('.pin-court').waitFor();
  const box = await door.boundingBox();
  await door.click({ position: { x: box.width / 2 + 40, y: box.height / 2 - 30 } });
  await customer.locator('[name=name]').fill('Mia Sommer');
  await customer.locator('[name=address]').fill('Speicherstraße 4, second floor');
  await customer.locator('[name=phone]').fill('+49 30 5550123');
  await customer.locator('.pick', { hasText: 'With a PIN' }).click();
  await customer.locator('#place:enabled').click();
  await customer.waitForURL(/\/track\.html\?order=/);
  const pin = await customer.locator('#handover-pin').innerText();
  assert.match(pin, /^\d{4}$/);

  const id = new URL(customer.url()).searchParams.get('order');
  const placed = await guest('GET', `/v1/orders/${id}`);
  assert.equal(placed.proof, 'pin');
  await nearTheDoor(rider, customer, placed.parts[0].ticket_id);

  // The time is the server's, to the minute, and the same after a reload; so is the PIN, which nothing in the browser keeps.
  const { dropoff_eta_at: due } = await guest('GET', `/v1/orders/${id}`);
  await customer.locator(`[data-expected="${due}"]`).waitFor();
  const minute = await customer.evaluate((instant) => new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' }).format(new Date(instant)), due);
  // Shortly before midnight it is tomorrow's.
  assert.equal((await customer.locator('.arrival-time').innerText()).replace(/^tomorrow /, ''), minute);
  await customer.reload();
  await customer.locator(`[data-expected="${due}"]`).waitFor();
  await customer.getByRole('heading', { level: 1, name: 'Almost there' }).waitFor();
  await customer.locator('#handover-pin', { hasText: pin }).waitFor();
  const kept = await customer.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  assert.ok(!new RegExp(`\\W${pin}\\W`).test(kept), 'the PIN is in no storage');

  await atTheDoor(rider, customer);
  await customer.getByText('Your rider has your food and waits for your PIN.').waitFor();
  await customer.reload();
  await customer.getByRole('heading', { level: 1, name: 'At your door' }).waitFor();
  await customer.locator('[data-there]').waitFor();
  const operator = await on.open('operator', DESK, '/city.html', on.as('admin'));
  const row = operator.locator(`[data-order="${id}"]`);
  await row.getByText('At the door').waitFor();
  await row.locator('.order-open').click();
  await operator.locator(`[data-story="${id}"] [data-fact="order.courier_arrived"]`).getByText('The rider is at the door').waitFor();
  await step(rider, 'delivered');
  await rider.getByRole('alert').getByText('Type the four digits your customer tells you.').waitFor();
  await rider.getByLabel(/The customer's PIN \(3 tries left\)/).fill(String((Number(pin) + 1) % 10_000).padStart(4, '0'));
  await step(rider, 'delivered');
  await rider.getByRole('alert').getByText("That is not the customer's PIN. Ask once more: 2 tries are left.").waitFor();
  const field = rider.getByLabel(/The customer's PIN \(2 tries left\)/);
  assert.equal(await field.inputValue(), '', 'the next try begins empty');
  await field.fill(pin);
  await field.press('Enter');
  await rider.getByRole('heading', { name: 'On duty' }).waitFor();

  await customer.locator('.story-head[data-status=delivered]').waitFor();
  await customer.locator('#handover-pin').waitFor({ state: 'detached' });
  assert.equal(await customer.locator('.arrival, .proof-photo').count(), 0, 'nothing is expected any more, and no photo was taken');
  await rider.locator('#end-shift').click();
  await rider.locator('#start-shift').waitFor();
}));

test('a hand-over by photo is seen by the guest afterwards', { timeout: 120_000 }, on.witnessed(async () => {
  const [kitchen] = on.kitchens;
  const guest = await on.call(on.as('customer'));
  const rider = await onDuty('rider2@demo');
  const { lat, lon } = on.court.position;
  const placed = await order(guest, on.court, [await lineOf(guest, kitchen)], { dropoff: { lat: lat + 0.001, lon }, proof: 'photo' });
  const customer = await on.open('customer on a phone', PHONE, `/track.html?order=${placed.order_id}`, on.as('customer'));
  await nearTheDoor(rider, customer, placed.parts[0].ticket_id);
  await atTheDoor(rider, customer);
  assert.equal(await customer.locator('#handover-pin').count(), 0, 'no PIN where none is asked for');
  await step(rider, 'delivered');
  await rider.getByRole('alert').getByText('Take a photo of the food at the door first.').waitFor();
  await rider.getByLabel('A photo of the food at the door').setInputFiles({ name: 'door.png', mimeType: 'image/png', buffer: PICTURE });
  await rider.getByText('Photo taken; another one replaces it').waitFor();
  await step(rider, 'delivered');
  await customer.locator('.story-head[data-status=delivered]').waitFor();
  const photo = customer.getByAltText('The photo your rider took at your door');
  await photo.waitFor();
  assert.ok(await photo.evaluate((image) => image.decode().then(() => image.naturalWidth > 0)));
  await rider.locator('#end-shift').click();
  await rider.locator('#start-shift').waitFor();
}));
