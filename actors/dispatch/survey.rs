//! What a plan asks of a zone: who may soon be free near some courts, and to hide those it is about to ask.

use std::collections::{BTreeMap, BTreeSet};

use actix::prelude::*;
use futures_util::{FutureExt, future::BoxFuture};
use tracing::debug;

use super::{
    matcher::near::enough,
    record::Bar,
    rules::DispatchRules as Rules,
    zone::{FIND_TIMEOUT, Zone, ZoneDoor},
};
use crate::{
    ids::{DeliveryId, RiderId},
    place::Position,
    rider::event::Vehicle,
};

pub use crate::rider::{
    duty::{Duty, Habit},
    presence::Errand,
};

/// Riders told as left out in one look; more would only be copied.
const LEFT_OUT_MAX: usize = 64;

/// Who is near these courts, free or busy.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Around")]
pub struct Survey {
    /// Each court once, and so many riders around it.
    pub pickups: Vec<(Position, usize)>,
    /// Whose own reservations do not count.
    pub deliveries: BTreeSet<DeliveryId>,
}

/// A rider on shift, with all that is known of the bag.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    /// Who.
    pub rider_id: RiderId,
    /// Where.
    pub position: Position,
    /// On what.
    pub vehicle: Vehicle,
    /// Deliveries at once.
    pub capacity: u32,
    /// What is in the bag, or on its way into it.
    pub bag: Vec<Carried>,
    /// How they answer, until when they ride, and what the shift has come to.
    pub duty: Duty,
}

/// A delivery that a rider has.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Carried {
    /// Which.
    pub delivery_id: DeliveryId,
    /// What it asks of them.
    pub errand: Errand,
    /// Whether the food is in the bag.
    pub has_food: bool,
}

/// Each court once, with the riders to look at around it, of those of its deliveries that wait and those that are ridden.
pub(super) fn courts(
    waiting: impl Iterator<Item = Position>,
    riding: impl Iterator<Item = Position>,
    near: usize,
) -> Vec<(Position, usize)> {
    let mut courts: Vec<(Position, usize)> = waiting.map(|pickup| (pickup, 1)).collect();
    courts.extend(riding.map(|pickup| (pickup, 0)));
    courts.sort_by(|(a, _), (b, _)| a.lat().total_cmp(&b.lat()).then(a.lon().total_cmp(&b.lon())));
    courts.dedup_by(|(next, more), (court, wait)| {
        let same = next == court;
        if same {
            *wait += *more;
        }
        same
    });
    courts.into_iter().map(|(court, wait)| (court, enough(near, wait))).collect()
}

#[cfg(test)]
impl Carried {
    /// Still to be fetched; ready since noon.
    pub(super) const fn to_fetch(delivery_id: DeliveryId, [pickup, dropoff]: [Position; 2]) -> Self {
        let errand = Errand { pickup, dropoff, ready_at: crate::testing::NOON };
        Self { delivery_id, errand, has_food: false }
    }
}

/// A rider on shift and near who is spoken for, or not to be heard.
#[derive(Clone, PartialEq, Debug)]
pub struct LeftOut {
    /// Who; the bag as far as it is known.
    pub rider: Seen,
    /// Why.
    pub why: Bar,
}

/// Who is near.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Around {
    /// Who may be planned with.
    pub seen: Vec<Seen>,
    /// Who may not, for the records.
    pub left_out: Vec<LeftOut>,
}

/// Surveys, wherever the zone lives.
pub trait Surveys: Send + Sync + 'static {
    /// Who is near. `None`: no answer.
    fn survey(&self, survey: Survey) -> BoxFuture<'static, Option<Around>>;
    /// Hides a rider from other searches until the offer shows in their own facts.
    fn reserve(&self, delivery_id: DeliveryId, rider_id: RiderId);
}

#[derive(Message)]
#[rtype(result = "()")]
struct Reserve {
    delivery_id: DeliveryId,
    rider_id: RiderId,
}

impl Zone {
    /// Riders who are being asked, or whose yes is not answered yet, are left out: they are spoken for.
    pub(super) fn around(&self, survey: &Survey) -> Around {
        let now = self.clock.now();
        let look = |rider_id: RiderId| -> Option<Result<Seen, LeftOut>> {
            let known = self.riders.get(&rider_id)?;
            let (presence, position) = (known.presence.as_ref()?, known.position?);
            let hidden = known.reserved.iter().any(|(id, until)| *until > now && !survey.deliveries.contains(id));
            let held = presence.held();
            let bag = held.iter().map(|(id, errand)| {
                let (errand, has_food) = ((*errand)?, known.with_food.contains(id));
                Some(Carried { delivery_id: *id, errand, has_food })
            });
            let (capacity, vehicle, duty) = (presence.capacity(), presence.vehicle(), presence.duty());
            let with = |bag| Seen { rider_id, position, vehicle, capacity, bag, duty };
            let why = if now > known.heard_at.plus_s(Rules::STALE_AFTER_S) {
                Bar::Silent
            } else if presence.is_asked() {
                Bar::Asked
            } else if hidden {
                Bar::Reserved
            } else if let Some(bag) = bag.clone().collect::<Option<Vec<_>>>() {
                return Some(Ok(with(bag)));
            } else {
                Bar::Unsettled
            };
            Some(Err(LeftOut { rider: with(bag.flatten().collect()), why }))
        };
        let (mut seen, mut left_out) = (BTreeMap::new(), BTreeMap::new());
        for (pickup, near) in &survey.pickups {
            let mut keep = |rider_id| match look(rider_id) {
                Some(Ok(one)) => {
                    seen.insert(rider_id, one);
                    true
                }
                Some(Err(out)) if left_out.len() < LEFT_OUT_MAX => {
                    left_out.insert(rider_id, out);
                    false
                }
                _ => false,
            };
            let _near = self.index.nearest(*pickup, Rules::RADIUS_MAX_M, *near, &mut keep);
        }
        Around { seen: seen.into_values().collect(), left_out: left_out.into_values().collect() }
    }
}

impl Handler<Survey> for Zone {
    type Result = MessageResult<Survey>;
    fn handle(&mut self, survey: Survey, _: &mut Context<Self>) -> Self::Result {
        self.forget_if_missed();
        survey.pickups.iter().for_each(|(pickup, _)| self.look_from(*pickup));
        MessageResult(self.around(&survey))
    }
}

impl Handler<Reserve> for Zone {
    type Result = ();
    fn handle(&mut self, Reserve { delivery_id, rider_id }: Reserve, _: &mut Context<Self>) {
        let now = self.clock.now();
        if let Some(known) = self.riders.get_mut(&rider_id) {
            known.hide(delivery_id, now);
        }
    }
}

impl Surveys for ZoneDoor {
    fn survey(&self, survey: Survey) -> BoxFuture<'static, Option<Around>> {
        self.zone().send(survey).timeout(FIND_TIMEOUT).map(Result::ok).boxed()
    }
    fn reserve(&self, delivery_id: DeliveryId, rider_id: RiderId) {
        // Without it two searches at once may choose the same rider; the second is then answered with a no.
        let told = self.zone().try_send(Reserve { delivery_id, rider_id });
        told.unwrap_or_else(|error| debug!(%error, "a reservation is dropped: the zone is full"));
    }
}
