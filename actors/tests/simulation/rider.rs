//! Riders on the streets of the district: they send fixes through the tracker, take offers, decline or ignore them,
//! ride, vanish before pickup or with the food, give deliveries back, and go home in the middle of the day.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use foodcourt_actors::{
    decider::Decider,
    demo::district,
    dispatch::{
        Delivery, DeliveryCommand, DeliveryState, DeliveryStatus as Status, Eta, RiderStep, event::UnassignReason,
        handover::tries_left,
    },
    ids::{DeliveryId, OfferId, PhotoId, RiderId},
    place::Position,
    proof::ProofRequired,
    rider::{Held, Rider, RiderCommand, RiderState, event::Vehicle, tracker::Fix},
    stream::StreamId,
    time::Timestamp,
};

use crate::{client::Person, live::watch, world::World};

/// Seconds between two fixes.
const TICK_S: u64 = 5;

/// What a rider is like; chances in a thousand, each time.
#[derive(Clone, Copy)]
struct Temper {
    word: &'static str,
    declines: u32,
    ignores: u32,
    /// Vanishes for a while once a delivery is confirmed.
    vanishes: u32,
    gives_back: u32,
    /// Never seen again with the food.
    steals: u32,
    /// Ends the shift, per look.
    quits: u32,
}

const TEMPERS: [Temper; 4] = [
    Temper { word: "steady", declines: 20, ignores: 10, vanishes: 0, gives_back: 10, steals: 0, quits: 1 },
    Temper { word: "picky", declines: 450, ignores: 50, vanishes: 30, gives_back: 60, steals: 0, quits: 2 },
    Temper { word: "sleepy", declines: 50, ignores: 400, vanishes: 50, gives_back: 20, steals: 5, quits: 2 },
    Temper { word: "flaky", declines: 100, ignores: 100, vanishes: 250, gives_back: 80, steals: 40, quits: 6 },
];

struct Biker {
    me: Person,
    id: RiderId,
    temper: Temper,
    speed_mps: f64,
    at: Position,
    way: VecDeque<Position>,
    fix_seq: u64,
    unsent: Vec<Fix>,
    /// Nothing is heard of them until then.
    away_until: Timestamp,
    /// What they will do about an offer, and when; `None`: nothing.
    offers: BTreeMap<OfferId, Option<(Timestamp, bool)>>,
    /// The delivery they were last asked to think about.
    jobs: BTreeMap<DeliveryId, ()>,
}

/// One rider's day.
pub async fn run(world: Rc<World>, number: usize) {
    let temper = TEMPERS[number % TEMPERS.len()];
    let mut me = Person::new(&world, format!("{} {number}", temper.word), 3_000 + number as u64);
    let at = district::address(me.dice.below(500)).position;
    let id = world.riders[number];
    watch(&world, StreamId::new(Rider::CATEGORY, id.0), me.dice.fork(1));
    watch(&world, StreamId::new(foodcourt_actors::stream::Category::Inbox, id.0), me.dice.fork(2));
    let speed_mps = 6.0 + me.dice.below(4) as f64;
    let mut biker = Biker {
        me,
        id,
        temper,
        speed_mps,
        at,
        way: VecDeque::new(),
        fix_seq: 0,
        unsent: vec![],
        away_until: world.now(),
        offers: BTreeMap::new(),
        jobs: BTreeMap::new(),
    };
    loop {
        world.sleep_ms(TICK_S * 1_000 - 500 + biker.me.dice.below(1_000)).await;
        if world.now() < biker.away_until {
            continue;
        }
        biker.ride();
        biker.send_fix(&world);
        let Some(seen) = biker.me.look::<Rider>(&world, id.0).await else { continue };
        biker.live(&world, &seen.state).await;
    }
}

impl Biker {
    /// Moves along the way for one tick.
    fn ride(&mut self) {
        let mut left_m = self.speed_mps * TICK_S as f64;
        while let Some(next) = self.way.front().copied() {
            let apart_m = self.at.distance_m(next);
            if apart_m > left_m {
                let part = left_m / apart_m;
                let (lat, lon) = (self.at.lat(), self.at.lon());
                self.at = Position::new(lat + (next.lat() - lat) * part, lon + (next.lon() - lon) * part)
                    .expect("between two points of the district");
                return;
            }
            left_m -= apart_m;
            self.at = next;
            self.way.pop_front();
        }
    }

    /// Whether they stand at `place`; if not, they are on the way there afterwards.
    fn reach(&mut self, place: Position) -> bool {
        if self.at.distance_m(place) < 15.0 {
            return true;
        }
        if self.way.back().is_none_or(|end| end.distance_m(place) > 1.0) {
            self.way = district::route(self.at, place).into();
        }
        false
    }

    /// Tells where they are: usually at once, sometimes late and in a bunch, sometimes twice, sometimes nonsense.
    fn send_fix(&mut self, world: &World) {
        self.fix_seq += 1;
        let dice = &mut self.me.dice;
        let position = if dice.chance(5) { Position::new(52.6, 13.9).expect("on the globe") } else { self.at };
        let fix = Fix {
            seq: self.fix_seq,
            at: world.now(),
            position,
            accuracy_m: 4.0 + dice.below(8) as f64,
            speed_mps: None,
            heading_deg: None,
        };
        self.unsent.push(fix);
        if self.unsent.len() < 8 && dice.chance(80) {
            return; // a tunnel
        }
        let node = self.me.node();
        let Some(view) = world.view(node) else { return };
        let fixes = std::mem::take(&mut self.unsent);
        if self.me.dice.chance(30) {
            view.trackers.take(self.id, fixes.clone());
        }
        view.trackers.take(self.id, fixes);
    }

    /// Until when they mean to ride, if they say so: most do not, and some say it in a time that is over.
    fn says_until(&mut self, world: &World) -> Option<Timestamp> {
        let dice = &mut self.me.dice;
        let minutes = i64::try_from(dice.below(240)).expect("a few hours");
        dice.chance(300).then(|| world.now().plus_min(minutes - 5))
    }

    async fn live(&mut self, world: &Rc<World>, state: &RiderState) {
        if state.shift.is_none() {
            let capacity = 1 + u32::from(self.speed_mps > 7.5);
            let (vehicle, until) = (Vehicle::Scooter, self.says_until(world));
            let command = RiderCommand::StartShift { rider_id: self.id, vehicle, capacity, until };
            self.me.ask::<Rider>(world, self.id.0, command).await;
            return;
        }
        self.answer(world, state).await;
        if let Some(held) = state.held.iter().find(|held| held.job.is_some()).copied() {
            self.bring(world, held).await;
        } else if self.way.is_empty() && state.offers.is_empty() && self.me.dice.chance(100) {
            self.way = district::route(self.at, district::address(self.me.dice.below(500)).position).into();
        }
        if self.me.dice.chance(self.temper.quits) {
            let until = self.says_until(world);
            self.me.ask::<Rider>(world, self.id.0, RiderCommand::MoveEnd { until }).await;
        }
        let is_home_time = state.duty.until.is_some_and(|until| until <= world.now()) && state.held.is_empty();
        if is_home_time || self.me.dice.chance(self.temper.quits) {
            let told = self.me.ask::<Rider>(world, self.id.0, RiderCommand::EndShift).await;
            if told.is_yes() {
                world.count("riders went home early");
                self.rest(world, 300, 900);
            }
        }
    }

    fn rest(&mut self, world: &World, at_least_s: i64, at_most_s: i64) {
        let span_s = u64::try_from(at_most_s - at_least_s).unwrap_or(0);
        let more_s = i64::try_from(self.me.dice.below(span_s)).unwrap_or(0);
        self.away_until = world.now().plus_s(at_least_s + more_s);
        world.note(|| format!("{:<10} is away until {}", self.me.name, self.away_until));
    }

    /// Thinks about each offer once, and answers when done thinking.
    async fn answer(&mut self, world: &Rc<World>, state: &RiderState) {
        let now = world.now();
        let strikes = world.strike.is_some_and(|(from, to)| from <= now && now < to);
        for offer in &state.offers {
            let (dice, temper) = (&mut self.me.dice, self.temper);
            let plan = *self.offers.entry(offer.offer_id).or_insert_with(|| {
                let think_s = if dice.chance(80) { 36 + dice.below(7) } else { 1 + dice.below(20) };
                let at = now.plus_s(i64::try_from(think_s).unwrap_or(0));
                if dice.chance(temper.ignores) { None } else { Some((at, !strikes && !dice.chance(temper.declines))) }
            });
            let Some((_, takes)) = plan.filter(|(at, _)| *at <= now) else { continue };
            let offer_id = offer.offer_id;
            let command =
                if takes { RiderCommand::AcceptOffer { offer_id } } else { RiderCommand::DeclineOffer { offer_id } };
            self.me.ask::<Rider>(world, self.id.0, command).await;
        }
        // A thumb on an old notification.
        if self.me.dice.chance(3) {
            let offer_id = self.offers.keys().next().copied().unwrap_or(OfferId(self.id.0));
            self.me.ask::<Rider>(world, self.id.0, RiderCommand::AcceptOffer { offer_id }).await;
        }
    }

    /// The next thing to do for the delivery in the bag.
    async fn bring(&mut self, world: &Rc<World>, held: Held) {
        let (Some(job), id) = (held.job, held.delivery_id) else { return };
        if self.jobs.insert(id, ()).is_none() {
            if self.me.dice.chance(self.temper.vanishes) {
                world.count("riders vanished before pickup");
                return self.rest(world, 240, 900);
            }
            if self.me.dice.chance(self.temper.gives_back) {
                return self.give_back(world, id).await;
            }
        }
        let Some(seen) = self.me.look::<Delivery>(world, id.0).await else { return };
        self.foretell(world, &seen.state).await;
        let step = match seen.state.status() {
            Some(Status::Confirmed) if self.me.dice.chance(300) => RiderStep::EnrouteToPickup,
            Some(Status::Confirmed | Status::EnrouteToPickup) if self.me.dice.chance(4) => RiderStep::Delivered,
            Some(Status::Confirmed | Status::EnrouteToPickup) if self.reach(held.pickup) => RiderStep::ArrivedAtPickup,
            Some(Status::ArrivedAtPickup) if seen.state.ready || self.me.dice.chance(20) => RiderStep::PickedUp,
            Some(Status::PickedUp) if self.me.dice.chance(300) => RiderStep::EnrouteToDropoff,
            Some(Status::PickedUp | Status::EnrouteToDropoff) if self.me.dice.chance(5) => {
                return self.give_back(world, id).await;
            }
            Some(Status::PickedUp | Status::EnrouteToDropoff) if self.reach(job.dropoff) => RiderStep::ArrivedAtDropoff,
            Some(Status::ArrivedAtDropoff) => return self.hand_over(world, &seen.state).await,
            _ => return,
        };
        self.step(world, id, step).await;
        if step == RiderStep::PickedUp && self.me.dice.chance(self.temper.steals) {
            world.count("riders vanished with the food");
            self.rest(world, 10 * 3_600, 11 * 3_600);
        }
    }

    /// What a node makes of their positions: when they should be there, and that they nearly are.
    async fn foretell(&mut self, world: &Rc<World>, state: &DeliveryState) {
        let (Some(asked), Some(leg)) = (&state.request, state.status()) else { return };
        let (rider_id, now) = (self.id, world.now());
        let later = |s: u64| now.plus_s(i64::try_from(s).unwrap_or(0));
        if self.me.dice.chance(60) {
            let (to_court_s, to_door_s) = (self.me.dice.below(600), 600 + self.me.dice.below(900));
            let pickup_at = (leg < Status::ArrivedAtPickup).then(|| later(to_court_s));
            let eta = Eta { pickup_at, dropoff_at: later(to_door_s) };
            let command = DeliveryCommand::NoteEta { rider_id, eta, moved_by_s: 90 };
            self.me.ask::<Delivery>(world, asked.delivery_id.0, command).await;
        }
        if leg >= Status::PickedUp && self.at.distance_m(asked.dropoff) < 300.0 && self.me.dice.chance(500) {
            let command = DeliveryCommand::NoteImminent { rider_id, dropoff_at: later(60) };
            self.me.ask::<Delivery>(world, asked.delivery_id.0, command).await;
        }
    }

    /// At the door: by word, PIN or photo, as it was asked for; now and then it is forgotten, mistyped, or staff vouch.
    async fn hand_over(&mut self, world: &Rc<World>, state: &DeliveryState) {
        let Some(asked) = &state.request else { return };
        let (id, rider_id) = (asked.delivery_id, self.id);
        let photo = DeliveryCommand::NotePhoto { rider_id, photo_id: PhotoId::of(id, [7; 32]) };
        let shown = state.photo_id.is_some() || state.proof_waived;
        let command = match asked.proof {
            _ if shown || self.me.dice.chance(50) => None,
            ProofRequired::Nothing => None,
            _ if self.me.dice.chance(50) => Some(DeliveryCommand::WaiveProof),
            ProofRequired::Pin if tries_left(state) > 0 => {
                Some(DeliveryCommand::EnterPin { rider_id, right: self.me.dice.chance(500), command_id: None })
            }
            ProofRequired::Pin | ProofRequired::Photo => Some(photo),
        };
        match command {
            Some(command) => drop(self.me.ask::<Delivery>(world, id.0, command).await),
            None => self.step(world, id, RiderStep::Delivered).await,
        }
    }

    async fn step(&mut self, world: &Rc<World>, id: DeliveryId, step: RiderStep) {
        let command = DeliveryCommand::Step { rider_id: self.id, step };
        self.me.ask::<Delivery>(world, id.0, command).await;
    }

    async fn give_back(&mut self, world: &Rc<World>, id: DeliveryId) {
        let command = DeliveryCommand::Unassign { rider_id: self.id, reason: UnassignReason::GaveBack };
        self.me.ask::<Delivery>(world, id.0, command).await;
        // They have not heard yet that it worked, and go on.
        self.step(world, id, RiderStep::ArrivedAtPickup).await;
    }
}
