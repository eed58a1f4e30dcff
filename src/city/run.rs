//! One run from the first call to the verdict: look around, put people in their places, let them come at their pace,
//! wait until every order has ended, compare.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use foodcourt_actors::time::Timestamp;
use tokio::{
    sync::{OnceCell, watch},
    task::JoinSet,
    time::Instant,
};

use super::{
    CityOptions, Summary,
    client::{Api, Call, CallError},
    clock::BusinessClock,
    customer,
    dice::Dice,
    inquest, kitchen,
    log::Log,
    person::Person,
    progress::Progress,
    promise,
    rider::Rider,
    server::{Server, ServerError},
    service,
    setup::{keep_clock, rider_accounts, set_speed, staff, streets},
    summary::percentile,
    verdict::{self, Verdict},
    wire::{Court, Demo, Page},
    world::World,
};

/// How long one call is tried: a server may be gone for a minute, and then be busy.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long nobody may answer at all before the first word: an address that is wrong should be known soon.
const FIRST_WORD_MAX: Duration = Duration::from_secs(15);
/// Customers with accounts; more orders than this share them.
const CUSTOMERS_MAX: u32 = 100;
/// Visits at once; each holds a socket. The next customer waits at the door.
const VISITS_MAX: usize = 1_000;
/// Nothing placed and no fact seen for so long on the wall, plus [`QUIET_BUSINESS_S`]: nothing will come any more.
const QUIET: Duration = Duration::from_secs(120);
/// The longest a healthy order waits without a fact: a rider on a long way, an unpaid order, a kitchen asleep.
const QUIET_BUSINESS_S: f64 = 75.0 * 60.0;

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub enum CityError {
    /// The city's own server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A call without which there is no city.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Not an address.
    #[error("{0:?} is no address of a server: it should look like http://127.0.0.1:5003")]
    Address(String),
    /// Nobody is there.
    #[error("nobody answered at {url} within {} s ({last}): start a server there, or name another with --url", after.as_secs())]
    Nobody {
        /// Where.
        url: String,
        /// How long it was tried.
        after: Duration,
        /// What the last attempt met.
        last: String,
    },
    /// The server has no demo, so nobody knows its kitchens' and riders' passwords.
    #[error("{0} has no demo accounts (GET /v1/demo): the city needs a server with the demo switched on")]
    NoDemo(String),
    /// Nothing to order from.
    #[error("{0} has no court with a kitchen that a demo account may run")]
    NoKitchens(String),
    /// Somebody wants us to stop.
    #[error("interrupted: the city went home early and judged nothing")]
    Interrupted,
}

/// Runs a city. Who called prints what came of it.
///
/// # Errors
/// [`CityError`] where there could be no run; a bad verdict is no error, it is in the summary.
pub async fn run(options: CityOptions) -> Result<Summary, CityError> {
    if let Some(url) = &options.url
        && !is_address(url)
    {
        return Err(CityError::Address(url.clone()));
    }
    let tag = tag();
    let own = if options.url.is_none() { Some(Server::start(&tag, options.policy).await?) } else { None };
    let url = own.as_ref().map(|server| server.url.clone()).or_else(|| options.url.clone()).unwrap_or_default();
    let outcome = tokio::select! {
        outcome = drive(options, &url, tag) => outcome,
        () = interrupted() => Err(CityError::Interrupted),
    };
    if let Some(own) = own {
        own.stop(outcome.as_ref().is_ok_and(|summary| !summary.is_clean())).await;
    }
    outcome
}

fn is_address(text: &str) -> bool {
    let parsed = reqwest::Url::parse(text);
    parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none())
}

async fn drive(options: CityOptions, url: &str, tag: String) -> Result<Summary, CityError> {
    let started = Instant::now();
    // Some thousand frames per order and person are far more than there are; a bound all the same.
    let frames_max = 20_000 + 500 * options.orders as usize + 5_000 * options.riders as usize;
    let log = Arc::new(Log::new(frames_max));
    let api = Arc::new(Api::new(url, PATIENCE, Arc::clone(&log))?);
    eprintln!("looking for a server at {url}");
    let nobody = |last| CityError::Nobody { url: url.to_owned(), after: FIRST_WORD_MAX, last };
    api.greet(FIRST_WORD_MAX).await.map_err(nobody)?;
    let demo = api.call(&Call::get("/v1/demo")).await?;
    if demo.status == 404 {
        return Err(CityError::NoDemo(url.to_owned()));
    }
    let demo: Demo = demo.read()?;
    let account = |role: &str| demo.accounts.iter().find(|account| account.role == role);
    let admin = account("admin").map(|admin| Arc::new(Person::new(Arc::clone(&api), &admin.email, &admin.password)));

    let clock =
        Arc::new(BusinessClock::new(demo.business_now.unwrap_or_else(wall_now), demo.business_speed.unwrap_or(1.0)));
    let speed_before = clock.speed();
    if options.url.is_some() {
        eprintln!("{}", announcement(url, options.speed));
        eprintln!("{}", length(business_s(&options), options.speed.unwrap_or(speed_before)));
    }
    if let (Some(speed), Some(admin)) = (options.speed, &admin) {
        set_speed(admin, &clock, speed, &log).await;
    }
    let courts: Page<Court> = api.call(&Call::get("/v1/courts")).await?.read()?;
    let court = courts.items.first().ok_or_else(|| CityError::NoKitchens(url.to_owned()))?.clone();
    let streets = streets(&api, &court, &log).await?;

    let (go_home, evening) = watch::channel(false);
    let (staffed, counters, queues) = staff(&api, &demo, &courts.items).await?;
    if staffed.is_empty() {
        return Err(CityError::NoKitchens(url.to_owned()));
    }
    let customers = options.orders.div_ceil(4).clamp(1, CUSTOMERS_MAX);
    let world = Arc::new(World {
        customers: (0..customers).map(|_| OnceCell::new()).collect(),
        options: options.clone(),
        tag,
        api: Arc::clone(&api),
        log: Arc::clone(&log),
        clock: Arc::clone(&clock),
        streets,
        counters,
        evening,
    });

    let mut workers = JoinSet::new();
    let kitchens = staffed.len() as u64;
    for (number, ((kitchen, person), queue)) in (0_u64..).zip(staffed.into_iter().zip(queues)) {
        workers.spawn(kitchen::run(Arc::clone(&world), kitchen, person, number, queue));
    }
    let riders = rider_accounts(&world, &demo, admin.as_deref()).await?;
    for (number, account) in (0_u64..).zip(&riders) {
        let person = Arc::new(Person::new(Arc::clone(&api), &account.email, &account.password));
        workers.spawn(Rider::run(Arc::clone(&world), person, number, court.position));
    }
    let clock_keeper = tokio::spawn(keep_clock(Arc::clone(&world), admin.clone()));
    let progress = Progress::start(Arc::clone(&log), options.orders);

    let mut visits = arrivals(&world, riders.len()).await;
    until_all_ended(&world, &mut visits).await;
    drop(progress);

    let evidence = log.take();
    let server = inquest::ask(&world, admin.as_deref(), &evidence).await;
    let verdict = verdict::judge(&evidence, &server);
    let speed = clock.speed();

    let _everybody_left = go_home.send(true);
    let home_by = Instant::now() + Duration::from_secs(20);
    while let Ok(Some(done)) = tokio::time::timeout_at(home_by, workers.join_next()).await {
        done.unwrap_or_else(|error| log.trouble(format!("somebody fell: {error}")));
    }
    clock_keeper.abort();
    if let (Some(admin), Some(_), Some(_)) = (&admin, options.speed, &options.url) {
        set_speed(admin, &clock, speed_before, &log).await;
    }

    let mut summary = summarize(&world, &verdict, &server, evidence.place_ms.clone());
    summary.riders = riders.len() as u64;
    summary.kitchens = kitchens;
    summary.speed = speed;
    promise::sum_up(&server.orders, &mut summary);
    let evening = log.take();
    service::sum_up(&server.orders, &evening.shifts, &mut summary);
    let troubles = evidence.troubles.into_iter().chain(evening.troubles);
    summary.findings.extend(troubles);
    summary.findings.truncate(100);
    summary.wall_s = (started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    Ok(summary)
}

/// What a run changes on a server that is not its own.
fn announcement(url: &str, speed: Option<f64>) -> String {
    let ahead = speed.filter(|speed| *speed > 1.0).map(|speed| {
        format!(
            " Business time runs {speed} times as fast meanwhile and stays ahead of the wall clock afterwards; the pages \
             show it as demo time."
        )
    });
    format!(
        "The city uses {url}: its cooks and riders serve every order there, also those of other visitors, until it is \
         over.{}",
        ahead.unwrap_or_default()
    )
}

/// Seconds of business time between two orders, on average: what kitchens and riders can just about keep up with.
fn mean_s(options: &CityOptions, riders: usize) -> f64 {
    // Guesses of the trade: a kitchen court takes five orders a minute, a rider one in a quarter of an hour, and
    // three orders in four need a rider.
    let per_rider_s = 0.75 * 15.0 * 60.0 / riders.max(1) as f64;
    options.every_s.unwrap_or_else(|| per_rider_s.max(12.0))
}

/// Seconds of business time that a run takes, about.
fn business_s(options: &CityOptions) -> f64 {
    // The last guest is served a good twenty minutes after coming.
    const LAST_VISIT_S: f64 = 1_300.0;
    f64::from(options.orders) * mean_s(options, options.riders as usize) + LAST_VISIT_S
}

/// How long somebody must wait for the end, and how not to.
fn length(business_s: f64, speed: f64) -> String {
    const LONG_MIN: f64 = 10.0;
    const FASTER: f64 = 20.0;
    let minutes = |speed: f64| (business_s / speed / 60.0).ceil();
    let shorter = if speed < FASTER && minutes(speed) > LONG_MIN {
        format!(" (with --speed {FASTER}: {})", minutes(FASTER))
    } else {
        String::new()
    };
    format!("This takes about {} minutes{shorter}.", minutes(speed))
}

/// Customers come as a Poisson process, at a pace that kitchens and riders can just about keep up with.
async fn arrivals(world: &Arc<World>, riders: usize) -> JoinSet<()> {
    let mut dice = Dice::of(world.options.seed, "arrivals", 0);
    let mean_s = mean_s(&world.options, riders);
    let mut visits = JoinSet::new();
    let mut next = world.clock.now();
    for number in 0..world.options.orders {
        next = next.plus(Duration::from_secs_f64(dice.exponential(mean_s)));
        world.clock.sleep_until(next).await;
        while visits.len() >= VISITS_MAX {
            reap(world, visits.join_next().await);
        }
        while let Some(done) = visits.try_join_next() {
            reap(world, Some(done));
        }
        visits.spawn(customer::visit(Arc::clone(world), number));
        // After a long absence of the server the day is not made up for in one rush.
        next = next.max(world.clock.now().minus(Duration::from_secs_f64(mean_s)));
    }
    visits
}

/// Until each visit is over, or nothing has moved for so long that nothing will.
async fn until_all_ended(world: &World, visits: &mut JoinSet<()>) {
    let since = Instant::now();
    while !visits.is_empty() {
        let moved = world.log.progress_at().unwrap_or(since).max(since);
        let deadline = moved + QUIET + world.clock.wall(QUIET_BUSINESS_S);
        tokio::select! {
            done = visits.join_next() => reap(world, done),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        if Instant::now() >= deadline {
            world.log.trouble(format!("{} visits saw nothing happen for too long and were given up", visits.len()));
            visits.abort_all();
            break;
        }
    }
}

fn reap(world: &World, done: Option<Result<(), tokio::task::JoinError>>) {
    if let Some(Err(error)) = done {
        world.log.trouble(format!("a customer fell: {error}"));
    }
}

fn summarize(world: &World, verdict: &Verdict, server: &verdict::ServerSide, mut place_ms: Vec<f64>) -> Summary {
    let counters = &world.log.counters;
    let now = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let ended = |status: &str| {
        let is = |order: &&verdict::ServerOrder| order.order.as_ref().is_some_and(|order| order["status"] == status);
        server.orders.values().filter(is).count() as u64
    };
    let findings: BTreeSet<&String> =
        [&verdict.lost, &verdict.duplicated, &verdict.gaps, &verdict.stuck].into_iter().flatten().collect();
    Summary {
        seed: world.options.seed,
        policy: world.options.policy,
        placed: now(&counters.placed),
        delivered: ended("delivered"),
        completed: ended("completed"),
        cancelled: ended("cancelled"),
        rejected: ended("rejected"),
        expired: ended("expired"),
        multi_kitchen: now(&counters.multi_kitchen),
        declined_offers: now(&counters.declined_offers),
        reconnects: now(&counters.reconnects),
        stuck: verdict.stuck.len() as u64,
        lost: verdict.lost.len() as u64,
        duplicated: verdict.duplicated.len() as u64,
        gaps: verdict.gaps.len() as u64,
        place_ms_p50: percentile(&mut place_ms, 0.5),
        place_ms_p99: percentile(&mut place_ms, 0.99),
        wanted: u64::from(world.options.orders),
        offers: now(&counters.offers),
        cancellations: now(&counters.cancellations),
        answers: now(&counters.answers),
        retries: now(&counters.retries),
        server_errors: now(&counters.server_errors),
        frames: now(&counters.frames),
        positions: now(&counters.positions),
        fixes: now(&counters.fixes),
        findings: findings.into_iter().cloned().collect(),
        ..Summary::default()
    }
}

/// Names this run: the same seed on the same server must not find its own keys of yesterday.
fn tag() -> String {
    format!("{:x}{:x}", wall_now().as_micros() / 1_000, std::process::id())
}

#[expect(clippy::disallowed_methods, reason = "the city is a program of its own; its day begins by the wall")]
fn wall_now() -> Timestamp {
    jiff::Timestamp::now().into()
}

/// Ctrl-C or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_takes_long_says_how_not_to_wait() {
        assert_eq!(length(3_600.0, 1.0), "This takes about 60 minutes (with --speed 20: 3).");
        assert_eq!(length(3_600.0, 20.0), "This takes about 3 minutes.");
        assert_eq!(length(300.0, 1.0), "This takes about 5 minutes.");
    }
}
