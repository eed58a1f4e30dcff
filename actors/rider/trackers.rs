//! Every live rider's track, usable from any thread: takes fixes and tells who wants to know. Nothing durable, and
//! nobody is waited for: whoever is told must drop what is old rather than block.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::tracker::{BATCH_MAX, Fix, Taken, Track};
use crate::{
    ids::RiderId,
    stream::{Category, StreamId},
    time::{Clock, Timestamp},
};

/// Locks: enough that threads seldom meet, few enough to fit a cache.
const SHARDS: u32 = 64;
/// Riders remembered in one shard (130,000 in all); beyond that the one silent longest is forgotten.
const RIDERS_PER_SHARD: usize = 2_048;
/// A rider silent so long is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(2 * 3_600);
/// How late another node's last word of a shift may come.
const LEFT_REMEMBERED: Duration = Duration::from_secs(600);

/// Wants to know where riders are: the dispatch zone, the live lane, Redis. Called in the order of fixes of each
/// rider, from any thread, under a lock: must return at once and drop what it has no room for.
pub trait PositionSink: Send + Sync + 'static {
    /// A rider's newest position.
    fn moved(&self, rider_id: RiderId, fix_seq: u64, fix: &Fix);
}

/// All tracks of this node.
pub struct Trackers {
    clock: Arc<dyn Clock>,
    sinks: Vec<Arc<dyn PositionSink>>,
    carriers: Vec<Arc<dyn PositionSink>>,
    shards: Vec<Mutex<HashMap<RiderId, Track>>>,
    /// Who has gone off shift lately, and when: another node's last word may come after that.
    left: Mutex<HashMap<RiderId, Timestamp>>,
}

impl Trackers {
    /// Trackers that tell `sinks`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, sinks: Vec<Arc<dyn PositionSink>>) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { clock, sinks, carriers: Vec::new(), shards, left: Mutex::default() }
    }

    /// `carriers` take what phones tell this node to other nodes; what others have heard comes back by
    /// [`PositionSink::moved`].
    #[must_use]
    pub fn carried_by(self, carriers: Vec<Arc<dyn PositionSink>>) -> Self {
        Self { carriers, ..self }
    }

    /// Takes a batch of a rider's fixes, in any order; of more than [`BATCH_MAX`] the newest.
    pub fn take(&self, rider_id: RiderId, fixes: Vec<Fix>) -> Taken {
        let now = self.clock.now();
        let mut tracks = self.shard(rider_id).lock().unwrap_or_else(PoisonError::into_inner);
        if tracks.len() >= RIDERS_PER_SHARD && !tracks.contains_key(&rider_id) {
            forget(&mut tracks, now);
        }
        let taken = tracks.entry(rider_id).or_default().take(fixes, now);
        if let Some(fix) = &taken.accepted_newest {
            for sink in self.sinks.iter().chain(&self.carriers) {
                sink.moved(rider_id, taken.fix_seq, fix);
            }
        }
        taken
    }

    /// Where the rider was last, and the number of that position.
    #[must_use]
    pub fn current(&self, rider_id: RiderId) -> Option<Fix> {
        let tracks = self.shard(rider_id).lock().unwrap_or_else(PoisonError::into_inner);
        tracks.get(&rider_id).and_then(|track| track.current().copied())
    }

    /// Forgets a rider who has gone off shift: off duty nothing is kept.
    pub fn forget(&self, rider_id: RiderId) {
        let now = self.clock.now();
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|_, at| now.since(*at) < LEFT_REMEMBERED);
        left.insert(rider_id, now);
        drop(left);
        self.shard(rider_id).lock().unwrap_or_else(PoisonError::into_inner).remove(&rider_id);
    }

    /// Whether a position of `at` is from before the rider's last shift ended.
    fn is_over(&self, rider_id: RiderId, at: Timestamp) -> bool {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.get(&rider_id).is_some_and(|left_at| at <= *left_at)
    }

    fn shard(&self, rider_id: RiderId) -> &Mutex<HashMap<RiderId, Track>> {
        &self.shards[StreamId::new(Category::Rider, rider_id.0).partition(SHARDS) as usize]
    }
}

/// What another node has heard. It may come late, twice, and over several carriers: an older position moves nobody.
impl PositionSink for Trackers {
    fn moved(&self, rider_id: RiderId, fix_seq: u64, fix: &Fix) {
        if self.is_over(rider_id, fix.at) {
            return;
        }
        let mut tracks = self.shard(rider_id).lock().unwrap_or_else(PoisonError::into_inner);
        if tracks.len() >= RIDERS_PER_SHARD && !tracks.contains_key(&rider_id) {
            forget(&mut tracks, self.clock.now());
        }
        if tracks.entry(rider_id).or_default().follow(fix_seq, *fix) {
            for sink in &self.sinks {
                sink.moved(rider_id, fix_seq, fix);
            }
        }
    }
}

/// Makes room: drops all who have been silent for long, or else the one silent longest.
fn forget(tracks: &mut HashMap<RiderId, Track>, now: Timestamp) {
    tracks.retain(|_, track| track.fed_at().is_some_and(|at| now.since(at) < FORGET_AFTER));
    if tracks.len() >= RIDERS_PER_SHARD {
        let oldest = tracks.iter().min_by_key(|(rider_id, track)| (track.fed_at(), **rider_id)).map(|(id, _)| *id);
        if let Some(rider_id) = oldest {
            tracks.remove(&rider_id);
        }
    }
}

const _: () = assert!(BATCH_MAX <= 10_000, "one batch is sorted under a lock");

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{ids::UserId, place::Position, testing::NOON};

    struct Still;
    impl Clock for Still {
        fn now(&self) -> Timestamp {
            NOON
        }
        fn wall_until(&self, _at: Timestamp) -> Duration {
            Duration::ZERO
        }
    }
    #[derive(Default)]
    struct Heard(Mutex<Vec<(RiderId, u64, u64)>>);
    impl PositionSink for Heard {
        fn moved(&self, rider_id: RiderId, fix_seq: u64, fix: &Fix) {
            self.0.lock().unwrap().push((rider_id, fix_seq, fix.seq));
        }
    }

    #[test]
    fn tells_the_newest_of_each_batch_once_and_in_order_from_many_threads() {
        let heard = Arc::new(Heard::default());
        let trackers = Trackers::new(Arc::new(Still), vec![Arc::clone(&heard) as Arc<dyn PositionSink>]);
        let fix = |seq: u64| Fix {
            seq,
            at: NOON.plus_s(i64::try_from(seq).unwrap() - 1_000),
            position: Position::new(52.52, 13.40).unwrap(),
            accuracy_m: 5.0,
            speed_mps: None,
            heading_deg: None,
        };
        std::thread::scope(|scope| {
            for n in 0..4u128 {
                let (trackers, fix) = (&trackers, &fix);
                scope.spawn(move || {
                    for batch in 0..50 {
                        trackers.take(UserId(Uuid::from_u128(n % 2)), vec![fix(batch * 2 + 1), fix(batch * 2)]);
                    }
                });
            }
        });
        for n in 0..2 {
            let rider_id = UserId(Uuid::from_u128(n));
            let heard = heard.0.lock().unwrap();
            let mine: Vec<_> = heard.iter().filter(|(who, ..)| *who == rider_id).collect();
            assert!(mine.windows(2).all(|pair| pair[0].1 < pair[1].1 && pair[0].2 < pair[1].2));
            assert_eq!(trackers.current(rider_id), Some(fix(99)));
            trackers.forget(rider_id);
            assert_eq!(trackers.current(rider_id), None);
        }
    }

    #[test]
    fn a_last_word_that_comes_after_the_shift_moves_nobody() {
        let heard = Arc::new(Heard::default());
        let trackers = Trackers::new(Arc::new(Still), vec![Arc::clone(&heard) as Arc<dyn PositionSink>]);
        let rider_id = UserId(Uuid::nil());
        let position = Position::new(52.5, 13.4).unwrap();
        let fix = |at| Fix { seq: 1, at, position, accuracy_m: 5.0, speed_mps: None, heading_deg: None };
        trackers.moved(rider_id, 1, &fix(NOON));
        trackers.forget(rider_id);
        trackers.moved(rider_id, 2, &fix(NOON));
        assert_eq!(trackers.current(rider_id), None, "off duty nothing is kept");
        trackers.moved(rider_id, 3, &fix(NOON.plus_s(1)));
        assert!(trackers.current(rider_id).is_some(), "the next shift is followed");
        assert_eq!(heard.0.lock().unwrap().len(), 2);
    }

    #[test]
    fn what_another_node_has_heard_moves_a_rider_forward_only_and_is_not_sent_back() {
        let (heard, sent) = (Arc::new(Heard::default()), Arc::new(Heard::default()));
        let sink = |heard: &Arc<Heard>| vec![Arc::clone(heard) as Arc<dyn PositionSink>];
        let trackers = Trackers::new(Arc::new(Still), sink(&heard)).carried_by(sink(&sent));
        let rider_id = UserId(Uuid::nil());
        let position = Position::new(52.5, 13.4).unwrap();
        let fix = |seq| Fix { seq, at: NOON, position, accuracy_m: 5.0, speed_mps: None, heading_deg: None };
        for (fix_seq, seq) in [(10, 1), (12, 3), (11, 2), (12, 3)] {
            trackers.moved(rider_id, fix_seq, &fix(seq));
        }
        assert_eq!(*heard.0.lock().unwrap(), [(rider_id, 10, 1), (rider_id, 12, 3)]);
        assert!(sent.0.lock().unwrap().is_empty(), "a position must not travel in a ring");
        assert_eq!(trackers.current(rider_id).map(|fix| fix.seq), Some(3));
    }
}
