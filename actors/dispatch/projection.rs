//! What people see of a delivery: the whole of it as a view, and each fact as a live frame's data. Readers differ by
//! role; the door's exact place is for its customer, for staff, and for the rider once it is theirs.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    event::{DeliveryEvent, Step},
    state::{DeliveryState, DeliveryStatus},
};
use crate::{
    event::{Event, Version},
    ids::{CourtId, DeliveryId, OrderId, RiderId},
    place::Position,
    time::Timestamp,
};

/// As whom somebody looks at a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Whose order it is: the way, not the search.
    Customer,
    /// A rider: what concerns them.
    Rider(RiderId),
    /// Everything, with the reasons.
    Staff,
}

/// A delivery as a client reads it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeliveryView {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
    /// How many facts it holds: its `ETag`, and the sequence number of its last live frame.
    pub version: Version,
    /// From which court.
    pub court_id: CourtId,
    /// Where it is.
    pub status: DeliveryStatus,
    /// The court's hand-off point.
    pub pickup: Position,
    /// The door; for a rider who is only being asked, about where it is.
    pub dropoff: Position,
    /// Whether the food stands ready.
    pub ready: bool,
    /// When it should be ready.
    pub ready_at: Timestamp,
    /// When it was promised at the door.
    pub promised_at: Timestamp,
    /// Who brings (or brought) it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rider_id: Option<RiderId>,
    /// When the rider should be at the court; absent once they have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_eta_at: Option<Timestamp>,
    /// When it should be handed over at the door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff_eta_at: Option<Timestamp>,
    /// Staff: rounds of search so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    /// Staff: who said no or was taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined: Option<Vec<RiderId>>,
    /// Staff: it takes far too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<bool>,
}

/// What `role` may see of a delivery at `version`; `None` if there is nothing for them.
#[must_use]
pub fn view(role: Role, state: &DeliveryState, version: Version) -> Option<DeliveryView> {
    let asked = state.request.as_ref()?;
    let rider_id = state.bearer.map(|bearer| bearer.rider_id);
    let full = DeliveryView {
        delivery_id: asked.delivery_id,
        order_id: asked.order_id,
        version,
        court_id: asked.court_id,
        status: state.status()?,
        pickup: asked.pickup,
        dropoff: asked.dropoff,
        ready: state.ready,
        ready_at: asked.ready_at,
        promised_at: asked.promised_at,
        rider_id,
        pickup_eta_at: state.eta.and_then(|eta| eta.pickup_at),
        dropoff_eta_at: state.eta.map(|eta| eta.dropoff_at),
        rounds: None,
        declined: None,
        overdue: None,
    };
    match role {
        Role::Staff => Some(DeliveryView {
            rounds: Some(state.round),
            declined: Some(state.declined.clone()),
            overdue: Some(state.reminders > 0),
            ..full
        }),
        Role::Customer => Some(full),
        Role::Rider(me) if state.is_brought_by(me) => Some(full),
        // Handed over: the rider may look it up, but no longer where the door was.
        Role::Rider(me) if rider_id == Some(me) => Some(DeliveryView { dropoff: full.dropoff.coarse(), ..full }),
        Role::Rider(me) => state.asks(me).then(|| DeliveryView { dropoff: full.dropoff.coarse(), ..full }),
    }
}

/// The data of one fact's live frame as `role` may see it; `None`: redacted, only its number is sent.
#[must_use]
pub fn event_for(role: Role, event: &DeliveryEvent) -> Option<Value> {
    match role {
        Role::Staff => Some(body(event)),
        Role::Customer => for_customer(event),
        Role::Rider(me) => for_rider(me, event),
    }
}

fn for_customer(event: &DeliveryEvent) -> Option<Value> {
    use DeliveryEvent as E;
    Some(match event {
        E::Requested(asked) => json!({
            "delivery_id": asked.delivery_id, "order_id": asked.order_id,
            "ready_at": asked.ready_at, "promised_at": asked.promised_at,
        }),
        E::Assigned(assigned) => json!({
            "delivery_id": assigned.delivery_id, "order_id": assigned.order_id, "rider_id": assigned.rider_id,
            "pickup": assigned.pickup, "ready_at": assigned.ready_at,
        }),
        E::Unassigned(off) => {
            json!({ "delivery_id": off.delivery_id, "order_id": off.order_id, "rider_id": off.rider_id })
        }
        E::ReadyNoted(_) | E::Cancelled(_) | E::Unassignable(_) | E::EtaMoved(_) | E::CourierImminent(_) => body(event),
        E::PhotoTaken(_) | E::ProofWaived(_) => body(event),
        _ => body(step(event).and(Some(event))?),
    })
}

fn for_rider(me: RiderId, event: &DeliveryEvent) -> Option<Value> {
    use DeliveryEvent as E;
    let whose = match event {
        E::ReadyNoted(_) => return Some(body(event)),
        E::Offered(offered) => offered.rider_id,
        E::OfferDeclined(no) => no.rider_id,
        E::OfferExpired(silence) => silence.rider_id,
        E::OfferRevoked(revoked) => revoked.rider_id,
        E::Assigned(assigned) => assigned.rider_id,
        E::AssignmentRefused(refused) => refused.rider_id,
        E::Unassigned(off) => off.rider_id,
        E::Cancelled(cancelled) => cancelled.rider_id?,
        E::EtaMoved(moved) => moved.rider_id,
        E::CourierImminent(near) => near.rider_id,
        E::PinRefused(refused) => refused.rider_id,
        E::PhotoTaken(taken) => taken.rider_id,
        E::ProofWaived(_) => return Some(body(event)),
        E::Requested(_) | E::SearchStarted(_) | E::NobodyNear(_) | E::HeldBack(_) => return None,
        E::Unassignable(_) | E::Overdue(_) => return None,
        _ => step(event)?.rider_id,
    };
    if whose != me {
        return None;
    }
    let mut data = body(event);
    for others in ["considered", "instead_of"] {
        data.as_object_mut()?.remove(others); // other riders are nobody's business
    }
    Some(data)
}

/// The rider's own step, if the fact is one.
const fn step(event: &DeliveryEvent) -> Option<&Step> {
    use DeliveryEvent as E;
    match event {
        E::EnrouteToPickup(step)
        | E::ArrivedAtPickup(step)
        | E::PickedUp(step)
        | E::EnrouteToDropoff(step)
        | E::ArrivedAtDropoff(step)
        | E::Delivered(step) => Some(step),
        _ => None,
    }
}

fn body(event: &DeliveryEvent) -> Value {
    serde_json::from_str(&event.encode()).expect("an event's body is JSON")
}
