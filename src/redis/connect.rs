//! The connections to Redis, with every limit set: nobody waits for Redis longer than the configured time, and while
//! it is known to be away nobody waits at all. What is kept there stands next door.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fred::{
    clients::{Client, Pipeline, Pool, WithOptions},
    error::{Error, ErrorKind},
    interfaces::{ClientLike, EventInterface},
    types::{
        Builder, ClusterHash, CustomCommand, RespVersion,
        config::{Config, Options, ReconnectPolicy, UnresponsiveConfig},
    },
};
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    task::JoinHandle,
};
use tracing::{info, warn};

/// Connections for commands: one may be busy with a large answer while the other serves.
const POOL_SIZE: usize = 2;
/// Commands that may wait for one connection; the next fails at once.
const COMMANDS_MAX: usize = 1_024;
/// Longest try to connect, and longest greeting. Nobody waits for it, so it may take longer than a command.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two tries to connect, milliseconds: from, to, and how far they are spread so that nodes do not come at once.
const RECONNECT_MS: (u32, u32, u32) = (100, 2_000, 100);
/// How often it is looked whether Redis is there.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a connection that has given up (a wrong password) rests.
const GIVEN_UP: Duration = Duration::from_secs(5);

/// How to reach Redis.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `redis://`, `rediss://` or `redis+unix://`; one server. May hold a password, so it is never logged.
    pub url: String,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// Messages of other nodes that may wait for this one. Beyond that the oldest are dropped and everything is read
    /// anew from what Redis keeps.
    pub messages_max: usize,
}

impl Settings {
    /// The usual limits.
    #[must_use]
    pub fn new(url: &str, timeout: Duration) -> Self {
        Self { url: url.to_owned(), timeout, messages_max: 1_024 }
    }
}

/// Why the Redis side cannot start. An unreachable Redis is no such reason.
#[derive(Debug, thiserror::Error)]
#[error("redis.url cannot be used: it should look like redis://127.0.0.1:6379, rediss://… or redis+unix:///path")]
pub struct SettingsError(#[source] Error);

/// Connections of one node, kept up for as long as it lives.
#[derive(Clone)]
pub(super) struct Link {
    pool: Pool,
    /// A connection of its own for messages, so that no command waits behind them.
    pub(super) subscriber: Client,
    options: Options,
    pub(super) timeout: Duration,
    /// Grows with each new connection: whoever watches it knows that Redis may have been emptied.
    connected: watch::Sender<u64>,
    /// It has not answered in time: until it answers a probe, nobody else is made to wait.
    silent: Arc<AtomicBool>,
    /// It has been said that Redis refuses what it is given, since the last connection.
    refusal_told: Arc<AtomicBool>,
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Link {
    /// Begins to connect and returns at once.
    pub(super) fn open(settings: &Settings) -> Result<Self, SettingsError> {
        let mut config = Config::from_url(&settings.url).map_err(SettingsError)?;
        config.fail_fast = false;
        // With RESP2 a subscribed connection takes no pings, and a dead one would never be noticed.
        config.version = RespVersion::RESP3;
        let hosts: Vec<String> = config.server.hosts().iter().map(ToString::to_string).collect();
        let mut builder = Builder::from_config(config);
        let (from_ms, to_ms, jitter_ms) = RECONNECT_MS;
        let mut policy = ReconnectPolicy::new_exponential(0, from_ms, to_ms, 2);
        policy.set_jitter(jitter_ms);
        builder.set_policy(policy);
        builder.with_performance_config(|performance| {
            performance.default_command_timeout = settings.timeout;
            performance.broadcast_channel_capacity = settings.messages_max;
        });
        builder.with_connection_config(|connection| {
            connection.connection_timeout = CONNECT_TIMEOUT;
            connection.internal_command_timeout = CONNECT_TIMEOUT;
            // A command whose connection broke may have taken effect: it is never sent again by itself.
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = COMMANDS_MAX;
            // A connection without an answer for so long is dropped. The client counts from the last write, so a busy
            // connection would never be: hence `silent`, and probes that are further apart than this.
            connection.unresponsive =
                UnresponsiveConfig { max_timeout: Some(settings.timeout * 2), interval: settings.timeout / 2 };
            connection.tcp.nodelay = Some(true);
        });
        let pool = builder.build_pool(POOL_SIZE).map_err(SettingsError)?;
        let subscriber = builder.build().map_err(SettingsError)?;
        let options =
            Options { fail_fast: true, max_attempts: Some(1), timeout: Some(settings.timeout), ..Options::default() };
        let link = Self {
            pool,
            subscriber,
            options,
            timeout: settings.timeout,
            connected: watch::Sender::new(0),
            silent: Arc::default(),
            refusal_told: Arc::default(),
            tasks: Arc::default(),
        };
        for client in link.clients() {
            link.spawn(keep_connected(client.clone()));
        }
        link.spawn(tell(link.clone(), hosts.join(", ")));
        Ok(link)
    }

    fn clients(&self) -> impl Iterator<Item = &Client> {
        self.pool.clients().iter().chain([&self.subscriber])
    }

    /// Runs `task` until the link is closed.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(tokio::spawn(task));
    }

    /// Whether a command has a chance now.
    pub(super) fn is_up(&self) -> bool {
        !self.silent.load(Ordering::Relaxed) && self.is_connected()
    }

    fn is_connected(&self) -> bool {
        self.pool.clients().iter().any(ClientLike::is_connected)
    }

    /// Changes whenever Redis has been connected to.
    pub(super) fn connected(&self) -> watch::Receiver<u64> {
        self.connected.subscribe()
    }

    /// For one command.
    pub(super) fn client(&self) -> WithOptions<Client> {
        self.pool.next_connected().with_options(&self.options)
    }

    /// For several commands in one go.
    pub(super) fn pipeline(&self) -> WithOptions<Pipeline<Client>> {
        self.pool.next_connected().pipeline().with_options(&self.options)
    }

    /// Queues a script in `pipeline`. By its text, not its hash: an emptied Redis knows no hashes.
    pub(super) async fn script(
        pipeline: &WithOptions<Pipeline<Client>>,
        script: &str,
        keys: Vec<String>,
        values: Vec<String>,
    ) -> Result<(), Error> {
        let eval = CustomCommand::new_static("EVAL", ClusterHash::FirstValue, false);
        let head = [script.to_owned(), keys.len().to_string()];
        pipeline.custom(eval, head.into_iter().chain(keys).chain(values).collect::<Vec<String>>()).await
    }

    /// Whether the same may be sent again later: Redis was away or too slow. What it refuses it would refuse again, and
    /// that is said once.
    pub(super) fn may_retry(&self, error: &Error) -> bool {
        if matches!(error.kind(), ErrorKind::Timeout) {
            self.silent.store(true, Ordering::Relaxed);
        }
        let retry =
            matches!(error.kind(), ErrorKind::Timeout | ErrorKind::IO | ErrorKind::Canceled | ErrorKind::Backpressure);
        if !retry && !self.refusal_told.swap(true, Ordering::Relaxed) {
            warn!("Redis refuses to keep something: {}", error.details());
        }
        retry
    }

    /// For commands on the connection for messages.
    pub(super) fn listener(&self) -> WithOptions<Client> {
        self.subscriber.with_options(&self.options)
    }

    /// What `asking` finds out, if Redis is there and answers all of it in time.
    pub(super) async fn ask<T>(&self, asking: impl Future<Output = Result<T, Error>>) -> Option<T> {
        if !self.is_up() {
            return None;
        }
        match tokio::time::timeout(self.timeout, asking).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => {
                self.may_retry(&error);
                None
            }
            Err(_elapsed) => {
                self.silent.store(true, Ordering::Relaxed);
                None
            }
        }
    }

    /// Ends everything that runs here. Takes no longer than one answer.
    pub(super) async fn close(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.iter().for_each(JoinHandle::abort);
        let goodbyes = self.clients().filter(|client| client.is_connected()).map(|client| client.quit());
        // Not answered in time is as good as said.
        let _late = tokio::time::timeout(self.timeout, futures_util::future::join_all(goodbyes)).await;
    }
}

/// Ends a connection's own task when nobody keeps it any more.
struct Driven(JoinHandle<Result<(), Error>>);

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Connects again and again. The client does so by itself but for errors it takes for final, such as a wrong password;
/// those may be mended at Redis while this server runs.
async fn keep_connected(client: Client) {
    loop {
        let mut driven = Driven(client.connect());
        if let Ok(Err(error)) = (&mut driven.0).await {
            warn!("a connection to Redis has ended: {}", error.details());
        }
        tokio::time::sleep(GIVEN_UP).await;
    }
}

/// Says once that Redis is away, and once that it is back.
async fn tell(link: Link, hosts: String) {
    let mut reconnects = link.pool.clients()[0].reconnect_rx();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut was_up = None;
    let mut probe_at = tokio::time::Instant::now();
    // A start gets as long as any connection before it is said that nobody answers.
    let patience = tokio::time::Instant::now() + CONNECT_TIMEOUT;
    loop {
        tokio::select! {
            event = reconnects.recv() => match event {
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    link.refusal_told.store(false, Ordering::Relaxed);
                    link.silent.store(false, Ordering::Relaxed);
                    link.connected.send_modify(|count| *count += 1);
                }
                Err(RecvError::Closed) => {
                    reconnects = link.pool.clients()[0].reconnect_rx();
                    look.tick().await;
                }
            },
            _ = look.tick() => {}
        }
        if link.silent.load(Ordering::Relaxed) && link.is_connected() && tokio::time::Instant::now() >= probe_at {
            let answer: Result<(), Error> = link.client().ping(None).await;
            link.silent.store(answer.is_err(), Ordering::Relaxed);
            probe_at = tokio::time::Instant::now() + link.timeout * 3;
        }
        match (was_up, link.is_up()) {
            (None | Some(false), true) => info!("Redis at {hosts} answers"),
            (Some(true), false) => warn!("Redis at {hosts} does not answer; the server goes on without it"),
            (None, false) if tokio::time::Instant::now() > patience => {
                warn!("Redis at {hosts} does not answer; the server starts without it and tries again for ever");
            }
            (None, false) => continue,
            _ => {}
        }
        was_up = Some(link.is_up());
    }
}
