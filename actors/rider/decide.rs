//! The rules of a rider: shifts, offers, and never more in the bag than fits. Pure.
//!
//! Saying yes takes a place in the bag at once, before the delivery answers. The place has no timer of its own: the
//! delivery answers every acceptance, assigned or refused, however late, and a place given back on suspicion could
//! be filled twice when the answer comes after all. What is lost on the way stays in the journal and is read again.

use super::{
    event::{
        DeliveryConfirmed, DeliveryReleased, LapseReason, OfferAccepted, OfferDeclined, OfferLapsed, OfferReceived,
        ReleaseReason, RiderEvent, ShiftEndMoved, ShiftEnded, ShiftStarted, Vehicle,
    },
    state::{Outcome, RiderState},
};
use crate::{
    decider::{Deadline, Decider},
    ids::{DeliveryId, OfferId, RiderId},
    stream::Category,
    time::Timestamp,
};

/// More than five bags nobody carries.
pub const CAPACITY_MAX: u32 = 5;
/// Nobody knows today when a shift ends that is longer.
pub const SHIFT_MAX_H: i64 = 24;

/// A wish to a rider.
#[derive(Clone, PartialEq, Debug)]
pub enum RiderCommand {
    /// Go on duty.
    StartShift {
        /// Who.
        rider_id: RiderId,
        /// On what.
        vehicle: Vehicle,
        /// Deliveries at once, 1 to [`CAPACITY_MAX`].
        capacity: u32,
        /// Until when, within [`SHIFT_MAX_H`] hours; `None`: until they say so.
        until: Option<Timestamp>,
    },
    /// Ride longer, or go home sooner; what is in the bag is brought all the same.
    MoveEnd {
        /// Until when, within [`SHIFT_MAX_H`] hours; `None`: until they say so.
        until: Option<Timestamp>,
    },
    /// Go off duty; open offers are declined, so that their search goes on at once.
    EndShift,
    /// A delivery is offered.
    NoteOffer(OfferReceived),
    /// Say yes; to its whole route, if it is part of one.
    AcceptOffer {
        /// To which offer.
        offer_id: OfferId,
    },
    /// Say no; to its whole route, if it is part of one.
    DeclineOffer {
        /// To which offer.
        offer_id: OfferId,
    },
    /// An offer is over without the rider.
    LapseOffer {
        /// Which offer.
        offer_id: OfferId,
        /// Why.
        reason: LapseReason,
    },
    /// The delivery said yes to the acceptance of `offer_id`.
    ConfirmDelivery {
        /// Which acceptance.
        offer_id: OfferId,
        /// What the rider may know now.
        delivery: DeliveryConfirmed,
    },
    /// The delivery is not (or no longer) the rider's.
    ReleaseDelivery {
        /// Which delivery.
        delivery_id: DeliveryId,
        /// By which acceptance; `None`: by any (the delivery has ended).
        offer_id: Option<OfferId>,
        /// Why.
        reason: ReleaseReason,
        /// How the offer was over, where the acceptance is refused.
        refused: Option<LapseReason>,
    },
}

/// Why a rider's wish is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RiderRejection {
    /// A shift's capacity is out of range.
    #[error("capacity must be 1 to {CAPACITY_MAX}")]
    CapacityOutOfRange,
    /// A shift's end is past, or too far away.
    #[error("until must be an instant within the next {SHIFT_MAX_H} hours")]
    UntilOutOfRange,
    /// A shift is running with another vehicle, capacity or end.
    #[error("a shift is already running; end it first, or move its end")]
    ShiftRunning,
    /// There are deliveries in the bag.
    #[error("deliveries are still held: {held}")]
    StillHolding {
        /// How many.
        held: usize,
    },
    /// No such offer was made to this rider.
    #[error("this offer was not made to this rider")]
    UnknownOffer,
    /// Too late for a yes.
    #[error("the offer has expired")]
    OfferExpired,
    /// The offer ended before.
    #[error("the offer is over: {outcome:?}")]
    OfferOver {
        /// How.
        outcome: Outcome,
    },
    /// A no after the yes: the delivery must be given back instead.
    #[error("the offer is already accepted")]
    AlreadyAccepted,
    /// Not on duty.
    #[error("the shift is over, or has not begun")]
    OffShift,
    /// The bag is full.
    #[error("no place is free for another delivery")]
    Full,
}

/// The decider of `rider:{id}`.
#[derive(Clone, Copy, Debug)]
pub struct Rider;

type Decided = Result<Vec<RiderEvent>, RiderRejection>;

impl Decider for Rider {
    const CATEGORY: Category = Category::Rider;
    /// Every fix of a rider asks whether they are on shift.
    const SHOWN: bool = true;
    type State = RiderState;
    type Command = RiderCommand;
    type Event = RiderEvent;
    type Rejection = RiderRejection;

    fn decide(state: &RiderState, command: &RiderCommand, now: Timestamp) -> Decided {
        match command {
            RiderCommand::StartShift { rider_id, vehicle, capacity, until } => {
                let started =
                    ShiftStarted { rider_id: *rider_id, vehicle: *vehicle, capacity: *capacity, until: *until };
                start_shift(state, started, now)
            }
            RiderCommand::MoveEnd { until } => move_end(state, *until, now),
            RiderCommand::EndShift => end_shift(state, now),
            RiderCommand::NoteOffer(offer) => Ok(note_offer(state, offer, now)),
            RiderCommand::AcceptOffer { offer_id } => accept(state, *offer_id, now),
            RiderCommand::DeclineOffer { offer_id } => decline(state, *offer_id),
            RiderCommand::LapseOffer { offer_id, reason } => {
                Ok(state.open(*offer_id).map(|offer| lapsed(offer, *reason)).into_iter().collect())
            }
            RiderCommand::ConfirmDelivery { offer_id, delivery } => Ok(match state.held_by(*offer_id) {
                Some(held) if held.job.is_none() && held.delivery_id == delivery.delivery_id => {
                    vec![RiderEvent::DeliveryConfirmed(delivery.clone())]
                }
                _ => vec![], // confirmed before, or released since
            }),
            RiderCommand::ReleaseDelivery { delivery_id, offer_id, reason, refused } => {
                Ok(release(state, *delivery_id, *offer_id, *reason, *refused))
            }
        }
    }

    fn evolve(state: &mut RiderState, event: &RiderEvent, at: Timestamp) {
        state.evolve(event, at);
    }

    /// Open offers lapse by themselves. (A held place waits for the delivery's answer: see the top of this file.)
    fn deadline(state: &RiderState) -> Option<Deadline<RiderCommand>> {
        let first = state.offers.iter().min_by_key(|offer| (offer.expires_at, offer.offer_id))?;
        let command = RiderCommand::LapseOffer { offer_id: first.offer_id, reason: LapseReason::Expired };
        Some(Deadline { at: first.expires_at, command })
    }
}

fn start_shift(state: &RiderState, started: ShiftStarted, now: Timestamp) -> Decided {
    let ShiftStarted { vehicle, capacity, until, .. } = started;
    if !(1..=CAPACITY_MAX).contains(&capacity) {
        return Err(RiderRejection::CapacityOutOfRange);
    }
    match state.shift {
        Some(shift) if shift.vehicle == vehicle && shift.capacity == capacity && as_said(state, until) => Ok(vec![]),
        Some(_) => Err(RiderRejection::ShiftRunning),
        None if !in_range(until, now) => Err(RiderRejection::UntilOutOfRange),
        None => Ok(vec![RiderEvent::ShiftStarted(started)]),
    }
}

fn in_range(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|until| now < until && until <= now.plus_min(SHIFT_MAX_H * 60))
}

fn move_end(state: &RiderState, until: Option<Timestamp>, now: Timestamp) -> Decided {
    let (Some(_), Some(rider_id)) = (state.shift, state.rider_id) else { return Err(RiderRejection::OffShift) };
    if until == state.duty.until {
        return Ok(vec![]);
    }
    if !in_range(until, now) {
        return Err(RiderRejection::UntilOutOfRange);
    }
    Ok(vec![RiderEvent::ShiftEndMoved(ShiftEndMoved { rider_id, until })])
}

/// Who does not say until when leaves it as it is.
fn as_said(state: &RiderState, until: Option<Timestamp>) -> bool {
    until.is_none() || until == state.duty.until
}

fn end_shift(state: &RiderState, now: Timestamp) -> Decided {
    let (Some(_), Some(rider_id)) = (state.shift, state.rider_id) else { return Ok(vec![]) };
    if !state.held.is_empty() {
        return Err(RiderRejection::StillHolding { held: state.held.len() });
    }
    let mut events: Vec<RiderEvent> = state.offers.iter().map(declined).collect();
    events.push(RiderEvent::ShiftEnded(ShiftEnded { rider_id, worked: Some(state.duty.worked(now)) }));
    Ok(events)
}

fn note_offer(state: &RiderState, offer: &OfferReceived, now: Timestamp) -> Vec<RiderEvent> {
    let known = state.open(offer.offer_id).is_some()
        || state.held_by(offer.offer_id).is_some()
        || state.outcome(offer.offer_id).is_some();
    if known || now >= offer.expires_at {
        return vec![]; // too late to ask: the delivery goes on by its own timer
    }
    let in_bag = state.held.iter().any(|held| held.delivery_id == offer.delivery_id);
    // A route is taken or left as a whole, in whichever order its offers come.
    let took = offer.bundle_id().and_then(|route| state.took(route));
    // The food cannot be picked up before the shift ends.
    let too_late = state.duty.until.is_some_and(|until| now.max(offer.ready_at) > until) && took != Some(true);
    if in_bag || took == Some(false) || too_late || places_needed(state, offer) > state.places_free() {
        return vec![declined(offer)]; // a no at once, so that the search goes on
    }
    let received = RiderEvent::OfferReceived(offer.clone());
    if took == Some(true) { vec![received, accepted(offer)] } else { vec![received] }
}

/// Places that the rest of the offer's route takes, beside what is in the bag or being asked already.
fn places_needed(state: &RiderState, offer: &OfferReceived) -> usize {
    let known = |id: DeliveryId| {
        state.held.iter().any(|held| held.delivery_id == id) || state.offers.iter().any(|open| open.delivery_id == id)
    };
    let stops = offer.bundle.iter().flat_map(|bundle| &bundle.stops).map(|stop| stop.delivery_id);
    let others = stops.filter(|id| *id != offer.delivery_id && !known(*id)).count();
    // What of a route taken before is over needs no place any more.
    let taken = offer.bundle_id().and_then(|route| state.took(route)) == Some(true);
    if taken { 1 } else { 1 + others }
}

fn accept(state: &RiderState, offer_id: OfferId, now: Timestamp) -> Decided {
    if state.held_by(offer_id).is_some() {
        return Ok(vec![]);
    }
    let Some(offer) = state.open(offer_id) else { return Err(gone(state, offer_id)) };
    if now >= offer.expires_at {
        return Err(RiderRejection::OfferExpired);
    }
    let Some(shift) = state.shift else { return Err(RiderRejection::OffShift) };
    let route: Vec<&OfferReceived> = state.route_of(offer).collect();
    if state.held.len() + route.len() > usize::try_from(shift.capacity).unwrap_or(0) {
        return Err(RiderRejection::Full);
    }
    Ok(route.into_iter().map(accepted).collect())
}

fn decline(state: &RiderState, offer_id: OfferId) -> Decided {
    if state.held_by(offer_id).is_some() {
        return Err(RiderRejection::AlreadyAccepted);
    }
    match (state.open(offer_id), state.outcome(offer_id)) {
        (Some(offer), _) => Ok(state.route_of(offer).map(declined).collect()),
        (None, Some(Outcome::Released)) => Err(gone(state, offer_id)),
        (None, Some(_)) => Ok(vec![]), // it is not theirs, as wished
        (None, None) => Err(RiderRejection::UnknownOffer),
    }
}

fn gone(state: &RiderState, offer_id: OfferId) -> RiderRejection {
    match state.outcome(offer_id) {
        // The end of a shift declines what is open.
        Some(Outcome::Declined) if state.shift.is_none() => RiderRejection::OffShift,
        Some(Outcome::Expired) => RiderRejection::OfferExpired,
        Some(outcome) => RiderRejection::OfferOver { outcome },
        None => RiderRejection::UnknownOffer,
    }
}

fn release(
    state: &RiderState,
    delivery_id: DeliveryId,
    offer_id: Option<OfferId>,
    reason: ReleaseReason,
    refused: Option<LapseReason>,
) -> Vec<RiderEvent> {
    let held = state.held.iter().find(|held| held.delivery_id == delivery_id);
    match (held, state.rider_id) {
        (Some(held), Some(rider_id)) if offer_id.is_none_or(|offer_id| offer_id == held.offer_id) => {
            vec![RiderEvent::DeliveryReleased(DeliveryReleased { delivery_id, rider_id, reason, refused })]
        }
        _ => vec![],
    }
}

fn accepted(offer: &OfferReceived) -> RiderEvent {
    RiderEvent::OfferAccepted(OfferAccepted {
        offer_id: offer.offer_id,
        delivery_id: offer.delivery_id,
        rider_id: offer.rider_id,
    })
}

fn declined(offer: &OfferReceived) -> RiderEvent {
    RiderEvent::OfferDeclined(OfferDeclined {
        offer_id: offer.offer_id,
        delivery_id: offer.delivery_id,
        rider_id: offer.rider_id,
    })
}

fn lapsed(offer: &OfferReceived, reason: LapseReason) -> RiderEvent {
    RiderEvent::OfferLapsed(OfferLapsed {
        offer_id: offer.offer_id,
        delivery_id: offer.delivery_id,
        rider_id: offer.rider_id,
        reason,
    })
}
