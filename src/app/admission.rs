//! Whether this node takes new orders: not while it drains, and not while the services lag so far behind the journal
//! that another order would only wait in a longer queue. What was taken goes on in either case.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use tracing::{debug, info, warn};

use super::metrics::Metrics;
use crate::postgres::{Database, cursors};

/// How often it is looked how far the services are.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Moments remembered, one a look: a quarter of an hour.
const MOMENTS_MAX: usize = 900;

/// Opens and closes the door for new orders.
#[derive(Default)]
pub struct Admission {
    draining: AtomicBool,
    lagging: AtomicBool,
}

impl Admission {
    /// The node is on its way down.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Why no new orders are taken now.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn open(&self) -> Result<(), &'static str> {
        if self.draining.load(Ordering::Relaxed) {
            return Err("the server is going down");
        }
        if self.lagging.load(Ordering::Relaxed) {
            return Err("the services are too far behind with the orders there are");
        }
        Ok(())
    }
}

/// How far behind is too far.
#[derive(Clone, Copy, Debug)]
pub struct LagLimits {
    /// From here on new orders are refused.
    pub refuse: Duration,
    /// From here on they are taken again. Lower, so that the door does not flap.
    pub resume: Duration,
}

/// Since when the services have not reached where the journal was.
#[derive(Default)]
struct Lag {
    /// Ends of the journal, and when each was first seen; those that the services have reached are forgotten.
    ends: VecDeque<(Instant, i64)>,
}

impl Lag {
    /// The age of the oldest end that the services have not reached.
    fn note(&mut self, now: Instant, end: i64, reached: i64) -> Duration {
        if self.ends.len() < MOMENTS_MAX && self.ends.back().is_none_or(|(_, known)| *known < end) {
            self.ends.push_back((now, end));
        }
        while self.ends.front().is_some_and(|(_, end)| *end <= reached) {
            self.ends.pop_front();
        }
        self.ends.front().map_or(Duration::ZERO, |(since, _)| now.duration_since(*since))
    }
}

/// Watches the lag and moves the door.
pub struct LagWatch {
    /// Where journal and cursors are.
    pub database: Database,
    /// Whose cursors.
    pub services: Vec<&'static str>,
    /// How far behind is too far.
    pub limits: LagLimits,
    /// The door.
    pub admission: Arc<Admission>,
    /// Where it is told.
    pub metrics: Arc<Metrics>,
}

impl LagWatch {
    /// Watches until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lag = Lag::default();
        while !*stop.borrow() {
            tokio::select! { biased; _ = stop.changed() => return, _ = tick.tick() => {} }
            match cursors::standing(&self.database, &self.services).await {
                Ok(standing) => self.judge(lag.note(Instant::now(), standing.end, standing.reached)),
                // Without a database nothing is taken anyway.
                Err(error) => debug!(error = &error as &dyn std::error::Error, "the lag cannot be measured now"),
            }
        }
    }

    fn judge(&self, lag: Duration) {
        self.metrics.feed_lag.set(lag.as_secs_f64());
        let lagging = &self.admission.lagging;
        let (was, lag_s) = (lagging.load(Ordering::Relaxed), lag.as_secs());
        if !was && lag >= self.limits.refuse {
            lagging.store(true, Ordering::Relaxed);
            warn!(lag_s, "the services are {lag_s} s behind the journal: new orders are refused until they catch up");
        } else if was && lag <= self.limits.resume {
            lagging.store(false, Ordering::Relaxed);
            info!("the services have caught up: new orders are taken again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_the_age_of_what_is_not_reached() {
        let (mut lag, began) = (Lag::default(), Instant::now());
        let mut at = |s: u64, end, reached| lag.note(began + Duration::from_secs(s), end, reached).as_secs();
        assert_eq!(at(0, 100, 100), 0);
        assert_eq!(at(1, 110, 100), 0, "it has only just come");
        assert_eq!(at(4, 120, 100), 3);
        assert_eq!(at(5, 120, 110), 1, "what came later is younger");
        assert_eq!(at(9, 120, 119), 5);
        assert_eq!(at(10, 120, 120), 0);
    }
}
