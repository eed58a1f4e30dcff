// The maps: drawn from the district's own streets, or with tiles from wherever they are configured to come from.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK } from './browser.mjs';
import { stage } from './stage.mjs';

const TILES = 'https://tiles.example';
const plain = stage();
const tiled = stage({ FOODCOURT_MAP__TILES_URL: `${TILES}/{z}/{x}/{y}.png`, FOODCOURT_MAP__TILES_ATTRIBUTION: '© Tile Makers https://tiles.example/thanks' });
// One grey pixel.
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOoBwAAgQCA0kMnQwAAAABJRU5ErkJggg==', 'base64');

/** Whether the map's canvas holds more than one colour. */
const isDrawn = (page) => page.waitForFunction(() => {
  const canvas = document.querySelector('#map canvas');
  if (!canvas?.width) return false;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 400) seen.add(`${data[at]},${data[at + 1]},${data[at + 2]},${data[at + 3]}`);
  return seen.size > 2;
});

test('without tiles the map is drawn here, and nothing is fetched from anywhere else', { timeout: 60_000 }, plain.witnessed(async () => {
  const page = await plain.browser.person('operator', DESK);
  const elsewhere = [];
  page.on('request', (request) => request.url().startsWith(plain.url) || elsewhere.push(request.url()));
  await page.goto(`${plain.url}/city.html#demo=${encodeURIComponent(plain.as('admin').email)}`);
  await page.locator('#health [data-state=live]').waitFor();
  await page.locator('#map .pin-court').first().waitFor();
  await isDrawn(page);
  assert.equal(await page.locator('#map img.leaflet-tile').count(), 0);
  assert.equal(await page.locator('.map-credit').count(), 0);
  assert.deepEqual(elsewhere.filter((url) => /^(https?|wss?):/.test(url) && !url.startsWith(plain.url.replace('http', 'ws'))), []);
}));

test('with tiles the map shows them, and names who drew them', { timeout: 60_000 }, tiled.witnessed(async () => {
  const page = await tiled.browser.person('operator with tiles', DESK);
  const asked = [];
  await page.route(`${TILES}/**`, (route) => {
    asked.push(new URL(route.request().url()).pathname);
    return route.fulfill({ contentType: 'image/png', body: PNG });
  });
  await page.goto(`${tiled.url}/city.html#demo=${encodeURIComponent(tiled.as('admin').email)}`);
  await page.locator('#health [data-state=live]').waitFor();
  await page.locator('#map img.leaflet-tile-loaded').first().waitFor();
  assert.ok(asked.length > 0 && asked.every((path) => /^\/\d+\/\d+\/\d+\.png$/.test(path)), asked.join());
  const credit = page.locator('#map a.map-credit');
  assert.equal(await credit.innerText(), '© Tile Makers');
  assert.equal(await credit.getAttribute('href'), 'https://tiles.example/thanks');
  assert.ok(await page.locator('#map .pin-court').first().isVisible(), 'pins stand above the tiles');
}));
