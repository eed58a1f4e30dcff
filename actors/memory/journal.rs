//! The journal in memory: the same gate and the same order as the real one, and weather: it can be slow, refuse, lose
//! the answer after or before the effect, and let another writer in between.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, ready};
use tokio::sync::watch;
use uuid::Uuid;

use super::Dice;
use crate::{
    event::{Recorded, Version},
    ids::ContactId,
    ports::{Append, Appended, Due, Journal, ReadError, Snapshot, StoredAnswer},
    stream::{Category, StreamId},
    time::Timestamp,
};

/// How bad it is out there; each chance in a thousand appends or reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// Longest wait before an append takes effect.
    pub slow: Duration,
    /// Refused, certainly not written.
    pub unavailable: u32,
    /// Written, but the answer is lost.
    pub lost_answer: u32,
    /// Not written, and nobody knows.
    pub lost_request: u32,
    /// A read fails.
    pub unreadable: u32,
    /// Longest wait before the feed answers: what others committed is heard of late.
    pub lag: Duration,
}

/// Mistakes planted on purpose, to see that they are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    /// Answers before the facts are durable, and sometimes loses them.
    pub acknowledge_before_commit: bool,
    /// Draws positions before the wait, so that a late commit has an early position.
    pub positions_out_of_order: bool,
    /// Lets a second writer overwrite nothing but also be refused by nothing.
    pub no_gate: bool,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    version: Version,
    deadline_at: Option<Timestamp>,
    claimed_until: Option<tokio::time::Instant>,
}

struct Inner {
    facts: BTreeMap<i64, Arc<Recorded>>,
    streams: HashMap<StreamId, Vec<Arc<Recorded>>>,
    heads: BTreeMap<StreamId, Head>,
    answers: HashMap<String, StoredAnswer>,
    contacts: HashMap<ContactId, String>,
    snapshots: HashMap<StreamId, Snapshot>,
    next_position: i64,
    weather: Weather,
    planted: Planted,
    dice: Dice,
    counts: BTreeMap<&'static str, u64>,
}

/// A journal that several simulated nodes may share.
#[derive(Clone)]
pub struct MemoryJournal {
    inner: Arc<Mutex<Inner>>,
    /// One for each who listens: the waiters of one channel are woken in no order that a seed could repeat.
    bells: Arc<Mutex<Vec<watch::Sender<u64>>>>,
}

impl MemoryJournal {
    /// An empty journal in fine weather.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let inner = Inner {
            facts: BTreeMap::new(),
            streams: HashMap::new(),
            heads: BTreeMap::new(),
            answers: HashMap::new(),
            contacts: HashMap::new(),
            snapshots: HashMap::new(),
            next_position: 1,
            weather: Weather::default(),
            planted: Planted::default(),
            dice: Dice::new(seed ^ 0x0A11),
            counts: BTreeMap::new(),
        };
        Self { inner: Arc::new(Mutex::new(inner)), bells: Arc::default() }
    }
    /// Changes the weather.
    pub fn set_weather(&self, weather: Weather) {
        self.inner().weather = weather;
    }
    /// Plants mistakes.
    pub fn plant(&self, planted: Planted) {
        self.inner().planted = planted;
    }
    /// Every fact, in the order of positions.
    #[must_use]
    pub fn facts(&self) -> Vec<Arc<Recorded>> {
        self.inner().facts.values().cloned().collect()
    }
    /// The facts after `position`, in the order of positions.
    #[must_use]
    pub fn facts_after(&self, position: i64) -> Vec<Arc<Recorded>> {
        self.inner().facts.range(position + 1..).map(|(_, fact)| Arc::clone(fact)).collect()
    }
    /// The facts of one stream, oldest first.
    #[must_use]
    pub fn stream(&self, stream: StreamId) -> Vec<Arc<Recorded>> {
        self.inner().streams.get(&stream).cloned().unwrap_or_default()
    }
    /// The version of `stream`, zero if it does not exist.
    #[must_use]
    pub fn version(&self, stream: StreamId) -> Version {
        self.inner().heads.get(&stream).map_or(0, |head| head.version)
    }
    /// Every stream, in order.
    #[must_use]
    pub fn stream_ids(&self) -> Vec<StreamId> {
        self.inner().heads.keys().copied().collect()
    }
    /// How often each kind of bad weather struck.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.inner().counts.clone()
    }
    /// The answer stored for `scope`.
    #[must_use]
    pub fn stored_answer(&self, scope: &str) -> Option<StoredAnswer> {
        self.inner().answers.get(scope).cloned()
    }
    /// The contact's JSON text.
    #[must_use]
    pub fn contact(&self, contact_id: ContactId) -> Option<String> {
        self.inner().contacts.get(&contact_id).cloned()
    }
    /// Streams whose deadline is before `at` and that nobody has moved since.
    #[must_use]
    pub fn overdue(&self, at: Timestamp) -> Vec<(StreamId, Timestamp)> {
        let inner = self.inner();
        inner
            .heads
            .iter()
            .filter_map(|(stream, head)| head.deadline_at.filter(|due| *due < at).map(|due| (*stream, due)))
            .collect()
    }
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn unreadable(&self) -> Option<ReadError> {
        let mut inner = self.inner();
        let chance = inner.weather.unreadable;
        inner.strike("journal.unreadable", chance).then(|| ReadError("bad weather".into()))
    }
    /// Planted: positions drawn before the wait.
    fn draw(&self, count: usize) -> Option<i64> {
        let mut inner = self.inner();
        inner.planted.positions_out_of_order.then(|| {
            let position = inner.next_position;
            inner.next_position += i64::try_from(count).unwrap_or(1);
            position
        })
    }
    /// What becomes of an append once it has arrived.
    fn take_effect(&self, append: &Append, drawn: Option<i64>) -> Appended {
        let (weather, planted) = {
            let inner = self.inner();
            (inner.weather, inner.planted)
        };
        let strike = |what, per_mille| self.inner().strike(what, per_mille);
        if strike("journal.unavailable", weather.unavailable) {
            return Appended::Unavailable;
        }
        if strike("journal.lost_request", weather.lost_request) {
            return Appended::Unknown;
        }
        if planted.acknowledge_before_commit && strike("planted.acknowledged", 20) {
            return Appended::Committed;
        }
        let outcome = self.write(append, drawn);
        if strike("journal.lost_answer", weather.lost_answer) { Appended::Unknown } else { outcome }
    }
    fn write(&self, append: &Append, drawn: Option<i64>) -> Appended {
        let outcome = self.inner().write(append, drawn);
        if outcome == Appended::Committed {
            let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
            bells.retain(|bell| !bell.is_closed());
            bells.iter().for_each(|bell| bell.send_modify(|rings| *rings += 1));
        }
        outcome
    }
}

impl Inner {
    fn strike(&mut self, what: &'static str, per_mille: u32) -> bool {
        let struck = self.dice.chance(per_mille);
        if struck {
            *self.counts.entry(what).or_default() += 1;
        }
        struck
    }

    fn write(&mut self, append: &Append, drawn: Option<i64>) -> Appended {
        if append.events.iter().any(|event| event.body.contains("\\u0000")) {
            return Appended::Invalid { reason: "a text holds a NUL".to_owned() };
        }
        let version = self.heads.get(&append.stream).map_or(0, |head| head.version);
        if version != append.expected && !self.planted.no_gate {
            *self.counts.entry("journal.conflict").or_default() += 1;
            return Appended::Conflict;
        }
        let mut version = append.expected;
        let mut position = drawn.unwrap_or(self.next_position);
        for event in &append.events {
            version += 1;
            let fact = Arc::new(Recorded {
                position,
                stream: append.stream,
                version,
                event_id: event.event_id,
                kind: event.kind.into(),
                body: event.body.as_str().into(),
                at: event.at,
                cause: event.cause,
                correlation: event.correlation,
            });
            self.facts.insert(position, Arc::clone(&fact));
            self.streams.entry(append.stream).or_default().push(fact);
            position += 1;
        }
        self.next_position = self.next_position.max(position);
        self.heads.insert(append.stream, Head { version, deadline_at: append.deadline_at, claimed_until: None });
        self.answers.extend(append.answers.iter().map(|answer| (answer.scope.clone(), answer.clone())));
        self.contacts.extend(append.contacts.iter().map(|contact| (contact.contact_id, contact.body.clone())));
        Appended::Committed
    }
}

impl Journal for MemoryJournal {
    fn append(&self, append: Append) -> BoxFuture<'static, Appended> {
        let wait = {
            let mut inner = self.inner();
            let longest = u64::try_from(inner.weather.slow.as_micros()).unwrap_or(u64::MAX);
            Duration::from_micros(inner.dice.below(longest))
        };
        let drawn = self.draw(append.events.len());
        if wait.is_zero() {
            return Box::pin(ready(self.take_effect(&append, drawn)));
        }
        let journal = self.clone();
        // A statement that was sent takes effect even if its sender dies meanwhile.
        let sent = tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            journal.take_effect(&append, drawn)
        });
        Box::pin(async move { sent.await.unwrap_or(Appended::Unknown) })
    }

    fn read(
        &self,
        stream: StreamId,
        after: Version,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        if let Some(error) = self.unreadable() {
            return Box::pin(ready(Err(error)));
        }
        let inner = self.inner();
        let facts = inner.streams.get(&stream).map_or_else(Vec::new, |facts| {
            facts
                .iter()
                .filter(|fact| fact.version > after)
                .take(limit as usize)
                .map(|fact| Recorded::clone(fact))
                .collect()
        });
        Box::pin(ready(Ok(facts)))
    }

    fn feed(&self, after: i64, limit: u32) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        if let Some(error) = self.unreadable() {
            return Box::pin(ready(Err(error)));
        }
        let wait = {
            let mut inner = self.inner();
            let longest = u64::try_from(inner.weather.lag.as_micros()).unwrap_or(u64::MAX);
            Duration::from_micros(inner.dice.below(longest))
        };
        let journal = self.clone();
        Box::pin(async move {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            let inner = journal.inner();
            Ok(inner.facts.range(after + 1..).take(limit as usize).map(|(_, fact)| Recorded::clone(fact)).collect())
        })
    }

    fn end(&self) -> BoxFuture<'static, Result<i64, ReadError>> {
        Box::pin(ready(Ok(self.inner().facts.last_key_value().map_or(0, |(position, _)| *position))))
    }

    fn holds(&self, stream: StreamId, event_id: Uuid) -> BoxFuture<'static, Result<bool, ReadError>> {
        let held =
            self.inner().streams.get(&stream).is_some_and(|facts| facts.iter().any(|fact| fact.event_id == event_id));
        Box::pin(ready(self.unreadable().map_or(Ok(held), Err)))
    }

    fn snapshot(&self, stream: StreamId) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        Box::pin(ready(Ok(self.inner().snapshots.get(&stream).cloned())))
    }

    fn keep_snapshot(&self, stream: StreamId, snapshot: Snapshot) -> BoxFuture<'static, ()> {
        self.inner().snapshots.insert(stream, snapshot);
        Box::pin(ready(()))
    }

    fn claim_due(
        &self,
        categories: Vec<Category>,
        now: Timestamp,
        lease_s: u32,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Due>, ReadError>> {
        let (wall, mut inner) = (tokio::time::Instant::now(), self.inner());
        let mut due = Vec::new();
        for (stream, head) in &mut inner.heads {
            let Some(deadline_at) = head.deadline_at.filter(|due| *due < now && categories.contains(&stream.category))
            else {
                continue;
            };
            if head.claimed_until.is_none_or(|until| until <= wall) && due.len() < limit as usize {
                head.claimed_until = Some(wall + Duration::from_secs(u64::from(lease_s)));
                due.push(Due { stream: *stream, deadline_at });
            }
        }
        Box::pin(ready(Ok(due)))
    }

    fn bell(&self) -> watch::Receiver<u64> {
        let (bell, ear) = watch::channel(0);
        self.bells.lock().unwrap_or_else(PoisonError::into_inner).push(bell);
        ear
    }
}
