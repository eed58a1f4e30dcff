//! How long somebody who types wrong passwords must wait. Pure; the counting is the server's.
//!
//! A victim is not locked out: failures from one address delay that address, and failures from everywhere delay
//! only addresses from which nobody has signed in to the account before, and those by seconds.

use std::time::Duration;

/// Whose failures were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// One address trying one account.
    Pair,
    /// One address, whatever the account.
    Address,
    /// One account, from addresses that nobody has signed in from.
    Account,
}

impl Counted {
    /// Failures that cost nothing: typing errors, a family behind one address.
    const fn free(self) -> u32 {
        match self {
            Self::Pair => 5,
            Self::Address => 30,
            Self::Account => 50,
        }
    }
    /// The longest wait: long enough to make guessing useless, short enough not to lock anybody out.
    const fn wait_max(self) -> Duration {
        match self {
            Self::Pair | Self::Address => Duration::from_secs(60),
            Self::Account => Duration::from_secs(3),
        }
    }

    /// How long after the last of `failures` the next try is allowed: nothing at first, then 1 s, doubling.
    #[must_use]
    pub fn wait_after(self, failures: u32) -> Duration {
        let Some(beyond) = failures.checked_sub(self.free()) else { return Duration::ZERO };
        Duration::from_secs(1 << beyond.min(6)).min(self.wait_max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_stays_bounded() {
        let waits: Vec<u64> = (0..14).map(|failures| Counted::Pair.wait_after(failures).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(Counted::Account.wait_after(u32::MAX), Duration::from_secs(3));
    }
}
