//! Many say yes at once, through both nodes, over HTTP: one delivery has one rider, one bag holds no more than fits, and
//! everybody else is told why not.

use std::{sync::Arc, time::Duration};

use foodcourt::{
    clock::{Anchor, BusinessClock},
    config::Config,
    ids::RandomIds,
    postgres::{
        business_clock,
        journal::{JournalLimits, PgJournal},
    },
};
use foodcourt_actors::{
    ask::Wish,
    decider::{Decider, Origin},
    directory::Directory,
    dispatch::{
        Delivery, DeliveryCommand, OpenOffer,
        event::{Candidate, Requested},
    },
    ids::{CourtId, DeliveryId, OfferId, OrderId, RiderId, UserId},
    place::Position,
    ports::{Journal, Kernel},
    rider::{Rider, RiderCommand, RiderState, event::OfferReceived},
    stream::StreamId,
};
use futures_util::{StreamExt as _, future::join_all};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    nodes::{Cluster, PATIENCE},
    person::{Answer, Person},
};

/// Rounds last so long; with `CLUSTER_ROUNDS` it is their number that counts.
const LASTS: Duration = Duration::from_secs(15);
/// Rounds at least in that time, or the test has shown nothing.
const ROUNDS_MIN: usize = 5;

/// A third node without reactors: puts riders and deliveries where a round begins.
struct Stage {
    kernel: Kernel,
    deliveries: Directory<Delivery>,
    riders: Directory<Rider>,
}

impl Stage {
    async fn on(cluster: &Cluster) -> Self {
        let database = cluster.database.database().clone();
        let (anchor, now) = business_clock::anchor(&database).await.unwrap();
        let journal = PgJournal::start(cluster.database.settings(), database, JournalLimits::default()).await.unwrap();
        let kernel = Kernel {
            journal: Arc::new(journal) as Arc<dyn Journal>,
            clock: Arc::new(BusinessClock::new(&Anchor { ..anchor }, now)),
            ids: Arc::new(RandomIds),
            limits: Config::load(None).unwrap().limits(),
        };
        Self { deliveries: Directory::start(&kernel, &[]), riders: Directory::start(&kernel, &[]), kernel }
    }

    async fn ask<D: Decider>(&self, directory: &Directory<D>, id: Uuid, command: D::Command)
    where
        D::Rejection: std::fmt::Debug,
    {
        let origin = Origin { cause: None, correlation: self.kernel.ids.next() };
        // On a busy machine the database is late at times; every command of this test may be said twice.
        let asking = async {
            while let Err(error) = directory.ask(id, Wish::new(command.clone(), origin)).await {
                assert!(error.is_retryable(), "{error:?}");
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("an entity answers");
    }

    /// A delivery that asks these riders at once (5 at most) and nobody else; their offers.
    async fn asking(&self, riders: &[RiderId]) -> Vec<OfferReceived> {
        let delivery_id = DeliveryId(self.kernel.ids.next());
        let (now, place) = (self.kernel.clock.now(), Position::new(10.0, 10.0).unwrap());
        let request = Requested {
            delivery_id,
            order_id: OrderId(self.kernel.ids.next()),
            court_id: CourtId(Uuid::nil()),
            pickup: place,
            dropoff: place,
            ready_at: now,
            promised_at: now.plus_min(20),
            assign_by: now.plus_min(60),
            proof: Default::default(),
        };
        self.ask(&self.deliveries, delivery_id.0, DeliveryCommand::Request(request)).await;
        let asking = async {
            loop {
                // The nodes search too, and find nobody: no rider of this test has a position.
                self.ask(&self.deliveries, delivery_id.0, DeliveryCommand::StartSearch).await;
                let round = self.deliveries.look(delivery_id.0).await.unwrap().state.round;
                let candidate = |rider_id: &RiderId| Candidate { rider_id: *rider_id, distance_m: 300, travel_s: None };
                let (candidates, at_once) = (riders.iter().map(candidate).collect(), riders.len().try_into().unwrap());
                let found = DeliveryCommand::NoteCandidates { round, candidates, at_once };
                self.ask(&self.deliveries, delivery_id.0, found).await;
                let open = self.deliveries.look(delivery_id.0).await.unwrap().state.offers.clone();
                if !open.is_empty() {
                    return open;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let open = tokio::time::timeout(PATIENCE, asking).await.expect("the delivery asks its riders");
        assert_eq!(open.len(), riders.len());
        let received = |OpenOffer { offer_id, rider_id, expires_at }| OfferReceived {
            offer_id,
            delivery_id,
            rider_id,
            pickup: place,
            dropoff_coarse: place,
            distance_m: 300,
            ready_at: now,
            expires_at,
            bundle: None,
        };
        open.into_iter().map(received).collect()
    }

    /// Waits until nothing is in the rider's hands, by the rider's own facts: what a page shows forgets a cancelled
    /// delivery before the rider does.
    async fn free(&self, rider_id: RiderId) {
        let free = async {
            loop {
                let (stream, mut state) = (StreamId::new(Rider::CATEGORY, rider_id.0), RiderState::default());
                for fact in self.kernel.journal.read(stream, 0, u32::MAX).await.unwrap() {
                    Rider::evolve(&mut state, &fact.typed().unwrap(), fact.at);
                }
                if state.held.is_empty() && state.offers.is_empty() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, free).await.expect("a cancelled delivery leaves the bag");
    }

    /// The rider has the offer, as soon as this returns.
    async fn offer(&self, offer: OfferReceived) {
        self.ask(&self.riders, offer.rider_id.0, RiderCommand::NoteOffer(offer)).await;
    }
}

/// Riders on shift with places for `capacity` deliveries each.
async fn on_shift(base: &str, count: u32, capacity: u32, key: &str) -> Vec<Person> {
    let admin = Person::sign_in(base, "admin@demo").await;
    let made = admin.once(base, "/v1/demo/riders", key, &json!({"count": count})).await.good();
    let sign_in = async |account: &serde_json::Value| {
        let rider = Person::sign_in(base, account["email"].as_str().unwrap()).await;
        let shift = json!({"vehicle": "bicycle", "capacity": capacity});
        rider.put(base, "/v1/riders/me/shift", &shift).await.good();
        rider
    };
    // No more at once than may wait for a hash of their password.
    let accounts = made["accounts"].as_array().unwrap().iter();
    futures_util::stream::iter(accounts).map(sign_in).buffered(SIGN_INS).collect().await
}

fn id_of(rider: &Person) -> RiderId {
    UserId(rider.id.parse().unwrap())
}

/// What came of a yes.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Told {
    Yours,
    Taken,
    Over,
    BagFull,
    NotYours,
}

/// Says yes at `base`. "Still being settled" is asked again, as a phone does.
async fn accept(rider: &Person, base: &str, offer_id: OfferId) -> Told {
    let mut last = None;
    let asking = async {
        loop {
            let answer = rider.post(base, &format!("/v1/offers/{offer_id}/acceptance"), &json!({})).await;
            match told(&answer) {
                Some(told) => return told,
                None => assert!(answer.status == 202 || answer.status == 503, "{answer:?}"),
            }
            last = Some(answer);
        }
    };
    let settled = tokio::time::timeout(PATIENCE, asking).await;
    settled.unwrap_or_else(|_| panic!("a yes at {base} is never settled: {last:?}"))
}

/// Every answer says why: a type to branch on, and a sentence.
fn told(answer: &Answer) -> Option<Told> {
    let sentence = answer.body["detail"].as_str().unwrap_or_default();
    match (answer.status, answer.problem()) {
        (200, _) => Some(Told::Yours),
        (409, "offer-taken") if sentence == "another rider was first" => Some(Told::Taken),
        (409, "not-acceptable-now") if sentence == "no place is free for another delivery" => Some(Told::BagFull),
        // An offer that comes when no place is free is declined in the rider's name, so that the search goes on.
        (409, "not-acceptable-now") if sentence == "the offer was declined: by you, or for want of room or time" => {
            Some(Told::BagFull)
        }
        (410, "offer-expired") if sentence == "the offer has expired" => Some(Told::Over),
        (404, "not-found") => Some(Told::NotYours),
        _ => None,
    }
}

/// How many rounds are run: for so long, or (`CLUSTER_ROUNDS`, no name that a server takes for a setting) so many.
fn another(round: usize, began: Instant) -> bool {
    match std::env::var("CLUSTER_ROUNDS") {
        Ok(rounds) => round < rounds.parse::<usize>().unwrap(),
        Err(_) => began.elapsed() < LASTS,
    }
}

/// Asked for one delivery at once, as many as may be.
const AT_ONCE: usize = 5;

/// Riders signing in at once.
const SIGN_INS: usize = 8;

/// How many say yes at once: a dozen, or (`CLUSTER_RIDERS`) so many.
fn crowd() -> u32 {
    std::env::var("CLUSTER_RIDERS").map_or(12, |riders| riders.parse().unwrap())
}

/// Many riders say yes at once, each of them twice, through both nodes: five were asked for the delivery at once, the
/// others have an offer for it too (their searches crossed, so each believes to be asked), and everybody tries the offer
/// of one of the five as well.
#[actix::test]
async fn of_all_who_say_yes_to_one_delivery_at_once_exactly_one_has_it() {
    // A crowd's tokens end together, and everybody signs in anew at once.
    let cluster = Cluster::new(&[("AUTH__HASH_QUEUE_MAX", "512")]).await;
    let nodes = cluster.two().await;
    let bases = nodes.each_ref().map(|node| node.url(""));
    let stage = Stage::on(&cluster).await;
    let riders = on_shift(&bases[0], crowd(), 1, "exclusive").await;
    let (began, mut round, mut answered) = (Instant::now(), 0, 0);
    while another(round, began) {
        let asked: Vec<RiderId> = (0..AT_ONCE).map(|n| id_of(&riders[(round + n) % riders.len()])).collect();
        let real = stage.asking(&asked).await;
        let offers = riders.iter().enumerate().map(|(number, rider)| {
            let stale = OfferId::of(real[0].delivery_id, id_of(rider), 1_000 + u32::try_from(number).unwrap());
            let mine = real.iter().find(|offer| offer.rider_id == id_of(rider)).cloned();
            mine.unwrap_or_else(|| OfferReceived { offer_id: stale, rider_id: id_of(rider), ..real[0].clone() })
        });
        let offers: Vec<OfferReceived> = offers.collect();
        join_all(offers.iter().map(|offer| stage.offer(offer.clone()))).await;

        let says = |number: usize, base: usize, offer_id| {
            let (rider, base) = (riders[number].clone(), bases[base].clone());
            async move { (id_of(&rider), accept(&rider, &base, offer_id).await) }
        };
        let own = |node: usize| {
            let (says, offers) = (&says, &offers);
            (0..riders.len()).map(move |n| says(n, (n + node) % 2, offers[n].offer_id))
        };
        let strangers = (0..riders.len()).filter(|n| id_of(&riders[*n]) != real[0].rider_id);
        let others = strangers.map(|n| says(n, n % 2, real[0].offer_id));
        let (answers, others) = futures_util::future::join(join_all(own(0).chain(own(1))), join_all(others)).await;
        answered += answers.len() + others.len();

        let (yours, taken): (Vec<(RiderId, Told)>, Vec<_>) =
            answers.into_iter().partition(|(_, told)| *told == Told::Yours);
        let winner = yours[0].0;
        assert!(yours.len() == 2 && yours[1].0 == winner && asked.contains(&winner), "round {round}: {yours:?}");
        // An offer that the delivery knows nothing of is over by itself, until somebody has the delivery.
        let why = |rider_id, told| told == Told::Taken || (told == Told::Over && !asked.contains(&rider_id));
        assert!(taken.iter().all(|(rider_id, told)| why(*rider_id, *told)), "round {round}: {taken:?}");
        assert!(others.iter().all(|(_, told)| *told == Told::NotYours), "round {round}: {others:?}");

        // The bags say the same: one holds it, and the others' hands are free for the next round.
        let settled = riders.iter().map(|rider| {
            let held = usize::from(id_of(rider) == winner);
            let fits = move |me: &serde_json::Value| me["deliveries"].as_array().is_some_and(|bag| bag.len() == held);
            rider.until(&bases[round % 2], "/v1/riders/me", "bags are settled", fits)
        });
        join_all(settled).await;
        stage.ask(&stage.deliveries, real[0].delivery_id.0, DeliveryCommand::Cancel { even_with_food: true }).await;
        stage.free(winner).await;
        round += 1;
    }
    assert!(round >= ROUNDS_MIN, "only {round} rounds: that shows nothing");
    println!("{round} rounds of {} riders, {answered} answers", riders.len());
    cluster.check();
}

/// Three deliveries are offered to one rider who has room for two; all are accepted at once through both nodes.
#[actix::test]
async fn two_nodes_never_fill_a_bag_beyond_its_places() {
    let cluster = Cluster::new(&[]).await;
    let nodes = cluster.two().await;
    let bases = nodes.each_ref().map(|node| node.url(""));
    let stage = Stage::on(&cluster).await;
    let riders = on_shift(&bases[0], 1, 2, "capacity").await;
    let rider = &riders[0];
    let (began, mut round) = (Instant::now(), 0);
    while another(round, began) {
        let asked = [id_of(rider)];
        let offers = join_all((0..3).map(|_| stage.asking(&asked))).await.concat();
        // The nodes' own reactors hand the same offers over; whoever comes second changes nothing.
        join_all(offers.iter().map(|offer| stage.offer(offer.clone()))).await;
        let yes = bases.iter().flat_map(|base| offers.iter().map(move |offer| (base, offer.offer_id)));
        let answers =
            join_all(yes.map(|(base, offer_id)| async move { (offer_id, accept(rider, base, offer_id).await) }));
        let answers = answers.await;
        let yours = |offer: &&OfferReceived| answers.contains(&(offer.offer_id, Told::Yours));
        assert_eq!(offers.iter().filter(yours).count(), 2, "round {round}: {answers:?}");
        assert!(answers.iter().all(|(_, told)| [Told::Yours, Told::BagFull].contains(told)), "{answers:?}");
        let bag = rider.get(&bases[round % 2], "/v1/riders/me").await.good()["deliveries"].as_array().unwrap().len();
        assert_eq!(bag, 2, "round {round}");
        for offer in &offers {
            stage.ask(&stage.deliveries, offer.delivery_id.0, DeliveryCommand::Cancel { even_with_food: true }).await;
        }
        stage.free(id_of(rider)).await;
        round += 1;
    }
    assert!(round >= ROUNDS_MIN, "only {round} rounds: that shows nothing");
    println!("{round} rounds of 6 answers");
    cluster.check();
}
