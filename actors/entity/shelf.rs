//! Committed states that are seen without asking their actor: a look from another thread costs two wakes, reading here
//! none. Only of awake entities that have nothing to do; whoever is not found is asked.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use uuid::Uuid;

use crate::{ask::Seen, decider::Decider, event::Version};

type Shown<D> = HashMap<Uuid, (Version, Arc<<D as Decider>::State>)>;

/// The shown states of one shard. Cheap to clone.
pub(crate) struct Shelf<D: Decider>(Arc<RwLock<Shown<D>>>);

impl<D: Decider> Shelf<D> {
    /// What was committed last, if its entity shows it.
    pub fn seen(&self, id: Uuid) -> Option<Seen<D::State>> {
        if !D::SHOWN {
            return None;
        }
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shown.get(&id).map(|(version, state)| Seen { version: *version, state: Arc::clone(state) })
    }

    /// Shows a committed state until it is hidden. An entity without facts is not shown.
    pub fn show(&self, id: Uuid, version: Version, state: &Arc<D::State>) {
        if D::SHOWN && version > 0 {
            let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
            shown.insert(id, (version, Arc::clone(state)));
        }
    }

    /// To be called before the state changes: what is shown is then nobody's but the lookers', and folding copies nothing.
    pub fn hide(&self, id: Uuid) {
        if D::SHOWN {
            self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
    }
}

impl<D: Decider> Clone for Shelf<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: Decider> Default for Shelf<D> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<D: Decider> fmt::Debug for Shelf<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}
