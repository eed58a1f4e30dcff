//! Riders' positions between nodes, outward: keeps the newest of each rider, and sends them to Redis in batches, so
//! that the cost grows with riders and not with fixes. The way inward stands in `foreign`.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use foodcourt_actors::{
    ids::RiderId,
    rider::{tracker::Fix, trackers::PositionSink},
};
use fred::{
    error::Error,
    interfaces::{KeysInterface, PubsubInterface, SortedSetsInterface},
};
use serde::{Deserialize, Serialize};
use tracing::debug;
use uuid::Uuid;

use super::{
    connect::Link,
    keys::{self, KEEP_POSITIONS, POSITIONS, RIDER_PREFIX, RIDER_TTL, RIDERS_GEO, RIDERS_SEEN},
    latest::Latest,
};

/// Riders in one batch: about 100 KB, and about a millisecond of Redis.
const BATCH_MAX: usize = 512;
/// Riders that may wait for Redis; beyond that the one waiting longest is dropped.
const WAITING_MAX: usize = 16_384;
/// Shortest time between two rounds of batches: half of what a position may be late.
const ROUND: Duration = Duration::from_millis(100);
/// Riders whose last number is remembered.
const KNOWN_MAX: usize = 65_536;

/// What other nodes are told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Batch {
    /// Who says so.
    pub(super) node: Uuid,
    /// The newest position of each rider.
    pub(super) moved: Vec<Moved>,
}

/// One rider's newest position.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Moved {
    pub(super) rider_id: RiderId,
    pub(super) fix_seq: u64,
    pub(super) fix: Fix,
}

#[derive(Clone, Copy)]
enum News {
    Moved(u64, Fix),
    /// Off duty nothing is kept.
    OffDuty,
}

/// The newest number of each rider, from wherever it came: an older one never moves anybody back.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<RiderId, u64>>);

impl Known {
    /// Whether `fix_seq` is news.
    pub(super) fn advance(&self, rider_id: RiderId, fix_seq: u64) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(newest) = known.get_mut(&rider_id) {
            let is_news = *newest < fix_seq;
            *newest = fix_seq.max(*newest);
            return is_news;
        }
        if known.len() >= KNOWN_MAX {
            // Numbers grow with time over all riders, so the smaller half is the one silent longest.
            let mut numbers: Vec<u64> = known.values().copied().collect();
            let (_, median, _) = numbers.select_nth_unstable(KNOWN_MAX / 2);
            let median = *median;
            known.retain(|_, newest| *newest > median);
        }
        known.insert(rider_id, fix_seq);
        true
    }
}

/// Takes this node's positions; never blocks.
pub(super) struct Outbox {
    waiting: Latest<RiderId, News>,
    pub(super) known: Known,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { waiting: Latest::new(WAITING_MAX), known: Known::default() }
    }
}

impl PositionSink for Outbox {
    fn moved(&self, rider_id: RiderId, fix_seq: u64, fix: &Fix) {
        self.known.advance(rider_id, fix_seq);
        self.waiting.put(rider_id, News::Moved(fix_seq, *fix), |old, _| match old {
            News::Moved(waiting, _) => *waiting < fix_seq,
            News::OffDuty => true,
        });
    }
}

impl Outbox {
    /// Forgets a rider whose shift has ended.
    pub(super) fn forget(&self, rider_id: RiderId) {
        self.waiting.put(rider_id, News::OffDuty, |_, _| true);
    }
}

/// Sends what waits, for ever. What Redis does not take waits for the next round, or for its successor.
pub(super) async fn send(outbox: std::sync::Arc<Outbox>, link: Link, node_id: Uuid) {
    loop {
        outbox.waiting.filled().await;
        while link.is_up() {
            let batch = outbox.waiting.take(BATCH_MAX);
            if batch.is_empty() {
                break;
            }
            if let Err(error) = send_batch(&link, node_id, &batch).await {
                debug!(%error, "positions wait: Redis does not take them now");
                if link.may_retry(&error) {
                    outbox.waiting.put_back(batch);
                }
                break;
            }
        }
        tokio::time::sleep(ROUND).await;
    }
}

async fn send_batch(link: &Link, node_id: Uuid, batch: &[(RiderId, News)]) -> Result<(), Error> {
    let (mut moved, mut gone) = (Vec::new(), Vec::new());
    for (rider_id, news) in batch {
        match news {
            News::Moved(fix_seq, fix) => moved.push(Moved { rider_id: *rider_id, fix_seq: *fix_seq, fix: *fix }),
            News::OffDuty => gone.push(*rider_id),
        }
    }
    let pipeline = link.pipeline();
    if !moved.is_empty() {
        let mut values = vec![RIDER_PREFIX.to_owned(), RIDER_TTL.as_secs().to_string()];
        for Moved { rider_id, fix_seq, fix } in &moved {
            let optional = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
            values.extend([
                rider_id.to_string(),
                fix_seq.to_string(),
                fix.at.to_string(),
                fix.position.lat().to_string(),
                fix.position.lon().to_string(),
                optional(fix.heading_deg),
                optional(fix.speed_mps),
                fix.accuracy_m.to_string(),
                fix.seq.to_string(),
            ]);
        }
        let keys = vec![RIDERS_GEO.to_owned(), RIDERS_SEEN.to_owned()];
        Link::script(&pipeline, KEEP_POSITIONS, keys, values).await?;
        let message = serde_json::to_string(&Batch { node: node_id, moved }).expect("a batch is plain data");
        let () = pipeline.publish(POSITIONS, message).await?;
    }
    if !gone.is_empty() {
        let ids: Vec<String> = gone.iter().map(ToString::to_string).collect();
        let () = pipeline.zrem(RIDERS_GEO, ids.clone()).await?;
        let () = pipeline.zrem(RIDERS_SEEN, ids).await?;
        let () = pipeline.del(gone.into_iter().map(keys::rider).collect::<Vec<_>>()).await?;
    }
    pipeline.all().await
}
