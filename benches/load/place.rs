//! Placing orders: the acceptance path beside pgbench, and the same with the reactors on.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};

use super::{
    AcceptanceArgs, SustainedArgs,
    http::{self, Connection},
    machine::{Cpu, each_us, median, quantile},
    peer::{Form, Peer},
    server::Server,
    world::{Scale, World},
};

/// Customers, in turn: each may place 120 orders at once and two a second after that.
const CUSTOMERS: usize = 2_000;
/// A server alone warms up for so long before anything counts.
const WARM_UP: Duration = Duration::from_secs(3);

/// What the load is placed on.
pub const SCALE: Scale =
    Scale { customers: CUSTOMERS, kitchens: 60, crew: 1, riders: 1, multi_kitchen_per_cent: 30, pickup: false };

/// What came of one measurement.
#[derive(Default)]
pub struct Outcome {
    pub orders: f64,
    pub wall: Duration,
    /// Microseconds, sorted.
    pub latencies: Vec<u32>,
    pub refused: BTreeMap<u16, u64>,
    pub cpu: Cpu,
}

impl Outcome {
    pub fn per_s(&self) -> f64 {
        self.orders / self.wall.as_secs_f64()
    }
    pub fn mean_us(&self) -> f64 {
        self.latencies.iter().map(|us| f64::from(*us)).sum::<f64>() / self.orders.max(1.0)
    }
}

/// Numbers orders over all measurements, so that no key comes twice.
#[derive(Clone, Default)]
pub struct Numbers(Rc<Cell<usize>>);

impl Numbers {
    pub fn next(&self) -> usize {
        self.0.replace(self.0.get() + 1)
    }
}

/// Places orders from `clients` connections for `lasting`; `rate` a second together, 0: as fast as they are answered.
pub async fn load(
    server: &Server,
    world: &World,
    tokens: &Rc<Vec<String>>,
    numbers: &Numbers,
    clients: usize,
    rate: f64,
    lasting: Duration,
) -> Outcome {
    let bodies = Rc::new(world.bodies.clone());
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(Connection::open(server.address).await.unwrap());
    }
    let (before, begun, turns) = (server.cpu(), Instant::now(), Numbers::default());
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let (tokens, bodies, numbers, turns) = (tokens.clone(), bodies.clone(), numbers.clone(), turns.clone());
            let outcome = outcome.clone();
            actix::spawn(async move {
                let mut request = Vec::with_capacity(4_096);
                loop {
                    if rate > 0.0 {
                        let due = begun + Duration::from_secs_f64(turns.next() as f64 / rate);
                        tokio::time::sleep_until(due.into()).await;
                    }
                    if begun.elapsed() >= lasting {
                        return;
                    }
                    let number = numbers.next();
                    let (token, body) = (&tokens[number % tokens.len()], &bodies[number % bodies.len()]);
                    http::write(&mut request, "POST", "/v1/orders", token, Some(&format!("order-{number}")), body);
                    let sent = Instant::now();
                    let (status, said) = connection.call(&request).await.unwrap();
                    let took = u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX);
                    let mut outcome = outcome.borrow_mut();
                    if status == 201 {
                        outcome.orders += 1.0;
                        outcome.latencies.push(took);
                    } else {
                        let times = outcome.refused.entry(status).or_default();
                        *times += 1;
                        if *times == 1 {
                            println!("(an answer {status}: {})", String::from_utf8_lossy(said));
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut outcome = outcome.take();
    outcome.wall = begun.elapsed();
    outcome.cpu = server.cpu().since(&before);
    outcome.latencies.sort_unstable();
    outcome
}

/// The acceptance path, beside pgbench.
pub async fn acceptance(args: &AcceptanceArgs) {
    let world = World::make(SCALE).await;
    let server = Server::start(&world, &[("FOODCOURT_BENCH__REACTORS", "false")]).await;
    let (numbers, lasting) = (Numbers::default(), Duration::from_secs(args.seconds));
    let tokens = Rc::new(world.customers());
    load(&server, &world, &tokens, &numbers, args.clients, 0.0, WARM_UP).await;
    if args.alone {
        let ours = load(&server, &world, &tokens, &numbers, args.clients, 0.0, lasting).await;
        row("foodcourt", &ours);
        return server.stop().await;
    }
    let peer = Peer::prepare(&server).await;
    println!("Rows of one order, on both sides: {}.\n", peer.rows);
    println!("| what | orders/s | CPU µs per order: server | PostgreSQL | client | p50 ms | p99 ms |");
    println!("|---|---|---|---|---|---|---|");
    let mut found: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    let mut note = |name: &'static str, per_s: f64, mean_us: f64| {
        found.entry(name).or_default().push((per_s, mean_us));
    };
    for _ in 0..args.rounds {
        let tokens = Rc::new(world.customers());
        let ours = load(&server, &world, &tokens, &numbers, args.clients, 0.0, lasting).await;
        row("POST /v1/orders, 64 clients", &ours);
        note("ours", ours.per_s(), ours.mean_us());
        for (name, form) in [("pgbench, 5 round trips", Form::FiveTrips), ("pgbench, one CTE", Form::OneStatement)] {
            let theirs = peer.run(&server, form, args.clients, lasting).await;
            row(&format!("{name}, {} clients", args.clients), &theirs);
            note(name, theirs.per_s(), theirs.mean_us());
        }
        let ours = load(&server, &world, &tokens, &numbers, 1, 0.0, lasting / 2).await;
        row("POST /v1/orders, one client", &ours);
        note("ours alone", ours.per_s(), ours.mean_us());
        let theirs = peer.run(&server, Form::OneStatement, 1, lasting / 2).await;
        row("pgbench, one CTE, one client", &theirs);
        note("theirs alone", theirs.per_s(), theirs.mean_us());
    }
    let ratio = |a: &str, b: &str, pick: fn(&(f64, f64)) -> f64| {
        let pairs: Vec<f64> = found[a].iter().zip(&found[b]).map(|(a, b)| pick(a) / pick(b)).collect();
        median(&pairs)
    };
    println!("\n| ratio, median of {} pairs | measured | floor | goal |\n|---|---|---|---|", args.rounds);
    println!(
        "| throughput to five round trips | {:.2}× | 1.5× | 3× |",
        ratio("ours", "pgbench, 5 round trips", |x| x.0)
    );
    println!("| throughput to one CTE | {:.2}× | – | 2× |", ratio("ours", "pgbench, one CTE", |x| x.0));
    println!(
        "| latency, one client, to one CTE | {:.2}× | ≤ 1.5× | ≤ 1.15× |",
        ratio("ours alone", "theirs alone", |x| x.1)
    );
    server.stop().await;
}

/// One line of a table.
fn row(name: &str, outcome: &Outcome) {
    let each = |used: Duration| each_us(used, outcome.orders);
    let client = outcome.cpu.client + outcome.cpu.ended;
    println!(
        "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} |",
        outcome.per_s(),
        each(outcome.cpu.server),
        each(outcome.cpu.postgres),
        each(client),
        quantile(&outcome.latencies, 0.5) / 1_000.0,
        quantile(&outcome.latencies, 0.99) / 1_000.0,
    );
    if !outcome.refused.is_empty() {
        println!("\n(refused, by status: {:?})\n", outcome.refused);
    }
}

/// The same with everybody acting on the facts: paid, told to the kitchens, listed.
pub async fn sustained(args: &SustainedArgs) {
    let world = World::make(SCALE).await;
    println!(
        "| offered/s | orders/s | CPU µs per order: server | PostgreSQL | client | p50 ms | p99 ms | facts/s | per order: transactions | rows | log KB | oldest undone fact, s | facts behind | caught up after, s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for rate in &args.rate {
        let server = Server::start(&world, &[]).await;
        let (numbers, tokens) = (Numbers::default(), Rc::new(world.customers()));
        numbers.0.set(usize::try_from(server.end().await).unwrap());
        load(&server, &world, &tokens, &numbers, args.clients, rate.min(500.0), WARM_UP).await;
        let (facts, written) = (server.end().await, server.written().await);
        let lasting = Duration::from_secs(args.seconds);
        let ours = load(&server, &world, &tokens, &numbers, args.clients, *rate, lasting).await;
        let (lag_s, behind) = server.lag().await;
        let (facts, now) = (server.end().await - facts, server.written().await);
        let each_written = |what: usize| (now[what] - written[what]) as f64 / ours.orders.max(1.0);
        let caught_up = server.catches_up(Duration::from_secs(120)).await;
        let each = |used: Duration| each_us(used, ours.orders);
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} | {:.0} | {:.2} | {:.1} | {:.1} | {lag_s:.2} | {behind} | {} |",
            if *rate > 0.0 { format!("{rate:.0}") } else { "all they can".to_owned() },
            ours.per_s(),
            each(ours.cpu.server),
            each(ours.cpu.postgres),
            each(ours.cpu.client),
            quantile(&ours.latencies, 0.5) / 1_000.0,
            quantile(&ours.latencies, 0.99) / 1_000.0,
            facts as f64 / ours.wall.as_secs_f64(),
            each_written(0),
            each_written(1),
            each_written(2) / 1_024.0,
            caught_up.map_or("over 120".to_owned(), |took| format!("{:.1}", took.as_secs_f64())),
        );
        if !ours.refused.is_empty() {
            println!("\n(refused, by status: {:?})\n", ours.refused);
        }
        server.stop().await;
    }
}
