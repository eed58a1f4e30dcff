// One delivery order over two kitchens, driven through the pages of a customer, two kitchens, a rider and the
// operator against a real server; after every step each page must show what happened.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESK, PHONE, TABLET, addDish, openBrowser, picture } from './browser.mjs';
import { nearlyCooked, signIn } from './client.mjs';
import { startServer } from './server.mjs';

let server;
let browser;
before(async () => {
  server = await startServer();
  browser = await openBrowser();
}, { timeout: 240_000 });
after(async () => {
  await browser?.close();
  await server?.stop();
});

const get = (path) => fetch(server.url + path).then((answer) => answer.json());
const open = async (page, path, account) => {
  await page.goto(`${server.url}${path}#demo=${encodeURIComponent(account.email)}`);
  await page.locator('#health [data-state=live]').waitFor();
};
const text = async (page, selector) => (await page.locator(selector).first().innerText()).trim();

/** Opens the kitchen's page as somebody who works there. */
async function cook(kitchen, accounts) {
  // The kitchen's own crew before those who look after several.
  const account = accounts.filter((one) => one.role === 'vendor_staff' && one.kitchens.includes(kitchen.kitchen_id)).sort((a, b) => a.kitchens.length - b.kitchens.length)[0];
  const page = await browser.person(kitchen.name, TABLET);
  await open(page, '/kitchen.html', account);
  if (account.kitchens.length > 1) await page.getByLabel('Kitchen', { exact: true }).selectOption(kitchen.kitchen_id);
  await page.getByRole('heading', { level: 1, name: kitchen.name }).waitFor();
  return page;
}

test('an order over two kitchens goes from the basket to the door, and every page tells it', { timeout: 300_000 }, () => browser.witnessed(wholeDelivery)());

async function wholeDelivery() {
  const demo = await get('/v1/demo');
  const court = (await get('/v1/courts')).items[0];
  const all = (await get(`/v1/kitchens?court_id=${court.court_id}`)).items;
  const staffed = all.filter((kitchen) => kitchen.open_now && demo.accounts.some((one) => one.role === 'vendor_staff' && one.kitchens.includes(kitchen.kitchen_id)));
  const kitchens = staffed.slice(0, 2);
  assert.equal(kitchens.length, 2, 'the demo has two open kitchens with staff');
  const as = (role) => demo.accounts.find((account) => account.role === role);

  // The rider covers the ground in half the time; offers still leave 20 s to answer.
  const admin = await signIn(server.url, as('admin'));
  await admin('PUT', '/v1/demo/clock', { speed: 2 });

  // The first page says what it is before anybody signs in.
  const home = await browser.person('home', DESK);
  await home.goto(server.url);
  await home.locator('#health [data-ready=yes]').waitFor();
  assert.ok((await home.locator('#demo [data-account]').count()) >= 4, 'demo people are offered');
  await picture(home, 'home-desk');
  const homePhone = await browser.person('home on a phone', PHONE, { colorScheme: 'dark' });
  await homePhone.goto(server.url);
  await homePhone.locator('#health [data-ready=yes]').waitFor();
  await picture(homePhone, 'home-phone-dark');

  // Everybody comes in.
  const boards = [];
  for (const kitchen of kitchens) boards.push(await cook(kitchen, demo.accounts));
  const north = (metres) => court.position.lat + metres / 111_200;
  const rider = await browser.person('rider', PHONE, { permissions: ['geolocation'], geolocation: { latitude: north(25), longitude: court.position.lon, accuracy: 6 } });
  await open(rider, '/rider.html', as('rider'));
  await rider.locator('.pick', { hasText: 'Scooter' }).click();
  await rider.locator('#start-shift').click();
  await rider.getByRole('heading', { name: 'On duty' }).waitFor();
  await rider.getByText(/GPS within/).waitFor();
  const city = await browser.person('city', DESK, { colorScheme: 'dark' });
  await open(city, '/city.html', as('admin'));
  await city.locator('#map [data-pin]:has(.pin-rider)').first().waitFor();

  // The customer fills one basket from both kitchens.
  const customer = await browser.person('customer', DESK);
  await open(customer, '/order.html', as('customer'));
  for (const kitchen of kitchens) {
    const stall = customer.locator(`[data-kitchen="${kitchen.name}"]`);
    await stall.locator('.dish:enabled').first().click();
    if (kitchen === kitchens[0]) await picture(customer, 'dish-desk');
    await addDish(customer);
  }
  await customer.evaluate(() => scrollTo(0, 0));
  await picture(customer, 'order-desk');
  assert.equal(await customer.locator('.tray-line').count(), 2, 'both dishes are in the basket');
  await customer.locator('#checkout').click();
  const door = customer.locator('#door-map');
  await door.locator('.pin-court').waitFor();
  const box = await door.boundingBox();
  await door.click({ position: { x: box.width / 2 + 62, y: box.height / 2 - 34 } });
  await door.locator('[data-pin=door]').waitFor();
  await customer.locator('[name=name]').fill('Mia Sommer');
  await customer.locator('[name=address]').fill('Speicherstraße 4, second floor');
  await customer.locator('[name=phone]').fill('+49 30 5550123');
  await customer.locator('.picks', { hasText: 'None' }).getByText(/^10 % · /).click();
  await customer.locator('.sum-all').waitFor();
  await customer.getByText(/Order and pay .*\d/).waitFor();
  const total = await text(customer, '.sum-all dd');
  await customer.locator('.checkout-main h1').scrollIntoViewIfNeeded();
  await customer.evaluate(() => scrollTo(0, 0));
  await picture(customer, 'checkout-desk');
  await customer.locator('#place').click();

  // It is placed once, and both kitchens are asked.
  await customer.waitForURL(/\/track\.html\?order=/);
  await customer.locator('.story-head[data-status=placed]').waitFor();
  assert.match(await text(customer, '#story footer'), new RegExp(total.replace(/[.$]/g, '\\$&')), 'the order costs what the quote said');
  assert.equal(await customer.evaluate(() => sessionStorage.getItem('foodcourt.placing')), null, 'no request is left to repeat');
  for (const [at, board] of boards.entries()) {
    await board.locator('[data-column=waiting] .ticket').waitFor();
    assert.match(await text(board, '.ticket .clock'), /\d+:\d\d to answer/);
  }
  // The first kitchen by touch, the second one by keyboard alone.
  await boards[0].locator('[data-act=acceptance]').click();
  await boards[0].locator('.choice').first().click();
  await boards[0].locator('[data-column=accepted] .ticket, [data-column=in_kitchen] .ticket').first().waitFor();
  await customer.locator(`[data-kitchen="${kitchens[0].name}"][data-stage=accepted]`).waitFor();
  await customer.locator(`[data-kitchen="${kitchens[1].name}"][data-stage=waiting]`).waitFor();
  await boards[1].keyboard.press('ArrowDown');
  await boards[1].keyboard.press('a');
  await boards[1].locator('#sheet .choice').first().waitFor();
  // Sooner than usual, so that a rider is sought soon.
  for (let back = 0; back < 4 && (await boards[1].evaluate(() => document.activeElement.dataset.choice)) !== '5'; back += 1) await boards[1].keyboard.press('Shift+Tab');
  await boards[1].keyboard.press('Enter');
  await customer.locator('[data-fact="order.accepted"]').waitFor();

  // The rider is offered the delivery, takes it, and rides by themselves from here.
  await nearlyCooked(server.url, admin, new URL(customer.url()).searchParams.get('order'), 2);
  await rider.reload();
  await rider.locator('[data-offer]').waitFor({ timeout: 60_000 });
  await rider.locator('[data-offer] progress').waitFor();
  await picture(rider, 'offer-phone');
  await rider.locator('#accept').click();
  await rider.locator('[data-delivery]').waitFor();
  await customer.locator('[data-fact="order.rider_assigned"]').waitFor();
  await rider.locator('.switch', { hasText: 'Ride for me' }).click();
  await rider.locator('[data-state=arrived_at_pickup]').waitFor({ timeout: 90_000 });

  // Both kitchens finish.
  for (const [at, board] of boards.entries()) {
    await board.locator('[data-act=ready]').first().click();
    await board.locator('[data-column=ready_for_collection] .ticket').waitFor();
    await customer.locator(`[data-kitchen="${kitchens[at].name}"]:is([data-stage=ready_for_collection], [data-stage=collected])`).waitFor();
  }
  await customer.locator('.story-head[data-status=picked_up]').waitFor();
  for (const board of boards) await board.locator('[data-column=ready_for_collection] .ticket').waitFor({ state: 'detached' });

  // The rider's marker moves on the customer's map.
  const marker = customer.locator('#map [data-pin=rider]');
  await marker.waitFor();
  const places = new Set();
  const until = Date.now() + 60_000;
  while (places.size < 4 && Date.now() < until) {
    places.add(await marker.getAttribute('data-at', { timeout: 1_000 }).catch(() => null));
    if (places.size === 3) {
      await picture(customer, 'track-desk');
      await picture(rider, 'rider-phone');
      await picture(city, 'city-desk-dark');
    }
    await customer.waitForTimeout(150);
  }
  assert.ok(places.size >= 4, `the rider moved on the map: ${[...places].join(' → ')}`);
  await city.locator('#orders tbody tr').first().waitFor();
  assert.match(await text(city, '#orders tbody tr'), new RegExp(kitchens[0].name));

  // At the door.
  await customer.locator('.story-head[data-status=delivered]').waitFor({ timeout: 120_000 });
  assert.equal(await customer.locator('.rail .done').count(), 6, 'every step is done');
  await rider.getByRole('heading', { name: 'On duty' }).waitFor();
  await city.locator('[data-figure=done] b', { hasText: '1' }).waitFor();
  const facts = await customer.locator('[data-fact]').evaluateAll((all) => all.map((one) => one.dataset.fact).reverse());
  for (const fact of ['order.placed', 'order.paid', 'order.part_accepted', 'order.accepted', 'order.part_ready', 'order.ready_for_pickup', 'order.rider_assigned', 'order.picked_up', 'order.delivered']) assert.ok(facts.includes(fact), `${fact} is told`);
  assert.equal(new Set(facts.filter((fact) => !/part_|rider_/.test(fact))).size, facts.filter((fact) => !/part_|rider_/.test(fact)).length, 'nothing is told twice');

  // The same story after a reload, on a phone, in the dark.
  await customer.setViewportSize(PHONE);
  await customer.emulateMedia({ colorScheme: 'dark' });
  await customer.reload();
  await customer.locator('.story-head[data-status=delivered]').waitFor();
  await customer.locator('#health [data-state=live]').waitFor();
  await picture(customer, 'delivered-phone-dark');
  await rider.locator('#end-shift').click();
  await rider.locator('#start-shift').waitFor();
}
