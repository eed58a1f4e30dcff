//! How often one may call: per principal (or address, before sign-in) and class of route. Told by the `RateLimit`
//! headers of the IETF draft; beyond it 429 with `Retry-After`.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use foodcourt_actors::ids::UserId;
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};

use super::problem::{Problem, TOO_MANY_REQUESTS};

/// What a call costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Registration and sign-in: by address.
    Auth,
    /// Reading.
    Read,
    /// Changing.
    Write,
    /// Placing and quoting.
    Order,
    /// Positions of riders.
    Fixes,
    /// Health and static files: not counted.
    Free,
}

/// Calls a minute of each class; also how many may come at once.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Registration and sign-in, per address: a food court's customers may share one.
    pub auth_per_min: u32,
    /// Reads, per person.
    pub read_per_min: u32,
    /// Changes, per person: a kitchen at its busiest bumps two tickets a second.
    pub write_per_min: u32,
    /// Orders and quotes, per person.
    pub order_per_min: u32,
    /// Batches of fixes, per rider: one a second, and the bursts after a tunnel.
    pub fixes_per_min: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { auth_per_min: 600, read_per_min: 1_200, write_per_min: 600, order_per_min: 120, fixes_per_min: 240 }
    }
}

impl Rates {
    /// Rates in proportion to two settings: calls a minute of one person, and sign-ins a minute from one address.
    #[must_use]
    pub fn of(requests_per_min: u32, sign_ins_per_min: u32) -> Self {
        Self {
            auth_per_min: sign_ins_per_min,
            read_per_min: requests_per_min,
            write_per_min: requests_per_min / 2,
            order_per_min: requests_per_min / 10,
            fixes_per_min: requests_per_min / 5,
        }
    }
}

/// Who is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Caller {
    /// Somebody signed in.
    User(UserId),
    /// Somebody at an address (an IPv6 network of 64 bits counts as one).
    Address(IpAddr),
}

impl Caller {
    /// The caller at `address`.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        Self::Address(match address {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::from([a, b, c, d, 0, 0, 0, 0])
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

type Limiter = RateLimiter<Caller, DefaultKeyedStateStore<Caller>, DefaultClock, StateInformationMiddleware>;

/// A class's limiter and what is said about it.
struct Limit {
    limiter: Limiter,
    name: &'static str,
    per_min: u32,
    checks: AtomicU32,
}

/// Checks after which callers that have been quiet are forgotten.
const FORGET_EVERY: u32 = 16_384;

/// All limits.
pub struct RateLimits {
    auth: Limit,
    read: Limit,
    write: Limit,
    order: Limit,
    fixes: Limit,
}

impl RateLimits {
    /// Limits of these rates.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        let limit = |name, per_min: u32| {
            let burst = NonZeroU32::new(per_min).unwrap_or(NonZeroU32::MIN);
            let limiter = RateLimiter::keyed(Quota::per_minute(burst)).with_middleware();
            Limit { limiter, name, per_min: burst.get(), checks: AtomicU32::new(0) }
        };
        Self {
            auth: limit("auth", rates.auth_per_min),
            read: limit("read", rates.read_per_min),
            write: limit("write", rates.write_per_min),
            order: limit("order", rates.order_per_min),
            fixes: limit("fixes", rates.fixes_per_min),
        }
    }

    /// Counts a call. Answers the `RateLimit-Policy` and `RateLimit` headers, if the class has a limit.
    ///
    /// # Errors
    /// 429 when it is one too many.
    pub fn check(&self, class: Class, caller: Caller) -> Result<Option<(String, String)>, Problem> {
        let limit = match class {
            Class::Auth => &self.auth,
            Class::Read => &self.read,
            Class::Write => &self.write,
            Class::Order => &self.order,
            Class::Fixes => &self.fixes,
            Class::Free => return Ok(None),
        };
        if limit.checks.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            limit.limiter.retain_recent();
        }
        match limit.limiter.check_key(&caller) {
            Ok(state) => {
                let policy = format!("\"{}\";q={};w=60", limit.name, limit.per_min);
                Ok(Some((policy, format!("\"{}\";r={}", limit.name, state.remaining_burst_capacity()))))
            }
            Err(until) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                Err(Problem::new(TOO_MANY_REQUESTS, format!("{} calls a minute are allowed here", limit.per_min))
                    .retry_after(seconds_up(wait)))
            }
        }
    }
}

/// Whole seconds, rounded up, at least one.
#[must_use]
pub fn seconds_up(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_caller_and_class_alone() {
        let limits = RateLimits::new(Rates { order_per_min: 2, ..Rates::default() });
        let (mia, tom) = (Caller::at([10, 0, 0, 1].into()), Caller::at([10, 0, 0, 2].into()));
        assert!(limits.check(Class::Order, mia).unwrap().unwrap().1.ends_with("r=1"));
        assert!(limits.check(Class::Order, mia).is_ok());
        assert_eq!(limits.check(Class::Order, mia).unwrap_err().kind(), TOO_MANY_REQUESTS);
        assert!(limits.check(Class::Order, tom).is_ok() && limits.check(Class::Read, mia).is_ok());
    }
}
