//! Lists: written by a consumer of the feed, read by HTTP. A view holds the order as an admin sees it; a newer
//! version replaces an older one, never the other way round, so facts may come twice and in any order.

use std::sync::Arc;

use foodcourt_actors::{
    directory::Directory,
    event::Recorded,
    ids::{OrderId, RiderId, UserId},
    order::{
        Order,
        event::OrderEvent,
        projection::{self, OrderView, Role},
    },
    reactor::{Consumer, ReactError},
    stream::Category,
    time::Timestamp,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use moka::sync::Cache;
use uuid::Uuid;

use super::{connect::DatabaseError, instant::Instant, pool::Database};
use crate::ports::{Away, OrderFilter, PageRequest, Promise, Views};

/// Orders whose written version is remembered, so that facts an earlier write has covered cost nothing.
const WRITTEN_MAX: u64 = 50_000;

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

    async fn put_order(&self, customer_id: UserId, view: &OrderView) -> Result<(), DatabaseError> {
        const SQL: &str = "
insert into order_view as known (order_id, customer_id, status, placed_at, version, body)
values ($1, $2, $3, $4, $5, $6)
on conflict (order_id) do update
   set status = excluded.status,
       version = excluded.version,
       body = excluded.body
 where known.version < excluded.version"; // order_view_pkey
        let version = i64::try_from(view.version).unwrap_or(i64::MAX);
        let body = serde_json::to_string(view).expect("a view is plain data and always serializes");
        let params: super::pool::Params<'_> =
            &[&view.order_id.0, &customer_id.0, &view.status.as_str(), &Instant(view.placed_at), &version, &body];
        self.database.execute(SQL, params).await?;
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

/// Keeps the views up to date with the feed.
#[derive(Clone)]
pub struct ViewWriter {
    views: PostgresViews,
    orders: Directory<Order>,
    written: Cache<OrderId, u64>,
}

impl ViewWriter {
    /// A writer of `views` that reads orders from `orders`.
    #[must_use]
    pub fn new(views: PostgresViews, orders: Directory<Order>) -> Self {
        Self { views, orders, written: Cache::new(WRITTEN_MAX) }
    }

    async fn write(&self, fact: &Arc<Recorded>) -> Result<(), ReactError> {
        let retry = |error: &dyn std::fmt::Display| ReactError::Retry(error.to_string());
        if fact.stream.category == Category::Rider {
            return self.views.put_shift(fact).await.map_err(|error| retry(&error));
        }
        let order_id = OrderId(fact.stream.id);
        if self.written.get(&order_id).is_some_and(|version| version >= fact.version) {
            return Ok(());
        }
        let seen = self.orders.look(order_id.0).await.map_err(|error| retry(&error))?;
        if seen.version < fact.version {
            // The actor overheard it: told again it reads on. Just waiting might take for ever, for a look keeps it awake.
            self.orders.published(std::slice::from_ref(fact));
            return Err(ReactError::Retry(format!("order {order_id} is not yet seen at {}", fact.version)));
        }
        let order = seen.state.order().ok_or_else(|| ReactError::Poison("an order without its first fact".into()))?;
        let view = projection::view(&Role::Admin, &seen.state, seen.version)
            .ok_or_else(|| ReactError::Poison("an order that nobody may see".into()))?;
        self.views.put_order(order.placed.customer_id, &view).await.map_err(|error| retry(&error))?;
        self.written.insert(order_id, seen.version);
        Ok(())
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
        async move { this.write(&fact).await }.boxed()
    }
}
