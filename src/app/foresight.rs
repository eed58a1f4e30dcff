//! When food may be ready, by what the kitchens that cook it have taught about themselves.

use std::sync::Arc;

use foodcourt_actors::{
    directory::Directory,
    dispatch::{effect::Foresight, live::Likely},
    ids::{OrderId, TicketId},
    kitchen::{Kitchen, KitchenState},
    order::Order,
    time::Clock,
};
use futures_util::{FutureExt as _, future::BoxFuture};

/// The kitchens' own state: folded from their facts and kept in their snapshots, so that a restart forgets nothing.
#[derive(Clone)]
pub struct Kitchens {
    /// Orders.
    pub orders: Directory<Order>,
    /// Kitchens.
    pub kitchens: Directory<Kitchen>,
    /// Business time.
    pub clock: Arc<dyn Clock>,
}

impl Kitchens {
    /// The parts of an order that are cooked, with their kitchens. `None`: not to be read now.
    pub async fn cooking(&self, order_id: OrderId) -> Option<Vec<(TicketId, Arc<KitchenState>)>> {
        let order = self.orders.look(order_id.0).await.ok()?.state;
        let order = order.order()?;
        let mut cooking = vec![];
        for part in order.placed.parts.iter() {
            if order.part(part.kitchen_id).is_some_and(|state| state.is_accepted()) {
                cooking.push((part.ticket_id, self.kitchens.look(part.kitchen_id.0).await.ok()?.state));
            }
        }
        Some(cooking)
    }
}

impl Foresight for Kitchens {
    fn ready(&self, order_id: OrderId) -> BoxFuture<'static, Option<Likely>> {
        let this = self.clone();
        async move {
            let now = this.clock.now();
            let cooking = this.cooking(order_id).await?;
            let parts = cooking.iter().filter_map(|(ticket_id, kitchen)| kitchen.ready_likely(*ticket_id, now));
            // The last part counts; a rush that makes one kitchen late makes its neighbours late too.
            parts.reduce(|a: Likely, b| std::array::from_fn(|n| a[n].max(b[n])))
        }
        .boxed()
    }
}
