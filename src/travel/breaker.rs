//! A circuit breaker: a router in trouble is left alone for a while, then asked once, then used again. Pure; the time
//! comes in.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row after which it opens.
const FAILURES_MAX: u32 = 3;
/// The first pause; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
/// The longest pause: a router that was repaired is used again within this.
const PAUSE_MAX: Duration = Duration::from_secs(120);

/// What changed, for the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It is left alone for so long.
    Opened(Duration),
    /// It is used again.
    Closed,
}

/// The breaker of one router.
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaker {
    failures: u32,
    /// Set while it is left alone, or tried once.
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    until: Instant,
    pause: Duration,
    /// Somebody is trying. Should they never tell how it went, the next may try after another pause.
    trying: bool,
}

impl Breaker {
    /// Whether the router may be asked at `now`. While it is left alone, one is let through when the pause is over.
    pub fn lets_through(&mut self, now: Instant) -> bool {
        match &mut self.open {
            None => true,
            Some(open) if now < open.until => false,
            Some(open) => {
                (open.until, open.trying) = (now + open.pause, true);
                true
            }
        }
    }
    /// It has answered.
    pub fn went_well(&mut self) -> Option<Change> {
        self.failures = 0;
        self.open.take().map(|_| Change::Closed)
    }
    /// It has not.
    pub fn failed(&mut self, now: Instant) -> Option<Change> {
        self.failures = self.failures.saturating_add(1);
        match &mut self.open {
            Some(open) if open.trying => {
                open.pause = (open.pause * 2).min(PAUSE_MAX);
                (open.until, open.trying) = (now + open.pause, false);
                None // the log was told when it opened
            }
            Some(_) => None, // asked before it opened
            None if self.failures >= FAILURES_MAX => {
                self.open = Some(Open { until: now + PAUSE_FIRST, pause: PAUSE_FIRST, trying: false });
                Some(Change::Opened(PAUSE_FIRST))
            }
            None => None,
        }
    }
    /// Whether it is left alone.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_tries_once_and_closes() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        let at = |s: u64| start + Duration::from_secs(s);
        assert_eq!((breaker.failed(start), breaker.failed(start)), (None, None));
        assert_eq!(breaker.went_well(), None, "one good answer forgives");
        for _ in 0..2 {
            assert_eq!(breaker.failed(start), None);
        }
        assert_eq!(breaker.failed(start), Some(Change::Opened(PAUSE_FIRST)));
        assert_eq!(breaker.failed(start), None, "a late failure says nothing new");
        assert!(!breaker.lets_through(at(4)));
        assert!(breaker.lets_through(at(5)) && !breaker.lets_through(at(5)), "one tries");
        assert_eq!(breaker.failed(at(6)), None);
        assert!(!breaker.lets_through(at(15)) && breaker.lets_through(at(16)), "twice as long");
        assert!(!breaker.lets_through(at(25)) && breaker.lets_through(at(26)), "a try that nobody told the end of");
        assert_eq!(breaker.went_well(), Some(Change::Closed));
        assert!(breaker.lets_through(at(26)) && !breaker.is_open());
    }

    #[test]
    fn the_pause_has_a_limit() {
        let (mut breaker, mut now) = (Breaker::default(), Instant::now());
        for _ in 0..20 {
            breaker.failed(now);
            now += PAUSE_MAX;
            assert!(breaker.lets_through(now) || !breaker.is_open());
        }
    }
}
