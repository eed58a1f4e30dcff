//! Riders' positions between nodes, inward: hears the batches of other nodes and hands on what is new. Whenever
//! messages may have been missed (start, reconnect, too slow), it reads what Redis keeps instead.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use foodcourt_actors::{
    ids::RiderId,
    place::Position,
    rider::{tracker::Fix, trackers::PositionSink},
};
use fred::{
    interfaces::{ClientLike, EventInterface, HashesInterface, PubsubInterface, SortedSetsInterface},
    types::Message,
};
use tokio::sync::broadcast::error::RecvError;
use tracing::debug;
use uuid::Uuid;

use super::{
    connect::Link,
    keys::{self, POSITIONS, RIDER_FIELDS, RIDERS_SEEN},
    positions::{Batch, Moved, Outbox},
};

/// Riders read at once.
const PAGE: usize = 256;
/// Riders read at all: those heard of last.
const RIDERS_MAX: i64 = 16_384;
/// How often it is seen to that this node is subscribed and has read what it missed.
const TEND_EVERY: Duration = Duration::from_millis(250);
/// How often it is asked whether the other end is still there.
const PING_EVERY: Duration = Duration::from_secs(2);
/// A larger message is none of ours.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Listens for one node.
pub(super) struct Foreign {
    pub(super) link: Link,
    pub(super) node_id: Uuid,
    pub(super) outbox: Arc<Outbox>,
    pub(super) sinks: Vec<Arc<dyn PositionSink>>,
    /// Messages dropped because this node was too slow.
    pub(super) missed: Arc<AtomicU64>,
}

impl Foreign {
    /// Listens for ever.
    pub(super) async fn listen(self) {
        let client = self.link.subscriber.clone();
        let (mut messages, mut reconnects) = (client.message_rx(), client.reconnect_rx());
        let mut tend = tokio::time::interval(TEND_EVERY);
        tend.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut subscribed, mut stale) = (false, true);
        let mut may_read = false; // so that a Redis in trouble is asked a few times a second and not at each message
        // Further apart than a connection may be without an answer: the client counts that from the last write.
        let mut ping = tokio::time::interval(PING_EVERY.max(self.link.timeout * 4));
        ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                event = reconnects.recv() => {
                    subscribed = false;
                    if matches!(event, Err(RecvError::Closed)) {
                        reconnects = client.reconnect_rx();
                        tend.tick().await;
                    }
                }
                _ = tend.tick() => {
                    may_read = true;
                }
                _ = ping.tick(), if subscribed => {
                    // Only so is it noticed that the other end is gone; the answer is the client's business.
                    let _gone: Result<(), _> = self.link.listener().ping(None).await;
                }
                message = messages.recv() => match message {
                    Ok(message) => self.take(&message),
                    Err(RecvError::Lagged(count)) => {
                        self.missed.fetch_add(count, Ordering::Relaxed);
                        stale = true;
                    }
                    Err(RecvError::Closed) => {
                        (messages, stale) = (client.message_rx(), true);
                        tend.tick().await;
                    }
                },
            }
            if !subscribed && client.is_connected() {
                subscribed = self.link.listener().subscribe(POSITIONS).await.is_ok();
                (stale, may_read) = (true, true);
            }
            // Only after the subscription, so that nothing falls between the two.
            if stale && subscribed && may_read {
                may_read = false;
                stale = self.read_kept().await.is_none();
            }
        }
    }

    fn take(&self, message: &Message) {
        let Some(text) = message.value.as_bytes().filter(|text| text.len() <= MESSAGE_BYTES_MAX) else { return };
        match serde_json::from_slice::<Batch>(text) {
            Ok(batch) if batch.node == self.node_id => {}
            Ok(batch) => batch.moved.into_iter().for_each(|moved| self.hand_on(&moved)),
            Err(error) => debug!(%error, "a message on {POSITIONS} cannot be read"),
        }
    }

    fn hand_on(&self, moved: &Moved) {
        if self.outbox.known.advance(moved.rider_id, moved.fix_seq) {
            self.sinks.iter().for_each(|sink| sink.moved(moved.rider_id, moved.fix_seq, &moved.fix));
        }
    }

    /// Hands on what Redis keeps, also of this node's earlier life.
    async fn read_kept(&self) -> Option<()> {
        let client = self.link.client();
        let ids: Vec<String> = self.link.ask(client.zrevrange(RIDERS_SEEN, 0, RIDERS_MAX - 1, false)).await?;
        let riders: Vec<RiderId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        for page in riders.chunks(PAGE) {
            let pipeline = self.link.pipeline();
            let reading = async {
                for rider_id in page {
                    let () = pipeline.hmget(keys::rider(*rider_id), RIDER_FIELDS.to_vec()).await?;
                }
                pipeline.all::<Vec<Vec<Option<String>>>>().await
            };
            let kept = self.link.ask(reading).await?;
            for (rider_id, fields) in page.iter().zip(kept) {
                if let Some(moved) = moved(*rider_id, fields) {
                    self.hand_on(&moved);
                }
            }
        }
        Some(())
    }
}

/// A rider's hash, read back; `None` if it has expired or was written by somebody else.
fn moved(rider_id: RiderId, fields: Vec<Option<String>>) -> Option<Moved> {
    let fields: Vec<String> = fields.into_iter().collect::<Option<_>>()?;
    let [fix_seq, at, lat, lon, heading_deg, speed_mps, accuracy_m, seq] = <[String; 8]>::try_from(fields).ok()?;
    let at: jiff::Timestamp = at.parse().ok()?;
    let fix = Fix {
        seq: seq.parse().ok()?,
        at: at.into(),
        position: Position::new(lat.parse().ok()?, lon.parse().ok()?).ok()?,
        accuracy_m: accuracy_m.parse().ok()?,
        speed_mps: speed_mps.parse().ok(),
        heading_deg: heading_deg.parse().ok(),
    };
    Some(Moved { rider_id, fix_seq: fix_seq.parse().ok()?, fix })
}
