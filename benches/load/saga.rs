//! Whole orders: placed by customers who watch them on sockets, accepted and made ready by kitchens that watch their
//! boards, brought by riders who send fixes. Everybody acts at once, so that only the server's pace counts.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use serde::Deserialize;
use tokio::sync::mpsc;

use super::{
    SagaArgs,
    http::Calls,
    kitchens,
    machine::{each_us, quantile},
    place::Numbers,
    riders,
    server::Server,
    socket::Socket,
    world::{CREW, Scale, World},
};

/// Before anything counts.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long orders may take to finish after the last was placed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Connections over which everybody calls.
const CONNECTIONS: usize = 128;

/// What everybody shares.
#[derive(Clone)]
pub struct Day {
    pub address: SocketAddr,
    pub calls: Calls,
    pub pickup: bool,
    pub log: Rc<RefCell<Log>>,
}

/// What has happened.
#[derive(Default)]
pub struct Log {
    /// Orders under way, and since when.
    open: HashMap<String, Instant>,
    pub placed: u64,
    pub finished: u64,
    pub failed: u64,
    /// Tickets answered by kitchens.
    pub tickets: u64,
    pub calls: u64,
    pub frames: u64,
    /// Milliseconds from basket to door.
    took_ms: Vec<u32>,
    trouble: BTreeMap<String, u64>,
}

impl Log {
    /// Counts what should not happen; each kind is shown once.
    pub fn trouble(&mut self, what: String) {
        *self.trouble.entry(what).or_default() += 1;
    }
    fn ended(&mut self, order_id: &str, well: bool) {
        let Some(since) = self.open.remove(order_id) else { return };
        if well {
            self.finished += 1;
            self.took_ms.push(u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX));
        } else {
            self.failed += 1;
        }
    }
}

impl Day {
    /// One call; its status and body. A call that fails is told.
    pub async fn call(&self, method: &str, path: &str, token: &str, body: &[u8]) -> (u16, Vec<u8>) {
        self.log.borrow_mut().calls += 1;
        match self.calls.call(method, path, token, None, body).await {
            Ok(answer) => answer,
            Err(error) => {
                self.log.borrow_mut().trouble(format!("{method}: {error}"));
                (0, Vec::new())
            }
        }
    }
    /// Tells of an answer that was not expected.
    pub fn refused(&self, what: &str, status: u16, said: &[u8]) {
        let problem: serde_json::Value = serde_json::from_slice(said).unwrap_or_default();
        self.log.borrow_mut().trouble(format!("{what}: {status} {} {}", problem["type"], problem["detail"]));
    }
}

#[derive(Deserialize)]
struct Placed {
    order_id: String,
}

#[derive(Deserialize)]
struct Seen {
    status: String,
}

/// A customer's socket: watches the orders it is told of until they end.
async fn watch(day: Day, token: String, mut orders: mpsc::UnboundedReceiver<String>) {
    let mut socket = Socket::open(day.address, &token).await.unwrap();
    let mut number = 0;
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some(order_id) = order else { return };
                number += 1;
                let subscribe = format!(r#"{{"type":"subscribe","id":{number},"topic":"order:{order_id}"}}"#);
                socket.send(&subscribe).await.unwrap();
            }
            said = socket.next() => {
                let text = match said {
                    Ok(text) => text,
                    Err(error) => return day.log.borrow_mut().trouble(format!("a customer's socket: {error}")),
                };
                day.log.borrow_mut().frames += 1;
                let said: super::socket::Said = serde_json::from_str(&text).unwrap();
                let end = match &*said.r#type {
                    "order.delivered" | "order.completed" => Some(true),
                    "order.rejected" | "order.cancelled" | "order.expired" => Some(false),
                    "snapshot" => match said.data::<Seen>().map(|seen| seen.status).as_deref() {
                        Some("delivered" | "completed") => Some(true),
                        Some("rejected" | "cancelled" | "expired") => Some(false),
                        _ => None,
                    },
                    "error" => {
                        day.log.borrow_mut().trouble(text.clone());
                        None
                    }
                    _ => None,
                };
                if let (Some(well), Some(topic)) = (end, &said.topic) {
                    number += 1;
                    let unsubscribe = format!(r#"{{"type":"unsubscribe","id":{number},"topic":"{topic}"}}"#);
                    socket.send(&unsubscribe).await.unwrap();
                    day.log.borrow_mut().ended(topic.trim_start_matches("order:"), well);
                }
            }
        }
    }
}

/// Places `rate` orders a second for `lasting`, the customers in turn.
async fn place(
    day: &Day,
    world: &World,
    customers: &[(String, mpsc::UnboundedSender<String>)],
    numbers: &Numbers,
    rate: f64,
    lasting: Duration,
) {
    let begun = Instant::now();
    for turn in 0.. {
        tokio::time::sleep_until((begun + Duration::from_secs_f64(f64::from(turn) / rate)).into()).await;
        if begun.elapsed() >= lasting {
            return;
        }
        let number = numbers.next();
        let (token, watcher) = customers[number % customers.len()].clone();
        let (day, body) = (day.clone(), world.bodies[number % world.bodies.len()].clone());
        actix::spawn(async move {
            let (since, key) = (Instant::now(), format!("saga-{number}"));
            let (status, said) = match day.calls.call("POST", "/v1/orders", &token, Some(&key), &body).await {
                Ok(answer) => answer,
                Err(error) => return day.log.borrow_mut().trouble(format!("placing: {error}")),
            };
            if status != 201 {
                return day.refused("placing", status, &said);
            }
            let Placed { order_id } = serde_json::from_slice(&said).unwrap();
            let mut log = day.log.borrow_mut();
            log.placed += 1;
            log.open.insert(order_id.clone(), since);
            drop(log);
            // The watcher lives as long as the day.
            let _gone = watcher.send(order_id);
        });
    }
}

/// Runs the day once for each rate.
pub async fn run(args: &SagaArgs) {
    // One kitchen needs many hands: each may call ten times a second.
    let crew = if args.kitchens == 1 { 400 } else { CREW };
    let riders = if args.pickup { 0 } else { args.riders };
    let scale = Scale {
        customers: args.customers,
        kitchens: args.kitchens,
        crew,
        riders,
        multi_kitchen_per_cent: args.multi_kitchen,
        pickup: args.pickup,
    };
    let world = World::make(scale).await;
    println!(
        "{} kitchens, {riders} riders, {} customers, {} % of baskets over two kitchens.\n",
        args.kitchens, args.customers, args.multi_kitchen
    );
    println!(
        "| offered/s | finished/s | not well | open at the end | tickets/s | basket to door p50 ms | p99 ms | CPU ms per order: server | PostgreSQL | client | facts per order | calls per order | frames per order | oldest undone fact, s | caught up after, s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    let numbers = Numbers::default();
    for rate in &args.rate {
        let server = Server::start(&world, &[]).await;
        let day = Day {
            address: server.address,
            calls: Calls::new(server.address, CONNECTIONS),
            pickup: args.pickup,
            log: Rc::default(),
        };
        let mut people = Vec::new();
        for number in 0..args.kitchens {
            people.push(kitchens::open(&day, &world, number).await);
        }
        people.extend(riders::start(&day, &world).await);
        let mut customers = Vec::new();
        for token in world.customers() {
            let (tell, told) = mpsc::unbounded_channel();
            people.push(actix::spawn(watch(day.clone(), token.clone(), told)));
            customers.push((token, tell));
        }
        place(&day, &world, &customers, &numbers, *rate, WARM_UP).await;
        let counts = |log: &Log| (log.finished, log.tickets, log.calls, log.frames, log.failed, log.placed);
        let facts = server.end().await;
        let before = counts(&day.log.borrow());
        day.log.borrow_mut().took_ms.clear();
        let (cpu, begun) = (server.cpu(), Instant::now());
        place(&day, &world, &customers, &numbers, *rate, Duration::from_secs(args.seconds)).await;
        let (after, wall, cpu) = (counts(&day.log.borrow()), begun.elapsed().as_secs_f64(), server.cpu().since(&cpu));
        let open = day.log.borrow().open.len();
        let (lag_s, _) = server.lag().await;
        let facts = server.end().await - facts;
        let caught_up = server.catches_up(PATIENCE).await;
        let patience = Instant::now();
        while !day.log.borrow().open.is_empty() && patience.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let (finished, tickets, calls, frames) = (
            (after.0 - before.0) as f64,
            (after.1 - before.1) as f64,
            (after.2 - before.2) as f64,
            (after.3 - before.3) as f64,
        );
        let mut log = day.log.take();
        log.took_ms.sort_unstable();
        let each = |used: Duration| each_us(used, finished) / 1_000.0;
        println!(
            "| {rate:.0} | {:.1} | {} | {open} | {:.1} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} | {:.1} | {:.1} | {:.1} | {lag_s:.2} | {} |",
            finished / wall,
            after.4 - before.4,
            tickets / wall,
            quantile(&log.took_ms, 0.5),
            quantile(&log.took_ms, 0.99),
            each(cpu.server),
            each(cpu.postgres),
            each(cpu.client),
            facts as f64 / finished,
            (calls + (after.5 - before.5) as f64) / finished,
            frames / finished,
            caught_up.map_or("over 60".to_owned(), |took| format!("{:.1}", took.as_secs_f64())),
        );
        if !log.open.is_empty() {
            println!("\n({} orders had not ended a minute after the last was placed)\n", log.open.len());
        }
        for (what, times) in log.trouble.iter().take(12) {
            println!("\n({times} times: {what})\n");
        }
        people.iter().for_each(|person| person.abort());
        server.stop().await;
    }
}
