//! Dispatch and riders whole, in virtual time: entities, policies, the search, the zone and the riders' fixes, on the
//! memory journal.

#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use foodcourt_actors::{
    ask::Wish,
    decider::Origin,
    directory::Directory,
    dispatch::{
        Delivery, DeliveryCommand, DeliveryState, DeliveryStatus, DispatchPolicy, RiderStep,
        effect::{Answers, Recorder, SearchEffect, SilenceEffect},
        event::{DeliveryEvent, Requested},
        known::Bags,
        live::PlanSettings,
        planner::Planner,
        record::{Bar, Decision, News, Policy, Records, Said, Tick},
        rules::DispatchRules,
        zone::{Zone, ZoneDoor},
    },
    event::Recorded,
    ids::{CourtId, DeliveryId, OrderId, RiderId, UserId},
    memory::MemoryWorld,
    place::{LocalMap, Position},
    ports::Kernel,
    reactor::{Choreography, Reactor},
    rider::{
        Rider, RiderCommand, RiderPolicy, RiderState,
        event::Vehicle,
        tracker::Fix,
        trackers::{PositionSink, Trackers},
    },
    time::Timestamp,
};
use futures_util::future::join_all;
use tokio::sync::watch;
use uuid::Uuid;

#[path = "dispatch/asking.rs"]
mod asking;
#[path = "dispatch/search.rs"]
mod search;
#[path = "dispatch/zone.rs"]
mod zone;

fn on_virtual_time<F: Future>(test: F) -> F::Output {
    let system = actix::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    });
    system.block_on(test)
}

fn rider_id(n: u128) -> RiderId {
    UserId(Uuid::from_u128(1_000 + n))
}
fn delivery_id(n: u128) -> DeliveryId {
    DeliveryId(Uuid::from_u128(n))
}
fn court() -> Position {
    Position::new(52.52, 13.40).unwrap()
}
fn east(metres: f64) -> Position {
    LocalMap::around(court()).to_position([metres, 0.0])
}
const ORIGIN: Origin = Origin { cause: None, correlation: Uuid::nil() };

/// Every tick, in memory.
#[derive(Default)]
struct Noted(Mutex<Vec<Tick>>);

impl Records for Noted {
    fn ticked(&self, tick: Tick) {
        self.0.lock().unwrap().push(tick);
    }
}

fn open_zone(kernel: &Kernel, deliveries: &Directory<Delivery>, riders: &Directory<Rider>) -> ZoneDoor {
    let silences = Arc::new(SilenceEffect::new(kernel.clone(), deliveries.clone()));
    let bags = Bags::new(riders.clone(), deliveries.clone());
    Zone::open(court(), Arc::clone(&kernel.clock), bags, silences, None)
}

struct Town {
    noted: Arc<Noted>,
    world: MemoryWorld,
    deliveries: Directory<Delivery>,
    riders: Directory<Rider>,
    zone: ZoneDoor,
    trackers: Trackers,
    _stop: watch::Sender<bool>,
}

impl Town {
    fn new(seed: u64) -> Self {
        Self::planned(seed, None)
    }
    fn planned(seed: u64, settings: Option<PlanSettings>) -> Self {
        Self::asking(seed, settings, 1)
    }
    fn asking(seed: u64, settings: Option<PlanSettings>, ask_at_once: u32) -> Self {
        let settings = settings.map(|settings| PlanSettings { ask_at_once, ..settings });
        let world = MemoryWorld::new(seed);
        let kernel = world.kernel.clone();
        let deliveries = Directory::<Delivery>::start(&kernel, &[]);
        let riders = Directory::<Rider>::start(&kernel, &[]);
        let zone = open_zone(&kernel, &deliveries, &riders);
        let sinks: Vec<Arc<dyn PositionSink>> = vec![Arc::new(zone.clone())];
        let trackers = Trackers::new(Arc::clone(&kernel.clock), sinks);
        let (noted, clock) = (Arc::<Noted>::default(), Arc::clone(&kernel.clock));
        let recorder = Recorder { records: noted.clone(), clock, settings: settings.unwrap_or_default() };
        let answers = Answers::new(Arc::new(zone.clone()), deliveries.clone()).asking(ask_at_once);
        let answers = answers.recorded_by(Some(recorder));
        let planner = settings.map(|settings| {
            let surveys = Arc::new(zone.clone());
            Planner::open(court(), Arc::clone(&kernel.clock), surveys, answers.clone(), settings, None)
        });
        let (stop, stopped) = watch::channel(false);
        let reactor = Reactor::new(kernel.clone(), Arc::new(world.cursors.clone()))
            .consumer(Choreography::<DispatchPolicy>::new(deliveries.clone()))
            .consumer(Choreography::<RiderPolicy>::new(riders.clone()))
            .consumer(SearchEffect::new(kernel, answers).with_planner(planner.clone()))
            .tap(Arc::new(zone.clone()));
        let reactor = planner.into_iter().fold(reactor, |reactor, planner| reactor.tap(Arc::new(planner)));
        actix::spawn(reactor.run(stopped));
        Self { noted, world, deliveries, riders, zone, trackers, _stop: stop }
    }
    fn now(&self) -> Timestamp {
        self.world.kernel.clock.now()
    }
    async fn on_shift(&self, n: u128, capacity: u32) {
        let start =
            RiderCommand::StartShift { rider_id: rider_id(n), vehicle: Vehicle::Bicycle, capacity, until: None };
        self.riders.ask(rider_id(n).0, Wish::new(start, ORIGIN)).await.unwrap();
    }
    fn fix(&self, n: u128, position: Position) {
        let at = self.now();
        let seq = u64::try_from(at.as_micros() / 1_000).unwrap();
        let fix = Fix { seq, at, position, accuracy_m: 5.0, speed_mps: None, heading_deg: None };
        assert_eq!(self.trackers.take(rider_id(n), vec![fix]).accepted, 1);
    }
    /// Everyone in `riders` stands still and sends fixes for `seconds`.
    async fn pass(&self, seconds: u64, riders: &[(u128, f64)]) {
        for s in 0..seconds {
            if s % 5 == 0 {
                riders.iter().for_each(|(n, metres)| self.fix(*n, east(*metres)));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    async fn request(&self, n: u128) {
        self.request_for(n, 0).await;
    }
    /// Food that is ready in `ready_in_s`.
    async fn request_for(&self, n: u128, ready_in_s: i64) {
        let now = self.now().plus_s(ready_in_s);
        let request = Requested {
            delivery_id: delivery_id(n),
            order_id: OrderId(Uuid::from_u128(500 + n)),
            court_id: CourtId(Uuid::nil()),
            pickup: court(),
            dropoff: east(2_000.0),
            ready_at: now,
            promised_at: now.plus_min(20),
            assign_by: DispatchRules::assign_by(now, now),
            proof: Default::default(),
        };
        self.command(n, DeliveryCommand::Request(request)).await;
    }
    async fn command(&self, n: u128, command: DeliveryCommand) {
        self.deliveries.ask(delivery_id(n).0, Wish::new(command, ORIGIN)).await.unwrap();
    }
    async fn delivery(&self, n: u128) -> Arc<DeliveryState> {
        self.deliveries.look(delivery_id(n).0).await.unwrap().state
    }
    async fn rider(&self, n: u128) -> Arc<RiderState> {
        self.riders.look(rider_id(n).0).await.unwrap().state
    }
    async fn accept_all(&self, n: u128) {
        for offer in &self.rider(n).await.offers {
            let yes = RiderCommand::AcceptOffer { offer_id: offer.offer_id };
            self.riders.ask(rider_id(n).0, Wish::new(yes, ORIGIN)).await.unwrap();
        }
    }
    /// What was written down of a delivery that is news.
    fn decisions(&self, n: u128) -> Vec<(Timestamp, Decision)> {
        let (mut news, ticks) = (News::default(), self.noted.0.lock().unwrap());
        let of =
            |tick: &Tick| news.of(tick).into_iter().map(|(id, decision)| (tick.at, id, decision)).collect::<Vec<_>>();
        let all = ticks.iter().flat_map(of);
        all.filter(|(_, id, _)| *id == delivery_id(n)).map(|(at, _, decision)| (at, decision)).collect()
    }
    fn count(&self, kind: &str) -> usize {
        self.world.journal.facts().iter().filter(|fact| &*fact.kind == kind).count()
    }
}

#[test]
fn the_nearest_free_rider_brings_it() {
    on_virtual_time(async {
        let town = Town::new(1);
        for n in 1..=3 {
            town.on_shift(n, 1).await;
        }
        let still = [(1, 700.0), (2, 300.0)]; // the third is on shift, but has sent no fix
        town.pass(2, &still).await;
        town.request(1).await;
        town.pass(5, &still).await;
        assert_eq!(town.rider(2).await.offers.len(), 1);
        town.accept_all(2).await;
        town.pass(2, &still).await;
        let rider = town.rider(2).await;
        assert!(rider.held[0].job.is_some(), "the delivery has answered, and the door is known: {rider:?}");
        town.command(1, DeliveryCommand::NoteReady).await;
        for step in [RiderStep::ArrivedAtPickup, RiderStep::PickedUp, RiderStep::ArrivedAtDropoff, RiderStep::Delivered]
        {
            town.command(1, DeliveryCommand::Step { rider_id: rider_id(2), step }).await;
        }
        town.pass(2, &still).await;
        assert_eq!(town.delivery(1).await.status(), Some(DeliveryStatus::Delivered));
        assert!(town.rider(2).await.held.is_empty());
    });
}

#[test]
fn a_rider_gone_silent_is_replaced_and_not_asked_again() {
    on_virtual_time(async {
        let town = Town::new(3);
        town.on_shift(1, 1).await;
        town.on_shift(2, 1).await;
        let both = [(1, 100.0), (2, 900.0)];
        town.pass(2, &both).await;
        town.request(1).await;
        town.pass(3, &both).await;
        town.accept_all(1).await;
        town.pass(3, &both).await;
        assert!(town.delivery(1).await.is_brought_by(rider_id(1)));
        town.pass(160, &[(2, 900.0)]).await; // the first rider's phone has died
        assert_eq!(town.count("delivery.unassigned"), 1);
        town.accept_all(2).await;
        town.pass(3, &[(2, 900.0)]).await;
        assert!(town.delivery(1).await.is_brought_by(rider_id(2)));
        assert!(town.rider(1).await.held.is_empty());
        town.request(2).await;
        town.pass(30, &[(2, 900.0)]).await;
        assert_eq!(town.count("delivery.offered"), 2, "a stale rider is no candidate, a full one neither");
    });
}

#[test]
fn an_unanswered_offer_goes_on_to_the_next_rider() {
    on_virtual_time(async {
        let town = Town::new(4);
        town.on_shift(1, 1).await;
        town.on_shift(2, 2).await;
        let both = [(1, 100.0), (2, 900.0)];
        town.pass(2, &both).await;
        town.request(1).await;
        town.pass(50, &both).await;
        assert_eq!(town.rider(2).await.offers.len(), 1);
        assert!(town.rider(1).await.offers.is_empty(), "lapsed by itself");
        town.command(1, DeliveryCommand::Cancel { even_with_food: false }).await;
        town.pass(2, &both).await;
        assert!(town.rider(2).await.offers.is_empty(), "revoked");
    });
}

#[test]
fn nobody_at_all_ends_unassignable_without_anyone_asking() {
    on_virtual_time(async {
        let town = Town::new(5);
        town.request(1).await;
        tokio::time::sleep(Duration::from_secs(21 * 60)).await;
        assert_eq!(town.delivery(1).await.status(), Some(DeliveryStatus::Unassignable));
    });
}

/// The riders asked, in the order of the facts.
fn asked(town: &Town) -> Vec<RiderId> {
    let offered = town.world.journal.facts().into_iter().filter(|fact| &*fact.kind == "delivery.offered");
    let rider = |fact: Arc<Recorded>| match fact.typed::<DeliveryEvent>() {
        Ok(DeliveryEvent::Offered(offered)) => offered.rider_id,
        other => panic!("{other:?}"),
    };
    offered.map(rider).collect()
}

#[test]
fn a_planned_rider_is_asked_as_late_as_is_safe() {
    on_virtual_time(async {
        let town = Town::planned(11, Some(PlanSettings::default()));
        town.on_shift(1, 1).await;
        let still = [(1, 300.0)];
        town.pass(2, &still).await;
        town.request_for(1, 540).await;
        town.pass(60, &still).await;
        assert_eq!((town.count("delivery.offered"), town.count("delivery.held_back")), (0, 1));
        town.pass(480, &still).await;
        assert!(town.count("delivery.offered") > 0, "in time to be there when the food is ready");
        let (facts, ready_at) = (town.world.journal.facts(), town.delivery(1).await.request.clone().unwrap().ready_at);
        let offered = facts.iter().find(|fact| &*fact.kind == "delivery.offered").unwrap();
        let before_s = ready_at.since(offered.at).as_secs();
        // 300 m take 94 s, the counter 45 s, the answer 90 s, a tick 5 s.
        assert!((200..=300).contains(&before_s), "asked {before_s} s before the food");
    });
}

#[test]
fn a_plan_gives_two_deliveries_to_who_serves_both_best() {
    on_virtual_time(async {
        let town = Town::planned(12, Some(PlanSettings::default()));
        town.on_shift(1, 1).await;
        town.on_shift(2, 1).await;
        let still = [(1, 100.0), (2, 500.0)];
        town.pass(2, &still).await;
        join_all((1..=2).map(|n| town.request(n))).await;
        town.pass(8, &still).await;
        let mut riders = asked(&town);
        riders.sort_unstable();
        assert_eq!(riders, [rider_id(1), rider_id(2)]);
        assert_eq!(town.count("offer.received"), 2, "each is asked once");
    });
}

#[test]
fn a_plan_never_asks_again_who_said_no_and_then_finds_the_next() {
    on_virtual_time(async {
        let town = Town::planned(13, Some(PlanSettings::default()));
        town.on_shift(1, 1).await;
        town.on_shift(2, 1).await;
        let still = [(1, 100.0), (2, 900.0)];
        town.pass(2, &still).await;
        town.request(1).await;
        town.pass(60, &still).await; // the first keeps silent
        assert_eq!(asked(&town), [rider_id(1), rider_id(2)]);
    });
}

#[test]
fn who_has_not_left_the_court_is_asked_for_one_more() {
    on_virtual_time(async {
        let town = Town::planned(16, Some(PlanSettings::default()));
        town.on_shift(1, 2).await;
        let still = [(1, 100.0)];
        town.pass(2, &still).await;
        town.request(1).await;
        town.pass(8, &still).await;
        town.accept_all(1).await;
        town.pass(3, &still).await;
        town.request(2).await;
        town.pass(8, &still).await;
        assert_eq!(asked(&town), [rider_id(1), rider_id(1)]);
        town.accept_all(1).await;
        town.request(3).await;
        town.pass(60, &still).await;
        assert_eq!(town.count("delivery.offered"), 2, "the bag is full");
    });
}

#[test]
fn deliveries_for_one_rider_are_offered_as_one_route() {
    on_virtual_time(async {
        let town = Town::planned(17, Some(PlanSettings::default()));
        town.on_shift(1, 2).await;
        let still = [(1, 100.0)];
        town.pass(2, &still).await;
        join_all((1..=2).map(|n| town.request(n))).await;
        town.pass(8, &still).await;
        let offers = town.rider(1).await.offers.clone();
        assert_eq!(offers.len(), 2);
        let route = offers[0].bundle.clone().unwrap();
        assert_eq!(offers[1].bundle.as_ref(), Some(&route));
        let stops: Vec<_> = route.stops.iter().map(|stop| stop.delivery_id).collect();
        assert!((1..=2).all(|n| town.decisions(n).pop().unwrap().1.route == stops), "and the decisions name it");
        // One yes is a yes to both.
        let yes = RiderCommand::AcceptOffer { offer_id: offers[1].offer_id };
        town.riders.ask(rider_id(1).0, Wish::new(yes, ORIGIN)).await.unwrap();
        town.pass(2, &still).await;
        assert_eq!(town.count("delivery.assigned"), 2);
    });
}

#[test]
fn who_waits_for_a_busy_rider_does_not_starve() {
    on_virtual_time(async {
        let settings = PlanSettings { wait_max_s: 120, ..PlanSettings::default() };
        let town = Town::planned(14, Some(settings));
        town.on_shift(1, 2).await;
        let still = [(1, 100.0)];
        town.pass(2, &still).await;
        town.request(1).await;
        town.pass(8, &still).await;
        town.accept_all(1).await;
        town.pass(3, &still).await;
        town.command(1, DeliveryCommand::NoteReady).await;
        for step in [RiderStep::ArrivedAtPickup, RiderStep::PickedUp] {
            town.command(1, DeliveryCommand::Step { rider_id: rider_id(1), step }).await;
        }
        town.pass(3, &still).await;
        // The rider stands still with food in the bag and a place free: the plan waits for the end of it…
        town.request(2).await;
        town.pass(90, &still).await;
        assert_eq!(town.count("delivery.offered"), 1);
        // …but not for ever.
        town.pass(90, &still).await;
        assert_eq!(town.count("delivery.offered"), 2);
    });
}

#[test]
fn a_planned_delivery_with_nobody_at_all_ends_unassignable() {
    on_virtual_time(async {
        let town = Town::planned(15, Some(PlanSettings::default()));
        town.request(1).await;
        tokio::time::sleep(Duration::from_secs(21 * 60)).await;
        assert_eq!(town.delivery(1).await.status(), Some(DeliveryStatus::Unassignable));
        assert!(town.count("delivery.nobody_near") > 5, "the search grew and was repeated");
    });
}

#[test]
fn a_search_for_the_nearest_tells_who_was_weighed_and_who_was_barred() {
    on_virtual_time(async {
        let town = Town::new(21);
        for n in 1..=4 {
            town.on_shift(n, 1).await;
        }
        let all = [(1, 100.0), (2, 300.0), (3, 5_000.0), (4, 500.0)];
        town.pass(2, &all).await;
        town.pass(70, &all[..3]).await; // the fourth falls silent
        town.request(1).await;
        town.pass(2, &all[..3]).await;
        let no = RiderCommand::DeclineOffer { offer_id: town.rider(1).await.offers[0].offer_id };
        town.riders.ask(rider_id(1).0, Wish::new(no, ORIGIN)).await.unwrap();
        town.pass(3, &all[..3]).await;
        let decisions = town.decisions(1);
        let [(first_at, first), (_, second)] = &decisions[..] else { panic!("{decisions:#?}") };
        assert_eq!((first.policy, first.said), (Policy::Nearest, Said::Ask { rider_id: rider_id(1) }));
        let riders: Vec<_> = first.candidates.iter().map(|one| one.weighed.rider_id).collect();
        assert_eq!(riders, [rider_id(1), rider_id(2)]);
        let costs = first.candidates[1].weighed;
        assert!((90..110).contains(&costs.to_pickup_s) && costs.to_dropoff_s > 500, "{costs:?}");
        let bars = |decision: &Decision| decision.barred.iter().map(|one| (one.rider_id, one.why)).collect::<Vec<_>>();
        assert_eq!(bars(first), [(rider_id(4), Bar::Silent), (rider_id(3), Bar::TooFar)]);
        assert_eq!((second.round, second.said), (2, Said::Ask { rider_id: rider_id(2) }));
        assert_eq!(bars(second)[0], (rider_id(1), Bar::Declined));
        let offered = town.world.journal.facts().iter().find(|fact| &*fact.kind == "delivery.offered").unwrap().at;
        assert!(*first_at <= offered, "what was weighed stands before what came of it");
    });
}

#[test]
fn a_plan_tells_whom_it_waits_for_once_and_then_whom_it_asks() {
    on_virtual_time(async {
        let town = Town::planned(22, Some(PlanSettings::default()));
        town.on_shift(1, 1).await;
        town.on_shift(2, 1).await;
        let still = [(1, 300.0), (2, 1_500.0)];
        town.pass(2, &still).await;
        town.request_for(1, 540).await;
        town.pass(540, &still).await;
        let decisions: Vec<Decision> = town.decisions(1).into_iter().map(|(_, decision)| decision).collect();
        let waits = |one: &&Decision| matches!(one.said, Said::Wait { .. });
        let rounds: Vec<u32> = decisions.iter().filter(waits).map(|one| one.round).collect();
        assert!(rounds.is_sorted_by(|a, b| a < b), "each round says once that it waits: {rounds:?}");
        let ticks = town.noted.0.lock().unwrap().len();
        assert!(ticks > 5 * decisions.len(), "{ticks} ticks said {} things", decisions.len());
        let asks = decisions.iter().find(|one| matches!(one.said, Said::Ask { .. })).expect("somebody is asked");
        assert_eq!((asks.policy, asks.said), (Policy::Matcher, Said::Ask { rider_id: rider_id(1) }));
        assert_eq!(asks.candidates.len(), 2);
        assert!(asks.candidates[0].weighed.to_pickup_s < asks.candidates[1].weighed.to_pickup_s);
    });
}
