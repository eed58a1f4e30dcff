//! The actor shell alone, on one thread: what an actor costs, how fast one is made, asked, and back after a panic.
//! Beside it, bare actix actors that hold a number.

use std::{
    os::unix::fs::PermissionsExt,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::prelude::*;
use foodcourt::{
    app::database,
    config::Config,
    ids::RandomIds,
    postgres::journal::{JournalLimits, PgJournal},
};
use foodcourt_actors::{
    ask::Wish,
    decider::Origin,
    demo,
    directory::Directory,
    event::{Recorded, Version},
    ids::{KitchenId, OrderId, TicketId, UserId},
    kitchen::{Kitchen, KitchenCommand},
    limits::Limits,
    memory::{MemoryIds, MemoryJournal},
    money::{Currency, Money},
    order::{
        Order, OrderCommand,
        event::{Fulfilment, Line, Part, Placed, Totals},
    },
    ports::{Append, Appended, Due, Ids, Journal, Kernel, ReadError, Snapshot},
    stream::{Category, StreamId},
    time::{Clock, Timestamp},
};
use futures_util::{
    StreamExt,
    future::{BoxFuture, ready},
    stream,
};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    ShellArgs,
    machine::{median, quantile, resident_bytes},
    world::Wall,
};

/// Asked at once, so that the mailboxes have something to do.
const AT_ONCE: usize = 256;
/// Round trips of one measurement.
const ASKS: usize = 50_000;

/// A bare actor.
struct Counter(u64);
impl Actor for Counter {
    type Context = Context<Self>;
}
#[derive(Message)]
#[rtype(result = "u64")]
struct Add;
impl Handler<Add> for Counter {
    type Result = u64;
    fn handle(&mut self, _: Add, _: &mut Self::Context) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// A journal that keeps nothing, so that only the actors are weighed.
struct Forgetful(watch::Sender<u64>);
impl Journal for Forgetful {
    fn append(&self, _: Append) -> BoxFuture<'static, Appended> {
        Box::pin(ready(Appended::Committed))
    }
    fn read(&self, _: StreamId, _: Version, _: u32) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        Box::pin(ready(Ok(vec![])))
    }
    fn feed(&self, _: i64, _: u32) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        Box::pin(ready(Ok(vec![])))
    }
    fn end(&self) -> BoxFuture<'static, Result<i64, ReadError>> {
        Box::pin(ready(Ok(0)))
    }
    fn holds(&self, _: StreamId, _: Uuid) -> BoxFuture<'static, Result<bool, ReadError>> {
        Box::pin(ready(Ok(false)))
    }
    fn snapshot(&self, _: StreamId) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        Box::pin(ready(Ok(None)))
    }
    fn keep_snapshot(&self, _: StreamId, _: Snapshot) -> BoxFuture<'static, ()> {
        Box::pin(ready(()))
    }
    fn claim_due(
        &self,
        _: Vec<Category>,
        _: Timestamp,
        _: u32,
        _: u32,
    ) -> BoxFuture<'static, Result<Vec<Due>, ReadError>> {
        Box::pin(ready(Ok(vec![])))
    }
    fn bell(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

fn kernel(journal: Arc<dyn Journal>) -> Kernel {
    Kernel { journal, clock: Arc::new(Wall), ids: Arc::new(RandomIds), limits: Limits::default() }
}

fn origin(correlation: Uuid) -> Origin {
    Origin { cause: None, correlation }
}

/// The wish for the order `id`, like `sample`.
fn placed(sample: &Placed, id: Uuid) -> OrderCommand {
    let mut placed = sample.clone();
    placed.order_id = OrderId(id);
    for part in &mut placed.parts {
        part.ticket_id = TicketId::of(placed.order_id, part.kitchen_id);
    }
    OrderCommand::Place(Box::new(placed))
}

/// An order of three lines.
fn sample() -> Placed {
    let order_id = OrderId(Uuid::nil());
    let dish = &demo::kitchens()[0];
    let kitchen_id = KitchenId(dish.opened.kitchen_id.0);
    let euros = |amount| Money::new(amount, Currency::EUR);
    let line = |n: usize| Line {
        item_id: dish.menu.items[n].item_id,
        name: dish.menu.items[n].name.clone(),
        quantity: 1,
        modifiers: vec![],
        note: None,
        unit_price: euros(1_000),
        total: euros(1_000),
    };
    let part = Part {
        kitchen_id,
        kitchen_name: dish.opened.name.clone(),
        ticket_id: TicketId::of(order_id, kitchen_id),
        lines: (0..3).map(line).collect(),
        subtotal: euros(3_000),
        prep_min: 9,
    };
    let zero = euros(0);
    Placed {
        order_id,
        court_id: demo::kranhalle(),
        customer_id: UserId(Uuid::nil()),
        quote_id: None,
        fulfilment: Fulfilment::Pickup,
        parts: vec![part],
        totals: Totals {
            items: euros(3_000),
            delivery_fee: zero,
            service_fee: zero,
            tax: euros(196),
            tip: zero,
            total: euros(3_000),
        },
        handoff: demo::district::kranhalle(),
        dropoff: None,
        contact_id: None,
        payment_method: "pm_ok".to_owned(),
        wanted_at: None,
        pay_by: Wall.now().plus_min(240),
        proof: Default::default(),
    }
}

/// Runs all of it.
pub async fn run(args: &ShellArgs) {
    weigh(args).await;
    let (mut bare, mut shell) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        bare.push(ask_bare().await);
        shell.push(ask_shell().await);
    }
    let mean = |found: &[(f64, f64)]| {
        let (means, tails): (Vec<_>, Vec<_>) = found.iter().copied().unzip();
        (median(&means), median(&tails))
    };
    let (bare, shell) = (mean(&bare), mean(&shell));
    println!("| one ask after the other | mean µs | p99 µs |\n|---|---|---|");
    println!("| bare actix actor, a number counted | {:.2} | {:.2} |", bare.0, bare.1);
    println!(
        "| entity, one fact decided, appended to the memory journal, folded | {:.2} | {:.2} |\n",
        shell.0, shell.1
    );

    std::panic::set_hook(Box::new(|_| {}));
    println!("| an order actor back after a panic | p50 µs | p99 µs | floor | goal |\n|---|---|---|---|---|");
    let memory = kernel(Arc::new(MemoryJournal::new(7)));
    let took = recoveries(&memory, args.panics).await;
    println!("| memory journal | {:.0} | {:.0} | 100 ms | 1 ms |", quantile(&took, 0.5), quantile(&took, 0.99));
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let mut config = Config::load(None).unwrap();
    config.data.dir = folder.path().join("data");
    let opened = database::open(&config).await.unwrap();
    let journal = PgJournal::start(&opened.settings, opened.database.clone(), JournalLimits::default()).await.unwrap();
    let took = recoveries(&kernel(Arc::new(journal)), args.panics).await;
    println!("| PostgreSQL | {:.0} | {:.0} | 100 ms | 10 ms |", quantile(&took, 0.5), quantile(&took, 0.99));
    opened.private.unwrap().stop().await;
}

/// What actors weigh and how fast they are made; all of them stay until the end.
async fn weigh(args: &ShellArgs) {
    println!("| {} actors | made per s | bytes each |\n|---|---|---|", args.actors);
    let row = |name: &str, begun: Instant, before: u64| {
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let (count, bytes) = (args.actors as f64, resident_bytes(std::process::id()).saturating_sub(before) as f64);
        println!("| {name} | {:.0} | {:.0} |", count / begun.elapsed().as_secs_f64(), bytes / count);
    };
    let (before, begun) = (resident_bytes(std::process::id()), Instant::now());
    let bare: Vec<Addr<Counter>> = (0..args.actors).map(|_| Counter(0).start()).collect();
    stream::iter(&bare).for_each_concurrent(AT_ONCE, |addr| async { assert!(addr.send(Add).await.is_ok()) }).await;
    row("bare actix, asked once", begun, before);

    let orders = Directory::<Order>::start(&kernel(Arc::new(Forgetful(watch::Sender::new(0)))), &[]);
    let ids: Vec<Uuid> = (0..args.actors).map(|_| RandomIds.next()).collect();
    let (before, begun) = (resident_bytes(std::process::id()), Instant::now());
    stream::iter(&ids).for_each_concurrent(AT_ONCE, |id| async { drop(orders.look(*id).await) }).await;
    row("order actor, looked at, no order yet", begun, before);

    let (placing, sample) = (Instant::now(), sample());
    let place = |id: &Uuid| {
        let (orders, id, command) = (orders.clone(), *id, placed(&sample, *id));
        async move {
            orders.ask(id, Wish::new(command, origin(id))).await.unwrap();
        }
    };
    stream::iter(&ids).for_each_concurrent(AT_ONCE, place).await;
    // Give what was only needed on the way back before weighing.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let placed_in = placing.elapsed() - Duration::from_secs(1);
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let (count, bytes) = (args.actors as f64, resident_bytes(std::process::id()).saturating_sub(before) as f64);
    println!(
        "| the same, idle, with an order of three lines placed | {:.0} | {:.0} |\n",
        count / placed_in.as_secs_f64(),
        bytes / count
    );
    drop(bare);
}

/// Mean and p99, microseconds.
fn summed(mut nanos: Vec<u32>) -> (f64, f64) {
    let mean = nanos.iter().map(|one| f64::from(*one)).sum::<f64>() / 1_000.0;
    nanos.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let count = nanos.len() as f64;
    (mean / count, quantile(&nanos, 0.99) / 1_000.0)
}

fn nanos(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_nanos()).unwrap_or(u32::MAX)
}

async fn ask_bare() -> (f64, f64) {
    let addr = Counter(0).start();
    let mut took = Vec::with_capacity(ASKS);
    for _ in 0..ASKS {
        let since = Instant::now();
        addr.send(Add).await.unwrap();
        took.push(nanos(since));
    }
    summed(took)
}

async fn ask_shell() -> (f64, f64) {
    let ids = MemoryIds::new(1);
    let kitchens = Directory::<Kitchen>::start(&kernel(Arc::new(MemoryJournal::new(1))), &[]);
    let kitchen = &demo::kitchens()[0];
    let id = kitchen.opened.kitchen_id.0;
    for command in kitchen.commands() {
        kitchens.ask(id, Wish::new(command, origin(ids.next()))).await.unwrap();
    }
    let until = Wall.now().plus_min(600);
    let mut took = Vec::with_capacity(ASKS);
    for n in 0..ASKS {
        let command = if n % 2 == 0 { KitchenCommand::Pause { until } } else { KitchenCommand::Resume };
        let (since, wish) = (Instant::now(), Wish::new(command, origin(id)));
        kitchens.ask(id, wish).await.unwrap();
        took.push(nanos(since));
    }
    summed(took)
}

/// From the panic to the first answer with the order in it, microseconds, sorted.
async fn recoveries(kernel: &Kernel, panics: usize) -> Vec<u32> {
    let orders = Directory::<Order>::start(kernel, &[]);
    let (sample, mut took) = (sample(), Vec::with_capacity(panics));
    for _ in 0..panics {
        let id = kernel.ids.next();
        orders.ask(id, Wish::new(placed(&sample, id), origin(id))).await.unwrap();
        let since = Instant::now();
        orders.kill(id).await;
        // The first look may still meet the dying actor.
        while !orders.look(id).await.is_ok_and(|seen| seen.version == 1) {}
        took.push(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    took.sort_unstable();
    took
}
