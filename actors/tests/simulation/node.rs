//! A simulated node: all services' directories, the reactor with its policies and effects, the sweeper, a zone and the
//! trackers, wired as the server wires them. It lives in a task set of its own, so that it can be dropped whole in the
//! middle of anything, as a process that is killed.

use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};

use foodcourt_actors::{
    decider::Decider,
    demo::district,
    directory::Directory,
    dispatch::{
        Delivery, DispatchPolicy,
        effect::{Answers, SearchEffect, SilenceEffect},
        known::Bags,
        live::PlanSettings,
        planner::Planner,
        zone::{Zone, ZoneDoor},
    },
    ids::RiderId,
    kitchen::{Kitchen, KitchenPolicy},
    memory::{Dice, MemoryCursors},
    notification::{Inbox, policy::InboxPolicy},
    order::{Order, OrderPolicy},
    payment::{
        Payment, PaymentPolicy,
        effect::{CallLimits, ProviderEffect},
        provider::PaymentProvider,
    },
    ports::Kernel,
    reactor::{Choreography, Reactor, Sweep, Tap},
    rider::{
        Rider, RiderPolicy,
        tracker::Fix,
        trackers::{PositionSink, Trackers},
    },
};
use tokio::{
    sync::watch,
    task::{JoinHandle, LocalSet},
};

use crate::{live::Hub, planted::Twice};

/// Doors to all entities of a node.
#[derive(Clone)]
pub struct Doors {
    pub order: Directory<Order>,
    pub payment: Directory<Payment>,
    pub kitchen: Directory<Kitchen>,
    pub delivery: Directory<Delivery>,
    pub rider: Directory<Rider>,
    pub inbox: Directory<Inbox>,
}

/// A decider that has a door.
pub trait Door: Decider {
    fn of(doors: &Doors) -> &Directory<Self>;
}
macro_rules! door {
    ($($decider:ty = $field:ident),+ $(,)?) => {$(
        impl Door for $decider {
            fn of(doors: &Doors) -> &Directory<Self> { &doors.$field }
        }
    )+};
}
door! { Order = order, Payment = payment, Kitchen = kitchen, Delivery = delivery, Rider = rider, Inbox = inbox }

/// Carries positions between nodes: late, twice, or not at all.
pub struct Broker {
    zones: Mutex<BTreeMap<usize, ZoneDoor>>,
    dice: Mutex<Dice>,
    /// Whether it misbehaves.
    pub rough: Mutex<bool>,
    /// How often it did.
    pub counts: Mutex<BTreeMap<String, u64>>,
}

impl Broker {
    pub fn new(dice: Dice) -> Arc<Self> {
        let (zones, counts) = (Mutex::default(), Mutex::default());
        Arc::new(Self { zones, dice: Mutex::new(dice), rough: Mutex::new(false), counts })
    }
    fn strike(&self, what: &str, per_mille: u32) -> bool {
        let struck = *self.rough.lock().unwrap() && self.dice.lock().unwrap().chance(per_mille);
        if struck {
            *self.counts.lock().unwrap().entry(what.to_owned()).or_default() += 1;
        }
        struck
    }
    fn carry(&self, from: usize, rider_id: RiderId, fix_seq: u64, fix: &Fix) {
        for (node, zone) in self.zones.lock().unwrap().iter() {
            if *node != from {
                zone.moved(rider_id, fix_seq, fix);
            }
        }
    }
}

/// One node's end of the broker.
struct Line {
    broker: Arc<Broker>,
    node: usize,
}

impl PositionSink for Line {
    fn moved(&self, rider_id: RiderId, fix_seq: u64, fix: &Fix) {
        let (broker, node, fix) = (&self.broker, self.node, *fix);
        if broker.strike("broker.lost", 50) {
            return;
        }
        if broker.strike("broker.duplicated", 50) {
            broker.carry(node, rider_id, fix_seq, &fix);
        }
        if broker.strike("broker.delayed", 100) {
            let (broker, wait_ms) = (Arc::clone(broker), broker.dice.lock().unwrap().below(20_000));
            actix::spawn(async move {
                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                broker.carry(node, rider_id, fix_seq, &fix);
            });
            return;
        }
        broker.carry(node, rider_id, fix_seq, &fix);
    }
}

/// What a node is made from.
pub struct Parts {
    pub kernel: Kernel,
    pub cursors: MemoryCursors,
    pub provider: Arc<dyn PaymentProvider>,
    pub broker: Arc<Broker>,
    pub riders: Vec<RiderId>,
    /// Riders are planned; else the nearest is asked.
    pub planned: bool,
    pub ask_at_once: u32,
    pub better_s: i64,
    /// Planted: tell each event twice under different ids.
    pub tell_twice: bool,
}

/// What people see of a node.
pub struct View {
    pub doors: Doors,
    pub trackers: Trackers,
    pub hub: Arc<Hub>,
    /// Whether the hub hears everything: sockets are taken from then on.
    pub begun: watch::Receiver<bool>,
}

/// A running node.
pub struct Node {
    pub view: Rc<View>,
    number: usize,
    broker: Arc<Broker>,
    /// One for each who listens, so that they stop in the same order each time.
    stop: [watch::Sender<bool>; 2],
    reactor: JoinHandle<()>,
    tasks: JoinHandle<()>,
}

impl Node {
    /// Starts node `number`.
    pub fn start(number: usize, parts: Parts) -> Self {
        let set = LocalSet::new();
        let inside = set.enter();
        let Parts { kernel, cursors, provider, broker, riders, planned, ask_at_once, better_s, tell_twice } = parts;
        let doors = Doors {
            order: Directory::start(&kernel, &[]),
            payment: Directory::start(&kernel, &[]),
            kitchen: Directory::start(&kernel, &[]),
            delivery: Directory::start(&kernel, &[]),
            rider: Directory::start(&kernel, &[]),
            inbox: Directory::start(&kernel, &[]),
        };
        let silences = Arc::new(SilenceEffect::new(kernel.clone(), doors.delivery.clone()));
        let bags = Bags::new(doors.rider.clone(), doors.delivery.clone());
        let zone = Zone::open(district::centre(), Arc::clone(&kernel.clock), bags.clone(), silences, None);
        let line = Line { broker: Arc::clone(&broker), node: number };
        let sinks: Vec<Arc<dyn PositionSink>> = vec![Arc::new(zone.clone()), Arc::new(line)];
        let trackers = Trackers::new(Arc::clone(&kernel.clock), sinks);
        broker.zones.lock().unwrap().insert(number, zone.clone());
        let hub = Arc::new(Hub::default());
        let answers = Answers::new(Arc::new(zone.clone()), doors.delivery.clone()).asking(ask_at_once);
        let planner = planned.then(|| {
            let (clock, surveys) = (Arc::clone(&kernel.clock), Arc::new(zone.clone()));
            let settings = PlanSettings { ask_at_once, better_s, ..PlanSettings::default() };
            Planner::open(district::centre(), clock, surveys, answers.clone(), settings, None)
        });
        let taps: [Arc<dyn Tap>; 8] = [
            Arc::new(doors.order.clone()),
            Arc::new(doors.payment.clone()),
            Arc::new(doors.kitchen.clone()),
            Arc::new(doors.delivery.clone()),
            Arc::new(doors.rider.clone()),
            Arc::new(doors.inbox.clone()),
            Arc::new(zone.clone()),
            Arc::clone(&hub) as Arc<dyn Tap>,
        ];
        let planner_tap = planner.clone().map(|planner| Arc::new(planner) as Arc<dyn Tap>);
        let mut reactor = Reactor::new(kernel.clone(), Arc::new(cursors))
            .consumer(Choreography::<OrderPolicy>::new(doors.order.clone()))
            .consumer(Choreography::<PaymentPolicy>::new(doors.payment.clone()))
            .consumer(Choreography::<KitchenPolicy>::new(doors.kitchen.clone()))
            .consumer(Choreography::<DispatchPolicy>::new(doors.delivery.clone()))
            .consumer(Choreography::<RiderPolicy>::new(doors.rider.clone()))
            .consumer(ProviderEffect::new(provider, doors.payment.clone(), CallLimits::default()))
            .consumer(SearchEffect::new(kernel.clone(), answers).with_planner(planner));
        let inbox = Choreography::<InboxPolicy>::new(doors.inbox.clone());
        reactor = match tell_twice {
            true => reactor.consumer(Twice::new(inbox, doors.inbox.clone())),
            false => reactor.consumer(inbox),
        };
        for tap in taps.into_iter().chain(planner_tap) {
            reactor = reactor.tap(tap);
        }
        let stop = [watch::Sender::new(false), watch::Sender::new(false)];
        let begun = reactor.begun();
        let reactor = actix::spawn(reactor.run(stop[0].subscribe()));
        let sleepers: Vec<Arc<dyn foodcourt_actors::reactor::Wakes>> = vec![
            Arc::new(doors.order.clone()),
            Arc::new(doors.payment.clone()),
            Arc::new(doors.kitchen.clone()),
            Arc::new(doors.delivery.clone()),
            Arc::new(doors.rider.clone()),
        ];
        actix::spawn(Sweep::new(kernel, sleepers).run(stop[1].subscribe()));
        actix::spawn(async move {
            let mut known = vec![];
            for rider_id in riders {
                known.extend(bags.clone().look(rider_id).await.map(|bag| (rider_id, bag)));
            }
            zone.restore(known);
        });
        drop(inside);
        let tasks = actix::spawn(set);
        Self { view: Rc::new(View { doors, trackers, hub, begun }), number, broker, stop, reactor, tasks }
    }

    /// Kills it where it stands.
    pub fn crash(self) {
        self.broker.zones.lock().unwrap().remove(&self.number);
        self.tasks.abort();
    }

    /// Lets it finish what it has in hand and give its leases back, then ends it.
    pub async fn stop(self) {
        self.broker.zones.lock().unwrap().remove(&self.number);
        self.stop.iter().for_each(|stop| {
            stop.send_replace(true);
        });
        let Self { reactor, tasks, .. } = self;
        // A policy that cannot act yet would hold the drain; a server is not waited for either.
        let _drained = tokio::time::timeout(Duration::from_secs(10), reactor).await;
        tasks.abort();
    }
}
