//! One consumer's lanes: which partitions it owns, what is in hand, and how far each cursor may move.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, LocalBoxFuture},
    stream::FuturesUnordered,
};
use tokio::sync::Notify;
use tracing::{error, warn};

use super::{
    Consumer, POISON_TRIES, ReactError,
    feed::{Feed, Page},
};
use crate::{
    event::Recorded,
    ports::{Cursors, Kernel, OwnedPartition},
    stream::StreamId,
};

/// How often cursors are written while facts flow.
/// What is replayed after a crash is about this much, and harmless: commands that are already true do nothing.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// First and longest pause between tries.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// How long what is in hand may take once the feed has ended. What is not done then is read again by the next owner.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

struct Partition {
    owned: OwnedPartition,
    /// Facts up to here have been taken in hand.
    seen: i64,
    /// Positions in hand.
    pending: BTreeSet<i64>,
    /// The durable cursor.
    written: i64,
}

impl Partition {
    /// Everything up to here is done.
    fn done(&self) -> i64 {
        self.pending.first().map_or(self.seen, |first| first - 1)
    }
}

/// The task of one consumer.
pub(super) struct Lanes {
    consumer: Arc<dyn Consumer>,
    cursors: Arc<dyn Cursors>,
    kernel: Kernel,
    /// Ordered, so that a simulated day repeats to the bit.
    partitions: BTreeMap<u32, Partition>,
    /// Streams with a fact in hand, and what waits behind it.
    waiting: HashMap<StreamId, VecDeque<Arc<Recorded>>>,
    running: FuturesUnordered<LocalBoxFuture<'static, Arc<Recorded>>>,
    in_hand: usize,
    /// How far the feed was read: no further than any partition has seen. The largest there is while nothing is owned.
    at: i64,
    /// A page of long ago, on its way from the journal.
    reading: Option<BoxFuture<'static, Option<Page>>>,
    /// Something was done or seen since the cursors were written.
    moved: bool,
}

impl Lanes {
    pub fn new(consumer: Arc<dyn Consumer>, cursors: Arc<dyn Cursors>, kernel: Kernel) -> Self {
        Self {
            consumer,
            cursors,
            kernel,
            partitions: BTreeMap::new(),
            waiting: HashMap::new(),
            running: FuturesUnordered::new(),
            in_hand: 0,
            at: i64::MAX,
            reading: None,
            moved: false,
        }
    }

    /// Runs until the feed ends. `bell` rings when there is more to read. With all places in hand taken nothing more
    /// is read: whatever cannot be done keeps this consumer's cursor where it is, and nobody else waits for it.
    pub async fn run(mut self, feed: Arc<Feed>, bell: Arc<Notify>) {
        let limits = self.kernel.limits;
        let mut lease = tokio::time::interval(Duration::from_secs(u64::from(limits.lease_s)) / 3);
        let mut flush = tokio::time::interval(FLUSH_EVERY);
        flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        lease.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !feed.has_ended() {
            self.read(&feed);
            tokio::select! {
                biased;
                Some(fact) = self.running.next(), if !self.running.is_empty() => self.finished(&fact),
                _ = lease.tick() => self.renew().await,
                // Nothing to write, nothing to wake up for: an idle node sleeps.
                _ = flush.tick(), if self.moved => self.flush().await,
                page = arrived(&mut self.reading), if self.reading.is_some() => {
                    self.reading = None;
                    if let Some(page) = page {
                        self.take(&page);
                    }
                }
                () = bell.notified() => {}
            }
        }
        let finish = async {
            while let Some(fact) = self.running.next().await {
                self.finished(&fact);
            }
        };
        if tokio::time::timeout(FINISH_WITHIN, finish).await.is_err() {
            warn!("{} leaves {} facts in hand to whoever reads them next", self.consumer.name(), self.in_hand);
        }
        self.flush().await;
    }

    /// Takes what there is room for, from memory at once and from the journal in its time.
    fn read(&mut self, feed: &Feed) {
        while self.reading.is_none() && self.in_hand < self.kernel.limits.reactor_in_flight_max && self.at < feed.upto()
        {
            match feed.recent(self.at) {
                Some(page) => self.take(&page),
                None => self.reading = Some(feed.read(self.at)),
            }
        }
    }

    async fn renew(&mut self) {
        let limits = self.kernel.limits;
        let owned = match self.cursors.lease(self.consumer.name(), limits.partitions, limits.lease_s).await {
            Ok(owned) => owned,
            Err(error) => return warn!(%error, "the leases of {} cannot be renewed now", self.consumer.name()),
        };
        self.partitions.retain(|number, partition| {
            owned.iter().any(|own| own.partition == *number && own.token == partition.owned.token)
        });
        if self.partitions.is_empty() {
            self.at = i64::MAX;
        }
        for own in owned {
            let at = &mut self.at;
            self.partitions.entry(own.partition).or_insert_with(|| {
                *at = own.position.min(*at);
                Partition { owned: own, seen: own.position, pending: BTreeSet::new(), written: own.position }
            });
        }
    }

    fn take(&mut self, page: &Page) {
        let count = self.kernel.limits.partitions;
        for fact in page.facts.iter().filter(|fact| self.consumer.wants(&fact.kind)) {
            let Some(partition) = self.partitions.get_mut(&fact.stream.partition(count)) else { continue };
            // A page that starts beyond what the partition has seen would leave a hole: it was asked for before the
            // partition came, and what lies between is read next.
            if page.after > partition.seen || fact.position <= partition.seen {
                continue;
            }
            partition.pending.insert(fact.position);
            self.in_hand += 1;
            match self.waiting.get_mut(&fact.stream) {
                Some(behind) => behind.push_back(Arc::clone(fact)),
                None => {
                    self.waiting.insert(fact.stream, VecDeque::new());
                    self.start(Arc::clone(fact));
                }
            }
        }
        self.moved = true;
        for partition in self.partitions.values_mut() {
            if page.after <= partition.seen {
                partition.seen = partition.seen.max(page.upto);
            }
        }
        if page.after <= self.at {
            self.at = self.at.max(page.upto);
        }
    }

    fn start(&self, fact: Arc<Recorded>) {
        let (consumer, cursors) = (Arc::clone(&self.consumer), Arc::clone(&self.cursors));
        self.running.push(
            async move {
                act(consumer.as_ref(), cursors.as_ref(), &fact).await;
                fact
            }
            .boxed_local(),
        );
    }

    fn finished(&mut self, fact: &Recorded) {
        self.moved = true;
        self.in_hand -= 1;
        if let Some(partition) = self.partitions.get_mut(&fact.stream.partition(self.kernel.limits.partitions)) {
            partition.pending.remove(&fact.position);
        }
        let next = self.waiting.get_mut(&fact.stream).and_then(VecDeque::pop_front);
        match next {
            Some(next) => self.start(next),
            None => drop(self.waiting.remove(&fact.stream)),
        }
    }

    async fn flush(&mut self) {
        let moved: Vec<(OwnedPartition, i64)> = self
            .partitions
            .values()
            .filter(|partition| partition.done() > partition.written)
            .map(|partition| (partition.owned, partition.done()))
            .collect();
        self.moved = false;
        if moved.is_empty() {
            return;
        }
        match self.cursors.advance(self.consumer.name(), moved.clone()).await {
            Ok(ours) => {
                for (owned, position) in moved {
                    if !ours.contains(&owned.partition) {
                        warn!("partition {} of {} belongs to another node now", owned.partition, self.consumer.name());
                        self.partitions.remove(&owned.partition);
                    } else if let Some(partition) = self.partitions.get_mut(&owned.partition) {
                        partition.written = position;
                    }
                }
            }
            Err(error) => {
                self.moved = true;
                warn!(%error, "the cursors of {} cannot be written now", self.consumer.name());
            }
        }
    }
}

/// The page on its way.
async fn arrived(reading: &mut Option<BoxFuture<'static, Option<Page>>>) -> Option<Page> {
    match reading {
        Some(reading) => reading.await,
        None => None,
    }
}

/// Acts on one fact until it is done or put aside.
async fn act(consumer: &dyn Consumer, cursors: &dyn Cursors, fact: &Arc<Recorded>) {
    let (mut pause, mut poisoned) = (RETRY_FIRST, 0);
    for tries in 1_u64.. {
        let reaction = std::panic::AssertUnwindSafe(consumer.react(Arc::clone(fact))).catch_unwind().await;
        let failure = match reaction {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => failure,
            Err(_panic) => ReactError::Poison("the reaction panicked".to_owned()),
        };
        match failure {
            // Said less and less often: a thousand facts that wait for one thing must not fill the log.
            ReactError::Retry(reason) if tries.is_power_of_two() => {
                warn!("{} tries {} again: {reason}", consumer.name(), fact.kind);
            }
            ReactError::Retry(_) => {}
            ReactError::Poison(reason) => {
                poisoned += 1;
                if poisoned >= POISON_TRIES {
                    error!(event_id = %fact.event_id, "{} puts {} of {} aside: {reason}", consumer.name(), fact.kind, fact.stream);
                    match cursors.bury(consumer.name(), Recorded::clone(fact), reason).await {
                        Ok(()) => return,
                        Err(error) => warn!(%error, "the fact cannot be put aside now"),
                    }
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_LONGEST);
    }
}
