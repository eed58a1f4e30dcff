// The district's streets as a graph, and the shortest way along them (Dijkstra over a binary heap).

import { distanceM } from '../lib/map.js';

const keyOf = (at) => `${at.lat.toFixed(6)},${at.lon.toFixed(6)}`;

/** The graph of a GeoJSON collection's lines that can be ridden on. */
export function readStreets(geojson) {
  const nodes = new Map();
  const segments = [];
  const node = ([lon, lat]) => {
    const at = { lat, lon };
    const key = keyOf(at);
    if (!nodes.has(key)) nodes.set(key, { ...at, key, next: [] });
    return nodes.get(key);
  };
  for (const { geometry, properties } of geojson.features ?? []) {
    if (!geometry?.type?.endsWith('LineString') || /water|canal|river|rail/i.test(`${properties?.kind} ${properties?.class}`)) continue;
    for (const line of geometry.type === 'LineString' ? [geometry.coordinates] : geometry.coordinates) {
      for (let at = 1; at < line.length; at += 1) {
        const [a, b] = [node(line[at - 1]), node(line[at])];
        const metres = distanceM(a, b);
        a.next.push([b, metres]);
        b.next.push([a, metres]);
        segments.push([a, b]);
      }
    }
  }
  return { nodes, segments };
}

// The nearest point of a segment; over a street's length the globe is flat enough.
function nearestOn([a, b], at) {
  const wide = Math.cos((at.lat * Math.PI) / 180);
  const [dx, dy] = [(b.lon - a.lon) * wide, b.lat - a.lat];
  const along = dx || dy ? (((at.lon - a.lon) * wide * dx + (at.lat - a.lat) * dy) / (dx * dx + dy * dy)) : 0;
  const part = Math.max(0, Math.min(1, along));
  return { lat: a.lat + (b.lat - a.lat) * part, lon: a.lon + (b.lon - a.lon) * part };
}

function snap(streets, at) {
  let best = null;
  for (const segment of streets.segments) {
    const place = nearestOn(segment, at);
    const metres = distanceM(place, at);
    if (!best || metres < best.metres) best = { place, metres, segment };
  }
  return best;
}

/** The way from one place to another along the streets; a straight line where there are none. */
export function route(streets, from, to) {
  const [start, end] = [snap(streets, from), snap(streets, to)];
  if (!start || !end) return [from, to];
  if (start.segment === end.segment) return [from, start.place, end.place, to];
  const goal = new Map(end.segment.map((node) => [node.key, distanceM(node, end.place)]));
  const best = new Map();
  const heap = new Heap();
  for (const node of start.segment) heap.push({ metres: distanceM(node, start.place), node, before: null });
  while (heap.size) {
    const step = heap.pop();
    if (step.node === null) {
      const way = [];
      for (let at = step.before; at; at = at.before) way.unshift({ lat: at.node.lat, lon: at.node.lon });
      return [from, start.place, ...way, end.place, to];
    }
    if (best.has(step.node.key)) continue;
    best.set(step.node.key, step.metres);
    if (goal.has(step.node.key)) heap.push({ metres: step.metres + goal.get(step.node.key), node: null, before: step });
    for (const [node, metres] of step.node.next) if (!best.has(node.key)) heap.push({ metres: step.metres + metres, node, before: step });
  }
  return [from, to];
}

/** How long a way is, metres. */
export const lengthM = (way) => way.slice(1).reduce((sum, at, index) => sum + distanceM(way[index], at), 0);

/** Rides `metres` along a way: where one is then, what is left of it, and the heading. */
export function advance(way, metres) {
  let left = metres;
  for (let at = 1; at < way.length; at += 1) {
    const length = distanceM(way[at - 1], way[at]);
    if (length > left) {
      const part = left / length;
      const place = { lat: way[at - 1].lat + (way[at].lat - way[at - 1].lat) * part, lon: way[at - 1].lon + (way[at].lon - way[at - 1].lon) * part };
      return { at: place, left: [place, ...way.slice(at)], heading_deg: heading(way[at - 1], way[at]) };
    }
    left -= length;
  }
  const last = way.at(-1);
  return { at: last, left: [last], heading_deg: way.length > 1 ? heading(way.at(-2), last) : 0 };
}

function heading(a, b) {
  const degrees = (Math.atan2((b.lon - a.lon) * Math.cos((a.lat * Math.PI) / 180), b.lat - a.lat) * 180) / Math.PI;
  return Math.round((degrees + 360) % 360);
}

class Heap {
  #items = [];
  get size() {
    return this.#items.length;
  }
  push(item) {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent].metres <= items[at].metres) break;
      [items[parent], items[at]] = [items[at], items[parent]];
      at = parent;
    }
  }
  pop() {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (items.length) {
      items[0] = last;
      for (let at = 0; ;) {
        const [left, right] = [2 * at + 1, 2 * at + 2];
        let least = at;
        if (left < items.length && items[left].metres < items[least].metres) least = left;
        if (right < items.length && items[right].metres < items[least].metres) least = right;
        if (least === at) break;
        [items[least], items[at]] = [items[at], items[least]];
        at = least;
      }
    }
    return top;
  }
}
