// What every test stands on: a server with the demo's court and people, and a browser; once for each file.

import { after, before } from 'node:test';
import { openBrowser } from './browser.mjs';
import { nearlyCooked, signIn } from './client.mjs';
import { startServer } from './server.mjs';

/**
 * Sets the stage of a file, with `env` laid over the server's environment. Filled in before the first test: `url`,
 * `browser`, `demo`, `court`, `kitchens` (open ones that have a crew of their own).
 */
export function stage(env = {}) {
  // Each signs in once: sign-ins are slow on purpose, and counted.
  const callers = new Map();
  const on = {
    /** A demo person by role, or by e-mail. */
    as: (who) => on.demo.accounts.find((one) => one.role === who || one.email === who),
    /** Who works in this kitchen alone. */
    crew: (kitchen) => on.demo.accounts.find((one) => one.role === 'vendor_staff' && one.kitchens.length === 1 && one.kitchens[0] === kitchen.kitchen_id),
    /** Somebody without a browser: calls the API. */
    call: (account) => {
      if (!callers.has(account.email)) callers.set(account.email, signIn(on.url, account));
      return callers.get(account.email);
    },
    /** A test's body, told about when it fails. */
    witnessed: (what) => () => on.browser.witnessed(what)(),
    /** Opens a page as a demo person and waits until it is live. */
    open: async (name, size, path, account, ...options) => {
      const page = await on.browser.person(name, size, ...options);
      await page.goto(`${on.url}${path}#demo=${encodeURIComponent(account.email)}`);
      await page.locator('#health [data-state=live]').waitFor();
      return page;
    },
    /** The court calls an order off, so that it troubles no later test. */
    callOff: async ({ order_id }) => (await on.call(on.as('admin')))('POST', `/v1/orders/${order_id}/cancellation`, {}),
    /** Business time runs `speed` times as fast as the wall; pages opened after that know it. */
    hurry: async (speed) => (await on.call(on.as('admin')))('PUT', '/v1/demo/clock', { speed }),
    /** Lets business time run ahead until a rider is about to be asked for an order that cooks. */
    nearlyCooked: async ({ order_id }, speed = 1) => nearlyCooked(on.url, await on.call(on.as('admin')), order_id, speed),
  };
  let server;
  before(async () => {
    server = await startServer(env);
    on.url = server.url;
    on.browser = await openBrowser();
    const get = (path) => fetch(on.url + path).then((answer) => answer.json());
    on.demo = await get('/v1/demo');
    on.court = (await get('/v1/courts')).items[0];
    on.kitchens = (await get(`/v1/kitchens?court_id=${on.court.court_id}`)).items.filter((one) => one.open_now && on.crew(one));
  }, { timeout: 240_000 });
  after(async () => {
    await on.browser?.close();
    await server?.stop();
  });
  return on;
}
