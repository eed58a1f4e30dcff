//! What the matcher is told and what it answers: plain values, no clock, no IO. Moments and spans are whole seconds on
//! one axis of the caller's choice; places are metres on a flat map.

use std::collections::HashSet;

/// A moment or a span, in whole seconds.
pub type Seconds = i64;

/// The name of an order or a courier in the caller's world (a uuid fits).
pub type Key = u128;

/// A point on a flat map, metres east and north of an origin of the caller's choice.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Place {
    /// Metres east.
    pub x: f64,
    /// Metres north.
    pub y: f64,
}

/// How many equally likely instants stand for when food is ready.
pub const LIKELY: usize = 4;

/// How long it takes from one place to another, for a vehicle of ordinary pace.
pub trait Travel {
    /// Seconds from `from` to `to`; never negative, 0 for the same place.
    fn seconds(&self, from: Place, to: Place) -> Seconds;
}

/// The travel time of the published benchmark: the straight line at one speed, each trip rounded up to whole steps.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StraightLine {
    /// Metres covered in one step, above 0.
    pub metres_per_step: f64,
    /// Length of a step, above 0.
    pub step: Seconds,
}

impl Travel for StraightLine {
    #[expect(clippy::cast_possible_truncation, reason = "a trip of 2^63 steps does not fit on the Earth")]
    fn seconds(&self, from: Place, to: Place) -> Seconds {
        let (dx, dy) = (from.x - to.x, from.y - to.y);
        ((dx * dx + dy * dy).sqrt() / self.metres_per_step).ceil() as Seconds * self.step
    }
}

/// Who has an order already, though it is not picked up.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bearer {
    /// Who.
    pub courier: Key,
    /// What giving it to somebody else costs, in seconds of waiting; infinite: it stays.
    pub price: f64,
}

/// An order that is placed and not picked up.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Order {
    /// Its name.
    pub key: Key,
    /// Where it is cooked: a number below [`Snapshot::shops`]' length.
    pub shop: usize,
    /// Where it goes.
    pub door: Place,
    /// When the customer pressed the button.
    pub placed: Seconds,
    /// When the kitchen is expected to have it ready.
    pub ready: Seconds,
    /// How much later (or earlier, below 0) than `ready` it may as likely be, the earliest first; all 0: it is certain.
    pub spread: [Seconds; LIKELY],
    /// How much of a courier's capacity it takes.
    pub size: u32,
    /// When it was promised at the door; what is later costs [`Rules::late_price`] more.
    pub due: Seconds,
    /// Who has it already; `None`: nobody.
    pub bearer: Option<Bearer>,
}

/// What a courier is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Standing {
    /// Waits for an instruction.
    #[default]
    Idle,
    /// Is on its way to [`Courier::shop`] with no order; takes an assignment there, and nothing else before it arrives.
    Moving,
    /// Delivers, and takes an instruction at [`Courier::free`].
    Busy,
    /// Comes on duty at [`Courier::free`].
    Later,
}

/// Who can deliver.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Courier {
    /// Its name.
    pub key: Key,
    /// Where it stands, or will stand at `free`.
    pub at: Place,
    /// When it can leave `at`.
    pub free: Seconds,
    /// No pickup after this.
    pub off: Seconds,
    /// What it is at.
    pub standing: Standing,
    /// The shop it stands at or moves to.
    pub shop: Option<usize>,
    /// When it came, or comes, to `shop`: waiting there counts as having arrived.
    pub arrived: Seconds,
    /// Thousandths of the travel model's seconds that a trip takes it: 1000 is the model's own pace, 2000 half as fast.
    pub pace: i64,
    /// How much it can carry at once.
    pub capacity: u32,
    /// What giving an order to this courier costs beside the customer's waiting, in seconds of it; at least 0. For what
    /// the rules do not know: that it may say no, that it has had more than others.
    pub handicap: f64,
    /// The shop it has set out for, with orders of it to fetch.
    pub heading: Option<usize>,
}

/// The world at one tick.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Snapshot {
    /// Now.
    pub now: Seconds,
    /// Where food is cooked.
    pub shops: Vec<Place>,
    /// Orders no courier is bound to, in any order.
    pub orders: Vec<Order>,
    /// Couriers on duty, still delivering, or coming on duty later, in any order.
    pub couriers: Vec<Courier>,
    /// Orders and couriers that must not meet: the courier has said no.
    pub barred: HashSet<(Key, Key)>,
}

/// What the matcher may be told once. Everything is of the problem; nothing is of a city, a day or a fleet.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rules {
    /// Seconds between two ticks: what is not due before the next one can wait.
    pub tick: Seconds,
    /// From a courier's arrival to the food in hand, and from there to leaving: half of the service each.
    pub pickup_half: Seconds,
    /// From arriving at the door to the handover, and from there to leaving.
    pub dropoff_half: Seconds,
    /// What an order that is never delivered costs, in seconds of waiting.
    pub never: Seconds,
    /// Most orders in one route, 1 to [`super::route::ROUTE_MAX`].
    pub bundle_max: usize,
    /// What a second after [`Order::due`] costs, in seconds of waiting, beside the waiting itself.
    pub late_price: f64,
    /// What sending a courier elsewhere first costs that has set out for a shop ([`Courier::heading`]), seconds of waiting.
    pub turn_price: f64,
}

/// One stop of a route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// Take these orders at their shop.
    Pickup(Vec<Key>),
    /// Hand this order over.
    Dropoff(Key),
}

/// A courier is bound to orders, from now on until the last is delivered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assignment {
    /// Who.
    pub courier: Key,
    /// What, in this sequence.
    pub route: Vec<Stop>,
}

/// A courier is sent to a shop to wait there, bound to no order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Move {
    /// Who.
    pub courier: Key,
    /// Where to: a number below [`Snapshot::shops`]' length.
    pub shop: usize,
    /// Why.
    pub reason: Reason,
}

/// Why a courier is sent somewhere without orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The plan has it pick up there, and to be in time it must leave now.
    Due,
    /// Nothing is planned for it, and the next order is expected to wait less if it stands there.
    Coverage,
}

/// What the plan means to do, not said to anybody yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intent {
    /// Who.
    pub courier: Key,
    /// Its routes, each a list of orders in the sequence of their doors.
    pub routes: Vec<Vec<Key>>,
}

/// When the plan means to serve an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// Which order.
    pub order: Key,
    /// Who.
    pub courier: Key,
    /// Whether it is of the first thing this courier does.
    pub first: bool,
    /// When the courier must leave for the shop at the latest.
    pub leave: Seconds,
    /// When the food is in hand.
    pub pickup: Seconds,
}

/// The answer to one snapshot.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// Bound from now on.
    pub assignments: Vec<Assignment>,
    /// Sent from now on.
    pub moves: Vec<Move>,
    /// The rest of the plan, and the memory of the next tick.
    pub intents: Vec<Intent>,
    /// Orders no courier on the roster can deliver sooner than never.
    pub given_up: Vec<Key>,
    /// When each of the others is meant to be served, bound or not.
    pub timings: Vec<Timing>,
}
