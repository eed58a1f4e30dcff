//! Orders and their money whole, in virtual time: entities, policies, the calls to the provider and the sandbox, on the
//! memory journal. The test plays the kitchen.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::{sync::Arc, time::Duration};

use foodcourt_actors::{
    ask::Wish,
    decider::Origin,
    directory::Directory,
    ids::{CourtId, ItemId, KitchenId, OrderId, PaymentId, TicketId, UserId},
    memory::MemoryWorld,
    money::{Currency, Money},
    order::{
        Order, OrderCommand, OrderPolicy, OrderStatus,
        event::{CancelledBy, EndReason, Fulfilment, Line, Part, Placed, RejectReason, Totals},
        rules,
    },
    payment::{
        Payment, PaymentPolicy, PaymentState,
        effect::{CallLimits, ProviderEffect},
        sandbox::{Balance, MemoryStore, Sandbox, balance},
    },
    place::Position,
    reactor::{Choreography, Reactor},
};
use tokio::sync::watch;
use uuid::Uuid;

const ORIGIN: Origin = Origin { cause: None, correlation: Uuid::nil() };

fn on_virtual_time<F: Future>(test: F) -> F::Output {
    let system = actix::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    });
    system.block_on(test)
}
fn order_id(n: u128) -> OrderId {
    OrderId(Uuid::from_u128(n))
}
fn kitchen() -> KitchenId {
    KitchenId(Uuid::from_u128(77))
}
fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

struct Till {
    world: MemoryWorld,
    orders: Directory<Order>,
    payments: Directory<Payment>,
    store: Arc<MemoryStore>,
    _stop: watch::Sender<bool>,
}

impl Till {
    fn open(limits: CallLimits) -> Self {
        let world = MemoryWorld::new(7);
        let kernel = world.kernel.clone();
        let orders = Directory::<Order>::start(&kernel, &[]);
        let payments = Directory::<Payment>::start(&kernel, &[]);
        let store = Arc::new(MemoryStore::default());
        let sandbox = Arc::new(Sandbox::new(Arc::clone(&store)));
        let (stop, stopped) = watch::channel(false);
        let reactor = Reactor::new(kernel, Arc::new(world.cursors.clone()))
            .consumer(Choreography::<OrderPolicy>::new(orders.clone()))
            .consumer(Choreography::<PaymentPolicy>::new(payments.clone()))
            .consumer(ProviderEffect::new(sandbox, payments.clone(), limits));
        actix::spawn(reactor.run(stopped));
        Self { world, orders, payments, store, _stop: stop }
    }
    async fn place(&self, n: u128, payment_method: &str) {
        let now = self.world.kernel.clock.now();
        let line = Line {
            item_id: ItemId(Uuid::nil()),
            name: "Ramen".to_owned(),
            quantity: 1,
            modifiers: vec![],
            note: None,
            unit_price: eur(1_000),
            total: eur(1_000),
        };
        let (order_id, nothing) = (order_id(n), eur(0));
        let part = Part {
            kitchen_id: kitchen(),
            kitchen_name: "Noodles".to_owned(),
            ticket_id: TicketId::of(order_id, kitchen()),
            lines: vec![line],
            subtotal: eur(1_000),
            prep_min: 10,
        };
        let totals = Totals {
            items: eur(1_000),
            delivery_fee: nothing,
            service_fee: nothing,
            tax: eur(65),
            tip: nothing,
            total: eur(1_000),
        };
        let placed = Placed {
            order_id,
            court_id: CourtId(Uuid::nil()),
            customer_id: UserId(Uuid::nil()),
            quote_id: None,
            fulfilment: Fulfilment::Pickup,
            parts: vec![part],
            totals,
            handoff: Position::new(52.5, 13.4).unwrap(),
            dropoff: None,
            contact_id: None,
            payment_method: payment_method.to_owned(),
            wanted_at: None,
            pay_by: now.plus(rules::PAY_WITHIN),
            proof: Default::default(),
        };
        self.wish(n, OrderCommand::Place(Box::new(placed))).await;
    }
    async fn wish(&self, n: u128, command: OrderCommand) {
        self.orders.ask(order_id(n).0, Wish::new(command, ORIGIN)).await.unwrap();
    }
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    async fn status(&self, n: u128) -> OrderStatus {
        self.orders.look(order_id(n).0).await.unwrap().state.order().expect("placed").status
    }
    async fn payment(&self, n: u128) -> Arc<PaymentState> {
        self.payments.look(PaymentId::of(order_id(n)).0).await.unwrap().state
    }
    async fn is_paid(&self, n: u128) -> bool {
        self.orders.look(order_id(n).0).await.unwrap().state.order().expect("placed").paid.is_some()
    }
    fn truth(&self, n: u128) -> Balance {
        let payment = PaymentId::of(order_id(n)).to_string();
        let own = self.store.lines().into_iter().filter(|line| line.provider_ref.ends_with(&payment));
        balance(&own.collect::<Vec<_>>())
    }
    async fn accept(&self, n: u128) {
        self.wish(n, OrderCommand::NoteTicketAccepted { kitchen_id: kitchen(), prep_min: 10, number: Some(1) }).await;
    }
}

fn limits() -> CallLimits {
    CallLimits { in_flight_max: 64, waiting_max: 1_000, timeout: Duration::from_secs(10) }
}
const NOTHING: Balance = Balance { held: 0, captured: 0, refunded: 0 };
const TAKEN: Balance = Balance { held: 0, captured: 1_000, refunded: 0 };
const PAID_BACK: Balance = Balance { held: 0, captured: 1_000, refunded: 1_000 };

#[test]
fn a_collected_order_is_charged_once_whatever_the_provider_does() {
    on_virtual_time(async {
        let till = Till::open(limits());
        let methods = ["pm_ok", "pm_twice", "pm_slow", "pm_timeout_after_effect", "pm_hangs"];
        for (method, n) in methods.iter().zip(1..) {
            till.place(n, method).await;
        }
        till.pass(40).await; // pm_hangs answers its third try, 30 s after the first
        for n in 1..=5 {
            assert!(till.is_paid(n).await, "{} is not paid", methods[usize::try_from(n - 1).unwrap()]);
            till.accept(n).await;
        }
        till.pass(40).await;
        for n in 1..=5 {
            till.wish(n, OrderCommand::NoteCollected { kitchen_id: kitchen() }).await;
            assert_eq!(till.status(n).await, OrderStatus::Completed);
            assert_eq!(till.truth(n), TAKEN);
            assert_eq!(till.payment(n).await.net(), Some(eur(1_000)));
        }
    });
}

#[test]
fn a_declined_order_is_rejected_and_owes_nothing() {
    on_virtual_time(async {
        let till = Till::open(limits());
        till.place(1, "pm_declined").await;
        till.pass(5).await;
        assert_eq!(till.status(1).await, OrderStatus::Rejected);
        assert_eq!(till.truth(1), NOTHING);
    });
}

#[test]
fn a_refused_capture_rejects_the_order_and_lets_go_of_the_hold() {
    on_virtual_time(async {
        let till = Till::open(limits());
        till.place(1, "pm_capture_fails").await;
        till.pass(5).await;
        till.accept(1).await;
        till.pass(5).await;
        assert_eq!(till.status(1).await, OrderStatus::Rejected);
        assert_eq!(till.truth(1), NOTHING);
    });
}

#[test]
fn a_bad_end_gives_back_what_was_held_or_taken() {
    on_virtual_time(async {
        let till = Till::open(limits());
        for n in 1..=3 {
            till.place(n, "pm_timeout_after_effect").await;
        }
        till.pass(30).await;
        till.wish(1, OrderCommand::NoteTicketRejected { kitchen_id: kitchen(), reason: RejectReason::TooBusy }).await;
        till.accept(2).await;
        till.pass(30).await;
        let cancel = OrderCommand::Cancel { by: CancelledBy::Customer, reason: EndReason::CustomerCancelled };
        till.wish(2, cancel.clone()).await;
        till.wish(3, cancel).await;
        till.pass(30).await;
        assert_eq!(till.status(1).await, OrderStatus::Rejected);
        assert_eq!(till.status(2).await, OrderStatus::Cancelled);
        assert_eq!(till.status(3).await, OrderStatus::Cancelled);
        assert_eq!((till.truth(1), till.truth(2), till.truth(3)), (NOTHING, PAID_BACK, NOTHING));
    });
}

#[test]
fn cancelled_while_the_provider_hangs_it_is_voided_when_the_answer_comes() {
    on_virtual_time(async {
        let till = Till::open(limits());
        till.place(1, "pm_hangs").await;
        till.pass(2).await;
        till.wish(1, OrderCommand::Cancel { by: CancelledBy::Customer, reason: EndReason::CustomerCancelled }).await;
        till.pass(10).await;
        assert_eq!(till.status(1).await, OrderStatus::Placed, "not closed before the money is settled");
        till.pass(90).await;
        assert_eq!(till.status(1).await, OrderStatus::Cancelled);
        assert_eq!(till.truth(1), NOTHING);
    });
}

#[test]
fn a_provider_that_hangs_delays_no_other_order() {
    on_virtual_time(async {
        // Room for two calls: the hanging ones fill it, nobody may wait, and the deadlines make up for that.
        let till = Till::open(CallLimits { in_flight_max: 2, waiting_max: 0, ..limits() });
        till.place(1, "pm_hangs").await;
        till.place(2, "pm_ok").await;
        till.pass(3).await;
        assert!(till.is_paid(2).await && !till.is_paid(1).await);
        till.place(3, "pm_hangs").await;
        till.place(4, "pm_ok").await;
        till.pass(40).await;
        assert!(till.is_paid(4).await, "repeated by its deadline");
    });
}

#[test]
fn a_rush_waits_in_line_for_the_provider_and_not_for_deadlines() {
    on_virtual_time(async {
        let till = Till::open(CallLimits { in_flight_max: 2, ..limits() });
        for n in 1..=40 {
            till.place(n, "pm_ok").await;
        }
        till.pass(3).await;
        for n in 1..=40 {
            assert!(till.is_paid(n).await, "order {n} was left to its deadline");
        }
    });
}
