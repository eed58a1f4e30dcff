//! What dispatch writes down of its decisions: each tick of the plan, and each search for the nearest as a tick of one,
//! with what was seen and what was said; and out of it, why each delivery was decided as it was. Pure. Where it is kept
//! stands behind [`Records`]; losing it costs an explanation and nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    live::{Decided, PlanSettings, Verdict, Waiting, Weighed},
    survey::{Around, Seen},
};
use crate::{
    ids::{DeliveryId, RiderId},
    place::Position,
    time::Timestamp,
};

/// Barred riders told of one delivery, the nearest first; more than a person reads.
const BARRED_MAX: usize = 12;
/// A wait is told anew this often at most, seconds: between two riders who cost the same a plan may change its mind with
/// each tick, and neither is asked.
const WAIT_TOLD_S: i64 = 60;
/// Deliveries whose last decision is remembered; beyond that all is forgotten, which costs repeats.
const KNOWN_MAX: usize = 20_000;

/// Where ticks are kept.
pub trait Records: Send + Sync + 'static {
    /// Takes a tick. Must return at once: what cannot be taken is lost.
    fn ticked(&self, tick: Tick);
}

/// Who decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DispatchPolicyName)]
pub enum Policy {
    /// The search for the nearest free rider, each delivery for itself.
    Nearest,
    /// One plan over all waiting deliveries.
    Matcher,
}

/// Why a rider could not be asked for a delivery.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bar {
    /// Said no to this delivery, was silent, or was taken off it.
    Declined,
    /// Is being asked for something, and has not answered.
    Asked,
    /// Is about to be asked by another search.
    Reserved,
    /// Has sent no position for a while.
    Silent,
    /// Has accepted something that is not settled yet.
    Unsettled,
    /// The bag is full.
    Full,
    /// Beyond the search's radius.
    TooFar,
}

/// A delivery as a tick found it.
#[derive(Clone, PartialEq, Debug)]
pub struct Sought {
    /// What it asks.
    pub waiting: Waiting,
    /// The round of its search.
    pub round: u32,
    /// How far that round looks, metres.
    pub radius_m: u32,
    /// Unanswered until then, the search starts anew.
    pub deadline_at: Timestamp,
}

/// One tick: what was seen, what was said.
#[derive(Clone, PartialEq, Debug)]
pub struct Tick {
    /// When.
    pub at: Timestamp,
    /// Who decided.
    pub policy: Policy,
    /// By which numbers.
    pub settings: PlanSettings,
    /// What waited.
    pub open: Vec<Sought>,
    /// Who was near.
    pub around: Around,
    /// What was said of each.
    pub decided: Vec<Decided>,
}

/// What was said of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Said {
    /// This rider is asked now.
    Ask {
        /// Who.
        rider_id: RiderId,
    },
    /// This rider is planned, and need not be asked yet.
    Wait {
        /// Who.
        rider_id: RiderId,
        /// When to ask.
        until: Timestamp,
    },
    /// The plan has nobody: the nearest is looked for.
    Nearest,
    /// Nobody suitable is near.
    Nobody,
}

/// A rider who was weighed, with the costs by part.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Candidate {
    /// The costs.
    #[serde(flatten)]
    pub weighed: Weighed,
    /// Where the rider was.
    pub position: Position,
}

/// A rider who could not be asked.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Barred {
    /// Who.
    pub rider_id: RiderId,
    /// Why.
    pub why: Bar,
    /// How far from the pickup, metres as the crow flies; absent where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<u32>,
    /// Where the rider was last heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// Why one delivery was decided as it was.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Decision {
    /// Who decided.
    pub policy: Policy,
    /// In which round of the search.
    pub round: u32,
    /// What was said.
    pub said: Said,
    /// Who else is asked at the same time; the first yes has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<RiderId>,
    /// What the planned rider is to fetch at once, this delivery among it, in the sequence of the doors; absent where it
    /// was planned alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<DeliveryId>,
    /// Deliveries that were decided together.
    pub open: u32,
    /// Riders who were looked at.
    pub riders: u32,
    /// How far the round looked, metres.
    pub radius_m: u32,
    /// The court's hand-off point.
    pub pickup: Position,
    /// The door.
    pub dropoff: Position,
    /// When the food was expected.
    pub ready_at: Timestamp,
    /// When it was promised at the door.
    pub promised_at: Timestamp,
    /// Unanswered until then, the search starts anew.
    pub deadline_at: Timestamp,
    /// The cheapest riders, the chosen one first.
    pub candidates: Vec<Candidate>,
    /// Who could not be asked, the nearest first.
    pub barred: Vec<Barred>,
}

impl Tick {
    /// What was said of the delivery number `n`.
    #[must_use]
    pub fn said(&self, n: &Decided) -> Said {
        match n.verdict {
            Verdict::Ask(rider_id) => Said::Ask { rider_id },
            Verdict::Wait { rider_id, until } => Said::Wait { rider_id, until },
            Verdict::Nearest if self.policy == Policy::Nearest => Said::Nobody,
            Verdict::Nearest => Said::Nearest,
        }
    }

    /// Every rider who was looked at, with why they could not be asked whatever the delivery.
    pub fn looked(&self) -> impl Iterator<Item = (&Seen, Option<Bar>)> {
        let free = self.around.seen.iter().map(|seen| (seen, None));
        free.chain(self.around.left_out.iter().map(|out| (&out.rider, Some(out.why))))
    }

    /// Why `decided` came out of this tick.
    #[must_use]
    fn explain(&self, sought: &Sought, decided: &Decided) -> Decision {
        let one = &sought.waiting;
        let places: BTreeMap<RiderId, Position> =
            self.looked().map(|(seen, _)| (seen.rider_id, seen.position)).collect();
        let candidates = decided
            .weighed
            .iter()
            .filter_map(|weighed| Some(Candidate { weighed: *weighed, position: *places.get(&weighed.rider_id)? }));
        Decision {
            policy: self.policy,
            round: sought.round,
            said: self.said(decided),
            also: decided.also.clone(),
            route: if decided.route.len() > 1 { decided.route.clone() } else { vec![] },
            open: number(self.open.len()),
            riders: number(places.len()),
            radius_m: sought.radius_m,
            pickup: one.pickup,
            dropoff: one.dropoff,
            ready_at: one.ready_at,
            promised_at: one.promised_at,
            deadline_at: sought.deadline_at,
            candidates: candidates.collect(),
            barred: self.barred(sought, &decided.weighed),
        }
    }

    fn barred(&self, sought: &Sought, weighed: &[Weighed]) -> Vec<Barred> {
        let one = &sought.waiting;
        let mut unseen = one.not.clone();
        let mut barred = Vec::new();
        for (seen, why) in self.looked() {
            unseen.retain(|rider_id| *rider_id != seen.rider_id);
            if weighed.iter().any(|other| other.rider_id == seen.rider_id) {
                continue;
            }
            let distance_m = metres(seen.position.distance_m(one.pickup));
            let by_itself = match self.policy {
                // The plan also weighs who is busy or far; that costs, and bars nobody.
                Policy::Matcher => None,
                Policy::Nearest if seen.bag.len() >= seen.capacity as usize => Some(Bar::Full),
                Policy::Nearest => (distance_m > sought.radius_m).then_some(Bar::TooFar),
            };
            let said_no = one.not.contains(&seen.rider_id).then_some(Bar::Declined);
            if let Some(why) = said_no.or(why).or(by_itself) {
                let (distance_m, position) = (Some(distance_m), Some(seen.position));
                barred.push(Barred { rider_id: seen.rider_id, why, distance_m, position });
            }
        }
        let told = |rider_id: &RiderId| weighed.iter().any(|other| other.rider_id == *rider_id);
        let gone = unseen.into_iter().filter(|rider_id| !told(rider_id));
        barred.extend(gone.map(|rider_id| Barred { rider_id, why: Bar::Declined, distance_m: None, position: None }));
        barred.sort_by_key(|one| (one.distance_m.unwrap_or(u32::MAX), one.rider_id));
        barred.truncate(BARRED_MAX);
        barred
    }
}

/// Tells news from repeats: many ticks say the same of a delivery.
#[derive(Debug, Default)]
pub struct News {
    known: BTreeMap<DeliveryId, Told>,
}

/// What was last told of a delivery.
#[derive(Debug)]
struct Told {
    at: Timestamp,
    policy: Policy,
    round: u32,
    said: Said,
    not: Vec<RiderId>,
}

impl News {
    /// The decisions of `tick` that say something new: another round, rider or verdict, or another who said no; of a wait
    /// for another rider, or until another time, one in a minute.
    pub fn of(&mut self, tick: &Tick) -> Vec<(DeliveryId, Decision)> {
        if self.known.len() + tick.open.len() > KNOWN_MAX {
            self.known.clear();
        }
        let sought: BTreeMap<DeliveryId, &Sought> =
            tick.open.iter().map(|one| (one.waiting.delivery_id, one)).collect();
        let mut news = Vec::new();
        for decided in &tick.decided {
            let Some(sought) = sought.get(&decided.delivery_id) else { continue };
            let (at, policy, not) = (tick.at, tick.policy, sought.waiting.not.clone());
            let now = Told { at, policy, round: sought.round, said: tick.said(decided), not };
            if !self.known.get(&decided.delivery_id).is_some_and(|before| now.repeats(before)) {
                news.push((decided.delivery_id, tick.explain(sought, decided)));
                self.known.insert(decided.delivery_id, now);
            }
        }
        news
    }
}

impl Told {
    fn repeats(&self, before: &Self) -> bool {
        let says_the_same = match (before.said, self.said) {
            (Said::Wait { rider_id: a, until: from }, Said::Wait { rider_id: b, until: to }) => {
                let moved_s = (from.as_micros() - to.as_micros()).abs() / 1_000_000;
                (a == b && moved_s < WAIT_TOLD_S) || self.at < before.at.plus_s(WAIT_TOLD_S)
            }
            (before, now) => before == now,
        };
        says_the_same && (self.policy, self.round, &self.not) == (before.policy, before.round, &before.not)
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "metres on the Earth, never negative")]
fn metres(distance_m: f64) -> u32 {
    distance_m.round() as u32
}
