//! Watchers: live subscribers to one stream each, fed by a node's tap, dropped now and then and resumed from the
//! journal after the last number they saw. They believe in 1, 2, 3, … and nothing else.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};

use foodcourt_actors::{event::Recorded, memory::Dice, reactor::Tap, stream::StreamId};
use uuid::Uuid;

use crate::world::World;

/// What a watcher has seen.
#[derive(Default)]
pub struct Seen {
    /// Event ids by version, from 1.
    pub facts: Vec<Uuid>,
    /// Up to here it was read from the journal when connecting; the tap may hear of that part later.
    read_to: u64,
    /// Waiting while the journal is read.
    held: Option<Vec<Arc<Recorded>>>,
    /// What must not happen.
    pub broken: Vec<String>,
}

impl Seen {
    /// The tap told it.
    fn hear(&mut self, fact: &Recorded) {
        if fact.version > self.read_to {
            self.take(fact);
        }
    }
    fn take(&mut self, fact: &Recorded) {
        let next = self.facts.len() as u64 + 1;
        if fact.version == next {
            self.facts.push(fact.event_id);
        } else {
            let what = if fact.version > next { "a gap" } else { "a duplicate" };
            self.broken.push(format!("{}: {what}: {} came where {next} was due", fact.stream, fact.version));
        }
    }
}

/// A node's subscriptions.
#[derive(Default)]
pub struct Hub {
    subscribed: Mutex<BTreeMap<StreamId, Arc<Mutex<Seen>>>>,
}

impl Tap for Hub {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        let subscribed = self.subscribed.lock().unwrap();
        for fact in facts {
            let Some(seen) = subscribed.get(&fact.stream) else { continue };
            let mut seen = seen.lock().unwrap();
            match &mut seen.held {
                Some(held) => held.push(Arc::clone(fact)),
                None => seen.hear(fact),
            }
        }
    }
}

/// One watcher.
pub struct Watcher {
    pub stream: StreamId,
    pub seen: Arc<Mutex<Seen>>,
    /// Where it is connected.
    pub hub: RefCell<Option<Arc<Hub>>>,
}

impl Watcher {
    /// Connects to a node: subscribes, reads what it missed, then follows. False: it did not come about.
    pub async fn connect(&self, world: &World, hub: Arc<Hub>) -> bool {
        let after = {
            let mut seen = self.seen.lock().unwrap();
            seen.held = Some(vec![]);
            seen.facts.len() as u64
        };
        hub.subscribed.lock().unwrap().insert(self.stream, Arc::clone(&self.seen));
        let read = world.kernel.journal.read(self.stream, after, 10_000).await;
        let mut seen = self.seen.lock().unwrap();
        let held = seen.held.take().unwrap_or_default();
        let Ok(read) = read else {
            hub.subscribed.lock().unwrap().remove(&self.stream);
            return false;
        };
        read.iter().for_each(|fact| seen.take(fact));
        seen.read_to = seen.facts.len() as u64;
        held.iter().for_each(|fact| seen.hear(fact));
        *self.hub.borrow_mut() = Some(hub);
        true
    }

    /// The connection breaks.
    pub fn drop_connection(&self) {
        if let Some(hub) = self.hub.borrow_mut().take() {
            hub.subscribed.lock().unwrap().remove(&self.stream);
        }
    }
}

/// Watches `stream`, on and off.
pub fn watch(world: &Rc<World>, stream: StreamId, mut dice: Dice) {
    let watcher = Rc::new(Watcher { stream, seen: Arc::default(), hub: RefCell::default() });
    world.watchers.borrow_mut().push(Rc::clone(&watcher));
    let world = Rc::clone(world);
    actix::spawn(async move {
        loop {
            if !world.is_connected(&watcher) {
                watcher.drop_connection();
                let Some(view) = world.view(usize::from(dice.chance(500))) else {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    continue;
                };
                let begun = *view.begun.borrow();
                if !begun || !watcher.connect(&world, Arc::clone(&view.hub)).await {
                    tokio::time::sleep(Duration::from_millis(dice.below(3_000))).await;
                    continue;
                }
            }
            tokio::time::sleep(Duration::from_secs(20 + dice.below(600))).await;
            if world.stormy.get() && dice.chance(500) {
                world.fault("live.dropped");
                watcher.drop_connection();
                tokio::time::sleep(Duration::from_millis(dice.below(10_000))).await;
            }
        }
    });
}
