//! Snapshots name the build that folded them: one of another build may parse and still lack what today's fold would
//! have kept, and an older build beside a newer one writes such snapshots all the time. Only one's own is believed.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Changes with every release, and with the number behind it whenever a fold keeps more than it did.
const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), "+2");

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
