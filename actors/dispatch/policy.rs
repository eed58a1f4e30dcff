//! What dispatch makes of others' facts: commands to its own deliveries. Pure.

use uuid::Uuid;

use super::{Delivery, DeliveryCommand, event::Requested, rules::DispatchRules as Rules};
use crate::{
    event::{DecodeError, Recorded},
    ids::{DeliveryId, OrderId},
    order::event::{EndReason, Fulfilment, OrderEvent},
    reactor::Policy,
    rider::event::RiderEvent,
};

/// The choreography of deliveries.
#[derive(Clone, Copy, Debug)]
pub struct DispatchPolicy;

impl Policy for DispatchPolicy {
    type Decider = Delivery;
    const NAME: &'static str = "dispatch.policy";
    const KINDS: &'static [&'static str] = &[
        "order.accepted",
        "order.ready_for_pickup",
        "order.rejecting",
        "order.cancel_requested",
        "offer.accepted",
        "offer.declined",
    ];

    fn react(fact: &Recorded) -> Result<Vec<(Uuid, DeliveryCommand)>, DecodeError> {
        match &*fact.kind {
            "offer.accepted" | "offer.declined" => Ok(of_rider(&fact.typed()?)),
            kind if Self::KINDS.contains(&kind) => Ok(of_order(OrderId(fact.stream.id), &fact.typed()?, fact)),
            _ => Ok(vec![]),
        }
    }

    fn begins(command: &DeliveryCommand) -> bool {
        matches!(command, DeliveryCommand::Request(_))
    }
}

fn of_order(order_id: OrderId, event: &OrderEvent, fact: &Recorded) -> Vec<(Uuid, DeliveryCommand)> {
    let delivery_id = DeliveryId::of(order_id);
    let command = match event {
        OrderEvent::Accepted(accepted) if accepted.fulfilment == Fulfilment::Delivery => {
            let Some(dropoff) = accepted.dropoff else { return vec![] }; // a delivery without a door is never placed
            DeliveryCommand::Request(Requested {
                delivery_id,
                order_id,
                court_id: accepted.court_id,
                pickup: accepted.handoff,
                dropoff,
                ready_at: accepted.ready_at,
                promised_at: accepted.promised_at,
                assign_by: Rules::assign_by(accepted.ready_at, fact.at),
                proof: accepted.proof,
            })
        }
        OrderEvent::Ready(ready) if ready.fulfilment == Fulfilment::Delivery => DeliveryCommand::NoteReady,
        OrderEvent::Rejecting(rejecting) => cancel(rejecting.reason),
        OrderEvent::CancelRequested(request) => cancel(request.reason),
        _ => return vec![],
    };
    vec![(delivery_id.0, command)]
}

/// A customer's change of mind cannot take food from a rider's bag; staff who say it cannot be handed over can.
const fn cancel(reason: EndReason) -> DeliveryCommand {
    let even_with_food = matches!(reason, EndReason::NotHandedOver | EndReason::StaffCancelled);
    DeliveryCommand::Cancel { even_with_food }
}

fn of_rider(event: &RiderEvent) -> Vec<(Uuid, DeliveryCommand)> {
    match event {
        RiderEvent::OfferAccepted(yes) => {
            let command = DeliveryCommand::Assign { rider_id: yes.rider_id, offer_id: yes.offer_id };
            vec![(yes.delivery_id.0, command)]
        }
        RiderEvent::OfferDeclined(no) => {
            vec![(no.delivery_id.0, DeliveryCommand::DeclineOffer { offer_id: no.offer_id })]
        }
        _ => vec![],
    }
}
