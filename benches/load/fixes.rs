//! Riders' fixes: bursts over each rider's own socket, every fix judged and the newest in the index before the answer;
//! beside Redis, which judges nothing, and the peer's plain map.

use std::{
    cell::Cell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use foodcourt_actors::{
    place::Position,
    time::{Clock, Timestamp},
};
use futures_util::future::join_all;

use super::{
    bun::Program,
    http::Calls,
    machine::{self, each_us, median, quantile},
    redis::Redis,
    server::Server,
    socket::Socket,
    world::{Scale, Wall, World},
};

/// Riders' GPS fixes beside Redis GEOADD and a plain map behind Bun's sockets.
///
/// Riders on shift, each with a socket of their own, send bursts in turn: one message of so many fixes, answered when
/// every fix has been judged (order, age, accuracy, speed) and the newest stands in the index of riders. Redis is given
/// single GEOADDs, as many in one go, by redis-benchmark; the peer parses and looks at the same messages, keeps the
/// newest in a map and answers alike. A rider may send 600 fixes at once and five a second after that: with more rounds
/// or seconds come more riders.
///
///   cargo bench --bench load -- fixes --burst 16
///   cargo bench --bench load -- fixes --burst 1 --riders 6000
#[derive(clap::Args, Clone)]
#[command(verbatim_doc_comment)]
pub struct FixesArgs {
    /// Riders on shift.
    #[arg(long, default_value_t = 4_000)]
    riders: usize,
    /// Fixes of one message.
    #[arg(long, default_value_t = 16)]
    burst: usize,
    /// Messages under way at once.
    #[arg(long, default_value_t = 32)]
    at_once: usize,
    /// How often each side is measured, in turn.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Leave the others out (for profiling).
    #[arg(long)]
    alone: bool,
}

/// Riders whose turn comes one after the other, one message at a time.
struct Lane {
    riders: Vec<(Socket, Position)>,
    next: usize,
    turn: u64,
}

/// What came of one measurement.
#[derive(Default, Clone)]
struct Outcome {
    fixes: f64,
    refused: f64,
    wall_s: f64,
    server: Duration,
    client: Duration,
    took_us: Vec<u32>,
}

/// Measures and prints.
pub async fn run(args: &FixesArgs) {
    let scale =
        Scale { customers: 1, kitchens: 1, crew: 1, riders: args.riders, multi_kitchen_per_cent: 0, pickup: false };
    let world = World::make(scale).await;
    let server = Server::start(&world, &[]).await;
    let mut ours = lanes(args, &world, async |_, token: String| on_shift(&server, &token).await).await;
    let program = if args.alone { None } else { Program::fetch().await };
    let bun = match &program {
        Some(program) => Some(program.serve().await),
        None => None,
    };
    let mut peers = match &bun {
        Some(bun) => lanes(args, &world, async |number, _| at_peer(bun.address, number).await).await,
        None => Vec::new(),
    };
    let redis = if args.alone { None } else { Redis::start().await };
    println!(
        "{} riders, {} fixes in a message, {} messages under way at once.\n",
        args.riders, args.burst, args.at_once
    );
    let mut rows: [Vec<Outcome>; 3] = Default::default();
    let pid = server.pid().unwrap();
    for round in 0..=args.rounds {
        let lasting = Duration::from_secs_f64(if round == 0 { 0.5 } else { args.seconds });
        let mut taken = [Outcome::default(), Outcome::default(), Outcome::default()];
        taken[0] = measure(&mut ours, args.burst, pid, lasting).await;
        if let Some(bun) = &bun {
            taken[1] = measure(&mut peers, args.burst, bun.pid(), lasting).await;
        }
        if let Some(redis) = &redis {
            let wanted = (taken[0].fixes * 2.0).max(100_000.0);
            let (fixes, wall_s, server) = redis.add(args, wanted).await;
            taken[2] = Outcome { fixes, wall_s, server, ..Outcome::default() };
        }
        if round > 0 {
            rows.iter_mut().zip(taken).filter(|(_, one)| one.fixes > 0.0).for_each(|(row, one)| row.push(one));
        }
    }
    print(&rows);
    drop((ours, peers));
    server.stop().await;
}

impl FixesArgs {
    pub const fn shape(&self) -> (usize, usize, usize) {
        (self.riders, self.burst, self.at_once)
    }
}

/// All riders, each in one of the lanes.
async fn lanes(args: &FixesArgs, world: &World, open: impl AsyncFn(usize, String) -> Socket) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = (0..args.at_once).map(|_| Lane { riders: Vec::new(), next: 0, turn: 0 }).collect();
    let tokens: Vec<(usize, String)> = world.riders().into_iter().enumerate().collect();
    for some in tokens.chunks(64) {
        let sockets = join_all(some.iter().map(|(number, token)| open(*number, token.clone()))).await;
        for ((number, _), socket) in some.iter().zip(sockets) {
            lanes[number % args.at_once].riders.push((socket, world.stand(*number)));
        }
    }
    lanes
}

async fn on_shift(server: &Server, token: &str) -> Socket {
    let calls = Calls::new(server.address, 1);
    let shift = br#"{"vehicle":"bicycle","capacity":2}"#;
    // 503: thousands at once.
    while calls.call("PUT", "/v1/riders/me/shift", token, None, shift).await.unwrap().0 == 503 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut socket = Socket::open(server.address, token).await.unwrap();
    socket.next().await.unwrap(); // welcome
    socket
}

async fn at_peer(address: SocketAddr, number: usize) -> Socket {
    Socket::plain(address, &format!("/?rider={number}")).await.unwrap()
}

async fn measure(lanes: &mut Vec<Lane>, burst: usize, pid: u32, lasting: Duration) -> Outcome {
    let own = || machine::busy(std::process::id());
    let (server, client, begun) = (machine::busy(pid), own(), Instant::now());
    let refused = Rc::new(Cell::new(0_u64));
    let tasks: Vec<_> = lanes.drain(..).map(|lane| ride(lane, burst, begun + lasting, Rc::clone(&refused))).collect();
    let tasks: Vec<_> = tasks.into_iter().map(actix::spawn).collect();
    let mut outcome = Outcome::default();
    for task in tasks {
        let (lane, took) = task.await.unwrap();
        lanes.push(lane);
        outcome.took_us.extend(took);
    }
    outcome.wall_s = begun.elapsed().as_secs_f64();
    outcome.server = machine::busy(pid).saturating_sub(server);
    outcome.client = own().saturating_sub(client);
    outcome.took_us.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    {
        outcome.fixes = (outcome.took_us.len() * burst) as f64;
        outcome.refused = refused.get() as f64;
    }
    outcome
}

/// One message after the other, each from the next rider of the lane, until it is time.
async fn ride(mut lane: Lane, burst: usize, until: Instant, refused: Rc<Cell<u64>>) -> (Lane, Vec<u32>) {
    let mut took = Vec::new();
    let all = format!(r#""accepted":{burst},"#);
    while Instant::now() < until {
        let at = lane.next;
        lane.next = (at + 1) % lane.riders.len();
        lane.turn += u64::from(lane.next == 0);
        let (socket, stand) = &mut lane.riders[at];
        let text = message(*stand, lane.turn, burst);
        let sent = Instant::now();
        socket.send(&text).await.unwrap();
        let mut whole = false;
        let heard = socket.skim(|text| whole = std::str::from_utf8(text).is_ok_and(|text| text.contains(&all)));
        heard.await.unwrap();
        took.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        refused.set(refused.get() + u64::from(!whole));
    }
    (lane, took)
}

/// Where a rider was in the last moments: a few metres up and down the street.
fn message(stand: Position, turn: u64, burst: usize) -> String {
    let now = Wall.now().as_micros();
    let mut text = String::with_capacity(128 * burst + 64);
    text.push_str(r#"{"type":"fixes","id":1,"fixes":["#);
    for number in 0..burst {
        let back = i64::try_from(burst - 1 - number).unwrap_or(0);
        // A count that grows over turns and rounds, too.
        let (seq, at) = (now - back, Timestamp::from_micros(now - back));
        let lat = stand.lat() + if turn.is_multiple_of(2) { 0.000_2 } else { 0.0 } + back as f64 * 0.000_001;
        let comma = if number == 0 { "" } else { "," };
        use std::fmt::Write as _;
        write!(text, r#"{comma}{{"seq":{seq},"at":"{at}","lat":{lat:.6},"lon":{:.6},"accuracy_m":8}}"#, stand.lon())
            .unwrap();
    }
    text.push_str("]}");
    text
}

fn print(rows: &[Vec<Outcome>; 3]) {
    println!(
        "| medians | fixes/s | CPU µs per fix: server | client | message to answer p50 ms | p99 ms | messages not taken whole | CPU µs per fix, round by round |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (name, row) in ["foodcourt", "the peer, into a plain map", "Redis GEOADD"].iter().zip(rows) {
        if row.is_empty() {
            continue;
        }
        let middle = |of: &dyn Fn(&Outcome) -> f64| median(&row.iter().map(of).collect::<Vec<_>>());
        let each = |one: &Outcome| each_us(one.server, one.fixes);
        println!(
            "| {name} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} | {} |",
            middle(&|one| one.fixes / one.wall_s),
            middle(&each),
            middle(&|one| each_us(one.client, one.fixes)),
            middle(&|one| quantile(&one.took_us, 0.5) / 1_000.0),
            middle(&|one| quantile(&one.took_us, 0.99) / 1_000.0),
            row.iter().map(|one| one.refused).sum::<f64>(),
            row.iter().map(|one| format!("{:.2}", each(one))).collect::<Vec<_>>().join(" / "),
        );
    }
}
