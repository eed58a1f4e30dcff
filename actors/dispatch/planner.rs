//! The actor that plans: collects deliveries that wait for a rider, ticks, and turns the plan into offers and waits. What it
//! keeps in mind stands in `desk`.
//! Nothing here is durable: a delivery whose planner has died looks again by its own deadline.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix::prelude::*;
use tracing::{error, warn};

use super::{
    desk::{Deed, Desk, News},
    effect::Answers,
    event::{DeliveryEvent, SearchStarted},
    live::{PlanSettings, Searching, Waiting},
    record::{Policy, Tick},
    survey::{Around, Surveys},
};
use crate::{
    decider::Origin,
    event::Recorded,
    ids::DeliveryId,
    place::Position,
    reactor::Tap,
    time::{Clock, Timestamp},
};

/// Messages that may wait; beyond that a search goes to the nearest, and a fact is missed, which costs one offer that
/// its delivery ignores.
const MAILBOX: usize = 4_096;
/// Not more often than this on the wall, however fast business time runs.
const TICK_WALL_MIN: Duration = Duration::from_millis(50);

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

/// The actor.
pub struct Planner {
    clock: Arc<dyn Clock>,
    zone: Arc<dyn Surveys>,
    answers: Answers,
    settings: PlanSettings,
    desk: Desk,
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
                let desk = Desk::new(settings, Searching::default(), centre);
                Self { clock, zone, answers, settings, desk, ticked_at: Timestamp::default(), armed: false }
            };
            match &arbiter {
                Some(arbiter) => Self::start_in_arbiter(arbiter, make),
                None => Self::create(make),
            }
        };
        PlannerDoor { planner: Arc::new(Mutex::new(open())), open: Arc::new(open) }
    }

    /// Ticks only while there is something to plan.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        if self.armed || !self.desk.has_work() {
            return;
        }
        self.armed = true;
        let next = self.ticked_at.plus_s(self.desk.next_tick_s());
        ctx.run_later(self.clock.wall_until(next).max(TICK_WALL_MIN), Self::tick);
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = self.clock.now();
        self.ticked_at = now;
        let survey = self.desk.survey(now, &[]);
        if survey.pickups.is_empty() {
            self.armed = false;
            return self.arm(ctx);
        }
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

    fn act(&mut self, due: &BTreeSet<DeliveryId>, around: &Around) {
        let (at, settings, answers) = (self.clock.now(), self.settings, &self.answers);
        let deeds = self.desk.tick(at, due, &around.seen, |open, decided| {
            answers.record(|| {
                let open = open.iter().map(|open| open.sought()).collect();
                let (policy, around, decided) = (Policy::Matcher, around.clone(), decided.to_vec());
                Tick { at, policy, settings, open, around, decided }
            });
        });
        deeds.into_iter().for_each(|deed| self.see_to(deed));
    }

    fn see_to(&self, deed: Deed) {
        match deed {
            Deed::Ask { search, origin, chosen, also, near, bundle } => {
                let asked = std::iter::once(&chosen).chain(&also);
                asked.for_each(|rider_id| self.zone.reserve(search.delivery_id, *rider_id));
                self.answers.choose(&search, (chosen, also), near, bundle, origin);
            }
            Deed::Hold { delivery_id, round, until, origin } => {
                self.answers.hold(delivery_id, round, until, self.settings.wait_max_s, origin);
            }
            Deed::Nearest { search, origin } => self.answers.nearest(search, origin),
            Deed::Exchange { better, pickup } => {
                self.zone.reserve(better.delivery_id, better.chosen.rider_id);
                let origin = Origin { cause: None, correlation: better.delivery_id.0 };
                self.answers.exchange(better, pickup, origin);
            }
        }
    }
}

impl Actor for Planner {
    type Context = Context<Self>;
}

impl Handler<Seek> for Planner {
    type Result = ();
    fn handle(&mut self, Seek { search, origin, waiting }: Seek, ctx: &mut Context<Self>) {
        match self.desk.seek(search, origin, waiting) {
            Ok(()) => self.arm(ctx),
            Err(search) => self.answers.nearest(search, origin),
        }
    }
}

impl Handler<Heard> for Planner {
    type Result = ();
    fn handle(&mut self, Heard(facts): Heard, ctx: &mut Context<Self>) {
        let now = self.clock.now();
        facts.into_iter().for_each(|(id, news)| self.desk.heard(id, news, now));
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
        let concerns = |fact: &&Arc<Recorded>| News::KINDS.contains(&&*fact.kind);
        let news = |fact: &Arc<Recorded>| {
            let event = fact.typed::<DeliveryEvent>().ok()?;
            Some((DeliveryId(fact.stream.id), News::of(&event, fact.at)?))
        };
        let heard: Vec<_> = facts.iter().filter(concerns).filter_map(news).collect();
        if !heard.is_empty() {
            // Missed, a delivery stays in the plan until its own time is over.
            self.planner().try_send(Heard(heard)).unwrap_or_else(|error| warn!(%error, "the plan misses facts"));
        }
    }
}
