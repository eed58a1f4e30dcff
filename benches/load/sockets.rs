//! What an idle socket that watches something costs in memory, beside the peer's, and what is left of traffic.

use std::time::{Duration, Instant};

use super::{
    bun::Program,
    machine::{median, resident_bytes},
    publish::{Audience, Voice, topic},
    server::Server,
    watchers::{Watchers, settled_kb},
    world::{Scale, World},
};

/// Memory of idle sockets that watch something, beside Bun's server.
///
/// Every socket is another signed-in customer's, opened by a ticket, watching one of the kitchens (or their own inbox).
/// Memory is the growth of the server's process; the kernel's share is alike on both sides and not in it. Before the
/// first look the server has told thousands of facts that nobody hears, so that what it always remembers of them is not
/// counted. Then everybody hears facts for some seconds, and the last look is five seconds after the last of them.
///
///   cargo bench --bench load -- sockets --count 10000
///   cargo bench --bench load -- sockets --count 10000 --inbox
#[derive(clap::Args, Clone)]
#[command(verbatim_doc_comment)]
pub struct SocketsArgs {
    /// Sockets. Each takes a file descriptor here and one in the server: mind `ulimit -n`.
    #[arg(long, default_value_t = 10_000)]
    count: usize,
    /// Topics that they watch together.
    #[arg(long, default_value_t = 60)]
    topics: usize,
    /// Each watches their own inbox instead: as many topics as sockets, and nothing is told.
    #[arg(long)]
    inbox: bool,
    /// People behind them; fewer than sockets share them. What the server remembers of a person for a minute (account,
    /// rate limit) counts with their first socket.
    #[arg(long, default_value_t = 10_000)]
    people: usize,
    /// Seconds until a look is taken after something has ended.
    #[arg(long, default_value_t = 5.0)]
    settle: f64,
    /// How often each side is measured, in turn, each time in a new process.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of traffic.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

/// Before the first look.
const WARM_UP: Duration = Duration::from_secs(4);
/// Calls under way at once.
const AT_ONCE: usize = 32;

/// Kilobytes for each socket.
struct Outcome {
    idle_kb: f64,
    traffic_kb: f64,
    after_kb: f64,
    told_each: f64,
    opened_s: f64,
}

/// Measures and prints.
pub async fn run(args: &SocketsArgs) {
    let scale = Scale {
        customers: args.people.min(args.count),
        kitchens: args.topics * 2,
        crew: 1,
        riders: 1,
        multi_kitchen_per_cent: 0,
        pickup: true,
    };
    let world = World::make(scale).await;
    let program = Program::fetch().await;
    let what = if args.inbox { "their own inboxes".to_owned() } else { format!("{} kitchens", args.topics) };
    println!("{} sockets of {} people watch {what}.\n", args.count, args.people.min(args.count));
    println!(
        "| | KB a socket, idle | during traffic | {} s after | texts heard by each meanwhile | seconds to open them |",
        args.settle
    );
    println!("|---|---|---|---|---|---|");
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        ours.push(row("foodcourt", our_round(args, &world).await));
        if let Some(program) = &program {
            peers.push(row("the peer", peer_round(args, &world, program).await));
        }
    }
    for (name, row) in [("foodcourt", &ours), ("the peer", &peers)].iter().filter(|(_, row)| !row.is_empty()) {
        let middle = |of: fn(&Outcome) -> f64| median(&row.iter().map(of).collect::<Vec<_>>());
        let (idle, after) = (middle(|one| one.idle_kb), middle(|one| one.after_kb));
        println!("| **{name}, median** | **{idle:.2}** | | **{after:.2}** | | |");
    }
}

fn row(name: &str, one: Outcome) -> Outcome {
    println!(
        "| {name} | {:.2} | {:.2} | {:.2} | {:.0} | {:.1} |",
        one.idle_kb, one.traffic_kb, one.after_kb, one.told_each, one.opened_s
    );
    one
}

async fn our_round(args: &SocketsArgs, world: &World) -> Outcome {
    let server = Server::start(world, &[]).await;
    let mut voice = Voice::ours(&server, world, AT_ONCE).await;
    let pid = server.pid().unwrap();
    let (topics, tokens) = (args.topics, world.customers());
    let spelled = |n: usize| if args.inbox { "inbox".to_owned() } else { topic(world, n % topics) };
    voice.tell(unheard(args), 0.0, WARM_UP).await;
    drop(voice);
    drop(Watchers::ours(server.address, &tokens, args.count.min(500), spelled).await);
    let open = async || Watchers::ours(server.address, &tokens, args.count, spelled).await;
    let speak = async || Voice::ours(&server, world, AT_ONCE).await;
    let outcome = look(args, pid, speak, open).await;
    server.stop().await;
    outcome
}

async fn peer_round(args: &SocketsArgs, world: &World, program: &Program) -> Outcome {
    let bun = program.serve().await;
    let mut voice = Voice::peer(&bun, world, AT_ONCE).await;
    let spelled = |n: usize| if args.inbox { format!("inbox:{n}") } else { topic(world, n % args.topics) };
    voice.tell(unheard(args), 0.0, WARM_UP).await;
    drop(voice);
    drop(Watchers::peers(bun.address, args.count.min(500), spelled).await);
    let open = async || Watchers::peers(bun.address, args.count, spelled).await;
    let speak = async || Voice::peer(&bun, world, AT_ONCE).await;
    look(args, bun.pid(), speak, open).await
}

/// Kitchens that nobody watches.
const fn unheard(args: &SocketsArgs) -> Audience {
    Audience { first: args.topics, topics: args.topics }
}

async fn look(
    args: &SocketsArgs,
    pid: u32,
    speak: impl AsyncFn() -> Voice,
    open: impl AsyncFn() -> Watchers,
) -> Outcome {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let count = args.count as f64;
    let settle = Duration::from_secs_f64(args.settle);
    let before = settled_kb(pid, settle).await;
    let begun = Instant::now();
    let watchers = open().await;
    let opened_s = begun.elapsed().as_secs_f64();
    let idle_kb = (settled_kb(pid, settle).await - before) / count;
    let (heard, mut told_each, mut traffic_kb) = (watchers.heard.texts.get(), 0.0, idle_kb);
    if !args.inbox {
        let mut voice = speak().await; // a connection kept idle is closed in time
        let told = voice.tell(Audience { first: 0, ..unheard(args) }, 0.0, Duration::from_secs_f64(args.seconds)).await;
        #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52")]
        let now = resident_bytes(pid) as f64 / 1_000.0;
        traffic_kb = (now - before) / count;
        let texts = told * (args.count / args.topics) as u64;
        watchers.until(heard + texts, Duration::from_secs(10)).await;
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let texts = (watchers.heard.texts.get() - heard) as f64;
        told_each = texts / count;
    }
    let after_kb = (settled_kb(pid, settle).await - before) / count;
    if watchers.heard.lost.get() > 0 {
        println!("({} sockets were lost)", watchers.heard.lost.get());
    }
    Outcome { idle_kb, traffic_kb, after_kb, told_each, opened_s }
}
