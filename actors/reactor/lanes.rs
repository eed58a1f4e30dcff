//! One consumer's lanes: which partitions it owns, what is in hand, and how far each cursor may move.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use tokio::sync::mpsc;
use tracing::{error, warn};

use super::{Consumer, POISON_TRIES, ReactError};
use crate::{
    event::Recorded,
    ports::{Cursors, Kernel, OwnedPartition},
    stream::StreamId,
};

/// A stretch of the feed: every fact after `after` up to and including `upto`.
#[derive(Clone)]
pub(super) struct Page {
    pub after: i64,
    pub upto: i64,
    pub facts: Arc<[Arc<Recorded>]>,
}

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
            moved: false,
        }
    }

    /// Runs until the feed ends. `rewind` asks the feed to start over from a position.
    pub async fn run(mut self, mut pages: mpsc::Receiver<Page>, rewind: mpsc::UnboundedSender<i64>) {
        let limits = self.kernel.limits;
        let mut lease = tokio::time::interval(Duration::from_secs(u64::from(limits.lease_s)) / 3);
        let mut flush = tokio::time::interval(FLUSH_EVERY);
        flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        lease.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let room = self.in_hand < limits.reactor_in_flight_max;
            tokio::select! {
                biased;
                Some(fact) = self.running.next(), if !self.running.is_empty() => self.finished(&fact),
                _ = lease.tick() => {
                    // Without room nobody else would notice that the feed has ended.
                    if !room && pages.is_closed() {
                        break;
                    }
                    self.renew(&rewind).await;
                }
                // Nothing to write, nothing to wake up for: an idle node sleeps.
                _ = flush.tick(), if self.moved => self.flush().await,
                page = pages.recv(), if room => match page {
                    Some(page) => self.take(&page),
                    None => break,
                },
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

    async fn renew(&mut self, rewind: &mpsc::UnboundedSender<i64>) {
        let limits = self.kernel.limits;
        let owned = match self.cursors.lease(self.consumer.name(), limits.partitions, limits.lease_s).await {
            Ok(owned) => owned,
            Err(error) => return warn!(%error, "the leases of {} cannot be renewed now", self.consumer.name()),
        };
        self.partitions.retain(|number, partition| {
            owned.iter().any(|own| own.partition == *number && own.token == partition.owned.token)
        });
        let mut from = None::<i64>;
        for own in owned {
            self.partitions.entry(own.partition).or_insert_with(|| {
                from = Some(from.map_or(own.position, |known| known.min(own.position)));
                Partition { owned: own, seen: own.position, pending: BTreeSet::new(), written: own.position }
            });
        }
        if let Some(from) = from {
            // The feed may be gone at a stop; then nothing needs reading.
            let _gone = rewind.send(from);
        }
    }

    fn take(&mut self, page: &Page) {
        let count = self.kernel.limits.partitions;
        for fact in page.facts.iter().filter(|fact| self.consumer.wants(&fact.kind)) {
            let Some(partition) = self.partitions.get_mut(&fact.stream.partition(count)) else { continue };
            // A page that starts beyond what the partition has seen would leave a hole; the rewound feed comes again.
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

/// Acts on one fact until it is done or put aside.
async fn act(consumer: &dyn Consumer, cursors: &dyn Cursors, fact: &Arc<Recorded>) {
    let (mut pause, mut poisoned) = (RETRY_FIRST, 0);
    loop {
        let reaction = std::panic::AssertUnwindSafe(consumer.react(Arc::clone(fact))).catch_unwind().await;
        let failure = match reaction {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => failure,
            Err(_panic) => ReactError::Poison("the reaction panicked".to_owned()),
        };
        match failure {
            ReactError::Retry(reason) => warn!("{} tries {} again: {reason}", consumer.name(), fact.kind),
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
