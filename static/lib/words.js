// What a state is called on the pages: the words of the field in plain sentences.

import { atTheDoor } from './fold.js';

const statusWords = {
  placed: 'Waiting for the kitchens', accepted: 'Accepted', in_preparation: 'Being cooked', ready_for_pickup: 'Ready',
  picked_up: 'On its way to you', delivered: 'Delivered', completed: 'Handed over', rejected: 'Refused', cancelled: 'Called off', expired: 'Expired',
};
const reasons = {
  payment_declined: 'the bank said no', capture_failed: 'the money could not be charged', kitchens_rejected: 'no kitchen could take it', no_rider: 'no rider could be found',
  customer_cancelled: 'you called it off', staff_cancelled: 'the court called it off', kitchen_failed: 'a kitchen could not finish it', not_handed_over: 'it could not be handed over', not_paid: 'it was not paid in time',
};
const rejects = { sold_out: 'sold out', too_busy: 'too busy right now', closed: 'closed', no_answer: 'did not answer in time', other: 'could not take it' };
const stages = { waiting: 'Asked', accepted: 'Accepted', in_kitchen: 'Cooking', ready_for_collection: 'Ready', collected: 'Collected', rejected: 'Not cooked', expired: 'No answer', voided: 'Called off' };

/** Where an order stands, in words for those who run the court. */
export const operatorWord = (order) => (atTheDoor(order) ? 'At the door' : order.status === 'picked_up' && !order.ending ? 'On its way' : statusWord(order));
/** Where an order stands, in a few words. */
export const statusWord = (order) => (order.ending ? 'Being called off' : atTheDoor(order) ? 'At your door' : statusWords[order.status] ?? order.status);
/** Why it ended badly. */
export const reasonWord = (reason) => reasons[reason] ?? String(reason ?? '').replaceAll('_', ' ');
/** Why a kitchen said no. */
export const rejectWord = (reason) => rejects[reason] ?? String(reason ?? '').replaceAll('_', ' ');
/** Where a kitchen's part of an order stands: who is not paid asks nobody, and who never answered does not cook. */
export function partWord(part, order) {
  if (part.stage !== 'waiting') return stageWord(part.stage);
  if (order.ending || ['rejected', 'cancelled', 'expired'].includes(order.status)) return 'Not cooked';
  return order.paid === false ? 'Not asked yet' : stageWord(part.stage);
}
/** Where a part or a ticket stands. */
export const stageWord = (stage) => stages[stage] ?? stage;
