//! What a zone knows of one rider, and where it learns what the facts it has heard do not tell.

use std::collections::BTreeSet;

use super::Delivery;
use crate::{
    ask::Seen as Looked,
    directory::Directory,
    event::Version,
    ids::{DeliveryId, RiderId},
    place::Position,
    rider::{Rider, RiderState, presence::Presence},
    time::Timestamp,
    travel::GreatCircle,
};

use super::rules::DispatchRules as Rules;

/// What is known of one rider.
#[derive(Default)]
pub(super) struct Known {
    pub presence: Option<Presence>,
    pub looking: bool,
    /// Facts were missed since the look-up began: what it finds may lack them.
    pub outdated: bool,
    /// The newest fact heard of.
    pub heard_version: Version,
    pub fix_seq: u64,
    pub position: Option<Position>,
    pub heard_at: Timestamp,
    /// Hidden for these deliveries until then.
    pub reserved: Vec<(DeliveryId, Timestamp)>,
    /// Deliveries in the bag that are on their way already.
    pub with_food: BTreeSet<DeliveryId>,
    /// When staff were last told of the silence.
    pub reported_at: Option<Timestamp>,
}

impl Known {
    /// What was known may lack facts that were missed.
    pub fn forget(&mut self) {
        self.presence = None;
        self.outdated = self.looking;
    }

    /// What was looked up counts, unless a fact has overtaken it: then the next fix looks again.
    pub fn learn(&mut self, bag: Bag) {
        if std::mem::take(&mut self.outdated) || bag.presence.version() < self.heard_version {
            self.presence = None;
            return;
        }
        // Also what was picked up while it was looked up.
        self.with_food.extend(bag.with_food);
        self.with_food.retain(|id| bag.presence.holds(*id));
        self.presence = Some(bag.presence);
    }

    /// Hides the rider from other searches while they are about to be asked for `delivery_id`.
    pub fn hide(&mut self, delivery_id: DeliveryId, now: Timestamp) {
        self.show_again(delivery_id, now);
        self.reserved.push((delivery_id, now.plus_s(Rules::RESERVE_S)));
    }
    /// They are not asked for it after all; what is over goes too.
    pub fn show_again(&mut self, delivery_id: DeliveryId, now: Timestamp) {
        self.reserved.retain(|(id, until)| *id != delivery_id && *until > now);
    }

    pub fn is_free(&self, delivery_id: DeliveryId, now: Timestamp) -> bool {
        let Some(presence) = &self.presence else { return false };
        let others = self.reserved.iter().filter(|(id, until)| *id != delivery_id && *until > now).count();
        presence.places_free() > others
            && !presence.holds(delivery_id)
            && now <= self.heard_at.plus_s(Rules::STALE_AFTER_S)
    }

    /// Before the end of the shift, by the usual estimate of the way; whether the food is ready by then, the rider's own
    /// entity knows.
    pub fn comes_in_time(&self, pickup: Position, now: Timestamp) -> bool {
        let Some(presence) = &self.presence else { return false };
        let (Some(until), Some(position)) = (presence.duty().until, self.position) else { return true };
        let way = GreatCircle::USUAL.takes(presence.vehicle(), position, pickup);
        now.plus(way) <= until
    }
}

/// Where a rider stands now.
#[derive(Clone, PartialEq, Debug)]
pub struct Bag {
    /// Shift, offers, and what is in the bag or on its way into it.
    pub presence: Presence,
    /// What of it the rider has picked up.
    pub with_food: Vec<DeliveryId>,
}

/// Looks up where riders stand: their own facts tell what they hold, those of the deliveries how far it has come.
#[derive(Clone)]
pub struct Bags {
    riders: Directory<Rider>,
    deliveries: Directory<Delivery>,
}

impl Bags {
    /// Asks these.
    #[must_use]
    pub const fn new(riders: Directory<Rider>, deliveries: Directory<Delivery>) -> Self {
        Self { riders, deliveries }
    }

    /// Where `rider_id` stands, nowhere if there is no such rider; `None` when that cannot be learnt at the moment.
    pub async fn look(self, rider_id: RiderId) -> Option<Bag> {
        let seen = self.riders.look(rider_id.0).await.ok()?;
        self.of(&seen).await
    }

    /// Where a rider stands who has been looked at; `None` when that cannot be learnt at the moment.
    pub async fn of(&self, seen: &Looked<RiderState>) -> Option<Bag> {
        let presence = Presence::of(&seen.state, seen.version);
        let mut with_food = vec![];
        for (delivery_id, _) in presence.held() {
            let delivery = self.deliveries.look(delivery_id.0).await.ok()?.state;
            with_food.extend(delivery.status().filter(|status| status.has_food()).map(|_| delivery_id));
        }
        Some(Bag { presence, with_food })
    }
}
