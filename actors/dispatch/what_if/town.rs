//! A recorded day lived again: every delivery by its own decider, riders as they were on duty, food as it was ready, and
//! the live plan, or the search for the nearest, over them. Second by second, without a clock.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        Delivery, DeliveryCommand as Command, DeliveryState, RiderStep,
        event::{Candidate, DeliveryEvent, Offered, Requested, SearchStarted, UnassignReason},
        fleet::{Ways, delivery_of, seconds},
        live::{Likely, PlanSettings, Searching, Waiting},
        matcher::{Place, Seconds, dice::Dice},
        record::Policy as By,
        recorded_day::{Answer, DayOrder, RecordedDay},
        rules::DispatchRules as Rules,
        survey::Errand,
    },
    manners::Manners,
    planner::TownPlanner,
    riders::Rider,
};
use crate::{
    decider::{Deadline, Decider as _},
    ids::{BundleId, CourtId, DeliveryId, OfferId, OrderId, RiderId},
    place::{LocalMap, Position},
    time::Timestamp,
    travel::{GreatCircle, Vehicle},
};

/// Where everything is, and how long it takes.
pub(super) struct Ground {
    pub map: LocalMap,
    pub ways: Ways,
    pub estimate: GreatCircle,
    pub manners: Manners,
}

impl Ground {
    pub fn place(&self, at: Position) -> Place {
        let [x, y] = self.map.to_metres(at);
        Place { x, y }
    }
    /// Thousandths of the bicycle's estimated time that a ride really takes.
    #[expect(clippy::cast_possible_truncation, reason = "a pace in thousandths: 100 to 100,000")]
    pub fn pace(&self, vehicle: Vehicle) -> i64 {
        (self.estimate.bicycle_mps / self.estimate.speed_mps(vehicle) * self.manners.pace * 1000.0).round() as i64
    }
}

/// How the day is to be lived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub by: By,
    pub settings: PlanSettings,
    pub searching: Searching,
    /// Whether the plan knows what kitchens had taught.
    pub foresight: bool,
    /// Searched from so long before the food is ready, seconds.
    pub lead: Seconds,
}

/// An order on its way.
pub(super) struct Live<'a> {
    pub order: &'a DayOrder,
    pub state: DeliveryState,
    pub deadline: Option<Deadline<Command>>,
    pub handed: Option<Seconds>,
}

/// An offer that will be answered.
struct Thinking {
    at: Seconds,
    delivery_id: DeliveryId,
    offer_id: OfferId,
    rider_id: RiderId,
    /// `None`: never.
    yes: Option<bool>,
    bundle: Option<BundleId>,
    distance_m: u32,
}

/// The day.
pub(super) struct Town<'a> {
    pub way: Way,
    pub ground: Ground,
    pub day: &'a RecordedDay,
    pub riders: Vec<Rider>,
    pub lives: BTreeMap<DeliveryId, Live<'a>>,
    pub offers: u32,
    here: BTreeMap<RiderId, usize>,
    alive: BTreeSet<DeliveryId>,
    thinking: Vec<Thinking>,
    /// What its rider will give back, and when.
    leaving: Vec<(Seconds, DeliveryId, RiderId, UnassignReason)>,
    planner: TownPlanner,
    /// Stretches of duty that begin once their rider has brought what is left of the one before.
    late: Vec<usize>,
    told: Vec<(DeliveryId, Command)>,
}

impl<'a> Town<'a> {
    /// The day before its first second; `None` if nothing was to be delivered.
    pub fn new(day: &'a RecordedDay, way: Way) -> Option<Self> {
        let settings = &way.settings;
        let map = LocalMap::around(day.orders.values().next()?.pickup);
        let estimate = settings.estimate;
        let manners = Manners::of(day, &estimate, [settings.counter_s, settings.door_s]);
        let ground = Ground { map, ways: Ways::of(&estimate), estimate, manners };
        let mut riders: Vec<Rider> = day.duties.iter().map(|duty| Rider::new(duty, &ground)).collect();
        riders.sort_by_key(|rider| (rider.on, rider.id));
        let lives = day
            .orders
            .iter()
            .map(|(id, order)| (*id, Live { order, state: DeliveryState::default(), deadline: None, handed: None }));
        let planner = TownPlanner::new(way.settings, way.searching, day.orders.values().next()?.pickup);
        Some(Self {
            way,
            lives: lives.collect(),
            ground,
            day,
            riders,
            offers: 0,
            here: BTreeMap::new(),
            alive: BTreeSet::new(),
            thinking: vec![],
            leaving: vec![],
            planner,
            late: vec![],
            told: vec![],
        })
    }

    /// First and last second.
    pub fn span(&self) -> (Seconds, Seconds) {
        let known = self.lives.values().map(|live| seconds(live.order.known_at));
        let ready = self.lives.values().map(|live| seconds(live.order.ready_at)).max().unwrap_or(0);
        (known.min().unwrap_or(0), ready + 6 * 3_600)
    }

    /// Lives it all.
    pub fn live(&mut self, mut progress: impl FnMut(f64)) {
        let (first, last) = self.span();
        let mut coming: Vec<(Seconds, DeliveryId)> =
            self.lives.iter().map(|(id, live)| (seconds(live.order.known_at), *id)).collect();
        coming.sort_unstable_by(|a, b| b.cmp(a));
        let mut to_come = 0;
        for now in first..=last {
            while self.riders.get(to_come).is_some_and(|rider| rider.on <= now) {
                self.late.push(to_come);
                to_come += 1;
            }
            self.come_on_duty();
            while let Some((_, id)) = coming.pop_if(|(at, _)| *at <= now) {
                self.alive.insert(id);
                self.told.push((id, Command::Request(requested(self.lives[&id].order))));
                self.settle(now);
            }
            self.fall_due(now);
            self.answer(now);
            self.give_back(now);
            self.ride(now);
            self.plan(now);
            #[expect(clippy::cast_precision_loss, reason = "seconds of a day")]
            progress((now - first) as f64 / (last - first).max(1) as f64);
            if coming.is_empty() && self.alive.is_empty() {
                break;
            }
        }
        progress(1.0);
    }

    /// Nobody begins anew with food of the stretch before in the bag.
    fn come_on_duty(&mut self) {
        let (here, riders) = (&mut self.here, &self.riders);
        self.late.retain(|number| {
            let id = riders[*number].id;
            let carries = here.get(&id).is_some_and(|before| !riders[*before].bag.is_empty());
            if !carries {
                here.insert(id, *number);
            }
            carries
        });
    }

    pub fn rider(&mut self, id: RiderId) -> Option<&mut Rider> {
        self.here.get(&id).map(|number| &mut self.riders[*number])
    }

    /// Everybody on duty.
    pub fn on_duty(&self, now: Seconds) -> impl Iterator<Item = &Rider> {
        self.here.values().map(|number| &self.riders[*number]).filter(move |rider| rider.is_here(now))
    }

    /// What the plan may know of when food is ready.
    fn likely(&self, id: DeliveryId, now: Seconds) -> Option<Likely> {
        let live = self.lives.get(&id).filter(|live| self.way.foresight && !live.state.ready)?;
        let told = &live.order.likely;
        let at = told.partition_point(|(at, _)| seconds(*at) <= now).saturating_sub(1);
        // Whatever is past has not come true.
        told.get(at)?.1.map(|likely| likely.map(|at| at.max(instant(now))))
    }

    /// What it asks of a plan.
    fn waiting(&self, search: &SearchStarted, now: Seconds) -> Option<Waiting> {
        let state = &self.lives.get(&search.delivery_id)?.state;
        let asked = state.request.as_ref()?;
        let ready_at = if state.ready { asked.ready_at.min(instant(now)) } else { asked.ready_at };
        Some(Waiting {
            delivery_id: search.delivery_id,
            pickup: asked.pickup,
            dropoff: asked.dropoff,
            since: instant(now),
            ready_at,
            likely: self.likely(search.delivery_id, now),
            promised_at: asked.promised_at,
            not: search.not.clone(),
        })
    }

    /// Deadlines, kitchens and customers.
    fn fall_due(&mut self, now: Seconds) {
        for id in self.alive.iter().copied().collect::<Vec<_>>() {
            let live = &self.lives[&id];
            let order = live.order;
            if !live.state.ready && seconds(order.ready_at) <= now {
                self.told.push((id, Command::NoteReady));
            }
            if order.cancelled_at.is_some_and(|at| seconds(at) <= now) && order.delivered.is_none() {
                self.told.push((id, Command::Cancel { even_with_food: true }));
            }
            // A search begins when it is told to; all other deadlines are the delivery's own.
            let begins = live.state.round == 0;
            let lead = seconds(order.told_at) - self.way.lead;
            match &live.deadline {
                Some(due) if begins && lead <= now && matches!(due.command, Command::StartSearch) => {
                    let command = due.command.clone();
                    self.told.push((id, command));
                }
                Some(due) if !begins && due.at <= instant(now) => {
                    let command = due.command.clone();
                    self.told.push((id, command));
                }
                _ => {}
            }
            self.settle(now);
        }
    }

    /// Tells deliveries what is to be told, and acts on what they say.
    pub fn settle(&mut self, now: Seconds) {
        while let Some((id, command)) = self.told.pop() {
            let Some(live) = self.lives.get_mut(&id) else { continue };
            let mut at = instant(now);
            if let (Command::StartSearch, 0, Some(due)) = (&command, live.state.round, &live.deadline) {
                at = at.max(due.at); // it may be asked to begin before its usual time
            }
            let Ok(events) = Delivery::decide(&live.state, &command, at) else { continue };
            for event in &events {
                Delivery::evolve(&mut live.state, event, instant(now));
            }
            live.deadline = Delivery::deadline(&live.state);
            for event in &events {
                self.heard(id, event, now);
            }
        }
    }

    fn heard(&mut self, id: DeliveryId, event: &DeliveryEvent, now: Seconds) {
        self.planner.heard(id, event, now);
        match event {
            DeliveryEvent::SearchStarted(search) => match self.way.by {
                By::Nearest => self.nearest(search, now),
                By::Matcher => {
                    let waiting = self.waiting(search, now);
                    let sought = waiting.map(|waiting| self.planner.seek(search.clone(), waiting));
                    if let Some(Err(search)) = sought {
                        self.nearest(&search, now);
                    }
                }
            },
            DeliveryEvent::Offered(offered) => self.offered(offered, now),
            DeliveryEvent::OfferDeclined(no) => self.over(no.rider_id, no.offer_id, Some(false), now),
            DeliveryEvent::OfferExpired(no) => self.over(no.rider_id, no.offer_id, Some(false), now),
            DeliveryEvent::OfferRevoked(no) => self.over(no.rider_id, no.offer_id, None, now),
            DeliveryEvent::AssignmentRefused(no) => self.over(no.rider_id, no.offer_id, None, now),
            DeliveryEvent::Assigned(yes) => {
                self.over(yes.rider_id, yes.offer_id, Some(true), now);
                let errand = Errand { pickup: yes.pickup, dropoff: yes.dropoff, ready_at: yes.ready_at };
                if let Some(rider) = self.rider(yes.rider_id) {
                    rider.take(id, errand, instant(now));
                }
                let leaves = self.day.left.get(&(id, yes.rider_id));
                self.leaving.extend(leaves.map(|(after_s, why)| (now + after_s, id, yes.rider_id, *why)));
            }
            DeliveryEvent::Unassigned(gone) => {
                if let Some(rider) = self.rider(gone.rider_id) {
                    rider.lose(id, None, instant(now));
                }
            }
            DeliveryEvent::Delivered(_) => {
                self.alive.remove(&id);
                self.lives.entry(id).and_modify(|live| live.handed = Some(now));
            }
            DeliveryEvent::Unassignable(_) => drop(self.alive.remove(&id)),
            DeliveryEvent::Cancelled(gone) => {
                self.alive.remove(&id);
                if let Some(rider) = gone.rider_id.and_then(|id| self.rider(id)) {
                    rider.lose(id, None, instant(now));
                }
            }
            _ => {}
        }
    }

    /// An offer is over; `yes` teaches how its rider answers.
    fn over(&mut self, rider_id: RiderId, offer_id: OfferId, yes: Option<bool>, now: Seconds) {
        let offer = self.thinking.iter().position(|one| one.offer_id == offer_id);
        let distance_m = offer.map(|at| self.thinking.swap_remove(at).distance_m);
        if let Some(rider) = self.rider(rider_id) {
            rider.offers.retain(|one| *one != offer_id);
            if let (Some(yes), Some(distance_m)) = (yes, distance_m) {
                rider.duty.answered(distance_m, yes, instant(now));
            }
        }
    }

    fn offered(&mut self, offered: &Offered, now: Seconds) {
        self.offers += 1;
        let Offered { delivery_id, offer_id, rider_id, distance_m, .. } = *offered;
        let bundle = offered.bundle.as_ref().map(|bundle| bundle.bundle_id);
        let route = self.thinking.iter().find(|one| bundle.is_some() && one.bundle == bundle);
        // A route is thought about once.
        let (at, yes) = route.map_or_else(|| self.thought(offered, now), |one| (one.at, one.yes));
        self.thinking.push(Thinking { at, delivery_id, offer_id, rider_id, yes, bundle, distance_m });
        if let Some(rider) = self.rider(rider_id) {
            rider.offers.push(offer_id);
        }
    }

    /// What its rider will say, and when: as on the day, if it was asked on the day; else as they mostly do.
    fn thought(&self, offered: &Offered, now: Seconds) -> (Seconds, Option<bool>) {
        let (delivery_id, rider_id) = (offered.delivery_id, offered.rider_id);
        match self.day.answers.get(&(delivery_id, rider_id)) {
            Some(Answer::Yes(after_s)) => return (now + after_s, Some(true)),
            Some(Answer::No(after_s)) => return (now + after_s, Some(false)),
            Some(Answer::Silence) => return (now, None),
            None => {}
        }
        let then = now + self.ground.manners.answer_s;
        let duty = self.day.duties.iter().rev().find(|duty| duty.rider_id == rider_id);
        let Some(duty) = duty.filter(|_| self.day.knows_habits()) else { return (then, Some(true)) };
        // The same two get the same answer in every replay.
        let [a, b] = [delivery_id.0, rider_id.0].map(|id| id.as_u128());
        #[expect(clippy::cast_possible_truncation, reason = "any bits do")]
        let mut dice = Dice::new((a ^ b.rotate_left(64) ^ (a >> 64)) as u64);
        let chance = |dice: &mut Dice, of: f64| (dice.below(1_000_000) as f64) < of * 1e6;
        if chance(&mut dice, duty.habits[1].yes(offered.distance_m, instant(now))) {
            (then, Some(true))
        } else if chance(&mut dice, self.ground.manners.silent) {
            (now, None)
        } else {
            (then, Some(false))
        }
    }

    /// Riders say what they have thought.
    fn answer(&mut self, now: Seconds) {
        let due: Vec<_> = self.thinking.iter().filter(|one| one.at <= now && one.yes.is_some()).collect();
        let mut due: Vec<_> =
            due.iter().map(|one| (one.at, one.delivery_id, one.offer_id, one.rider_id, one.yes)).collect();
        due.sort_unstable();
        for (_, id, offer_id, rider_id, yes) in due {
            let (Some(number), Some(live)) = (self.here.get(&rider_id), self.lives.get(&id)) else { continue };
            let rider = &self.riders[*number];
            let in_time = rider.duty.until.is_none_or(|until| live.order.told_at <= until);
            let has_room = rider.is_here(now) && rider.bag.len() < rider.capacity as usize && in_time;
            let told = match yes == Some(true) && has_room {
                true => Command::Assign { rider_id, offer_id },
                false => Command::DeclineOffer { offer_id },
            };
            self.told.push((id, told));
            self.settle(now);
        }
    }

    /// Riders give back what they gave back on the day, if they have it this time and have not fetched it sooner.
    fn give_back(&mut self, now: Seconds) {
        let due = self.leaving.extract_if(.., |(at, ..)| *at <= now);
        for (_, id, rider_id, reason) in due.collect::<Vec<_>>() {
            self.told.push((id, Command::Unassign { rider_id, reason }));
            self.settle(now);
        }
    }

    fn ride(&mut self, now: Seconds) {
        let mut steps: Vec<(DeliveryId, RiderId, RiderStep)> = vec![];
        let lives = &self.lives;
        for number in self.here.values() {
            let rider = &mut self.riders[*number];
            if rider.is_here(now) {
                let rider_id = rider.id;
                let is_ready = |id| lives.get(&id).is_some_and(|live: &Live<'_>| live.state.ready);
                rider.live(now, &self.ground, is_ready, |id, step| steps.push((id, rider_id, step)));
            }
        }
        for (id, rider_id, step) in steps {
            self.told.push((id, Command::Step { rider_id, step }));
            self.settle(now);
        }
    }

    /// The nearest who has room, in the radius of the round.
    fn nearest(&mut self, search: &SearchStarted, now: Seconds) {
        let at = instant(now);
        let found = self.on_duty(now).filter_map(|rider| {
            let position = rider.position(now, &self.ground);
            let takes = self.ground.estimate.takes(rider.vehicle, position, search.pickup);
            let in_time = rider.duty.until.is_none_or(|until| at.plus(takes) <= until);
            let distance_m = position.distance_m(search.pickup);
            let has_room = rider.places_free() > 0 && rider.bag.iter().all(|one| one.delivery_id != search.delivery_id);
            let suits = in_time && has_room && !search.not.contains(&rider.id);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "metres and seconds")]
            let (far, travel_s) = (distance_m.round() as u32, takes.as_secs() as u32);
            let near = Candidate { rider_id: rider.id, distance_m: far, travel_s: Some(travel_s) };
            (suits && distance_m <= f64::from(search.radius_m)).then_some(near)
        });
        let mut candidates: Vec<Candidate> = found.collect();
        candidates.sort_by_key(|one| (one.distance_m, one.rider_id));
        candidates.truncate(Rules::CANDIDATES);
        let (round, at_once) = (search.round, self.way.settings.ask_at_once);
        self.told.push((search.delivery_id, Command::NoteCandidates { round, candidates, at_once }));
    }

    fn plan(&mut self, now: Seconds) {
        if self.way.by == By::Nearest || !self.planner.is_due(now) {
            return;
        }
        let here = self.here.values().map(|number| &self.riders[*number]).filter(|rider| rider.is_here(now));
        let (commands, unplanned) = self.planner.tick(now, here, &self.ground);
        for (rider_id, at) in self.planner.sent() {
            let place = self.ground.place(at);
            if let Some(rider) = self.rider(rider_id) {
                rider.send(place);
            }
        }
        for told in commands {
            self.told.push(told);
            self.settle(now);
        }
        for search in unplanned {
            self.nearest(&search, now);
            self.settle(now);
        }
    }
}

pub(super) const fn instant(s: Seconds) -> Timestamp {
    Timestamp::from_micros(s * 1_000_000)
}

fn requested(order: &DayOrder) -> Requested {
    let nil = delivery_of(0).0;
    Requested {
        delivery_id: order.delivery_id,
        order_id: OrderId(nil),
        court_id: CourtId(nil),
        pickup: order.pickup,
        dropoff: order.dropoff,
        ready_at: order.told_at,
        promised_at: order.promised_at,
        assign_by: Rules::assign_by(order.told_at, order.known_at),
        proof: Default::default(),
    }
}
