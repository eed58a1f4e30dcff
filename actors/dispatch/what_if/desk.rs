//! The planner of a day that is lived again: which deliveries are in the plan, and what its verdicts ask for, as the live
//! planner has it; only that nothing here waits for an answer from anywhere.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        DeliveryCommand as Command,
        better::{self, Riding},
        event::{Candidate, DeliveryEvent, SearchStarted},
        live::{Likely, LivePlan, PlanSettings, Searching, Verdict, Waiting},
        matcher::{LIKELY, Seconds},
        planner::{FETCHED_WITHIN_S, NEAR, askable, bundles},
        rules::DispatchRules as Rules,
        survey::{Seen, courts},
        zone::Near,
    },
    riders::Rider,
    town::{Ground, instant},
};
use crate::{
    ids::{DeliveryId, RiderId},
    place::Position,
};

/// A delivery in the plan.
struct Open {
    search: SearchStarted,
    waiting: Waiting,
    is_held: bool,
}

/// Commands to deliveries, and searches that the plan leaves to the nearest.
pub(super) type Orders = (Vec<(DeliveryId, Command)>, Vec<SearchStarted>);

/// The planner.
pub(super) struct Desk {
    settings: PlanSettings,
    near: usize,
    sends: bool,
    plan: LivePlan,
    open: BTreeMap<DeliveryId, Open>,
    likely: BTreeMap<DeliveryId, Likely>,
    riding: BTreeMap<DeliveryId, Riding>,
    bettered: BTreeSet<DeliveryId>,
    /// Who said no or nothing to what is not picked up.
    refused: BTreeMap<DeliveryId, BTreeSet<RiderId>>,
    /// Where food is fetched, for those who are sent to wait for it.
    courts: Vec<Position>,
    ticked: Seconds,
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
            bettered: BTreeSet::new(),
            refused: BTreeMap::new(),
            courts: vec![],
            ticked: Seconds::MIN / 2,
        }
    }

    /// A search is to be answered by the plan.
    pub fn seek(&mut self, search: SearchStarted, mut waiting: Waiting) {
        let known = self.open.get(&search.delivery_id);
        waiting.since = known.map_or(waiting.since, |open| open.waiting.since);
        if self.sends && !self.courts.contains(&search.pickup) {
            self.courts.push(search.pickup);
        }
        self.open.insert(search.delivery_id, Open { search, waiting, is_held: false });
    }

    /// What has become of a delivery.
    pub fn heard(&mut self, id: DeliveryId, event: &DeliveryEvent, now: Seconds) {
        let at = instant(now);
        match event {
            DeliveryEvent::Offered(_) | DeliveryEvent::NobodyNear(_) => drop(self.open.remove(&id)),
            DeliveryEvent::OfferDeclined(no) => drop(self.refused.entry(id).or_default().insert(no.rider_id)),
            DeliveryEvent::OfferExpired(no) => drop(self.refused.entry(id).or_default().insert(no.rider_id)),
            DeliveryEvent::ReadyNoted(_) => {
                self.likely.entry(id).and_modify(|likely| *likely = [at; LIKELY]);
                self.riding.entry(id).and_modify(|riding| riding.ready_at = at);
                if let Some(open) = self.open.get_mut(&id) {
                    open.waiting.ready_at = open.waiting.ready_at.min(at);
                    open.waiting.likely = None;
                }
            }
            DeliveryEvent::Assigned(yes) if self.settings.better_s > 0 && !self.bettered.contains(&id) => {
                let ready_at = self.likely.get(&id).map_or(yes.ready_at, |likely| likely[LIKELY / 2]);
                let (rider_id, pickup, dropoff) = (yes.rider_id, yes.pickup, yes.dropoff);
                self.riding.insert(id, Riding { rider_id, pickup, dropoff, ready_at, since: at });
            }
            DeliveryEvent::ArrivedAtPickup(_) | DeliveryEvent::Unassigned(_) => drop(self.riding.remove(&id)),
            DeliveryEvent::Cancelled(_) | DeliveryEvent::Unassignable(_) | DeliveryEvent::PickedUp(_) => {
                self.open.remove(&id);
                self.likely.remove(&id);
                self.riding.remove(&id);
                self.bettered.remove(&id);
                self.refused.remove(&id);
            }
            _ => {}
        }
    }

    /// Whether it is time to plan.
    pub fn is_due(&self, now: Seconds) -> bool {
        let has_work = !self.open.is_empty() || !self.riding.is_empty() || !self.courts.is_empty();
        has_work && now >= self.ticked + self.settings.tick_s
    }

    /// Those of `riders` who are near enough to what is planned, and not being asked.
    pub fn look<'a>(&self, riders: impl Iterator<Item = &'a Rider>, now: Seconds, ground: &Ground) -> Vec<Seen> {
        let free = riders.filter(|rider| rider.offers.is_empty());
        let seen: Vec<Seen> = free
            .map(|rider| Seen {
                rider_id: rider.id,
                position: rider.position(now, ground),
                vehicle: rider.vehicle,
                capacity: rider.capacity,
                bag: rider.bag.clone(),
                duty: rider.duty,
            })
            .collect();
        let riding = self.riding.values().map(|one| one.pickup);
        let waiting = self.open.values().map(|open| open.search.pickup);
        let pickups = courts(waiting, riding.chain(self.courts.iter().copied()), self.near);
        let mut near = BTreeSet::new();
        for (pickup, enough) in pickups {
            let far = seen.iter().enumerate().map(|(number, one)| (one.position.distance_m(pickup), number));
            let mut far: Vec<_> = far.filter(|(metres, _)| *metres <= Rules::RADIUS_MAX_M).collect();
            far.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            near.extend(far.into_iter().take(enough).map(|(_, number)| number));
        }
        let mut around: Vec<Seen> = near.into_iter().map(|number| seen[number].clone()).collect();
        around.sort_by_key(|one| one.rider_id);
        around
    }

    /// Plans, and tells what comes of it.
    pub fn tick(&mut self, now: Seconds, riders: &[Seen], ground: &Ground) -> Orders {
        self.ticked = now;
        let at = instant(now);
        self.riding.retain(|_, one| at < one.since.max(one.ready_at).plus_min(Rules::ARRIVE_WITHIN_MIN));
        self.likely.retain(|_, likely| at < likely[0].plus_s(FETCHED_WITHIN_S));
        let waiting: Vec<Waiting> = self.open.values().map(|open| open.waiting.clone()).collect();
        let (mut told, mut unplanned) = (vec![], vec![]);
        let mut meant = BTreeSet::new();
        if !waiting.is_empty() || self.sends {
            let decided = self.plan.tick(at, &waiting, riders, &self.likely);
            let routes = bundles(&decided, |id| self.open.get(id).map(|open| (open.search.round, &open.waiting)));
            for one in decided {
                meant.extend(one.verdict.rider().into_iter().chain(one.also.iter().copied()));
                let Some(open) = self.open.get_mut(&one.delivery_id) else { continue };
                let (id, round) = (one.delivery_id, open.search.round);
                match one.verdict {
                    Verdict::Ask(chosen) => {
                        let near = askable(riders, &one.weighed, chosen);
                        let candidates = near.iter().map(|near| candidate(near, open.search.pickup, ground)).collect();
                        let (also, bundle) = (one.also, routes.get(&id).cloned());
                        told.push((id, Command::NoteChoice { round, chosen, also, candidates, bundle }));
                        self.likely.extend(open.waiting.likely.map(|likely| (id, likely)));
                    }
                    Verdict::Wait { until, .. } if !open.is_held => {
                        open.is_held = true;
                        let wait_max_s = self.settings.wait_max_s;
                        told.push((id, Command::HoldBack { round, until, wait_max_s }));
                    }
                    Verdict::Wait { .. } => {}
                    Verdict::Nearest if open.is_held => {}
                    Verdict::Nearest => unplanned.extend(self.open.remove(&id).map(|open| open.search)),
                }
            }
        }
        if self.settings.better_s > 0 {
            self.exchange(now, riders, &meant, ground, &mut told);
        }
        (told, unplanned)
    }

    fn exchange(
        &mut self,
        now: Seconds,
        riders: &[Seen],
        meant: &BTreeSet<RiderId>,
        ground: &Ground,
        told: &mut Vec<(DeliveryId, Command)>,
    ) {
        let refused = |id, rider| self.refused.get(&id).is_some_and(|refused| refused.contains(&rider));
        for better in better::better(&self.settings, instant(now), &self.riding, riders, meant, &refused) {
            let Some(riding) = self.riding.remove(&better.delivery_id) else { continue };
            self.bettered.insert(better.delivery_id);
            let near = [&better.chosen, &better.bearer].map(|seen| Near::of(seen, riding.pickup));
            let candidates = near.iter().map(|near| candidate(near, riding.pickup, ground)).collect();
            let (bearer, chosen) = (better.bearer.rider_id, better.chosen.rider_id);
            let later_s = u32::try_from(better.sooner_s).unwrap_or(0);
            told.push((better.delivery_id, Command::AskBetter { bearer, later_s, chosen, candidates }));
        }
    }

    /// Who should go where to wait for orders.
    pub fn sent(&self) -> Vec<(RiderId, Position)> {
        self.plan.sent().to_vec()
    }
}

fn candidate(near: &Near, pickup: Position, ground: &Ground) -> Candidate {
    let takes = ground.estimate.takes(near.vehicle, near.position, pickup);
    let travel_s = u32::try_from(takes.as_secs()).ok();
    Candidate { rider_id: near.rider_id, distance_m: near.distance_m, travel_s }
}
