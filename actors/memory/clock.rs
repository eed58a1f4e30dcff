//! Business time that follows tokio's clock, which a test or a simulation may pause and wind forward.

use std::time::Duration;

use tokio::time::Instant;

use crate::time::{Clock, Timestamp};

/// 2026-03-02T11:00:00Z, a Monday: where a simulated day begins.
const DAWN: Timestamp = Timestamp::from_micros(1_772_449_200_000_000);

/// Tokio's clock as business time.
pub struct MemoryClock {
    start: Instant,
}

impl MemoryClock {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for MemoryClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MemoryClock {
    fn now(&self) -> Timestamp {
        DAWN.plus(self.start.elapsed())
    }
    fn wall_until(&self, at: Timestamp) -> Duration {
        at.since(self.now())
    }
}
