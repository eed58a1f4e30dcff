//! Riders' positions between nodes where no Redis carries them: the newest of each rider in one unlogged table,
//! written and read in batches about once a second. Latest wins, nothing waits, and no commit of the journal waits
//! for it either: an unlogged row reaches no log.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use foodcourt_actors::{
    event::Recorded,
    ids::{RiderId, UserId},
    reactor::Tap,
    rider::{tracker::Fix, trackers::PositionSink},
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use tracing::debug;
use uuid::Uuid;

use super::{connect::DatabaseError, pool::Database};

/// Riders that may wait for the next round; of more the one with the smallest id is dropped until their next fix.
const WAITING_MAX: usize = 16_384;
/// Riders in one statement.
const BATCH_MAX: usize = 1_024;
/// A rider silent for so long is forgotten: far longer than a tunnel, short enough to be nobody's diary.
const KEPT_S: f64 = 300.0;
/// What is read again in each round, because a row may become visible later than its time says. Reading twice is
/// harmless: an older number never moves anybody.
const OVERLAP: Duration = Duration::from_secs(2);

#[derive(Clone, Copy)]
enum News {
    Moved(u64, Fix),
    /// Off duty nothing is kept.
    OffDuty,
}

/// Takes this node's own positions, and the ends of shifts; never blocks.
#[derive(Default)]
pub struct Outbox(Mutex<BTreeMap<RiderId, News>>);

impl Outbox {
    fn put(&self, rider_id: RiderId, news: News) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX && !waiting.contains_key(&rider_id) {
            waiting.pop_first();
        }
        waiting.insert(rider_id, news);
    }

    /// Tells again what could not be told, unless there is news by now.
    fn put_back(&self, gone: &[Uuid]) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for rider_id in gone {
            waiting.entry(UserId(*rider_id)).or_insert(News::OffDuty);
        }
    }

    fn take(&self) -> BTreeMap<RiderId, News> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PositionSink for Outbox {
    fn moved(&self, rider_id: RiderId, fix_seq: u64, fix: &Fix) {
        self.put(rider_id, News::Moved(fix_seq, *fix));
    }
}

impl Tap for Outbox {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        for fact in facts.iter().filter(|fact| &*fact.kind == "shift.ended") {
            self.put(UserId(fact.stream.id), News::OffDuty);
        }
    }
}

/// Carries positions between the nodes of one database.
pub struct Carrier {
    /// The database.
    pub database: Database,
    /// This run of this node.
    pub node_id: Uuid,
    /// What this node has heard itself.
    pub outbox: Arc<Outbox>,
    /// Whether somebody faster carries positions now; then this node only listens.
    pub relieved: Box<dyn Fn() -> bool + Send + Sync>,
    /// Takes other nodes' positions: perhaps twice, perhaps late.
    pub sink: Arc<dyn PositionSink>,
}

impl Carrier {
    /// Carries until `stop` turns true, a round each `every`.
    pub async fn run(self, every: Duration, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut read_at = None::<Instant>;
        while !*stop.borrow() {
            tokio::select! { biased; _ = stop.changed() => return, _ = tick.tick() => {} }
            let (mut moved, mut gone) = (Vec::new(), Vec::new());
            for (rider_id, news) in self.outbox.take() {
                match news {
                    News::Moved(fix_seq, fix) => moved.push((rider_id.0, fix_seq, fix)),
                    News::OffDuty => gone.push(rider_id.0),
                }
            }
            if !(self.relieved)()
                && let Err(error) = self.write(&moved).await
            {
                debug!(error = &error as &dyn std::error::Error, "positions cannot be carried over the database now");
            }
            // Whoever carries positions now: a row from before must go.
            if !gone.is_empty() && self.remove(&gone).await.is_err() {
                self.outbox.put_back(&gone);
            }
            let now = Instant::now();
            // The first time all that is kept: who is where when this node starts.
            let since = read_at.map_or(KEPT_S, |at| (now.duration_since(at) + OVERLAP).as_secs_f64().min(KEPT_S));
            match self.read(since).await {
                Ok(()) => read_at = Some(now),
                Err(error) => {
                    debug!(error = &error as &dyn std::error::Error, "other nodes' positions cannot be read now");
                }
            }
        }
    }

    async fn remove(&self, gone: &[Uuid]) -> Result<(), DatabaseError> {
        self.database.execute("delete from rider_position where rider_id = any($1)", &[&gone]).await?;
        Ok(())
    }

    async fn write(&self, moved: &[(Uuid, u64, Fix)]) -> Result<(), DatabaseError> {
        // In the order of riders, so that two nodes never wait in a ring.
        const SQL: &str = "
insert into rider_position as known (rider_id, fix_seq, node_id, body, changed_at)
select rider_id, fix_seq, $4, body, clock_timestamp()
  from unnest($1::uuid[], $2::bigint[], $3::text[]) as t(rider_id, fix_seq, body)
 order by rider_id
on conflict (rider_id) do update
   set fix_seq = excluded.fix_seq,
       node_id = excluded.node_id,
       body = excluded.body,
       changed_at = excluded.changed_at
 where known.fix_seq < excluded.fix_seq"; // rider_position_pkey
        for batch in moved.chunks(BATCH_MAX) {
            let riders: Vec<Uuid> = batch.iter().map(|(rider, ..)| *rider).collect();
            let numbers: Vec<i64> = batch.iter().map(|(_, seq, _)| i64::try_from(*seq).unwrap_or(i64::MAX)).collect();
            let text = |fix: &Fix| serde_json::to_string(fix).expect("a fix is plain data and always serializes");
            let bodies: Vec<String> = batch.iter().map(|(.., fix)| text(fix)).collect();
            self.database.execute(SQL, &[&riders, &numbers, &bodies, &self.node_id]).await?;
        }
        Ok(())
    }

    /// Hands on what other nodes have heard within the last `since` seconds.
    async fn read(&self, since: f64) -> Result<(), DatabaseError> {
        // A row for each rider on duty: reading all of them costs less than keeping an index on what always changes.
        const SQL: &str = "
select rider_id, fix_seq, body
  from rider_position
 where node_id <> $1
   and changed_at > clock_timestamp() - make_interval(secs => $2)
 limit $3";
        let limit = i64::try_from(WAITING_MAX).unwrap_or(i64::MAX);
        for row in self.database.query(SQL, &[&self.node_id, &since, &limit]).await? {
            let (rider_id, fix_seq): (Uuid, i64) = (row.try_get(0)?, row.try_get(1)?);
            match serde_json::from_str::<Fix>(row.try_get(2)?) {
                Ok(fix) => self.sink.moved(UserId(rider_id), fix_seq.unsigned_abs(), &fix),
                Err(error) => debug!(%error, "a position of another node cannot be read"),
            }
        }
        Ok(())
    }
}

/// Forgets riders silent for long; the number of them.
///
/// # Errors
/// [`DatabaseError`].
pub async fn forget_silent(database: &Database) -> Result<u64, DatabaseError> {
    const SQL: &str = "delete from rider_position where changed_at < clock_timestamp() - make_interval(secs => $1)";
    database.execute(SQL, &[&KEPT_S]).await
}
