//! A whole day made of its ticks, and of what became of its deliveries and shifts: what a replay is given. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    event::{DeliveryEvent, UnassignReason},
    live::{Likely, PlanSettings},
    record::Policy,
    recorded::{Numbers, TickBody, position},
    rules::DispatchRules as Rules,
    survey::Habit,
};
use crate::{
    ids::{DeliveryId, RiderId},
    place::Position,
    time::Timestamp,
    travel::Vehicle,
};

/// A rider is on duty so long before the first look that found them, seconds, where the shift's beginning is not known:
/// looks are made only while deliveries wait.
const BEFORE_SEEN_S: i64 = 900;
/// Not seen for so long, a rider is off duty, seconds; a look may well not need them for a delivery's time.
const GONE_S: i64 = 3_600;
/// A shift that began longer before its rider was first needed is counted from then, seconds: forgotten ones last days.
const SHIFT_MAX_S: i64 = 12 * 3_600;

/// An order of a recorded day.
#[derive(Clone, PartialEq, Debug)]
pub struct DayOrder {
    /// Its delivery.
    pub delivery_id: DeliveryId,
    /// When it was placed, where that is known; else when its search began.
    pub placed_at: Timestamp,
    /// When dispatch first heard of it; without its facts, when its search began.
    pub known_at: Timestamp,
    /// When the food was to be ready, as dispatch was told first.
    pub told_at: Timestamp,
    /// When the food was ready; without its facts, as dispatch last knew.
    pub ready_at: Timestamp,
    /// When it was promised at the door.
    pub promised_at: Timestamp,
    /// When the food might be ready by what its kitchens had taught, as the plan was told over time.
    pub likely: Vec<(Timestamp, Option<Likely>)>,
    /// The court's hand-off point.
    pub pickup: Position,
    /// The door.
    pub dropoff: Position,
    /// By whom it was handed over, and when.
    pub delivered: Option<(RiderId, Timestamp)>,
    /// When its order was withdrawn; not for want of a rider.
    pub cancelled_at: Option<Timestamp>,
}

/// A stretch of duty of a recorded day.
#[derive(Clone, PartialEq, Debug)]
pub struct DayDuty {
    /// Who.
    pub rider_id: RiderId,
    /// First and last moment.
    pub on: Timestamp,
    /// As above.
    pub off: Timestamp,
    /// Whether they are known to have gone home then.
    pub went_home: bool,
    /// When it was to end, where the rider has said so.
    pub until: Option<Timestamp>,
    /// On what.
    pub vehicle: Vehicle,
    /// Deliveries at once.
    pub capacity: u32,
    /// How they had answered offers before, and by the end.
    pub habits: [Habit; 2],
    /// Where they were, with an empty bag; the first is where they were first seen.
    pub rests: Vec<(Timestamp, Position)>,
    since: Option<Timestamp>,
    seen_at: Timestamp,
}

/// What a rider made of an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Took it, after so many seconds.
    Yes(i64),
    /// Left it, after so many seconds.
    No(i64),
    /// Said nothing.
    Silence,
}

/// How far a delivery came, and when.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Steps {
    /// Who brought it.
    pub rider_id: Option<RiderId>,
    /// When they were at the court.
    pub at_court: Option<Timestamp>,
    /// When the food was in the bag.
    pub picked_up: Option<Timestamp>,
    /// When they were at the door.
    pub at_door: Option<Timestamp>,
}

/// A day made of its ticks again. Those of several nodes may come mixed, but in the order of time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RecordedDay {
    /// What was to be delivered.
    pub orders: BTreeMap<DeliveryId, DayOrder>,
    /// Who was on duty.
    pub duties: Vec<DayDuty>,
    /// Ticks by the policy that made them: nearest, matcher.
    pub ticks: [u64; 2],
    /// What was answered to which offer.
    pub answers: BTreeMap<(DeliveryId, RiderId), Answer>,
    /// Who gave back what they had taken, or lost it by silence, before it was fetched: so many seconds after they had it.
    pub left: BTreeMap<(DeliveryId, RiderId), (i64, UnassignReason)>,
    /// Offers made.
    pub offers: u32,
    pub(super) steps: BTreeMap<DeliveryId, Steps>,
    settings: [i64; 3],
    numbers: Option<Numbers>,
    has_facts: bool,
    has_likely: bool,
    has_duties: bool,
    seen: BTreeMap<RiderId, usize>,
    asked: BTreeMap<(DeliveryId, RiderId), Timestamp>,
    taken: BTreeMap<(DeliveryId, RiderId), Timestamp>,
    gone: BTreeSet<DeliveryId>,
}

impl RecordedDay {
    /// Folds in a tick.
    pub fn add(&mut self, at: Timestamp, body: &TickBody) {
        self.ticks[usize::from(body.policy == Policy::Matcher)] += 1;
        self.settings = body.settings;
        self.numbers = body.numbers.or(self.numbers);
        for one in &body.deliveries {
            let (Some(pickup), Some(dropoff)) = (position(one.pickup), position(one.dropoff)) else { continue };
            let since = one.since.min(at);
            let order = self.orders.entry(one.id).or_insert_with(|| DayOrder {
                delivery_id: one.id,
                placed_at: since,
                known_at: since,
                told_at: one.ready_at,
                ready_at: one.ready_at,
                promised_at: one.promised_at,
                likely: vec![],
                pickup,
                dropoff,
                delivered: None,
                cancelled_at: None,
            });
            order.ready_at = one.ready_at;
            let likely = one.likely();
            self.has_likely |= likely.is_some();
            if order.likely.last().is_none_or(|(_, before)| *before != likely) {
                order.likely.push((at, likely));
            }
        }
        for one in &body.riders {
            let Some(position) = position(one.at) else { continue };
            self.has_duties |= one.since.is_some();
            let known = self.seen.get(&one.id).map(|number| &mut self.duties[*number]);
            let again = |duty: &&mut DayDuty| match (duty.since, one.since) {
                (Some(before), Some(now)) => before == now,
                _ => at < duty.seen_at.plus_s(GONE_S),
            };
            let habit = one.habit.unwrap_or_default();
            match known.filter(again) {
                Some(duty) => {
                    (duty.seen_at, duty.off, duty.until) = (at, at.plus_s(GONE_S), one.until);
                    duty.habits[1] = habit;
                    if one.bag.is_empty() {
                        duty.rests.push((at, position));
                    }
                }
                None => {
                    self.seen.insert(one.id, self.duties.len());
                    self.duties.push(DayDuty {
                        rider_id: one.id,
                        on: one.since.map_or(at.plus_s(-BEFORE_SEEN_S), |on| on.max(at.plus_s(-SHIFT_MAX_S)).min(at)),
                        off: at.plus_s(GONE_S),
                        went_home: false,
                        until: one.until,
                        vehicle: one.vehicle,
                        capacity: one.capacity,
                        habits: [habit; 2],
                        rests: vec![(at, position)],
                        since: one.since,
                        seen_at: at,
                    });
                }
            }
        }
    }

    /// Folds in what became of a delivery; after all ticks, each delivery's facts in their order.
    pub fn lived(&mut self, delivery_id: DeliveryId, at: Timestamp, event: &DeliveryEvent) {
        let Some(order) = self.orders.get_mut(&delivery_id) else { return };
        self.has_facts = true;
        let after_s = |asked: Option<&Timestamp>| asked.map(|asked| (at.as_micros() - asked.as_micros()) / 1_000_000);
        match event {
            DeliveryEvent::Requested(asked) => {
                // Ready only if its facts say so: of what was never noted, the promise stands.
                (order.known_at, order.told_at, order.ready_at) =
                    (at, asked.ready_at, order.ready_at.max(asked.ready_at));
            }
            DeliveryEvent::ReadyNoted(_) => order.ready_at = at,
            DeliveryEvent::Offered(offered) => {
                self.offers += 1;
                self.asked.insert((delivery_id, offered.rider_id), at);
            }
            DeliveryEvent::Assigned(assigned) => {
                let key = (delivery_id, assigned.rider_id);
                let after_s = after_s(self.asked.get(&key)).unwrap_or(Rules::BETTER_ANSWER_S);
                self.answers.insert(key, Answer::Yes(after_s));
                self.taken.insert(key, at);
            }
            DeliveryEvent::Unassigned(off)
                if matches!(off.reason, UnassignReason::GaveBack | UnassignReason::Silent) =>
            {
                let key = (delivery_id, off.rider_id);
                self.left.extend(after_s(self.taken.get(&key)).map(|after_s| (key, (after_s, off.reason))));
            }
            DeliveryEvent::OfferDeclined(no) => {
                let key = (delivery_id, no.rider_id);
                let after_s = after_s(self.asked.get(&key)).unwrap_or(Rules::BETTER_ANSWER_S);
                self.answers.insert(key, Answer::No(after_s));
            }
            DeliveryEvent::OfferExpired(silent) => {
                self.answers.insert((delivery_id, silent.rider_id), Answer::Silence);
            }
            DeliveryEvent::ArrivedAtPickup(step) => {
                let steps = self.steps.entry(delivery_id).or_default();
                *steps = Steps { rider_id: Some(step.rider_id), at_court: Some(at), ..Steps::default() };
            }
            DeliveryEvent::PickedUp(_) => self.steps.entry(delivery_id).or_default().picked_up = Some(at),
            DeliveryEvent::ArrivedAtDropoff(_) => self.steps.entry(delivery_id).or_default().at_door = Some(at),
            DeliveryEvent::Delivered(step) => order.delivered = Some((step.rider_id, at)),
            DeliveryEvent::Cancelled(_) if !self.gone.contains(&delivery_id) => order.cancelled_at = Some(at),
            DeliveryEvent::Unassignable(_) => drop(self.gone.insert(delivery_id)),
            _ => {}
        }
    }

    /// Folds in that a rider's shift has ended; after all ticks, each rider's in their order.
    pub fn went_home(&mut self, rider_id: RiderId, at: Timestamp) {
        let of_rider = self.duties.iter_mut().filter(|duty| duty.rider_id == rider_id && duty.seen_at <= at);
        // A later end is that of a shift in which nobody looked at them.
        if let Some(duty) = of_rider.last().filter(|duty| !duty.went_home && at < duty.seen_at.plus_s(SHIFT_MAX_S)) {
            (duty.off, duty.went_home) = (at, true);
        }
    }

    /// The numbers of the plan that served the day, as far as they were recorded; the others as configured.
    #[must_use]
    pub fn settings(&self, configured: PlanSettings) -> PlanSettings {
        let [tick_s, ahead_s, wait_max_s] = self.settings;
        let settings = PlanSettings { tick_s: tick_s.max(1), ahead_s, wait_max_s, ..configured };
        self.numbers.map_or(settings, |numbers| numbers.over(settings))
    }

    /// Whether what became of the deliveries is known.
    #[must_use]
    pub const fn has_facts(&self) -> bool {
        self.has_facts
    }

    /// Whether riders' answers are known well enough to make up others.
    #[must_use]
    pub const fn knows_habits(&self) -> bool {
        self.has_duties
    }

    /// What its records lack that today's plan looks at, each with what is taken instead.
    #[must_use]
    pub fn lacks(&self) -> Vec<&'static str> {
        let lacks = [
            (self.numbers.is_none(), "the plan's weights (taken from the configuration)"),
            (
                !self.has_duties,
                "riders' shifts and how they answer (nobody says when to go home, and everybody says yes)",
            ),
            (!self.has_likely, "what kitchens had taught (food is expected when it was promised)"),
            (!self.has_facts, "what became of the deliveries (food is ready when dispatch last thought so)"),
        ];
        lacks.into_iter().filter(|(is_lacking, _)| *is_lacking).map(|(_, what)| what).collect()
    }
}
