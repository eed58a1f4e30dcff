//! Redis, where one is configured: starts this node's side of it and tells it what was open before the first fact.

use std::{sync::Arc, time::Duration};

use foodcourt_actors::{directory::Directory, kitchen::Kitchen, order::Order, order::OrderStatus, ports::Kernel};
use tracing::warn;

use super::StartError;
use crate::{
    config::Config,
    ports::{OrderFilter, PageRequest, Views},
    redis::{RedisSide, Settings},
};

/// Open orders of each status put into the cache at a start; the others come with their next fact.
const OPEN_MAX: u32 = 1_000;
/// Where an order stands while it is open.
const OPEN: [OrderStatus; 5] = [
    OrderStatus::Placed,
    OrderStatus::Accepted,
    OrderStatus::InPreparation,
    OrderStatus::ReadyForPickup,
    OrderStatus::PickedUp,
];

/// This node's side of Redis, or nothing where none is configured. Does not wait for Redis.
///
/// # Errors
/// When the configured address makes no sense.
pub(super) fn start(
    config: &Config,
    kernel: &Kernel,
    orders: &Directory<Order>,
    kitchens: &Directory<Kitchen>,
) -> Result<Option<Arc<RedisSide>>, StartError> {
    if config.redis.url.is_empty() {
        return Ok(None);
    }
    let settings = Settings::new(&config.redis.url, Duration::from_millis(config.redis.timeout_ms));
    let clock = Arc::clone(&kernel.clock);
    RedisSide::start(&settings, kernel.ids.next(), orders.clone(), kitchens.clone(), clock)
        .map(|side| Some(Arc::new(side)))
        .map_err(|error| StartError::Other(super::sentence(&error)))
}

/// Puts what is open into the cache. Cards come when they are first asked for.
pub(super) async fn fill(side: Arc<RedisSide>, views: Arc<dyn Views>) {
    for status in OPEN {
        let filter = OrderFilter { customer_id: None, status: Some(status) };
        match views.orders(filter, PageRequest { after: None, limit: OPEN_MAX }).await {
            Ok(open) => side.fill(open.into_iter().map(|order| order.order_id), []),
            Err(error) => {
                return warn!(%error, "open orders cannot be listed for the cache; they come with their next fact");
            }
        }
    }
}
