//! Waits for the fact that settles something a person has just asked for: a rider's yes becomes "assigned" or
//! "refused" a moment later, by the delivery. A tap on the feed; what comes too late is a 202.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use foodcourt_actors::{event::Recorded, reactor::Tap};
use tokio::sync::broadcast;
use uuid::Uuid;

/// Facts that settle an offer.
const KINDS: [&str; 4] =
    ["delivery.assigned", "delivery.assignment_refused", "rider.delivery_confirmed", "rider.delivery_released"];

type Bells = Arc<Mutex<HashMap<Uuid, broadcast::Sender<()>>>>;

/// Rings when facts about a delivery arrive. Cheap to clone.
#[derive(Clone, Default)]
pub struct Waiter {
    bells: Bells,
}

/// Somebody waiting.
pub struct Wait {
    id: Uuid,
    bell: broadcast::Receiver<()>,
    bells: Bells,
}

impl Waiter {
    /// Waits for facts of the stream `id`. To be called before the wish whose answer is awaited.
    #[must_use]
    pub fn listen(&self, id: Uuid) -> Wait {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        let bell = bells.entry(id).or_insert_with(|| broadcast::channel(8).0).subscribe();
        Wait { id, bell, bells: Arc::clone(&self.bells) }
    }
}

impl Wait {
    /// The next fact has come.
    pub async fn rung(&mut self) {
        // Lagging means that it rang more often than we looked: look now.
        let _rang_or_lagged = self.bell.recv().await;
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        // One receiver is our own, which goes now.
        if bells.get(&self.id).is_some_and(|bell| bell.receiver_count() <= 1) {
            bells.remove(&self.id);
        }
    }
}

impl Tap for Waiter {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        if bells.is_empty() {
            return;
        }
        for fact in facts.iter().filter(|fact| KINDS.contains(&&*fact.kind)) {
            if let Some(bell) = bells.get(&fact.stream.id) {
                let _nobody_waits_any_more = bell.send(());
            }
        }
    }
}
