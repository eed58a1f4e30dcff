// A real Chromium with one window per person. Every error on a console, every refused script or style, every page
// that throws is collected: a test that ends with any of them fails.

import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';

const PICTURES = path.resolve(import.meta.dirname, '../../docs/pictures');
export const DESK = { width: 1280, height: 860 };
export const PHONE = { width: 390, height: 844 };
export const TABLET = { width: 1180, height: 820 };

const executable = [process.env.PAGES_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => file && existsSync(file));

/** Starts the browser; `person(name, size, options)` opens a window (`mayFail` for those whose network is meant to break), `troubles` is what went wrong so far. */
export async function openBrowser() {
  const browser = await chromium.launch({ executablePath: executable, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
  const troubles = [];
  const pages = new Map();
  const person = async (name, size, options = {}, { mayFail = false } = {}) => {
    const context = await browser.newContext({ viewport: size, locale: 'en-IE', timezoneId: 'Europe/Berlin', deviceScaleFactor: 1, ...options });
    const page = await context.newPage();
    pages.set(name, page);
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => troubles.push(`${name}: ${error.stack ?? error.message}`));
    page.on('console', (message) => {
      if (mayFail && !/Content.Security.Policy/i.test(message.text())) return;
      if (message.type() === 'error' || /Content.Security.Policy/i.test(message.text())) troubles.push(`${name}: ${message.text()} (${message.location().url})`);
    });
    page.on('requestfailed', (request) => {
      const why = request.failure()?.errorText;
      if (!mayFail && why !== 'net::ERR_ABORTED') troubles.push(`${name}: ${request.url()} ${why}`);
    });
    return page;
  };
  // What everybody saw when a test failed, into the folder PAGES_FAILURES.
  const witness = async () => {
    if (process.env.PAGES_FAILURES) for (const [name, page] of pages) await page.screenshot({ path: path.join(process.env.PAGES_FAILURES, `${name}.png`) });
  };
  return { person, troubles, witness, close: () => browser.close() };
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
