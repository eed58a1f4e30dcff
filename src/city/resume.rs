//! The bookkeeping of one watched topic: which number comes next, and from where to resume after a drop.

/// How a numbered frame fits what was seen before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// The next one.
    Next,
    /// Seen before.
    Again,
    /// `missing` numbers were skipped.
    Gap {
        /// How many.
        missing: u64,
    },
}

/// Where a watcher stands in a topic.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Resume {
    last: Option<u64>,
}

impl Resume {
    /// A watcher that has seen everything up to and including `last`; `None` has seen nothing and gets a snapshot.
    #[must_use]
    pub const fn after(last: Option<u64>) -> Self {
        Self { last }
    }
    /// The last number seen: what a new subscription says in `after`.
    #[must_use]
    pub const fn last(self) -> Option<u64> {
        self.last
    }
    /// The state at `seq` was received. A first snapshot sets the start; a later one may only repeat where we stand.
    pub fn snapshot(&mut self, seq: u64) -> Fit {
        let fit = match self.last {
            None => Fit::Next,
            Some(last) if seq > last => Fit::Gap { missing: seq - last },
            Some(_) => return Fit::Next,
        };
        self.last = Some(seq);
        fit
    }
    /// A fact, or a redacted one, with number `seq` was received.
    pub fn fact(&mut self, seq: u64) -> Fit {
        let last = self.last.unwrap_or(seq.saturating_sub(1));
        if seq <= last {
            return Fit::Again;
        }
        self.last = Some(seq);
        match seq - last {
            1 => Fit::Next,
            step => Fit::Gap { missing: step - 1 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_after_a_snapshot_continue_its_number() {
        let mut topic = Resume::default();
        assert_eq!(topic.snapshot(4), Fit::Next);
        assert_eq!(topic.fact(5), Fit::Next);
        assert_eq!(topic.last(), Some(5));
    }

    #[test]
    fn a_repeated_fact_is_noticed_and_does_not_move_the_resume_point_back() {
        let mut topic = Resume::after(Some(7));
        assert_eq!(topic.fact(8), Fit::Next);
        assert_eq!(topic.fact(7), Fit::Again);
        assert_eq!(topic.fact(8), Fit::Again);
        assert_eq!(topic.last(), Some(8));
    }

    #[test]
    fn a_hole_is_counted_once() {
        let mut topic = Resume::after(Some(2));
        assert_eq!(topic.fact(6), Fit::Gap { missing: 3 });
        assert_eq!(topic.fact(7), Fit::Next);
    }

    #[test]
    fn a_snapshot_instead_of_the_missed_facts_is_a_gap() {
        let mut topic = Resume::after(Some(2));
        assert_eq!(topic.snapshot(2), Fit::Next);
        assert_eq!(topic.snapshot(5), Fit::Gap { missing: 3 });
        assert_eq!(topic.fact(6), Fit::Next);
    }

    #[test]
    fn resuming_from_zero_expects_the_first_fact() {
        let mut topic = Resume::after(Some(0));
        assert_eq!(topic.fact(1), Fit::Next);
        let mut late = Resume::after(Some(0));
        assert_eq!(late.fact(3), Fit::Gap { missing: 2 });
    }
}
