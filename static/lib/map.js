// The map: Leaflet (vendored) over the district's own streets, water and parks drawn as vectors, so it works without
// internet. A tile address may be named in the page: <meta name="foodcourt:tiles" content="https://…/{z}/{x}/{y}.png">
// with their makers' names beside it.

import { writeNames } from './names.js';

const SVG = 'http://www.w3.org/2000/svg';
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const dark = matchMedia('(prefers-color-scheme: dark)');
let district = null;

/** The demo district as GeoJSON, fetched once; an empty collection where there is none. */
export function loadDistrict() {
  district ??= fetch('/v1/district')
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
    .catch(() => ({ type: 'FeatureCollection', features: [] }));
  return district;
}

const isLine = (feature) => feature.geometry?.type?.endsWith('LineString');

// What a feature is drawn as: `water`, `park`, `block`, `main`, `street`, `path`.
function roleOf({ geometry, properties }) {
  const kind = String(properties?.kind ?? properties?.highway ?? '').toLowerCase();
  if (/water|canal|river/.test(kind)) return 'water';
  if (/park|green|wood|garden/.test(kind)) return 'park';
  if (!isLine({ geometry })) return 'block';
  if (properties?.main || /main|primary|major/.test(kind)) return 'main';
  return /path|foot|cycle/.test(kind) ? 'path' : 'street';
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Streets keep about their width on the ground, within what can be seen and what still leaves room.
function styleOf(role, layer, zoom) {
  const width = Math.max(0.9, Math.min(2.6, 2 ** (zoom - 15.4))) * ({ main: 8, street: 5, path: 2, water: 12 }[role] ?? 1);
  if (layer === 'area') return { stroke: role === 'block', weight: 1, color: colour('--map-casing'), fill: true, fillOpacity: 1, fillColor: colour(`--map-${role}`) };
  if (layer === 'casing') return { color: colour('--map-casing'), weight: width + 2, opacity: 1 };
  return { color: colour(role === 'water' ? '--map-water' : role === 'path' ? '--map-casing' : '--map-street'), weight: width, opacity: 1 };
}

/** A map in `element`, looking at `centre`. */
export async function openMap(element, centre, { zoom = 15, onClick, label = 'Map' } = {}) {
  const L = globalThis.L;
  element.setAttribute('aria-label', label);
  const map = L.map(element, { renderer: L.canvas({ padding: 0.5 }), zoomControl: false, attributionControl: false, zoomSnap: 0.5, minZoom: 11, maxZoom: 19, fadeAnimation: !calm.matches, zoomAnimation: !calm.matches })
    .setView([centre.lat, centre.lon], zoom);
  L.control.zoom({ position: 'bottomright' }).addTo(map);
  const tiles = document.querySelector('meta[name="foodcourt:tiles"]')?.content;
  if (tiles) {
    L.tileLayer(tiles, { maxZoom: 19 }).addTo(map);
    element.append(credit());
  }
  if (onClick) map.on('click', (event) => onClick({ lat: event.latlng.lat, lon: event.latlng.lng }));
  const gone = new AbortController();
  const resized = new ResizeObserver(() => map.invalidateSize());
  resized.observe(element);
  map.on('unload', () => {
    resized.disconnect();
    gone.abort();
  });

  const features = tiles ? [] : (await loadDistrict()).features ?? [];
  const layers = [];
  const put = (layer, wanted) => {
    const drawn = L.geoJSON(features.filter((feature) => feature.geometry?.type !== 'Point' && wanted(roleOf(feature), isLine(feature))), { interactive: false, style: (feature) => styleOf(roleOf(feature), layer, map.getZoom()) });
    layers.push([drawn.addTo(map), layer]);
  };
  for (const area of ['block', 'park', 'water']) put('area', (role, line) => !line && role === area);
  put('line', (role, line) => line && role === 'water');
  put('casing', (role, line) => line && role !== 'water');
  for (const wanted of ['path', 'street', 'main']) put('line', (role, line) => line && role === wanted);
  const restyle = () => layers.forEach(([drawn, layer]) => drawn.setStyle((feature) => styleOf(roleOf(feature), layer, map.getZoom())));
  map.on('zoomend', restyle);
  dark.addEventListener('change', restyle, { signal: gone.signal });
  writeNames(L, map, features.filter((feature) => isLine(feature) && feature.properties?.name));
  const court = new CourtMap(L, map);
  // Where nothing is drawn, only distances tell a place.
  court.bare = !tiles && features.length === 0;
  if (court.bare) L.control.scale({ imperial: false, position: 'bottomleft' }).addTo(map);
  return court;
}

// Who drew the tiles, as their makers want to be named: plain words, and a link where an address stands among them.
function credit() {
  const words = document.querySelector('meta[name="foodcourt:tiles-attribution"]')?.content ?? '';
  const address = /https?:\/\/\S+/.exec(words)?.[0];
  const text = words.replace(address ?? '', '').trim();
  const node = document.createElement(address ? 'a' : 'span');
  node.className = 'map-credit';
  node.textContent = text || address || '';
  if (address) Object.assign(node, { href: address, target: '_blank', rel: 'noopener' });
  // A tap on it is none on the map.
  globalThis.L.DomEvent.disableClickPropagation(node);
  return node;
}

function symbol(kind) {
  const pin = document.createElement('div');
  pin.className = `pin pin-${kind}`;
  const svg = document.createElementNS(SVG, 'svg');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `/icons.svg#${{ court: 'awning', door: 'door', rider: 'bike', me: 'bike', crosshair: 'door' }[kind] ?? 'dot'}`);
  svg.append(use);
  pin.append(svg);
  return pin;
}

class CourtMap {
  #L; #pins = new Map(); #paths = new Map(); #frames = new Map();

  constructor(L, map) {
    this.#L = L;
    this.map = map;
  }

  /** Puts or moves a pin; a rider glides there within `glideMs`, and a newer place takes over at once. */
  pin(id, kind, at, label, glideMs = 0) {
    const spot = [at.lat, at.lon];
    let marker = this.#pins.get(id);
    if (!marker) {
      const anchor = kind === 'door' ? [18, 42] : [20, 20];
      const shape = this.#L.divIcon({ html: symbol(kind), className: 'pin-spot', iconSize: kind === 'door' ? [36, 42] : [40, 40], iconAnchor: anchor });
      marker = this.#L.marker(spot, { icon: shape, keyboard: false, interactive: Boolean(label), title: label ?? '', alt: label ?? kind, zIndexOffset: kind === 'rider' || kind === 'me' ? 500 : 0 }).addTo(this.map);
      this.#pins.set(id, marker);
      this.#note(id, marker, at);
      return marker;
    }
    cancelAnimationFrame(this.#frames.get(id));
    if (!glideMs || calm.matches) marker.setLatLng(spot);
    else this.#glide(id, marker, at, glideMs);
    this.#note(id, marker, at);
    return marker;
  }
  // The place that was last told, for tests and for assistive tools.
  #note(id, marker, at) {
    const node = marker.getElement();
    if (!node) return;
    node.dataset.pin = id;
    node.dataset.at = `${at.lat.toFixed(6)},${at.lon.toFixed(6)}`;
  }
  #glide(id, marker, to, ms) {
    const from = marker.getLatLng();
    const start = performance.now();
    const step = (at) => {
      const part = Math.min(1, (at - start) / ms);
      marker.setLatLng([from.lat + (to.lat - from.lat) * part, from.lng + (to.lon - from.lng) * part]);
      if (part < 1) this.#frames.set(id, requestAnimationFrame(step));
    };
    this.#frames.set(id, requestAnimationFrame(step));
  }
  remove(id) {
    cancelAnimationFrame(this.#frames.get(id));
    this.#pins.get(id)?.remove();
    this.#pins.delete(id);
    this.#paths.get(id)?.remove();
    this.#paths.delete(id);
  }
  /** A line over `places`, or none. */
  route(id, places) {
    this.#paths.get(id)?.remove();
    this.#paths.delete(id);
    if (!places?.length) return;
    const colour = getComputedStyle(document.documentElement).getPropertyValue('--tomato').trim();
    this.#paths.set(id, this.#L.polyline(places.map((at) => [at.lat, at.lon]), { color: colour, weight: 5, opacity: 0.85, dashArray: '1 9', lineCap: 'round', interactive: false }).addTo(this.map));
  }
  /** A circle of `metres` around a place. */
  circle(id, at, metres) {
    this.#paths.get(id)?.remove();
    const colour = getComputedStyle(document.documentElement).getPropertyValue('--basil').trim();
    this.#paths.set(id, this.#L.circle([at.lat, at.lon], { radius: metres, color: colour, weight: 2, dashArray: '4 6', fill: false, interactive: false }).addTo(this.map));
  }
  /** Rings of distance around a place out to `metres`, each named; returns how far they are apart, in words. */
  rings(at, metres) {
    const step = [100, 250, 500, 1_000, 2_000, 5_000, 10_000].find((one) => metres / one <= 5) ?? 20_000;
    const said = (far) => (far < 1_000 ? `${far} m` : `${far / 1_000} km`);
    const soft = getComputedStyle(document.documentElement).getPropertyValue('--soft').trim();
    for (let far = step; far <= metres; far += step) {
      this.#L.circle([at.lat, at.lon], { radius: far, color: soft, weight: 1, fill: false, interactive: false }).addTo(this.map);
      const words = document.createElement('span');
      words.textContent = said(far);
      const north = [at.lat + (far / 6_371_008.8) * (180 / Math.PI), at.lon];
      this.#L.marker(north, { icon: this.#L.divIcon({ html: words, className: 'ring-name', iconSize: [0, 0] }), interactive: false, keyboard: false }).addTo(this.map);
    }
    return said(step);
  }
  fit(places, maxZoom = 17) {
    const known = places.filter(Boolean);
    if (known.length === 1) this.map.setView([known[0].lat, known[0].lon], Math.min(maxZoom, 16));
    else if (known.length) this.map.fitBounds(known.map((at) => [at.lat, at.lon]), { padding: [56, 56], maxZoom, animate: !calm.matches });
  }
  /** Moves the view only when `at` has come near its edge. */
  keepInView(at) {
    if (!this.map.getBounds().pad(-0.12).contains([at.lat, at.lon])) this.map.panTo([at.lat, at.lon], { animate: !calm.matches });
  }
  centre() {
    const { lat, lng } = this.map.getCenter();
    return { lat, lon: lng };
  }
}

/** Metres between two places (haversine on the IUGG mean radius, as the server counts). */
export function distanceM(a, b) {
  const rad = Math.PI / 180;
  const [x, y] = [Math.sin(((b.lat - a.lat) * rad) / 2), Math.sin(((b.lon - a.lon) * rad) / 2)];
  return 2 * 6_371_008.8 * Math.asin(Math.sqrt(x * x + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * y * y));
}
