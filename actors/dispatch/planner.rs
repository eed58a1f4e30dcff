//! The actor that plans: collects deliveries that wait for a rider, ticks, and turns the plan into offers and waits.
//! Nothing here is durable: a delivery whose planner has died looks again by its own deadline.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix::prelude::*;
use tracing::{error, warn};

use super::{
    better::{self, Riding},
    effect::Answers,
    event::{Assigned, DeliveryEvent, SearchStarted},
    live::{Decided, Likely, LivePlan, PlanSettings, Verdict, Waiting, Weighed},
    matcher::LIKELY,
    record::{Policy, Sought, Tick},
    rules::DispatchRules as Rules,
    survey::{Around, Seen, Survey, Surveys, courts},
    zone::Near,
};
use crate::{
    bundle::{Bundle, BundleStop},
    decider::Origin,
    event::Recorded,
    ids::{BundleId, DeliveryId, OfferId, RiderId},
    place::Position,
    reactor::Tap,
    time::{Clock, Timestamp},
};

/// Messages that may wait; beyond that a search goes to the nearest, and a fact is missed, which costs one offer that
/// its delivery ignores.
const MAILBOX: usize = 4_096;
/// Deliveries in one plan; further ones go to the nearest. A tick of 5,000 takes 76 ms on a core, spread over many courts.
const WAITING_MAX: usize = 5_000;
/// Riders looked at around each court; more where a crowd of deliveries waits there.
pub(super) const NEAR: usize = 48;
/// A rider chosen is heard to be asked within this, seconds: usually at once, and a router may take two. After it the
/// answer is lost, and the delivery is planned anew; one that was asked all the same ignores it.
const HEARD_S: i64 = 10;
/// Not more often than this on the wall, however fast business time runs.
const TICK_WALL_MIN: Duration = Duration::from_millis(50);

/// A delivery in the plan.
struct Open {
    search: SearchStarted,
    origin: Origin,
    waiting: Waiting,
    /// Answered with a wait until then.
    held_until: Option<Timestamp>,
    /// Answered with a rider who is not heard to be asked yet: planned anew from then on.
    asked_until: Option<Timestamp>,
}

impl Open {
    /// Whether it is to be planned at `now`: nobody is about to be asked.
    fn is_due(&self, now: Timestamp) -> bool {
        self.asked_until.is_none_or(|until| now >= until)
    }
    /// As the records tell it.
    fn sought(&self) -> Sought {
        let SearchStarted { round, radius_m, deadline_at, .. } = self.search;
        Sought { waiting: self.waiting.clone(), round, radius_m, deadline_at }
    }
}

/// A search is to be answered by the plan.
#[derive(Message)]
#[rtype(result = "()")]
struct Seek {
    search: SearchStarted,
    origin: Origin,
    waiting: Waiting,
}

/// What has become of deliveries.
#[derive(Message)]
#[rtype(result = "()")]
struct Heard(Vec<(DeliveryId, News)>);

/// What a planner must know of a delivery.
#[derive(Clone, Copy)]
enum News {
    /// Its food is ready.
    Ready(Timestamp),
    /// This rider will not take it.
    Refused(RiderId),
    /// The search of this round has had its answer.
    Answered(u32),
    /// Somebody has it and rides to the court.
    Riding(Riding),
    /// Who had it is at the court, or has it no more.
    Settled,
    /// It waits for no rider any more, and no rider for its food.
    Over,
}

impl News {
    fn of(fact: &Recorded) -> Option<Self> {
        match &*fact.kind {
            "delivery.cancelled" | "delivery.unassignable" | "delivery.picked_up" => Some(Self::Over),
            "delivery.arrived_at_pickup" | "delivery.unassigned" => Some(Self::Settled),
            "delivery.offer_declined" | "delivery.offer_expired" => match fact.typed() {
                Ok(DeliveryEvent::OfferDeclined(no)) => Some(Self::Refused(no.rider_id)),
                Ok(DeliveryEvent::OfferExpired(silence)) => Some(Self::Refused(silence.rider_id)),
                _ => None,
            },
            "delivery.assigned" => match fact.typed() {
                Ok(DeliveryEvent::Assigned(Assigned { rider_id, pickup, dropoff, ready_at, .. })) => {
                    Some(Self::Riding(Riding { rider_id, pickup, dropoff, ready_at, since: fact.at }))
                }
                _ => None,
            },
            "delivery.ready_noted" => Some(Self::Ready(fact.at)),
            "delivery.offered" | "delivery.nobody_near" => match fact.typed() {
                Ok(DeliveryEvent::Offered(offered)) => Some(Self::Answered(offered.round)),
                Ok(DeliveryEvent::NobodyNear(nobody)) => Some(Self::Answered(nobody.round)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// What was tried for a delivery, so that another rider is asked in vain neither twice nor in the first place.
struct Tried {
    /// Who said no or nothing.
    refused: BTreeSet<RiderId>,
    /// Whether somebody was asked in the place of who had it.
    bettered: bool,
    /// The last of it.
    at: Timestamp,
}

/// What was tried is forgotten after this, seconds, where the end was not heard: no search lasts so long.
const TRIED_S: i64 = 7_200;
/// What is known of food that a rider has still to fetch is forgotten so long after it should be ready, seconds.
pub(super) const FETCHED_WITHIN_S: i64 = 3_600;

/// The actor.
pub struct Planner {
    clock: Arc<dyn Clock>,
    zone: Arc<dyn Surveys>,
    answers: Answers,
    settings: PlanSettings,
    plan: LivePlan,
    /// Ordered, so that a simulated day repeats to the bit.
    open: BTreeMap<DeliveryId, Open>,
    /// When food may be ready that riders were asked for; until it is picked up.
    likely: BTreeMap<DeliveryId, Likely>,
    /// Deliveries whose riders are on the way to the court, where another one may be asked.
    riding: BTreeMap<DeliveryId, Riding>,
    /// What was tried for deliveries that are not picked up, if another one may be asked.
    tried: BTreeMap<DeliveryId, Tried>,
    ticked_at: Timestamp,
    armed: bool,
}

/// A door to a planner, usable from any thread. One that has died is opened anew, empty; deliveries look again.
#[derive(Clone)]
pub struct PlannerDoor {
    planner: Arc<Mutex<Addr<Planner>>>,
    open: Arc<dyn Fn() -> Addr<Planner> + Send + Sync>,
}

impl Planner {
    /// Starts a planner around `centre` on `arbiter`, or beside its caller, to end with it (simulation).
    pub fn open(
        centre: Position,
        clock: Arc<dyn Clock>,
        zone: Arc<dyn Surveys>,
        answers: Answers,
        settings: PlanSettings,
        arbiter: Option<&ArbiterHandle>,
    ) -> PlannerDoor {
        let arbiter = arbiter.cloned();
        let open = move || {
            let (clock, zone, answers) = (Arc::clone(&clock), Arc::clone(&zone), answers.clone());
            let make = move |ctx: &mut Context<Self>| {
                ctx.set_mailbox_capacity(MAILBOX);
                let plan = LivePlan::new(settings, centre);
                let (open, likely, riding) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
                let (tried, ticked_at, armed) = (BTreeMap::new(), Timestamp::default(), false);
                Self { clock, zone, answers, settings, plan, open, likely, riding, tried, ticked_at, armed }
            };
            match &arbiter {
                Some(arbiter) => Self::start_in_arbiter(arbiter, make),
                None => Self::create(make),
            }
        };
        PlannerDoor { planner: Arc::new(Mutex::new(open())), open: Arc::new(open) }
    }

    /// Ticks only while somebody waits, or rides to a court and might be replaced.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        if self.armed || (self.open.is_empty() && self.riding.is_empty()) {
            return;
        }
        self.armed = true;
        let next = self.ticked_at.plus_s(self.settings.tick_s);
        ctx.run_later(self.clock.wall_until(next).max(TICK_WALL_MIN), Self::tick);
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = self.clock.now();
        self.ticked_at = now;
        // Whoever is past the deadline has begun another round, or is about to.
        self.open.retain(|_, open| now < open.held_until.unwrap_or(open.search.deadline_at).plus_s(Rules::SEARCH_S));
        self.riding.retain(|_, riding| now < riding.since.max(riding.ready_at).plus_min(Rules::ARRIVE_WITHIN_MIN));
        let due = || self.open.iter().filter(|(_, open)| open.is_due(now));
        let riding = self.riding.values().map(|riding| riding.pickup);
        let pickups = courts(due().map(|(_, open)| open.search.pickup), riding, NEAR);
        if pickups.is_empty() {
            self.armed = false;
            return self.arm(ctx);
        }
        let survey = Survey { pickups, deliveries: due().map(|(id, _)| *id).collect() };
        let asked = survey.deliveries.clone();
        ctx.spawn(self.zone.survey(survey).into_actor(self).map(move |seen, planner, ctx| {
            planner.armed = false;
            match seen {
                Some(around) => planner.act(&asked, &around),
                None => warn!("the zone does not answer the plan; it is asked again with the next tick"),
            }
            planner.arm(ctx);
        }));
    }

    /// Plans those of `due` that still wait. What came since was not looked around for, and has its turn next.
    fn act(&mut self, due: &BTreeSet<DeliveryId>, around: &Around) {
        let now = self.clock.now();
        let due: Vec<&Open> = due.iter().filter_map(|id| self.open.get(id)).collect();
        if due.is_empty() {
            return self.exchange(now, around, BTreeSet::new());
        }
        let waiting: Vec<Waiting> = due.iter().map(|open| open.waiting.clone()).collect();
        let riders = &around.seen;
        self.likely.retain(|_, likely| now < likely[0].plus_s(FETCHED_WITHIN_S));
        let decided = self.plan.tick(now, &waiting, riders, &self.likely);
        self.answers.record(|| {
            let (policy, settings, around, decided) = (Policy::Matcher, self.settings, around.clone(), decided.clone());
            Tick { at: now, policy, settings, open: due.iter().map(|open| open.sought()).collect(), around, decided }
        });
        let open = |id: &DeliveryId| self.open.get(id).map(|open| (open.search.round, &open.waiting));
        let bundles = bundles(&decided, open);
        let meant = decided.iter().flat_map(|one| one.verdict.rider().into_iter().chain(one.also.iter().copied()));
        self.exchange(now, around, meant.collect());
        for Decided { delivery_id, verdict, weighed, also, .. } in decided {
            let Some(open) = self.open.get_mut(&delivery_id) else { continue };
            let round = open.search.round;
            match verdict {
                Verdict::Ask(chosen) => {
                    let near = askable(riders, &weighed, chosen);
                    std::iter::once(&chosen).chain(&also).for_each(|rider| self.zone.reserve(delivery_id, *rider));
                    let bundle = bundles.get(&delivery_id).cloned();
                    self.answers.choose(&open.search, (chosen, also), near, bundle, open.origin);
                    self.likely.extend(open.waiting.likely.map(|likely| (delivery_id, likely)));
                    // Until it is heard: an answer that the journal did not take is given again.
                    open.asked_until = Some(now.plus_s(HEARD_S));
                }
                Verdict::Wait { until, .. } if open.held_until.is_none() => {
                    open.held_until = Some(until.min(now.plus_s(Rules::HOLD_S)));
                    self.answers.hold(delivery_id, round, until, self.settings.wait_max_s, open.origin);
                }
                Verdict::Wait { .. } => {}
                // Held back already: it looks again by itself, and soon.
                Verdict::Nearest if open.held_until.is_some() => {}
                Verdict::Nearest => {
                    self.answers.nearest(open.search.clone(), open.origin);
                    self.open.remove(&delivery_id);
                }
            }
        }
    }
}

impl Planner {
    /// Keeps track of who is on the way to a court, if another one may be asked.
    fn follow(&mut self, id: DeliveryId, news: News) {
        match news {
            News::Riding(mut riding) if self.settings.better_s > 0 && !self.is_bettered(id) => {
                let likely = self.likely.get(&id).map(|likely| likely[LIKELY / 2]);
                riding.ready_at = likely.unwrap_or(riding.ready_at);
                if self.riding.len() < WAITING_MAX {
                    self.riding.insert(id, riding);
                }
            }
            News::Ready(at) => {
                if let Some(riding) = self.riding.get_mut(&id) {
                    riding.ready_at = at;
                }
            }
            News::Refused(rider_id) => drop(self.tried(id).map(|tried| tried.refused.insert(rider_id))),
            News::Riding(_) | News::Answered(_) => {}
            News::Settled => drop(self.riding.remove(&id)),
            News::Over => {
                self.riding.remove(&id);
                self.tried.remove(&id);
            }
        }
    }

    fn is_bettered(&self, id: DeliveryId) -> bool {
        self.tried.get(&id).is_some_and(|tried| tried.bettered)
    }

    /// Where one more try is noted; `None`: nobody may be asked in another's place, or too much is remembered.
    fn tried(&mut self, id: DeliveryId) -> Option<&mut Tried> {
        let now = self.clock.now();
        if self.tried.len() >= WAITING_MAX {
            self.tried.retain(|_, tried| now < tried.at.plus_s(TRIED_S));
        }
        if self.settings.better_s == 0 || (self.tried.len() >= WAITING_MAX && !self.tried.contains_key(&id)) {
            return None;
        }
        let nothing = Tried { refused: BTreeSet::new(), bettered: false, at: now };
        let tried = self.tried.entry(id).or_insert(nothing);
        tried.at = now;
        Some(tried)
    }

    /// Asks whoever would have a delivery at the door sooner than the rider on the way to it. One try a delivery.
    fn exchange(&mut self, now: Timestamp, around: &Around, meant: BTreeSet<RiderId>) {
        let refused = |id, rider_id| self.tried.get(&id).is_some_and(|tried| tried.refused.contains(&rider_id));
        for better in better::better(&self.settings, now, &self.riding, &around.seen, &meant, &refused) {
            let delivery_id = better.delivery_id;
            let Some(riding) = self.riding.remove(&delivery_id) else { continue };
            if let Some(tried) = self.tried(delivery_id) {
                tried.bettered = true;
            }
            self.zone.reserve(delivery_id, better.chosen.rider_id);
            let origin = Origin { cause: None, correlation: delivery_id.0 };
            self.answers.exchange(better, riding.pickup, origin);
        }
    }
}

/// Deliveries that one rider is asked for at once are one route. `open` tells the round of each, and what it asks.
pub(super) fn bundles<'a>(
    decided: &[Decided],
    open: impl Fn(&DeliveryId) -> Option<(u32, &'a Waiting)>,
) -> BTreeMap<DeliveryId, Bundle> {
    let mut asked: BTreeMap<RiderId, Vec<&Decided>> = BTreeMap::new();
    for one in decided {
        if let Verdict::Ask(rider_id) = one.verdict {
            asked.entry(rider_id).or_default().push(one);
        }
    }
    let mut bundles = BTreeMap::new();
    for (rider_id, mut route) in asked.into_iter().filter(|(_, route)| route.len() > 1) {
        route.sort_by_key(|one| one.route.iter().position(|id| *id == one.delivery_id));
        let stops = route.iter().filter_map(|one| open(&one.delivery_id)).map(|(_, waiting)| BundleStop {
            delivery_id: waiting.delivery_id,
            dropoff_coarse: waiting.dropoff.coarse(),
            ready_at: waiting.ready_at,
        });
        let Some((round, first)) = open(&route[0].delivery_id) else { continue };
        let first = OfferId::of(first.delivery_id, rider_id, round);
        let bundle = Bundle { bundle_id: BundleId::of(first), stops: stops.collect() };
        bundles.extend(route.iter().map(|one| (one.delivery_id, bundle.clone())));
    }
    bundles
}

/// Whom to ask, of those that were weighed: who is free, and the chosen one.
pub(super) fn askable(riders: &[Seen], weighed: &[Weighed], chosen: RiderId) -> Vec<Near> {
    let free = riders.iter().filter(|seen| seen.bag.is_empty() || seen.rider_id == chosen);
    let near = free.filter_map(|seen| {
        let one = weighed.iter().find(|one| one.rider_id == seen.rider_id && !one.declined)?;
        let (rider_id, distance_m) = (seen.rider_id, one.distance_m);
        Some(Near { rider_id, distance_m, position: seen.position, vehicle: seen.vehicle })
    });
    near.collect()
}

impl Actor for Planner {
    type Context = Context<Self>;
}

impl Handler<Seek> for Planner {
    type Result = ();
    fn handle(&mut self, Seek { search, origin, mut waiting }: Seek, ctx: &mut Context<Self>) {
        let id = search.delivery_id;
        let known = self.open.get(&id);
        if known.is_some_and(|open| open.search.round >= search.round) {
            return; // read again
        }
        if known.is_none() && self.open.len() >= WAITING_MAX {
            return self.answers.nearest(search, origin);
        }
        waiting.since = known.map_or(waiting.since, |open| open.waiting.since);
        self.open.insert(id, Open { search, origin, waiting, held_until: None, asked_until: None });
        self.arm(ctx);
    }
}

impl Handler<Heard> for Planner {
    type Result = ();
    fn handle(&mut self, Heard(facts): Heard, ctx: &mut Context<Self>) {
        for (id, news) in facts {
            self.follow(id, news);
            match (news, self.likely.get_mut(&id)) {
                (News::Ready(at), Some(likely)) => *likely = [at; LIKELY],
                (News::Over, Some(_)) => drop(self.likely.remove(&id)),
                _ => {}
            }
            let Some(open) = self.open.get_mut(&id) else { continue };
            match news {
                News::Ready(at) => {
                    open.waiting.ready_at = open.waiting.ready_at.min(at);
                    open.waiting.likely = None;
                }
                News::Answered(round) if round < open.search.round => {}
                News::Answered(_) | News::Over => drop(self.open.remove(&id)),
                News::Refused(_) | News::Riding(_) | News::Settled => {}
            }
        }
        self.arm(ctx);
    }
}

impl PlannerDoor {
    fn planner(&self) -> Addr<Planner> {
        let mut planner = self.planner.lock().unwrap_or_else(PoisonError::into_inner);
        if !planner.connected() {
            error!("the dispatch planner has died and is opened anew; deliveries look again by themselves");
            *planner = (self.open)();
        }
        planner.clone()
    }
    /// Gives a search to the plan; `false` if it has no room.
    #[must_use]
    pub fn seek(&self, search: SearchStarted, origin: Origin, waiting: Waiting) -> bool {
        self.planner().try_send(Seek { search, origin, waiting }).is_ok()
    }
}

impl Tap for PlannerDoor {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        let news = |fact: &Arc<Recorded>| Some((DeliveryId(fact.stream.id), News::of(fact)?));
        let heard: Vec<_> = facts.iter().filter_map(news).collect();
        if !heard.is_empty() {
            // Missed, a delivery stays in the plan until its own time is over.
            self.planner().try_send(Heard(heard)).unwrap_or_else(|error| warn!(%error, "the plan misses facts"));
        }
    }
}
