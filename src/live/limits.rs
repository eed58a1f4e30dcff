//! The limits of the live side, each with its reason. The server fills them from `config.toml`.

use std::time::Duration;

/// Limits of sockets and event streams.
#[derive(Clone, Debug)]
pub struct LiveLimits {
    /// Open sockets and event streams of the node; the next is answered 503. About 2 KB each while idle.
    pub sockets_max: usize,
    /// One inbound frame, and one message put together from fragments. A hundred GPS fixes take about 13 KB.
    pub frame_bytes_max: usize,
    /// One inbound frame before the socket has said who it is: a `hello` fits.
    pub frame_bytes_max_before_hello: usize,
    /// How long a socket may stay anonymous.
    pub hello_within: Duration,
    /// Inbound bytes a socket may send at once (token bucket).
    pub inbound_burst_bytes: u32,
    /// Inbound bytes a second after the burst. A rider's fix a second takes about 150.
    pub inbound_bytes_per_s: u32,
    /// What a frame or a read costs the bucket at least, so that tiny frames are as dear as the work they make.
    pub inbound_cost_min_bytes: u32,
    /// A socket held back this long without a pause is closed with 4429. A rider's day of buffered fixes (3 MB) fits.
    pub flood_closes_after: Duration,
    /// Bytes taken from a socket in one read.
    pub read_bytes_max: usize,
    /// Reads of one socket before the others get their turn.
    pub reads_per_turn: u32,
    /// Unsent bytes a socket may have waiting; facts beyond are left in the journal, replies beyond close it.
    pub backlog_bytes_max: usize,
    /// Unsent bytes the kernel may hold for a socket (`TCP_NOTSENT_LOWAT`).
    pub kernel_unsent_bytes_max: u32,
    /// Topics of one socket.
    pub topics_max: usize,
    /// Subscriptions of one socket that may be opening at once; reading waits for them.
    pub requests_in_flight_max: usize,
    /// Positions kept for a socket that is not writable: the latest of so many riders.
    pub positions_max: usize,
    /// One position of a rider per topic goes out no oftener than this.
    pub position_every: Duration,
    /// How often a ping is sent. A socket silent for two of these is gone.
    pub ping_every: Duration,
    /// Unacknowledged bytes older than this end the connection in the kernel (`TCP_USER_TIMEOUT`).
    pub unacknowledged_max: Duration,
    /// How long a closing socket may take to say goodbye.
    pub close_within: Duration,
    /// The step of a worker's clock: heartbeats, deadlines and buckets are looked at this often.
    pub tick: Duration,
    /// Facts that may wait for one worker; more and its sockets read the journal instead.
    pub inbox_facts_max: usize,
    /// Recent facts each worker keeps so that a storm of reconnects is served from memory (about 1 KB each).
    pub recent_facts_max: usize,
    /// Facts read from the journal in one go.
    pub page: u32,
    /// Reads of the journal that one worker has in flight at once.
    pub reads_in_flight_max: usize,
    /// A comment on an event stream, so that proxies keep it open.
    pub sse_heartbeat_every: Duration,
    /// Origins that browsers may connect from; empty: only the server's own host.
    pub origins: Vec<String>,
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self {
            sockets_max: 20_000,
            frame_bytes_max: 16 * 1024,
            frame_bytes_max_before_hello: 1024,
            hello_within: Duration::from_secs(5),
            inbound_burst_bytes: 64 * 1024,
            inbound_bytes_per_s: 32 * 1024,
            inbound_cost_min_bytes: 64,
            flood_closes_after: Duration::from_secs(120),
            read_bytes_max: 16 * 1024,
            reads_per_turn: 4,
            backlog_bytes_max: 64 * 1024,
            kernel_unsent_bytes_max: 64 * 1024,
            topics_max: 64,
            requests_in_flight_max: 4,
            positions_max: 256,
            position_every: Duration::from_secs(1),
            ping_every: Duration::from_secs(25),
            unacknowledged_max: Duration::from_secs(50),
            close_within: Duration::from_secs(2),
            tick: Duration::from_millis(250),
            inbox_facts_max: 16_384,
            recent_facts_max: 8_192,
            page: 64,
            reads_in_flight_max: 16,
            sse_heartbeat_every: Duration::from_secs(15),
            origins: Vec::new(),
        }
    }
}
