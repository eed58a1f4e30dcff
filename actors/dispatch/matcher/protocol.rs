//! The benchmark's line protocol, version 1, in front of the matcher: one JSON object in, one out. Reads no stream
//! itself. Liberal in what it reads (unknown fields are skipped), exact in what it writes.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    Courier, Key, Matcher, Order, Place, Plan, Rules, Seconds, Snapshot, Standing, Stop, StraightLine, Tuning,
    route::ROUTE_MAX,
};

const VERSION: u32 = 1;
/// The protocol counts whole minutes.
const MINUTE: Seconds = 60;

/// Why a line could not be answered. The speaker is at fault and should not go on.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// Not JSON, or not of a known shape.
    #[error("line {line} is no message of the protocol: {source}")]
    Nonsense {
        /// Counted from 1.
        line: u64,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// A message out of turn.
    #[error("line {line}: expected {expected}")]
    OutOfTurn {
        /// Counted from 1.
        line: u64,
        /// What should have come.
        expected: &'static str,
    },
    /// A value that makes no sense.
    #[error("line {line}: {what}")]
    Impossible {
        /// Counted from 1.
        line: u64,
        /// Which.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Message {
    Init(Init),
    Epoch(Epoch),
    End,
}

#[derive(Deserialize)]
struct Init {
    protocol: u32,
    #[serde(default = "one")]
    every: f64,
    params: Params,
    restaurants: Vec<Restaurant>,
    couriers: Vec<Enrolled>,
}

const fn one() -> f64 {
    1.0
}

#[derive(Deserialize)]
struct Params {
    meters_per_minute: f64,
    pickup_service: f64,
    dropoff_service: f64,
    max_ctd: f64,
}

#[derive(Deserialize)]
struct Restaurant {
    id: String,
    x: f64,
    y: f64,
}

#[derive(Deserialize)]
struct Enrolled {
    id: String,
    x: f64,
    y: f64,
    on: f64,
    off: f64,
}

#[derive(Deserialize)]
struct Epoch {
    t: serde_json::Number,
    orders: Vec<Placed>,
    couriers: Vec<Seen>,
}

#[derive(Deserialize)]
struct Placed {
    id: String,
    restaurant: String,
    rx: f64,
    ry: f64,
    x: f64,
    y: f64,
    placed: f64,
    ready: f64,
}

#[derive(Deserialize)]
struct Seen {
    id: String,
    x: f64,
    y: f64,
    status: Status,
    free_at: f64,
    off_at: f64,
    restaurant: Option<String>,
    arrived: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Idle,
    Moving,
    Busy,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Greeting {
    Ready { protocol: u32 },
}

#[derive(Serialize)]
struct Reply<'a> {
    t: &'a serde_json::Number,
    assignments: Vec<Told<'a>>,
    moves: Vec<Sent<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    courier: &'a str,
    route: Vec<Leg<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Leg<'a> {
    Pickup(Vec<&'a str>),
    Dropoff(&'a str),
}

#[derive(Serialize)]
struct Sent<'a> {
    courier: &'a str,
    restaurant: &'a str,
}

/// The names of the other side, numbered in the order of their first appearance.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, usize>,
    names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), self.names.len() - 1);
        self.names.len() - 1
    }
    fn key(&mut self, name: &str) -> Key {
        self.number(name) as Key
    }
    fn of(&self, key: Key) -> &str {
        &self.names[usize::try_from(key).expect("keys are made of numbers")]
    }
}

/// A day's conversation.
pub struct Session {
    tuning: Tuning,
    line: u64,
    day: Option<Day>,
}

struct Day {
    matcher: Matcher,
    travel: StraightLine,
    roster: Vec<Enrolled>,
    shops: Vec<Place>,
    shop_names: Names,
    order_names: Names,
    courier_names: Names,
}

impl Session {
    /// A conversation in which nothing was said yet.
    #[must_use]
    pub fn new(tuning: Tuning) -> Self {
        Self { tuning, line: 0, day: None }
    }

    /// The reply to a line, without its line feed; nothing after the last message.
    ///
    /// # Errors
    /// [`ProtocolError`] if the line is not what the protocol has here.
    pub fn answer(&mut self, line: &str) -> Result<Option<String>, ProtocolError> {
        self.line += 1;
        let at = self.line;
        let message = serde_json::from_str(line).map_err(|source| ProtocolError::Nonsense { line: at, source })?;
        let written = match (message, &mut self.day) {
            (Message::Init(init), None) => {
                self.day =
                    Some(Day::begin(init, self.tuning).map_err(|what| ProtocolError::Impossible { line: at, what })?);
                serde_json::to_string(&Greeting::Ready { protocol: VERSION })
            }
            (Message::Init(_), Some(_)) => {
                return Err(ProtocolError::OutOfTurn { line: at, expected: "an epoch or the end, the day has begun" });
            }
            (Message::Epoch(epoch), Some(day)) => {
                let snapshot = day.snapshot(&epoch);
                let plan = day.matcher.tick(&snapshot, &day.travel);
                serde_json::to_string(&day.reply(&epoch.t, &plan))
            }
            (Message::Epoch(_), None) => return Err(ProtocolError::OutOfTurn { line: at, expected: "init first" }),
            (Message::End, _) => return Ok(None),
        };
        Ok(Some(written.expect("a reply is plain data and always serializes")))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a day's minutes; a cast saturates")]
fn seconds(minutes: f64) -> Seconds {
    (minutes * MINUTE as f64).round() as Seconds
}

impl Day {
    fn begin(init: Init, tuning: Tuning) -> Result<Self, String> {
        if init.protocol != VERSION {
            return Err(format!("protocol {} is not spoken here, {VERSION} is", init.protocol));
        }
        let Params { meters_per_minute, pickup_service, dropoff_service, max_ctd } = init.params;
        for (name, value) in [("meters_per_minute", meters_per_minute), ("every", init.every), ("max_ctd", max_ctd)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(format!("{name} is {value}, it must be above 0"));
            }
        }
        let mut shop_names = Names::default();
        let mut shops = Vec::new();
        for shop in &init.restaurants {
            if shop_names.number(&shop.id) == shops.len() {
                shops.push(Place { x: shop.x, y: shop.y });
            }
        }
        let rules = Rules {
            tick: seconds(init.every),
            pickup_half: seconds(pickup_service) / 2,
            dropoff_half: seconds(dropoff_service) / 2,
            never: 2 * seconds(max_ctd),
            bundle_max: ROUTE_MAX,
            late_price: 0.0,
            turn_price: 0.0,
        };
        Ok(Self {
            matcher: Matcher::new(rules, tuning),
            travel: StraightLine { metres_per_step: meters_per_minute, step: MINUTE },
            roster: init.couriers,
            shops,
            shop_names,
            order_names: Names::default(),
            courier_names: Names::default(),
        })
    }

    fn shop(&mut self, name: &str, at: Place) -> usize {
        let number = self.shop_names.number(name);
        if number == self.shops.len() {
            self.shops.push(at);
        }
        number
    }

    fn snapshot(&mut self, epoch: &Epoch) -> Snapshot {
        let minutes = epoch.t.as_f64().unwrap_or_default();
        let orders = epoch.orders.iter().map(|order| Order {
            key: self.order_names.key(&order.id),
            shop: self.shop(&order.restaurant, Place { x: order.rx, y: order.ry }),
            door: Place { x: order.x, y: order.y },
            placed: seconds(order.placed),
            ready: seconds(order.ready),
            size: 1,
            ..Order::default()
        });
        let orders = orders.collect();
        let mut couriers = Vec::with_capacity(self.roster.len());
        for seen in &epoch.couriers {
            let at = Place { x: seen.x, y: seen.y };
            let free = seconds(seen.free_at);
            let shop = seen.restaurant.as_deref().map(|name| self.shop(name, at));
            couriers.push(Courier {
                key: self.courier_names.key(&seen.id),
                at,
                free,
                off: seconds(seen.off_at),
                standing: match seen.status {
                    Status::Idle => Standing::Idle,
                    Status::Moving => Standing::Moving,
                    Status::Busy => Standing::Busy,
                },
                shop,
                arrived: seen.arrived.map_or(free, seconds),
                pace: 1000,
                capacity: u32::MAX,
                ..Courier::default()
            });
        }
        for later in self.roster.iter().filter(|courier| courier.on > minutes) {
            couriers.push(Courier {
                key: self.courier_names.key(&later.id),
                at: Place { x: later.x, y: later.y },
                free: seconds(later.on),
                off: seconds(later.off),
                standing: Standing::Later,
                shop: None,
                arrived: 0,
                pace: 1000,
                capacity: u32::MAX,
                ..Courier::default()
            });
        }
        Snapshot { now: seconds(minutes), shops: self.shops.clone(), orders, couriers, barred: Default::default() }
    }

    fn reply<'a>(&'a self, t: &'a serde_json::Number, plan: &Plan) -> Reply<'a> {
        let order = |key: &Key| self.order_names.of(*key);
        let told = plan.assignments.iter().map(|task| Told {
            courier: self.courier_names.of(task.courier),
            route: task
                .route
                .iter()
                .map(|stop| match stop {
                    Stop::Pickup(keys) => Leg::Pickup(keys.iter().map(order).collect()),
                    Stop::Dropoff(key) => Leg::Dropoff(order(key)),
                })
                .collect(),
        });
        let sent = plan.moves.iter().map(|sent| Sent {
            courier: self.courier_names.of(sent.courier),
            restaurant: self.shop_names.of(sent.shop as Key),
        });
        Reply { t, assignments: told.collect(), moves: sent.collect() }
    }
}
