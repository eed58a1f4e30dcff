//! Who is asked for a delivery, and what comes of the answers. Pure.
//!
//! At most one rider has a delivery because only `assign` makes `delivery.assigned`, and only for an offer that is open:
//! however many are asked at once, the first yes that the delivery reads closes all others with the same append. Every
//! acceptance gets one answer, assigned or refused, since the rider holds a place in the bag until then.

use super::{
    decide::and_search,
    event::{
        Assigned, AssignmentRefused, Candidate, DeliveryEvent, HeldBack, InsteadOf, NobodyNear, OfferDeclined,
        OfferExpired, OfferRevoked, Offered, Requested, RevokeReason, UnassignReason, Unassigned,
    },
    ride::leg_of,
    rules::DispatchRules as Rules,
    state::{DeliveryState, DeliveryStatus, Phase},
};
use crate::{
    bundle::Bundle,
    ids::{OfferId, RiderId},
    time::Timestamp,
};

/// Who of the candidates is to be asked.
pub(super) enum Whom<'a> {
    /// So many, whoever is there first.
    Nearest(u32),
    /// Whom the plan means, and who is asked at the same time; who has said no in between is not.
    Chosen { chosen: RiderId, also: &'a [RiderId], bundle: Option<&'a Bundle> },
}

pub(super) fn note_candidates(
    state: &DeliveryState,
    asked: &Requested,
    round: u32,
    candidates: &[Candidate],
    whom: &Whom<'_>,
    now: Timestamp,
) -> Vec<DeliveryEvent> {
    let waits = matches!(state.phase, Phase::Searching { .. }) || state.is_held_back();
    if round != state.round || !waits {
        return vec![]; // the answer of a round that is over
    }
    let mut near: Vec<Candidate> =
        candidates.iter().copied().filter(|one| !state.declined.contains(&one.rider_id)).collect();
    near.sort_by_key(Candidate::first_there);
    let mut wanted: Vec<Candidate> = match whom {
        Whom::Nearest(at_once) => near.iter().take(*at_once as usize).copied().collect(),
        Whom::Chosen { chosen, also, .. } => {
            let of = |rider_id: &RiderId| near.iter().find(|one| one.rider_id == *rider_id).copied();
            std::iter::once(chosen).chain(*also).filter_map(of).collect()
        }
    };
    if wanted.is_empty() {
        wanted.extend(near.first());
    }
    wanted.truncate(Rules::AT_ONCE_MAX);
    if wanted.is_empty() {
        return vec![DeliveryEvent::NobodyNear(nobody_near(state, now))];
    }
    near.retain(|one| !wanted.contains(one));
    let mut considered: Vec<Candidate> = wanted.iter().chain(&near).take(Rules::CANDIDATES).copied().collect();
    considered.sort_by_key(Candidate::first_there);
    let bundle = |one: &Candidate| match whom {
        Whom::Chosen { chosen, bundle, .. } if one.rider_id == *chosen => bundle.cloned(),
        _ => None,
    };
    let offer = |one: &Candidate| Offered { bundle: bundle(one), ..offer_to(asked, one, round, &considered, now) };
    wanted.iter().map(offer).map(DeliveryEvent::Offered).collect()
}

/// An offer of this delivery alone, which nobody has.
fn offer_to(asked: &Requested, one: &Candidate, round: u32, considered: &[Candidate], now: Timestamp) -> Offered {
    Offered {
        delivery_id: asked.delivery_id,
        order_id: asked.order_id,
        offer_id: OfferId::of(asked.delivery_id, one.rider_id, round),
        rider_id: one.rider_id,
        round,
        distance_m: one.distance_m,
        pickup: asked.pickup,
        dropoff_coarse: asked.dropoff.coarse(),
        ready_at: asked.ready_at,
        expires_at: now.plus_s(Rules::OFFER_S),
        considered: considered.to_vec(),
        bundle: None,
        instead_of: None,
    }
}

/// Not before `until`, and never beyond the bound: what waits for a plan must not starve.
pub(super) fn hold_back(
    state: &DeliveryState,
    asked: &Requested,
    round: u32,
    until: Timestamp,
    wait_max_s: i64,
    now: Timestamp,
) -> Vec<DeliveryEvent> {
    let latest_at = asked.ready_at.plus_s(wait_max_s.clamp(0, Rules::HOLD_AFTER_READY_MAX_S)).min(state.assign_by);
    let until = until.min(latest_at).min(now.plus_s(Rules::HOLD_S));
    let answers = round == state.round && matches!(state.phase, Phase::Searching { .. });
    if !answers || until <= now {
        return vec![];
    }
    vec![DeliveryEvent::HeldBack(HeldBack { round, until, latest_at })]
}

fn nobody_near(state: &DeliveryState, now: Timestamp) -> NobodyNear {
    let radius_m = Rules::radius_m(state.round);
    let asks_again = Rules::is_widest(radius_m) && !state.declined.is_empty();
    let pause_s = match (Rules::is_widest(radius_m), asks_again) {
        (false, _) => Rules::WIDEN_S,
        (true, false) => Rules::RETRY_S,
        (true, true) => Rules::ASK_AGAIN_S,
    };
    // Never past the end of looking, so that the order hears in time that nobody comes.
    let retry_at = now.plus_s(pause_s).min(state.assign_by.max(now));
    NobodyNear { round: state.round, radius_m, retry_at, asks_again }
}

pub(super) fn decline(
    state: &DeliveryState,
    asked: &Requested,
    offer_id: OfferId,
    now: Timestamp,
) -> Vec<DeliveryEvent> {
    let Some(open) = state.open(offer_id) else { return vec![] };
    let no = OfferDeclined { offer_id, rider_id: open.rider_id };
    and_search(state, asked, vec![DeliveryEvent::OfferDeclined(no)], now)
}

/// When the first of those who are asked has had their time, the delivery's patience included.
pub(super) fn first_end(state: &DeliveryState) -> Option<Timestamp> {
    state.offers.iter().map(|offer| offer.expires_at.plus_s(Rules::OFFER_GRACE_S)).min()
}

pub(super) fn expire(state: &DeliveryState, asked: &Requested, now: Timestamp) -> Vec<DeliveryEvent> {
    let silent = state.offers.iter().filter(|offer| now >= offer.expires_at.plus_s(Rules::OFFER_GRACE_S));
    let expired = |offer_id, rider_id| DeliveryEvent::OfferExpired(OfferExpired { offer_id, rider_id });
    let events: Vec<DeliveryEvent> = silent.map(|offer| expired(offer.offer_id, offer.rider_id)).collect();
    if events.is_empty() { events } else { and_search(state, asked, events, now) }
}

/// Takes back every open offer but `but`.
pub(super) fn revoke(state: &DeliveryState, but: Option<OfferId>, reason: RevokeReason) -> Vec<DeliveryEvent> {
    let others = state.offers.iter().filter(|offer| Some(offer.offer_id) != but);
    others
        .map(|offer| OfferRevoked { offer_id: offer.offer_id, rider_id: offer.rider_id, reason })
        .map(DeliveryEvent::OfferRevoked)
        .collect()
}

/// Asks somebody who would have it at the door sooner, while `bearer` keeps it. Once: a delivery must not be passed on and
/// on, and one that nobody wanted to take over is well where it is.
pub(super) fn ask_better(
    state: &DeliveryState,
    asked: &Requested,
    (bearer, later_s): (RiderId, u32),
    chosen: RiderId,
    candidates: &[Candidate],
    now: Timestamp,
) -> Vec<DeliveryEvent> {
    let on_the_way = leg_of(state, bearer).is_some_and(|leg| leg < DeliveryStatus::ArrivedAtPickup);
    let may = on_the_way && state.bettered < Rules::BETTER_MAX && state.offers.is_empty() && chosen != bearer;
    let Some(one) = candidates.iter().find(|one| one.rider_id == chosen) else { return vec![] };
    if !may || state.declined.contains(&chosen) {
        return vec![];
    }
    let round = state.round.saturating_add(1);
    let instead_of = Some(InsteadOf { rider_id: bearer, later_s });
    vec![DeliveryEvent::Offered(Offered { instead_of, ..offer_to(asked, one, round, candidates, now) })]
}

/// `events`, and if they bring the rider to the court, no for whoever was asked to be there sooner.
pub(super) fn and_keep(state: &DeliveryState, mut events: Vec<DeliveryEvent>) -> Vec<DeliveryEvent> {
    if events.iter().any(|event| matches!(event, DeliveryEvent::ArrivedAtPickup(_))) {
        events.extend(revoke(state, None, RevokeReason::Kept));
    }
    events
}

pub(super) fn assign(
    state: &DeliveryState,
    asked: &Requested,
    rider_id: RiderId,
    offer_id: OfferId,
) -> Vec<DeliveryEvent> {
    if state.settled.contains(&offer_id) {
        return vec![];
    }
    let delivery_id = asked.delivery_id;
    if state.open(offer_id).is_none_or(|open| open.rider_id != rider_id) {
        let reason = state.refusal(offer_id);
        return vec![DeliveryEvent::AssignmentRefused(AssignmentRefused { delivery_id, rider_id, offer_id, reason })];
    }
    let mut events = vec![];
    if let (Phase::Riding { .. }, Some(bearer)) = (state.phase, state.bearer) {
        // In one append: there is no moment in which nobody has it, and none in which two have.
        events.push(DeliveryEvent::Unassigned(Unassigned {
            delivery_id,
            order_id: asked.order_id,
            rider_id: bearer.rider_id,
            offer_id: bearer.offer_id,
            reason: UnassignReason::Better,
        }));
    }
    events.push(DeliveryEvent::Assigned(Assigned {
        delivery_id,
        order_id: asked.order_id,
        rider_id,
        offer_id,
        pickup: asked.pickup,
        dropoff: asked.dropoff,
        ready_at: asked.ready_at,
    }));
    events.extend(revoke(state, Some(offer_id), RevokeReason::Taken));
    events
}
