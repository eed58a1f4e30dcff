//! The planner of a day that is lived again: the live planner's own desk, with nothing around it that has to be waited for.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{
    super::{
        DeliveryCommand as Command,
        desk::{Deed, Desk, News},
        event::{Candidate, DeliveryEvent, SearchStarted},
        index::RiderIndex,
        live::{PlanSettings, Searching, Waiting},
        matcher::Seconds,
        rules::DispatchRules as Rules,
        survey::{Seen, Survey},
        zone::Near,
    },
    riders::Rider,
    town::{Ground, instant},
};
use crate::{
    decider::Origin,
    ids::{DeliveryId, RiderId},
    place::Position,
};

/// Nobody asks where a command of a replay comes from.
const ORIGIN: Origin = Origin { cause: None, correlation: Uuid::nil() };

/// Commands to deliveries, and searches that the plan leaves to the nearest.
pub(super) type Orders = (Vec<(DeliveryId, Command)>, Vec<SearchStarted>);

/// The planner.
pub(super) struct TownPlanner {
    settings: PlanSettings,
    desk: Desk,
    centre: Position,
    sends: bool,
    /// Where food is fetched, for those who are sent to wait for it.
    courts: Vec<Position>,
    ticked: Seconds,
}

impl TownPlanner {
    pub fn new(settings: PlanSettings, searching: Searching, centre: Position) -> Self {
        let desk = Desk::new(settings, searching, centre);
        Self { settings, desk, centre, sends: searching.tuning.position, courts: vec![], ticked: Seconds::MIN / 2 }
    }

    /// A search is to be answered by the plan; it comes back where there is no room.
    pub fn seek(&mut self, search: SearchStarted, waiting: Waiting) -> Result<(), SearchStarted> {
        if self.sends && !self.courts.contains(&search.pickup) {
            self.courts.push(search.pickup);
        }
        self.desk.seek(search, ORIGIN, waiting)
    }

    /// What has become of a delivery.
    pub fn heard(&mut self, id: DeliveryId, event: &DeliveryEvent, now: Seconds) {
        let at = instant(now);
        if let Some(news) = News::of(event, at) {
            self.desk.heard(id, news, at);
        }
    }

    /// Whether it is time to plan.
    pub fn is_due(&self, now: Seconds) -> bool {
        (self.desk.has_work() || !self.courts.is_empty()) && now >= self.ticked + self.desk.next_tick_s()
    }

    /// Those of `riders` who are near enough to what is planned, and not being asked.
    fn look<'a>(
        &self,
        survey: &Survey,
        riders: impl Iterator<Item = &'a Rider>,
        now: Seconds,
        ground: &Ground,
    ) -> Vec<Seen> {
        let free = riders.filter(|rider| rider.offers.is_empty());
        let seen: BTreeMap<RiderId, Seen> = free
            .map(|rider| {
                let (rider_id, position) = (rider.id, rider.position(now, ground));
                let (vehicle, capacity, bag, duty) = (rider.vehicle, rider.capacity, rider.bag.clone(), rider.duty);
                (rider_id, Seen { rider_id, position, vehicle, capacity, bag, duty })
            })
            .collect();
        let index = RiderIndex::load(self.centre, seen.values().map(|one| (one.rider_id, one.position)));
        let mut near = BTreeMap::new();
        for (pickup, enough) in &survey.pickups {
            let found = index.nearest(*pickup, Rules::RADIUS_MAX_M, *enough, |_| true);
            near.extend(found.iter().filter_map(|one| Some((one.rider_id, seen.get(&one.rider_id)?))));
        }
        near.into_values().cloned().collect()
    }

    /// Plans, and tells what comes of it.
    pub fn tick<'a>(&mut self, now: Seconds, riders: impl Iterator<Item = &'a Rider>, ground: &Ground) -> Orders {
        self.ticked = now;
        let survey = self.desk.survey(instant(now), &self.courts);
        let seen = self.look(&survey, riders, now, ground);
        let candidate = |near: &Near, pickup: Position| {
            let takes = ground.estimate.takes(near.vehicle, near.position, pickup);
            let travel_s = u32::try_from(takes.as_secs()).ok();
            Candidate { rider_id: near.rider_id, distance_m: near.distance_m, travel_s }
        };
        let (mut told, mut unplanned) = (vec![], vec![]);
        for deed in self.desk.tick(instant(now), &survey.deliveries, &seen, |_, _| ()) {
            match deed {
                Deed::Ask { search, chosen, also, near, bundle, .. } => {
                    let candidates = near.iter().map(|near| candidate(near, search.pickup)).collect();
                    let command = Command::NoteChoice { round: search.round, chosen, also, candidates, bundle };
                    told.push((search.delivery_id, command));
                }
                Deed::Hold { delivery_id, round, until, .. } => {
                    let wait_max_s = self.settings.wait_max_s;
                    told.push((delivery_id, Command::HoldBack { round, until, wait_max_s }));
                }
                Deed::Nearest { search, .. } => unplanned.push(search),
                Deed::Exchange { better, pickup } => {
                    let near = [&better.chosen, &better.bearer].map(|seen| Near::of(seen, pickup));
                    let candidates = near.iter().map(|near| candidate(near, pickup)).collect();
                    told.push((better.delivery_id, better.asks(candidates)));
                }
            }
        }
        (told, unplanned)
    }

    /// Who should go where to wait for orders.
    pub fn sent(&self) -> Vec<(RiderId, Position)> {
        self.desk.sent().to_vec()
    }
}
