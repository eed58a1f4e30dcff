//! Which facts concern a person, and the sentence that tells them. Minutes rather than clock times: the sentence is
//! the same in every time zone.

use uuid::Uuid;

use crate::{
    event::{DecodeError, Recorded},
    ids::{NotificationId, OrderId, UserId},
    notification::{
        Inbox, InboxCommand,
        event::{Posted, Topic},
    },
    order::event::{Closed, EndReason, Fulfilment, OrderEvent},
    reactor::Policy,
    rider::event::{ReleaseReason, RiderEvent},
    time::Timestamp,
};

/// Turns facts into messages for the people they concern.
#[derive(Clone, Copy, Debug)]
pub struct InboxPolicy;

impl Policy for InboxPolicy {
    type Decider = Inbox;
    const NAME: &'static str = "notification";
    const KINDS: &'static [&'static str] = &[
        "order.accepted",
        "order.rejected",
        "order.cancelled",
        "order.expired",
        "order.ready_for_pickup",
        "order.rider_assigned",
        "order.picked_up",
        "order.courier_imminent",
        "order.courier_arrived",
        "order.delivered",
        "order.completed",
        "offer.received",
        "rider.delivery_released",
    ];

    fn react(fact: &Recorded) -> Result<Vec<(Uuid, InboxCommand)>, DecodeError> {
        let (told, order_id) = if fact.kind.starts_with("order.") {
            (of_order(&fact.typed()?, fact.at), Some(OrderId(fact.stream.id)))
        } else {
            (of_rider(&fact.typed()?, fact.at), None)
        };
        let post = |(user_id, topic, text): (UserId, Topic, String)| {
            let notification_id = NotificationId::of(fact.event_id, user_id);
            let about_event = fact.event_id;
            let posted = Posted { notification_id, user_id, topic, text, order_id, about_event };
            (user_id.0, InboxCommand::Post(posted))
        };
        Ok(told.map(post).into_iter().collect())
    }
}

type Told = Option<(UserId, Topic, String)>;

fn of_order(event: &OrderEvent, at: Timestamp) -> Told {
    use OrderEvent as E;
    let (to, topic, text) = match event {
        E::Accepted(body) => {
            let how = match body.fulfilment {
                Fulfilment::Delivery => "be at your door",
                Fulfilment::Pickup => "be ready for you",
            };
            let minutes = minutes(body.promised_at, at);
            (body.customer_id, Topic::OrderAccepted, format!("Your order is on. It should {how} in about {minutes}."))
        }
        E::Rejected(body) => (body.customer_id, Topic::OrderRejected, ended("could not be taken", body)),
        E::Cancelled(body) => (body.customer_id, Topic::OrderCancelled, ended("was cancelled", body)),
        E::Expired(body) => {
            let text = "Your order was not paid in time and has lapsed. Nothing was charged.";
            (body.customer_id, Topic::OrderExpired, text.to_owned())
        }
        E::Ready(body) if body.fulfilment == Fulfilment::Pickup => {
            let text = "Your order is ready. Come and get it while it is hot.";
            (body.customer_id, Topic::OrderReady, text.to_owned())
        }
        E::RiderAssigned(body) => {
            let text = match body.takes_over {
                true => "Another rider takes over and is on the way to pick up your order.",
                false => "A rider is on the way to pick up your order.",
            };
            (body.customer_id, Topic::RiderAssigned, text.to_owned())
        }
        E::PickedUp(body) => {
            let text = "Your rider has your order and is on the way to you.";
            (body.customer_id, Topic::OrderPickedUp, text.to_owned())
        }
        E::CourierImminent(body) => {
            let minutes = minutes(body.dropoff_eta_at, at);
            (body.customer_id, Topic::CourierImminent, format!("Your rider is almost there: about {minutes}."))
        }
        E::CourierArrived(body) => (body.customer_id, Topic::CourierArrived, "Your rider is at your door.".to_owned()),
        E::Delivered(body) => {
            (body.customer_id, Topic::OrderDelivered, "Your order has arrived. Enjoy your meal!".to_owned())
        }
        E::Completed(body) => {
            (body.customer_id, Topic::OrderCompleted, "You have picked up your order. Enjoy your meal!".to_owned())
        }
        _ => return None,
    };
    Some((to, topic, text))
}

fn of_rider(event: &RiderEvent, at: Timestamp) -> Told {
    if let RiderEvent::DeliveryReleased(gone) = event
        && gone.reason == ReleaseReason::Replaced
    {
        let text = "Another rider has your delivery now, who will be at the court sooner. Nothing counts against you.";
        return Some((gone.rider_id, Topic::DeliveryReplaced, text.to_owned()));
    }
    let RiderEvent::OfferReceived(offer) = event else { return None };
    let (distance_m, left_s) = (offer.distance_m, offer.expires_at.since(at).as_secs());
    let what = match offer.bundle.as_ref().map(|bundle| bundle.stops.as_slice()) {
        Some([first, ..]) if first.delivery_id != offer.delivery_id => return None, // told with the route's first
        Some(stops) => format!("New route with {} deliveries", stops.len()),
        None => "New delivery".to_owned(),
    };
    let text = format!("{what}, {distance_m} m away. You have {left_s} seconds to take it.");
    Some((offer.rider_id, Topic::OfferReceived, text))
}

/// How a bad end is told: what happened, why, and where the money is.
fn ended(how: &str, closed: &Closed) -> String {
    let why = match closed.reason {
        EndReason::PaymentDeclined => "your payment was declined",
        EndReason::CaptureFailed => "your payment did not go through",
        EndReason::KitchensRejected => "the kitchens cannot make it right now",
        EndReason::NoRider => "no rider was free",
        EndReason::CustomerCancelled => "as you asked",
        EndReason::StaffCancelled => "the court called it off",
        EndReason::KitchenFailed => "a kitchen could not finish it",
        EndReason::NotHandedOver => "it could not be handed over",
        EndReason::NotPaid => "it was not paid in time",
    };
    if closed.refunded.is_zero() {
        format!("Your order {how}: {why}. Nothing was charged.")
    } else {
        format!("Your order {how}: {why}. {} is on its way back to you.", closed.refunded)
    }
}

fn minutes(until: Timestamp, from: Timestamp) -> String {
    match until.since(from).as_secs().div_ceil(60) {
        0 | 1 => "a minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}
