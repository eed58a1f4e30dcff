// Times on the pages: the server's clock counts, also where it ran ahead of the reader's, and also for what is wanted later.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE, TABLET, addDish } from './browser.mjs';
import { accept, lineOf, order, until } from './client.mjs';
import { stage } from './stage.mjs';

const on = stage();
const inTown = (options) => new Intl.DateTimeFormat('en-IE', { ...options, timeZone: 'Europe/Berlin' });
const businessNow = async () => Date.parse((await (await fetch(`${on.url}/v1/demo`)).json()).business_now);

/** An instant between 12:00 and 12:59 of tomorrow in town: its cooking starts tomorrow too, at whatever hour this runs. */
function noonOfTomorrow(now) {
  const [day, hour] = [inTown({ dateStyle: 'short' }), inTown({ hour: 'numeric', hourCycle: 'h23' })];
  let at = now;
  do at += 3_600_000; while (day.format(at) === day.format(now) || Number(hour.format(at)) !== 12);
  return at;
}

test('what is wanted tomorrow says so to its kitchen and its guest, in no minutes', { timeout: 60_000 }, on.witnessed(async () => {
  const [kitchen] = on.kitchens;
  const guest = await on.call(on.as('customer'));
  const tomorrow = new Date(noonOfTomorrow(await businessNow())).toISOString();
  const placed = await order(guest, on.court, [await lineOf(guest, kitchen)], { wanted: tomorrow });
  const clock = inTown({ hour: '2-digit', minute: '2-digit' }).format(new Date(tomorrow));
  const cook = await on.open('kitchen', TABLET, '/kitchen.html', on.crew(kitchen));
  const ticket = cook.locator(`[data-ticket="${placed.parts[0].ticket_id}"]`);
  await ticket.getByText(`Wanted tomorrow ${clock}`).waitFor();
  assert.match(await ticket.locator('.clock').innerText(), /^(1 h 0|59:|60:)/, 'there is time to answer');
  const customer = await on.open('customer', PHONE, `/track.html?order=${placed.order_id}`, on.as('customer'));
  await customer.getByText(`Wanted tomorrow ${clock}`).waitFor();
  await accept(await on.call(on.crew(kitchen)), kitchen, placed.parts[0].ticket_id);
  await customer.locator('.arrival').waitFor();
  assert.match(await customer.locator('.arrival').innerText(), new RegExp(`tomorrow ${clock}`));
  assert.doesNotMatch(await customer.locator('.arrival').innerText(), /\d min/);
  await ticket.getByText(/Start tomorrow/).waitFor();
  await on.callOff(placed);
}));

test('a clock that runs ahead is told as demo time, and times until something count from it before any socket opens', { timeout: 60_000 }, on.witnessed(async () => {
  const guest = await on.call(on.as('customer'));
  const placed = await order(guest, on.court, [await lineOf(guest, on.kitchens[0])]);
  const crew = await on.call(on.crew(on.kitchens[0]));
  await accept(crew, on.kitchens[0], placed.parts[0].ticket_id, 30);
  await until(async () => (await guest('GET', `/v1/orders/${placed.order_id}`)).ready_at);
  const level = await on.browser.person('nobody', DESK);
  await level.goto(on.url);
  await level.locator('[data-account]').first().waitFor();
  assert.ok(await level.locator('#demo-time').isHidden(), 'there is nothing to tell while both clocks agree');

  await on.hurry(100);
  await until(async () => (await businessNow()) - Date.now() > 9 * 60_000);
  await on.hurry(1);
  await level.locator('#demo-time').getByText(/^Demo time: (\w+, \d+ \w+, |\w+ \d+ \w+, )?\d\d:\d\d/).waitFor({ timeout: 30_000 });
  const page = await on.browser.person('customer without a socket', PHONE, {}, { mayFail: true });
  await page.routeWebSocket(/\/v1\/live/, (socket) => socket.close({ code: 1001 }));
  for (const again of [false, true]) {
    if (again) await page.reload();
    else await page.goto(`${on.url}/track.html?order=${placed.order_id}#demo=${encodeURIComponent(on.as('customer').email)}`);
    const said = await page.locator('.arrival-in').innerText();
    const { ready_at } = await guest('GET', `/v1/orders/${placed.order_id}`);
    const minutes = (Date.parse(ready_at) - (await businessNow())) / 60_000;
    assert.ok(Math.abs(Number(/^in (\d+) min$/.exec(said)?.[1]) - minutes) <= 1, `"${said}" for ${minutes} min`);
    await page.locator('#demo-time').getByText('Demo time').waitFor();
  }
}));

test('a page that only listens hears that the clock runs faster, and that it does no more', { timeout: 60_000 }, on.witnessed(async () => {
  const cook = await on.open('kitchen', TABLET, '/kitchen.html', on.crew(on.kitchens[0]));
  await cook.locator('#board h1').waitFor();
  await on.hurry(30);
  await cook.locator('#demo-time').getByText('running 30 times as fast as yours').waitFor();
  await on.hurry(1);
  await cook.locator('#demo-time', { hasNotText: 'running' }).getByText(/^Demo time: /).waitFor();
}));

test('where people count to twelve, times are written their way', { timeout: 60_000 }, on.witnessed(async () => {
  const page = await on.open('customer', PHONE, '/order.html', on.as('customer'), { locale: 'en-US' });
  await page.locator('.dish:enabled').first().click();
  await addDish(page);
  await page.locator('.tray-bar').click();
  await page.locator('#checkout').click();
  await page.locator('.pick', { hasText: 'I fetch it' }).click();
  assert.match(await page.locator('.promise b').innerText(), /^(tomorrow )?\d{1,2}:\d\d( [AP]M)? – (tomorrow )?[1-9]\d?:\d\d [AP]M$/);
}));
