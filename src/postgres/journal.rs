//! The journal in PostgreSQL: appends go to one writer per node, reads to the pool.
//! The statement and its gate are in `statement` (`alone` for a single small append), the grouping in `writer`, the reading in `read` and, near
//! the end of the feed, in `recent`.
//!
//! Commits of this node ring the bell at once. Those of other nodes are noticed by asking for the newest position
//! five times a second: `NOTIFY` would take a lock that is shared by every database of the cluster until after the
//! commit has reached the disk, needs a connection of its own and does not pass pgbouncer. Whoever needs other
//! nodes' facts sooner rings over the broker.

mod alone;
mod fence;
mod read;
mod recent;
mod statement;
mod writer;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use foodcourt_actors::{
    event::{Recorded, Version},
    ports::{Append, Appended, Due, Journal, ReadError, Snapshot},
    stream::{Category, StreamId},
    time::Timestamp,
};
use futures_util::future::BoxFuture;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::AbortHandle,
    time::{MissedTickBehavior, interval},
};
use tracing::{debug, warn};
use uuid::Uuid;

use self::{fence::Suspects, recent::Recent, writer::Writer};
use super::{
    connect::{Connector, DatabaseError},
    pool::{Database, DatabaseSettings},
};

/// Limits of the journal.
#[derive(Clone, Copy, Debug)]
pub struct JournalLimits {
    /// Appends that may wait for the writer; the next is answered `Unavailable`.
    pub queue_max: usize,
    /// Appends in one transaction. Past 256 the gain levels off while the wait of the first one grows.
    pub batch_max: usize,
    /// How long a transaction may take in the database before it is rolled back.
    pub transaction_timeout: Duration,
    /// How long stored answers are kept for replay (wall time of the database).
    pub answers_kept: Duration,
    /// How often the newest position is asked for, to notice other nodes' facts.
    pub poll_every: Duration,
    /// Pause between two tries to reach a lost database.
    pub reconnect_after: Duration,
}

impl Default for JournalLimits {
    fn default() -> Self {
        Self {
            queue_max: 8_192,
            batch_max: 256,
            transaction_timeout: Duration::from_secs(5),
            answers_kept: Duration::from_secs(24 * 3_600),
            poll_every: Duration::from_millis(200),
            reconnect_after: Duration::from_millis(200),
        }
    }
}

/// The journal of one database, as seen from this node.
pub struct PgJournal {
    database: Database,
    wishes: mpsc::Sender<Wish>,
    news: Arc<News>,
    suspects: Arc<Suspects>,
    poll: AbortHandle,
}

/// What the writer is asked.
enum Wish {
    Append(Box<Append>, oneshot::Sender<Appended>),
    /// Answer when everything asked before has been answered.
    Flush(oneshot::Sender<()>),
}

/// The bell, the newest position it was rung for, and the newest facts.
struct News {
    bell: watch::Sender<u64>,
    newest: AtomicI64,
    recent: Recent,
    /// The last try to reach the database failed.
    away: AtomicBool,
}

impl News {
    /// Rings if `position` is news.
    fn heard(&self, position: i64) {
        if self.newest.fetch_max(position, Ordering::Relaxed) < position {
            self.bell.send_modify(|rings| *rings = rings.wrapping_add(1));
        }
    }
}

impl PgJournal {
    /// Connects the writer and starts it, on the current runtime.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database cannot be reached now; later losses are healed.
    pub async fn start(
        settings: &DatabaseSettings,
        database: Database,
        limits: JournalLimits,
    ) -> Result<Self, DatabaseError> {
        let (wishes, inbox) = mpsc::channel(limits.queue_max);
        let (bell, newest) = (watch::Sender::new(0), AtomicI64::new(0));
        let news = Arc::new(News { bell, newest, recent: Recent::default(), away: AtomicBool::new(false) });
        let suspects = Arc::new(Suspects::default());
        let connector = Connector::new(settings)?;
        let writer = Writer::connected(connector, limits, inbox, news.clone(), suspects.clone()).await?;
        tokio::spawn(writer.run());
        let poll = tokio::spawn(poll(database.clone(), news.clone(), limits.poll_every)).abort_handle();
        Ok(Self { database, wishes, news, suspects, poll })
    }

    /// Whether appends can be taken now, as far as is known.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        !self.wishes.is_closed() && !self.news.away.load(Ordering::Relaxed)
    }

    /// Waits until every append asked for so far has been answered.
    pub async fn flushed(&self) {
        let (done, wait) = oneshot::channel();
        if self.wishes.send(Wish::Flush(done)).await.is_ok() {
            wait.await.unwrap_or_else(|_| debug!("the journal's writer ended before it was flushed"));
        }
    }
}

impl Drop for PgJournal {
    fn drop(&mut self) {
        // The writer ends by itself once it has answered everybody.
        self.poll.abort();
    }
}

async fn poll(database: Database, news: Arc<News>, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match read::newest(&database).await {
            Ok(position) => news.heard(position),
            Err(error) => debug!(error = &error as &dyn std::error::Error, "cannot ask for news now"),
        }
    }
}

impl Journal for PgJournal {
    fn append(&self, append: Append) -> BoxFuture<'static, Appended> {
        let (answer, wait) = oneshot::channel();
        let queued = self.wishes.try_send(Wish::Append(Box::new(append), answer));
        Box::pin(async move {
            match queued {
                // The writer answers all it took; if it died of a panic, nobody knows how far it came.
                Ok(()) => wait.await.unwrap_or(Appended::Unknown),
                Err(_) => Appended::Unavailable,
            }
        })
    }

    fn read(
        &self,
        stream: StreamId,
        after: Version,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        let database = self.database.clone();
        Box::pin(async move { read::stream(&database, stream, after, limit).await })
    }

    fn feed(&self, after: i64, limit: u32) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        if let Some(facts) = self.news.recent.after(after, limit) {
            return Box::pin(std::future::ready(Ok(facts)));
        }
        let database = self.database.clone();
        Box::pin(async move { read::feed(&database, after, limit).await })
    }

    fn end(&self) -> BoxFuture<'static, Result<i64, ReadError>> {
        let database = self.database.clone();
        Box::pin(async move { read::newest(&database).await.map_err(read::unreadable) })
    }

    fn holds(&self, stream: StreamId, event_id: Uuid) -> BoxFuture<'static, Result<bool, ReadError>> {
        let (database, suspects) = (self.database.clone(), self.suspects.clone());
        Box::pin(async move {
            suspects.fence(&database).await?;
            suspects.confirm(&database).await?;
            read::holds(&database, stream, event_id).await
        })
    }

    fn snapshot(&self, stream: StreamId) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        let database = self.database.clone();
        Box::pin(async move { read::snapshot(&database, stream).await })
    }

    fn keep_snapshot(&self, stream: StreamId, snapshot: Snapshot) -> BoxFuture<'static, ()> {
        let database = self.database.clone();
        Box::pin(async move {
            if let Err(error) = read::keep_snapshot(&database, stream, &snapshot).await {
                warn!(%stream, error = &error as &dyn std::error::Error, "a snapshot was not kept");
            }
        })
    }

    fn claim_due(
        &self,
        categories: Vec<Category>,
        now: Timestamp,
        lease_s: u32,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Due>, ReadError>> {
        let database = self.database.clone();
        Box::pin(async move { read::claim_due(&database, &categories, now, lease_s, limit).await })
    }

    fn bell(&self) -> watch::Receiver<u64> {
        self.news.bell.subscribe()
    }
}
