//! What an entity may believe, and what a reactor may put aside: facts of other nodes that come while it reads, bad
//! neighbours in one append, half-done folds, deadlines that two nodes saw, quarantines, and a stop in bad weather.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod counter;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use counter::{Command, Counter, Refusal};
use foodcourt_actors::{
    ask::{AskError, Wish},
    decider::Origin,
    directory::Directory,
    event::{DecodeError, Recorded, Version},
    memory::{MemoryJournal, MemoryWorld, Weather},
    ports::{Append, Appended, Due, Journal, Kernel, ReadError, Snapshot},
    reactor::{Choreography, Consumer, Policy, ReactError, Reactor, Tap},
    stream::{Category, StreamId},
    time::Timestamp,
};
use futures_util::future::{BoxFuture, join_all};
use uuid::Uuid;

fn on_virtual_time<F: Future>(test: F) -> F::Output {
    let system = actix::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    });
    system.block_on(test)
}

fn wish(command: Command) -> Wish<Counter> {
    Wish::new(command, Origin { cause: None, correlation: Uuid::nil() })
}

fn node(kernel: &Kernel) -> Directory<Counter> {
    Directory::start(kernel, &[])
}

/// A journal whose readers get their answers late.
struct LateAnswers(MemoryJournal);

const LATE: Duration = Duration::from_millis(50);

impl Journal for LateAnswers {
    fn append(&self, append: Append) -> BoxFuture<'static, Appended> {
        self.0.append(append)
    }
    fn read(
        &self,
        stream: StreamId,
        after: Version,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        let read = self.0.read(stream, after, limit);
        Box::pin(async move {
            tokio::time::sleep(LATE).await;
            read.await
        })
    }
    fn feed(&self, after: i64, limit: u32) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        self.0.feed(after, limit)
    }
    fn end(&self) -> BoxFuture<'static, Result<i64, ReadError>> {
        self.0.end()
    }
    fn holds(&self, stream: StreamId, event_id: Uuid) -> BoxFuture<'static, Result<bool, ReadError>> {
        self.0.holds(stream, event_id)
    }
    fn snapshot(&self, stream: StreamId) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        self.0.snapshot(stream)
    }
    fn keep_snapshot(&self, stream: StreamId, snapshot: Snapshot) -> BoxFuture<'static, ()> {
        self.0.keep_snapshot(stream, snapshot)
    }
    fn claim_due(
        &self,
        categories: Vec<Category>,
        now: Timestamp,
        lease_s: u32,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Due>, ReadError>> {
        self.0.claim_due(categories, now, lease_s, limit)
    }
    fn bell(&self) -> tokio::sync::watch::Receiver<u64> {
        self.0.bell()
    }
}

/// A node whose reads are late, and one beside it whose reads are not.
fn late_and_prompt(world: &MemoryWorld) -> (Directory<Counter>, Directory<Counter>) {
    let late = Kernel { journal: Arc::new(LateAnswers(world.journal.clone())), ..world.kernel.clone() };
    (node(&late), node(&world.kernel))
}

/// Lets the others run without moving time.
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn newest(world: &MemoryWorld) -> Vec<Arc<Recorded>> {
    world.journal.facts().last().cloned().into_iter().collect()
}

#[test]
fn a_wish_that_comes_while_the_stream_is_read_is_not_refused_on_what_was_read_before_it_came() {
    on_virtual_time(async {
        let world = MemoryWorld::new(1);
        let (late, prompt) = late_and_prompt(&world);
        let id = world.kernel.ids.next();
        // The read begins for this one, and its page is taken before the other node's fact.
        let first = tokio::spawn({
            let late = late.clone();
            async move { late.ask(id, wish(Command::Take(5))).await.map(|answer| answer.version) }
        });
        a_moment().await;
        prompt.ask(id, wish(Command::Add(5))).await.unwrap();
        let second = late.ask(id, wish(Command::Take(5))).await;
        assert_eq!(first.await.unwrap(), Err(AskError::Rejected(Refusal::NotEnough)));
        assert_eq!(second.unwrap().version, 2, "refused although the counter had held 5 before the wish was made");
    });
}

#[test]
fn a_fact_published_while_the_stream_is_read_is_not_overlooked() {
    on_virtual_time(async {
        let world = MemoryWorld::new(2);
        let (late, prompt) = late_and_prompt(&world);
        let id = world.kernel.ids.next();
        let looking = tokio::spawn({
            let late = late.clone();
            async move { late.look(id).await.map(|seen| seen.version) }
        });
        a_moment().await;
        prompt.ask(id, wish(Command::Add(5))).await.unwrap();
        late.published(&newest(&world));
        assert!(looking.await.unwrap().is_ok());
        tokio::time::sleep(2 * LATE).await;
        assert_eq!(late.look(id).await.unwrap().version, 1);
    });
}

#[test]
fn a_published_fact_that_skips_others_makes_the_entity_read_them() {
    on_virtual_time(async {
        let world = MemoryWorld::new(3);
        let (one, two) = (node(&world.kernel), node(&world.kernel));
        let id = world.kernel.ids.next();
        one.ask(id, wish(Command::Add(1))).await.unwrap();
        two.ask(id, wish(Command::Add(1))).await.unwrap();
        two.ask(id, wish(Command::Add(1))).await.unwrap();
        // The second fact never reached node one: its shard was too busy to hear it.
        one.published(&newest(&world));
        a_moment().await;
        assert_eq!(one.look(id).await.unwrap().state.total, 3);
    });
}

#[test]
fn who_was_refused_beside_something_that_cannot_be_stored_hears_of_the_refusal() {
    on_virtual_time(async {
        let world = MemoryWorld::new(4);
        world.journal.set_weather(Weather { slow: Duration::from_millis(5), ..Weather::default() });
        let (directory, id) = (node(&world.kernel), world.kernel.ids.next());
        let once = Uuid::from_u128(1);
        directory.ask(id, wish(Command::AddOnce(once))).await.unwrap();
        let commands = [Command::Add(1), Command::Take(9), Command::AddOnce(once), Command::Say("a\0b".to_owned())];
        let answers = join_all(commands.into_iter().map(|command| directory.ask(id, wish(command)))).await;
        assert!(answers[0].is_ok());
        assert_eq!(answers[1].as_ref().unwrap_err(), &AskError::Rejected(Refusal::NotEnough));
        assert!(answers[2].as_ref().unwrap().events.is_empty(), "it was true already");
        assert_eq!(answers[3].as_ref().unwrap_err(), &AskError::Invalid);
    });
}

#[test]
fn nobody_is_left_waiting_behind_a_refusal_when_wishes_are_tried_one_by_one() {
    on_virtual_time(async {
        let world = MemoryWorld::new(10);
        world.journal.set_weather(Weather { slow: Duration::from_millis(5), ..Weather::default() });
        let (directory, id) = (node(&world.kernel), world.kernel.ids.next());
        directory.look(id).await.unwrap();
        let nul = || Command::Say("a\0b".to_owned());
        let commands = [Command::Add(1), Command::Add(1), Command::Take(9), nul(), Command::Add(1), nul()];
        let answers = join_all(commands.into_iter().map(|command| directory.ask(id, wish(command)))).await;
        assert!([0, 1, 4].iter().all(|at| answers[*at].is_ok()), "{answers:?}");
        assert_eq!(answers[2].as_ref().unwrap_err(), &AskError::Rejected(Refusal::NotEnough));
        assert!([3, 5].iter().all(|at| matches!(answers[*at], Err(AskError::Invalid))), "{answers:?}");
    });
}

#[test]
fn a_fold_that_panicked_half_way_leaves_nothing_behind() {
    on_virtual_time(async {
        let world = MemoryWorld::new(5);
        let (directory, id) = (node(&world.kernel), world.kernel.ids.next());
        for _ in 0..2 {
            directory.ask(id, wish(Command::Add(1))).await.unwrap();
        }
        directory.kill(id).await;
        counter::break_folds(true);
        assert_eq!(directory.look(id).await.unwrap_err(), AskError::Unavailable);
        counter::break_folds(false);
        assert_eq!(directory.look(id).await.unwrap().state.total, 2);
    });
}

#[test]
fn a_deadline_that_two_nodes_saw_rings_once() {
    on_virtual_time(async {
        let world = MemoryWorld::new(6);
        world.journal.set_weather(Weather { slow: Duration::from_millis(5), ..Weather::default() });
        let nodes = [node(&world.kernel), node(&world.kernel)];
        let id = world.kernel.ids.next();
        nodes[0].ask(id, wish(Command::RingAt(world.kernel.clock.now().plus_s(10)))).await.unwrap();
        nodes[1].look(id).await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(world.journal.counts()["journal.conflict"] > 0, "the two nodes never met");
        nodes[0].ask(id, wish(Command::Add(0))).await.unwrap();
        assert_eq!(nodes[0].look(id).await.unwrap().state.total, 1_000);
    });
}

#[test]
fn a_snapshot_of_another_build_is_not_believed() {
    on_virtual_time(async {
        let world = MemoryWorld::new(7);
        let (directory, id) = (node(&world.kernel), world.kernel.ids.next());
        directory.ask(id, wish(Command::Add(1))).await.unwrap();
        directory.kill(id).await;
        // It parses, but a fold of today would have come to something else.
        let body = r#"{"total":77,"once":[]}"#.to_owned();
        world.kernel.journal.keep_snapshot(StreamId::new(Category::Order, id), Snapshot { version: 1, body }).await;
        assert_eq!(directory.look(id).await.unwrap().state.total, 1);
    });
}

/// A fact adds one to the counter that its correlation names, or breaks it.
struct Adding;

impl Policy for Adding {
    type Decider = Counter;
    const NAME: &'static str = "adding";
    const KINDS: &'static [&'static str] = &["counter.happened"];
    fn react(fact: &Recorded) -> Result<Vec<(Uuid, Command)>, DecodeError> {
        if fact.correlation.is_nil() || fact.stream.id == fact.correlation {
            return Ok(vec![]);
        }
        let broken = fact.body.contains("break it");
        let command = if broken { Command::PanicInDecide } else { Command::AddOnce(fact.event_id) };
        Ok(vec![(fact.correlation, command)])
    }
}

#[test]
fn a_poisonous_fact_takes_no_others_with_it_when_its_entity_rests() {
    on_virtual_time(async {
        let world = MemoryWorld::new(8);
        let directory = node(&world.kernel);
        let target = world.kernel.ids.next();
        let reactor =
            Reactor::new(world.kernel.clone(), Arc::new(world.cursors.clone()))
                .consumer(Choreography::<Adding>::new(directory.clone()));
        let stop = tokio::sync::watch::Sender::new(false);
        let running = actix::spawn(reactor.run(stop.subscribe()));
        let tell = |command: Command| {
            let (directory, id) = (directory.clone(), world.kernel.ids.next());
            async move {
                let origin = Origin { cause: None, correlation: target };
                directory.ask(id, Wish::new(command, origin)).await.unwrap();
            }
        };
        tell(Command::Say("break it".to_owned())).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(world.cursors.buried().len(), 1, "the poisonous one");
        for _ in 0..10 {
            tell(Command::Add(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(world.cursors.buried().len(), 1, "only the poisonous one");
        assert_eq!(directory.look(target).await.unwrap().state.total, 10);
        stop.send_replace(true);
        running.await.unwrap();
    });
}

/// Always has a reason to try again.
struct NeverNow;

impl Consumer for NeverNow {
    fn name(&self) -> &'static str {
        "never.now"
    }
    fn wants(&self, _: &str) -> bool {
        true
    }
    fn react(&self, _: Arc<Recorded>) -> BoxFuture<'static, Result<(), ReactError>> {
        Box::pin(async { Err(ReactError::Retry("the database is away".to_owned())) })
    }
}

#[test]
fn a_reactor_told_to_stop_does_not_wait_for_what_cannot_be_done() {
    on_virtual_time(async {
        for in_flight_max in [1_024, 1] {
            let mut world = MemoryWorld::new(9);
            world.kernel.limits.reactor_in_flight_max = in_flight_max;
            let directory = node(&world.kernel);
            for _ in 0..3 {
                directory.ask(world.kernel.ids.next(), wish(Command::Add(1))).await.unwrap();
            }
            let reactor = Reactor::new(world.kernel.clone(), Arc::new(world.cursors.clone())).consumer(NeverNow);
            let stop = tokio::sync::watch::Sender::new(false);
            let running = actix::spawn(reactor.run(stop.subscribe()));
            tokio::time::sleep(Duration::from_secs(3)).await;
            stop.send_replace(true);
            tokio::time::timeout(Duration::from_secs(20), running).await.expect("it never stops").unwrap();
            assert_eq!(world.cursors.slowest(), 0, "what was not done must be read again");
        }
    });
}

/// Counts facts once it may act; until then it has a reason to try again.
#[derive(Clone, Default)]
struct Gate {
    open: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
}

struct Through(&'static str, Gate);

impl Consumer for Through {
    fn name(&self) -> &'static str {
        self.0
    }
    fn wants(&self, _: &str) -> bool {
        true
    }
    fn react(&self, _: Arc<Recorded>) -> BoxFuture<'static, Result<(), ReactError>> {
        let gate = self.1.clone();
        Box::pin(async move {
            if !gate.open.load(Ordering::Relaxed) {
                return Err(ReactError::Retry("what it needs is away".to_owned()));
            }
            gate.done.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    }
}

struct Tapped(Arc<AtomicUsize>);

impl Tap for Tapped {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        self.0.fetch_add(facts.len(), Ordering::Relaxed);
    }
}

#[test]
fn a_consumer_with_both_hands_full_of_retries_holds_up_nobody_else() {
    on_virtual_time(async {
        let mut world = MemoryWorld::new(10);
        // The usual places in hand, and pages small enough that many times what is kept of them goes by.
        world.kernel.limits.feed_page = 50;
        let hands = world.kernel.limits.reactor_in_flight_max;
        let directory = node(&world.kernel);
        let (stuck, fine, tapped) = (Gate::default(), Gate::default(), Arc::new(AtomicUsize::new(0)));
        fine.open.store(true, Ordering::Relaxed);
        let reactor = Reactor::new(world.kernel.clone(), Arc::new(world.cursors.clone()))
            .consumer(Through("stuck", stuck.clone()))
            .consumer(Through("fine", fine.clone()))
            .tap(Arc::new(Tapped(Arc::clone(&tapped))));
        let stop = tokio::sync::watch::Sender::new(false);
        let running = actix::spawn(reactor.run(stop.subscribe()));
        tokio::time::sleep(Duration::from_millis(1)).await;
        let all = 3 * hands;
        for _ in 0..all / 64 {
            let wishes = (0..64).map(|_| directory.ask(world.kernel.ids.next(), wish(Command::Add(1))));
            join_all(wishes).await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(fine.done.load(Ordering::Relaxed), all, "somebody else's trouble held facts up");
        assert_eq!(tapped.load(Ordering::Relaxed), all, "sockets would have heard nothing");
        assert_eq!((stuck.done.load(Ordering::Relaxed), world.cursors.slowest()), (0, 0), "its cursor must stay");
        // What it needs is back: nothing is missing, nothing comes twice.
        stuck.open.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(stuck.done.load(Ordering::Relaxed), all);
        assert_eq!(usize::try_from(world.cursors.slowest()), Ok(all));
        stop.send_replace(true);
        running.await.unwrap();
    });
}
