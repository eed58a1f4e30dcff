// Street names on the map, written along their streets where there is room, each once in view.

const FROM_ZOOM = 15.5;
const NAMES_MAX = 26;
// A letter at the size of the sheet, pixels; a name must fit on its stretch.
const LETTER_PX = 6.4;
const APART_PX = 60;

/** Writes names of GeoJSON lines onto a Leaflet map, anew after each move. */
export function writeNames(L, map, lines) {
  const layer = L.layerGroup().addTo(map);
  const write = () => {
    layer.clearLayers();
    if (map.getZoom() < FROM_ZOOM) return;
    const written = new Map();
    const size = map.getSize();
    for (const { geometry, properties } of lines) {
      if (written.size >= NAMES_MAX) break;
      if (written.has(properties.name)) continue;
      const spot = place(map, geometry.coordinates, properties.name, size);
      if (!spot || [...written.values()].some((other) => other.distanceTo(spot.at) < APART_PX)) continue;
      written.set(properties.name, spot.at);
      const words = document.createElement('span');
      words.textContent = properties.name;
      words.style.setProperty('--turn', `${spot.turn}deg`);
      L.marker(map.containerPointToLatLng(spot.at), { icon: L.divIcon({ html: words, className: 'street-name', iconSize: [0, 0] }), interactive: false, keyboard: false, zIndexOffset: -1_000 }).addTo(layer);
    }
  };
  map.on('moveend zoomend resize', write);
  write();
}

// The middle of the longest visible straight stretch, and its slope, so that the name reads from left to right.
function place(map, coordinates, name, size) {
  let best = null;
  for (let at = 1; at < coordinates.length; at += 1) {
    const [a, b] = [coordinates[at - 1], coordinates[at]].map(([lon, lat]) => map.latLngToContainerPoint([lat, lon]));
    const middle = a.add(b).divideBy(2);
    const length = a.distanceTo(b);
    const inside = middle.x > 30 && middle.y > 30 && middle.x < size.x - 30 && middle.y < size.y - 30;
    if (inside && length > name.length * LETTER_PX + 8 && (!best || length > best.length)) {
      const turn = (Math.atan2(b.y - a.y, b.x - a.x) * 180) / Math.PI;
      best = { at: middle, length, turn: Math.round(turn > 90 ? turn - 180 : turn < -90 ? turn + 180 : turn) };
    }
  }
  return best;
}
