//! The one writer of this node: while a transaction is in flight the next batch collects; an idle writer writes at
//! once. A batch as large as the one in flight is sent right behind it, so that the database finds work waiting when
//! it comes back from the disk. Nobody is left without an answer.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use foodcourt_actors::ports::{Append, Appended};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until, timeout},
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

/// Transactions in flight at most: one at the disk, one behind it.
const IN_FLIGHT_MAX: usize = 2;

type Waiting = (Box<Append>, oneshot::Sender<Appended>);

/// Collects appends and writes them in groups.
pub(super) struct Writer {
    connector: Connector,
    limits: JournalLimits,
    inbox: mpsc::Receiver<Wish>,
    news: Arc<News>,
    suspects: Arc<Suspects>,
    line: Option<Arc<Line>>,
    pending: VecDeque<Waiting>,
    /// Groups that go before all pending ones: halves of a refused one.
    halves: VecDeque<Vec<Waiting>>,
    in_flight: FuturesUnordered<BoxFuture<'static, Sent>>,
    /// Appends of the newest transaction in flight.
    newest_len: usize,
    /// How many transactions have been sent.
    sent: u64,
    /// The server's warning may have been meant for any up to this one.
    doubted: u64,
    flushes: Vec<oneshot::Sender<()>>,
}

/// A transaction that is over.
struct Sent {
    number: u64,
    group: Vec<Waiting>,
    flight: Flight,
    line: Arc<Line>,
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
        let line = Some(Arc::new(Line::open(&connector, &limits).await?));
        Ok(Self {
            connector,
            limits,
            inbox,
            news,
            suspects,
            line,
            pending: VecDeque::new(),
            halves: VecDeque::new(),
            in_flight: FuturesUnordered::new(),
            newest_len: 0,
            sent: 0,
            doubted: 0,
            flushes: Vec::new(),
        })
    }

    /// Runs until nobody can ask any more and everybody is answered.
    pub(super) async fn run(mut self) {
        let mut asked = true;
        loop {
            self.take_what_is_there();
            if !self.send().await {
                continue;
            }
            let idle = self.in_flight.is_empty();
            if idle {
                for flush in self.flushes.drain(..) {
                    flush.send(()).unwrap_or_else(|()| debug!("nobody waits for the flush any more"));
                }
                if !asked {
                    return;
                }
            }
            // A node that says it cannot write gets no more orders, so it tries by itself.
            let away = idle && self.news.away.load(Ordering::Relaxed);
            tokio::select! {
                Some(sent) = self.in_flight.next(), if !idle => self.over(sent),
                () = sleep(self.limits.reconnect_after), if away => drop(self.reconnect().await),
                wish = self.inbox.recv(), if asked && self.has_room() => match wish {
                    Some(wish) => self.take(wish),
                    None => asked = false,
                },
            }
        }
    }

    /// Twice a batch: enough to fill the next one even if many are for the same streams.
    fn has_room(&self) -> bool {
        self.pending.len() < 2 * self.limits.batch_max
    }

    fn take_what_is_there(&mut self) {
        while self.has_room() {
            match self.inbox.try_recv() {
                Ok(wish) => self.take(wish),
                Err(_) => break,
            }
        }
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

    /// Sends what should be on its way by now. `false`: the database was away, and everybody was told so.
    async fn send(&mut self) -> bool {
        while !(self.halves.is_empty() && self.pending.is_empty()) {
            let ready = self.in_flight.is_empty()
                || self.in_flight.len() < IN_FLIGHT_MAX
                    && self.pending.len() >= self.newest_len.min(self.limits.batch_max);
            if !ready {
                break;
            }
            if self.line.as_ref().is_none_or(|line| line.link.client.is_closed()) {
                if !self.in_flight.is_empty() {
                    break; // they end first
                }
                if !self.reconnect().await {
                    self.refuse_for_a_while().await;
                    return false;
                }
            }
            let Some(line) = self.line.clone() else { break };
            let group = self.halves.pop_front().unwrap_or_else(|| self.pick());
            self.newest_len = group.len();
            self.sent += 1;
            let (number, before) = (self.sent, self.in_flight.len());
            // One that is sent behind another waits for that one too.
            let patience = self.limits.transaction_timeout * u32::try_from(before + 1).unwrap_or(1) + SILENCE_MAX;
            let mut flight = async move {
                let flight = timeout(patience, line.write(&group)).await;
                let flight =
                    flight.unwrap_or_else(|_| Flight::Unclear { reason: "the database did not answer".to_owned() });
                Sent { number, group, flight, line }
            }
            .boxed();
            // The first look at it sends it: in this order, whoever is looked at first later.
            match (&mut flight).now_or_never() {
                Some(sent) => self.over(sent),
                None => self.in_flight.push(flight),
            }
        }
        true
    }

    async fn reconnect(&mut self) -> bool {
        self.line = None;
        match Line::open(&self.connector, &self.limits).await {
            Ok(line) => {
                info!("the journal is connected to the database again");
                self.line = Some(Arc::new(line));
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "the journal cannot reach the database");
            }
        }
        self.news.away.store(self.line.is_none(), Ordering::Relaxed);
        self.line.is_some()
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

    /// Tells everybody what came of a transaction, and halves it around what the database refuses.
    fn over(&mut self, Sent { number, mut group, flight, line }: Sent) {
        match flight {
            Flight::Landed { through, first, newest } => {
                if line.doubtful.swap(false, Ordering::Relaxed) {
                    // Which one it was meant for cannot be told from outside.
                    self.doubted = self.sent;
                    self.suspects.warned();
                }
                let doubtful = number <= self.doubted;
                let mut appends = Vec::with_capacity(group.len());
                let mut answers = Vec::with_capacity(group.len());
                for ((append, answer), through) in group.into_iter().zip(through) {
                    let outcome = match (through, doubtful) {
                        (true, false) => Appended::Committed,
                        (true, true) => Appended::Unknown,
                        (false, _) => Appended::Conflict,
                    };
                    answers.push((answer, outcome));
                    if through {
                        appends.push(*append);
                    }
                }
                if let Some(first) = first {
                    self.news.recent.keep(first, appends.into_iter());
                }
                self.news.heard(newest);
                answers.into_iter().for_each(|(answer, outcome)| tell(answer, outcome));
            }
            Flight::Refused { reason } if group.len() == 1 => {
                for (append, answer) in group {
                    error!(stream = %append.stream, reason, "the journal cannot store an append");
                    tell(answer, Appended::Invalid { reason: reason.clone() });
                }
            }
            Flight::Refused { .. } => {
                let second = group.split_off(group.len() / 2);
                self.halves.push_front(second);
                self.halves.push_front(group);
            }
            Flight::RolledBack { reason, connection_spoilt } => {
                warn!(reason, appends = group.len(), "a batch of the journal was rolled back");
                if connection_spoilt {
                    self.leave(&line);
                }
                group.into_iter().for_each(|(_, answer)| tell(answer, Appended::Unavailable));
            }
            Flight::Unclear { reason } => {
                warn!(reason, appends = group.len(), "the connection was lost with a batch of the journal in it");
                self.suspects.add(line.backend.clone());
                // It may have been committed here and not on the standbys it was to wait for; who could have said so
                // was cut off.
                self.suspects.warned();
                // What is behind it cannot be known either: no use waiting for it.
                line.link.cut();
                self.leave(&line);
                group.into_iter().for_each(|(_, answer)| tell(answer, Appended::Unknown));
            }
        }
    }

    /// Sends nothing more over `line`.
    fn leave(&mut self, line: &Arc<Line>) {
        if self.line.as_ref().is_some_and(|current| Arc::ptr_eq(current, line)) {
            self.line = None;
        }
    }

    /// The database is away: everybody is told so at once, until it is time to try again.
    async fn refuse_for_a_while(&mut self) {
        let until = Instant::now() + self.limits.reconnect_after;
        loop {
            for (_, answer) in self.halves.drain(..).flatten().chain(self.pending.drain(..)) {
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

    async fn write(&self, group: &[Waiting]) -> Flight {
        let appends: Vec<&Append> = group.iter().map(|(append, _)| &**append).collect();
        self.batch.write(&self.link.client, &appends).await
    }
}

fn tell(answer: oneshot::Sender<Appended>, outcome: Appended) {
    answer.send(outcome).unwrap_or_else(|outcome| debug!(?outcome, "nobody waits for this append any more"));
}
