//! Live fan-out: facts of kitchens told to those who watch them, beside the peer that keeps nothing. What telling
//! costs is what a fact costs with watchers, less what it costs with none, at the same pace and in the same round.

use std::time::{Duration, Instant};

use super::{
    bun::{Bun, Program},
    machine::{self, each_us, median, quantile},
    publish::{Audience, Voice, topic},
    server::Server,
    watchers::Watchers,
    world::{Scale, World},
};

/// Live fan-out beside Bun's server, whose sockets are uWebSockets.
///
/// Every watcher is a signed-in customer with a ticket, watching a kitchen; every word is a pause of that kitchen, set by
/// its crew over HTTP: decided, committed, numbered, and shown to each as their role may see it. Half of the kitchens are
/// watched by nobody: the same words told to them are what a fact costs without its watchers.
///
///   pairs:      cargo bench --bench load -- fanout --topics 500 --watchers 2
///   one crowd:  cargo bench --bench load -- fanout --topics 1 --watchers 1000
#[derive(clap::Args, Clone)]
#[command(verbatim_doc_comment)]
pub struct FanoutArgs {
    /// Topics that are watched.
    #[arg(long, default_value_t = 500)]
    topics: usize,
    /// Watchers of each.
    #[arg(long, default_value_t = 2)]
    watchers: usize,
    /// Words a second over all topics; 0: as fast as the server takes them.
    #[arg(long, default_value_t = 0.0)]
    rate: f64,
    /// Calls under way at once.
    #[arg(long, default_value_t = 32)]
    at_once: usize,
    /// How often each side is measured, in turn.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Leave the peer out (for profiling).
    #[arg(long)]
    alone: bool,
}

/// One slice of a measurement.
const SLICE: Duration = Duration::from_millis(250);

/// What came of one measurement.
#[derive(Clone, Default)]
struct Outcome {
    facts: f64,
    told: f64,
    bytes: f64,
    wall_s: f64,
    server: Duration,
    postgres: Duration,
    client: Duration,
    took_us: Vec<u32>,
}

/// One side: who tells, who is told, and whose CPU counts.
struct Side<'a> {
    voice: Voice,
    watchers: Watchers,
    cpu: Box<dyn Fn() -> [Duration; 3] + 'a>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.facts += other.facts;
        self.told += other.told;
        self.bytes += other.bytes;
        self.wall_s += other.wall_s;
        self.server += other.server;
        self.postgres += other.postgres;
        self.client += other.client;
        self.took_us.extend(other.took_us);
        self.took_us.sort_unstable();
    }
}

impl Side<'_> {
    /// Tells those who are watched and those who are not in turn, slice by slice, so that both meet the same machine.
    async fn both(&mut self, args: &FanoutArgs, rate: f64, lasting: Duration) -> (Outcome, Outcome) {
        let (mut with, mut without) = (Outcome::default(), Outcome::default());
        let topics = args.topics;
        let begun = Instant::now();
        while begun.elapsed() < lasting * 2 {
            let one = self.measure(Audience { first: 0, topics }, args.watchers, rate, SLICE).await;
            let pace = one.facts / one.wall_s;
            with.add(one);
            without.add(self.measure(Audience { first: topics, topics }, 0, pace, SLICE).await);
        }
        (with, without)
    }

    /// Tells for so long; `watchers`: how many each topic has.
    async fn measure(&mut self, to: Audience, watchers: usize, rate: f64, lasting: Duration) -> Outcome {
        let heard = &self.watchers.heard;
        heard.took_us.borrow_mut().clear();
        let (texts, bytes) = (heard.texts.get(), heard.bytes.get());
        let ([server, postgres, client], begun) = ((self.cpu)(), Instant::now());
        let facts = self.voice.tell(to, rate, lasting).await;
        let wall_s = begun.elapsed().as_secs_f64();
        self.watchers.until(texts + facts * watchers as u64, Duration::from_secs(3)).await;
        let after = (self.cpu)();
        let heard = &self.watchers.heard;
        let mut took_us = heard.took_us.take();
        took_us.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        Outcome {
            facts: facts as f64,
            told: (heard.texts.get() - texts) as f64,
            bytes: (heard.bytes.get() - bytes) as f64,
            wall_s,
            server: after[0].saturating_sub(server),
            postgres: after[1].saturating_sub(postgres),
            client: after[2].saturating_sub(client),
            took_us,
        }
    }
}

/// Measures and prints.
pub async fn run(args: &FanoutArgs) {
    let people = args.topics * args.watchers;
    let scale = Scale {
        customers: people,
        kitchens: args.topics * 2,
        crew: 1,
        riders: 1,
        multi_kitchen_per_cent: 0,
        pickup: true,
    };
    let world = World::make(scale).await;
    let server = Server::start(&world, &[]).await;
    let program = if args.alone { None } else { Program::fetch().await };
    let bun = match &program {
        Some(program) => Some(program.serve().await),
        None => None,
    };
    let mut ours = ours(args, &world, &server).await;
    let mut peer = match &bun {
        Some(bun) => Some(peers(args, &world, bun).await),
        None => None,
    };
    println!(
        "{} topics, {} watchers each, {} calls under way at once, {}.\n",
        args.topics,
        args.watchers,
        args.at_once,
        if args.rate > 0.0 { format!("{} words a second", args.rate) } else { "as fast as they are taken".to_owned() }
    );
    let lasting = Duration::from_secs_f64(args.seconds);
    let mut rows: [Vec<(Outcome, Outcome)>; 3] = Default::default();
    for round in 0..=args.rounds {
        // The first round warms up.
        let lasting = if round == 0 { Duration::from_secs(1) } else { lasting };
        let (with, without) = ours.both(args, args.rate, lasting).await;
        let pace = with.facts / with.wall_s;
        let mut taken = vec![(with, without)];
        if let Some(peer) = &mut peer {
            taken.push(peer.both(args, pace, lasting).await);
            if args.rate == 0.0 {
                taken.push(peer.both(args, 0.0, lasting).await);
            }
        }
        if round > 0 {
            rows.iter_mut().zip(taken).for_each(|(row, pair)| row.push(pair));
        }
    }
    print(args, &rows);
    let lost = ours.watchers.heard.lost.get() + peer.as_ref().map_or(0, |peer| peer.watchers.heard.lost.get());
    if lost > 0 {
        println!("\n({lost} sockets were lost)");
    }
    drop((ours, peer));
    server.stop().await;
}

async fn ours<'a>(args: &FanoutArgs, world: &World, server: &'a Server) -> Side<'a> {
    let topics = args.topics;
    let tokens = world.customers();
    let watchers = Watchers::ours(server.address, &tokens, tokens.len(), |n| topic(world, n % topics)).await;
    let cpu = || {
        let own = machine::busy(std::process::id());
        [server.pid().map_or(Duration::ZERO, machine::busy), server.cpu().postgres, own]
    };
    Side { voice: Voice::ours(server, world, args.at_once).await, watchers, cpu: Box::new(cpu) }
}

async fn peers<'a>(args: &FanoutArgs, world: &World, bun: &'a Bun) -> Side<'a> {
    let topics = args.topics;
    let count = topics * args.watchers;
    let watchers = Watchers::peers(bun.address, count, |n| topic(world, n % topics)).await;
    let cpu = || [bun.busy(), Duration::ZERO, machine::busy(std::process::id())];
    Side { voice: Voice::peer(bun, world, args.at_once).await, watchers, cpu: Box::new(cpu) }
}

/// CPU of the server for each text told, with and without what a fact costs that nobody hears, microseconds.
fn per_text(with: &Outcome, without: &Outcome) -> (f64, f64) {
    let each = |outcome: &Outcome| each_us(outcome.server, outcome.facts);
    let told = (with.told / with.facts.max(1.0)).max(f64::MIN_POSITIVE);
    (each(with) / told, (each(with) - each(without)) / told)
}

fn print(args: &FanoutArgs, rows: &[Vec<(Outcome, Outcome)>; 3]) {
    println!(
        "| medians of {} rounds | facts/s | deliveries/s | not delivered | bytes | CPU µs per fact nobody watches: server | PostgreSQL | CPU µs per delivery: server, all | **telling alone** | client | sent to heard p50 ms | p99 ms |",
        args.rounds
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, row) in ["foodcourt", "the peer, at the same pace", "the peer, as fast as it goes"].iter().zip(rows) {
        if row.is_empty() {
            continue;
        }
        let middle = |of: &dyn Fn(&(Outcome, Outcome)) -> f64| median(&row.iter().map(of).collect::<Vec<_>>());
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            middle(&|(with, _)| with.facts / with.wall_s),
            middle(&|(with, _)| with.told / with.wall_s),
            middle(&|(with, _)| with.facts * args.watchers as f64 - with.told),
            middle(&|(with, _)| with.bytes / with.told),
            middle(&|(_, without)| each_us(without.server, without.facts)),
            middle(&|(_, without)| each_us(without.postgres, without.facts)),
            middle(&|(with, without)| per_text(with, without).0),
            middle(&|(with, without)| per_text(with, without).1),
            middle(&|(with, _)| each_us(with.client, with.told)),
            middle(&|(with, _)| quantile(&with.took_us, 0.5) / 1_000.0),
            middle(&|(with, _)| quantile(&with.took_us, 0.99) / 1_000.0),
        );
    }
    println!("\n| telling alone, CPU µs per delivery, round by round | all of it |\n|---|---|");
    for row in rows.iter().filter(|row| !row.is_empty()) {
        let list = |of: &dyn Fn(&(Outcome, Outcome)) -> f64| {
            row.iter().map(|pair| format!("{:.2}", of(pair))).collect::<Vec<_>>().join(" / ")
        };
        println!("| {} | {} |", list(&|(a, b)| per_text(a, b).1), list(&|(a, b)| per_text(a, b).0));
    }
}
