//! The business clock of a node: monotonic time anchored to the database's clock, never backwards. In the demo it may
//! run faster than the wall; the anchor is kept in the database, so every node and every restart agree.

use std::{
    sync::{
        RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use foodcourt_actors::time::{Clock, Timestamp};

/// Since when which speed holds: `business_at` of business time was `anchored_at` of the database's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anchor {
    /// Wall time of the database.
    pub anchored_at: Timestamp,
    /// Business time then.
    pub business_at: Timestamp,
    /// Seconds of business time in one of the wall, 1 to [`SPEED_MAX`].
    pub speed: f64,
}

/// The fastest a demo may run: a day in about a quarter of an hour.
pub const SPEED_MAX: f64 = 100.0;

impl Anchor {
    /// Business time when the database's clock says `wall`.
    #[must_use]
    pub fn business(&self, wall: Timestamp) -> Timestamp {
        self.business_at.plus(wall.since(self.anchored_at).mul_f64(self.speed))
    }
}

struct Pace {
    /// This node's monotonic clock when `business` was true.
    started: Instant,
    business: Timestamp,
    speed: f64,
}

/// A [`Clock`] on the machine's monotonic clock.
pub struct BusinessClock {
    pace: RwLock<Pace>,
    latest_micros: AtomicI64,
}

impl BusinessClock {
    /// A clock for `anchor`, while the database's clock says `wall`.
    #[must_use]
    pub fn new(anchor: &Anchor, wall: Timestamp) -> Self {
        let clock = Self {
            pace: RwLock::new(Pace { started: monotonic(), business: anchor.business(wall), speed: anchor.speed }),
            latest_micros: AtomicI64::new(i64::MIN),
        };
        clock.now();
        clock
    }

    /// Follows a changed anchor. Time stands still rather than go back.
    pub fn follow(&self, anchor: &Anchor, wall: Timestamp) {
        let mut pace = self.pace.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *pace = Pace { started: monotonic(), business: anchor.business(wall), speed: anchor.speed };
    }

    /// Seconds of business time in one of the wall.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.pace.read().unwrap_or_else(std::sync::PoisonError::into_inner).speed
    }
}

/// The machine's monotonic clock: the one place it is read for business time.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn monotonic() -> Instant {
    Instant::now()
}

impl Clock for BusinessClock {
    fn now(&self) -> Timestamp {
        let pace = self.pace.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let at = pace.business.plus(pace.started.elapsed().mul_f64(pace.speed)).as_micros();
        Timestamp::from_micros(self.latest_micros.fetch_max(at, Ordering::Relaxed).max(at))
    }

    fn wall_until(&self, at: Timestamp) -> Duration {
        at.since(self.now()).div_f64(self.speed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slower_anchor_never_turns_time_back() {
        let wall = Timestamp::from_micros(1_000_000_000);
        let clock = BusinessClock::new(&Anchor { anchored_at: wall, business_at: wall.plus_s(500), speed: 20.0 }, wall);
        let before = clock.now();
        clock.follow(&Anchor { anchored_at: wall, business_at: wall, speed: 1.0 }, wall);
        assert!(clock.now() >= before);
    }

    #[test]
    fn a_timer_runs_shorter_on_a_fast_clock() {
        let wall = Timestamp::from_micros(0);
        let clock = BusinessClock::new(&Anchor { anchored_at: wall, business_at: wall, speed: 10.0 }, wall);
        let wait = clock.wall_until(wall.plus_s(100));
        assert!(wait <= Duration::from_secs(10) && wait > Duration::from_secs(9), "{wait:?}");
    }
}
