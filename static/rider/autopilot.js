// "Ride for me" of the demo: rides the streets at the vehicle's pace in business time, takes offers, makes each step
// when its place is reached. It does only what the buttons do.

import { distanceM } from '../lib/map.js';
import { clockSpeed, now } from '../lib/time.js';
import { advance, route } from './streets.js';

// Metres a second: a steady walk, city cycling, and motors in traffic.
const PACE_MPS = { foot: 1.4, bicycle: 5.5, scooter: 9, car: 9.5 };
const STANDING_MS = 4_000;

/** What the hand-over still needs to be shown by: `pin`, `photo`, or `null`. */
function missing(proof) {
  if (!proof || proof.waived) return null;
  if (proof.required === 'pin' && proof.pin_tries_left > 0) return 'pin';
  return proof.photo_taken ? null : 'photo';
}

// Food in the bag waits at most so long at the court for more of the same route.
const WAITS_FOR_MORE_MS = 180_000;

/** The deliveries, the one to see to first: all food of a court is fetched before its doors are ridden to. */
export function inTurn(deliveries) {
  const toFetch = (one) => ['confirmed', 'enroute_to_pickup', 'arrived_at_pickup'].includes(one.state);
  const fetch = deliveries.find(toFetch);
  const carried = deliveries.filter((one) => !toFetch(one));
  const left = carried.find((one) => one.state !== 'picked_up');
  const far = fetch && carried.length && (distanceM(fetch.pickup, carried[0].pickup) > 1 || (!fetch.ready && Date.parse(fetch.ready_at) > now() + WAITS_FOR_MORE_MS));
  const first = left ?? (far ? carried[0] : fetch) ?? carried[0];
  return first ? [first, ...deliveries.filter((one) => one !== first)] : [];
}

/** Where the autopilot must be for the delivery's next step, and which step that is. */
export function goal(delivery) {
  switch (delivery?.state) {
    case 'confirmed': return { step: 'enroute_to_pickup' };
    case 'enroute_to_pickup': return { to: delivery.pickup, step: 'arrived_at_pickup' };
    case 'arrived_at_pickup': return { step: 'picked_up', waits: !delivery.ready };
    case 'picked_up': return { step: 'enroute_to_dropoff' };
    case 'enroute_to_dropoff': return { to: delivery.dropoff, step: 'arrived_at_dropoff' };
    case 'arrived_at_dropoff': return { step: 'delivered', missing: missing(delivery.proof) };
    default: return null;
  }
}

/** Rides; call `tick` about once a second. `act.step(delivery, name)`, `act.accept(offer)` resolve when done. */
export class Autopilot {
  #streets; #act; #way = null; #target = null; #ticked = Date.now(); #sent = 0; #busy = false;

  constructor(streets, act) {
    this.#streets = streets;
    this.#act = act;
  }
  /** The way that lies ahead, for the map. */
  get way() {
    return this.#way;
  }

  /** One moment of riding. Returns the new fix, or `null` when standing and lately told. */
  tick(me, rider) {
    const passed = Math.min(3, (Date.now() - this.#ticked) / 1000);
    this.#ticked = Date.now();
    const pace = PACE_MPS[rider.vehicle] ?? PACE_MPS.bicycle;
    const delivery = rider.deliveries[0];
    const next = goal(delivery);
    if (!delivery && rider.offers.length) this.#once(() => this.#act.accept(rider.offers[0]));
    if (!next?.to) {
      this.#way = this.#target = null;
      // Nobody but the person at the door has the PIN or the picture.
      if (next && !next.waits && !next.missing) this.#once(() => this.#act.step(delivery, next.step));
      return this.#stand(me);
    }
    if (!this.#target || distanceM(this.#target, next.to) > 1) {
      this.#target = next.to;
      this.#way = route(this.#streets, me, next.to);
    }
    const { at, left, heading_deg } = advance(this.#way, pace * passed * clockSpeed());
    this.#way = left;
    if (left.length < 2) this.#once(() => this.#act.step(delivery, next.step));
    return this.#fix(at, pace, heading_deg);
  }
  #stand(me) {
    return Date.now() - this.#sent > STANDING_MS ? this.#fix(me, 0, 0) : null;
  }
  #fix({ lat, lon }, speed_mps, heading_deg) {
    this.#sent = Date.now();
    return { at: new Date(now()).toISOString(), lat, lon, accuracy_m: 5, speed_mps, heading_deg };
  }
  // One call at a time; a failed one is made again a little later.
  #once(call) {
    if (this.#busy) return;
    this.#busy = true;
    const rest = (ms) => setTimeout(() => { this.#busy = false; }, ms);
    call().then(() => rest(300), () => rest(2_000));
  }
}
