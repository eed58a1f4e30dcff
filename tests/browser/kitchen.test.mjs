// A kitchen says no, needs longer, pauses, runs out: its guests see it on the pages they have open.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, TABLET, addDish } from './browser.mjs';
import { accept, lineOf, order } from './client.mjs';
import { stage } from './stage.mjs';

const on = stage();
// Shorter than the page's own asking: what shows within it was told.
const AT_ONCE = { timeout: 8_000 };


test('a part that is refused costs its guest nothing, and minutes that are added move the promise', { timeout: 90_000 }, on.witnessed(async () => {
  const [no, yes] = on.kitchens;
  const guest = await on.call(on.as('customer'));
  const placed = await order(guest, on.court, [await lineOf(guest, no), await lineOf(guest, yes)]);
  const refusing = await on.open('refusing kitchen', TABLET, '/kitchen.html', on.crew(no));
  const cooking = await on.open('cooking kitchen', TABLET, '/kitchen.html', on.crew(yes));
  const customer = await on.open('customer', DESK, `/track.html?order=${placed.order_id}`, on.as('customer'));

  await refusing.locator('[data-act=rejection]').click();
  await refusing.locator('[data-choice=sold_out]').click();
  await refusing.locator('.ticket').waitFor({ state: 'detached' });
  const refused = customer.locator(`[data-kitchen="${no.name}"][data-stage=rejected]`);
  await refused.getByText('The kitchen sold out. You do not pay for this part.').waitFor();

  // The answer to accepting comes after everything that follows from it.
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  await cooking.route('**/acceptance', async (route) => {
    const answer = await route.fetch();
    await held;
    await route.fulfill({ response: answer });
  });
  await cooking.locator('[data-act=acceptance]').click();
  await cooking.locator('[data-choice="8"]').click();
  await cooking.locator('[data-column=in_kitchen] .ticket').waitFor();
  release();
  await cooking.locator('[data-column=in_kitchen] [data-act=delay]:enabled').waitFor();

  await customer.locator('[data-fact="order.accepted"]').waitFor();
  const { totals, accepted_total } = await guest('GET', `/v1/orders/${placed.order_id}`);
  assert.ok(accepted_total.amount < totals.total.amount, 'the refused part is off the bill');
  const euros = (amount) => (amount / 100).toFixed(2);
  assert.match(await customer.locator('#story footer').innerText(), new RegExp(`${euros(accepted_total.amount)}.*instead of.*${euros(totals.total.amount)}`, 's'));

  const expected = () => customer.locator('.arrival').getAttribute('data-expected');
  const before = await expected();
  await cooking.locator('[data-act=delay]').click();
  await customer.locator('[data-fact="order.delayed"]').waitFor();
  assert.notEqual(await expected(), before, 'the expected time moved');
  await cooking.locator('.clock', { hasText: /1[0-3]:\d\d left/ }).waitFor();
  await cooking.locator('[data-act=ready]').click();
  await cooking.locator('[data-act=collected]').click();
  await customer.locator('.story-head[data-status=completed]').waitFor();
}));

test('minutes added while another kitchen has not answered are on the card and in the promise', { timeout: 90_000 }, on.witnessed(async () => {
  const [early, late] = on.kitchens;
  const guest = await on.call(on.as('customer'));
  const placed = await order(guest, on.court, [await lineOf(guest, early), await lineOf(guest, late)]);
  const cook = await on.open('kitchen', TABLET, '/kitchen.html', on.crew(early));
  const customer = await on.open('customer', DESK, `/track.html?order=${placed.order_id}`, on.as('customer'));
  await cook.locator('[data-act=acceptance]').click();
  // The usual minutes have the focus: Enter takes them.
  assert.equal(await cook.evaluate(() => document.activeElement.dataset.choice), String(early.prep_min));
  await cook.keyboard.press('Enter');
  const card = cook.locator('[data-column=accepted] .ticket');
  await card.click();
  await cook.keyboard.press('d');
  await card.locator('[data-delay="5"]').waitFor();
  await card.locator('[data-act=delay]:enabled').click();
  await card.locator('[data-delay="10"]').waitFor();
  await customer.locator('[data-fact="order.part_delayed"]').nth(1).waitFor();
  await accept(await on.call(on.crew(late)), late, placed.parts[1].ticket_id, 5);
  await customer.locator('.arrival:not([data-told])').waitFor();
  const { ready_at, timeline } = await guest('GET', `/v1/orders/${placed.order_id}`);
  assert.equal(Math.round((Date.parse(ready_at) - Date.parse(timeline.accepted_at)) / 60_000), early.prep_min + 10);

  // A delay after the promise is no promise kept.
  await cook.locator('[data-column=in_kitchen] [data-act=delay]:enabled').click();
  await customer.getByText('Later than promised: a kitchen needs longer.').waitFor();
  await customer.locator('.arrival-promised').waitFor();
  assert.doesNotMatch(await customer.locator('.arrival').innerText(), /as promised/i);
  await on.callOff(placed);
}));

test('whoever works in several kitchens sees and hears of all of them', { timeout: 60_000 }, on.witnessed(async () => {
  const staff = on.demo.accounts.find((one) => one.role === 'vendor_staff' && one.kitchens.length > 1);
  const cook = await on.open('kitchen', TABLET, '/kitchen.html', staff);
  const choice = cook.getByRole('combobox', { name: 'Kitchen' });
  const shown = await choice.inputValue();
  const other = on.kitchens.find((kitchen) => kitchen.kitchen_id !== shown && staff.kitchens.includes(kitchen.kitchen_id));
  const guest = await on.call(on.as('customer'));
  const placed = await order(guest, on.court, [await lineOf(guest, other)]);
  await cook.locator(`option[value="${other.kitchen_id}"]`, { hasText: '(1 open, 1 new)' }).waitFor({ state: 'attached' });
  assert.match(await cook.title(), /^\(1\) /);
  assert.match(await cook.locator('#spoken').innerText(), new RegExp(`New ticket \\d+ at ${other.name}`));
  await choice.selectOption(other.kitchen_id);
  await cook.locator('[data-act=acceptance]').waitFor();
  await on.callOff(placed);
}));

test('guests see a pause and its end at once, also one that ends by itself', { timeout: 60_000 }, on.witnessed(async () => {
  const [kitchen] = on.kitchens;
  const cook = await on.open('kitchen', TABLET, '/kitchen.html', on.crew(kitchen));
  const customer = await on.open('customer', DESK, '/order.html', on.as('customer'));
  const stall = customer.locator(`[data-kitchen="${kitchen.name}"]`);
  await stall.locator('.dish:enabled').first().waitFor();

  await cook.locator('#pause').click();
  await cook.locator('[data-choice="10"]').click();
  await cook.getByRole('button', { name: /Paused until .*: go on/ }).waitFor();
  await stall.getByText(/Paused until/).waitFor(AT_ONCE);
  assert.equal(await stall.locator('.dish:enabled').count(), 0, 'nothing can be ordered from it');
  await cook.locator('#pause').click();
  await cook.getByRole('button', { name: 'Pause', exact: true }).waitFor();
  await stall.locator('.dish:enabled').first().waitFor(AT_ONCE);

  const { business_now } = await (await fetch(`${on.url}/v1/demo`)).json();
  await (await on.call(on.crew(kitchen)))('PUT', `/v1/kitchens/${kitchen.kitchen_id}/pause`, { until: new Date(Date.parse(business_now) + 3_000).toISOString() });
  await stall.getByText(/Paused until/).waitFor(AT_ONCE);
  await stall.locator('.dish:enabled').first().waitFor(AT_ONCE);
  await cook.getByRole('button', { name: 'Pause', exact: true }).waitFor();
}));

test('a dish that is 86 shows on the card, in the basket and at the checkout of whoever has it open', { timeout: 60_000 }, on.witnessed(async () => {
  const [kitchen] = on.kitchens;
  const cook = await on.open('kitchen', TABLET, '/kitchen.html', on.crew(kitchen));
  const customer = await on.open('customer', DESK, '/order.html', on.as('customer'));
  const dish = customer.locator(`[data-kitchen="${kitchen.name}"] .dish`).first();
  const name = await dish.getAttribute('data-item');
  await dish.click();
  await addDish(customer);
  const turn = async (on) => {
    const box = cook.getByRole('switch', { name: `${name} is on the menu`, exact: true });
    await box.setChecked(on, { force: true });
  };
  await cook.locator('#menu').click();
  await turn(false);
  await dish.getByText('Sold out').waitFor(AT_ONCE);
  await customer.locator('.tray-line').getByText('Sold out').waitFor(AT_ONCE);
  assert.ok(await dish.isDisabled());
  await turn(true);
  await customer.locator('.tray-line').getByText('Sold out').waitFor({ state: 'detached', ...AT_ONCE });
  assert.ok(await dish.isEnabled());

  await customer.locator('#checkout').click();
  await customer.locator('.pick', { hasText: 'I fetch it' }).click();
  await customer.locator('#place:enabled').waitFor();
  await turn(false);
  await customer.locator('.checkout-side .problem', { hasText: 'Sold out by now' }).waitFor(AT_ONCE);
  assert.ok(await customer.locator('#place').isDisabled(), 'what is sold out cannot be paid');
  await turn(true);
  await customer.locator('#place:enabled').waitFor(AT_ONCE);
}));

test('a ticket nobody answers is counted as a no', { timeout: 60_000 }, on.witnessed(async () => {
  const [kitchen] = on.kitchens;
  const guest = await on.call(on.as('customer'));
  const placed = await order(guest, on.court, [await lineOf(guest, kitchen)]);
  const cook = await on.open('kitchen', TABLET, '/kitchen.html', on.crew(kitchen));
  const customer = await on.open('customer', DESK, `/track.html?order=${placed.order_id}`, on.as('customer'));
  await cook.locator('[data-column=waiting] .ticket').waitFor();
  await on.hurry(60);
  await customer.locator('.story-head[data-status=rejected]').waitFor();
  await on.hurry(1);
  await customer.getByText(/did not answer in time/).first().waitFor();
  await cook.locator('.ticket').waitFor({ state: 'detached' });
}));

test('who looks after several kitchens sees where else an answer is awaited', { timeout: 60_000 }, on.witnessed(async () => {
  const [here, there] = on.kitchens;
  const guest = await on.call(on.as('customer'));
  const page = await on.open('all kitchens', TABLET, '/kitchen.html', on.as('staff@demo'));
  await page.getByLabel('Kitchen', { exact: true }).selectOption(here.kitchen_id);
  const placed = await order(guest, on.court, [await lineOf(guest, here), await lineOf(guest, there)]);
  await page.locator(`[data-ticket="${placed.parts[0].ticket_id}"]`).waitFor();
  assert.equal(await page.locator(`[data-elsewhere="${here.name}"]`).count(), 0, 'what is open is on the board');
  // Nothing is chosen yet: the first key shows which ticket is meant.
  await page.keyboard.press('a');
  await page.locator('.ticket-chosen').waitFor();
  assert.equal(await page.locator('#sheet[open]').count(), 0);
  await page.keyboard.press('a');
  await page.locator('#sheet[open]').waitFor();
  await page.keyboard.press('Escape');
  await page.locator(`[data-elsewhere="${there.name}"]`).getByText('1 new').click();
  await page.locator(`[data-ticket="${placed.parts[1].ticket_id}"]`).waitFor();
  await page.locator(`[data-elsewhere="${here.name}"]`).waitFor();
  await on.callOff(placed);
}));
