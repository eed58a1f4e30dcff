//! The kernel against the memory journal: batching, healing of conflicts, honest refusals, supervision, deadlines,
//! passivation, the reactor's order and cursors. Virtual time throughout; no test waits for the wall.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod counter;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use counter::{Command, Counter, Refusal};
use foodcourt_actors::{
    ask::{AskError, Wish},
    decider::Origin,
    directory::Directory,
    event::Recorded,
    memory::{MemoryWorld, Weather},
    ports::{Cursors, StoredAnswer},
    reactor::{Consumer, ReactError, Reactor, Sweep, Tap},
    stream::{Category, StreamId},
};
use futures_util::future::{BoxFuture, join_all};
use uuid::Uuid;

fn on_virtual_time<F: Future>(test: F) -> F::Output {
    let system = actix::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    });
    system.block_on(test)
}

fn origin() -> Origin {
    Origin { cause: None, correlation: Uuid::nil() }
}

fn wish(command: Command) -> Wish<Counter> {
    Wish::new(command, origin())
}

/// A second node on the same journal.
fn node(world: &MemoryWorld) -> Directory<Counter> {
    Directory::start(&world.kernel, &[])
}

async fn total(directory: &Directory<Counter>, id: Uuid) -> i64 {
    directory.look(id).await.unwrap().state.total
}

fn versions(world: &MemoryWorld, id: Uuid) -> Vec<u64> {
    world.journal.facts().iter().filter(|fact| fact.stream.id == id).map(|fact| fact.version).collect()
}

#[test]
fn commands_that_wait_during_an_append_go_into_the_next_one_together() {
    on_virtual_time(async {
        let world = MemoryWorld::new(1);
        world.journal.set_weather(Weather { slow: Duration::from_millis(10), ..Weather::default() });
        let (directory, id) = (node(&world), world.kernel.ids.next());
        let rings = world.kernel.journal.bell();
        let answers = join_all((0..200).map(|_| directory.ask(id, wish(Command::Add(1))))).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(total(&directory, id).await, 200);
        assert_eq!(versions(&world, id), (1..=200).collect::<Vec<_>>());
        let appends = *rings.borrow();
        assert!(appends <= 4, "200 commands took {appends} appends");
    });
}

#[test]
fn two_nodes_at_once_lose_and_double_nothing() {
    on_virtual_time(async {
        let world = MemoryWorld::new(2);
        world.journal.set_weather(Weather { slow: Duration::from_millis(3), ..Weather::default() });
        let nodes = [node(&world), node(&world)];
        let id = world.kernel.ids.next();
        let asks = (0..2_000).map(|wanted| {
            let directory = nodes[wanted % 2].clone();
            async move {
                // A caller told to come back comes back, as a client with an idempotency key would.
                loop {
                    match directory.ask(id, wish(Command::AddOnce(Uuid::from_u128(wanted as u128)))).await {
                        Ok(_) => return,
                        Err(error) if error.is_retryable() => tokio::time::sleep(Duration::from_millis(5)).await,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
        join_all(asks).await;
        assert_eq!(versions(&world, id), (1..=2_000).collect::<Vec<_>>());
        assert!(world.journal.counts()["journal.conflict"] > 0, "the two nodes never met");
        nodes[0].ask(id, wish(Command::Add(0))).await.unwrap();
        assert_eq!(total(&nodes[0], id).await, 2_000);
    });
}

#[test]
fn a_wrong_guess_that_a_stream_is_new_is_decided_again() {
    on_virtual_time(async {
        let world = MemoryWorld::new(20);
        let (id, once, fresh) = (world.kernel.ids.next(), Uuid::from_u128(1), Uuid::from_u128(2));
        let guess = |command| wish(command).beginning();
        assert_eq!(node(&world).ask(id, guess(Command::AddOnce(once))).await.unwrap().version, 1);
        // Each further node has nothing in memory.
        let known = node(&world).ask(id, guess(Command::AddOnce(once))).await.unwrap();
        assert!(known.events.is_empty() && known.version == 1, "it was already true");
        assert_eq!(node(&world).ask(id, guess(Command::Take(1))).await.unwrap().version, 2, "not a stale refusal");
        let node = node(&world);
        let (added, seen) =
            futures_util::future::join(node.ask(id, guess(Command::AddOnce(fresh))), node.look(id)).await;
        assert_eq!((added.unwrap().version, seen.unwrap().version), (3, 3));
        assert_eq!(versions(&world, id), [1, 2, 3]);
    });
}

#[test]
fn a_refusal_on_a_stale_actor_is_decided_again_on_the_tail() {
    on_virtual_time(async {
        let world = MemoryWorld::new(3);
        let (one, two) = (node(&world), node(&world));
        let id = world.kernel.ids.next();
        assert_eq!(one.ask(id, wish(Command::Take(5))).await.unwrap_err(), AskError::Rejected(Refusal::NotEnough));
        two.ask(id, wish(Command::Add(5))).await.unwrap();
        assert_eq!(
            one.ask(id, wish(Command::Take(5))).await.unwrap().version,
            2,
            "node one still believes in an empty counter"
        );
    });
}

#[test]
fn an_old_version_is_refused_with_the_true_one() {
    on_virtual_time(async {
        let world = MemoryWorld::new(4);
        let (directory, id) = (node(&world), world.kernel.ids.next());
        directory.ask(id, wish(Command::Add(1))).await.unwrap();
        assert_eq!(
            directory.ask(id, wish(Command::Add(1)).expecting(7)).await.unwrap_err(),
            AskError::Stale { actual: 1 }
        );
        assert_eq!(directory.ask(id, wish(Command::Add(1)).expecting(1)).await.unwrap().version, 2);
    });
}

#[test]
fn a_panicking_rule_costs_its_one_message_and_siblings_do_not_notice() {
    on_virtual_time(async {
        let world = MemoryWorld::new(5);
        world.journal.set_weather(Weather { slow: Duration::from_millis(10), ..Weather::default() });
        let directory = node(&world);
        let (broken, sibling) = (world.kernel.ids.next(), world.kernel.ids.next());
        directory.ask(broken, wish(Command::Add(1))).await.unwrap();
        let asks = [Command::Add(1), Command::PanicInDecide, Command::Add(1), Command::PanicInEvolve, Command::Add(1)];
        let (answers, beside) = tokio::join!(
            join_all(asks.into_iter().map(|command| directory.ask(broken, wish(command)))),
            join_all((0..50).map(|_| directory.ask(sibling, wish(Command::Add(1)))))
        );
        let crashed: Vec<bool> = answers.iter().map(|answer| matches!(answer, Err(AskError::Crashed))).collect();
        assert_eq!(crashed, [false, true, false, true, false], "{answers:?}");
        assert!(beside.iter().all(Result::is_ok));
        assert_eq!((total(&directory, broken).await, total(&directory, sibling).await), (4, 50));
        assert_eq!(versions(&world, broken), [1, 2, 3, 4]);
    });
}

#[test]
fn a_dead_shell_is_made_anew_from_the_journal() {
    on_virtual_time(async {
        let world = MemoryWorld::new(6);
        let (directory, id) = (node(&world), world.kernel.ids.next());
        for round in 1..=20 {
            directory.ask(id, wish(Command::Add(1))).await.unwrap();
            directory.kill(id).await;
            assert_eq!(total(&directory, id).await, round);
        }
    });
}

#[test]
fn an_entity_that_keeps_panicking_rests_and_comes_back() {
    on_virtual_time(async {
        let world = MemoryWorld::new(7);
        let (directory, id) = (node(&world), world.kernel.ids.next());
        directory.ask(id, wish(Command::Add(1))).await.unwrap();
        for _ in 0..world.kernel.limits.panics_max {
            assert_eq!(directory.ask(id, wish(Command::PanicInDecide)).await.unwrap_err(), AskError::Crashed);
        }
        assert_eq!(directory.ask(id, wish(Command::Add(1))).await.unwrap_err(), AskError::Quarantined);
        tokio::time::advance(world.kernel.limits.panic_window).await;
        assert_eq!(directory.ask(id, wish(Command::Add(1))).await.unwrap().version, 2);
    });
}

#[test]
fn lost_answers_and_lost_requests_are_settled_before_anyone_is_told() {
    on_virtual_time(async {
        let world = MemoryWorld::new(8);
        world.journal.set_weather(Weather {
            lost_answer: 200,
            lost_request: 200,
            unavailable: 100,
            unreadable: 100,
            ..Weather::default()
        });
        let (directory, id) = (node(&world), world.kernel.ids.next());
        let mut acknowledged = 0;
        for _ in 0..400 {
            if directory.ask(id, wish(Command::Add(1))).await.is_ok() {
                acknowledged += 1;
            }
        }
        world.journal.set_weather(Weather::default());
        assert!(acknowledged > 100, "only {acknowledged} of 400 went through");
        // What could not be settled in time may have been written; what was acknowledged must have been.
        let written = total(&directory, id).await;
        assert!(
            written >= acknowledged && written - acknowledged < 10,
            "{acknowledged} acknowledged, {written} written"
        );
        let counts = world.journal.counts();
        assert!(counts["journal.lost_answer"] > 10 && counts["journal.lost_request"] > 10, "{counts:?}");
    });
}

#[test]
fn what_cannot_be_stored_fails_alone() {
    on_virtual_time(async {
        let world = MemoryWorld::new(9);
        world.journal.set_weather(Weather { slow: Duration::from_millis(5), ..Weather::default() });
        let (directory, id) = (node(&world), world.kernel.ids.next());
        directory.ask(id, wish(Command::Add(0))).await.unwrap();
        let commands = [Command::Add(1), Command::Say("a\0b".to_owned()), Command::Add(1)];
        let answers = join_all(commands.into_iter().map(|command| directory.ask(id, wish(command)))).await;
        assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
        assert_eq!(answers[1].as_ref().unwrap_err(), &AskError::Invalid);
        assert_eq!(total(&directory, id).await, 2);
    });
}

#[test]
fn the_stored_answer_is_made_from_the_decided_state_and_only_when_facts_are_made() {
    on_virtual_time(async {
        let world = MemoryWorld::new(10);
        let (directory, id) = (node(&world), world.kernel.ids.next());
        let ask = || {
            wish(Command::AddOnce(Uuid::from_u128(1))).answering(Box::new(|state, version| StoredAnswer {
                scope: "me".to_owned(),
                request_sha256: [0; 32],
                status: 201,
                headers: vec![],
                body: format!("{} at {version}", state.total).into_bytes(),
            }))
        };
        assert_eq!(directory.ask(id, ask()).await.unwrap().stored.unwrap().body, b"1 at 1");
        assert!(directory.ask(id, ask()).await.unwrap().stored.is_none());
        assert_eq!(world.journal.stored_answer("me").unwrap().body, b"1 at 1");
    });
}

#[test]
fn a_deadline_fires_by_itself_once() {
    on_virtual_time(async {
        let world = MemoryWorld::new(11);
        let (directory, id) = (node(&world), world.kernel.ids.next());
        directory.ask(id, wish(Command::RingAt(world.kernel.clock.now().plus_s(90)))).await.unwrap();
        tokio::time::sleep(Duration::from_secs(89)).await;
        assert_eq!(total(&directory, id).await, 0);
        tokio::time::sleep(Duration::from_secs(32)).await;
        assert_eq!(total(&directory, id).await, 1_000);
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(total(&directory, id).await, 1_000);
    });
}

#[test]
fn a_deadline_missed_while_everything_was_down_fires_at_the_next_sweep_on_one_node() {
    on_virtual_time(async {
        let world = MemoryWorld::new(12);
        let id = world.kernel.ids.next();
        {
            let directory = node(&world);
            directory.ask(id, wish(Command::RingAt(world.kernel.clock.now().plus_s(10)))).await.unwrap();
            directory.kill(id).await;
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        let nodes = [node(&world), node(&world)];
        let sweeps = nodes.clone().map(|directory| Sweep::new(world.kernel.clone(), vec![Arc::new(directory)]));
        assert_eq!((sweeps[0].once().await, sweeps[1].once().await), (1, 0));
        assert_eq!(total(&nodes[0], id).await, 1_000);
        assert_eq!(world.journal.overdue(world.kernel.clock.now()), []);
    });
}

#[test]
fn what_is_shown_without_asking_is_what_was_committed_and_goes_with_its_actor() {
    on_virtual_time(async {
        let world = MemoryWorld::new(21);
        let (one, two) = (node(&world), node(&world));
        let id = world.kernel.ids.next();
        for expected in 1..=50 {
            one.ask(id, wish(Command::Add(1))).await.unwrap();
            assert_eq!(total(&one, id).await, expected, "an acknowledged write is seen at once");
        }
        two.ask(id, wish(Command::Add(10))).await.unwrap();
        assert_eq!(total(&one, id).await, 50, "not told yet");
        one.published(&world.journal.facts());
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(total(&one, id).await, 60);
        one.kill(id).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        two.ask(id, wish(Command::Add(100))).await.unwrap();
        assert_eq!(total(&one, id).await, 160, "nobody keeps the dead actor's state fresh: it is read anew");
    });
}

#[test]
fn an_idle_entity_leaves_memory_and_comes_back_whole() {
    on_virtual_time(async {
        let mut world = MemoryWorld::new(13);
        world.kernel.limits.snapshot_every = 10;
        let (directory, id) = (node(&world), world.kernel.ids.next());
        for _ in 0..25 {
            directory.ask(id, wish(Command::Add(1))).await.unwrap();
        }
        tokio::time::sleep(world.kernel.limits.idle_after * 2).await;
        let snapshot = world.kernel.journal.snapshot(StreamId::new(Category::Order, id)).await.unwrap().unwrap();
        assert_eq!(snapshot.version, 20);
        assert_eq!((total(&directory, id).await, directory.look(id).await.unwrap().version), (25, 25));
    });
}

/// Notes what it is fed; fails as told.
struct Notes {
    name: &'static str,
    seen: Mutex<Vec<(Uuid, u64)>>,
    failures: AtomicU32,
    poison: Option<u64>,
}

impl Notes {
    fn new(name: &'static str, failures: u32, poison: Option<u64>) -> Arc<Self> {
        Arc::new(Self { name, seen: Mutex::default(), failures: AtomicU32::new(failures), poison })
    }
}

struct Shared(Arc<Notes>);
impl Consumer for Shared {
    fn name(&self) -> &'static str {
        self.0.name
    }
    fn wants(&self, _: &str) -> bool {
        true
    }
    fn react(&self, fact: Arc<Recorded>) -> BoxFuture<'static, Result<(), ReactError>> {
        let notes = Arc::clone(&self.0);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(fact.stream.id.as_u64_pair().1 % 7)).await;
            if notes.poison == Some(fact.version) {
                return Err(ReactError::Poison("cannot read it".to_owned()));
            }
            if notes.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                return Err(ReactError::Retry("busy".to_owned()));
            }
            notes.seen.lock().unwrap().push((fact.stream.id, fact.version));
            Ok(())
        })
    }
}

impl Tap for Notes {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        self.seen.lock().unwrap().extend(facts.iter().map(|fact| (fact.stream.id, fact.version)));
    }
}

fn assert_in_order(seen: &[(Uuid, u64)], streams: &[Uuid], facts: u64) {
    for id in streams {
        let order: Vec<u64> = seen.iter().filter(|(stream, _)| stream == id).map(|(_, version)| *version).collect();
        assert_eq!(order, (1..=facts).collect::<Vec<_>>(), "stream {id}");
    }
}

async fn fill(directory: &Directory<Counter>, streams: &[Uuid], facts: u64) {
    for _ in 0..facts {
        join_all(streams.iter().map(|id| directory.ask(*id, wish(Command::Add(1))))).await;
    }
}

#[test]
fn every_fact_reaches_every_consumer_in_its_streams_order_through_failures() {
    on_virtual_time(async {
        let world = MemoryWorld::new(14);
        world.journal.set_weather(Weather { slow: Duration::from_millis(4), ..Weather::default() });
        let directory = node(&world);
        let streams: Vec<Uuid> = (0..20).map(|_| world.kernel.ids.next()).collect();
        let (steady, failing, poisoned, tap) = (
            Notes::new("steady", 0, None),
            Notes::new("failing", 40, None),
            Notes::new("poisoned", 0, Some(3)),
            Notes::new("", 0, None),
        );
        let reactor = Reactor::new(world.kernel.clone(), Arc::new(world.cursors.clone()))
            .consumer(Shared(Arc::clone(&steady)))
            .consumer(Shared(Arc::clone(&failing)))
            .consumer(Shared(Arc::clone(&poisoned)))
            .tap(Arc::clone(&tap) as Arc<dyn Tap>);
        let stop = tokio::sync::watch::Sender::new(false);
        let running = actix::spawn(reactor.run(stop.subscribe()));
        tokio::time::sleep(Duration::from_millis(1)).await;
        fill(&directory, &streams, 10).await;
        tokio::time::sleep(Duration::from_secs(120)).await;
        stop.send_replace(true);
        running.await.unwrap();
        assert_in_order(&steady.seen.lock().unwrap(), &streams, 10);
        assert_in_order(&failing.seen.lock().unwrap(), &streams, 10);
        assert_in_order(&tap.seen.lock().unwrap(), &streams, 10);
        assert_eq!(poisoned.seen.lock().unwrap().len(), 20 * 9, "only the poisoned facts are missing");
        assert_eq!(world.cursors.buried().len(), 20);
        assert_eq!(world.cursors.slowest(), 200, "every cursor stands at the end");
    });
}

#[test]
fn a_second_node_takes_over_where_the_cursor_stood_and_misses_nothing() {
    on_virtual_time(async {
        let world = MemoryWorld::new(15);
        let directory = node(&world);
        let streams: Vec<Uuid> = (0..10).map(|_| world.kernel.ids.next()).collect();
        let (first, second) = (Notes::new("same", 0, None), Notes::new("same", 0, None));
        let stop = tokio::sync::watch::Sender::new(false);
        let dying = actix::spawn(
            Reactor::new(world.kernel.clone(), Arc::new(world.cursors.clone()))
                .consumer(Shared(Arc::clone(&first)))
                .run(stop.subscribe()),
        );
        let other = Arc::new(world.cursors.another_node());
        let standby = Reactor::new(world.kernel.clone(), Arc::clone(&other) as Arc<dyn Cursors>)
            .consumer(Shared(Arc::clone(&second)));
        tokio::time::sleep(Duration::from_millis(1)).await;
        let surviving = actix::spawn(standby.run(stop.subscribe()));
        fill(&directory, &streams, 5).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(second.seen.lock().unwrap().is_empty(), "both nodes act at once");
        dying.abort();
        fill(&directory, &streams, 5).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        stop.send_replace(true);
        surviving.await.unwrap();
        let mut seen = first.seen.lock().unwrap().clone();
        seen.extend(second.seen.lock().unwrap().iter());
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100, "facts were missed at the change of owner");
    });
}
