// One kitchen's board as its facts tell it. Facts may come twice or older than what was read: stages only go forward.

import { evolveKitchen } from '../lib/kitchen.js';

const ranks = ['waiting', 'accepted', 'in_kitchen', 'ready_for_collection', 'collected', 'rejected', 'expired', 'voided'];
const rank = (stage) => ranks.indexOf(stage);

/** The board from the topic's snapshot. */
export const readBoard = (view) => ({ kitchen: view.kitchen, menu: view.menu?.items ?? [], tickets: view.tickets ?? [] });

/** Tickets that are still anybody's business. */
export const openTickets = (board) => board.tickets.filter((ticket) => rank(ticket.stage) <= rank('ready_for_collection'));

/**
 * The board after the server's answer to a step. The answer tells of one moment, and facts from after it may have come
 * first: it never takes a ticket back, nor takes away what is known of it.
 */
export function answered(board, answer) {
  const told = Object.fromEntries(Object.entries(answer).filter(([, value]) => value !== null));
  const older = (one) => rank(answer.stage) < rank(one.stage) || (answer.stage === one.stage && Date.parse(answer.ready_at) < Date.parse(one.ready_at));
  const merge = (one) => (older(one) ? one : { ...one, ...told });
  return { ...board, tickets: board.tickets.map((one) => (one.ticket_id === answer.ticket_id ? merge(one) : one)) };
}

/** The board after one more fact. */
export function evolve(board, fact) {
  const data = fact.data ?? {};
  const ticket = (stage, change = {}) => ({
    ...board,
    tickets: board.tickets.map((one) => (one.ticket_id === data.ticket_id ? { ...one, ...(typeof change === 'function' ? change(one) : change), stage: stage && rank(stage) > rank(one.stage) ? stage : one.stage } : one)),
  });
  switch (fact.type) {
    case 'ticket.opened':
      if (board.tickets.some((one) => one.ticket_id === data.ticket_id)) return board;
      return { ...board, tickets: [...board.tickets, { fire_at: null, ready_at: null, ...data, stage: 'waiting', opened_at: fact.at }] };
    case 'ticket.accepted': return ticket('accepted', { prep_min: data.prep_min });
    case 'ticket.fire_scheduled': return ticket(null, (one) => ({ fire_at: data.fire_at, ready_at: new Date(Date.parse(data.fire_at) + (one.prep_min + (one.delay_min ?? 0)) * 60_000).toISOString() }));
    case 'ticket.fired': return ticket('in_kitchen', { ready_at: data.ready_at });
    // Each delay of a ticket ends later than the one before, so a fact that comes twice is known by its end.
    case 'ticket.delayed': return ticket(null, (one) => (Date.parse(data.ready_at) > (Date.parse(one.ready_at) || 0) ? { ready_at: data.ready_at, delay_min: (one.delay_min ?? 0) + data.by_min } : {}));
    case 'ticket.ready': return ticket('ready_for_collection');
    case 'ticket.collected': return ticket('collected');
    case 'ticket.rejected': return ticket('rejected', { reason: data.reason });
    case 'ticket.expired': return ticket('expired');
    case 'ticket.voided': return ticket('voided');
    default: return evolveKitchen(board, fact);
  }
}
