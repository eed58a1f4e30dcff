//! One day: people come, things go wrong, the weather clears, everybody goes home, a long night with both nodes down,
//! and the verdict in the morning.

use std::{rc::Rc, time::Duration};

use foodcourt_actors::payment::sandbox::METHODS;
use tokio::task::LocalSet;

use crate::{
    counts::Counts,
    customer, faults, kitchen,
    planted::Bug,
    rider, verdict,
    world::{KITCHENS, RIDERS, World},
};

/// Customers of one day.
const CUSTOMERS: u64 = 24;
/// How long faults strike, virtual minutes.
const STORM_MIN: u64 = 30;
/// How long people stay after that at most, virtual minutes.
const EVENING_MIN: u64 = 120;
/// A step of the day: after each, what must always hold is held against it.
const STEP: Duration = Duration::from_secs(300);

/// Longer than the slowest provider takes for an answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

/// What became of a day.
pub struct Outcome {
    pub counts: Counts,
    /// What was wrong.
    pub wrong: Vec<String>,
    /// Of all facts in order.
    pub hash: u64,
    /// The day in words, if it was asked for.
    pub log: Vec<String>,
}

/// Runs the day of `seed` on virtual time.
pub fn run(seed: u64, bug: Option<Bug>, logged: bool) -> Outcome {
    let system = actix::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    });
    system.block_on(async move {
        let world = World::new(seed, bug, logged);
        let wrong = live(&world).await;
        let mut counts = counted(&world);
        let mut wrong = if wrong.is_empty() { verdict::at_rest(&world, &counts) } else { wrong };
        wrong.extend(crate::PANICS.take());
        for fact in world.memory.journal.facts() {
            Counts::one(&mut counts.facts, &fact.kind);
            let (asked, passed) = (fact.body.contains("\"instead_of\""), fact.body.contains("\"reason\":\"better\""));
            [(asked, "riders asked instead of one on the way"), (passed, "deliveries passed on to a better rider")]
                .into_iter()
                .filter(|(so, _)| *so)
                .for_each(|(_, what)| Counts::one(&mut counts.other, what));
        }
        for number in 0..2 {
            if let Some(node) = world.take_node(number) {
                node.crash();
            }
        }
        Outcome { counts, wrong, hash: hash(&world), log: if logged { world.log() } else { vec![] } }
    })
}

/// The day itself; what was wrong on the way ends it early.
async fn live(world: &Rc<World>) -> Vec<String> {
    world.start_node(0);
    world.start_node(1);
    let people = LocalSet::new();
    {
        let _among_people = people.enter();
        (0..KITCHENS).for_each(|number| drop(actix::spawn(kitchen::run(Rc::clone(world), number))));
        (0..RIDERS as usize).for_each(|number| drop(actix::spawn(rider::run(Rc::clone(world), number))));
        (0..CUSTOMERS).for_each(|number| drop(actix::spawn(customer::order(Rc::clone(world), number))));
    }
    let people = actix::spawn(people);
    world.stormy.set(true);
    actix::spawn(faults::run(Rc::clone(world)));
    for _ in 0..STORM_MIN * 60 / STEP.as_secs() {
        tokio::time::sleep(STEP).await;
        let wrong = verdict::so_far(world);
        if !wrong.is_empty() {
            return wrong;
        }
    }
    clear_up(world);
    for _ in 0..EVENING_MIN * 60 / STEP.as_secs() {
        tokio::time::sleep(STEP).await;
        let wrong = verdict::so_far(world);
        if !wrong.is_empty() {
            return wrong;
        }
        if verdict::all_ended(world) {
            break;
        }
    }
    people.abort();
    night(world).await;
    verdict::so_far(world)
}

/// Faults stop: fine weather, both nodes up.
fn clear_up(world: &World) {
    world.note(|| "CALM       faults have stopped".to_owned());
    world.stormy.set(false);
    world.calm_since.set(Some(world.now()));
    world.memory.journal.set_weather(foodcourt_actors::memory::Weather::default());
    *world.broker.rough.lock().unwrap() = false;
    world.provider.set_down(0);
    world.start_node(0);
    world.start_node(1);
}

/// Both nodes go down, a day and more passes, and what was due meanwhile happens in the morning. Twice, since what
/// ends in the first morning may have a deadline of its own.
async fn night(world: &Rc<World>) {
    for hours in [26, 26] {
        for number in 0..2 {
            if let Some(node) = world.take_node(number) {
                node.stop().await;
            }
        }
        world.fault("night.both_nodes_down");
        tokio::time::sleep(Duration::from_secs(hours * 3_600)).await;
        world.start_node(0);
        world.start_node(1);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let watchers = world.watchers.borrow().clone();
        for watcher in watchers {
            watcher.drop_connection();
            if let Some(view) = world.view(0) {
                watcher.connect(world, std::sync::Arc::clone(&view.hub)).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(240)).await;
        if !verdict::all_answered(world) {
            // A call made a moment ago is on its way, not lost.
            tokio::time::sleep(ANSWERED_WITHIN).await;
        }
        if verdict::all_ended(world) {
            return;
        }
    }
}

/// All counts of the day but the facts.
fn counted(world: &World) -> Counts {
    let mut counts = world.counts.borrow().clone();
    for (name, count) in world.memory.journal.counts() {
        *counts.faults.entry(name.to_owned()).or_default() += count;
    }
    for (name, count) in world.broker.counts.lock().unwrap().iter() {
        *counts.faults.entry(name.clone()).or_default() += count;
    }
    let lines = world.store.lines();
    let used = |method: &str| lines.iter().filter(|line| line.payment_method == method).count() as u64;
    let struck = [
        ("provider.down", world.provider.failed()),
        ("provider.hung", used("pm_hangs")),
        ("provider.charged_without_answer", used("pm_timeout_after_effect")),
        ("provider.told_twice", used("pm_twice")),
        ("provider.slow", used("pm_slow")),
    ];
    for (name, count) in struck.into_iter().filter(|(_, count)| *count > 0) {
        counts.faults.insert(name.to_owned(), count);
    }
    for (method, _) in METHODS {
        *counts.other.entry(format!("calls with {method}")).or_default() += used(method);
    }
    counts
}

/// FNV-1a (Fowler, Noll, Vo) over every fact in order.
fn hash(world: &World) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for fact in world.memory.journal.facts() {
        let text = format!("{:?}", fact);
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}
