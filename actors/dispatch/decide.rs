//! The rules of a delivery: who is asked, who gets it, which step may follow which. Pure.
//!
//! At most one rider has a delivery because only `Assign` makes `delivery.assigned`, and only while the delivery is
//! asking exactly that rider by exactly that offer. Every acceptance gets one answer, assigned or refused, since the
//! rider holds a place in the bag until then.

use super::{
    event::{
        Assigned, AssignmentRefused, Cancelled, Candidate, DeliveryEvent, HeldBack, NobodyNear, NotedBy, OfferDeclined,
        OfferExpired, OfferRevoked, Offered, ReadyNoted, Requested, SearchStarted, UnassignReason, Unassignable,
        Unassigned,
    },
    handover,
    ride::{RiderStep, note_eta, note_imminent, step_of, take_step},
    rules::DispatchRules as Rules,
    state::{Bearer, DeliveryState, DeliveryStatus as Status, Eta, Phase},
};
use crate::{
    bundle::Bundle,
    decider::{Deadline, Decider},
    ids::{OfferId, PhotoId, RiderId},
    stream::Category,
    time::Timestamp,
};

/// A wish to a delivery.
#[derive(Clone, PartialEq, Debug)]
pub enum DeliveryCommand {
    /// An accepted order needs a rider.
    Request(Requested),
    /// Look for riders (the delivery's own timer).
    StartSearch,
    /// What the zone found in a round; empty: nobody.
    NoteCandidates {
        /// The round that is answered.
        round: u32,
        /// Free riders near, in any order.
        candidates: Vec<Candidate>,
    },
    /// The plan's rider for it: asked now, or if they have said no in between, the nearest.
    NoteChoice {
        /// The round that is answered.
        round: u32,
        /// Whom the plan means.
        chosen: RiderId,
        /// Free riders near, in any order, the chosen one among them.
        candidates: Vec<Candidate>,
        /// The route it is offered in, if the chosen one is asked.
        bundle: Option<Bundle>,
    },
    /// The plan has somebody for it who need not be asked before `until`.
    HoldBack {
        /// The round that is answered.
        round: u32,
        /// When the search starts anew at the latest.
        until: Timestamp,
        /// So long after the food is ready it is not held back any more, seconds.
        wait_max_s: i64,
    },
    /// The asked rider said no.
    DeclineOffer {
        /// To which offer.
        offer_id: OfferId,
    },
    /// The asked rider said nothing (the delivery's own timer).
    ExpireOffer,
    /// The asked rider said yes.
    Assign {
        /// Who.
        rider_id: RiderId,
        /// To which offer.
        offer_id: OfferId,
    },
    /// The rider does not bring it; only before pickup.
    Unassign {
        /// Who.
        rider_id: RiderId,
        /// Why.
        reason: UnassignReason,
    },
    /// The food stands ready.
    NoteReady,
    /// The rider reports a step.
    Step {
        /// Who.
        rider_id: RiderId,
        /// Which.
        step: RiderStep,
    },
    /// The rider's position shows that they have arrived; what they say themselves comes before it.
    NoticeArrival {
        /// Who.
        rider_id: RiderId,
        /// `ArrivedAtPickup` or `ArrivedAtDropoff`.
        step: RiderStep,
    },
    /// What is to be expected now; told only if it has moved.
    NoteEta {
        /// Of whom.
        rider_id: RiderId,
        /// What.
        eta: Eta,
        /// By how much it must have moved, seconds.
        moved_by_s: u32,
    },
    /// The rider is about to reach the door.
    NoteImminent {
        /// Who.
        rider_id: RiderId,
        /// When it should be handed over.
        dropoff_at: Timestamp,
    },
    /// The rider typed a PIN at the door, to hand over.
    EnterPin {
        /// Who.
        rider_id: RiderId,
        /// Whether it was the customer's.
        right: bool,
    },
    /// The rider took a photo at the door.
    NotePhoto {
        /// Who.
        rider_id: RiderId,
        /// Which.
        photo_id: PhotoId,
    },
    /// Staff vouch for the hand-over.
    WaiveProof,
    /// It takes too long (the delivery's own timer).
    NoteOverdue,
    /// The order ended badly.
    Cancel {
        /// Staff end it even though the rider has the food: it cannot be handed over.
        even_with_food: bool,
    },
}

/// Why a delivery refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DeliveryRejection {
    /// Nobody has asked for this delivery.
    #[error("this delivery does not exist")]
    Unknown,
    /// Another rider has it, or nobody.
    #[error("this delivery is not assigned to this rider")]
    NotYours,
    /// Pickup before the kitchens are done.
    #[error("the food is not ready yet")]
    FoodNotReady,
    /// The customer's PIN is needed.
    #[error("the customer's PIN is needed to hand over")]
    PinMissing,
    /// The PIN was wrong too often.
    #[error("the PIN was wrong too often: take a photo at the door, or let staff vouch for the hand-over")]
    PinSpent,
    /// A photo is needed.
    #[error("a photo at the door is needed to hand over")]
    PhotoMissing,
    /// The step cannot follow the last one.
    #[error("this step cannot follow {status:?}")]
    OutOfOrder {
        /// Where the delivery is.
        status: Status,
    },
    /// The rider has the food: nobody else can bring it, and only staff can end it.
    #[error("the food is already on its way")]
    AlreadyPickedUp,
    /// It has ended.
    #[error("this delivery is over: {status:?}")]
    Over {
        /// How it ended.
        status: Status,
    },
}

/// The decider of `delivery:{id}`.
#[derive(Clone, Copy, Debug)]
pub struct Delivery;

type Decided = Result<Vec<DeliveryEvent>, DeliveryRejection>;

impl Decider for Delivery {
    const CATEGORY: Category = Category::Delivery;
    type State = DeliveryState;
    type Command = DeliveryCommand;
    type Event = DeliveryEvent;
    type Rejection = DeliveryRejection;

    fn decide(state: &DeliveryState, command: &DeliveryCommand, now: Timestamp) -> Decided {
        let Some(asked) = &state.request else {
            return match command {
                DeliveryCommand::Request(requested) => Ok(vec![DeliveryEvent::Requested(requested.clone())]),
                // An order may end badly, or be ready, without ever having asked for a rider.
                DeliveryCommand::Cancel { .. } | DeliveryCommand::NoteReady => Ok(vec![]),
                _ => Err(DeliveryRejection::Unknown),
            };
        };
        match command {
            DeliveryCommand::Request(_) => Ok(vec![]),
            DeliveryCommand::StartSearch => Ok(start_search(state, asked, now)),
            DeliveryCommand::NoteCandidates { round, candidates } => {
                Ok(note_candidates(state, asked, *round, candidates, None, now))
            }
            DeliveryCommand::NoteChoice { round, chosen, candidates, bundle } => {
                Ok(note_candidates(state, asked, *round, candidates, Some((*chosen, bundle.as_ref())), now))
            }
            DeliveryCommand::HoldBack { round, until, wait_max_s } => {
                Ok(hold_back(state, asked, *round, *until, *wait_max_s, now))
            }
            DeliveryCommand::DeclineOffer { offer_id } => Ok(match state.phase {
                Phase::Asking { offer_id: open, rider_id, .. } if open == *offer_id => {
                    let no = OfferDeclined { offer_id: open, rider_id };
                    and_search(state, asked, DeliveryEvent::OfferDeclined(no), now)
                }
                _ => vec![],
            }),
            DeliveryCommand::ExpireOffer => Ok(match state.phase {
                Phase::Asking { offer_id, rider_id, expires_at } if now >= expires_at.plus_s(Rules::OFFER_GRACE_S) => {
                    let silence = OfferExpired { offer_id, rider_id };
                    and_search(state, asked, DeliveryEvent::OfferExpired(silence), now)
                }
                _ => vec![],
            }),
            DeliveryCommand::Assign { rider_id, offer_id } => Ok(assign(state, asked, *rider_id, *offer_id)),
            DeliveryCommand::Unassign { rider_id, reason } => unassign(state, asked, *rider_id, *reason, now),
            DeliveryCommand::NoteReady => Ok(note_ready(state, asked, now)),
            DeliveryCommand::Step { rider_id, step } => take_step(state, asked, *rider_id, *step, NotedBy::Rider),
            // A position is no wish: where it does not fit there is nothing to refuse.
            DeliveryCommand::NoticeArrival { rider_id, step } => {
                Ok(take_step(state, asked, *rider_id, *step, NotedBy::Position).unwrap_or_default())
            }
            DeliveryCommand::NoteEta { rider_id, eta, moved_by_s } => {
                Ok(note_eta(state, asked, *rider_id, *eta, *moved_by_s))
            }
            DeliveryCommand::EnterPin { rider_id, right } => handover::enter_pin(state, asked, *rider_id, *right),
            DeliveryCommand::NotePhoto { rider_id, photo_id } => {
                handover::note_photo(state, asked, *rider_id, *photo_id)
            }
            DeliveryCommand::WaiveProof => handover::waive(state, asked),
            DeliveryCommand::NoteImminent { rider_id, dropoff_at } => {
                Ok(note_imminent(state, asked, *rider_id, *dropoff_at))
            }
            DeliveryCommand::NoteOverdue => Ok(match (state.phase, state.bearer) {
                (Phase::Riding { due_at, .. }, Some(bearer)) if now >= due_at => {
                    vec![DeliveryEvent::Overdue(step_of(asked, bearer.rider_id, NotedBy::Rider))]
                }
                _ => vec![],
            }),
            DeliveryCommand::Cancel { even_with_food } => cancel(state, asked, *even_with_food),
        }
    }

    fn evolve(state: &mut DeliveryState, event: &DeliveryEvent, at: Timestamp) {
        state.evolve(event, at);
    }

    fn deadline(state: &DeliveryState) -> Option<Deadline<DeliveryCommand>> {
        let (at, command) = match state.phase {
            Phase::Unrequested | Phase::Over { .. } => return None,
            Phase::Waiting { search_at } => (search_at, DeliveryCommand::StartSearch),
            Phase::Searching { deadline_at } => (deadline_at, DeliveryCommand::StartSearch),
            Phase::Asking { expires_at, .. } => (expires_at.plus_s(Rules::OFFER_GRACE_S), DeliveryCommand::ExpireOffer),
            // Before pickup another rider can be sent. With the food on the road, or with food that does not come,
            // only a person can help: they are told, and told again.
            Phase::Riding { leg, due_at } => match (leg, state.bearer) {
                (Status::Confirmed | Status::EnrouteToPickup, Some(bearer)) => (due_at, too_late(bearer)),
                (Status::ArrivedAtPickup, Some(bearer)) if state.ready => (due_at, too_late(bearer)),
                _ => (due_at, DeliveryCommand::NoteOverdue),
            },
        };
        Some(Deadline { at, command })
    }
}

const fn too_late(bearer: Bearer) -> DeliveryCommand {
    DeliveryCommand::Unassign { rider_id: bearer.rider_id, reason: UnassignReason::TooLate }
}

fn start_search(state: &DeliveryState, asked: &Requested, now: Timestamp) -> Vec<DeliveryEvent> {
    match state.phase {
        Phase::Waiting { search_at: due } | Phase::Searching { deadline_at: due } if now >= due => {
            vec![search(state, asked, now)]
        }
        _ => vec![],
    }
}

/// The next round, or the end of looking.
fn search(state: &DeliveryState, asked: &Requested, now: Timestamp) -> DeliveryEvent {
    if now >= state.assign_by {
        return DeliveryEvent::Unassignable(Unassignable { delivery_id: asked.delivery_id, order_id: asked.order_id });
    }
    let round = state.round.saturating_add(1);
    DeliveryEvent::SearchStarted(SearchStarted {
        delivery_id: asked.delivery_id,
        court_id: asked.court_id,
        round,
        radius_m: Rules::radius_m(round),
        pickup: asked.pickup,
        not: state.declined.clone(),
        deadline_at: now.plus_s(Rules::SEARCH_S),
    })
}

/// `first`, and at once the next search in the light of it.
fn and_search(state: &DeliveryState, asked: &Requested, first: DeliveryEvent, now: Timestamp) -> Vec<DeliveryEvent> {
    let mut next = state.clone();
    next.evolve(&first, now);
    let second = search(&next, asked, now);
    vec![first, second]
}

fn note_candidates(
    state: &DeliveryState,
    asked: &Requested,
    round: u32,
    candidates: &[Candidate],
    chosen: Option<(RiderId, Option<&Bundle>)>,
    now: Timestamp,
) -> Vec<DeliveryEvent> {
    let waits = matches!(state.phase, Phase::Searching { .. }) || state.is_held_back();
    if round != state.round || !waits {
        return vec![]; // the answer of a round that is over
    }
    let mut near: Vec<Candidate> =
        candidates.iter().copied().filter(|one| !state.declined.contains(&one.rider_id)).collect();
    // Who is there first; a rider to whom no way is known comes after all others.
    near.sort_by_key(|one| (one.travel_s.unwrap_or(u32::MAX), one.distance_m, one.rider_id));
    let planned = near.iter().find(|one| chosen.is_some_and(|(rider_id, _)| one.rider_id == rider_id)).copied();
    let Some(asked_first) = planned.or(near.first().copied()) else {
        return vec![DeliveryEvent::NobodyNear(nobody_near(state, now))];
    };
    near.truncate(Rules::CANDIDATES);
    if !near.contains(&asked_first) {
        near.pop();
        near.push(asked_first);
    }
    vec![DeliveryEvent::Offered(Offered {
        delivery_id: asked.delivery_id,
        order_id: asked.order_id,
        offer_id: OfferId::of(asked.delivery_id, asked_first.rider_id, round),
        rider_id: asked_first.rider_id,
        round,
        distance_m: asked_first.distance_m,
        pickup: asked.pickup,
        dropoff_coarse: asked.dropoff.coarse(),
        ready_at: asked.ready_at,
        expires_at: now.plus_s(Rules::OFFER_S),
        considered: near,
        bundle: chosen.filter(|_| planned.is_some()).and_then(|(_, bundle)| bundle.cloned()),
    })]
}

/// Not before `until`, and never beyond the bound: what waits for a plan must not starve.
fn hold_back(
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

fn assign(state: &DeliveryState, asked: &Requested, rider_id: RiderId, offer_id: OfferId) -> Vec<DeliveryEvent> {
    if state.settled.contains(&offer_id) {
        return vec![];
    }
    let delivery_id = asked.delivery_id;
    match state.phase {
        Phase::Asking { offer_id: open, rider_id: who, .. } if open == offer_id && who == rider_id => {
            vec![DeliveryEvent::Assigned(Assigned {
                delivery_id,
                order_id: asked.order_id,
                rider_id,
                offer_id,
                pickup: asked.pickup,
                dropoff: asked.dropoff,
                ready_at: asked.ready_at,
            })]
        }
        _ => vec![DeliveryEvent::AssignmentRefused(AssignmentRefused { delivery_id, rider_id, offer_id })],
    }
}

fn unassign(
    state: &DeliveryState,
    asked: &Requested,
    rider_id: RiderId,
    reason: UnassignReason,
    now: Timestamp,
) -> Decided {
    let (Phase::Riding { leg, due_at }, Some(bearer)) = (state.phase, state.bearer) else { return Ok(vec![]) };
    if bearer.rider_id != rider_id || (reason == UnassignReason::TooLate && now < due_at) {
        return Ok(vec![]);
    }
    if leg.has_food() {
        return Err(DeliveryRejection::AlreadyPickedUp);
    }
    let first = Unassigned {
        delivery_id: asked.delivery_id,
        order_id: asked.order_id,
        rider_id,
        offer_id: bearer.offer_id,
        reason,
    };
    Ok(and_search(state, asked, DeliveryEvent::Unassigned(first), now))
}

fn note_ready(state: &DeliveryState, asked: &Requested, now: Timestamp) -> Vec<DeliveryEvent> {
    let over = matches!(state.phase, Phase::Over { .. });
    if state.ready || over {
        return vec![];
    }
    let ready = DeliveryEvent::ReadyNoted(ReadyNoted {});
    // Ready before the look-ahead expected it: look for a rider now.
    if state.round == 0 { and_search(state, asked, ready, now) } else { vec![ready] }
}

fn cancel(state: &DeliveryState, asked: &Requested, even_with_food: bool) -> Decided {
    let mut events = vec![];
    match state.phase {
        Phase::Over { end: Status::Delivered } => return Err(DeliveryRejection::Over { status: Status::Delivered }),
        Phase::Over { .. } => return Ok(events),
        Phase::Riding { leg, .. } if leg.has_food() && !even_with_food => {
            return Err(DeliveryRejection::AlreadyPickedUp);
        }
        Phase::Asking { offer_id, rider_id, .. } => {
            events.push(DeliveryEvent::OfferRevoked(OfferRevoked { offer_id, rider_id }));
        }
        _ => {}
    }
    events.push(DeliveryEvent::Cancelled(Cancelled {
        delivery_id: asked.delivery_id,
        order_id: asked.order_id,
        rider_id: state.bearer.map(|bearer| bearer.rider_id),
    }));
    Ok(events)
}
