//! The world of one day: the memory ports, the nodes, the court and its kitchens, and the notebook in which everything
//! that a verdict needs is written down.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use foodcourt_actors::{
    demo::{self, DemoKitchen},
    ids::{RiderId, UserId},
    invariants::Checker,
    memory::{Dice, MemoryWorld},
    order::court::Court,
    payment::{
        provider::PaymentProvider,
        sandbox::{MemoryStore, Sandbox},
    },
    ports::Kernel,
    stream::StreamId,
    time::Timestamp,
};

use crate::{
    client::Promise,
    counts::Counts,
    faults::MoodyProvider,
    live::Watcher,
    node::{Broker, Node, Parts, View},
    planted::Bug,
};

/// Kitchens of the court that take part.
pub const KITCHENS: usize = 5;
/// Riders on the streets.
pub const RIDERS: u64 = 8;

/// One day's world.
pub struct World {
    pub memory: MemoryWorld,
    pub kernel: Kernel,
    pub store: Arc<MemoryStore>,
    pub provider: Arc<MoodyProvider>,
    pub broker: Arc<Broker>,
    pub court: Court,
    pub kitchens: Vec<DemoKitchen>,
    pub riders: Vec<RiderId>,
    pub watchers: RefCell<Vec<Rc<Watcher>>>,
    /// What was acknowledged, and must be true in the end.
    pub promises: RefCell<Vec<Promise>>,
    pub counts: RefCell<Counts>,
    /// What was found wrong on the way.
    pub broken: RefCell<Vec<String>>,
    pub checker: RefCell<(Checker, i64)>,
    /// Faults strike.
    pub stormy: Cell<bool>,
    /// When they stopped.
    pub calm_since: Cell<Option<Timestamp>>,
    pub bug: Option<Bug>,
    /// Riders are planned on this day; else the nearest is asked.
    pub planned: bool,
    /// So many riders are asked for a delivery at once.
    pub ask_at_once: u32,
    /// Another rider is asked before pickup who would be so much sooner, seconds; 0: nobody is.
    pub better_s: i64,
    /// Between these riders take nothing.
    pub strike: Option<(Timestamp, Timestamp)>,
    nodes: RefCell<[Option<Node>; 2]>,
    dice: RefCell<Dice>,
    log: RefCell<Vec<(Timestamp, String)>>,
    logged: bool,
}

impl World {
    /// The world of `seed`. Inside a paused runtime only.
    pub fn new(seed: u64, bug: Option<Bug>, logged: bool) -> Rc<Self> {
        let mut dice = Dice::new(seed);
        let memory = MemoryWorld::new(dice.roll());
        let mut kernel = memory.kernel.clone();
        // Less to lease and less often; every partition still holds several streams.
        kernel.limits.partitions = 8;
        kernel.limits.lease_s = 15;
        kernel.limits.trust_stale_state = bug == Some(Bug::NoTailCheck);
        memory.journal.plant(bug.map(Bug::in_journal).unwrap_or_default());
        let store = Arc::new(MemoryStore::default());
        let sandbox = Sandbox::new(Arc::clone(&store));
        let new_keys = bug == Some(Bug::NewProviderKey);
        let court = demo::courts().into_iter().find(|court| court.court_id == demo::kranhalle());
        let court = court.expect("the demo has the Kranhalle");
        let kitchens = demo::kitchens().into_iter().filter(|kitchen| kitchen.opened.court_id == court.court_id);
        let dawn = kernel.clock.now();
        let strike = dice.chance(80).then(|| (dawn.plus_min(8), dawn.plus_min(55)));
        // Three days of four are planned; the other keeps the plain search honest.
        let planned = !seed.is_multiple_of(4);
        // On half of the days one, as it is usual; on the others two or three.
        let better_s = [0, 20, 90][usize::try_from(seed % 3).unwrap()];
        let ask_at_once = [1, 1, 2, 3][usize::try_from(seed / 4 % 4).unwrap()];
        Rc::new(Self {
            planned,
            ask_at_once,
            better_s,
            strike,
            kernel,
            store,
            provider: Arc::new(MoodyProvider::new(sandbox, dice.fork(1), new_keys)),
            broker: Broker::new(dice.fork(2)),
            kitchens: kitchens.take(KITCHENS).collect(),
            court,
            riders: (0..RIDERS).map(|n| demo::user_id(&format!("rider-{n}@simulation"))).collect(),
            watchers: RefCell::default(),
            promises: RefCell::default(),
            counts: RefCell::default(),
            broken: RefCell::default(),
            checker: RefCell::new((Checker::new(), 0)),
            stormy: Cell::new(false),
            calm_since: Cell::new(None),
            bug,
            nodes: RefCell::default(),
            dice: RefCell::new(dice),
            log: RefCell::default(),
            logged,
            memory,
        })
    }

    /// Dice of their own for somebody.
    pub fn dice(&self, salt: u64) -> Dice {
        self.dice.borrow_mut().fork(salt)
    }
    pub fn now(&self) -> Timestamp {
        self.kernel.clock.now()
    }
    /// The customer number `n`.
    pub fn customer(n: u64) -> UserId {
        demo::user_id(&format!("customer-{n}@simulation"))
    }

    /// Starts node `number`, unless it runs.
    pub fn start_node(&self, number: usize) {
        let slot = &mut self.nodes.borrow_mut()[number];
        if slot.is_none() {
            let provider: Arc<dyn PaymentProvider> = Arc::clone(&self.provider) as Arc<dyn PaymentProvider>;
            let parts = Parts {
                kernel: self.kernel.clone(),
                cursors: self.memory.cursors.another_node(),
                provider,
                broker: Arc::clone(&self.broker),
                riders: self.riders.clone(),
                planned: self.planned,
                ask_at_once: self.ask_at_once,
                better_s: self.better_s,
                tell_twice: self.bug == Some(Bug::SkipDedupe),
            };
            *slot = Some(Node::start(number, parts));
        }
    }
    /// Takes node `number` out of service, to be ended by the caller.
    pub fn take_node(&self, number: usize) -> Option<Node> {
        self.nodes.borrow_mut()[number].take()
    }
    /// The node `preferred`, or the other one if it is down.
    pub fn view(&self, preferred: usize) -> Option<Rc<View>> {
        let nodes = self.nodes.borrow();
        let node = nodes[preferred % 2].as_ref().or(nodes[(preferred + 1) % 2].as_ref());
        node.map(|node| Rc::clone(&node.view))
    }
    /// Whether the watcher's node still runs.
    pub fn is_connected(&self, watcher: &Watcher) -> bool {
        let hub = watcher.hub.borrow();
        let nodes = self.nodes.borrow();
        hub.as_ref().is_some_and(|hub| nodes.iter().flatten().any(|node| Arc::ptr_eq(&node.view.hub, hub)))
    }

    /// Whether faults stopped longer ago than anybody tries.
    pub fn is_calm(&self) -> bool {
        self.calm_since.get().is_some_and(|since| self.now() > since.plus_min(10))
    }

    /// A line in the day's log.
    pub fn note(&self, line: impl FnOnce() -> String) {
        if self.logged {
            self.log.borrow_mut().push((self.now(), line()));
        }
    }
    /// A fault struck.
    pub fn fault(&self, name: &str) {
        self.note(|| format!("FAULT      {name}"));
        Counts::one(&mut self.counts.borrow_mut().faults, name);
    }
    /// Something worth counting.
    pub fn count(&self, name: &str) {
        Counts::one(&mut self.counts.borrow_mut().other, name);
    }
    /// A promise was broken.
    pub fn breach(&self, sentence: String) {
        self.note(|| format!("BROKEN     {sentence}"));
        self.broken.borrow_mut().push(sentence);
    }
    /// The day as people and faults made it, with all facts between.
    pub fn log(&self) -> Vec<String> {
        let facts = self.memory.journal.facts();
        let told = facts.iter().map(|fact| (fact.at, told(fact)));
        let mut lines: Vec<(Timestamp, String)> = self.log.borrow().iter().cloned().chain(told).collect();
        lines.sort_by_key(|(at, _)| *at);
        lines.into_iter().map(|(at, line)| format!("{} {line}", &at.to_string()[8..])).collect()
    }
    /// Streams that exist, in order.
    pub fn streams(&self) -> Vec<StreamId> {
        self.memory.journal.stream_ids()
    }
    pub async fn sleep_ms(&self, millis: u64) {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    /// Takes in what is new in the journal: what must hold at every step is held against it.
    pub fn step(&self) {
        let (checker, position) = &mut *self.checker.borrow_mut();
        for fact in self.memory.journal.facts_after(*position) {
            checker.take(&fact);
            *position = fact.position;
        }
    }
}

fn told(fact: &foodcourt_actors::event::Recorded) -> String {
    let body: String = fact.body.chars().take(110).collect();
    format!("fact {:>5} {}/{} {} {body}", fact.position, fact.stream, fact.version, fact.kind)
}
