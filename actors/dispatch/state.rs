//! What a delivery's facts amount to. Rules stand in `decide`; this file only remembers.

use serde::{Deserialize, Serialize};

use super::{
    event::{DeliveryEvent, Offered, RefuseReason, Requested, RevokeReason, UnassignReason},
    rules::DispatchRules as Rules,
};
use crate::{
    ids::{CommandId, OfferId, PhotoId, RiderId},
    time::Timestamp,
};

/// Where a delivery is, in the words of the field.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// A rider is (or will be) sought.
    Created,
    /// A rider has it.
    Confirmed,
    /// The rider rides to the court.
    EnrouteToPickup,
    /// The rider stands at the hand-off point.
    ArrivedAtPickup,
    /// The rider has the food.
    PickedUp,
    /// The rider rides to the door.
    EnrouteToDropoff,
    /// The rider stands at the door.
    ArrivedAtDropoff,
    /// Handed over. The end.
    Delivered,
    /// The order ended badly. The end.
    Cancelled,
    /// Nobody could be found. The end.
    Unassignable,
}

impl DeliveryStatus {
    /// Whether nothing will happen any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Delivered | Self::Cancelled | Self::Unassignable)
    }
    /// Whether a rider has the food.
    #[must_use]
    pub const fn has_food(self) -> bool {
        matches!(self, Self::PickedUp | Self::EnrouteToDropoff | Self::ArrivedAtDropoff)
    }
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum Phase {
    /// Nobody has asked for this delivery yet.
    #[default]
    Unrequested,
    /// For the time of the next search.
    Waiting {
        /// When it starts.
        search_at: Timestamp,
    },
    /// For the zone's answer.
    Searching {
        /// Unanswered until then, the search starts anew.
        deadline_at: Timestamp,
    },
    /// For the answers of those who are asked.
    Asking,
    /// For the rider's next step, or for the food.
    Riding {
        /// The last step.
        leg: DeliveryStatus,
        /// When it takes too long.
        due_at: Timestamp,
    },
    /// For nothing.
    Over {
        /// How it ended.
        end: DeliveryStatus,
    },
}

/// A rider who is being asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OpenOffer {
    /// Which offer.
    pub offer_id: OfferId,
    /// Who.
    pub rider_id: RiderId,
    /// What the rider was told.
    pub expires_at: Timestamp,
}

/// An offer that ended without a yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EndedOffer {
    /// Which offer.
    pub offer_id: OfferId,
    /// What a yes to it is told that comes after all.
    pub reason: RefuseReason,
}

/// Who brings it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bearer {
    /// The rider.
    pub rider_id: RiderId,
    /// The offer they accepted.
    pub offer_id: OfferId,
}

/// What is expected, as last told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Eta {
    /// When the rider should be at the court; `None` once they have been.
    pub pickup_at: Option<Timestamp>,
    /// When it should be handed over at the door.
    pub dropoff_at: Timestamp,
}

impl Eta {
    /// Whether it is news to who was told `known`: either instant has moved by `moved_by_s` seconds or more, or nothing
    /// was told yet.
    #[must_use]
    pub fn is_news(&self, known: Option<Self>, moved_by_s: u32) -> bool {
        let apart = |a: Timestamp, b: Timestamp| a.since(b).max(b.since(a)).as_secs() >= u64::from(moved_by_s);
        known.is_none_or(|known| {
            apart(known.dropoff_at, self.dropoff_at)
                || known.pickup_at.zip(self.pickup_at).is_some_and(|(a, b)| apart(a, b))
        })
    }
}

/// One delivery.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct DeliveryState {
    /// What was asked for.
    pub request: Option<Requested>,
    /// What is waited for.
    pub phase: Phase,
    /// Who is being asked: whoever of them says yes first has it.
    pub offers: Vec<OpenOffer>,
    /// The last search's round.
    pub round: u32,
    /// No rider until then: unassignable.
    pub assign_by: Timestamp,
    /// Waits for its plan, not for the next look: somebody may be asked before `search_at`.
    #[serde(default)]
    pub held_back: bool,
    /// Who brings it; kept after the hand-over.
    pub bearer: Option<Bearer>,
    /// How often somebody was asked instead of who had it.
    #[serde(default)]
    pub bettered: u32,
    /// Whether the food stands ready.
    pub ready: bool,
    /// Who said no, said nothing or was taken off, and is not asked again for now.
    pub declined: Vec<RiderId>,
    /// Acceptances that have had their answer, oldest first.
    pub settled: Vec<OfferId>,
    /// Offers that ended by themselves or were taken back, oldest first.
    #[serde(default)]
    pub ended: Vec<EndedOffer>,
    /// How often staff have been told in this leg.
    pub reminders: u32,
    /// Since when the rider is in this leg.
    #[serde(default)]
    pub leg_since: Option<Timestamp>,
    /// What the order was last told to expect of this rider.
    #[serde(default)]
    pub eta: Option<Eta>,
    /// The customer was told that the rider is about to come.
    #[serde(default)]
    pub imminent: bool,
    /// Wrong tries of the PIN.
    #[serde(default)]
    pub pin_refusals: u32,
    /// Those of them that can be sent again.
    #[serde(default)]
    pub pin_tries: Vec<CommandId>,
    /// The newest photo of the hand-over.
    #[serde(default)]
    pub photo_id: Option<PhotoId>,
    /// Staff vouch for the hand-over.
    #[serde(default)]
    pub proof_waived: bool,
}

impl DeliveryState {
    /// Where it is; `None` before it was requested.
    #[must_use]
    pub const fn status(&self) -> Option<DeliveryStatus> {
        match self.phase {
            Phase::Unrequested => None,
            Phase::Waiting { .. } | Phase::Searching { .. } | Phase::Asking => Some(DeliveryStatus::Created),
            Phase::Riding { leg, .. } => Some(leg),
            Phase::Over { end } => Some(end),
        }
    }
    /// Whether `rider_id` brings it now.
    #[must_use]
    pub fn is_brought_by(&self, rider_id: RiderId) -> bool {
        matches!(self.phase, Phase::Riding { .. }) && self.bearer.is_some_and(|bearer| bearer.rider_id == rider_id)
    }

    /// The open offer `offer_id`.
    #[must_use]
    pub fn open(&self, offer_id: OfferId) -> Option<&OpenOffer> {
        self.offers.iter().find(|offer| offer.offer_id == offer_id)
    }
    /// Why a yes to `offer_id` comes too late: by how the offer ended, or where that is not remembered, by what became of
    /// the delivery.
    #[must_use]
    pub fn refusal(&self, offer_id: OfferId) -> RefuseReason {
        let ended = self.ended.iter().rev().find(|ended| ended.offer_id == offer_id);
        match (ended, self.phase) {
            (Some(ended), _) => ended.reason,
            (None, Phase::Riding { .. } | Phase::Over { end: DeliveryStatus::Delivered }) => RefuseReason::Taken,
            (None, Phase::Over { end: DeliveryStatus::Cancelled }) => RefuseReason::Cancelled,
            (None, _) => RefuseReason::Expired,
        }
    }
    /// Whether `rider_id` is being asked.
    #[must_use]
    pub fn asks(&self, rider_id: RiderId) -> bool {
        self.offers.iter().any(|offer| offer.rider_id == rider_id)
    }
    /// Whether a rider is planned for it who need not be asked yet.
    #[must_use]
    pub const fn is_held_back(&self) -> bool {
        self.held_back && matches!(self.phase, Phase::Waiting { .. })
    }

    pub(super) fn evolve(&mut self, event: &DeliveryEvent, at: Timestamp) {
        use DeliveryStatus as Status;
        // Whatever changes what is waited for ends the holding back.
        self.held_back = match event {
            DeliveryEvent::HeldBack(_) => true,
            DeliveryEvent::ReadyNoted(_) => self.held_back,
            _ => false,
        };
        match event {
            DeliveryEvent::Requested(requested) => {
                self.assign_by = requested.assign_by;
                self.phase = Phase::Waiting { search_at: Rules::search_at(requested.ready_at, at) };
                self.request = Some(requested.clone());
            }
            DeliveryEvent::SearchStarted(search) => {
                self.round = search.round;
                self.phase = Phase::Searching { deadline_at: search.deadline_at };
            }
            DeliveryEvent::HeldBack(held) => self.phase = Phase::Waiting { search_at: held.until },
            DeliveryEvent::NobodyNear(nobody) => {
                if nobody.asks_again {
                    self.declined.clear();
                }
                self.phase = Phase::Waiting { search_at: nobody.retry_at };
            }
            DeliveryEvent::Offered(offered) => {
                let Offered { offer_id, rider_id, expires_at, .. } = *offered;
                self.offers.push(OpenOffer { offer_id, rider_id, expires_at });
                if offered.instead_of.is_some() {
                    self.round = offered.round;
                    self.bettered = self.bettered.saturating_add(1);
                } else {
                    self.phase = Phase::Asking;
                }
            }
            DeliveryEvent::OfferDeclined(no) => {
                self.not_them(no.rider_id);
                self.over(no.offer_id, at);
            }
            DeliveryEvent::OfferExpired(silence) => {
                self.not_them(silence.rider_id);
                self.over(silence.offer_id, at);
                self.ended(silence.offer_id, RefuseReason::Expired);
            }
            DeliveryEvent::OfferRevoked(revoked) => {
                self.over(revoked.offer_id, at);
                let reason = match revoked.reason {
                    RevokeReason::Cancelled => RefuseReason::Cancelled,
                    RevokeReason::Taken | RevokeReason::Kept => RefuseReason::Taken,
                };
                self.ended(revoked.offer_id, reason);
            }
            DeliveryEvent::Assigned(assigned) => {
                self.settle(assigned.offer_id);
                self.offers.retain(|offer| offer.offer_id != assigned.offer_id);
                self.bearer = Some(Bearer { rider_id: assigned.rider_id, offer_id: assigned.offer_id });
                self.ride(Status::Confirmed, at);
            }
            DeliveryEvent::AssignmentRefused(refused) => self.settle(refused.offer_id),
            DeliveryEvent::Unassigned(unassigned) => {
                self.bearer = None;
                self.eta = None;
                self.assign_by = self.assign_by.max(at.plus_min(Rules::REASSIGN_WITHIN_MIN));
                if unassigned.reason != UnassignReason::Better {
                    self.not_them(unassigned.rider_id);
                }
                // Somebody may be asked already who was to be there sooner.
                self.phase = if self.offers.is_empty() { Phase::Waiting { search_at: at } } else { Phase::Asking };
            }
            DeliveryEvent::ReadyNoted(_) => {
                self.ready = true;
                if let Phase::Riding { leg: Status::ArrivedAtPickup, .. } = self.phase {
                    self.ride(Status::ArrivedAtPickup, at);
                }
            }
            DeliveryEvent::EtaMoved(moved) => {
                self.eta = Some(Eta { pickup_at: moved.pickup_eta_at, dropoff_at: moved.dropoff_eta_at });
            }
            DeliveryEvent::CourierImminent(_) => self.imminent = true,
            DeliveryEvent::PinRefused(fact) => {
                self.pin_refusals = self.pin_refusals.saturating_add(1);
                self.pin_tries.extend(fact.command_id);
            }
            DeliveryEvent::PhotoTaken(taken) => self.photo_id = Some(taken.photo_id),
            DeliveryEvent::ProofWaived(_) => self.proof_waived = true,
            DeliveryEvent::EnrouteToPickup(_) => {
                if let Phase::Riding { leg, .. } = &mut self.phase {
                    *leg = Status::EnrouteToPickup; // the time to arrive runs on
                }
            }
            DeliveryEvent::ArrivedAtPickup(_) => self.ride(Status::ArrivedAtPickup, at),
            DeliveryEvent::PickedUp(_) => self.ride(Status::PickedUp, at),
            DeliveryEvent::EnrouteToDropoff(_) => self.ride(Status::EnrouteToDropoff, at),
            DeliveryEvent::ArrivedAtDropoff(_) => self.ride(Status::ArrivedAtDropoff, at),
            DeliveryEvent::Delivered(_) => self.phase = Phase::Over { end: Status::Delivered },
            DeliveryEvent::Cancelled(_) => self.end_without_rider(Status::Cancelled),
            DeliveryEvent::Unassignable(_) => self.end_without_rider(Status::Unassignable),
            DeliveryEvent::Overdue(_) => {
                self.reminders = self.reminders.saturating_add(1);
                let remind_at = Rules::remind_at(self.reminders, at);
                if let Phase::Riding { due_at, .. } = &mut self.phase {
                    *due_at = remind_at;
                }
            }
        }
    }

    /// The offer is over. With the last of those that were made the search may go on at once.
    fn over(&mut self, offer_id: OfferId, at: Timestamp) {
        self.offers.retain(|offer| offer.offer_id != offer_id);
        if self.phase == Phase::Asking && self.offers.is_empty() {
            self.phase = Phase::Waiting { search_at: at };
        }
    }

    /// The rider is not asked again for now.
    fn not_them(&mut self, rider_id: RiderId) {
        self.declined.retain(|other| *other != rider_id);
        if self.declined.len() >= Rules::DECLINED_MAX {
            self.declined.remove(0);
        }
        self.declined.push(rider_id);
    }

    fn settle(&mut self, offer_id: OfferId) {
        if self.settled.len() >= Rules::SETTLED_MAX {
            self.settled.remove(0);
        }
        self.settled.push(offer_id);
    }

    fn ended(&mut self, offer_id: OfferId, reason: RefuseReason) {
        if self.ended.len() >= Rules::SETTLED_MAX {
            self.ended.remove(0);
        }
        self.ended.push(EndedOffer { offer_id, reason });
    }

    /// Enters a leg at `at`, with its time limit.
    fn ride(&mut self, leg: DeliveryStatus, at: Timestamp) {
        let (ready_at, promised_at) =
            self.request.as_ref().map_or((at, at), |asked| (asked.ready_at, asked.promised_at));
        let due_at = match leg {
            DeliveryStatus::Confirmed | DeliveryStatus::EnrouteToPickup => {
                at.plus_min(Rules::ARRIVE_WITHIN_MIN).max(ready_at.plus_min(Rules::ARRIVE_AFTER_READY_MIN))
            }
            DeliveryStatus::ArrivedAtPickup if self.ready => at.plus_min(Rules::PICK_UP_WITHIN_MIN),
            DeliveryStatus::ArrivedAtPickup => at.max(ready_at).plus_min(Rules::WAIT_FOR_FOOD_MIN),
            _ => at.max(promised_at).plus_min(Rules::DELIVER_WITHIN_MIN),
        };
        self.reminders = 0;
        self.leg_since = Some(at);
        self.phase = Phase::Riding { leg, due_at };
    }

    fn end_without_rider(&mut self, end: DeliveryStatus) {
        self.bearer = None;
        self.phase = Phase::Over { end };
    }
}
