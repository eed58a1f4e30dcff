//! An append whose answer was lost: did it take effect?

use std::time::Duration;

use uuid::Uuid;

use crate::{
    ports::{Appended, Journal},
    stream::StreamId,
};

/// How often an unknown outcome is looked up before the caller is told to come back.
const SETTLE_TRIES: u32 = 6;

/// Finds out whether an append took effect.
pub(super) async fn settle(journal: &dyn Journal, stream: StreamId, event_id: Uuid) -> Appended {
    for attempt in 0..SETTLE_TRIES {
        match journal.holds(stream, event_id).await {
            Ok(true) => return Appended::Committed,
            Ok(false) => return Appended::Unavailable,
            Err(_) => tokio::time::sleep(Duration::from_millis(50 << attempt)).await,
        }
    }
    Appended::Unknown
}
