//! The rules of a delivery: who is asked, who gets it, which step may follow which. Pure.
//!
//! Who is asked, and what comes of the answers, stands in `asking`.

use super::{
    asking::{self, Whom},
    event::{
        Cancelled, Candidate, DeliveryEvent, NotedBy, ReadyNoted, Requested, RevokeReason, SearchStarted,
        UnassignReason, Unassignable, Unassigned,
    },
    handover,
    ride::{RiderStep, note_eta, note_imminent, step_of, take_step},
    rules::DispatchRules as Rules,
    state::{Bearer, DeliveryState, DeliveryStatus as Status, Eta, Phase},
};
use crate::{
    bundle::Bundle,
    decider::{Deadline, Decider},
    ids::{CommandId, OfferId, PhotoId, RiderId},
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
        /// So many of them are asked at once, 1 to [`Rules::AT_ONCE_MAX`].
        at_once: u32,
    },
    /// The plan's rider for it: asked now, or if they have said no in between, the nearest.
    NoteChoice {
        /// The round that is answered.
        round: u32,
        /// Whom the plan means.
        chosen: RiderId,
        /// Who is asked at the same time.
        also: Vec<RiderId>,
        /// Free riders near, in any order, the chosen one among them.
        candidates: Vec<Candidate>,
        /// The route it is offered in, if the chosen one is asked.
        bundle: Option<Bundle>,
    },
    /// Another rider would have it at the door sooner than the one who has it: asked, while that one keeps it.
    AskBetter {
        /// Who has it.
        bearer: RiderId,
        /// So many seconds later they would have it at the door.
        later_s: u32,
        /// Who is asked.
        chosen: RiderId,
        /// Both.
        candidates: Vec<Candidate>,
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
        /// Makes a wrong try safe to repeat.
        command_id: Option<CommandId>,
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
            DeliveryCommand::NoteCandidates { round, candidates, at_once } => {
                Ok(asking::note_candidates(state, asked, *round, candidates, &Whom::Nearest(*at_once), now))
            }
            DeliveryCommand::NoteChoice { round, chosen, also, candidates, bundle } => {
                let whom = Whom::Chosen { chosen: *chosen, also, bundle: bundle.as_ref() };
                Ok(asking::note_candidates(state, asked, *round, candidates, &whom, now))
            }
            DeliveryCommand::AskBetter { bearer, later_s, chosen, candidates } => {
                Ok(asking::ask_better(state, asked, (*bearer, *later_s), *chosen, candidates, now))
            }
            DeliveryCommand::HoldBack { round, until, wait_max_s } => {
                Ok(asking::hold_back(state, asked, *round, *until, *wait_max_s, now))
            }
            DeliveryCommand::DeclineOffer { offer_id } => Ok(asking::decline(state, asked, *offer_id, now)),
            DeliveryCommand::ExpireOffer => Ok(asking::expire(state, asked, now)),
            DeliveryCommand::Assign { rider_id, offer_id } => Ok(asking::assign(state, asked, *rider_id, *offer_id)),
            DeliveryCommand::Unassign { rider_id, reason } => unassign(state, asked, *rider_id, *reason, now),
            DeliveryCommand::NoteReady => Ok(note_ready(state, asked, now)),
            DeliveryCommand::Step { rider_id, step } => {
                let taken = take_step(state, asked, *rider_id, *step, NotedBy::Rider)?;
                Ok(asking::and_keep(state, taken))
            }
            // A position is no wish: where it does not fit there is nothing to refuse.
            DeliveryCommand::NoticeArrival { rider_id, step } => {
                let noticed = take_step(state, asked, *rider_id, *step, NotedBy::Position).unwrap_or_default();
                Ok(asking::and_keep(state, noticed))
            }
            DeliveryCommand::NoteEta { rider_id, eta, moved_by_s } => {
                Ok(note_eta(state, asked, *rider_id, *eta, *moved_by_s))
            }
            DeliveryCommand::EnterPin { rider_id, right, command_id } => {
                handover::enter_pin(state, asked, *rider_id, *right, *command_id)
            }
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
            Phase::Asking => (asking::first_end(state)?, DeliveryCommand::ExpireOffer),
            // Before pickup another rider can be sent. With the food on the road, or with food that does not come,
            // only a person can help: they are told, and told again.
            Phase::Riding { leg, due_at } => match (leg, state.bearer) {
                (Status::Confirmed | Status::EnrouteToPickup, Some(bearer)) => (due_at, too_late(bearer)),
                (Status::ArrivedAtPickup, Some(bearer)) if state.ready => (due_at, too_late(bearer)),
                _ => (due_at, DeliveryCommand::NoteOverdue),
            },
        };
        let ends = asking::first_end(state).filter(|ends| *ends < at);
        Some(ends.map_or(Deadline { at, command }, |at| Deadline { at, command: DeliveryCommand::ExpireOffer }))
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

/// `first`, and where nobody is asked or on the way any more, at once the next search in the light of it.
pub(super) fn and_search(
    state: &DeliveryState,
    asked: &Requested,
    first: Vec<DeliveryEvent>,
    now: Timestamp,
) -> Vec<DeliveryEvent> {
    let (mut next, mut events) = (state.clone(), first);
    events.iter().for_each(|event| next.evolve(event, now));
    if matches!(next.phase, Phase::Waiting { .. }) {
        events.push(search(&next, asked, now));
    }
    events
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
    Ok(and_search(state, asked, vec![DeliveryEvent::Unassigned(first)], now))
}

fn note_ready(state: &DeliveryState, asked: &Requested, now: Timestamp) -> Vec<DeliveryEvent> {
    let over = matches!(state.phase, Phase::Over { .. });
    if state.ready || over {
        return vec![];
    }
    let ready = DeliveryEvent::ReadyNoted(ReadyNoted {});
    // Ready before the look-ahead expected it: look for a rider now.
    if state.round == 0 { and_search(state, asked, vec![ready], now) } else { vec![ready] }
}

fn cancel(state: &DeliveryState, asked: &Requested, even_with_food: bool) -> Decided {
    let mut events = vec![];
    match state.phase {
        Phase::Over { end: Status::Delivered } => return Err(DeliveryRejection::Over { status: Status::Delivered }),
        Phase::Over { .. } => return Ok(events),
        Phase::Riding { leg, .. } if leg.has_food() && !even_with_food => {
            return Err(DeliveryRejection::AlreadyPickedUp);
        }
        _ => {}
    }
    events.extend(asking::revoke(state, None, RevokeReason::Cancelled));
    events.push(DeliveryEvent::Cancelled(Cancelled {
        delivery_id: asked.delivery_id,
        order_id: asked.order_id,
        rider_id: state.bearer.map(|bearer| bearer.rider_id),
    }));
    Ok(events)
}
