//! Whether a rider has arrived, from positions that wobble: inside a circle for a while counts, one stray fix does not,
//! and having arrived is not undone by a wobble at the edge. Pure; one watch a place.

use std::time::Duration;

use crate::time::Timestamp;

/// A circle around a place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fence {
    /// Inside it one may have arrived, metres.
    pub enter_m: f64,
    /// Beyond it one has surely left, metres; more than `enter_m`, or every wobble would start anew.
    pub exit_m: f64,
    /// So long one must stay: riding past is not arriving.
    pub dwell: Duration,
}

/// What is known of one rider and one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Watch {
    inside_since: Option<Timestamp>,
    arrived: bool,
}

impl Watch {
    /// Sees a fix: so far from the place, so exact (68 % radius, metres), measured then. True once, at the arrival; again
    /// only after having left.
    pub fn see(&mut self, fence: &Fence, distance_m: f64, accuracy_m: f64, at: Timestamp) -> bool {
        if distance_m - accuracy_m > fence.exit_m {
            *self = Self::default();
            return false;
        }
        // A fix vaguer than the circle cannot tell inside from outside; it neither begins nor ends a stay.
        let inside = distance_m <= fence.enter_m && accuracy_m <= fence.enter_m;
        if inside && self.inside_since.is_none() {
            self.inside_since = Some(at);
        }
        let stayed = self.inside_since.is_some_and(|since| at.since(since) >= fence.dwell);
        let arrives = inside && stayed && !self.arrived;
        self.arrived |= arrives;
        arrives
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::NOON;

    const FENCE: Fence = Fence { enter_m: 40.0, exit_m: 80.0, dwell: Duration::from_secs(20) };

    /// The seconds at which an arrival is seen, of fixes `(second, distance, accuracy)`.
    fn arrivals(fixes: &[(i64, f64, f64)]) -> Vec<i64> {
        let mut watch = Watch::default();
        let mut see = |fix: &&(i64, f64, f64)| watch.see(&FENCE, fix.1, fix.2, NOON.plus_s(fix.0));
        fixes.iter().filter(&mut see).map(|fix| fix.0).collect()
    }

    #[test]
    fn staying_is_arriving_and_riding_past_is_not() {
        assert_eq!(
            arrivals(&[(0, 300.0, 8.0), (5, 30.0, 8.0), (15, 10.0, 8.0), (25, 12.0, 8.0), (60, 9.0, 8.0)]),
            [25]
        );
        assert_eq!(
            arrivals(&[(0, 60.0, 8.0), (5, 20.0, 8.0), (10, 35.0, 8.0), (15, 120.0, 8.0), (40, 300.0, 8.0)]),
            [0i64; 0]
        );
    }

    #[test]
    fn a_wobble_at_the_edge_does_not_start_anew() {
        let wobble = [(0, 38.0, 8.0), (5, 44.0, 8.0), (10, 36.0, 8.0), (15, 60.0, 8.0), (20, 37.0, 8.0)];
        assert_eq!(arrivals(&wobble), [20]);
        // Having left for sure, one may arrive again.
        let twice = [(0, 5.0, 8.0), (20, 5.0, 8.0), (40, 200.0, 8.0), (60, 5.0, 8.0), (80, 5.0, 8.0)];
        assert_eq!(arrivals(&twice), [20, 80]);
    }

    #[test]
    fn vague_fixes_neither_begin_nor_end_a_stay() {
        assert_eq!(arrivals(&[(0, 10.0, 60.0), (30, 10.0, 60.0), (60, 10.0, 60.0)]), [0i64; 0]);
        // 130 m off with 60 m of error may still be within 80.
        assert_eq!(arrivals(&[(0, 10.0, 8.0), (10, 130.0, 60.0), (25, 10.0, 8.0)]), [25]);
        assert_eq!(arrivals(&[(0, 10.0, 8.0), (10, 145.0, 60.0), (25, 10.0, 8.0)]), [0i64; 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Between two arrivals lies a fix that was surely outside, and no arrival comes without its dwell inside.
        #[test]
        fn arrivals_are_apart(fixes in proptest::collection::vec((0.0..200.0f64, 1.0..80.0f64), 0..60)) {
            let (mut watch, mut left, mut inside_since) = (Watch::default(), true, None);
            for (n, (distance_m, accuracy_m)) in (0i64..).zip(fixes) {
                let at = NOON.plus_s(n * 5);
                if distance_m - accuracy_m > FENCE.exit_m {
                    (left, inside_since) = (true, None);
                } else if distance_m <= FENCE.enter_m && accuracy_m <= FENCE.enter_m {
                    inside_since = inside_since.or(Some(at));
                }
                if watch.see(&FENCE, distance_m, accuracy_m, at) {
                    prop_assert!(left);
                    prop_assert!(inside_since.is_some_and(|since| at.since(since) >= FENCE.dwell));
                    left = false;
                }
            }
        }
    }
}
