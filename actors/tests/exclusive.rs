//! One delivery, one rider; one bag, no more than fits: by construction, however the two services' facts cross.
//! Both deciders and both policies run here, each service reading the other's facts late, in any order of streams,
//! and sometimes again.

use std::{cell::RefCell, collections::BTreeMap};

use foodcourt_actors::{
    decider::Decider,
    dispatch::{
        self, Delivery, DeliveryCommand, DeliveryState, DispatchPolicy,
        event::{Candidate, Requested},
    },
    event::{Event, Recorded},
    ids::{CourtId, DeliveryId, OfferId, OrderId, RiderId, UserId},
    place::Position,
    reactor::Policy,
    rider::{Rider, RiderCommand, RiderPolicy, RiderState, event::Vehicle},
    stream::StreamId,
    time::Timestamp,
};
use proptest::{prelude::*, test_runner::TestRunner};
use uuid::Uuid;

const NOON: Timestamp = Timestamp::from_micros(1_772_366_400_000_000);

/// The journal of a small world, and how far each service has read each stream.
#[derive(Default)]
struct World {
    now: Timestamp,
    deliveries: BTreeMap<Uuid, DeliveryState>,
    riders: BTreeMap<Uuid, RiderState>,
    facts: BTreeMap<StreamId, Vec<Recorded>>,
    read: BTreeMap<StreamId, usize>,
}

fn append<D: Decider>(
    facts: &mut BTreeMap<StreamId, Vec<Recorded>>,
    state: &mut D::State,
    id: Uuid,
    wish: &D::Command,
    now: Timestamp,
) -> bool {
    let Ok(events) = D::decide(state, wish, now) else { return false };
    let stream = StreamId::new(D::CATEGORY, id);
    let written = facts.entry(stream).or_default();
    for event in &events {
        D::evolve(state, event, now);
        let version = u64::try_from(written.len()).expect("short") + 1;
        written.push(Recorded {
            position: 0,
            stream,
            version,
            event_id: Uuid::from_u128(u128::from(version)),
            kind: event.kind().into(),
            body: event.encode().into(),
            at: now,
            cause: None,
            correlation: Uuid::nil(),
        });
    }
    true
}

impl World {
    fn delivery(&mut self, id: Uuid, wish: &DeliveryCommand) -> bool {
        append::<Delivery>(&mut self.facts, self.deliveries.entry(id).or_default(), id, wish, self.now)
    }
    fn rider(&mut self, id: Uuid, wish: &RiderCommand) -> bool {
        append::<Rider>(&mut self.facts, self.riders.entry(id).or_default(), id, wish, self.now)
    }
    /// One service acts on the fact `index` of `stream`.
    fn react(&mut self, stream: StreamId, index: usize) {
        let fact = self.facts[&stream][index].clone();
        for (id, wish) in DispatchPolicy::react(&fact).expect("a fact can be read") {
            self.delivery(id, &wish);
        }
        for (id, wish) in RiderPolicy::react(&fact).expect("a fact can be read") {
            self.rider(id, &wish);
        }
    }
    /// The next unread fact of the `pick`-th stream that has one.
    fn read_one(&mut self, pick: usize) -> bool {
        let behind: Vec<StreamId> = self
            .facts
            .iter()
            .filter(|(stream, facts)| self.read.get(stream).copied().unwrap_or(0) < facts.len())
            .map(|(stream, _)| *stream)
            .collect();
        let Some(stream) = behind.get(pick % behind.len().max(1)).copied() else { return false };
        let index = self.read.get(&stream).copied().unwrap_or(0);
        self.react(stream, index);
        self.read.insert(stream, index + 1);
        true
    }
    fn read_all(&mut self) {
        while self.read_one(0) {}
    }
    fn count(&self, kind: &str) -> usize {
        self.facts.values().flatten().filter(|fact| &*fact.kind == kind).count()
    }
    /// I5: no bag over capacity, and nobody but the bearer has a delivery confirmed, once all is read.
    fn check_bags(&self) {
        for rider in self.riders.values() {
            let capacity = rider.shift.map_or(0, |shift| shift.capacity);
            assert!(rider.held.len() <= capacity as usize, "{rider:?}");
        }
    }
    fn check_at_rest(&self) {
        for (id, delivery) in &self.deliveries {
            let holders: Vec<RiderId> = self
                .riders
                .values()
                .filter(|rider| rider.held.iter().any(|held| held.delivery_id.0 == *id))
                .filter_map(|rider| rider.rider_id)
                .collect();
            let bearer = delivery.bearer.filter(|bearer| delivery.is_brought_by(bearer.rider_id));
            assert_eq!(holders, bearer.map(|bearer| bearer.rider_id).into_iter().collect::<Vec<_>>(), "{delivery:?}");
        }
    }
}

fn rider_id(n: u128) -> RiderId {
    UserId(Uuid::from_u128(1_000 + n))
}
fn delivery_id(n: u128) -> DeliveryId {
    DeliveryId(Uuid::from_u128(n))
}
fn request(n: u128) -> DeliveryCommand {
    let place = |lat| Position::new(lat, 13.4).expect("on the globe");
    DeliveryCommand::Request(Requested {
        delivery_id: delivery_id(n),
        order_id: OrderId(Uuid::from_u128(500 + n)),
        court_id: CourtId(Uuid::nil()),
        pickup: place(52.52),
        dropoff: place(52.53),
        ready_at: NOON,
        promised_at: NOON.plus_min(20),
        assign_by: NOON.plus_min(600),
        proof: Default::default(),
    })
}
fn start(n: u128, capacity: u32) -> RiderCommand {
    RiderCommand::StartShift { rider_id: rider_id(n), vehicle: Vehicle::Bicycle, capacity, until: None }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// A hundred riders say yes to one delivery, each to an offer of their own, in any order, with offers expiring in
    /// between: exactly one has it, every other one is refused and free again.
    #[test]
    fn of_a_hundred_riders_one_gets_it(order in Just((0..100u128).collect::<Vec<_>>()).prop_shuffle(), late in 0..100usize) {
        let mut world = World { now: NOON, ..World::default() };
        let id = delivery_id(1).0;
        world.delivery(id, &request(1));
        world.delivery(id, &DeliveryCommand::StartSearch);
        for n in 0..100 {
            world.rider(rider_id(n).0, &start(n, 1));
        }
        // Every rider is asked in a round of their own; nobody's yes is read until all but the last have expired.
        for n in 0..100u128 {
            let round = world.deliveries[&id].round;
            let near = vec![Candidate { rider_id: rider_id(n), distance_m: 100, travel_s: None }];
            let answer = DeliveryCommand::NoteCandidates { round, candidates: near, at_once: 1 };
            prop_assert!(world.delivery(id, &answer));
            let delivery = StreamId::new(Delivery::CATEGORY, id);
            let last = world.facts[&delivery].len();
            world.react(delivery, last - 1); // the rider hears of the offer
            let offer_id = OfferId::of(delivery_id(1), rider_id(n), round);
            let yes = RiderCommand::AcceptOffer { offer_id };
            prop_assert!(world.rider(rider_id(n).0, &yes), "rider {} may say yes", n);
            if n < 99 {
                world.now = world.now.plus_s(60);
                prop_assert!(world.delivery(id, &DeliveryCommand::ExpireOffer));
            }
        }
        for n in order.iter().copied().chain(order.iter().take(late).copied()) {
            let stream = StreamId::new(Rider::CATEGORY, rider_id(n).0);
            for index in 0..world.facts[&stream].len() {
                world.react(stream, index);
            }
        }
        world.read_all();
        prop_assert_eq!(world.count("delivery.assigned"), 1);
        prop_assert_eq!(world.count("delivery.assignment_refused"), 99);
        prop_assert_eq!(world.count("rider.delivery_released"), 99);
        world.check_bags();
        world.check_at_rest();
    }
}

/// Plays `moves` out, checking the bags after each.
fn play(moves: Vec<(u8, u16, i64)>) -> World {
    let mut world = World { now: NOON, ..World::default() };
    for n in 0..4 {
        world.delivery(delivery_id(n).0, &request(n));
    }
    for n in 0..3 {
        world.rider(rider_id(n).0, &start(n, 1 + u32::try_from(n).expect("small")));
    }
    for (what, seed, wait_s) in moves {
        world.now = world.now.plus_s(wait_s);
        let (delivery, rider) = (delivery_id(u128::from(seed % 4)), rider_id(u128::from(seed / 4 % 3)));
        match what {
            0..=9 => {
                world.read_one(usize::from(seed));
            }
            10 => {
                // An old fact is read again, with all that followed it in its stream (a cursor goes back).
                let streams: Vec<StreamId> = world.facts.keys().copied().collect();
                let stream = streams[usize::from(seed) % streams.len()];
                let read = world.read.get(&stream).copied().unwrap_or(0);
                for index in usize::from(seed / 16) % (read + 1)..read {
                    world.react(stream, index);
                    world.check_bags();
                }
            }
            11..=13 => {
                let round = world.deliveries[&delivery.0].round;
                let candidates = (0..3)
                    .map(|n| Candidate { rider_id: rider_id(n), distance_m: u32::from(seed) % 97, travel_s: None })
                    .collect();
                world.delivery(
                    delivery.0,
                    &DeliveryCommand::NoteCandidates { round, candidates, at_once: 1 + u32::from(seed) % 3 },
                );
            }
            14..=16 => {
                if let Some(due) = Delivery::deadline(&world.deliveries[&delivery.0]).filter(|due| due.at <= world.now)
                {
                    world.delivery(delivery.0, &due.command);
                }
            }
            17..=20 => {
                let open = world.riders[&rider.0].offers.first().map(|offer| offer.offer_id);
                if let Some(offer_id) = open {
                    let wish = if seed % 7 == 0 {
                        RiderCommand::DeclineOffer { offer_id }
                    } else {
                        RiderCommand::AcceptOffer { offer_id }
                    };
                    world.rider(rider.0, &wish);
                }
            }
            22 => {
                let near = |rider_id| Candidate { rider_id, distance_m: 90, travel_s: None };
                let bearer = world.deliveries[&delivery.0].bearer.map_or(rider, |bearer| bearer.rider_id);
                let (chosen, candidates) = (rider, vec![near(rider)]);
                world.delivery(delivery.0, &DeliveryCommand::AskBetter { bearer, later_s: 60, chosen, candidates });
            }
            21 => {
                let reason = dispatch::event::UnassignReason::GaveBack;
                world.delivery(delivery.0, &DeliveryCommand::Unassign { rider_id: rider, reason });
            }
            _ => {
                let wish = if seed % 9 == 0 { RiderCommand::EndShift } else { start(rider.0.as_u128() - 1_000, 1) };
                world.rider(rider.0, &wish);
            }
        }
        world.check_bags();
    }
    world.read_all();
    world.check_bags();
    world.check_at_rest();
    world
}

/// A few riders and deliveries, everything crossing: bags never overflow on the way, and at rest every place held
/// belongs to the one who brings it.
#[test]
fn bags_never_overflow_however_facts_cross() {
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) });
    let seen = RefCell::new(BTreeMap::<String, usize>::new());
    let moves = proptest::collection::vec((0..24u8, any::<u16>(), 0..6i64), 0..600);
    let outcome = runner.run(&moves, |moves| {
        for fact in play(moves).facts.values().flatten() {
            *seen.borrow_mut().entry(fact.kind.to_string()).or_default() += 1;
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    // A test that never reaches the interesting facts would prove nothing.
    let seen = seen.into_inner();
    for kind in [
        "delivery.assigned",
        "delivery.assignment_refused",
        "delivery.unassigned",
        "rider.delivery_released",
        "offer.declined",
    ] {
        assert!(seen.get(kind).is_some_and(|count| *count > 10), "{kind} hardly ever happened: {seen:?}");
    }
}
