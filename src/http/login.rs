//! Counts wrong passwords and says who must wait. In memory, bounded, forgotten after a quarter of an hour.
//! How long a wait is stands in `foodcourt_actors::user::throttle`.

use std::{sync::Arc, time::Duration};

use foodcourt_actors::{
    time::{Clock, Timestamp},
    user::{credentials::Email, throttle::Counted},
};
use moka::{ops::compute::Op, sync::Cache};

use super::{
    limits::{Caller, seconds_up},
    problem::{Problem, TOO_MANY_REQUESTS},
};

/// Counters kept at most; an attacker with more addresses only pushes out its own oldest ones.
const COUNTERS_MAX: u64 = 100_000;
/// How long a failure counts.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// How long an address from which somebody signed in is known to the account.
const KNOWN: Duration = Duration::from_secs(30 * 24 * 3_600);

type Key = (Counted, Option<Caller>, Option<Email>);

/// The counters.
pub struct LoginThrottle {
    wall: Arc<dyn Clock>,
    failures: Cache<Key, (u32, Timestamp)>,
    known: Cache<(Caller, Email), ()>,
}

impl LoginThrottle {
    /// No failures yet.
    #[must_use]
    pub fn new(wall: Arc<dyn Clock>) -> Self {
        Self {
            wall,
            failures: Cache::builder().max_capacity(COUNTERS_MAX).time_to_live(REMEMBERED).build(),
            known: Cache::builder().max_capacity(COUNTERS_MAX).time_to_live(KNOWN).build(),
        }
    }

    /// Lets a try through, or says when the next one is welcome.
    ///
    /// # Errors
    /// 429 with `Retry-After`.
    pub fn check(&self, caller: Caller, email: &Email) -> Result<(), Problem> {
        let now = self.wall.now();
        let wait = self
            .keys(caller, email)
            .filter_map(|key| {
                let (failures, last) = self.failures.get(&key)?;
                key.0.wait_after(failures).checked_sub(now.since(last))
            })
            .max()
            .unwrap_or(Duration::ZERO);
        if wait.is_zero() {
            return Ok(());
        }
        Err(Problem::new(TOO_MANY_REQUESTS, "too many wrong passwords; wait a moment").retry_after(seconds_up(wait)))
    }

    /// Notes a wrong password.
    pub fn failed(&self, caller: Caller, email: &Email) {
        let now = self.wall.now();
        for key in self.keys(caller, email) {
            self.failures.entry(key).and_compute_with(|entry| {
                let failures = entry.map_or(0, |entry| entry.into_value().0);
                Op::Put((failures.saturating_add(1), now))
            });
        }
    }

    /// Notes a right one: the address is the account's own from now on.
    pub fn succeeded(&self, caller: Caller, email: &Email) {
        self.failures.invalidate(&(Counted::Pair, Some(caller), Some(email.clone())));
        self.known.insert((caller, email.clone()), ());
    }

    fn keys(&self, caller: Caller, email: &Email) -> impl Iterator<Item = Key> {
        let known = self.known.contains_key(&(caller, email.clone()));
        let account = (!known).then(|| (Counted::Account, None, Some(email.clone())));
        [(Counted::Pair, Some(caller), Some(email.clone())), (Counted::Address, Some(caller), None)]
            .into_iter()
            .chain(account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Still;
    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(1_800_000_000_000_000)
        }
        fn wall_until(&self, _at: Timestamp) -> Duration {
            Duration::ZERO
        }
    }

    #[test]
    fn slows_a_guesser_and_never_the_owner_elsewhere() {
        let throttle = LoginThrottle::new(Arc::new(Still));
        let email = Email::parse("mia@example.org").unwrap();
        let home = Caller::at([10, 0, 0, 1].into());
        throttle.succeeded(home, &email);
        for last in 0..=255 {
            let guesser = Caller::at([10, 0, 1, last].into());
            for _ in 0..6 {
                throttle.failed(guesser, &email);
            }
            assert!(throttle.check(guesser, &email).is_err());
        }
        assert!(throttle.check(home, &email).is_ok());
        assert!(throttle.check(Caller::at([10, 0, 2, 1].into()), &email).is_err()); // for seconds only
    }
}
