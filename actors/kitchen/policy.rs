//! What a kitchen makes of other services' facts.

use uuid::Uuid;

use crate::{
    event::{DecodeError, Recorded},
    ids::{KitchenId, OrderId, TicketId},
    kitchen::{Kitchen, KitchenCommand},
    order::event::{OrderEvent, RejectReason},
    reactor::Policy,
};

/// Turns an order's facts into its kitchens' commands.
#[derive(Clone, Copy, Debug)]
pub struct KitchenPolicy;

impl Policy for KitchenPolicy {
    type Decider = Kitchen;
    const NAME: &'static str = "kitchen";
    const KINDS: &'static [&'static str] = &[
        "order.paid",
        "order.part_rejected",
        "order.accepted",
        "order.rejecting",
        "order.cancel_requested",
        "order.picked_up",
    ];

    fn react(fact: &Recorded) -> Result<Vec<(Uuid, KitchenCommand)>, DecodeError> {
        let order_id = OrderId(fact.stream.id);
        Ok(match fact.typed::<OrderEvent>()? {
            OrderEvent::Paid(paid) => {
                let (fulfilment, answer_by, wanted_at) = (paid.fulfilment, paid.answer_by, paid.wanted_at);
                paid.parts
                    .into_iter()
                    .map(|part| {
                        let (ticket_id, lines) = (part.ticket_id, part.lines);
                        let open =
                            KitchenCommand::OpenTicket { order_id, ticket_id, lines, fulfilment, answer_by, wanted_at };
                        (part.kitchen_id.0, open)
                    })
                    .collect()
            }
            // The order gave up waiting while an acceptance may have been on its way: nobody would ever fire it.
            OrderEvent::PartRejected(part) if part.reason == RejectReason::NoAnswer => {
                vec![void(order_id, part.kitchen_id)]
            }
            OrderEvent::Accepted(accepted) => accepted
                .fires
                .into_iter()
                .map(|fire| {
                    let (ticket_id, fire_at, ready_by) = (fire.ticket_id, fire.fire_at, accepted.ready_at);
                    (fire.kitchen_id.0, KitchenCommand::ScheduleFire { ticket_id, fire_at, ready_by })
                })
                .collect(),
            OrderEvent::Rejecting(ending) => ending.kitchens.into_iter().map(|id| void(order_id, id)).collect(),
            OrderEvent::CancelRequested(ending) => ending.kitchens.into_iter().map(|id| void(order_id, id)).collect(),
            OrderEvent::PickedUp(picked_up) => {
                let collect = |id| KitchenCommand::CollectTicket { ticket_id: TicketId::of(order_id, id) };
                picked_up.kitchens.into_iter().map(|id| (id.0, collect(id))).collect()
            }
            _ => vec![],
        })
    }
}

fn void(order_id: OrderId, kitchen_id: KitchenId) -> (Uuid, KitchenCommand) {
    (kitchen_id.0, KitchenCommand::VoidTicket { order_id, ticket_id: TicketId::of(order_id, kitchen_id) })
}
