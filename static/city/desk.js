// The operator's hand on one order: its story in a dialog, read again with each of its facts.

import { byId, draw } from '../lib/dom.js';
import { readOrder } from '../lib/fold.js';
import { toastProblem } from '../lib/toast.js';
import { story } from './story.js';

/** Opens orders over `dialog`; `onFind` shows a rider on the map, `onWhy` why a delivery went as it did. */
export class Desk {
  #api; #live; #dialog = byId('order'); #onFind; #onWhy; #one = null; #stop = () => undefined; #asked = 0;

  constructor(api, live, { onFind, onWhy }) {
    [this.#api, this.#live, this.#onFind, this.#onWhy] = [api, live, onFind, onWhy];
    this.#dialog.addEventListener('close', () => {
      this.#stop();
      this.#one = null;
    });
  }

  /** Shows an order's story. */
  async open(orderId) {
    this.#stop();
    this.#one = null;
    try {
      await this.#read(orderId);
    } catch (problem) {
      return toastProblem(problem);
    }
    if (!this.#dialog.open) this.#dialog.showModal();
    const again = () => this.#read(orderId).catch(() => undefined);
    this.#stop = this.#live.watch(`order:${orderId}`, { after: this.#one.order.version, onFact: again, onSnapshot: again, onError: toastProblem });
  }

  async #read(orderId) {
    const mine = ++this.#asked;
    const [view, history] = await Promise.all([this.#api.get(`/v1/orders/${orderId}`), this.#api.get(`/v1/orders/${orderId}/events`)]);
    const facts = history.items.sort((a, b) => a.seq - b.seq);
    const deliveryId = view.delivery_id ?? facts.findLast((fact) => fact.data?.delivery_id)?.data.delivery_id;
    // Before a kitchen has accepted there is no delivery to read.
    const delivery = deliveryId ? await this.#api.get(`/v1/deliveries/${deliveryId}`).catch(() => null) : null;
    const riders = delivery?.rider_id ? (await this.#api.get('/v1/admin/riders')).items : [];
    // Something newer was asked for meanwhile.
    if (mine !== this.#asked) return;
    this.#one = { order: readOrder(view), facts, delivery, rider: riders.find((rider) => rider.rider_id === delivery.rider_id) ?? null, busy: false };
    this.#show();
  }
  #show() {
    if (this.#one) draw(this.#dialog, story(this.#one, this.#act));
  }
  async #do(path) {
    const { order } = this.#one;
    this.#one.busy = true;
    this.#show();
    await this.#api.patiently('POST', path, {}).catch(toastProblem);
    await this.#read(order.order_id).catch(toastProblem);
  }
  #act = {
    close: () => this.#dialog.close(),
    cancel: () => confirm('Call this order off? The guest gets the money back.') && this.#do(`/v1/orders/${this.#one.order.order_id}/cancellation`),
    unassign: () => confirm('Take it from this rider and look for another one?') && this.#do(`/v1/deliveries/${this.#one.delivery.delivery_id}/unassignment`),
    waive: () => confirm('Vouch for the hand-over, so that no PIN or photo is needed?') && this.#do(`/v1/deliveries/${this.#one.delivery.delivery_id}/proof_waiver`),
    find: (rider) => {
      this.#dialog.close();
      this.#onFind(rider);
    },
    why: () => {
      const { delivery_id } = this.#one.delivery;
      this.#dialog.close();
      this.#onWhy(delivery_id);
    },
  };
}
