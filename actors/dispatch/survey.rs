//! What a plan asks of a zone: who may soon be free near some courts, and to hide those it is about to ask.

use std::collections::{BTreeMap, BTreeSet};

use actix::prelude::*;
use futures_util::{FutureExt, future::BoxFuture};
use tracing::debug;

use super::{
    rules::DispatchRules as Rules,
    zone::{FIND_TIMEOUT, Zone, ZoneDoor},
};
use crate::{
    ids::{DeliveryId, RiderId},
    place::Position,
    rider::{event::Vehicle, presence::Errand},
};

/// Who is near these courts, free or busy.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Vec<Seen>")]
pub struct Survey {
    /// Each court once.
    pub pickups: Vec<Position>,
    /// So many riders around each.
    pub near: usize,
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
    /// What is in the bag, and whether the food is.
    pub bag: Vec<(Errand, bool)>,
}

/// Surveys, wherever the zone lives.
pub trait Surveys: Send + Sync + 'static {
    /// Who is near. `None`: no answer.
    fn survey(&self, survey: Survey) -> BoxFuture<'static, Option<Vec<Seen>>>;
    /// Hides a rider from other searches until the offer shows in their own facts.
    fn reserve(&self, delivery_id: DeliveryId, rider_id: RiderId);
}

#[derive(Message)]
#[rtype(result = "()")]
struct Reserve {
    delivery_id: DeliveryId,
    rider_id: RiderId,
}

impl Handler<Survey> for Zone {
    type Result = MessageResult<Survey>;
    /// Riders who are being asked, or whose yes is not answered yet, are left out: they are spoken for.
    fn handle(&mut self, survey: Survey, _: &mut Context<Self>) -> Self::Result {
        self.forget_if_missed();
        let now = self.clock.now();
        let riders = &self.riders;
        let seen = |rider_id: RiderId| -> Option<Seen> {
            let known = riders.get(&rider_id)?;
            let presence = known.presence.as_ref()?;
            let hidden = known.reserved.iter().any(|(id, until)| *until > now && !survey.deliveries.contains(id));
            if hidden || !presence.offers.is_empty() || now > known.heard_at.plus_s(Rules::STALE_AFTER_S) {
                return None;
            }
            let bag = presence.held.iter();
            let bag =
                bag.map(|(id, errand)| Some(((*errand)?, known.with_food.contains(id)))).collect::<Option<_>>()?;
            Some(Seen {
                rider_id,
                position: known.position?,
                vehicle: presence.vehicle,
                capacity: u32::try_from(presence.capacity).unwrap_or(u32::MAX),
                bag,
            })
        };
        let mut found = BTreeMap::new();
        for pickup in &survey.pickups {
            let mut keep = |rider_id| match seen(rider_id) {
                Some(one) => {
                    found.insert(rider_id, one);
                    true
                }
                None => false,
            };
            let _near = self.index.nearest(*pickup, Rules::RADIUS_MAX_M, survey.near, &mut keep);
        }
        MessageResult(found.into_values().collect())
    }
}

impl Handler<Reserve> for Zone {
    type Result = ();
    fn handle(&mut self, Reserve { delivery_id, rider_id }: Reserve, _: &mut Context<Self>) {
        let until = self.clock.now().plus_s(Rules::RESERVE_S);
        if let Some(known) = self.riders.get_mut(&rider_id) {
            known.reserved.retain(|(id, _)| *id != delivery_id);
            known.reserved.push((delivery_id, until));
        }
    }
}

impl Surveys for ZoneDoor {
    fn survey(&self, survey: Survey) -> BoxFuture<'static, Option<Vec<Seen>>> {
        self.zone().send(survey).timeout(FIND_TIMEOUT).map(Result::ok).boxed()
    }
    fn reserve(&self, delivery_id: DeliveryId, rider_id: RiderId) {
        // Without it two searches at once may choose the same rider; the second is then answered with a no.
        let told = self.zone().try_send(Reserve { delivery_id, rider_id });
        told.unwrap_or_else(|error| debug!(%error, "a reservation is dropped: the zone is full"));
    }
}
