//! The sessions that have been ended but whose access tokens still have minutes to live. Kept in memory on every
//! node, fed from the database every few seconds and at once by what happens on this node.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use tokio::sync::broadcast;
use uuid::Uuid;

use crate::time::Timestamp;

/// How many endings a slow listener may be behind before it must look at the whole set again.
const BACKLOG: usize = 1_024;

/// The ended sessions. Cheap to clone.
#[derive(Clone)]
pub struct Revocations {
    ended: Arc<RwLock<HashMap<Uuid, Timestamp>>>,
    bell: broadcast::Sender<Uuid>,
}

impl Default for Revocations {
    fn default() -> Self {
        Self { ended: Arc::default(), bell: broadcast::channel(BACKLOG).0 }
    }
}

impl Revocations {
    /// Notes that `session` has ended; its last access token dies at `until` by itself.
    pub fn end(&self, session: Uuid, until: Timestamp) {
        let mut ended = self.ended.write().expect("nobody panics while holding this lock");
        if ended.insert(session, until).is_none() {
            // Nobody listening is fine: then no socket is open.
            let _listeners = self.bell.send(session);
        }
    }
    /// Whether `session` has been ended.
    #[must_use]
    pub fn has(&self, session: Uuid) -> bool {
        self.ended.read().expect("nobody panics while holding this lock").contains_key(&session)
    }
    /// All of them, for a listener that lagged.
    #[must_use]
    pub fn all(&self) -> Vec<Uuid> {
        self.ended.read().expect("nobody panics while holding this lock").keys().copied().collect()
    }
    /// Forgets sessions whose last access token has died.
    pub fn forget_before(&self, now: Timestamp) {
        self.ended.write().expect("nobody panics while holding this lock").retain(|_, until| *until > now);
    }
    /// Sessions as they end, for open sockets. A listener that lags must look at [`Revocations::all`].
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Uuid> {
        self.bell.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_listeners_once_and_forgets_in_time() {
        let revocations = Revocations::default();
        let mut listener = revocations.listen();
        let session = Uuid::from_u128(1);
        revocations.end(session, Timestamp::from_micros(10));
        revocations.end(session, Timestamp::from_micros(10));
        assert_eq!(listener.try_recv().unwrap(), session);
        assert!(listener.try_recv().is_err() && revocations.has(session));
        revocations.forget_before(Timestamp::from_micros(10));
        assert!(!revocations.has(session));
    }
}
