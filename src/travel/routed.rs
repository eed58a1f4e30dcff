//! A router made dependable: places on a grid, times remembered for a while, large tables asked in pieces, a router in
//! trouble left alone, and the estimate for whatever is not known in time.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use foodcourt_actors::travel::{GreatCircle, Table, TravelTimes, Trips, Vehicle};
use futures_util::{FutureExt as _, future::BoxFuture};
use moka::sync::Cache;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    breaker::{Breaker, Change},
    counts::TravelCounts,
    grid::{Cell, Grid},
    router::{Router, RouterError},
};

/// Origins and destinations of one question: OSRM takes 100 places together unless told otherwise, Valhalla 2,500
/// trips.
const SIDE_MAX: usize = 50;

/// How a router is used.
#[derive(Clone, Copy, Debug)]
pub struct RoutedSettings {
    /// Longest wait for an answer; then the estimate is told.
    pub timeout: Duration,
    /// Trips remembered at most.
    pub cache_max: u64,
    /// How long a trip is remembered.
    pub cache_age: Duration,
    /// Side of a grid cell, metres.
    pub grid_m: u32,
}

type Key = (Vehicle, Cell, Cell);

/// Travel times from a router. Cheap to clone.
#[derive(Clone)]
pub struct Routed(Arc<Inner>);

struct Inner {
    router: Arc<dyn Router>,
    estimate: GreatCircle,
    grid: Grid,
    known: Cache<Key, Option<Duration>>,
    breaker: Mutex<Breaker>,
    counts: TravelCounts,
    timeout: Duration,
}

impl Routed {
    /// Times from `router`, and where it gives none from `estimate`.
    #[must_use]
    pub fn new(router: Arc<dyn Router>, estimate: GreatCircle, settings: RoutedSettings, counts: TravelCounts) -> Self {
        let known = Cache::builder().max_capacity(settings.cache_max).time_to_live(settings.cache_age).build();
        let (grid, timeout) = (Grid::new(settings.grid_m), settings.timeout);
        Self(Arc::new(Inner { router, estimate, grid, known, breaker: Mutex::default(), counts, timeout }))
    }

    async fn answer(self, trips: Trips) -> Table {
        let Inner { grid, known, counts, estimate, .. } = &*self.0;
        let cells = |places: &[_]| places.iter().map(|place| grid.cell(*place)).collect::<Vec<_>>();
        let (from, to) = (cells(&trips.from), cells(&trips.to));
        let mut times: HashMap<(Cell, Cell), Option<Duration>> = HashMap::new();
        let (mut rows, mut columns) = (BTreeSet::new(), BTreeSet::new());
        for start in &from {
            for end in to.iter().filter(|end| *end != start) {
                match known.get(&(trips.vehicle, *start, *end)) {
                    Some(takes) => {
                        counts.remembered.inc();
                        times.insert((*start, *end), takes);
                    }
                    None => {
                        rows.insert(*start);
                        columns.insert(*end);
                    }
                }
            }
        }
        let (rows, columns): (Vec<Cell>, Vec<Cell>) = (rows.into_iter().collect(), columns.into_iter().collect());
        for some_rows in rows.chunks(SIDE_MAX) {
            for some_columns in columns.chunks(SIDE_MAX) {
                let Some(table) = self.ask(trips.vehicle, some_rows, some_columns).await else { continue };
                for (start, row) in some_rows.iter().zip(table.rows) {
                    for (end, takes) in some_columns.iter().zip(row) {
                        known.insert((trips.vehicle, *start, *end), takes);
                        times.insert((*start, *end), takes);
                    }
                }
            }
        }
        let cell = |i: usize, j: usize| match times.get(&(from[i], to[j])) {
            Some(takes) => *takes,
            None => {
                // Within one cell the estimate is as good as any answer, and no lack of one.
                if from[i] != to[j] {
                    counts.estimated.inc();
                }
                Some(estimate.takes(trips.vehicle, trips.from[i], trips.to[j]))
            }
        };
        Table { rows: (0..from.len()).map(|i| (0..to.len()).map(|j| cell(i, j)).collect()).collect() }
    }

    /// One question to the router; `None`: it is left alone, or gave no answer.
    async fn ask(&self, vehicle: Vehicle, rows: &[Cell], columns: &[Cell]) -> Option<Table> {
        let Inner { router, grid, counts, timeout, .. } = &*self.0;
        if !self.breaker(|breaker| breaker.lets_through(Instant::now())) {
            return None;
        }
        let middles = |cells: &[Cell]| cells.iter().map(|cell| grid.middle(*cell)).collect();
        let trips = Trips { vehicle, from: middles(rows), to: middles(columns) };
        let answered = tokio::time::timeout(*timeout, router.ask(trips)).await;
        let change = match &answered {
            Ok(Ok(_)) => {
                counts.asked("ok");
                self.breaker(Breaker::went_well)
            }
            Ok(Err(error)) => {
                counts.asked(error.word());
                match error.is_trouble() {
                    true => self.breaker(|breaker| breaker.failed(Instant::now())),
                    false => self.breaker(Breaker::went_well),
                }
            }
            Err(_) => {
                counts.asked("timeout");
                self.breaker(|breaker| breaker.failed(Instant::now()))
            }
        };
        let why = match &answered {
            Ok(Err(error)) => sentence(error),
            _ => format!("it did not answer within {} ms", timeout.as_millis()),
        };
        match change {
            Some(Change::Opened(pause)) => {
                let (name, pause_s) = (router.name(), pause.as_secs());
                warn!(
                    "{name} is in trouble ({why}) and left alone for {pause_s} s or more; travel times are estimated"
                );
            }
            Some(Change::Closed) => info!("{} answers again; travel times are its own", router.name()),
            None => {}
        }
        counts.router_open.set(i64::from(self.breaker(|breaker| breaker.is_open())));
        answered.ok()?.ok()
    }

    fn breaker<T>(&self, with: impl FnOnce(&mut Breaker) -> T) -> T {
        with(&mut self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An error with its causes.
fn sentence(error: &RouterError) -> String {
    let (mut text, mut cause) = (error.to_string(), std::error::Error::source(error));
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

impl TravelTimes for Routed {
    fn table(&self, trips: Trips) -> BoxFuture<'static, Table> {
        self.clone().answer(trips).boxed()
    }
}
