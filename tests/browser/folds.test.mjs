// How pages fold facts and answers, where their order differs from one run to the next.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answered, evolve, openTickets } from '../../static/kitchen/fold.js';
import { evolve as evolveOrder } from '../../static/lib/fold.js';
import { operatorWord, partWord, statusWord } from '../../static/lib/words.js';

const TICKET = 'ticket-1';
const opened = { ticket_id: TICKET, number: 1, fulfilment: 'delivery', lines: [], answer_by: '2026-03-01T12:03:00Z', prep_min: 9 };
const facts = [
  { type: 'ticket.opened', at: '2026-03-01T12:00:00Z', data: opened },
  { type: 'ticket.accepted', data: { ticket_id: TICKET, prep_min: 5 } },
  { type: 'ticket.fire_scheduled', data: { ticket_id: TICKET, fire_at: '2026-03-01T12:00:02Z' } },
  { type: 'ticket.fired', data: { ticket_id: TICKET, ready_at: '2026-03-01T12:05:02Z' } },
  { type: 'ticket.delayed', data: { ticket_id: TICKET, by_min: 5, ready_at: '2026-03-01T12:10:02Z' } },
];
const after = (count) => facts.slice(0, count).reduce(evolve, { kitchen: {}, menu: [], tickets: [] });
const only = (board) => openTickets(board)[0];
const answer = (more) => ({ kitchen_id: 'kitchen-1', ...opened, stage: 'accepted', prep_min: 5, fire_at: null, ready_at: null, reason: null, ...more });

test('an answer that comes after later facts takes nothing back', () => {
  for (const count of [3, 4, 5]) assert.equal(only(answered(after(count), answer())).stage, only(after(count)).stage, `after ${count} facts`);
  const scheduled = only(answered(after(3), answer()));
  assert.equal(scheduled.fire_at, '2026-03-01T12:00:02Z', 'it is still known when to begin');
  const late = only(answered(after(5), answer({ stage: 'in_kitchen', fire_at: '2026-03-01T12:00:02Z', ready_at: '2026-03-01T12:05:02.900Z' })));
  assert.equal(late.ready_at, '2026-03-01T12:10:02Z', 'the delay stays');
});

test('an answer that comes before its facts shows at once, and its facts change nothing', () => {
  const board = answered(after(1), answer());
  assert.equal(only(board).stage, 'accepted');
  assert.equal(only(evolve(board, facts[1])).stage, 'accepted');
  assert.equal(only(evolve(evolve(board, facts[1]), facts[3])).stage, 'in_kitchen');
});

test('an order that was called off says so as soon as its last fact is there', () => {
  const order = { order_id: 'order-1', version: 3, status: 'accepted', parts: [] };
  const asked = evolveOrder(order, { seq: 4, type: 'order.cancel_requested', data: { reason: 'customer_cancelled' } });
  assert.equal(statusWord(asked), 'Being called off');
  const over = evolveOrder(asked, { seq: 5, type: 'order.cancelled', data: { reason: 'customer_cancelled', refunded: null } });
  assert.equal(statusWord(over), 'Called off');
  assert.ok(!over.ending);
});

test('a delay is counted once, whether its fact or the answer to it comes first', () => {
  const delayed = (board) => only(board).delay_min;
  assert.equal(delayed(after(5)), 5);
  assert.equal(delayed(evolve(after(5), facts[4])), 5, 'the fact comes twice');
  const told = answered(after(4), answer({ stage: 'in_kitchen', delay_min: 5, ready_at: '2026-03-01T12:10:02Z' }));
  assert.equal(delayed(evolve(told, facts[4])), 5, 'the answer came first');
});

test('the operator is told in words for the operator, and nobody of kitchens that were never asked', () => {
  const order = { status: 'picked_up', parts: [] };
  assert.deepEqual([operatorWord(order), statusWord(order)], ['On its way', 'On its way to you']);
  const part = { stage: 'waiting' };
  assert.equal(partWord(part, { status: 'placed', paid: true }), 'Asked');
  assert.equal(partWord(part, { status: 'placed', paid: false }), 'Not asked yet');
  assert.equal(partWord(part, { status: 'rejected', paid: false }), 'Not cooked');
});
