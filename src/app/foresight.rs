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

#[cfg(test)]
mod tests {
    use foodcourt_actors::{
        ask::Wish,
        decider::Origin,
        ids::{CourtId, ItemId, KitchenId, PaymentId, UserId},
        kitchen::{KitchenCommand, event::Opened, menu::Hours},
        memory::MemoryWorld,
        money::{Currency, Money},
        order::{
            OrderCommand,
            event::{Fulfilment, Line, Part, Placed, RejectReason, Totals},
        },
        place::Position,
    };
    use uuid::Uuid;

    use super::*;

    const ORIGIN: Origin = Origin { cause: None, correlation: Uuid::nil() };
    const ORDER: OrderId = OrderId(Uuid::from_u128(1));

    fn kitchen(n: u128) -> KitchenId {
        KitchenId(Uuid::from_u128(10 + n))
    }
    fn part(n: u128) -> Part {
        let (kitchen_id, euros) = (kitchen(n), Money::new(1_000, Currency::EUR));
        let line = Line {
            item_id: ItemId(Uuid::from_u128(n)),
            name: "Soup".to_owned(),
            quantity: 1,
            modifiers: vec![],
            note: None,
            unit_price: euros,
            total: euros,
        };
        let ticket_id = TicketId::of(ORDER, kitchen_id);
        let (kitchen_name, lines) = ("Noodles".to_owned(), vec![line]);
        Part { kitchen_id, kitchen_name, ticket_id, lines, subtotal: euros, prep_min: 10 }
    }

    impl Kitchens {
        async fn order(&self, command: OrderCommand) {
            self.orders.ask(ORDER.0, Wish::new(command, ORIGIN)).await.unwrap();
        }
        async fn kitchen(&self, n: u128, command: KitchenCommand) {
            self.kitchens.ask(kitchen(n).0, Wish::new(command, ORIGIN)).await.unwrap();
        }
        /// A kitchen that takes so many minutes for its part.
        async fn cooks(&self, n: u128, prep_min: u32) {
            let opened = Opened {
                kitchen_id: kitchen(n),
                court_id: CourtId(Uuid::nil()),
                name: "Noodles".to_owned(),
                cuisine: String::new(),
                hours: Hours::always("Europe/Berlin"),
                prep_min: 10,
                answer_within_s: 600,
                open_tickets_max: 9,
            };
            self.kitchen(n, KitchenCommand::Open(opened)).await;
            let (ticket_id, now) = (TicketId::of(ORDER, kitchen(n)), self.clock.now());
            let open = KitchenCommand::OpenTicket {
                order_id: ORDER,
                ticket_id,
                lines: vec![],
                fulfilment: Fulfilment::Pickup,
                answer_by: now.plus_min(5),
                wanted_at: None,
            };
            self.kitchen(n, open).await;
            self.kitchen(n, KitchenCommand::AcceptTicket { ticket_id, prep_min: Some(prep_min) }).await;
            let ready_by = now.plus_min(prep_min.into());
            self.kitchen(n, KitchenCommand::ScheduleFire { ticket_id, fire_at: now, ready_by }).await;
        }
    }

    #[actix_rt::test]
    async fn an_order_is_ready_when_the_last_part_that_is_still_cooked_may_be() {
        let kernel = MemoryWorld::new(1).kernel;
        let (orders, kitchens) = (Directory::start(&kernel, &[]), Directory::start(&kernel, &[]));
        let this = Kitchens { orders, kitchens, clock: Arc::clone(&kernel.clock) };
        assert_eq!(this.ready(ORDER).await, None, "nobody has ordered");
        let euros = |cents| Money::new(cents, Currency::EUR);
        let now = this.clock.now();
        let placed = Placed {
            order_id: ORDER,
            court_id: CourtId(Uuid::nil()),
            customer_id: UserId(Uuid::from_u128(1)),
            quote_id: None,
            fulfilment: Fulfilment::Pickup,
            parts: (1..=3).map(part).collect(),
            totals: Totals {
                items: euros(3_000),
                delivery_fee: euros(0),
                service_fee: euros(0),
                tax: euros(210),
                tip: euros(0),
                total: euros(3_000),
            },
            handoff: Position::new(52.52, 13.40).unwrap(),
            dropoff: None,
            contact_id: None,
            payment_method: "pm_ok".to_owned(),
            wanted_at: None,
            pay_by: now.plus_min(5),
            proof: Default::default(),
        };
        this.order(OrderCommand::Place(Box::new(placed))).await;
        this.order(OrderCommand::MarkPaid { payment_id: PaymentId::of(ORDER), amount: euros(3_000) }).await;
        for (n, prep_min) in [(1, 5), (2, 20), (3, 90)] {
            this.cooks(n, prep_min).await;
        }
        assert_eq!(this.ready(ORDER).await, None, "no kitchen's yes has been heard");
        for (n, prep_min) in [(1, 5), (2, 20)] {
            let number = Some(1);
            this.order(OrderCommand::NoteTicketAccepted { kitchen_id: kitchen(n), prep_min, number }).await;
        }
        let no = OrderCommand::NoteTicketRejected { kitchen_id: kitchen(3), reason: RejectReason::SoldOut };
        this.order(no).await;
        let about = |likely: Option<Likely>, minutes: i64| {
            let [first, .., last] = likely.expect("it is cooked");
            assert!(first <= now.plus_min(minutes) && now.plus_min(minutes) <= last.plus_min(2), "{likely:?}");
            assert!(first > now.plus_min(minutes / 2), "{likely:?}");
        };
        about(this.ready(ORDER).await, 20);
        let done = KitchenCommand::ReadyTicket { ticket_id: TicketId::of(ORDER, kitchen(2)) };
        this.kitchen(2, done).await;
        about(this.ready(ORDER).await, 5);
        this.kitchen(1, KitchenCommand::ReadyTicket { ticket_id: TicketId::of(ORDER, kitchen(1)) }).await;
        assert_eq!(this.ready(ORDER).await, None, "all of it is");
    }
}
