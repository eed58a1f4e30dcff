//! The limits of the kernel's queues and loops. The server fills them from `config.toml`, which gives the reasons.

use std::time::Duration;

/// Limits of the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Commands that may wait in one entity; the next is told to come back later.
    pub entity_queue_max: usize,
    /// How often an append that met a conflict is decided anew.
    pub conflict_retries_max: u32,
    /// An entity that nobody asked for this long leaves memory.
    pub idle_after: Duration,
    /// Facts read from a stream in one go.
    pub read_page: u32,
    /// A snapshot is kept every so many facts.
    pub snapshot_every: u64,
    /// Panics of one stream within [`Limits::panic_window`] after which it is quarantined.
    pub panics_max: u32,
    /// The window in which panics are counted, and how long a quarantine lasts.
    pub panic_window: Duration,
    /// Partitions of each service's reactor.
    pub partitions: u32,
    /// Facts that one reactor may have in hand at once.
    pub reactor_in_flight_max: usize,
    /// Facts read from the feed in one go.
    pub feed_page: u32,
    /// How long a lease on a partition or an overdue stream lasts, seconds of the database's clock.
    pub lease_s: u32,
    /// A planted mistake, to see that simulation finds it: refusals are not checked against the stream's tail.
    #[doc(hidden)]
    pub trust_stale_state: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entity_queue_max: 1_024,
            conflict_retries_max: 5,
            idle_after: Duration::from_secs(300),
            read_page: 500,
            snapshot_every: 500,
            panics_max: 5,
            panic_window: Duration::from_secs(60),
            partitions: 64,
            reactor_in_flight_max: 1_024,
            feed_page: 1_000,
            lease_s: 10,
            trust_stale_state: false,
        }
    }
}
