// A real Chromium with one window per person. Every error on a console, every refused script or style, every page
// that throws is collected: a test that ends with any of them fails.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';

const PICTURES = path.resolve(import.meta.dirname, '../../docs/pictures');
// Of each page in a failure's message.
const WORDS_MAX = 1_500;
export const DESK = { width: 1280, height: 860 };
export const PHONE = { width: 390, height: 844 };
export const TABLET = { width: 1180, height: 820 };

const executable = [process.env.PAGES_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => file && existsSync(file));

/**
 * Starts the browser. `person(name, size, options)` opens a window (`mayFail` for those whose network is meant to
 * break, `refused` for addresses that are meant to say no), `witnessed(body)` wraps a test, `troubles` is what pages complained of in this test.
 */
export async function openBrowser() {
  const browser = await chromium.launch({ executablePath: executable, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
  const troubles = [];
  const pages = new Map();
  const person = async (name, size, options = {}, { mayFail = false, refused = null } = {}) => {
    const context = await browser.newContext({ viewport: size, locale: 'en-IE', timezoneId: 'Europe/Berlin', deviceScaleFactor: 1, ...options });
    const page = await context.newPage();
    pages.set(name, page);
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => troubles.push(`${name}: ${error.stack ?? error.message}`));
    page.on('console', (message) => {
      if (mayFail && !/Content.Security.Policy/i.test(message.text())) return;
      // Chromium reports each answer of 400 and more; `refused` are those a test provokes.
      if (refused?.test(message.location().url) && /status of 4\d\d/.test(message.text())) return;
      if (message.type() === 'error' || /Content.Security.Policy/i.test(message.text())) troubles.push(`${name}: ${message.text()} (${message.location().url})`);
    });
    page.on('requestfailed', (request) => {
      const why = request.failure()?.errorText;
      if (!mayFail && why !== 'net::ERR_ABORTED') troubles.push(`${name}: ${request.url()} ${why}`);
    });
    return page;
  };
  // What everybody saw when a test failed: in words, and as pictures into the folder PAGES_FAILURES.
  const witness = async () => {
    const seen = [];
    for (const [name, page] of pages) {
      if (page.isClosed()) continue;
      const words = await page.locator('body').innerText({ timeout: 2_000 }).catch((error) => `not readable: ${error.message}`);
      seen.push(`--- ${name} at ${page.url()}\n${words.replace(/\s*\n\s*/g, ' | ').slice(0, WORDS_MAX)}`);
      if (process.env.PAGES_FAILURES) await page.screenshot({ path: path.join(process.env.PAGES_FAILURES, `${name}.png`) }).catch(() => undefined);
    }
    return seen.join('\n');
  };
  // Runs a test's body; a failure tells what every page showed and complained of, and so does a page that complained.
  const witnessed = (what) => async () => {
    try {
      await what();
      assert.deepEqual(troubles, [], 'no page complained');
    } catch (error) {
      error.message += `\ntroubles: ${troubles.join('\n') || 'none'}\n${await witness()}`;
      throw error;
    } finally {
      troubles.length = 0;
      for (const page of pages.values()) await page.context().close();
      pages.clear();
    }
  };
  return { person, witnessed, troubles, close: () => browser.close() };
}

/** Puts the dish that is open into the basket, with the first option of each choice that must be made. */
export async function addDish(page) {
  await page.locator('#dish [data-add]').waitFor();
  const open = page.locator('#dish fieldset:has(input[type=radio]):not(:has(input:checked))');
  while (await open.count()) await open.first().locator('input[type=radio]:enabled').first().check({ force: true });
  await page.locator('#dish [data-add]:enabled').click();
}

/** Whether pictures for the README are wanted. */
export const takesPictures = Boolean(process.env.PAGES_PICTURES);

/** Keeps a picture for the README, when PAGES_PICTURES is set. */
export async function picture(page, name) {
  if (!takesPictures) return;
  // Maps pan for a quarter of a second.
  await page.waitForTimeout(400);
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: path.join(PICTURES, `${name}.png`), animations: 'disabled' });
}
