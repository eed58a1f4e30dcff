//! What a planner keeps in mind between its ticks: which deliveries are in the plan, what food is likely to do, who is on
//! the way to a court and what was tried there; and what a tick makes of it. Pure, and the same for the live planner and
//! for a day that is lived again: the one turns the deeds into questions to the outside, the other into commands at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    better::{self, Better, Riding},
    event::{Assigned, DeliveryEvent, SearchStarted},
    live::{Decided, Likely, LivePlan, PlanSettings, Searching, Verdict, Waiting, Weighed},
    matcher::{LIKELY, near::CROWD_MAX},
    record::Sought,
    rules::DispatchRules as Rules,
    survey::{Seen, Survey, courts},
    zone::Near,
};
use crate::{
    bundle::{Bundle, BundleStop},
    decider::Origin,
    ids::{BundleId, DeliveryId, OfferId, RiderId},
    place::Position,
    time::Timestamp,
};

/// Deliveries in one plan; further ones go to the nearest. A tick of 5,000 takes 52 ms on a core, spread over many courts.
pub(super) const WAITING_MAX: usize = 5_000;
/// Riders looked at around each court; more where a crowd of deliveries waits there.
const NEAR: usize = 48;
/// A rider chosen is heard to be asked within this, seconds: usually at once, and a router may take two. After it the
/// answer is lost, and the delivery is planned anew; one that was asked all the same ignores it.
const HEARD_S: i64 = 10;
/// Where more wait at one court than a tick plans, and riders are there to be asked, the next one comes after this, seconds.
const CROWD_TICK_S: i64 = 1;
/// What was tried is forgotten after this, seconds, where the end was not heard: no search lasts so long.
const TRIED_S: i64 = 7_200;
/// What is known of food that a rider has still to fetch is forgotten so long after it should be ready, seconds.
const FETCHED_WITHIN_S: i64 = 3_600;

/// A delivery in the plan.
pub(super) struct Open {
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
    pub fn sought(&self) -> Sought {
        let SearchStarted { round, radius_m, deadline_at, .. } = self.search;
        Sought { waiting: self.waiting.clone(), round, radius_m, deadline_at }
    }
}

/// What a planner must know of a delivery.
#[derive(Clone, Copy)]
pub(super) enum News {
    /// Its food is ready.
    Ready(Timestamp),
    /// This rider will not take it.
    Refused(RiderId),
    /// The search of this round has had its answer.
    Answered(u32),
    /// Another rider is asked in the place of who has it, by whichever node's plan.
    Bettered,
    /// Somebody has it and rides to the court.
    Riding(Riding),
    /// Who had it is at the court, or has it no more.
    Settled,
    /// It waits for no rider any more, and no rider for its food.
    Over,
}

impl News {
    /// The facts that are news.
    pub const KINDS: [&'static str; 11] = [
        "delivery.cancelled",
        "delivery.unassignable",
        "delivery.picked_up",
        "delivery.arrived_at_pickup",
        "delivery.unassigned",
        "delivery.offer_declined",
        "delivery.offer_expired",
        "delivery.assigned",
        "delivery.ready_noted",
        "delivery.offered",
        "delivery.nobody_near",
    ];

    /// What `event` tells that was recorded at `at`.
    pub const fn of(event: &DeliveryEvent, at: Timestamp) -> Option<Self> {
        Some(match event {
            DeliveryEvent::Cancelled(_) | DeliveryEvent::Unassignable(_) | DeliveryEvent::PickedUp(_) => Self::Over,
            DeliveryEvent::ArrivedAtPickup(_) | DeliveryEvent::Unassigned(_) => Self::Settled,
            DeliveryEvent::OfferDeclined(no) => Self::Refused(no.rider_id),
            DeliveryEvent::OfferExpired(silence) => Self::Refused(silence.rider_id),
            DeliveryEvent::Assigned(Assigned { rider_id, pickup, dropoff, ready_at, .. }) => Self::Riding(Riding {
                rider_id: *rider_id,
                pickup: *pickup,
                dropoff: *dropoff,
                ready_at: *ready_at,
                since: at,
            }),
            DeliveryEvent::ReadyNoted(_) => Self::Ready(at),
            DeliveryEvent::Offered(offered) if offered.instead_of.is_some() => Self::Bettered,
            DeliveryEvent::Offered(offered) => Self::Answered(offered.round),
            DeliveryEvent::NobodyNear(nobody) => Self::Answered(nobody.round),
            _ => return None,
        })
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

/// What a tick wants done.
pub(super) enum Deed {
    /// Ask the chosen one, and the others at the same time.
    Ask {
        search: SearchStarted,
        origin: Origin,
        chosen: RiderId,
        also: Vec<RiderId>,
        near: Vec<Near>,
        bundle: Option<Bundle>,
    },
    /// Somebody is planned who need not be asked before `until`.
    Hold { delivery_id: DeliveryId, round: u32, until: Timestamp, origin: Origin },
    /// The plan has nobody.
    Nearest { search: SearchStarted, origin: Origin },
    /// Ask somebody better than who has it.
    Exchange { better: Better, pickup: Position },
}

/// The state.
pub(super) struct Desk {
    settings: PlanSettings,
    near: usize,
    /// Plans also while nothing waits, to send idle riders about: a replay's knob.
    sends: bool,
    plan: LivePlan,
    /// Ordered, so that a simulated day repeats to the bit.
    open: BTreeMap<DeliveryId, Open>,
    /// When food may be ready that riders were asked for; until it is picked up.
    likely: BTreeMap<DeliveryId, Likely>,
    /// Deliveries whose riders are on the way to the court, where another one may be asked.
    riding: BTreeMap<DeliveryId, Riding>,
    /// What was tried for deliveries that are not picked up, if another one may be asked.
    tried: BTreeMap<DeliveryId, Tried>,
    /// Whether the last survey left some of a crowd for later.
    left: bool,
    /// Whether the tick after it asked anybody.
    asked: bool,
}

impl Desk {
    pub fn new(settings: PlanSettings, searching: Searching, centre: Position) -> Self {
        Self {
            settings,
            near: searching.tuning.near.max(NEAR),
            sends: searching.tuning.position,
            plan: LivePlan::searching(settings, searching, centre),
            open: BTreeMap::new(),
            likely: BTreeMap::new(),
            riding: BTreeMap::new(),
            tried: BTreeMap::new(),
            left: false,
            asked: false,
        }
    }

    /// How long after the last tick the next one should come, seconds.
    pub fn next_tick_s(&self) -> i64 {
        let usual_s = self.settings.tick_s;
        if self.left && self.asked { usual_s.min(CROWD_TICK_S) } else { usual_s }
    }

    /// Whether somebody waits, or rides to a court and might be replaced.
    pub fn has_work(&self) -> bool {
        !self.open.is_empty() || !self.riding.is_empty()
    }

    /// Who should go where to wait for orders, by the last tick.
    pub fn sent(&self) -> &[(RiderId, Position)] {
        self.plan.sent()
    }

    /// Takes a search into the plan; gives it back where there is no room.
    pub fn seek(&mut self, search: SearchStarted, origin: Origin, mut waiting: Waiting) -> Result<(), SearchStarted> {
        let id = search.delivery_id;
        let known = self.open.get(&id);
        if known.is_some_and(|open| open.search.round >= search.round) {
            return Ok(()); // read again
        }
        if known.is_none() && self.open.len() >= WAITING_MAX {
            return Err(search);
        }
        waiting.since = known.map_or(waiting.since, |open| open.waiting.since);
        self.open.insert(id, Open { search, origin, waiting, held_until: None, asked_until: None });
        Ok(())
    }

    /// What has become of a delivery.
    pub fn heard(&mut self, id: DeliveryId, news: News, now: Timestamp) {
        match news {
            News::Ready(at) => {
                self.likely.entry(id).and_modify(|likely| *likely = [at; LIKELY]);
                self.riding.entry(id).and_modify(|riding| riding.ready_at = at);
                if let Some(open) = self.open.get_mut(&id) {
                    open.waiting.ready_at = open.waiting.ready_at.min(at);
                    open.waiting.likely = None;
                }
            }
            News::Refused(rider_id) => drop(self.tried(id, now).map(|tried| tried.refused.insert(rider_id))),
            News::Answered(round) => {
                if self.open.get(&id).is_some_and(|open| open.search.round <= round) {
                    self.open.remove(&id);
                }
            }
            News::Bettered => {
                self.riding.remove(&id);
                self.note_bettered(id, now);
            }
            News::Riding(mut riding) => {
                let bettered = self.tried.get(&id).is_some_and(|tried| tried.bettered);
                if self.settings.better_s > 0 && !bettered && self.riding.len() < WAITING_MAX {
                    riding.ready_at = self.likely.get(&id).map_or(riding.ready_at, |likely| likely[LIKELY / 2]);
                    self.riding.insert(id, riding);
                }
            }
            News::Settled => drop(self.riding.remove(&id)),
            News::Over => {
                self.open.remove(&id);
                self.likely.remove(&id);
                self.riding.remove(&id);
                self.tried.remove(&id);
            }
        }
    }

    /// Where one more try is noted; `None`: nobody may be asked in another's place, or too much is remembered.
    fn tried(&mut self, id: DeliveryId, now: Timestamp) -> Option<&mut Tried> {
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

    fn note_bettered(&mut self, id: DeliveryId, now: Timestamp) {
        if let Some(tried) = self.tried(id, now) {
            tried.bettered = true;
        }
    }

    /// Forgets what is over, and tells where to look for riders for the rest; `courts` are looked around as well.
    pub fn survey(&mut self, now: Timestamp, courts_too: &[Position]) -> Survey {
        // Whoever is past the deadline has begun another round, or is about to.
        self.open.retain(|_, open| now < open.held_until.unwrap_or(open.search.deadline_at).plus_s(Rules::SEARCH_S));
        self.riding.retain(|_, riding| now < riding.since.max(riding.ready_at).plus_min(Rules::ARRIVE_WITHIN_MIN));
        self.likely.retain(|_, likely| now < likely[0].plus_s(FETCHED_WITHIN_S));
        let (due, left) = self.due(now);
        let riding = self.riding.values().map(|riding| riding.pickup);
        let pickups =
            courts(due.iter().map(|open| open.search.pickup), riding.chain(courts_too.iter().copied()), self.near);
        let deliveries = due.iter().map(|open| open.search.delivery_id).collect();
        (self.left, self.asked) = (left, false);
        Survey { pickups, deliveries }
    }

    /// What the next tick plans: of a crowd at one court those whose food is ready first. The cost of a tick grows with the
    /// square of such a crowd, so it is taken in parts. And whether any were left for later.
    fn due(&self, now: Timestamp) -> (Vec<&Open>, bool) {
        let mut due: Vec<&Open> = self.open.values().filter(|open| open.is_due(now)).collect();
        let all = due.len();
        due.sort_by_key(|open| (open.waiting.ready_at, open.waiting.since));
        let mut waiting = HashMap::new();
        due.retain(|open| {
            let Open { search: SearchStarted { pickup, .. }, .. } = open;
            let before: &mut usize = waiting.entry([pickup.lat(), pickup.lon()].map(f64::to_bits)).or_default();
            *before += 1;
            *before <= CROWD_MAX
        });
        let left = due.len() < all;
        (due, left)
    }

    /// Plans those of `due` that still wait: what came since was not looked around for, and has its turn next. `riders` stand
    /// in the order of their ids. `note` hears of what was planned, if anything was.
    pub fn tick(
        &mut self,
        now: Timestamp,
        due: &BTreeSet<DeliveryId>,
        riders: &[Seen],
        note: impl FnOnce(&[&Open], &[Decided]),
    ) -> Vec<Deed> {
        let due: Vec<&Open> = due.iter().filter_map(|id| self.open.get(id)).collect();
        let (mut deeds, mut meant) = (vec![], BTreeSet::new());
        if !due.is_empty() || self.sends {
            let waiting: Vec<Waiting> = due.iter().map(|open| open.waiting.clone()).collect();
            let decided = self.plan.tick(now, &waiting, riders, &self.likely);
            note(&due, &decided);
            meant
                .extend(decided.iter().flat_map(|one| one.verdict.rider().into_iter().chain(one.also.iter().copied())));
            deeds = self.answer(now, riders, decided);
            self.asked = deeds.iter().any(|deed| matches!(deed, Deed::Ask { .. }));
        }
        deeds.extend(self.exchange(now, riders, &meant));
        deeds
    }

    /// What the verdicts ask for.
    fn answer(&mut self, now: Timestamp, riders: &[Seen], decided: Vec<Decided>) -> Vec<Deed> {
        let mut bundles = self.bundles(&decided);
        let mut deeds = vec![];
        for Decided { delivery_id, verdict, weighed, also, .. } in decided {
            let Some(open) = self.open.get_mut(&delivery_id) else { continue };
            let origin = open.origin;
            match verdict {
                Verdict::Ask(chosen) => {
                    let (search, near) = (open.search.clone(), askable(riders, &weighed, chosen));
                    let bundle = bundles.remove(&delivery_id);
                    self.likely.extend(open.waiting.likely.map(|likely| (delivery_id, likely)));
                    // Until it is heard: an answer that the journal did not take is given again.
                    open.asked_until = Some(now.plus_s(HEARD_S));
                    deeds.push(Deed::Ask { search, origin, chosen, also, near, bundle });
                }
                Verdict::Wait { until, .. } if open.held_until.is_none() => {
                    open.held_until = Some(until.min(now.plus_s(Rules::HOLD_S)));
                    deeds.push(Deed::Hold { delivery_id, round: open.search.round, until, origin });
                }
                Verdict::Wait { .. } => {}
                // Held back already: it looks again by itself, and soon.
                Verdict::Nearest if open.held_until.is_some() => {}
                Verdict::Nearest => {
                    let left = self.open.remove(&delivery_id);
                    deeds.extend(left.map(|open| Deed::Nearest { search: open.search, origin }));
                }
            }
        }
        deeds
    }

    /// Whoever would have a delivery at the door sooner than the rider on the way to it. One try a delivery.
    ///
    /// In a cluster each node's planner follows all deliveries and looks for such riders among the same ones, so two may
    /// find somebody for one delivery in the same moment. The delivery's own entity takes the first question and ignores the
    /// second (`ask_better`: nobody else is being asked, and once in all), so nobody is asked twice and nothing flaps; the
    /// fact of the first ends the search of the others ([`News::Bettered`]). What it costs is a command without effect,
    /// and a rider hidden from the second node's searches for [`Rules::RESERVE_S`].
    fn exchange(&mut self, now: Timestamp, riders: &[Seen], meant: &BTreeSet<RiderId>) -> Vec<Deed> {
        let refused = |id, rider_id| self.tried.get(&id).is_some_and(|tried| tried.refused.contains(&rider_id));
        let mut deeds = vec![];
        for better in better::better(&self.settings, now, &self.riding, riders, meant, &refused) {
            let Some(riding) = self.riding.remove(&better.delivery_id) else { continue };
            self.note_bettered(better.delivery_id, now);
            deeds.push(Deed::Exchange { better, pickup: riding.pickup });
        }
        deeds
    }

    /// Deliveries that one rider is asked for at once are one route.
    fn bundles(&self, decided: &[Decided]) -> BTreeMap<DeliveryId, Bundle> {
        let mut asked: BTreeMap<RiderId, Vec<&Decided>> = BTreeMap::new();
        for one in decided {
            if let Verdict::Ask(rider_id) = one.verdict {
                asked.entry(rider_id).or_default().push(one);
            }
        }
        let mut bundles = BTreeMap::new();
        for (rider_id, mut route) in asked.into_iter().filter(|(_, route)| route.len() > 1) {
            route.sort_by_key(|one| one.route.iter().position(|id| *id == one.delivery_id));
            let stops = route.iter().filter_map(|one| self.open.get(&one.delivery_id)).map(|open| BundleStop {
                delivery_id: open.search.delivery_id,
                dropoff_coarse: open.waiting.dropoff.coarse(),
                ready_at: open.waiting.ready_at,
            });
            let Some(first) = self.open.get(&route[0].delivery_id) else { continue };
            let first = OfferId::of(first.search.delivery_id, rider_id, first.search.round);
            let bundle = Bundle { bundle_id: BundleId::of(first), stops: stops.collect() };
            bundles.extend(route.iter().map(|one| (one.delivery_id, bundle.clone())));
        }
        bundles
    }
}

/// Whom to ask, of those that were weighed: who is free, and the chosen one.
fn askable(riders: &[Seen], weighed: &[Weighed], chosen: RiderId) -> Vec<Near> {
    let free = weighed.iter().filter(|one| !one.declined).filter_map(|one| {
        let at = riders.binary_search_by_key(&one.rider_id, |seen| seen.rider_id).ok()?;
        let seen = Some(&riders[at]).filter(|seen| seen.bag.is_empty() || seen.rider_id == chosen)?;
        let (rider_id, distance_m) = (seen.rider_id, one.distance_m);
        Some(Near { rider_id, distance_m, position: seen.position, vehicle: seen.vehicle })
    });
    free.collect()
}
