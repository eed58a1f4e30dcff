//! Lists: written by a consumer of the feed, read by HTTP. A view holds the order as an admin sees it; a newer
//! version replaces an older one, never the other way round, so facts may come twice and in any order.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use foodcourt_actors::{
    directory::Directory,
    event::Recorded,
    ids::{OrderId, RiderId, UserId},
    order::{
        Order,
        event::OrderEvent,
        projection::{self, OrderView, Role},
    },
    ports::BoxError,
    reactor::{Consumer, ReactError},
    stream::Category,
    time::Timestamp,
};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use moka::sync::Cache;
use uuid::Uuid;

use super::{connect::DatabaseError, gather::Gather, instant::Instant, pool::Database};
use crate::ports::{Away, OrderFilter, PageRequest, Promise, Views};

/// Orders whose written version is remembered, so that facts an earlier write has covered cost nothing.
const WRITTEN_MAX: u64 = 50_000;
/// Facts whose orders are written together at most: some milliseconds of the database.
const TOGETHER_MAX: usize = 512;
/// Orders are written this often: nearly every new one is paid within it, and then written once instead of twice. Who
/// orders sees the own order at once all the same (`http::recent`).
const EVERY: Duration = Duration::from_millis(150);

/// Views in PostgreSQL.
#[derive(Clone)]
pub struct PostgresViews {
    database: Database,
}

impl PostgresViews {
    /// Views of `database`.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Writes orders, each once, all or none.
    async fn put_orders(&self, orders: &[(UserId, OrderView)]) -> Result<(), DatabaseError> {
        // What a crash of the database takes back is written anew: the cursors, which come later in its log, are taken
        // back with it. So the commit need not wait for the disk. In the order of ids, so that two nodes never wait for
        // each other in a ring.
        const SQL: &str = "
with soon as materialized (
    select set_config('synchronous_commit', 'off', true)
)
insert into order_view as known (order_id, customer_id, status, placed_at, version, body)
select o.*
  from soon
 cross join unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::bigint[], $6::text[]) as o(order_id)
 order by o.order_id
on conflict (order_id) do update
   set status = excluded.status,
       version = excluded.version,
       body = excluded.body
 where known.version < excluded.version"; // order_view_pkey
        let ids: Vec<Uuid> = orders.iter().map(|(_, view)| view.order_id.0).collect();
        let customers: Vec<Uuid> = orders.iter().map(|(customer_id, _)| customer_id.0).collect();
        let statuses: Vec<&str> = orders.iter().map(|(_, view)| view.status.as_str()).collect();
        let placed: Vec<Instant> = orders.iter().map(|(_, view)| Instant(view.placed_at)).collect();
        let versions: Vec<i64> =
            orders.iter().map(|(_, view)| i64::try_from(view.version).unwrap_or(i64::MAX)).collect();
        let body = |view| serde_json::to_string(view).expect("a view is plain data and always serializes");
        let bodies: Vec<String> = orders.iter().map(|(_, view)| body(view)).collect();
        self.database.execute(SQL, &[&ids, &customers, &statuses, &placed, &versions, &bodies]).await?;
        Ok(())
    }

    async fn put_shift(&self, fact: &Recorded) -> Result<(), DatabaseError> {
        const SQL: &str = "
insert into rider_on_shift as known (rider_id, since, version, on_shift)
values ($1, $2, $3, $4)
on conflict (rider_id) do update
   set since = excluded.since,
       version = excluded.version,
       on_shift = excluded.on_shift
 where known.version < excluded.version"; // rider_on_shift_pkey
        let version = i64::try_from(fact.version).unwrap_or(i64::MAX);
        let on_shift = &*fact.kind == "shift.started";
        self.database.execute(SQL, &[&fact.stream.id, &Instant(fact.at), &version, &on_shift]).await?;
        Ok(())
    }

    async fn orders(&self, filter: OrderFilter, page: PageRequest) -> Result<Vec<OrderView>, DatabaseError> {
        // One statement a filter, so that each leans on its own index.
        const OF_CUSTOMER: &str = "
select body from order_view
 where customer_id = $4 and (placed_at, order_id) < ($1, $2)
 order by placed_at desc, order_id desc
 limit $3"; // order_view_customer_id_idx
        const IN_STATUS: &str = "
select body from order_view
 where status = $4 and (placed_at, order_id) < ($1, $2)
 order by placed_at desc, order_id desc
 limit $3"; // order_view_status_idx
        const ALL: &str = "
select body from order_view
 where (placed_at, order_id) < ($1, $2)
 order by placed_at desc, order_id desc
 limit $3"; // order_view_placed_at_idx
        // Before the first page comes nothing: the year 9999.
        let (at, id) = page
            .after
            .map_or((Timestamp::from_micros(253_370_764_800_000_000), Uuid::max()), |after| (after.at, after.id));
        let (at, limit) = (Instant(at), i64::from(page.limit) + 1);
        let rows = match (filter.customer_id, filter.status) {
            (Some(customer), _) => self.database.query(OF_CUSTOMER, &[&at, &id, &limit, &customer.0]).await?,
            (None, Some(status)) => self.database.query(IN_STATUS, &[&at, &id, &limit, &status.as_str()]).await?,
            (None, None) => self.database.query(ALL, &[&at, &id, &limit]).await?,
        };
        let mut orders = Vec::with_capacity(rows.len());
        for row in rows {
            // A view of an older build that no longer parses is skipped; the order itself still answers.
            orders.extend(serde_json::from_str::<OrderView>(row.try_get(0)?).ok());
        }
        Ok(orders)
    }

    async fn riders(&self, limit: u32) -> Result<Vec<RiderId>, DatabaseError> {
        const SQL: &str = "select rider_id from rider_on_shift where on_shift order by since limit $1"; // rider_on_shift_since_idx
        let rows = self.database.query(SQL, &[&i64::from(limit)]).await?;
        rows.iter().map(|row| Ok(UserId(row.try_get(0)?))).collect()
    }
}

impl Views for PostgresViews {
    fn orders(&self, filter: OrderFilter, page: PageRequest) -> Promise<Vec<OrderView>> {
        let this = self.clone();
        async move { Self::orders(&this, filter, page).await.map_err(|error| Away(error.into())) }.boxed()
    }
    fn riders_on_shift(&self, limit: u32) -> Promise<Vec<RiderId>> {
        let this = self.clone();
        async move { this.riders(limit).await.map_err(|error| Away(error.into())) }.boxed()
    }
}

/// Keeps the views up to date with the feed. Facts that come while orders are being written are written together, and
/// an order of which several have come only once, as it is by then.
#[derive(Clone)]
pub struct ViewWriter {
    views: PostgresViews,
    line: Gather<Arc<Recorded>, Result<(), ReactError>>,
    written: Cache<OrderId, u64>,
}

impl ViewWriter {
    /// A writer of `views` that reads orders from `orders`. Must be made inside a tokio runtime.
    #[must_use]
    pub fn new(views: PostgresViews, orders: Directory<Order>) -> Self {
        let written = Cache::new(WRITTEN_MAX);
        let desk = Desk { views: views.clone(), orders, written: written.clone() };
        Self { views, line: Gather::start(TOGETHER_MAX, EVERY, move |facts| desk.clone().write(facts)), written }
    }

    async fn write(&self, fact: Arc<Recorded>) -> Result<(), ReactError> {
        let retry = |error: &dyn std::fmt::Display| ReactError::Retry(error.to_string());
        if fact.stream.category == Category::Rider {
            return self.views.put_shift(&fact).await.map_err(|error| retry(&error));
        }
        if self.written.get(&OrderId(fact.stream.id)).is_some_and(|version| version >= fact.version) {
            return Ok(());
        }
        self.line.ask(fact).await.map_err(|error| retry(&error))?
    }
}

/// Where many facts become one statement.
#[derive(Clone)]
struct Desk {
    views: PostgresViews,
    orders: Directory<Order>,
    written: Cache<OrderId, u64>,
}

impl Desk {
    /// Writes the orders of `facts`; answers for each whether its order is written as it was then or newer.
    async fn write(self, facts: Vec<Arc<Recorded>>) -> Result<Vec<Result<(), ReactError>>, BoxError> {
        let newest: BTreeMap<Uuid, &Arc<Recorded>> = facts.iter().map(|fact| (fact.stream.id, fact)).collect();
        let looks = newest.iter().map(|(id, fact)| self.look(fact).map(|looked| (*id, looked)));
        let mut outcomes = BTreeMap::new();
        let mut views = Vec::with_capacity(newest.len());
        for (id, looked) in join_all(looks).await {
            outcomes.insert(id, looked.map(|view| views.push(view)));
        }
        self.views.put_orders(&views).await?;
        for (_, view) in &views {
            self.written.insert(view.order_id, view.version);
        }
        Ok(facts.iter().map(|fact| outcomes.get(&fact.stream.id).cloned().unwrap_or(Ok(()))).collect())
    }

    /// The order of `fact` as an admin sees it now, and whose it is.
    async fn look(&self, fact: &Arc<Recorded>) -> Result<(UserId, OrderView), ReactError> {
        let order_id = OrderId(fact.stream.id);
        let seen = self.orders.look(order_id.0).await.map_err(|error| ReactError::Retry(error.to_string()))?;
        if seen.version < fact.version {
            // The actor overheard it: told again it reads on. Just waiting might take for ever, for a look keeps it awake.
            self.orders.published(std::slice::from_ref(fact));
            return Err(ReactError::Retry(format!("order {order_id} is not yet seen at {}", fact.version)));
        }
        let order = seen.state.order().ok_or_else(|| ReactError::Poison("an order without its first fact".into()))?;
        let view = projection::view(&Role::Admin, &seen.state, seen.version)
            .ok_or_else(|| ReactError::Poison("an order that nobody may see".into()))?;
        Ok((order.placed.customer_id, view))
    }
}

impl Consumer for ViewWriter {
    fn name(&self) -> &'static str {
        "views"
    }
    fn wants(&self, kind: &str) -> bool {
        OrderEvent::KINDS.contains(&kind) || matches!(kind, "shift.started" | "shift.ended")
    }
    fn react(&self, fact: Arc<Recorded>) -> BoxFuture<'static, Result<(), ReactError>> {
        let this = self.clone();
        async move { this.write(fact).await }.boxed()
    }
}
