//! What the order makes of other services' facts: each becomes a wish to the one order it speaks of.

use uuid::Uuid;

use super::{
    command::OrderCommand,
    decide::Order,
    event::{EndReason, RejectReason},
};
use crate::{
    dispatch::event::{DeliveryEvent, UnassignReason},
    event::{DecodeError, Event, Recorded},
    ids::KitchenId,
    kitchen::event::KitchenEvent,
    payment::event::PaymentEvent,
    reactor::Policy,
    time::Timestamp,
};

/// The order service's choreography.
#[derive(Clone, Copy, Debug)]
pub struct OrderPolicy;

impl Policy for OrderPolicy {
    type Decider = Order;
    const NAME: &'static str = "order";
    const KINDS: &'static [&'static str] = &[
        "payment.authorized",
        "payment.declined",
        "payment.capture_failed",
        "payment.voided",
        "payment.refunded",
        "payment.nothing_to_reverse",
        "ticket.accepted",
        "ticket.rejected",
        "ticket.expired",
        "ticket.delayed",
        "ticket.fired",
        "ticket.ready",
        "ticket.collected",
        "delivery.assigned",
        "delivery.unassigned",
        "delivery.eta_moved",
        "delivery.picked_up",
        "delivery.courier_imminent",
        "delivery.arrived_at_dropoff",
        "delivery.delivered",
        "delivery.unassignable",
    ];

    fn react(fact: &Recorded) -> Result<Vec<(Uuid, OrderCommand)>, DecodeError> {
        let noun = fact.kind.split('.').next().unwrap_or_default();
        let wish = match noun {
            "payment" => of_payment(PaymentEvent::decode(&fact.kind, &fact.body)?),
            "ticket" => of_ticket(KitchenId(fact.stream.id), KitchenEvent::decode(&fact.kind, &fact.body)?),
            "delivery" => of_delivery(DeliveryEvent::decode(&fact.kind, &fact.body)?, fact.at),
            _ => None,
        };
        Ok(wish.into_iter().collect())
    }
}

fn of_payment(fact: PaymentEvent) -> Option<(Uuid, OrderCommand)> {
    let (order, command) = match fact {
        PaymentEvent::Authorized(fact) => {
            (fact.order_id, OrderCommand::MarkPaid { payment_id: fact.payment_id, amount: fact.amount })
        }
        PaymentEvent::Declined(fact) => (fact.order_id, OrderCommand::Reject { reason: EndReason::PaymentDeclined }),
        PaymentEvent::CaptureFailed(fact) => (fact.order_id, OrderCommand::Reject { reason: EndReason::CaptureFailed }),
        PaymentEvent::Voided(fact) => (fact.order_id, OrderCommand::Close { refunded: None }),
        PaymentEvent::Refunded(fact) => (fact.order_id, OrderCommand::Close { refunded: Some(fact.amount) }),
        PaymentEvent::NothingToReverse(fact) => (fact.order_id, OrderCommand::Close { refunded: None }),
        _ => return None,
    };
    Some((order.0, command))
}

fn of_ticket(kitchen_id: KitchenId, fact: KitchenEvent) -> Option<(Uuid, OrderCommand)> {
    let (order, command) = match fact {
        KitchenEvent::TicketAccepted(fact) => {
            let (prep_min, number) = (fact.prep_min, fact.number);
            (fact.order_id, OrderCommand::NoteTicketAccepted { kitchen_id, prep_min, number })
        }
        KitchenEvent::TicketRejected(fact) => {
            (fact.order_id, OrderCommand::NoteTicketRejected { kitchen_id, reason: fact.reason })
        }
        KitchenEvent::TicketExpired(fact) => {
            (fact.order_id, OrderCommand::NoteTicketRejected { kitchen_id, reason: RejectReason::NoAnswer })
        }
        KitchenEvent::TicketDelayed(fact) => {
            (fact.order_id, OrderCommand::NoteDelay { kitchen_id, by_min: fact.by_min, ready_at: fact.ready_at })
        }
        KitchenEvent::Fired(fact) => (fact.order_id, OrderCommand::NotePreparation { kitchen_id }),
        KitchenEvent::TicketReady(fact) => (fact.order_id, OrderCommand::NoteReady { kitchen_id }),
        KitchenEvent::TicketCollected(fact) => (fact.order_id, OrderCommand::NoteCollected { kitchen_id }),
        _ => return None,
    };
    Some((order.0, command))
}

fn of_delivery(fact: DeliveryEvent, at: Timestamp) -> Option<(Uuid, OrderCommand)> {
    let (order, command) = match fact {
        DeliveryEvent::Assigned(fact) => {
            (fact.order_id, OrderCommand::NoteRider { rider_id: fact.rider_id, delivery_id: fact.delivery_id })
        }
        // Whoever takes it over is assigned by the next fact of the same append.
        DeliveryEvent::Unassigned(fact) if fact.reason == UnassignReason::Better => return None,
        DeliveryEvent::Unassigned(fact) => (fact.order_id, OrderCommand::NoteRiderGone { rider_id: fact.rider_id }),
        DeliveryEvent::EtaMoved(fact) => {
            let (rider_id, pickup_eta_at, dropoff_eta_at) = (fact.rider_id, fact.pickup_eta_at, fact.dropoff_eta_at);
            (fact.order_id, OrderCommand::NoteEta { rider_id, pickup_eta_at, dropoff_eta_at, estimated_at: at })
        }
        DeliveryEvent::CourierImminent(fact) => {
            let (rider_id, dropoff_eta_at) = (fact.rider_id, fact.dropoff_eta_at);
            (fact.order_id, OrderCommand::NoteImminent { rider_id, dropoff_eta_at })
        }
        DeliveryEvent::PickedUp(fact) => (fact.order_id, OrderCommand::NotePickup { rider_id: fact.rider_id }),
        DeliveryEvent::ArrivedAtDropoff(fact) => (fact.order_id, OrderCommand::NoteArrival { rider_id: fact.rider_id }),
        DeliveryEvent::Delivered(fact) => (fact.order_id, OrderCommand::Deliver { rider_id: fact.rider_id }),
        DeliveryEvent::Unassignable(fact) => (fact.order_id, OrderCommand::Reject { reason: EndReason::NoRider }),
        _ => return None,
    };
    Some((order.0, command))
}
