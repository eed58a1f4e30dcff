// Why a delivery went the way it did: a list of deliveries, and for the chosen one its story, what was weighed, and where
// everybody was, on the map.

import { byId, draw } from '../lib/dom.js';
import { toastProblem } from '../lib/toast.js';
import { lettersOf, panel } from './reasons.js';
import { Scene } from './scene.js';

const LISTED_MAX = 12;
const PAGE = 100;
const open = ['placed', 'accepted', 'in_preparation', 'ready_for_pickup', 'picked_up'];

/** The panel `#why`; `map` answers the map once it is open. */
export class Why {
  #api; #map; #scene = null; #deliveries = []; #chosen = null; #items = []; #picked = null; #names = new Map(); #doors = new Set(); #asked = 0; #shown = '';

  constructor(api, map) {
    [this.#api, this.#map] = [api, map];
  }

  /** The newest orders: their deliveries can be chosen, in the list and by their doors on the map. */
  async look(orders) {
    this.#deliveries = orders.filter((order) => order.delivery_id).slice(0, LISTED_MAX);
    this.#pin();
    if (this.#chosen) await this.#read().catch(() => undefined);
    this.#show();
  }

  /** Shows why the delivery went as it did. */
  async choose(deliveryId) {
    [this.#chosen, this.#items, this.#picked, this.#shown] = [deliveryId, [], null, ''];
    try {
      await this.#read();
    } catch (problem) {
      this.#chosen = null;
      toastProblem(problem);
    }
    this.#show();
    byId('why-title')?.focus();
    byId('map').scrollIntoView({ block: 'nearest' });
  }

  async #read() {
    const [mine, items] = [++this.#asked, []];
    for (let cursor = ''; cursor !== null; ) {
      const page = await this.#api.get(`/v1/admin/deliveries/${this.#chosen}/decisions?limit=${PAGE}${cursor && `&cursor=${cursor}`}`);
      items.push(...page.items);
      cursor = page.next_cursor;
    }
    // Something newer was asked for meanwhile.
    if (mine !== this.#asked) return;
    this.#items = items;
    await Promise.all([...lettersOf(items).keys()].filter((id) => !this.#names.has(id)).map((id) => this.#ask(id)));
  }
  // Riders by name, each asked for once: their shift may be over.
  async #ask(riderId) {
    this.#names.set(riderId, '');
    const account = await this.#api.get(`/v1/admin/accounts/${riderId}`).catch(() => null);
    this.#names.set(riderId, account?.display_name ?? '');
  }

  #show() {
    const decisions = this.#items.filter((item) => item.decision);
    const picked = decisions.find((item) => item.at === this.#picked) ?? decisions.at(-1) ?? null;
    draw(byId('why'), panel({ deliveries: this.#deliveries, chosen: this.#chosen, items: this.#items, picked, names: this.#names }, this.#act));
    const map = this.#map();
    if (!map) return;
    this.#scene ??= new Scene(map);
    // The view is moved only when something else is to be seen.
    const shown = picked ? `${this.#chosen} ${picked.at}` : '';
    if (shown !== this.#shown) this.#scene.show(picked?.decision ?? null, this.#items);
    this.#shown = shown;
  }

  #pin() {
    const map = this.#map();
    if (!map) return;
    const here = new Set();
    for (const order of this.#deliveries.filter((one) => one.dropoff && open.includes(one.status))) {
      const id = `door-${order.delivery_id}`;
      here.add(id);
      const marker = map.pin(id, 'door', order.dropoff, 'A delivery: tap to see why');
      if (!this.#doors.has(id)) marker.on('click', () => this.choose(order.delivery_id));
    }
    for (const id of this.#doors) if (!here.has(id)) map.remove(id);
    this.#doors = here;
  }

  #act = {
    choose: (deliveryId) => this.choose(deliveryId),
    pick: (item) => {
      this.#picked = item.at;
      this.#show();
    },
    close: () => {
      [this.#chosen, this.#items, this.#picked] = [null, [], null];
      this.#show();
    },
  };
}
