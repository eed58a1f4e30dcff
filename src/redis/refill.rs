//! Writes the cache of open orders and menus: a tap that notes what has changed, and one background task that folds
//! and writes it. Only committed facts reach it, and the feed never waits for it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use foodcourt_actors::{
    directory::Directory,
    event::{Recorded, Version},
    ids::{KitchenId, OrderId, UserId},
    kitchen::{self, Kitchen},
    order::{self, Order, projection::Role},
    reactor::Tap,
    stream::Category,
    time::Clock,
};
use fred::{error::Error, types::Value};
use futures_util::future::join_all;
use tracing::debug;
use uuid::Uuid;

use super::{
    connect::Link,
    keys::{self, ENDED_TTL, KEEP_VIEW, MENU_TTL, OPEN_TTL},
    latest::Latest,
    positions::Outbox,
};

/// Views that may wait for Redis; beyond that the one waiting longest is dropped until its next fact.
const WAITING_MAX: usize = 8_192;
/// Views folded and written at once.
const BATCH_MAX: usize = 64;
/// Open orders and kitchens remembered for filling an emptied Redis.
const REMEMBERED_MAX: usize = 16_384;
/// Rest after a write that failed, or a state that was not yet what the fact said.
const REST: Duration = Duration::from_millis(100);
/// Tries until a view is as new as the fact that asked for it; then it is kept as it is until the next fact.
const TRIES_MAX: u32 = 20;
/// Facts that change a card.
const MENU_KINDS: [&str; 4] = ["kitchen.opened", "kitchen.menu_published", "kitchen.sold_out", "kitchen.back_on_menu"];

/// What is to be written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum What {
    Order(OrderId),
    Menu(KitchenId),
}

#[derive(Clone, Copy)]
struct Due {
    /// The view must be at least this new.
    version: Version,
    tries: u32,
}

/// What has changed and is not written yet.
pub(super) struct Wanted {
    waiting: Latest<What, Due>,
    /// Everything that should be in Redis, as far as this node has seen it.
    remembered: Mutex<BTreeSet<What>>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { waiting: Latest::new(WAITING_MAX), remembered: Mutex::default() }
    }
}

impl Wanted {
    pub(super) fn put(&self, what: What, version: Version) {
        self.waiting.put(what, Due { version, tries: 0 }, |old, new| old.version < new.version);
    }
    fn remember(&self, what: What) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX && !remembered.contains(&what) {
            remembered.pop_first(); // ids grow with time: the oldest order
        }
        remembered.insert(what);
    }
    fn forget(&self, what: What) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).remove(&what);
    }
    fn put_all_remembered(&self) {
        let all = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.into_iter().for_each(|what| self.put(what, 0));
    }
}

/// Notes what has changed.
pub(super) struct Changes {
    pub(super) wanted: Arc<Wanted>,
    pub(super) outbox: Arc<Outbox>,
}

impl Tap for Changes {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        for fact in facts {
            let id: Uuid = fact.stream.id;
            match fact.stream.category {
                Category::Order => self.wanted.put(What::Order(OrderId(id)), fact.version),
                Category::Kitchen if MENU_KINDS.contains(&&*fact.kind) => {
                    self.wanted.put(What::Menu(KitchenId(id)), fact.version);
                }
                Category::Rider if &*fact.kind == "shift.ended" => self.outbox.forget(UserId(id)),
                _ => {}
            }
        }
    }
}

/// A view, ready to be written.
struct Folded {
    keys: Vec<String>,
    values: Vec<String>,
    version: Version,
}

/// Folds and writes.
pub(super) struct Refill {
    pub(super) link: Link,
    pub(super) wanted: Arc<Wanted>,
    pub(super) orders: Directory<Order>,
    pub(super) kitchens: Directory<Kitchen>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Refill {
    /// Writes for ever; after each new connection everything remembered, because Redis may have been emptied.
    pub(super) async fn run(self) {
        let mut connected = self.link.connected();
        loop {
            tokio::select! {
                biased;
                Ok(()) = connected.changed() => self.wanted.put_all_remembered(),
                () = self.wanted.waiting.filled() => if self.link.is_up() {
                    self.round().await;
                } else {
                    tokio::time::sleep(REST).await;
                },
            }
        }
    }

    async fn round(&self) {
        let batch = self.wanted.waiting.take(BATCH_MAX);
        let folded = join_all(batch.iter().map(|(what, _)| self.fold(*what))).await;
        let (mut writes, mut again) = (Vec::new(), Vec::new());
        for ((what, due), folded) in batch.iter().zip(folded) {
            let is_new_enough =
                matches!(&folded, Ok(folded) if folded.as_ref().map_or(0, |folded| folded.version) >= due.version);
            if !is_new_enough && due.tries < TRIES_MAX {
                again.push((*what, Due { tries: due.tries + 1, ..*due }));
            }
            writes.extend(folded.ok().flatten());
        }
        if let Err(error) = self.write(writes).await {
            debug!(%error, "views wait: Redis does not take them now");
            again = batch; // all of it: writing a view twice changes nothing
        }
        if !again.is_empty() {
            self.wanted.waiting.put_back(again);
            tokio::time::sleep(REST).await;
        }
    }

    /// `Ok(None)`: there is nothing to show. `Err`: it cannot be read now.
    async fn fold(&self, what: What) -> Result<Option<Folded>, ()> {
        match what {
            What::Order(id) => self.fold_order(id).await,
            What::Menu(id) => self.fold_menu(id).await,
        }
    }

    async fn fold_order(&self, id: OrderId) -> Result<Option<Folded>, ()> {
        let seen = self.orders.look(id.0).await.map_err(drop)?;
        let Some(view) = order::projection::view(&Role::Admin, &seen.state, seen.version) else { return Ok(None) };
        let ttl = if view.status.is_final() {
            self.wanted.forget(What::Order(id));
            ENDED_TTL
        } else {
            self.wanted.remember(What::Order(id));
            OPEN_TTL
        };
        let score = (view.placed_at.as_micros() / 1_000).to_string();
        Ok(Some(Folded {
            keys: vec![keys::order(id), keys::open_orders(view.court_id)],
            values: vec![
                seen.version.to_string(),
                serde_json::to_string(&view).map_err(drop)?,
                ttl.as_millis().to_string(),
                id.to_string(),
                if view.status.is_final() { String::new() } else { score },
                OPEN_TTL.as_secs().to_string(),
            ],
            version: seen.version,
        }))
    }

    async fn fold_menu(&self, id: KitchenId) -> Result<Option<Folded>, ()> {
        let seen = self.kitchens.look(id.0).await.map_err(drop)?;
        if seen.state.info().is_none() {
            return Ok(None);
        }
        self.wanted.remember(What::Menu(id));
        let view = kitchen::projection::menu(&seen.state, self.clock.now());
        // A dish that returns by itself must not stay sold out in the cache.
        let returns = view.items.iter().filter_map(|item| item.sold_out_until).min();
        let ttl = returns.map_or(MENU_TTL, |at| self.clock.wall_until(at).clamp(Duration::from_secs(1), MENU_TTL));
        Ok(Some(Folded {
            keys: vec![keys::menu(id)],
            values: vec![
                seen.version.to_string(),
                serde_json::to_string(&view).map_err(drop)?,
                ttl.as_millis().to_string(),
            ],
            version: seen.version,
        }))
    }

    async fn write(&self, folded: Vec<Folded>) -> Result<(), Error> {
        if folded.is_empty() {
            return Ok(());
        }
        let pipeline = self.link.pipeline();
        for Folded { keys, values, .. } in folded {
            Link::script(&pipeline, KEEP_VIEW, keys, values).await?;
        }
        // One view that Redis refuses must not keep the others from being written.
        let answers = pipeline.try_all::<Value>().await;
        match answers.into_iter().filter_map(Result::err).find(|error| self.link.may_retry(error)) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
