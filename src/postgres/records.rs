//! What dispatch recorded, in PostgreSQL: written in groups, a partition a day, read by delivery or by day.

use std::collections::BTreeMap;

use foodcourt_actors::{
    dispatch::{record::Decision, recorded::TickBody},
    ids::{DeliveryId, OrderId},
    stream::StreamId,
    time::Timestamp,
};
use futures_util::FutureExt as _;
use uuid::Uuid;

use super::{connect::DatabaseError, instant::Instant, pool::Database};
use crate::ports::{Away, Decisions, PageRequest, Promise, StoredDecision};

/// A tick to keep.
pub struct TickRow {
    /// Business time.
    pub at: Timestamp,
    /// A [`TickBody`] as JSON.
    pub body: String,
}

/// A decision to keep.
pub struct DecisionRow {
    /// Its name; of one instant the later has the greater.
    pub decision_id: Uuid,
    /// About which delivery.
    pub delivery_id: DeliveryId,
    /// Business time.
    pub at: Timestamp,
    /// A [`Decision`] as JSON.
    pub body: String,
}

/// Streams read with one statement: some thousand facts, within any statement's time.
const STREAMS_AT_ONCE: usize = 200;

/// A fact of the journal, as a replay reads it.
pub struct StoredFact {
    /// Whose.
    pub stream: StreamId,
    /// `delivery.delivered` and the like.
    pub kind: String,
    /// Business time.
    pub at: Timestamp,
    /// JSON text.
    pub body: String,
}

/// Records in PostgreSQL.
#[derive(Clone)]
pub struct PostgresRecords {
    database: Database,
}

impl PostgresRecords {
    /// Records of `database`.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Keeps a group.
    ///
    /// # Errors
    /// [`DatabaseError`]; then none or only the ticks are kept.
    pub async fn write(
        &self,
        node_id: Uuid,
        ticks: &[TickRow],
        decisions: &[DecisionRow],
    ) -> Result<(), DatabaseError> {
        const TICKS: &str = "
insert into dispatch_tick (at, node_id, body)
select at, $1, body::json
  from unnest($2::timestamptz[], $3::text[]) as t(at, body)";
        const DECISIONS: &str = "
insert into dispatch_decision (decision_id, delivery_id, at, body)
select decision_id, delivery_id, at, body::json
  from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[]) as t(decision_id, delivery_id, at, body)";
        if !ticks.is_empty() {
            let at: Vec<Instant> = ticks.iter().map(|row| Instant(row.at)).collect();
            let body: Vec<&str> = ticks.iter().map(|row| row.body.as_str()).collect();
            self.database.execute(TICKS, &[&node_id, &at, &body]).await?;
        }
        if !decisions.is_empty() {
            let ids: Vec<Uuid> = decisions.iter().map(|row| row.decision_id).collect();
            let deliveries: Vec<Uuid> = decisions.iter().map(|row| row.delivery_id.0).collect();
            let at: Vec<Instant> = decisions.iter().map(|row| Instant(row.at)).collect();
            let body: Vec<&str> = decisions.iter().map(|row| row.body.as_str()).collect();
            self.database.execute(DECISIONS, &[&ids, &deliveries, &at, &body]).await?;
        }
        Ok(())
    }

    /// Makes the partitions of the next days and drops those older than `kept_days`; answers how many were dropped.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn tend(&self, kept_days: u16) -> Result<u64, DatabaseError> {
        const SQL: &str = "select tend_dispatch_days($1)";
        let row = self.database.query_opt(SQL, &[&i32::from(kept_days)]).await?;
        let dropped: i32 = row.map_or(Ok(0), |row| row.try_get(0))?;
        Ok(u64::from(dropped.unsigned_abs()))
    }

    /// When the last tick was made; `None`: none is kept.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn last_tick_at(&self) -> Result<Option<Timestamp>, DatabaseError> {
        const SQL: &str = "select max(at) from dispatch_tick"; // dispatch_tick_at_idx
        let row = self.database.query_opt(SQL, &[]).await?;
        let at: Option<Instant> = row.map_or(Ok(None), |row| row.try_get(0))?;
        Ok(at.map(|at| at.0))
    }

    /// The ticks from `from` until before `to`, in the order of business time.
    ///
    /// # Errors
    /// [`DatabaseError`]; also for a record of another build that cannot be read.
    pub async fn ticks(&self, from: Timestamp, to: Timestamp) -> Result<Vec<(Timestamp, TickBody)>, DatabaseError> {
        const SQL: &str = "
select at, body::text
  from dispatch_tick
 where at >= $1
   and at < $2
 order by at"; // dispatch_tick_at_idx
        let mut ticks = Vec::new();
        for row in self.database.query(SQL, &[&Instant(from), &Instant(to)]).await? {
            let at: Instant = row.try_get(0)?;
            // A record of an older build that no longer parses is skipped, as a lost one would be.
            ticks.extend(serde_json::from_str(row.try_get(1)?).ok().map(|body| (at.0, body)));
        }
        Ok(ticks)
    }

    /// When the orders placed from `from` until before `to` were placed, by their deliveries.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn placed(&self, from: Timestamp, to: Timestamp) -> Result<Vec<(DeliveryId, Timestamp)>, DatabaseError> {
        const SQL: &str = "
select order_id, placed_at
  from order_view
 where placed_at >= $1
   and placed_at < $2"; // order_view_placed_at_idx
        let rows = self.database.query(SQL, &[&Instant(from), &Instant(to)]).await?;
        rows.iter()
            .map(|row| {
                let placed_at: Instant = row.try_get(1)?;
                Ok((DeliveryId::of(OrderId(row.try_get(0)?)), placed_at.0))
            })
            .collect()
    }

    /// The facts of these kinds in these streams until before `to`, each stream's in their order.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn facts(
        &self,
        streams: &[StreamId],
        kinds: &[&str],
        to: Timestamp,
    ) -> Result<Vec<StoredFact>, DatabaseError> {
        const SQL: &str = "
select stream, kind, at, body::text
  from journal
 where stream = any($1)
   and kind = any($2)
   and at < $3
 order by stream, version"; // journal_stream_version_key
        let mut facts = Vec::new();
        for streams in streams.chunks(STREAMS_AT_ONCE) {
            let by_name: BTreeMap<String, StreamId> =
                streams.iter().map(|stream| (stream.to_string(), *stream)).collect();
            let names: Vec<&str> = by_name.keys().map(String::as_str).collect();
            for row in self.database.query(SQL, &[&names, &kinds, &Instant(to)]).await? {
                let (name, at): (&str, Instant) = (row.try_get(0)?, row.try_get(2)?);
                let Some(stream) = by_name.get(name) else { continue };
                facts.push(StoredFact { stream: *stream, kind: row.try_get(1)?, at: at.0, body: row.try_get(3)? });
            }
        }
        Ok(facts)
    }

    async fn decisions_of(
        &self,
        delivery_id: DeliveryId,
        page: PageRequest,
    ) -> Result<Vec<StoredDecision>, DatabaseError> {
        const SQL: &str = "
select at, decision_id, body::text
  from dispatch_decision
 where delivery_id = $1
   and (at, decision_id) > ($2, $3)
 order by at, decision_id
 limit $4"; // dispatch_decision_delivery_id_idx
        let (at, id) = page.after.map_or((Timestamp::default(), Uuid::nil()), |after| (after.at, after.id));
        let params: super::pool::Params<'_> = &[&delivery_id.0, &Instant(at), &id, &(i64::from(page.limit) + 1)];
        let mut decisions = Vec::new();
        for row in self.database.query(SQL, params).await? {
            let at: Instant = row.try_get(0)?;
            let Ok(decision) = serde_json::from_str::<Decision>(row.try_get(2)?) else { continue };
            decisions.push(StoredDecision { at: at.0, decision_id: row.try_get(1)?, decision });
        }
        Ok(decisions)
    }
}

impl Decisions for PostgresRecords {
    fn of(&self, delivery_id: DeliveryId, page: PageRequest) -> Promise<Vec<StoredDecision>> {
        let this = self.clone();
        async move { this.decisions_of(delivery_id, page).await.map_err(|error| Away(error.into())) }.boxed()
    }
}
