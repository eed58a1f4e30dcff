//! Snapshots name the build that folded them: one of another build may parse and still lack what today's fold would
//! have kept, and an older build beside a newer one writes such snapshots all the time. Only one's own is believed.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{event::Version, ports::Snapshot};

/// Changes with every release, and with the number behind it whenever a fold keeps more than it did.
const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), "+6");

/// The newest snapshot of a stream, and what has come since.
#[derive(Debug, Default)]
pub(super) struct Last {
    version: Version,
    bytes: usize,
    /// Of the facts since.
    bytes_since: usize,
}

impl Last {
    /// `snapshot` is the newest.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self { version: snapshot.version, bytes: snapshot.body.len(), bytes_since: 0 }
    }

    /// None could be made at `version`: it is not tried again with every fact.
    pub fn tried(version: Version) -> Self {
        Self { version, ..Self::default() }
    }

    /// One more fact, with its body.
    pub fn fact(&mut self, body: &str) {
        self.bytes_since += body.len();
    }

    /// Whether it is time for the next one: after `every` facts, but not before they weigh as much as the last one.
    /// Whatever a state grows to, its snapshots then write about as much as its facts do, and coming back reads about
    /// twice the state's weight.
    pub fn is_past(&self, version: Version, every: Version) -> bool {
        version - self.version >= every && self.bytes_since >= self.bytes
    }
}

#[derive(Serialize, Deserialize)]
struct Sealed<B, S> {
    build: B,
    state: S,
}

/// Why a snapshot is worth nothing here.
#[derive(Debug, thiserror::Error)]
pub(super) enum Worthless {
    /// It does not parse.
    #[error("it does not have this build's shape")]
    Malformed(#[from] serde_json::Error),
    /// It parses, but who knows what it lacks.
    #[error("build {0} folded it")]
    Foreign(String),
}

/// The body of a snapshot of `state`.
pub(super) fn seal<S: Serialize>(state: &S) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Sealed { build: BUILD, state })
}

/// The state in `body`, if this build folded it.
pub(super) fn open<S: DeserializeOwned>(body: &str) -> Result<S, Worthless> {
    let Sealed { build, state } = serde_json::from_str::<Sealed<String, S>>(body)?;
    if build == BUILD { Ok(state) } else { Err(Worthless::Foreign(build)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_is_kept_once_the_facts_since_weigh_as_much() {
        let mut last = Last::of(&Snapshot { version: 10, body: "x".repeat(100) });
        for version in 11..=19 {
            last.fact(&"y".repeat(20));
            assert!(!last.is_past(version, 10), "too few facts at {version}");
        }
        last.fact("");
        assert!(last.is_past(20, 10), "ten facts, and 180 bytes since 100");
        let mut last = Last::of(&Snapshot { version: 10, body: "x".repeat(1_000) });
        (0..49).for_each(|_| last.fact(&"y".repeat(20)));
        assert!(!last.is_past(59, 10), "980 bytes since 1000");
        last.fact(&"y".repeat(20));
        assert!(last.is_past(60, 10));
    }
}
