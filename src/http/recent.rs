//! The orders somebody has placed on this node moments ago, so that their list shows them even if its view is behind.

use std::time::Duration;

use foodcourt_actors::ids::{OrderId, UserId};
use moka::{ops::compute::Op, sync::Cache};

/// A view is never this far behind while orders are taken.
const REMEMBERED: Duration = Duration::from_secs(30);
/// People remembered at most.
const PEOPLE_MAX: u64 = 10_000;
/// Orders remembered of one person.
const ORDERS_MAX: usize = 16;

/// The memory. Cheap to clone.
#[derive(Clone)]
pub struct Recent(Cache<UserId, Vec<OrderId>>);

impl Default for Recent {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(PEOPLE_MAX).time_to_live(REMEMBERED).build())
    }
}

impl Recent {
    /// Notes an acknowledged order.
    pub fn note(&self, user_id: UserId, order_id: OrderId) {
        self.0.entry(user_id).and_compute_with(|entry| {
            let mut orders = entry.map_or_else(Vec::new, moka::Entry::into_value);
            orders.retain(|known| *known != order_id);
            if orders.len() >= ORDERS_MAX {
                orders.remove(0);
            }
            orders.push(order_id);
            Op::Put(orders)
        });
    }
    /// The newest orders of somebody, oldest first.
    #[must_use]
    pub fn of(&self, user_id: UserId) -> Vec<OrderId> {
        self.0.get(&user_id).unwrap_or_default()
    }
}
