//! Where riders are, for those who may know: the operator's city, and each customer whose delivery runs (coarsely
//! before pickup). A sink of the trackers that follows from the facts whose order a rider carries.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use foodcourt_actors::{
    dispatch::event::DeliveryEvent,
    event::Recorded,
    ids::{DeliveryId, OrderId, RiderId, UserId},
    reactor::Tap,
    rider::{
        RiderState,
        event::RiderEvent,
        tracker::Fix,
        trackers::{PositionSink, Trackers},
    },
    stream::Category,
};
use serde_json::json;

use crate::live::{hub::Hub, topic::Topic};

/// One delivery in a rider's bag, or on its way into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Carried {
    delivery_id: DeliveryId,
    order_id: OrderId,
    picked_up: bool,
}

/// Tells positions to live topics.
pub struct LivePositions {
    hub: Hub,
    carried: RwLock<HashMap<RiderId, Vec<Carried>>>,
}

impl LivePositions {
    /// Positions for `hub`.
    #[must_use]
    pub fn new(hub: Hub) -> Self {
        Self { hub, carried: RwLock::default() }
    }

    /// Makes known what a rider carries, after a start.
    pub fn restore(&self, rider_id: RiderId, state: &RiderState, picked_up: impl Fn(DeliveryId) -> bool) {
        let carried = state.held.iter().filter_map(|held| {
            let job = held.job.as_ref()?;
            Some(Carried {
                delivery_id: held.delivery_id,
                order_id: job.order_id,
                picked_up: picked_up(held.delivery_id),
            })
        });
        let carried: Vec<Carried> = carried.collect();
        if !carried.is_empty() {
            self.carried.write().unwrap_or_else(PoisonError::into_inner).insert(rider_id, carried);
        }
    }

    fn follow(&self, fact: &Recorded) {
        let mut all = self.carried.write().unwrap_or_else(PoisonError::into_inner);
        match fact.stream.category {
            Category::Rider => match fact.typed() {
                Ok(RiderEvent::DeliveryConfirmed(job)) => {
                    let carried = Carried { delivery_id: job.delivery_id, order_id: job.order_id, picked_up: false };
                    let bag = all.entry(job.rider_id).or_default();
                    bag.retain(|known| known.delivery_id != job.delivery_id);
                    bag.push(carried);
                }
                Ok(RiderEvent::DeliveryReleased(released)) => {
                    if let Some(bag) = all.get_mut(&released.rider_id) {
                        // Whoever no longer brings an order no longer watches it.
                        for known in bag.extract_if(.., |known| known.delivery_id == released.delivery_id) {
                            self.hub.close_topic(released.rider_id, Topic::Order(known.order_id.0));
                        }
                    }
                    all.retain(|_, bag| !bag.is_empty());
                }
                _ => {}
            },
            Category::Delivery => {
                if let Ok(DeliveryEvent::PickedUp(step)) = fact.typed()
                    && let Some(bag) = all.get_mut(&step.rider_id)
                {
                    bag.iter_mut()
                        .filter(|known| known.delivery_id == step.delivery_id)
                        .for_each(|known| known.picked_up = true);
                }
            }
            _ => {}
        }
    }
}

impl Tap for LivePositions {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        let concerns = |kind: &str| kind.starts_with("rider.delivery_") || kind == "delivery.picked_up";
        facts.iter().filter(|fact| concerns(&fact.kind)).for_each(|fact| self.follow(fact));
    }
}

impl PositionSink for LivePositions {
    fn moved(&self, rider_id: RiderId, fix_seq: u64, fix: &Fix) {
        let data = |position: foodcourt_actors::place::Position, coarse: bool| {
            json!({
                "rider_id": rider_id, "lat": position.lat(), "lon": position.lon(), "at": fix.at,
                "heading_deg": if coarse { None } else { fix.heading_deg }, "coarse": coarse,
            })
        };
        if self.hub.is_city_watched() {
            self.hub.position(Topic::City, rider_id.0, fix_seq, data(fix.position, false));
        }
        let carried = self.carried.read().unwrap_or_else(PoisonError::into_inner);
        for one in carried.get(&rider_id).into_iter().flatten() {
            let coarse = !one.picked_up;
            let position = if coarse { fix.position.coarse() } else { fix.position };
            self.hub.position(Topic::Order(one.order_id.0), rider_id.0, fix_seq, data(position, coarse));
        }
    }
}

/// Off duty nothing is kept: forgets the track of a rider whose shift has ended.
pub struct OffDuty(pub Arc<Trackers>);

impl Tap for OffDuty {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        for fact in facts.iter().filter(|fact| &*fact.kind == "shift.ended") {
            self.0.forget(UserId(fact.stream.id));
        }
    }
}
