//! Every port in memory, for simulation and tests: deterministic from one seed, with weather that can turn bad.

mod clock;
mod cursors;
mod dice;
mod journal;

pub use clock::MemoryClock;
pub use cursors::MemoryCursors;
pub use dice::{Dice, MemoryIds};
pub use journal::{MemoryJournal, Planted, Weather};

use std::sync::Arc;

use crate::{limits::Limits, ports::Kernel};

/// A kernel wholly in memory.
pub struct MemoryWorld {
    /// What every shell gets.
    pub kernel: Kernel,
    /// The journal, for looking inside and for bad weather.
    pub journal: MemoryJournal,
    /// The cursors.
    pub cursors: MemoryCursors,
}

impl MemoryWorld {
    /// A world from `seed`, in fine weather. Must be made inside a tokio runtime (its clock is the runtime's).
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let journal = MemoryJournal::new(seed);
        let kernel = Kernel {
            journal: Arc::new(journal.clone()),
            clock: Arc::new(MemoryClock::new()),
            ids: Arc::new(MemoryIds::new(seed)),
            limits: Limits::default(),
        };
        Self { kernel, journal, cursors: MemoryCursors::default() }
    }
}
