//! The one writer of this node: while a transaction is in flight the next batch collects; an idle writer writes at
//! once. Nobody is left without an answer.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use foodcourt_actors::ports::{Append, Appended};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};
use tracing::{debug, error, info, warn};

use super::{
    JournalLimits, News, Wish,
    fence::{Backend, Suspects},
    statement::{Batch, Flight},
};
use crate::postgres::connect::{Connector, DatabaseError, Link};

/// Added to the transaction's own limit before the writer stops waiting for the server.
const SILENCE_MAX: Duration = Duration::from_secs(3);

type Waiting = (Box<Append>, oneshot::Sender<Appended>);

/// Collects appends and writes them in groups.
pub(super) struct Writer {
    connector: Connector,
    limits: JournalLimits,
    inbox: mpsc::Receiver<Wish>,
    news: Arc<News>,
    suspects: Arc<Suspects>,
    line: Option<Line>,
    pending: VecDeque<Waiting>,
    flushes: Vec<oneshot::Sender<()>>,
}

/// The writer's connection.
struct Line {
    link: Link,
    batch: Batch,
    backend: Backend,
    /// The server warned (01000): a commit may not have reached the standbys that it was to wait for.
    doubtful: Arc<AtomicBool>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.link.cut();
    }
}

impl Writer {
    pub(super) async fn connected(
        connector: Connector,
        limits: JournalLimits,
        inbox: mpsc::Receiver<Wish>,
        news: Arc<News>,
        suspects: Arc<Suspects>,
    ) -> Result<Self, DatabaseError> {
        let line = Some(Line::open(&connector, &limits).await?);
        Ok(Self { connector, limits, inbox, news, suspects, line, pending: VecDeque::new(), flushes: Vec::new() })
    }

    /// Runs until nobody can ask any more and everybody is answered.
    pub(super) async fn run(mut self) {
        while self.gather().await {
            if self.line.as_ref().is_none_or(|line| line.link.client.is_closed()) {
                self.line = None;
                match Line::open(&self.connector, &self.limits).await {
                    Ok(line) => {
                        info!("the journal is connected to the database again");
                        self.line = Some(line);
                    }
                    Err(error) => {
                        warn!(error = &error as &dyn std::error::Error, "the journal cannot reach the database");
                        self.refuse_for_a_while().await;
                        continue;
                    }
                }
            }
            let group = self.pick();
            self.write(group).await;
        }
    }

    /// Waits until something is pending and takes what else is there. `false`: all done, for good.
    async fn gather(&mut self) -> bool {
        while self.pending.is_empty() {
            for flush in self.flushes.drain(..) {
                flush.send(()).unwrap_or_else(|()| debug!("nobody waits for the flush any more"));
            }
            match self.inbox.recv().await {
                Some(wish) => self.take(wish),
                None => return false,
            }
        }
        // Twice a batch: enough to fill the next one even if many are for the same streams.
        while self.pending.len() < 2 * self.limits.batch_max {
            match self.inbox.try_recv() {
                Ok(wish) => self.take(wish),
                Err(_) => break,
            }
        }
        true
    }

    fn take(&mut self, wish: Wish) {
        match wish {
            Wish::Append(append, answer) if append.events.is_empty() => {
                tell(answer, Appended::Invalid { reason: "an append without facts".to_owned() });
            }
            Wish::Append(append, answer) => self.pending.push_back((append, answer)),
            Wish::Flush(done) => self.flushes.push(done),
        }
    }

    /// The next batch: first come, first served, at most one append per stream, sorted by stream so that two nodes
    /// never lock heads in opposite order.
    fn pick(&mut self) -> Vec<Waiting> {
        let mut streams = HashSet::with_capacity(self.pending.len());
        let mut group = Vec::with_capacity(self.pending.len().min(self.limits.batch_max));
        let mut later = VecDeque::new();
        for waiting in self.pending.drain(..) {
            if group.len() < self.limits.batch_max && streams.insert(waiting.0.stream) {
                group.push(waiting);
            } else {
                later.push_back(waiting);
            }
        }
        self.pending = later;
        group.sort_unstable_by_key(|(append, _)| append.stream);
        group
    }

    /// Writes a group, halving it around what the database refuses.
    async fn write(&mut self, group: Vec<Waiting>) {
        let mut parts = vec![group];
        while let Some(mut part) = parts.pop() {
            let Some(line) = self.line.as_ref() else {
                // Lost by an earlier half; these were not sent and try again on the next connection.
                part.into_iter().rev().for_each(|waiting| self.pending.push_front(waiting));
                continue;
            };
            match line.write(&part, &self.limits).await {
                Flight::Landed { through, newest } => {
                    let doubtful = line.doubtful.swap(false, Ordering::Relaxed);
                    if doubtful {
                        self.suspects.warned();
                    }
                    self.news.heard(newest);
                    for ((_, answer), through) in part.into_iter().zip(through) {
                        let outcome = match (through, doubtful) {
                            (true, false) => Appended::Committed,
                            (true, true) => Appended::Unknown,
                            (false, _) => Appended::Conflict,
                        };
                        tell(answer, outcome);
                    }
                }
                Flight::Refused { reason } if part.len() == 1 => {
                    for (append, answer) in part {
                        error!(stream = %append.stream, reason, "the journal cannot store an append");
                        tell(answer, Appended::Invalid { reason: reason.clone() });
                    }
                }
                Flight::Refused { .. } => {
                    let second = part.split_off(part.len() / 2);
                    parts.push(second);
                    parts.push(part);
                }
                Flight::RolledBack { reason, connection_spoilt } => {
                    warn!(reason, appends = part.len(), "a batch of the journal was rolled back");
                    if connection_spoilt {
                        self.line = None;
                    }
                    part.into_iter().for_each(|(_, answer)| tell(answer, Appended::Unavailable));
                }
                Flight::Unclear { reason } => {
                    warn!(reason, appends = part.len(), "the connection was lost with a batch of the journal in it");
                    self.suspects.add(line.backend.clone());
                    self.line = None;
                    part.into_iter().for_each(|(_, answer)| tell(answer, Appended::Unknown));
                }
            }
        }
    }

    /// The database is away: everybody is told so at once, until it is time to try again.
    async fn refuse_for_a_while(&mut self) {
        let until = Instant::now() + self.limits.reconnect_after;
        loop {
            for (_, answer) in self.pending.drain(..) {
                tell(answer, Appended::Unavailable);
            }
            tokio::select! {
                () = sleep_until(until) => return,
                wish = self.inbox.recv() => match wish {
                    Some(wish) => self.take(wish),
                    None => return,
                },
            }
        }
    }
}

impl Line {
    async fn open(connector: &Connector, limits: &JournalLimits) -> Result<Self, DatabaseError> {
        let doubtful = Arc::new(AtomicBool::new(false));
        let warned = doubtful.clone();
        let link = connector
            .connect(move |notice| {
                if notice.code().code() == "01000" {
                    warn!("the database warns the journal: {}", notice.message());
                    warned.store(true, Ordering::Relaxed);
                }
            })
            .await?;
        // One plan for all batches; the arrays' sizes are unknown to the planner, so it must not think that reading
        // a whole table is cheap.
        let session = format!(
            "set statement_timeout = {}; set timezone = 'UTC'; set jit = off; set enable_seqscan = off; \
             set plan_cache_mode = force_generic_plan",
            limits.transaction_timeout.as_millis()
        );
        link.client.batch_execute(&session).await?;
        let backend = Backend::of(&link.client).await?;
        let batch = Batch::prepare(&link.client, limits.answers_kept).await?;
        Ok(Self { link, batch, backend, doubtful })
    }

    async fn write(&self, part: &[Waiting], limits: &JournalLimits) -> Flight {
        let appends: Vec<&Append> = part.iter().map(|(append, _)| &**append).collect();
        let flight = self.batch.write(&self.link.client, &appends);
        match timeout(limits.transaction_timeout + SILENCE_MAX, flight).await {
            Ok(flight) => flight,
            Err(_) => Flight::Unclear { reason: "the database did not answer".to_owned() },
        }
    }
}

fn tell(answer: oneshot::Sender<Appended>, outcome: Appended) {
    answer.send(outcome).unwrap_or_else(|outcome| debug!(?outcome, "nobody waits for this append any more"));
}
