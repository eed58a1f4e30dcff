//! No gap, no duplicate: sockets that come and go at random while facts pour in, from memory, from the journal, over
//! overflowing letter boxes and a journal that is away for a moment.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use foodcourt::live::LiveLimits;

use crate::world::{PATIENCE, World, order, principal};

const ORDERS: u128 = 4;
const FACTS: u64 = 300;

/// xorshift64*: repeats a run from its seed.
struct Dice(u64);
impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound
    }
}

/// Reads one order to its end over as many sockets as the dice want; answers how many.
async fn follow(world: Arc<World>, seed: u64) -> u64 {
    let mut dice = Dice(seed);
    let topic = order(u128::from(seed) % ORDERS);
    let (mut last, mut sockets) = (None, 0);
    while last != Some(FACTS) {
        sockets += 1;
        let mut client = world.enter(principal(u128::from(seed), false)).await;
        let mut seen = client.subscribe(topic, last).await;
        assert!(last.is_none_or(|last| last == seen), "seed {seed}: resumed at {seen}, not {last:?}");
        let patience = 1 + dice.below(FACTS / 4);
        for _ in 0..patience {
            if seen == FACTS {
                break;
            }
            let fact = client.hear().await;
            assert_eq!(fact["seq"], seen + 1, "seed {seed}: after {seen} came {fact}");
            seen += 1;
        }
        last = Some(seen); // the socket is dropped without a goodbye
    }
    sockets
}

async fn storm(limits: LiveLimits, followers: u64) -> (Arc<World>, usize) {
    let world = Arc::new(World::start(limits, 2));
    for number in 0..ORDERS {
        world.source.publish(order(number), 0);
    }
    let tasks: Vec<_> = (1..=followers).map(|seed| actix_web::rt::spawn(follow(Arc::clone(&world), seed))).collect();
    let publisher = {
        let world = Arc::clone(&world);
        std::thread::spawn(move || {
            let mut dice = Dice(99);
            for _ in 1..FACTS {
                for number in 0..ORDERS {
                    world.source.publish(order(number), usize::try_from(dice.below(300)).unwrap());
                }
                for _ in 0..dice.below(2_000) {
                    std::thread::yield_now();
                }
            }
        })
    };
    let mut sockets = 0;
    for task in tasks {
        sockets += task.await.unwrap();
    }
    publisher.join().unwrap();
    assert!(sockets > followers, "nobody reconnected");
    (world, usize::try_from(sockets).unwrap())
}

#[actix_web::test]
async fn resumes_from_memory_without_gap_or_duplicate() {
    let (world, sockets) = storm(LiveLimits::default(), 40).await;
    let reads = world.source.reads.load(Relaxed);
    assert!(reads < sockets / 2, "{sockets} sockets read the journal {reads} times");
}

#[actix_web::test]
async fn resumes_from_the_journal_when_memory_and_letter_boxes_overflow() {
    let tiny = LiveLimits { inbox_facts_max: 2, recent_facts_max: 3, page: 3, ..LiveLimits::default() };
    let (world, _) = storm(tiny, 40).await;
    assert!(world.hub.stats().overflows.load(Relaxed) > 0, "no letter box overflowed");
    assert!(world.source.reads.load(Relaxed) > 100);
}

#[actix_web::test]
async fn a_journal_that_is_away_for_a_moment_costs_time_not_facts() {
    let tiny = LiveLimits { inbox_facts_max: 1, recent_facts_max: 1, ..LiveLimits::default() };
    let world = Arc::new(World::start(tiny, 1));
    world.source.publish(order(1), 0);
    let mut client = world.enter(principal(1, false)).await;
    client.subscribe(order(1), None).await;
    world.source.failing_reads.store(3, Relaxed);
    for _ in 2..=40 {
        world.source.publish(order(1), 0);
    }
    for seq in 2..=40 {
        assert_eq!(client.hear().await["seq"], seq);
    }
}

#[actix_web::test]
async fn a_worker_whose_round_panics_begins_anew_and_misses_nothing() {
    let world = World::start(LiveLimits::default(), 1);
    world.source.publish(order(1), 0);
    let mut client = world.enter(principal(1, false)).await;
    client.subscribe(order(1), None).await;
    world.ids.broken.store(true, Relaxed);
    let hub = world.hub.clone();
    actix_web::rt::spawn(async move { hub.drain(PATIENCE, PATIENCE).await });
    for seq in 2..50 {
        world.source.publish(order(1), 0);
        assert_eq!(client.hear().await["seq"], seq);
        tokio::task::yield_now().await; // the drain breaks the dice somewhere in here
    }
    assert!(!world.ids.broken.load(Relaxed), "nothing panicked");
}
