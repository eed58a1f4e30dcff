//! What a rider's facts teach of them: how likely a yes is, and what the shift has come to. Folded like all their state,
//! so a restart forgets nothing. Estimates only: no rule depends on it. Whole numbers throughout, so that a snapshot read
//! back is the same to the bit.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Pickups farther than this are far, metres: what the first round of a search does not reach.
const FAR_M: u32 = 1_000;
/// An answer's weight when it is new, in thousandths.
const ONE: u32 = 1_000;
/// What is left of a weight, in thousandths, after one more answer: half after 34, some evenings.
const PER_ANSWER: u32 = 980;
/// What is left of a weight, in thousandths, after one more day: half after two weeks. People change, and so do their days.
const PER_DAY: u32 = 952;
/// After so many days nothing is left.
const DAYS_MAX: u64 = 365;
/// What is thought of somebody of whom nothing is known: as much as five answers, four of them a yes.
const PRIOR: [f64; 2] = [5_000.0, 0.8];
/// Nobody is thought to say yes less often than that: to who is believed never to, nothing is offered, and then nobody
/// would ever learn better.
const YES_MIN: f64 = 0.2;

/// A rider's answers to offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Habit {
    /// Weights of no and yes, near and far, in thousandths of an answer.
    weights: [[u32; 2]; 2],
    /// Up to when days have been taken off.
    aged_at: Timestamp,
}

impl Habit {
    /// An offer of a pickup so far away was answered.
    fn learn(&mut self, distance_m: u32, yes: bool, at: Timestamp) {
        self.age(at);
        if self.weights == [[0; 2]; 2] {
            self.aged_at = at;
        }
        self.fade(PER_ANSWER);
        self.weights[usize::from(distance_m > FAR_M)][usize::from(yes)] += ONE;
    }
    fn fade(&mut self, kept: u32) {
        self.weights.as_flattened_mut().iter_mut().for_each(|weight| *weight = *weight * kept / 1_000);
    }
    fn age(&mut self, now: Timestamp) {
        let days = now.since(self.aged_at).as_secs() / 86_400;
        for _ in 0..days.min(DAYS_MAX) {
            self.fade(PER_DAY);
        }
        self.aged_at = self.aged_at.plus(Duration::from_secs(days * 86_400));
    }

    /// How likely an offer of a pickup so far away gets a yes, 0.2 to 1: a beta distribution's mean, of this rider's answers
    /// near or far, pulled towards all their answers, pulled towards everybody's.
    #[must_use]
    pub fn yes(&self, distance_m: u32, now: Timestamp) -> f64 {
        let mut habit = *self;
        habit.age(now);
        let pulled = |[no, yes]: [u32; 2], mean: f64| {
            (f64::from(yes) + PRIOR[0] * mean) / (f64::from(no) + f64::from(yes) + PRIOR[0])
        };
        let [near, far] = habit.weights;
        let all = pulled([near[0] + far[0], near[1] + far[1]], PRIOR[1]);
        pulled(if distance_m > FAR_M { far } else { near }, all).clamp(YES_MIN, 1.0)
    }
}

/// What a shift has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Worked {
    /// Handed over.
    pub delivered: u32,
    /// From the courts to the doors of what was handed over, metres as the crow flies.
    pub carried_m: u32,
    /// With something in the bag or on the way to it, seconds.
    pub busy_s: u32,
    /// Without, seconds.
    pub idle_s: u32,
}

/// A rider's habit and shift.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Duty {
    /// How the rider answers offers, over all shifts.
    pub habit: Habit,
    /// When the shift began; of the last one, off duty.
    pub since: Timestamp,
    /// When it ends, where the rider has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    delivered: u32,
    carried_m: u32,
    busy: Duration,
    busy_since: Option<Timestamp>,
}

impl Duty {
    pub(crate) fn start(&mut self, until: Option<Timestamp>, at: Timestamp) {
        *self = Self { habit: self.habit, since: at, until, ..Self::default() };
    }
    pub(crate) fn answered(&mut self, distance_m: u32, yes: bool, at: Timestamp) {
        self.habit.learn(distance_m, yes, at);
    }
    pub(crate) fn took(&mut self, at: Timestamp) {
        self.busy_since.get_or_insert(at);
    }
    /// Something left the bag; `carried_m` if it was handed over, `empty` if it was the last.
    pub(crate) fn released(&mut self, carried_m: Option<f64>, empty: bool, at: Timestamp) {
        if let Some(metres) = carried_m {
            self.delivered = self.delivered.saturating_add(1);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "metres on the Earth")]
            let metres = metres.round() as u32;
            self.carried_m = self.carried_m.saturating_add(metres);
        }
        if empty && let Some(since) = self.busy_since.take() {
            self.busy += at.since(since);
        }
    }
    /// A delivery that was the rider's and came back through them: worse than a no, for it cost minutes.
    pub(super) fn dropped(&mut self, at: Timestamp) {
        // One for the yes that was none, one for itself.
        self.habit.learn(0, false, at);
        self.habit.learn(0, false, at);
    }

    /// What the shift has come to by `now`.
    #[must_use]
    pub fn worked(&self, now: Timestamp) -> Worked {
        let busy = self.busy + self.busy_since.map_or(Duration::ZERO, |since| now.since(since));
        let whole = |span: Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
        Worked {
            delivered: self.delivered,
            carried_m: self.carried_m,
            busy_s: whole(busy),
            idle_s: whole(now.since(self.since).saturating_sub(busy)),
        }
    }
    /// How much of the shift was work, 0 to 1; a shift that has just begun is not judged by its first minutes.
    #[must_use]
    pub fn busy_share(&self, now: Timestamp) -> f64 {
        /// As if so long of it had been idle already, seconds.
        const IDLE_FIRST_S: f64 = 900.0;
        let Worked { busy_s, idle_s, .. } = self.worked(now);
        f64::from(busy_s) / (f64::from(busy_s) + f64::from(idle_s) + IDLE_FIRST_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NOON;

    fn after(answers: &[(u32, bool)]) -> Habit {
        let mut habit = Habit::default();
        for (n, (distance_m, yes)) in (0..).zip(answers) {
            habit.learn(*distance_m, *yes, NOON.plus_min(n));
        }
        habit
    }

    #[test]
    fn few_answers_change_little_and_many_are_believed() {
        assert!((Habit::default().yes(0, NOON) - 0.8).abs() < 1e-9);
        let once = after(&[(500, false)]).yes(500, NOON.plus_min(1));
        assert!((0.5..0.75).contains(&once), "{once}");
        let often = after(&[(500, true); 60]).yes(500, NOON.plus_min(60));
        assert!(often > 0.95, "{often}");
    }

    #[test]
    fn who_says_no_far_away_is_still_asked_near() {
        let habit = after(&[(3_000, false), (300, true)].repeat(30));
        let now = NOON.plus_min(60);
        assert!(habit.yes(3_000, now) < 0.3 && habit.yes(300, now) > 0.8, "{habit:?}");
    }

    #[test]
    fn nothing_is_held_against_anybody_for_ever() {
        let habit = after(&[(3_000, false); 200]);
        let now = NOON.plus_min(200);
        assert!((habit.yes(3_000, now) - YES_MIN).abs() < 1e-9, "the floor");
        let later = now.plus_min(60 * 24 * 60);
        assert!(habit.yes(3_000, later) > 0.3 && habit.yes(3_000, later.plus_min(300 * 24 * 60)) > 0.79);
    }

    #[test]
    fn a_shift_is_summed_up() {
        let mut duty = Duty::default();
        duty.start(None, NOON);
        duty.took(NOON.plus_min(10));
        duty.took(NOON.plus_min(12));
        duty.released(Some(800.4), false, NOON.plus_min(20));
        duty.released(None, true, NOON.plus_min(25));
        duty.took(NOON.plus_min(50));
        let expected = Worked { delivered: 1, carried_m: 800, busy_s: 25 * 60, idle_s: 35 * 60 };
        assert_eq!(duty.worked(NOON.plus_min(60)), expected);
        let share = duty.busy_share(NOON.plus_min(60));
        assert!((share - 25.0 / 75.0).abs() < 1e-9, "{share}");
        duty.start(None, NOON.plus_min(90));
        assert_eq!(duty.worked(NOON.plus_min(90)), Worked::default());
    }
}
