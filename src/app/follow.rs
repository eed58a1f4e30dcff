//! What a node follows beside the feed: the riders who are on shift when it starts, the business clock that another node
//! may have moved, and sessions that end.

use std::{sync::Arc, time::Duration};

use foodcourt_actors::{
    directory::Directory,
    dispatch::{known::Bags, zone::ZoneDoor},
    rider::Rider,
    time::Timestamp,
};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{arrivals::Arrivals, positions::LivePositions};
use crate::{
    clock::BusinessClock,
    http::identity::Identities,
    live::Hub,
    ports::Views as _,
    postgres::{Database, business_clock, views::PostgresViews},
};

/// How often the business clock's anchor and old rows are looked at.
const FOLLOW_EVERY: Duration = Duration::from_secs(2);
/// Riders made known to the zone at a start.
const RESTORED_MAX: u32 = 100_000;

/// Makes riders on shift known to the zone and to the live positions, so that those who stay silent are noticed too.
pub(super) async fn restore(
    views: &PostgresViews,
    riders: &Directory<Rider>,
    bags: &Bags,
    zone: &ZoneDoor,
    positions: &LivePositions,
    arrivals: &Arrivals,
) {
    let on_shift = match views.riders_on_shift(RESTORED_MAX).await {
        Ok(on_shift) => on_shift,
        Err(error) => {
            return warn!(%error, "riders on shift cannot be listed; they are known again with their next fix");
        }
    };
    let mut known = Vec::new();
    for rider_id in on_shift {
        let Ok(seen) = riders.look(rider_id.0).await else { continue };
        let bag = bags.of(&seen).await;
        let carried = bag.as_ref().map_or(&[][..], |bag| &bag.with_food);
        positions.restore(rider_id, &seen.state, |delivery_id| carried.contains(&delivery_id));
        arrivals.restore(rider_id, &seen.state);
        // Whose bag cannot be read is looked up with their next fix.
        known.extend(bag.map(|bag| (rider_id, bag)));
    }
    if !known.is_empty() {
        info!("{} riders are on shift", known.len());
        zone.restore(known);
    }
}

/// Follows the business clock's anchor, which another node may have moved.
pub(super) async fn follow(database: Database, clock: Arc<BusinessClock>, mut stop: watch::Receiver<bool>) {
    let mut tick = tokio::time::interval(FOLLOW_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut known: Option<Timestamp> = None;
    while !*stop.borrow() {
        tokio::select! { biased; _ = stop.changed() => return, _ = tick.tick() => {} }
        match business_clock::anchor(&database).await {
            Ok((anchor, wall)) if known != Some(anchor.anchored_at) => {
                known = Some(anchor.anchored_at);
                clock.follow(&anchor, wall);
            }
            Ok(_) => {}
            Err(error) => warn!(%error, "the business clock's anchor cannot be read now"),
        }
    }
}

/// Closes the sockets of sessions that end.
pub(super) async fn close_revoked(hub: Hub, identities: Identities) {
    let mut ended = identities.revocations().listen();
    loop {
        match ended.recv().await {
            Ok(session) => hub.close_session(session),
            // Too many at once to be told one by one: look at all of them.
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {
                identities.revocations().all().into_iter().for_each(|session| hub.close_session(session));
            }
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        }
    }
}
