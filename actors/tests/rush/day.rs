//! One rush: deliveries asked for as kitchens accept them, and everything that dispatch is made of.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};

use foodcourt_actors::{
    ask::Wish,
    decider::Origin,
    demo::{self, district},
    directory::Directory,
    dispatch::{
        Delivery, DeliveryCommand, DispatchPolicy,
        effect::{Answers, Foresight, Recorder, SearchEffect, SilenceEffect},
        event::{DeliveryEvent, Requested},
        known::Bags,
        planner::Planner,
        record::{Records, Tick},
        recorded::{Packer, RecordedDay},
        rules::DispatchRules,
        zone::Zone,
    },
    ids::{DeliveryId, OrderId},
    memory::{Dice, MemoryWorld},
    order::planning::ride,
    reactor::{Choreography, Reactor, Tap},
    rider::{
        Rider, RiderPolicy,
        trackers::{PositionSink, Trackers},
    },
    time::Timestamp,
};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    Way,
    biker::{self, Book},
    oven::Ovens,
    score::{Score, Told},
};

/// Deliveries of a day.
const ORDERS: u32 = 150;
/// Kitchens; the last belongs to the smaller court.
pub const KITCHENS: u64 = 7;
pub const ORIGIN: Origin = Origin { cause: None, correlation: Uuid::nil() };

/// What a day is like.
#[derive(Clone, Copy)]
pub struct Shape {
    pub word: &'static str,
    pub riders: u64,
    /// Mean seconds between two deliveries.
    pub every_s: u64,
}

/// What everybody of a day shares.
pub struct Town {
    pub world: MemoryWorld,
    pub deliveries: Directory<Delivery>,
    pub riders: Directory<Rider>,
    pub trackers: Trackers,
    /// Kitchens with tickets, for plans that look at them.
    pub ovens: Option<Ovens>,
    /// What each rider has ridden and worked so far.
    pub books: RefCell<Vec<Book>>,
}

impl Town {
    pub fn now(&self) -> Timestamp {
        self.world.kernel.clock.now()
    }
    pub async fn command(&self, id: DeliveryId, command: DeliveryCommand) -> bool {
        self.deliveries.ask(id.0, Wish::new(command, ORIGIN)).await.is_ok()
    }
}

/// A number from `low` to `high`.
pub fn between(dice: &mut Dice, low: f64, high: f64) -> f64 {
    low + (high - low) * dice.below(1_000_000) as f64 / 1e6
}

/// A delivery as the seed has it, whatever dispatch makes of it.
#[derive(Clone, Copy)]
pub struct Wanted {
    pub id: DeliveryId,
    placed_s: f64,
    pub accepted_s: f64,
    pub prep_s: f64,
    pub late_s: f64,
    pub kitchen: u64,
    door: u64,
}

impl Wanted {
    pub const fn order_id(&self) -> OrderId {
        OrderId(self.id.0)
    }
}

/// The wishes of a day, or of the day before in the same kitchens.
fn wishes(shape: Shape, seed: u64, day_before: bool) -> Vec<Wanted> {
    let mut dice = Dice::new(seed);
    let slow: Vec<bool> = (0..KITCHENS).map(|_| dice.chance(250)).collect();
    let first_id = if day_before { 1_000_001 } else { 1 };
    if day_before {
        dice = Dice::new(seed.wrapping_add(1 << 32));
    }
    let mut placed_s = 60.0;
    let wish = |n: u32| {
        placed_s -= shape.every_s as f64 * (1.0 - between(&mut dice, 0.0, 1.0)).ln();
        let kitchen = dice.below(KITCHENS);
        let is_slow = slow[usize::try_from(kitchen).unwrap()];
        let answer_s = between(&mut dice, 3.0, if is_slow { 110.0 } else { 45.0 });
        let usual = [9.0, 11.0, 7.0, 12.0, 6.0, 4.0, 15.0][usize::try_from(kitchen).unwrap()];
        let prep_s = 60.0 * (usual + dice.below(6) as f64 - 2.0);
        let delay_s = if dice.chance(80) { 60.0 * (2.0 + dice.below(5) as f64) } else { 0.0 };
        let late_s = delay_s + between(&mut dice, -30.0, if is_slow { 240.0 } else { 60.0 }).max(0.0);
        Wanted {
            id: DeliveryId(Uuid::from_u128(u128::from(n) + first_id)),
            placed_s,
            accepted_s: placed_s + answer_s,
            prep_s,
            late_s,
            kitchen,
            door: dice.below(100_000),
        }
    };
    (0..ORDERS).map(wish).collect()
}

/// Keeps ticks as a server would, written out and read again.
#[derive(Default)]
struct Tape(Mutex<(Packer, RecordedDay)>);

impl Records for Tape {
    fn ticked(&self, tick: Tick) {
        let (packer, day) = &mut *self.0.lock().unwrap();
        let body = serde_json::to_string(&packer.pack(&tick)).unwrap();
        day.add(tick.at, &serde_json::from_str(&body).unwrap());
    }
}

/// Lives the day of `seed`, and tells it as it was recorded.
pub fn run(shape: Shape, way: Option<Way>, seed: u64) -> (Score, RecordedDay) {
    let system = actix::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    });
    system.block_on(live(shape, way, seed))
}

async fn live(shape: Shape, way: Option<Way>, seed: u64) -> (Score, RecordedDay) {
    let world = MemoryWorld::new(seed);
    let kernel = world.kernel.clone();
    let deliveries = Directory::<Delivery>::start(&kernel, &[]);
    let riders = Directory::<Rider>::start(&kernel, &[]);
    let silences = Arc::new(SilenceEffect::new(kernel.clone(), deliveries.clone()));
    let clock = Arc::clone(&kernel.clock);
    let bags = Bags::new(riders.clone(), deliveries.clone());
    let zone = Zone::open(district::centre(), Arc::clone(&clock), bags, silences, None);
    let sinks: Vec<Arc<dyn PositionSink>> = vec![Arc::new(zone.clone())];
    let trackers = Trackers::new(Arc::clone(&clock), sinks);
    let ovens = way.filter(|way| way.foresight).map(|_| Ovens::new(&kernel));
    let foresight = ovens.clone().map(|ovens| Arc::new(ovens) as Arc<dyn Foresight>);
    let at_once = way.map_or(1, |way| way.settings.ask_at_once);
    let tape = Arc::new(Tape::default());
    let settings = way.unwrap_or_default().settings;
    let recorder = Recorder { records: Arc::<Tape>::clone(&tape), clock: Arc::clone(&clock), settings };
    let answers = Answers::new(Arc::new(zone.clone()), deliveries.clone()).asking(at_once).with_foresight(foresight);
    let answers = answers.recorded_by(Some(recorder));
    let planner = way.map(|way| {
        let settings = way.settings;
        let surveys = Arc::new(zone.clone());
        Planner::open(district::centre(), clock, surveys, answers.clone(), settings, None)
    });
    let (_stop, stopped) = watch::channel(false);
    let mut reactor = Reactor::new(kernel.clone(), Arc::new(world.cursors.clone()))
        .consumer(Choreography::<DispatchPolicy>::new(deliveries.clone()))
        .consumer(Choreography::<RiderPolicy>::new(riders.clone()))
        .consumer(SearchEffect::new(kernel, answers).with_planner(planner.clone()))
        .tap(Arc::new(deliveries.clone()))
        .tap(Arc::new(riders.clone()))
        .tap(Arc::new(zone));
    if let Some(planner) = planner {
        reactor = reactor.tap(Arc::new(planner) as Arc<dyn Tap>);
    }
    actix::spawn(reactor.run(stopped));
    let books = RefCell::new(vec![Book::default(); usize::try_from(shape.riders).unwrap()]);
    let town = Rc::new(Town { world, deliveries, riders, trackers, ovens, books });
    if let Some(ovens) = &town.ovens {
        ovens.open(&wishes(shape, seed, false)).await;
        let before = wishes(shape, seed, true);
        let start = town.now();
        let cooks: Vec<_> = before.iter().map(|wish| actix::spawn(ovens.clone().cook(*wish, start))).collect();
        for cook in cooks {
            cook.await.unwrap();
        }
    }
    let dawn = town.now();
    let picky = way.is_some_and(|way| way.picky);
    let bikers: Vec<_> =
        (0..shape.riders).map(|n| actix::spawn(biker::run(Rc::clone(&town), seed, n, picky))).collect();
    let wishes = wishes(shape, seed, false);
    let instant = |s: f64| dawn.plus(Duration::from_secs_f64(s));
    for wish in &wishes {
        if let Some(ovens) = &town.ovens {
            actix::spawn(ovens.clone().cook(*wish, dawn));
        }
        actix::spawn(serve(Rc::clone(&town), request(wish, dawn), instant(wish.accepted_s), wish.late_s));
    }
    let last_s = wishes.last().unwrap().accepted_s;
    tokio::time::sleep(Duration::from_secs_f64(last_s) + Duration::from_secs(75 * 60)).await;
    bikers.iter().for_each(|biker| biker.abort());
    let facts = town.world.journal.facts();
    let delivered: HashMap<Uuid, Timestamp> =
        facts.iter().filter(|fact| &*fact.kind == "delivery.delivered").map(|fact| (fact.stream.id, fact.at)).collect();
    let told: Vec<Told> = wishes
        .iter()
        .map(|wish| {
            let asked = request(wish, dawn);
            let ready_at = asked.ready_at.plus(Duration::from_secs_f64(wish.late_s));
            let delivered_at = delivered.get(&wish.id.0).copied();
            Told { placed_at: instant(wish.placed_s), ready_at, promised_at: asked.promised_at, delivered_at }
        })
        .collect();
    let offers = facts.iter().filter(|fact| &*fact.kind == "offer.received").count();
    let mut recorded = std::mem::take(&mut tape.0.lock().unwrap().1);
    for fact in &facts {
        if let Ok(event) = fact.typed::<DeliveryEvent>() {
            recorded.lived(DeliveryId(fact.stream.id), fact.at, &event);
        }
    }
    for wish in &wishes {
        if let Some(order) = recorded.orders.get_mut(&wish.id) {
            order.placed_at = instant(wish.placed_s);
        }
    }
    let books = town.books.borrow();
    (Score::of(&told, &books, offers), recorded)
}

fn request(wish: &Wanted, dawn: Timestamp) -> Requested {
    let at = |s: f64| dawn.plus(Duration::from_secs_f64(s));
    let lock = wish.kitchen == KITCHENS - 1;
    let pickup = if lock { district::schleuse() } else { district::kranhalle() };
    let dropoff = district::address(wish.door).position;
    let ready_at = at(wish.accepted_s + wish.prep_s);
    Requested {
        delivery_id: wish.id,
        order_id: wish.order_id(),
        court_id: if lock { demo::schleuse() } else { demo::kranhalle() },
        pickup,
        dropoff,
        ready_at,
        promised_at: ready_at.plus(ride(pickup, dropoff)),
        assign_by: DispatchRules::assign_by(ready_at, at(wish.accepted_s)),
        proof: Default::default(),
    }
}

async fn serve(town: Rc<Town>, asked: Requested, accepted_at: Timestamp, late_s: f64) {
    tokio::time::sleep(accepted_at.since(town.now())).await;
    let (id, ready_at) = (asked.delivery_id, asked.ready_at.plus(Duration::from_secs_f64(late_s)));
    assert!(town.command(id, DeliveryCommand::Request(asked)).await);
    tokio::time::sleep(ready_at.since(town.now())).await;
    town.command(id, DeliveryCommand::NoteReady).await;
}
