// A busy evening for the README: a board full of tickets. Runs only when PAGES_PICTURES is set.

import { test } from 'node:test';
import { PHONE, TABLET, openBrowser, picture, takesPictures } from './browser.mjs';
import { lineOf, order, ready, signIn } from './client.mjs';
import { startServer } from './server.mjs';

test('a busy kitchen', { skip: !takesPictures, timeout: 240_000 }, async () => {
  const server = await startServer();
  const browser = await openBrowser();
  try {
    await busyKitchen(server, browser);
  } finally {
    await browser.close();
    await server.stop();
  }
});

async function busyKitchen(server, browser) {
  const get = (path) => fetch(server.url + path).then((answer) => answer.json());
  const demo = await get('/v1/demo');
  const court = (await get('/v1/courts')).items[0];
  const kitchens = (await get(`/v1/kitchens?court_id=${court.court_id}`)).items;
  const crew = demo.accounts.find((one) => one.role === 'vendor_staff' && one.kitchens.length === 1);
  const kitchen = kitchens.find((one) => one.kitchen_id === crew.kitchens[0]);
  const [customer, cook] = [await signIn(server.url, demo.accounts.find((one) => one.role === 'customer')), await signIn(server.url, crew)];
  const phone = await browser.person('customer on a phone', PHONE);
  await phone.goto(`${server.url}/order.html#demo=${encodeURIComponent(demo.accounts.find((one) => one.role === 'customer').email)}`);
  await phone.locator('.dish').first().waitFor();
  await picture(phone, 'order-phone');
  const steps = ['ready', 'cooking', 'accepted', 'new', 'new'];
  const notes = [null, 'No coriander, please', null, 'One without egg', null];
  const page = await browser.person('kitchen', TABLET);
  await page.goto(`${server.url}/kitchen.html#demo=${encodeURIComponent(crew.email)}`);
  for (const [at, step] of steps.entries()) {
    const lines = [await lineOf(customer, kitchen, at, notes[at])];
    if (at % 2) lines.push(await lineOf(customer, kitchen, at + 2));
    const { parts: [{ ticket_id }] } = await order(customer, court, lines);
    await page.locator(`[data-ticket="${ticket_id}"]`).waitFor();
    if (step !== 'new') await cook('POST', `/v1/tickets/${ticket_id}/acceptance`, { prep_min: 6 + at });
    if (step === 'ready') await ready(cook, kitchen, ticket_id);
    if (step === 'cooking') await page.locator(`[data-column=in_kitchen] [data-ticket="${ticket_id}"]`).waitFor();
  }
  await page.keyboard.press('ArrowDown');
  await picture(page, 'kitchen-tablet');
  await page.locator('#menu').click();
  await page.locator('[data-86] input').first().click({ force: true });
  await page.locator('[data-86] .tag-bad').first().waitFor();
  await picture(page, 'kitchen-sold-out');
  await page.keyboard.press('Escape');
}
