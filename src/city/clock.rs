//! Business time as the city knows it: an anchor told by the server, carried on at the server's speed.

use std::{sync::Mutex, time::Duration};

use foodcourt_actors::time::Timestamp;
use tokio::time::Instant;

/// How long a sleeper trusts the anchor before it looks again: the server may have been restarted or hurried.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The city's view of the server's business clock.
pub struct BusinessClock(Mutex<Anchor>);

#[derive(Clone, Copy)]
struct Anchor {
    wall: Instant,
    business: Timestamp,
    speed: f64,
}

impl Anchor {
    fn at(self, wall: Instant) -> Timestamp {
        self.business.plus(wall.saturating_duration_since(self.wall).mul_f64(self.speed))
    }
}

impl BusinessClock {
    /// A clock that shows `business` now and runs at `speed`.
    #[must_use]
    pub fn new(business: Timestamp, speed: f64) -> Self {
        Self(Mutex::new(Anchor { wall: Instant::now(), business, speed: speed.max(0.001) }))
    }
    /// Sets time and speed as the server just told them.
    pub fn set(&self, business: Timestamp, speed: f64) {
        *self.anchor() = Anchor { wall: Instant::now(), business, speed: speed.max(0.001) };
    }
    /// A fact of this instant was seen, so business time is at least there.
    pub fn saw(&self, at: Timestamp) {
        let mut anchor = self.anchor();
        let now = Instant::now();
        if anchor.at(now) < at {
            *anchor = Anchor { wall: now, business: at, speed: anchor.speed };
        }
    }
    /// Business time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.anchor().at(Instant::now())
    }
    /// How many times faster than the wall.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.anchor().speed
    }
    /// So many business seconds on the wall.
    #[must_use]
    pub fn wall(&self, business_s: f64) -> Duration {
        Duration::from_secs_f64((business_s / self.speed()).max(0.0))
    }
    /// Returns when business time has reached `at`.
    pub async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = at.since(self.now());
            if left.is_zero() {
                return;
            }
            let wall = left.div_f64(self.speed()).clamp(Duration::from_millis(1), LOOK_AGAIN);
            tokio::time::sleep(wall).await;
        }
    }
    /// Returns after so many business seconds.
    pub async fn sleep_s(&self, business_s: f64) {
        self.sleep_until(self.now().plus(Duration::from_secs_f64(business_s.max(0.0)))).await;
    }

    fn anchor(&self) -> std::sync::MutexGuard<'_, Anchor> {
        self.0.lock().expect("nobody panics while holding the anchor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seen_fact_moves_the_clock_forward_and_never_back() {
        let start = Timestamp::from_micros(1_000_000_000);
        let clock = BusinessClock::new(start, 1.0);
        clock.saw(start.plus_min(10));
        assert!(clock.now() >= start.plus_min(10));
        clock.saw(start);
        assert!(clock.now() >= start.plus_min(10));
    }
}
