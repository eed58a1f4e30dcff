//! What this node keeps in Redis and hears from it: riders' positions between nodes, and the cache of open orders and
//! menus. Nothing here is the truth; without Redis everything goes on, a node then knows its own riders only.

mod cache;
mod connect;
mod foreign;
mod keys;
mod latest;
mod positions;
mod refill;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use foodcourt_actors::{
    directory::Directory,
    ids::{KitchenId, OrderId},
    kitchen::Kitchen,
    order::Order,
    reactor::Tap,
    rider::trackers::PositionSink,
    time::Clock,
};
use uuid::Uuid;

pub use self::{
    cache::{Cache, CachedMenu, OPEN_ORDERS_MAX},
    connect::{Settings, SettingsError},
};
use self::{
    connect::Link,
    foreign::Foreign,
    positions::Outbox,
    refill::{Changes, Refill, Wanted, What},
};

/// Everything of one node that touches Redis.
pub struct RedisSide {
    link: Link,
    node_id: Uuid,
    outbox: Arc<Outbox>,
    wanted: Arc<Wanted>,
    missed: Arc<AtomicU64>,
}

impl RedisSide {
    /// Begins to connect and to write, and returns at once whether Redis is there or not. Must be called inside a tokio
    /// runtime. `node_id` is fresh with each start.
    ///
    /// # Errors
    /// [`SettingsError`] when the address makes no sense.
    pub fn start(
        settings: &Settings,
        node_id: Uuid,
        orders: Directory<Order>,
        kitchens: Directory<Kitchen>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        let link = Link::open(settings)?;
        let (outbox, wanted) = (Arc::<Outbox>::default(), Arc::<Wanted>::default());
        link.spawn(positions::send(Arc::clone(&outbox), link.clone(), node_id));
        let refill = Refill { link: link.clone(), wanted: Arc::clone(&wanted), orders, kitchens, clock };
        link.spawn(refill.run());
        Ok(Self { link, node_id, outbox, wanted, missed: Arc::default() })
    }

    /// Takes this node's own positions.
    #[must_use]
    pub fn sink(&self) -> Arc<dyn PositionSink> {
        Arc::clone(&self.outbox) as Arc<dyn PositionSink>
    }

    /// Takes committed facts.
    #[must_use]
    pub fn tap(&self) -> Arc<dyn Tap> {
        Arc::new(Changes { wanted: Arc::clone(&self.wanted), outbox: Arc::clone(&self.outbox) })
    }

    /// Reads the cache.
    #[must_use]
    pub fn cache(&self) -> Cache {
        Cache { link: self.link.clone(), wanted: Arc::clone(&self.wanted) }
    }

    /// Puts these into the cache too: what was open before this node saw its first fact.
    pub fn fill(&self, orders: impl IntoIterator<Item = OrderId>, kitchens: impl IntoIterator<Item = KitchenId>) {
        orders.into_iter().for_each(|id| self.wanted.put(What::Order(id), 0));
        kitchens.into_iter().for_each(|id| self.wanted.put(What::Menu(id), 0));
    }

    /// Hands other nodes' positions to `sinks`: first those that Redis keeps, then each as it comes. Called once.
    pub fn feed_positions_to(&self, sinks: Vec<Arc<dyn PositionSink>>) {
        let foreign = Foreign {
            link: self.link.clone(),
            node_id: self.node_id,
            outbox: Arc::clone(&self.outbox),
            sinks,
            missed: Arc::clone(&self.missed),
        };
        self.link.spawn(foreign.listen());
    }

    /// Whether Redis is there.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.link.is_up()
    }

    /// Messages of other nodes that came faster than they were read; what they said was read from what Redis keeps.
    #[must_use]
    pub fn missed_messages(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Ends everything; takes no longer than one answer.
    pub async fn stop(&self) {
        self.link.close().await;
    }
}
