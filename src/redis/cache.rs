//! Reads the cache of open orders and menus. A miss, an error and a Redis that is too slow look the same: `None`, and
//! the caller asks where the truth is. Writing stands in `refill`.

use std::sync::Arc;

use foodcourt_actors::{
    event::Version,
    ids::{CourtId, KitchenId, OrderId},
    kitchen::projection::MenuView,
    order::projection::OrderView,
};
use fred::interfaces::{HashesInterface, SortedSetsInterface};

use super::{
    connect::Link,
    keys,
    refill::{Wanted, What},
};

/// Open orders of one court answered at once, the oldest first.
pub const OPEN_ORDERS_MAX: usize = 200;

/// A kitchen's card as it was at a version of the kitchen.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedMenu {
    /// Facts of the kitchen folded in.
    pub version: Version,
    /// Its card.
    pub menu: MenuView,
}

/// A door to the cache. Cheap to clone.
#[derive(Clone)]
pub struct Cache {
    pub(super) link: Link,
    pub(super) wanted: Arc<Wanted>,
}

impl Cache {
    /// The order as an admin sees it, if it is open or has ended a short while ago.
    pub async fn order(&self, id: OrderId) -> Option<OrderView> {
        let client = self.link.client();
        let view: Option<String> = self.link.ask(client.hget(keys::order(id), "view")).await?;
        serde_json::from_str(&view?).ok()
    }

    /// The card of `kitchen`. A card that is not there is put there for the next one who asks.
    pub async fn menu(&self, kitchen: KitchenId) -> Option<CachedMenu> {
        let client = self.link.client();
        let asking = client.hmget(keys::menu(kitchen), vec!["version", "view"]);
        let found: Vec<Option<String>> = self.link.ask(asking).await?;
        let read = |found: &[Option<String>]| {
            let [Some(version), Some(view)] = found else { return None };
            Some(CachedMenu { version: version.parse().ok()?, menu: serde_json::from_str(view).ok()? })
        };
        let menu = read(&found);
        if menu.is_none() {
            self.wanted.put(What::Menu(kitchen), 0);
        }
        menu
    }

    /// Open orders of `court` that Redis knows of, the oldest first, at most [`OPEN_ORDERS_MAX`]. Just after Redis was
    /// emptied they may be fewer than there are.
    pub async fn open_orders(&self, court: CourtId) -> Option<Vec<OrderView>> {
        let last = i64::try_from(OPEN_ORDERS_MAX).unwrap_or(i64::MAX) - 1;
        let reading = async {
            let client = self.link.client();
            let set = keys::open_orders(court);
            let ids: Vec<String> = client.zrange(set, 0, last, None, false, None, false).await?;
            let ids: Vec<OrderId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
            let pipeline = self.link.pipeline();
            for id in &ids {
                let () = pipeline.hget(keys::order(*id), "view").await?;
            }
            if ids.is_empty() { Ok(Vec::new()) } else { pipeline.all::<Vec<Option<String>>>().await }
        };
        let views = self.link.ask(reading).await?;
        let views = views.into_iter().flatten().filter_map(|view| serde_json::from_str::<OrderView>(&view).ok());
        Some(views.filter(|view| !view.status.is_final()).collect())
    }
}
