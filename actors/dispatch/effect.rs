//! What dispatch does outside its entities: ask the zone or the plan for riders, and take deliveries off riders gone silent.
//! Both end in a command to the delivery itself. Nothing holds the cursor: a lost answer is repeated by the
//! delivery's deadline, a lost silence by the zone's next sweep.

use std::sync::Arc;

use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::{
    Delivery, DeliveryCommand,
    better::Better,
    desk::WAITING_MAX,
    event::{Candidate, Requested, SearchStarted, UnassignReason},
    live::{Decided, Likely, LivePlan, PlanSettings, Verdict, Waiting},
    planner::PlannerDoor,
    record::{Policy, Records, Sought, Tick},
    survey::Around,
    zone::{Find, Finds, Found, Near, Silences},
};
use crate::{
    ask::{AskError, Wish},
    bundle::Bundle,
    decider::Origin,
    directory::Directory,
    event::Recorded,
    ids::{DeliveryId, OrderId, RiderId},
    place::Position,
    ports::Kernel,
    reactor::{Consumer, ReactError},
    time::{Clock, Timestamp},
    travel::{GreatCircle, TravelTimes, Trips, Vehicle},
};

/// Searches answered at once, each within a few milliseconds; beyond that one is skipped, and its delivery repeats it.
const SEARCHES_MAX: usize = 512;
/// Answers of the plan that wait for others to be given, as many as one tick can give; beyond that one is skipped likewise.
const ANSWERS_MAX: usize = WAITING_MAX;
/// Silences told at once; beyond that the zone tells again.
const SILENCES_MAX: usize = 256;

/// Riders looked at around a search for the nearest, for the records.
const AROUND: usize = 48;

/// Where decisions are written down, and by which clock and numbers they are told.
#[derive(Clone)]
pub struct Recorder {
    /// Where.
    pub records: Arc<dyn Records>,
    /// Business time.
    pub clock: Arc<dyn Clock>,
    /// The numbers of a plan: costs are told by its estimate also where no plan is made.
    pub settings: PlanSettings,
}

/// Knows when food may be ready, by what its kitchens have taught about themselves.
pub trait Foresight: Send + Sync + 'static {
    /// When the last part of an order may be ready; `None`: it is, or nobody knows better than was told.
    fn ready(&self, order_id: OrderId) -> BoxFuture<'static, Option<Likely>>;
}

/// What a search is answered with, outside of its entity: by the nearest, or as a plan says. Each answer runs by
/// itself; one that cannot begin now is repeated by its delivery.
#[derive(Clone)]
pub struct Answers {
    zone: Arc<dyn Finds>,
    travel: Arc<dyn TravelTimes>,
    deliveries: Directory<Delivery>,
    permits: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    recorder: Option<Recorder>,
    foresight: Option<Arc<dyn Foresight>>,
    at_once: u32,
}

impl Answers {
    /// Tells `deliveries`, with the usual estimate of travel times.
    #[must_use]
    pub fn new(zone: Arc<dyn Finds>, deliveries: Directory<Delivery>) -> Self {
        let travel = Arc::new(GreatCircle::USUAL);
        let [permits, waiting] = [SEARCHES_MAX, ANSWERS_MAX].map(|most| Arc::new(Semaphore::new(most)));
        Self { zone, travel, deliveries, permits, waiting, recorder: None, foresight: None, at_once: 1 }
    }
    /// Plans by when `foresight` expects food to be ready, not by when it was promised.
    #[must_use]
    pub fn with_foresight(self, foresight: Option<Arc<dyn Foresight>>) -> Self {
        Self { foresight, ..self }
    }
    /// Asks so many riders at once where no plan says whom, 1 to 5.
    #[must_use]
    pub fn asking(self, at_once: u32) -> Self {
        Self { at_once, ..self }
    }
    /// Writes down what was decided, and why.
    #[must_use]
    pub fn recorded_by(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }
    /// Asks `travel` how long each candidate's way is.
    #[must_use]
    pub fn with_travel(self, travel: Arc<dyn TravelTimes>) -> Self {
        Self { travel, ..self }
    }

    fn run(&self, delivery_id: DeliveryId, answer: impl Future<Output = ()> + 'static) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            warn!(delivery.id = %delivery_id, "too many searches at once; this one is repeated later");
            return;
        };
        actix::spawn(async move {
            answer.await;
            drop(permit);
        });
    }
    /// As [`Self::run`], for what one tick gives all at once: each waits for its turn.
    fn run_in_turn(&self, delivery_id: DeliveryId, answer: impl Future<Output = ()> + 'static) {
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
            warn!(delivery.id = %delivery_id, "too many answers of the plan wait; this one is given again later");
            return;
        };
        let permits = Arc::clone(&self.permits);
        actix::spawn(async move {
            // Never closed; without a permit it would only be one more at once.
            let permit = permits.acquire_owned().await;
            drop(place);
            answer.await;
            drop(permit);
        });
    }
    async fn tell(&self, delivery_id: DeliveryId, command: DeliveryCommand, origin: Origin) {
        if let Err(error) = self.deliveries.ask(delivery_id.0, Wish::new(command, origin)).await {
            warn!(delivery.id = %delivery_id, %error, "a search cannot be answered; it is repeated later");
        }
    }

    /// The nearest free rider within the radius, or nobody.
    pub fn nearest(&self, search: SearchStarted, origin: Origin) {
        let this = self.clone();
        self.run(search.delivery_id, async move { this.find(search, origin).await });
    }
    async fn find(&self, search: SearchStarted, origin: Origin) {
        let SearchStarted { delivery_id, round, radius_m, pickup, ref not, .. } = search;
        let (not, around) = (not.clone(), if self.recorder.is_some() { AROUND } else { 0 });
        let at_once = self.at_once as usize;
        let find = Find { delivery_id, pickup, radius_m, not, at_once, around };
        let Some(Found { near, around }) = self.zone.find(find).await else {
            warn!(delivery.id = %delivery_id, round, "the zone does not answer; the search is repeated later");
            return;
        };
        let found_at = self.recorder.as_ref().map(|recorder| recorder.clock.now());
        let candidates = timed(self.travel.as_ref(), &near, pickup).await;
        let mut asked = candidates.clone();
        asked.sort_by_key(Candidate::first_there);
        let asked: Vec<RiderId> = asked.iter().take(at_once).map(|one| one.rider_id).collect();
        let hidden: Vec<RiderId> = near.iter().take(at_once).map(|one| one.rider_id).collect();
        if hidden.iter().any(|rider_id| !asked.contains(rider_id)) {
            self.zone.prefer(delivery_id, hidden, asked.clone());
        }
        let told = candidates.clone();
        let command = DeliveryCommand::NoteCandidates { round, candidates, at_once: self.at_once };
        self.tell(delivery_id, command, origin).await;
        if let (Some(recorder), Some(at)) = (&self.recorder, found_at) {
            self.record_search(recorder, at, search, &asked, &told, around).await;
        }
    }

    /// Writes down a search for the nearest, after its answer was given: a tick of one.
    async fn record_search(
        &self,
        recorder: &Recorder,
        at: Timestamp,
        search: SearchStarted,
        asked: &[RiderId],
        told: &[Candidate],
        around: Around,
    ) {
        let delivery_id = search.delivery_id;
        let verdict = asked.first().map_or(Verdict::Nearest, |first| Verdict::Ask(*first));
        let Ok(seen) = self.deliveries.look(delivery_id.0).await else { return };
        let Some(waiting) = seen.state.request.as_ref().map(|asked| waiting(asked, &search, seen.state.ready, at))
        else {
            return;
        };
        // Nothing is decided by it here; a replay under the plan looks at it.
        let likely = match (&self.foresight, &seen.state.request) {
            (Some(foresight), Some(asked)) if !seen.state.ready => foresight.ready(asked.order_id).await,
            _ => None,
        };
        let waiting = Waiting { likely, ..waiting };
        let (settings, policy) = (recorder.settings, Policy::Nearest);
        let candidates: Vec<_> = around
            .seen
            .iter()
            .chain(around.left_out.iter().map(|out| &out.rider))
            .filter(|seen| told.iter().any(|one| one.rider_id == seen.rider_id))
            .cloned()
            .collect();
        let mut weighed = LivePlan::weigh_alone(settings, at, &waiting, &candidates);
        for one in &mut weighed {
            // What the choice was made by, where a router told it.
            let way = told.iter().find(|other| other.rider_id == one.rider_id).and_then(|other| other.travel_s);
            one.to_pickup_s = way.map_or(one.to_pickup_s, i64::from);
        }
        weighed.sort_by_key(|one| told.iter().position(|other| other.rider_id == one.rider_id));
        weighed.sort_by_key(|one| (verdict != Verdict::Ask(one.rider_id), one.to_pickup_s));
        let decided = vec![Decided {
            delivery_id,
            verdict,
            weighed,
            route: vec![],
            also: asked.iter().skip(1).copied().collect(),
        }];
        let (round, radius_m, deadline_at) = (search.round, search.radius_m, search.deadline_at);
        let open = vec![Sought { waiting, round, radius_m, deadline_at }];
        recorder.records.ticked(Tick { at, policy, settings, open, around, decided });
    }

    /// Writes down a tick of the plan.
    pub(super) fn record(&self, tick: impl FnOnce() -> Tick) {
        if let Some(recorder) = &self.recorder {
            recorder.records.ticked(tick());
        }
    }

    /// The plan's rider, who is asked at the same time, and the others who were weighed.
    pub fn choose(
        &self,
        search: &SearchStarted,
        (chosen, also): (RiderId, Vec<RiderId>),
        near: Vec<Near>,
        bundle: Option<Bundle>,
        origin: Origin,
    ) {
        let (delivery_id, round, pickup, this) = (search.delivery_id, search.round, search.pickup, self.clone());
        self.run_in_turn(delivery_id, async move {
            let candidates = timed(this.travel.as_ref(), &near, pickup).await;
            let command = DeliveryCommand::NoteChoice { round, chosen, also, candidates, bundle };
            this.tell(delivery_id, command, origin).await;
        });
    }

    /// Somebody who would have it at the door sooner than who has it.
    pub(super) fn exchange(&self, better: Better, pickup: Position, origin: Origin) {
        let (delivery_id, this) = (better.delivery_id, self.clone());
        self.run_in_turn(delivery_id, async move {
            let near = [&better.chosen, &better.bearer].map(|seen| Near::of(seen, pickup));
            let candidates = timed(this.travel.as_ref(), &near, pickup).await;
            this.tell(delivery_id, better.asks(candidates), origin).await;
        });
    }

    /// Somebody is planned and need not be asked before `until`.
    pub fn hold(&self, delivery_id: DeliveryId, round: u32, until: Timestamp, wait_max_s: i64, origin: Origin) {
        let this = self.clone();
        let command = DeliveryCommand::HoldBack { round, until, wait_max_s };
        self.run_in_turn(delivery_id, async move { this.tell(delivery_id, command, origin).await });
    }

    /// Gives the search to the plan; where it has no room, or the delivery cannot be read, the nearest is asked.
    fn plan(&self, planner: PlannerDoor, search: SearchStarted, origin: Origin, now: Timestamp) {
        let this = self.clone();
        self.run(search.delivery_id, async move {
            let seen = this.deliveries.look(search.delivery_id.0).await;
            let asked = seen.ok().and_then(|seen| Some((seen.state.request.clone()?, seen.state.ready)));
            let planned = match asked {
                Some((asked, ready)) => {
                    let foresight = this.foresight.as_ref().filter(|_| !ready);
                    let likely = match foresight {
                        Some(foresight) => foresight.ready(asked.order_id).await,
                        None => None,
                    };
                    let waiting = Waiting { likely, ..waiting(&asked, &search, ready, now) };
                    planner.seek(search.clone(), origin, waiting)
                }
                None => false,
            };
            if !planned {
                this.find(search, origin).await;
            }
        });
    }
}

/// Answers every search for a rider.
pub struct SearchEffect {
    kernel: Kernel,
    answers: Answers,
    planner: Option<PlannerDoor>,
}

impl SearchEffect {
    /// Answers searches with the nearest rider.
    #[must_use]
    pub const fn new(kernel: Kernel, answers: Answers) -> Self {
        Self { kernel, answers, planner: None }
    }
    /// Lets `planner` answer them.
    #[must_use]
    pub fn with_planner(self, planner: Option<PlannerDoor>) -> Self {
        Self { planner, ..self }
    }
}

impl Consumer for SearchEffect {
    fn name(&self) -> &'static str {
        "dispatch.search"
    }
    fn wants(&self, kind: &str) -> bool {
        kind == "delivery.search_started"
    }
    fn react(&self, fact: Arc<Recorded>) -> BoxFuture<'static, Result<(), ReactError>> {
        let outcome = self.begin(&fact);
        async move { outcome }.boxed()
    }
}

impl SearchEffect {
    fn begin(&self, fact: &Recorded) -> Result<(), ReactError> {
        let search =
            serde_json::from_str::<SearchStarted>(&fact.body).map_err(|error| ReactError::Poison(error.to_string()))?;
        let now = self.kernel.clock.now();
        if now >= search.deadline_at {
            return Ok(()); // the delivery has begun another round
        }
        let origin = Origin { cause: Some(fact.event_id), correlation: fact.correlation };
        match &self.planner {
            Some(planner) => self.answers.plan(planner.clone(), search, origin, now),
            None => self.answers.nearest(search, origin),
        }
        Ok(())
    }
}

/// What a delivery asks of a search that is answered at `now`.
fn waiting(asked: &Requested, search: &SearchStarted, ready: bool, now: Timestamp) -> Waiting {
    let ready_at = if ready { asked.ready_at.min(now) } else { asked.ready_at };
    let Requested { delivery_id, pickup, dropoff, promised_at, .. } = *asked;
    let (not, likely) = (search.not.clone(), None);
    Waiting { delivery_id, pickup, dropoff, since: now, ready_at, likely, promised_at, not }
}

/// How long the way to `pickup` takes each of `near`: one question a vehicle.
async fn timed(travel: &dyn TravelTimes, near: &[Near], pickup: Position) -> Vec<Candidate> {
    let mut candidates = Vec::with_capacity(near.len());
    for vehicle in [Vehicle::Foot, Vehicle::Bicycle, Vehicle::Scooter, Vehicle::Car] {
        let riding: Vec<&Near> = near.iter().filter(|one| one.vehicle == vehicle).collect();
        if riding.is_empty() {
            continue;
        }
        let from = riding.iter().map(|one| one.position).collect();
        let table = travel.table(Trips { vehicle, from, to: vec![pickup] }).await;
        candidates.extend(riding.iter().enumerate().map(|(row, one)| Candidate {
            rider_id: one.rider_id,
            distance_m: one.distance_m,
            travel_s: table.get(row, 0).map(|takes| u32::try_from(takes.as_secs()).unwrap_or(u32::MAX)),
        }));
    }
    candidates
}

/// Takes deliveries that are not picked up yet off riders gone silent.
pub struct SilenceEffect {
    kernel: Kernel,
    deliveries: Directory<Delivery>,
    permits: Arc<Semaphore>,
}

impl SilenceEffect {
    /// Commands `deliveries`.
    #[must_use]
    pub fn new(kernel: Kernel, deliveries: Directory<Delivery>) -> Self {
        Self { kernel, deliveries, permits: Arc::new(Semaphore::new(SILENCES_MAX)) }
    }
}

impl Silences for SilenceEffect {
    fn silent(&self, delivery_id: DeliveryId, rider_id: RiderId) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { return };
        let origin = Origin { cause: None, correlation: self.kernel.ids.next() };
        let deliveries = self.deliveries.clone();
        actix::spawn(async move {
            let command = DeliveryCommand::Unassign { rider_id, reason: UnassignReason::Silent };
            match deliveries.ask(delivery_id.0, Wish::new(command, origin)).await {
                Ok(_) => {}
                Err(AskError::Rejected(rejection)) => {
                    debug!(delivery.id = %delivery_id, rider.id = %rider_id, "a silent rider keeps it: {rejection}");
                }
                Err(error) => warn!(delivery.id = %delivery_id, %error, "a silent rider cannot be taken off now"),
            }
            drop(permit);
        });
    }
}
