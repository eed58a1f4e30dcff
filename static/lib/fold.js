// An order as its facts tell it: the same fold as the server's, for the same names, on the order of the API.

const settled = { 'order.rejected': 'rejected', 'order.cancelled': 'cancelled', 'order.expired': 'expired' };

/** States in which nothing more will happen. */
export const ended = (order) => ['delivered', 'completed', 'rejected', 'cancelled', 'expired'].includes(order.status);

/** Whether its rider stands at the door, food in hand. */
export const atTheDoor = (order) => order.status === 'picked_up' && !order.ending && Boolean(order.courier_arrived_at);

/** An order of the API with each part's answer and progress as one word: `waiting`, `accepted`, `in_kitchen`, … */
export function readOrder(view) {
  const stageOf = ({ answer, stage }) => {
    if (answer === undefined) return stage ?? 'waiting';
    if (answer === 'open') return 'waiting';
    return answer === 'rejected' ? 'rejected' : !stage || stage === 'waiting' ? 'accepted' : stage;
  };
  return {
    ...view,
    parts: (view.parts ?? []).map((part) => ({ ...part, stage: stageOf(part) })),
    placed_at: view.placed_at ?? view.timeline?.placed_at,
    accepted_total: view.accepted_total ?? view.accepted_totals?.total ?? null,
    courier_arrived_at: view.timeline?.courier_arrived_at ?? null,
    end_reason: view.end_reason ?? view.reason ?? null,
  };
}

/** What its kitchens call out, of the parts that are cooked: "Nord Ramen #6 · Forno #4"; empty while no kitchen has said yes. */
export const numbers = (order) => order.parts.filter((part) => part.stage !== 'rejected' && part.ticket_number).map((part) => `${part.kitchen_name} #${part.ticket_number}`).join(' · ');

/** The order after one more fact. Facts it already holds (by version) change nothing. */
export function evolve(order, fact) {
  if (fact.seq <= order.version) return order;
  const data = fact.data ?? {};
  const next = { ...order, version: fact.seq };
  const part = (of, change) => {
    next.parts = next.parts.map((one) => (of(one) ? { ...one, ...change } : one));
  };
  const by = (kitchenId) => (one) => one.kitchen_id === kitchenId;
  switch (fact.type) {
    case 'order.paid':
      next.paid = true;
      break;
    case 'order.part_accepted':
      part(by(data.kitchen_id), { stage: 'accepted', prep_min: data.prep_min, ticket_number: data.number });
      break;
    case 'order.part_delayed':
      next.parts = next.parts.map((one) => (one.kitchen_id === data.kitchen_id ? { ...one, delay_min: (one.delay_min ?? 0) + data.by_min } : one));
      break;
    case 'order.part_rejected':
      part(by(data.kitchen_id), { stage: 'rejected', reason: data.reason });
      break;
    case 'order.accepted':
      Object.assign(next, { status: 'accepted', ready_at: data.ready_at, promised_at: data.promised_at, accepted_total: data.total });
      break;
    case 'order.preparation_started':
      next.status = 'in_preparation';
      part(by(data.kitchen_id), { stage: 'in_kitchen' });
      break;
    case 'order.part_started':
      part(by(data.kitchen_id), { stage: 'in_kitchen' });
      break;
    case 'order.part_collected':
      part(by(data.kitchen_id), { stage: 'collected' });
      break;
    case 'order.delayed':
      Object.assign(next, { ready_at: data.ready_at ?? next.ready_at, promised_at: data.promised_at ?? next.promised_at });
      break;
    case 'order.part_ready':
      part(by(data.kitchen_id), { stage: 'ready_for_collection' });
      break;
    case 'order.ready_for_pickup':
      next.status = 'ready_for_pickup';
      break;
    case 'order.rider_assigned':
      next.rider_id = data.rider_id;
      break;
    case 'order.rider_unassigned':
      Object.assign(next, { rider_id: null, pickup_eta_at: null, dropoff_eta_at: null });
      break;
    case 'order.eta_moved':
      Object.assign(next, { pickup_eta_at: data.pickup_eta_at ?? null, dropoff_eta_at: data.dropoff_eta_at ?? null });
      break;
    case 'order.picked_up':
      Object.assign(next, { status: 'picked_up', pickup_eta_at: null });
      part((one) => one.stage !== 'rejected', { stage: 'collected' });
      break;
    case 'order.courier_arrived':
      next.courier_arrived_at = fact.at;
      break;
    case 'order.delivered':
      next.status = 'delivered';
      break;
    case 'order.completed':
      next.status = 'completed';
      part((one) => one.stage !== 'rejected', { stage: 'collected' });
      break;
    case 'order.rejecting':
    case 'order.cancel_requested':
      next.end_reason = data.reason;
      next.ending = true;
      break;
    default:
      if (settled[fact.type]) Object.assign(next, { status: settled[fact.type], ending: false, end_reason: data.reason ?? next.end_reason, refunded: data.refunded ?? null });
  }
  return next;
}
