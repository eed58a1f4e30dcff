// What a decision looked like on the map: court, door, the riders who were weighed by letter, those who could not be asked.

import { candidatesOf, lettersOf, barWord } from './reasons.js';

/** Draws over the operator's map and takes away what it drew before. */
export class Scene {
  #map; #layer = null;

  constructor(map) {
    this.#map = map;
  }

  /** Shows a decision of a delivery whose story is `items`; `null`: nothing. */
  show(decision, items) {
    const L = globalThis.L;
    this.#layer?.remove();
    this.#layer = null;
    if (!decision) return;
    this.#layer = L.layerGroup().addTo(this.#map.map);
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const spot = ({ lat, lon }) => [lat, lon];
    const line = (from, to, style) => L.polyline([spot(from), spot(to)], { interactive: false, weight: 3, ...style }).addTo(this.#layer);
    const { pickup, dropoff } = decision;
    line(pickup, dropoff, { color: colour('--ink'), dashArray: '2 8', weight: 4 });
    if (decision.policy === 'nearest') L.circle(spot(pickup), { radius: decision.radius_m, color: colour('--ink'), weight: 2, dashArray: '4 8', fill: false, interactive: false }).addTo(this.#layer);
    const letters = lettersOf(items);
    const asked = decision.said.rider_id;
    for (const one of candidatesOf(decision)) {
      const chosen = one.rider_id === asked;
      line(one.position, pickup, { color: colour(chosen ? '--tomato' : '--soft'), dashArray: chosen ? null : '6 8', weight: chosen ? 5 : 3 });
      this.#letter(one.position, letters.get(one.rider_id), chosen ? 'letter letter-chosen' : 'letter', chosen ? 'meant by this decision' : 'weighed');
    }
    for (const one of decision.barred) if (one.position) this.#letter(one.position, letters.get(one.rider_id), 'letter letter-barred', barWord(one.why));
    this.#map.fit([pickup, dropoff, ...candidatesOf(decision).map((one) => one.position)]);
  }

  #letter(at, letter, className, word) {
    const L = globalThis.L;
    const node = document.createElement('span');
    node.className = className;
    node.textContent = letter;
    const shape = L.divIcon({ html: node, className: 'pin-spot', iconSize: [30, 30], iconAnchor: [15, 15] });
    const marker = L.marker([at.lat, at.lon], { icon: shape, keyboard: false, title: `Rider ${letter}: ${word}`, alt: `Rider ${letter}: ${word}`, zIndexOffset: 900 }).addTo(this.#layer);
    marker.getElement()?.setAttribute('data-letter', letter);
  }
}
