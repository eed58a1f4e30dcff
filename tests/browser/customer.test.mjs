// A guest's own ways: coming in, paying, calling off, going on after a reload, and all of it without a mouse.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { DESK, PHONE, addDish } from './browser.mjs';
import { accept, lineOf, order, ready } from './client.mjs';
import { stage } from './stage.mjs';

const on = stage();

/** Puts the first dish of a kitchen into the basket. */
async function fill(page, kitchen) {
  await page.locator(`[data-kitchen="${kitchen.name}"] .dish:enabled`).first().click();
  await addDish(page);
}
/** Tabs on until something that fits has the focus. */
async function tabTo(page, selector, most = 150) {
  for (let count = 0; count < most; count += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`${selector} cannot be reached by Tab`);
}

test('a stranger makes an account and orders something to fetch', { timeout: 60_000 }, on.witnessed(async () => {
  const page = await on.browser.person('stranger', PHONE, {}, { refused: /\/v1\/auth\/(token|register)$/ });
  await page.goto(`${on.url}/order.html`);
  await page.locator('#sign-in').click();
  const email = `guest-${randomUUID()}@example.org`;
  const sign = async (password, name) => {
    if (name) await page.locator('[name=name]').fill(name);
    await page.locator('[name=email]').fill(email);
    await page.locator('[name=password]').fill(password);
    await page.locator('#door button.main').click();
  };
  await sign('nobody-has-this-one');
  await page.getByRole('alert').getByText('E-mail or password is not right.').waitFor();
  await page.getByRole('button', { name: 'I am new here' }).click();
  await sign('a long enough password', 'Nele Neumann');
  await page.locator('.dish').first().waitFor();
  await page.locator('#health [data-state=live]').waitFor();
  await fill(page, on.kitchens[0]);
  await page.locator('.tray-bar').click();
  await page.locator('#checkout').click();
  await page.locator('.pick', { hasText: 'I fetch it' }).click();
  assert.equal(await page.locator('[name=name]').inputValue(), 'Nele Neumann', 'the name is known');
  await page.locator('#place:enabled').waitFor();
  const told = await page.locator('.promise b').innerText();
  await page.locator('#place:enabled').click();
  await page.waitForURL(/\/track\.html\?order=/);
  await page.locator('.story-head[data-status=placed]').waitFor();
  await page.locator('.arrival[data-told=checkout]').getByText(told, { exact: true }).waitFor();

  // The same address again is refused in words.
  await page.getByRole('button', { name: /^Sign out/ }).click();
  await page.locator('#sign-in').click();
  await page.locator('#door form').waitFor();
  await page.getByRole('button', { name: 'I am new here' }).click();
  await sign('another long password', 'Nele Neumann');
  assert.match(await page.getByRole('alert').filter({ hasText: /\S/ }).innerText(), /^[A-Z].*\.$/);
}));

test('cards are read and a basket is filled by anybody; who orders says who it is, and finds the order again', { timeout: 60_000 }, on.witnessed(async () => {
  const page = await on.browser.person('somebody looking around', DESK);
  await page.goto(`${on.url}/order.html`);
  await fill(page, on.kitchens[0]);
  assert.equal(await page.locator('#orders').count(), 0, 'nobody has no orders');
  await page.locator('#checkout').click();
  await page.locator('#door form').waitFor();
  await page.getByRole('button', { name: 'Back to the kitchens' }).click();
  await page.locator('.tray-line').waitFor();
  await page.locator('#checkout').click();
  await page.locator(`#door [data-account="${on.as('customer').email}"]`).click();
  await page.locator('.pick', { hasText: 'I fetch it' }).click();
  await page.locator('#place:enabled').click();
  await page.waitForURL(/\/track\.html\?order=/);
  const id = new URL(page.url()).searchParams.get('order');
  await page.locator('.story-head').waitFor();
  await page.goto(`${on.url}/order.html`);
  await page.getByRole('link', { name: 'Your orders' }).click();
  await page.locator(`#orders [data-order="${id}"]`).click();
  await page.waitForURL(new RegExp(id));
  await on.callOff({ order_id: id });
}));

test('addresses that lead nowhere say so, and lead back', { timeout: 60_000 }, on.witnessed(async () => {
  const page = await on.browser.person('somebody lost', PHONE, {}, { refused: /nowhere|00000000/ });
  assert.equal((await page.goto(`${on.url}/nowhere.html`)).status(), 404);
  await page.getByRole('heading', { name: 'Nothing here' }).waitFor();
  await page.goto(`${on.url}/track.html?order=00000000-0000-4000-8000-000000000000#demo=${encodeURIComponent(on.as('customer').email)}`);
  await page.getByRole('heading', { name: 'No such order' }).waitFor();
  await page.getByRole('link', { name: 'Your orders' }).click();
  await page.locator('.dish').first().waitFor();
  const program = await fetch(`${on.url}/nowhere.html`);
  assert.equal(program.headers.get('content-type'), 'application/problem+json', 'programs get a problem');
}));

test('a message never covers the time on a phone', { timeout: 60_000 }, on.witnessed(async () => {
  const guest = await on.call(on.as('customer'));
  const [kitchen] = on.kitchens;
  const placed = await order(guest, on.court, [await lineOf(guest, kitchen)]);
  const page = await on.open('customer', PHONE, `/track.html?order=${placed.order_id}`, on.as('customer'));
  await accept(await on.call(on.crew(kitchen)), kitchen, placed.parts[0].ticket_id);
  await page.locator('.toast').first().waitFor();
  await page.locator('.arrival').waitFor();
  const [toast, time] = [await page.locator('.toasts').boundingBox(), await page.locator('.arrival').boundingBox()];
  assert.ok(toast.y + toast.height <= time.y || toast.y >= time.y + time.height, JSON.stringify({ toast, time }));
  await on.callOff(placed);
}));

test('an order is called off while its kitchens have not begun', { timeout: 60_000 }, on.witnessed(async () => {
  const guest = await on.call(on.as('customer'));
  const placed = await order(guest, on.court, [await lineOf(guest, on.kitchens[0])]);
  const page = await on.open('customer', PHONE, `/track.html?order=${placed.order_id}`, on.as('customer'));
  page.on('dialog', (dialog) => dialog.accept());
  await page.locator('[data-fact="order.paid"]').waitFor();
  await page.locator('#cancel').click();
  await page.locator('.story-head[data-status=cancelled]').waitFor();
  assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'CALLED OFF', 'the headline follows without a reload');
  await page.getByText(/Because you called it off/).waitFor();
  assert.equal(await page.locator('#cancel').count(), 0);
}));

test('a card that is declined ends the order in words, and nothing is charged', { timeout: 60_000 }, on.witnessed(async () => {
  const page = await on.open('customer', DESK, '/order.html', on.as('customer'));
  await fill(page, on.kitchens[0]);
  await page.locator('#checkout').click();
  await page.locator('.pick', { hasText: 'I fetch it' }).click();
  await page.locator('[name=payment_method]').selectOption('pm_declined');
  await page.locator('#place:enabled').click();
  await page.waitForURL(/\/track\.html\?order=/);
  await page.locator('.story-head[data-status=rejected]').waitFor();
  await page.getByText('Because the bank said no. Nothing was charged.').waitFor();
  await page.locator('.part .tag', { hasText: 'Not cooked' }).waitFor();
}));

test('a reload in the middle of the checkout loses nothing', { timeout: 60_000 }, on.witnessed(async () => {
  const page = await on.open('customer', DESK, '/order.html', on.as('customer'));
  await fill(page, on.kitchens[0]);
  await page.locator('#checkout').click();
  const door = page.locator('#door-map');
  await door.locator('.pin-court').waitFor();
  await door.click({ position: { x: 260, y: 120 } });
  await page.locator('[name=address]').fill('Speicherstraße 4');
  await page.locator('[name=phone]').fill('+49 30 5550123');
  await page.locator('.picks', { hasText: 'None' }).getByText(/^15 % · €\d+\.\d\d$/).click();
  await page.locator('#place:enabled').waitFor();
  const price = await page.locator('.sum-all dd').innerText();

  await page.reload();
  await page.locator('#place:enabled').waitFor();
  assert.equal(await page.locator('.sum-all dd').innerText(), price);
  assert.equal(await page.locator('[name=address]').inputValue(), 'Speicherstraße 4');
  assert.equal(await page.locator('[name=phone]').inputValue(), '+49 30 5550123');
  await page.locator('#door-map [data-pin=door]').waitFor();
  await page.goBack();
  await page.locator('.tray-line').waitFor();
  await page.getByRole('button', { name: /less$/ }).click();
  await page.locator('.tray-line').waitFor({ state: 'detached' });
}));

test('a whole order goes through on the keyboard alone', { timeout: 90_000 }, on.witnessed(async () => {
  const page = await on.open('customer at the keyboard', DESK, '/order.html', on.as('customer'));
  await page.locator('.dish:enabled').first().waitFor();
  await tabTo(page, '.skip');
  await page.keyboard.press('Enter');
  await tabTo(page, '.dish:enabled');
  await page.keyboard.press('Enter');
  // What must be chosen is not chosen for the guest.
  const open = '#dish fieldset:has(input[type=radio]):not(:has(:checked))';
  while (await page.locator(open).count()) {
    await tabTo(page, `${open} input[type=radio]`);
    await page.keyboard.press('Space');
  }
  await tabTo(page, '#dish [data-add]');
  await page.keyboard.press('Enter');
  await page.locator('.tray-line').waitFor();
  assert.ok(await page.evaluate(() => document.activeElement?.matches('.dish')), 'the focus comes back to the dish');
  await tabTo(page, '#checkout');
  await page.keyboard.press('Enter');
  // The door on the map, moved by arrows and set by Enter.
  await page.locator('#door-map .pin-court').waitFor();
  await tabTo(page, '#door-map');
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(() => !document.querySelector('#door-map .leaflet-pan-anim'));
  await page.keyboard.press('Enter');
  await page.locator('#door-map [data-pin=door]').waitFor();
  await tabTo(page, '[name=address]');
  await page.keyboard.type('Speicherstraße 4');
  await tabTo(page, '[name=phone]');
  await page.keyboard.type('+49 30 5550123');
  await tabTo(page, '[name=tip]');
  await page.keyboard.press('ArrowRight');
  await page.locator('.sums', { hasText: 'Tip' }).waitFor();
  await page.locator('#place:enabled').waitFor();
  await tabTo(page, '#place');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/track\.html\?order=/);
  await page.locator('.story-head[data-status=placed]').waitFor();
}));

test('a telephone number that is none is told at its field, and the rest of the form stays', { timeout: 60_000 }, on.witnessed(async () => {
  const account = on.as('customer');
  const page = await on.open('customer', DESK, '/order.html', account, {}, { refused: /\/v1\/orders$/ });
  await fill(page, on.kitchens[0]);
  await page.locator('#checkout').click();
  await page.locator('.pick', { hasText: 'I fetch it' }).click();
  const phone = page.locator('[name=phone]');
  await phone.fill('ask Mia');
  await page.locator('#place:enabled').click();
  await page.locator('[name=phone][aria-invalid=true]').waitFor();
  assert.ok(await phone.evaluate((field) => field === document.activeElement), 'the focus is where the problem is');
  const words = page.locator(`#${await phone.getAttribute('aria-describedby')}`);
  assert.match(await words.innerText(), /digits/);
  assert.equal(await page.locator('.checkout-side .problem').innerText(), '', 'it is said once');
  await phone.fill('+49 30 5550123');
  await words.waitFor({ state: 'detached' });
  await page.locator('#place:enabled').click();
  await page.waitForURL(/\/track\.html\?order=/);
  await on.callOff({ order_id: new URL(page.url()).searchParams.get('order') });
}));

test('food is wanted at a time at which its kitchens are open', { timeout: 60_000 }, on.witnessed(async () => {
  const page = await on.open('customer', DESK, '/order.html', on.as('customer'));
  await fill(page, on.kitchens[0]);
  await page.locator('#checkout').click();
  await page.locator('.pick', { hasText: 'I fetch it' }).click();
  await page.locator('.pick', { hasText: 'At a time I choose' }).click();
  const [days, at] = [page.locator('[name=wanted_day]'), page.locator('[name=wanted_at]')];
  await days.selectOption({ index: 1 });
  await at.selectOption({ index: 2 });
  const wanted = await at.inputValue();
  assert.ok(Date.parse(wanted) > Date.now(), wanted);
  await page.locator('.promise b', { hasText: await at.locator('option:checked').innerText() }).waitFor();
  await page.locator('#place:enabled').click();
  await page.waitForURL(/\/track\.html\?order=/);
  const id = new URL(page.url()).searchParams.get('order');
  const placed = await (await on.call(on.as('customer')))('GET', `/v1/orders/${id}`);
  assert.equal(Date.parse(placed.wanted_at), Date.parse(wanted));
  await page.locator('.story-head').getByText(/Wanted /).waitFor();
  await on.callOff(placed);
}));

test('a door is found by the own place; where no streets are drawn, rings tell the distance', { timeout: 60_000 }, on.witnessed(async () => {
  const { lat, lon } = on.court.position;
  const here = { permissions: ['geolocation'], geolocation: { latitude: lat + 0.003, longitude: lon, accuracy: 5 } };
  const page = await on.browser.person('somebody without streets', DESK, here, { refused: /\/v1\/district$/ });
  await page.route('**/v1/district', (route) => route.fulfill({ status: 404, body: '' }));
  await page.goto(`${on.url}/order.html#demo=${encodeURIComponent(on.as('customer').email)}`);
  await page.locator('#health [data-state=live]').waitFor();
  await fill(page, on.kitchens[0]);
  await page.locator('#checkout').click();
  await page.locator('#bare-map').getByText(/the rings are \d+ k?m apart/).waitFor();
  assert.ok((await page.locator('.ring-name').count()) >= 3, 'rings have names');
  await page.locator('.leaflet-control-scale').waitFor();
  await page.locator('#locate').click();
  await page.locator('#door-map [data-pin=door]').waitFor();
  await page.getByText(/Your door is 330 m from the court/).waitFor();
}));

test('a choice that must be made is the guest\'s', { timeout: 60_000 }, on.witnessed(async () => {
  const guest = await on.call(on.as('customer'));
  const cards = await Promise.all(on.kitchens.map((kitchen) => guest('GET', `/v1/kitchens/${kitchen.kitchen_id}/menu`)));
  const asks = (item) => item.modifier_groups.some((group) => group.min === 1 && group.max === 1 && group.modifiers.length > 1);
  const dish = cards.flatMap((card) => card.items).find((item) => asks(item) && !item.sold_out);
  const page = await on.open('customer', DESK, '/order.html', on.as('customer'));
  await page.locator(`.dish[data-item="${dish.name}"]`).click();
  assert.equal(await page.locator('#dish input[type=radio]:checked').count(), 0);
  assert.match(await page.locator('#dish [data-add]').innerText(), /^Choose/);
  assert.ok(await page.locator('#dish [data-add]').isDisabled());
  await addDish(page);
  await page.locator('.tray-line').waitFor();
}));

test('who fetches it knows the number that each counter calls out', { timeout: 90_000 }, on.witnessed(async () => {
  const [first, second] = on.kitchens;
  const guest = await on.call(on.as('customer'));
  const placed = await order(guest, on.court, [await lineOf(guest, first), await lineOf(guest, second)]);
  const page = await on.open('customer', PHONE, `/track.html?order=${placed.order_id}`, on.as('customer'));
  const cooks = [await on.call(on.crew(first)), await on.call(on.crew(second))];
  const one = await accept(cooks[0], first, placed.parts[0].ticket_id);
  await page.locator('#numbers').getByText(`${first.name} #${one.number}`).waitFor();
  const two = await accept(cooks[1], second, placed.parts[1].ticket_id);
  await page.locator('#numbers').getByText(`${second.name} #${two.number}`).waitFor();
  const operator = await on.open('operator', DESK, '/city.html', on.as('admin'));
  await operator.locator(`[data-order="${placed.order_id}"]`).getByText(`${first.name} #${one.number} + ${second.name} #${two.number}`).waitFor();
  await ready(cooks[0], first, placed.parts[0].ticket_id);
  await ready(cooks[1], second, placed.parts[1].ticket_id);
  await page.getByRole('heading', { name: 'Say your number' }).waitFor();
  assert.equal(await page.locator('#numbers').innerText(), `${first.name} #${one.number} · ${second.name} #${two.number}`);
  await on.callOff(placed);
}));
