//! Where one live rider is, from fixes that come in batches, late, twice, or wrong. Pure; nothing durable.
//! Who gets to know is next door in `trackers`.

use serde::{Deserialize, Serialize};

use crate::{place::Position, time::Timestamp};

/// Fixes looked at in one batch; of a longer one the newest. Ten minutes offline at one a second.
pub const BATCH_MAX: usize = 600;
/// Fixes a rider may send per second of business time, once a full batch is used up. Phones send one.
const RATE_PER_S: u64 = 5;
/// A device clock may be this far ahead.
const AHEAD_MAX_S: i64 = 30;
/// An older fix says nothing about now.
const OLD_MAX_S: i64 = 3_600;
/// A fix with a larger radius of error is no position (a cell tower's guess).
const ACCURACY_MAX_M: f64 = 100.0;
/// Nobody rides faster in a city (162 km/h).
const SPEED_MAX_MPS: f64 = 45.0;
/// Fixes may be off by this much without any speed: good GPS among houses.
const NOISE_M: f64 = 20.0;
/// A rider who has really jumped (a ferry, a phone that was wrong before) is believed after so many consistent fixes…
const CONSISTENT_MIN: u32 = 5;
/// …over at least this long.
const CONSISTENT_S: u64 = 20;
/// Gaps in the sequence that are remembered for telling duplicates from late fixes.
const RUNS_MAX: usize = 64;

/// One reading of a device's GPS.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Fix {
    /// The device's own count, growing.
    pub seq: u64,
    /// The device's time.
    pub at: Timestamp,
    /// Where.
    pub position: Position,
    /// Radius of error, metres.
    pub accuracy_m: f64,
    /// How fast, metres per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_mps: Option<f64>,
    /// Which way, degrees from north.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<f64>,
}

/// What became of a batch.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct Taken {
    /// The new current position, if the batch brought one.
    pub accepted_newest: Option<Fix>,
    /// Fixes that moved the position on.
    pub accepted: u32,
    /// Fixes from before the current position: heard, and without effect.
    pub late: u32,
    /// Fixes that cannot be true.
    pub quarantined: u32,
    /// Fixes heard before.
    pub duplicates: u32,
    /// Fixes beyond the rate, not looked at (the oldest of the batch).
    pub limited: u32,
    /// Number of the current position: grows with each new one, also over a restart; 0 while there is none.
    pub fix_seq: u64,
}

/// One rider's way.
#[derive(Clone, Debug, Default)]
pub struct Track {
    current: Option<Fix>,
    fix_seq: u64,
    /// Sequence numbers heard, as runs from–to, ascending.
    runs: Vec<(u64, u64)>,
    /// A place the rider cannot have reached: the newest fix there, how many, and since when.
    elsewhere: Option<(Fix, u32, Timestamp)>,
    /// Fixes that may still come, in millionths, as of `filled_at`.
    allowance: u64,
    filled_at: Option<Timestamp>,
}

enum Verdict {
    Moved,
    Late,
    Duplicate,
    Quarantined,
}

impl Track {
    /// The current position.
    #[must_use]
    pub const fn current(&self) -> Option<&Fix> {
        self.current.as_ref()
    }
    /// When the track was last fed.
    #[must_use]
    pub const fn fed_at(&self) -> Option<Timestamp> {
        self.filled_at
    }

    /// Notes where another node has heard the rider; answers whether that is news. The phone may come here next, and is
    /// then judged by where it was there.
    pub fn follow(&mut self, fix_seq: u64, fix: Fix) -> bool {
        let is_news = fix_seq > self.fix_seq;
        if is_news {
            (self.fix_seq, self.current) = (fix_seq, Some(fix));
        }
        is_news
    }

    /// Takes a batch in any order at `now` (business time). A late fix never moves the current position back, an
    /// implausible one never moves it at all.
    pub fn take(&mut self, mut fixes: Vec<Fix>, now: Timestamp) -> Taken {
        let mut taken = Taken::default();
        fixes.sort_unstable_by_key(|fix| (fix.at, fix.seq));
        let allowed = self.draw(fixes.len(), now);
        let limited = fixes.len() - allowed;
        taken.limited = u32::try_from(limited).unwrap_or(u32::MAX);
        for fix in fixes.drain(limited..) {
            match self.judge(fix, now) {
                Verdict::Moved => {
                    self.current = Some(fix);
                    taken.accepted_newest = Some(fix);
                    taken.accepted += 1;
                }
                Verdict::Late => taken.late += 1,
                Verdict::Duplicate => taken.duplicates += 1,
                Verdict::Quarantined => taken.quarantined += 1,
            }
        }
        if taken.accepted_newest.is_some() {
            // Milliseconds of business time, so that it also grows when the track begins anew on another node.
            let clock = u64::try_from(now.as_micros() / 1_000).unwrap_or(0);
            self.fix_seq = clock.max(self.fix_seq + 1);
        }
        taken.fix_seq = self.fix_seq;
        taken
    }

    /// How many of `wanted` fixes the rate allows.
    fn draw(&mut self, wanted: usize, now: Timestamp) -> usize {
        const ONE: u64 = 1_000_000;
        let full = BATCH_MAX as u64 * ONE;
        self.allowance = match self.filled_at {
            None => full,
            Some(before) => {
                let earned =
                    u64::try_from(now.since(before).as_micros()).unwrap_or(u64::MAX).saturating_mul(RATE_PER_S);
                full.min(self.allowance.saturating_add(earned))
            }
        };
        self.filled_at = Some(now);
        let allowed = wanted.min(usize::try_from(self.allowance / ONE).unwrap_or(BATCH_MAX));
        self.allowance -= allowed as u64 * ONE;
        allowed
    }

    fn judge(&mut self, fix: Fix, now: Timestamp) -> Verdict {
        let is_newer = self.current.is_none_or(|current| fix.at > current.at);
        if self.heard(fix.seq) {
            if !is_newer {
                return Verdict::Duplicate;
            }
            // The same number with a newer time: the app has begun to count anew (or a quarantined fix comes again).
            if self.elsewhere.is_some_and(|(there, ..)| there.at >= fix.at) {
                return Verdict::Duplicate;
            }
            self.runs.clear();
        }
        self.hear(fix.seq);
        if !is_sound(&fix, now) {
            return Verdict::Quarantined;
        }
        if !is_newer {
            return Verdict::Late;
        }
        let Some(current) = self.current else { return Verdict::Moved };
        if is_reachable(&current, &fix) {
            self.elsewhere = None;
            return Verdict::Moved;
        }
        let (_, count, since) = match self.elsewhere {
            Some((there, count, since)) if fix.at > there.at && is_reachable(&there, &fix) => (fix, count + 1, since),
            _ => (fix, 1, fix.at),
        };
        if count >= CONSISTENT_MIN && fix.at.since(since).as_secs() >= CONSISTENT_S {
            self.elsewhere = None;
            return Verdict::Moved;
        }
        self.elsewhere = Some((fix, count, since));
        Verdict::Quarantined
    }

    fn heard(&self, seq: u64) -> bool {
        self.runs.iter().rev().any(|(from, to)| (*from..=*to).contains(&seq))
    }

    fn hear(&mut self, seq: u64) {
        let index = self.runs.partition_point(|(_, to)| *to < seq);
        let joins_left = index > 0 && self.runs[index - 1].1.checked_add(1) == Some(seq);
        let joins_right = self.runs.get(index).is_some_and(|(from, _)| seq.checked_add(1) == Some(*from));
        match (joins_left, joins_right) {
            (true, true) => {
                self.runs[index - 1].1 = self.runs[index].1;
                self.runs.remove(index);
            }
            (true, false) => self.runs[index - 1].1 = seq,
            (false, true) => self.runs[index].0 = seq,
            (false, false) => {
                self.runs.insert(index, (seq, seq));
                if self.runs.len() > RUNS_MAX {
                    self.runs.remove(0);
                }
            }
        }
    }
}

/// Whether the fix can be true by itself.
fn is_sound(fix: &Fix, now: Timestamp) -> bool {
    let in_time = fix.at <= now.plus_s(AHEAD_MAX_S) && fix.at >= now.plus_s(-OLD_MAX_S);
    let exact = (0.0..=ACCURACY_MAX_M).contains(&fix.accuracy_m);
    let slow = fix.speed_mps.is_none_or(|speed_mps| (0.0..=SPEED_MAX_MPS).contains(&speed_mps));
    let heading = fix.heading_deg.is_none_or(|heading_deg| (0.0..=360.0).contains(&heading_deg));
    in_time && exact && slow && heading
}

/// Whether one can get from `from` to `to` in the time between them, given what GPS may be off.
fn is_reachable(from: &Fix, to: &Fix) -> bool {
    let noise_m = NOISE_M.max(from.accuracy_m + to.accuracy_m);
    let way_m = from.position.distance_m(to.position) - noise_m;
    way_m <= SPEED_MAX_MPS * to.at.since(from.at).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{place::LocalMap, testing::NOON};

    fn at(east_m: f64) -> Position {
        LocalMap::around(Position::new(52.52, 13.40).unwrap()).to_position([east_m, 0.0])
    }
    /// At second `s`, `east_m` metres east.
    fn fix(s: i64, east_m: f64) -> Fix {
        let seq = u64::try_from(s).unwrap();
        Fix { seq, at: NOON.plus_s(s), position: at(east_m), accuracy_m: 8.0, speed_mps: None, heading_deg: None }
    }
    fn counts(taken: &Taken) -> [u32; 5] {
        [taken.accepted, taken.late, taken.quarantined, taken.duplicates, taken.limited]
    }

    #[test]
    fn a_burst_after_a_tunnel_moves_once_and_never_back() {
        let mut track = Track::default();
        let way: Vec<Fix> = (0..600i32).map(|s| fix(i64::from(s), f64::from(s) * 5.0)).collect();
        let shuffled: Vec<Fix> = way.iter().rev().copied().collect();
        let now = NOON.plus_s(600);
        let taken = track.take(shuffled, now);
        assert_eq!(counts(&taken), [600, 0, 0, 0, 0]);
        assert_eq!(taken.accepted_newest, Some(way[599]));
        let again = track.take(way.clone(), now.plus_s(120));
        assert_eq!(counts(&again), [0, 0, 0, 600, 0]);
        assert_eq!((again.fix_seq, track.current()), (taken.fix_seq, Some(&way[599])));
    }

    #[test]
    fn a_late_fix_is_heard_and_without_effect() {
        let mut track = Track::default();
        track.take(vec![fix(1, 0.0), fix(9, 40.0)], NOON.plus_s(9));
        let taken = track.take(vec![fix(4, 20.0), fix(9, 40.0)], NOON.plus_s(10));
        assert_eq!(counts(&taken), [0, 1, 0, 1, 0]);
        assert_eq!(track.current(), Some(&fix(9, 40.0)));
    }

    #[test]
    fn what_cannot_be_true_is_quarantined() {
        let mut track = Track::default();
        let bad = [
            fix(31, 0.0),
            Fix { at: NOON.plus_s(-3_601), ..fix(1, 0.0) },
            Fix { accuracy_m: 101.0, ..fix(2, 0.0) },
            Fix { accuracy_m: f64::NAN, ..fix(3, 0.0) },
            Fix { speed_mps: Some(46.0), ..fix(4, 0.0) },
            Fix { heading_deg: Some(-1.0), ..fix(5, 0.0) },
        ];
        let taken = track.take(bad.to_vec(), NOON);
        assert_eq!(counts(&taken), [0, 0, 6, 0, 0]);
        assert_eq!((track.current(), taken.fix_seq), (None, 0));
    }

    #[test]
    fn a_teleport_is_believed_only_after_staying() {
        let mut track = Track::default();
        track.take(vec![fix(0, 0.0)], NOON);
        let mut believed_at = None;
        for s in (1..60).step_by(6) {
            let taken = track.take(vec![fix(s, 20_000.0)], NOON.plus_s(s));
            if taken.accepted == 1 {
                believed_at = Some(s);
                break;
            }
            assert_eq!(counts(&taken), [0, 0, 1, 0, 0]);
            assert_eq!(track.current(), Some(&fix(0, 0.0)));
        }
        assert_eq!(believed_at, Some(25), "five fixes over twenty seconds");
        // One that hops between two false places is never believed, and the true way goes on meanwhile.
        let mut track = Track::default();
        for s in 0..60i32 {
            let (east_m, moves) = match s % 3 {
                0 => (f64::from(s) * 4.0, 1),
                1 => (30_000.0, 0),
                _ => (-30_000.0, 0),
            };
            let taken = track.take(vec![fix(s.into(), east_m)], NOON.plus_s(s.into()));
            assert_eq!(taken.accepted, moves, "second {s}");
        }
    }

    #[test]
    fn the_oldest_beyond_the_rate_are_not_looked_at() {
        let mut track = Track::default();
        let way: Vec<Fix> = (0..700i32).map(|s| fix(s.into(), f64::from(s))).collect();
        let taken = track.take(way, NOON.plus_s(700));
        assert_eq!(counts(&taken), [600, 0, 0, 0, 100]);
        let more: Vec<Fix> = (700..720i32).map(|s| fix(s.into(), f64::from(s))).collect();
        let taken = track.take(more, NOON.plus_s(702)); // two seconds later: ten fit
        assert_eq!(counts(&taken), [10, 0, 0, 0, 10]);
        assert_eq!(track.current(), Some(&fix(719, 719.0)));
    }

    #[test]
    fn an_app_that_counts_anew_is_heard() {
        let mut track = Track::default();
        track.take((0..50i32).map(|s| fix(s.into(), 0.0)).collect(), NOON.plus_s(50));
        let anew = Fix { seq: 0, ..fix(60, 0.0) };
        assert_eq!(counts(&track.take(vec![anew], NOON.plus_s(60))), [1, 0, 0, 0, 0]);
        assert_eq!(counts(&track.take(vec![anew], NOON.plus_s(61))), [0, 0, 0, 1, 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever comes: the position's time and number never go back, and every fix is counted once.
        #[test]
        fn never_goes_back(batches in proptest::collection::vec(
            proptest::collection::vec((0i64..200, -5_000.0..5_000.0f64, 0u64..150), 0..20), 1..30,
        )) {
            let (mut track, mut before) = (Track::default(), None);
            for (n, batch) in batches.into_iter().enumerate() {
                let size = u32::try_from(batch.len()).unwrap();
                let fixes = batch.into_iter().map(|(s, east_m, seq)| Fix { seq, ..fix(s, east_m) }).collect();
                let taken = track.take(fixes, NOON.plus_s(i64::try_from(n).unwrap() * 7));
                prop_assert_eq!(counts(&taken).iter().sum::<u32>(), size);
                let now = (track.current().map(|fix| fix.at), taken.fix_seq);
                if let Some(before) = before {
                    prop_assert!(now >= before);
                    prop_assert_eq!(now.1 > before.1, taken.accepted_newest.is_some());
                }
                before = Some(now);
                prop_assert!(track.runs.len() <= RUNS_MAX && track.runs.is_sorted());
            }
        }
    }
}
