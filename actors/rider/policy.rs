//! What riders make of dispatch's facts: commands to themselves. Pure.

use uuid::Uuid;

use super::{
    Rider, RiderCommand,
    event::{DeliveryConfirmed, LapseReason, OfferReceived, ReleaseReason},
};
use crate::{
    dispatch::event::{DeliveryEvent, RefuseReason, RevokeReason, UnassignReason},
    event::{DecodeError, Recorded},
    ids::RiderId,
    reactor::Policy,
};

/// The choreography of riders.
#[derive(Clone, Copy, Debug)]
pub struct RiderPolicy;

impl Policy for RiderPolicy {
    type Decider = Rider;
    const NAME: &'static str = "rider.policy";
    const KINDS: &'static [&'static str] = &[
        "delivery.offered",
        "delivery.offer_expired",
        "delivery.offer_revoked",
        "delivery.assigned",
        "delivery.assignment_refused",
        "delivery.unassigned",
        "delivery.delivered",
        "delivery.cancelled",
    ];

    fn react(fact: &Recorded) -> Result<Vec<(Uuid, RiderCommand)>, DecodeError> {
        if !Self::KINDS.contains(&&*fact.kind) {
            return Ok(vec![]);
        }
        let event: DeliveryEvent = fact.typed()?;
        Ok(answer(event).into_iter().map(|(rider_id, command)| (rider_id.0, command)).collect())
    }
}

fn answer(event: DeliveryEvent) -> Option<(RiderId, RiderCommand)> {
    let release = |rider_id, delivery_id, offer_id, reason| {
        Some((rider_id, RiderCommand::ReleaseDelivery { delivery_id, offer_id, reason, refused: None }))
    };
    match event {
        DeliveryEvent::Offered(offered) => {
            let offer = OfferReceived {
                offer_id: offered.offer_id,
                delivery_id: offered.delivery_id,
                rider_id: offered.rider_id,
                pickup: offered.pickup,
                dropoff_coarse: offered.dropoff_coarse,
                distance_m: offered.distance_m,
                ready_at: offered.ready_at,
                expires_at: offered.expires_at,
                bundle: offered.bundle,
            };
            Some((offered.rider_id, RiderCommand::NoteOffer(offer)))
        }
        DeliveryEvent::OfferExpired(over) => {
            let command = RiderCommand::LapseOffer { offer_id: over.offer_id, reason: LapseReason::Expired };
            Some((over.rider_id, command))
        }
        DeliveryEvent::OfferRevoked(over) => {
            let reason = match over.reason {
                RevokeReason::Cancelled => LapseReason::Revoked,
                RevokeReason::Taken | RevokeReason::Kept => LapseReason::Taken,
            };
            Some((over.rider_id, RiderCommand::LapseOffer { offer_id: over.offer_id, reason }))
        }
        DeliveryEvent::Assigned(assigned) => {
            let delivery = DeliveryConfirmed {
                delivery_id: assigned.delivery_id,
                order_id: assigned.order_id,
                rider_id: assigned.rider_id,
                pickup: assigned.pickup,
                dropoff: assigned.dropoff,
                ready_at: assigned.ready_at,
            };
            Some((assigned.rider_id, RiderCommand::ConfirmDelivery { offer_id: assigned.offer_id, delivery }))
        }
        DeliveryEvent::AssignmentRefused(refused) => {
            let (delivery_id, offer_id) = (refused.delivery_id, Some(refused.offer_id));
            let how = match refused.reason {
                RefuseReason::Taken => LapseReason::Taken,
                RefuseReason::Expired => LapseReason::Expired,
                RefuseReason::Cancelled => LapseReason::Revoked,
            };
            let (reason, how) = (ReleaseReason::Refused, Some(how));
            Some((refused.rider_id, RiderCommand::ReleaseDelivery { delivery_id, offer_id, reason, refused: how }))
        }
        DeliveryEvent::Unassigned(off) => {
            let reason = match off.reason {
                UnassignReason::Better => ReleaseReason::Replaced,
                UnassignReason::GaveBack | UnassignReason::Silent | UnassignReason::TooLate => ReleaseReason::Dropped,
                _ => ReleaseReason::Unassigned,
            };
            release(off.rider_id, off.delivery_id, Some(off.offer_id), reason)
        }
        DeliveryEvent::Delivered(step) => release(step.rider_id, step.delivery_id, None, ReleaseReason::Delivered),
        DeliveryEvent::Cancelled(cancelled) => {
            release(cancelled.rider_id?, cancelled.delivery_id, None, ReleaseReason::Cancelled)
        }
        _ => None,
    }
}
