//! Kitchens with tickets: what they teach of themselves on one day tells the next when food may be ready.

use std::{collections::HashMap, sync::Arc, time::Duration};

use foodcourt_actors::{
    ask::Wish,
    directory::Directory,
    dispatch::{effect::Foresight, live::Likely},
    ids::{CourtId, KitchenId, OrderId, TicketId},
    kitchen::{Kitchen, KitchenCommand, event::Opened, menu::Hours},
    order::event::Fulfilment,
    ports::Kernel,
    time::{Clock, Timestamp},
};
use futures_util::{FutureExt as _, future::BoxFuture};
use uuid::Uuid;

use crate::day::{KITCHENS, ORIGIN, Wanted};

#[derive(Clone)]
pub struct Ovens {
    kitchens: Directory<Kitchen>,
    clock: Arc<dyn Clock>,
    of: Arc<std::sync::Mutex<HashMap<OrderId, KitchenId>>>,
}

fn kitchen_id(number: u64) -> KitchenId {
    KitchenId(Uuid::from_u128(9_000 + u128::from(number)))
}

impl Ovens {
    pub fn new(kernel: &Kernel) -> Self {
        Self { kitchens: Directory::start(kernel, &[]), clock: Arc::clone(&kernel.clock), of: Arc::default() }
    }

    /// Opens the kitchens in which these will be cooked.
    pub async fn open(&self, wishes: &[Wanted]) {
        self.of.lock().unwrap().extend(wishes.iter().map(|wish| (wish.order_id(), kitchen_id(wish.kitchen))));
        for number in 0..KITCHENS {
            let opened = Opened {
                kitchen_id: kitchen_id(number),
                court_id: CourtId(Uuid::from_u128(1)),
                name: "Oven".to_owned(),
                cuisine: String::new(),
                hours: Hours::always("Europe/Berlin"),
                prep_min: 10,
                answer_within_s: 600,
                open_tickets_max: 1_000,
            };
            self.wish(kitchen_id(number), KitchenCommand::Open(opened)).await;
        }
    }

    /// One ticket from its acceptance to the pass, on the day that began at `dawn`.
    pub async fn cook(self, wish: Wanted, dawn: Timestamp) {
        let accepted_at = dawn.plus(Duration::from_secs_f64(wish.accepted_s));
        let ready_by = accepted_at.plus(Duration::from_secs_f64(wish.prep_s));
        tokio::time::sleep(accepted_at.since(self.clock.now())).await;
        let (order_id, kitchen_id) = (wish.order_id(), kitchen_id(wish.kitchen));
        let ticket_id = TicketId::of(order_id, kitchen_id);
        let open = KitchenCommand::OpenTicket {
            order_id,
            ticket_id,
            lines: vec![],
            fulfilment: Fulfilment::Delivery,
            answer_by: accepted_at.plus_min(5),
            wanted_at: None,
        };
        self.wish(kitchen_id, open).await;
        let prep_min = Some((wish.prep_s / 60.0).round() as u32);
        self.wish(kitchen_id, KitchenCommand::AcceptTicket { ticket_id, prep_min }).await;
        self.wish(kitchen_id, KitchenCommand::ScheduleFire { ticket_id, fire_at: accepted_at, ready_by }).await;
        let ready_at = ready_by.plus(Duration::from_secs_f64(wish.late_s));
        tokio::time::sleep(ready_at.since(self.clock.now())).await;
        self.wish(kitchen_id, KitchenCommand::ReadyTicket { ticket_id }).await;
        self.wish(kitchen_id, KitchenCommand::CollectTicket { ticket_id }).await;
    }

    async fn wish(&self, id: KitchenId, command: KitchenCommand) {
        self.kitchens.ask(id.0, Wish::new(command, ORIGIN)).await.unwrap();
    }
}

impl Foresight for Ovens {
    fn ready(&self, order_id: OrderId) -> BoxFuture<'static, Option<Likely>> {
        let this = self.clone();
        async move {
            let kitchen_id = this.of.lock().unwrap().get(&order_id).copied()?;
            let state = this.kitchens.look(kitchen_id.0).await.ok()?.state;
            state.ready_likely(TicketId::of(order_id, kitchen_id), this.clock.now())
        }
        .boxed()
    }
}
