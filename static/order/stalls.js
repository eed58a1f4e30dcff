// The stalls of a court as they change: what sells out or pauses is told by each kitchen's public topic, what only the
// clock tells (opening hours) or only the kitchen knows (hands full) is asked for now and then.

import { evolveKitchen } from '../lib/kitchen.js';

const ASK_EVERY_MS = 30_000;
// After a fact that does not say all of it; spread, so that not all guests ask at once.
const ASK_WITHIN_MS = 1_500;
// A socket follows 64 topics at most.
const FOLLOWED_MAX = 48;

/** Keeps `state.kitchens` and `state.menus` of `state.court` as they are; calls `onChange` after each change. */
export class Stalls {
  #api; #live; #state; #onChange; #stops = []; #asked = 0;

  constructor(api, live, state, onChange) {
    [this.#api, this.#live, this.#state, this.#onChange] = [api, live, state, onChange];
    setInterval(() => this.#ask(), ASK_EVERY_MS);
    document.addEventListener('visibilitychange', () => this.#follow());
  }

  /** Reads the court's kitchens and their cards, then follows them. */
  async open() {
    const { court } = this.#state;
    await this.#readKitchens();
    await Promise.all(this.#state.kitchens.map(({ kitchen_id }) => this.#readMenu(kitchen_id)));
    if (court === this.#state.court) this.#follow();
  }

  // Only while somebody looks: every fact goes to every guest.
  #follow() {
    this.#stops.splice(0).forEach((stop) => stop());
    if (document.visibilityState !== 'visible') return;
    this.#stops = this.#state.kitchens.slice(0, FOLLOWED_MAX).map(({ kitchen_id }) => this.#live.watch(`kitchen:${kitchen_id}`, {
      onSnapshot: (data) => data?.kitchen && this.#put(kitchen_id, () => ({ kitchen: data.kitchen, menu: data.menu.items })),
      onFact: (fact) => this.#take(kitchen_id, fact),
    }));
  }
  #take(id, fact) {
    if (fact.type === 'redacted') return;
    this.#put(id, (stall) => evolveKitchen(stall, fact));
    const again = fact.type === 'kitchen.menu_published' ? () => this.#readMenu(id) : fact.type === 'kitchen.resumed' ? () => this.#readKitchens() : null;
    if (again) setTimeout(() => again().catch(() => undefined), Math.random() * ASK_WITHIN_MS);
  }
  #put(id, change) {
    const kitchen = this.#state.kitchens.find((one) => one.kitchen_id === id);
    if (!kitchen) return;
    const next = change({ kitchen, menu: this.#state.menus.get(id) ?? [] });
    this.#state.kitchens = this.#state.kitchens.map((one) => (one === kitchen ? next.kitchen : one));
    this.#state.menus.set(id, next.menu);
    this.#onChange();
  }

  #ask() {
    const { court, kitchens } = this.#state;
    if (!court || document.visibilityState !== 'visible') return;
    const cards = this.#live.state === 'live' ? [] : kitchens;
    Promise.all([this.#readKitchens(), ...cards.map(({ kitchen_id }) => this.#readMenu(kitchen_id))]).catch(() => undefined);
  }
  async #readKitchens() {
    const { court } = this.#state;
    const mine = ++this.#asked;
    const { items } = await this.#api.get(`/v1/kitchens?court_id=${court.court_id}`);
    if (mine !== this.#asked || court !== this.#state.court) return;
    this.#state.kitchens = items;
    this.#onChange();
  }
  async #readMenu(id) {
    const { items } = await this.#api.get(`/v1/kitchens/${id}/menu`);
    this.#state.menus.set(id, items);
    this.#onChange();
  }
}
