//! Takes what dispatch decided off the hot path: a bounded queue, then groups for the database. Where the queue is full
//! or the database does not answer, records are lost and counted; no order ever waits for one.

use std::{mem, sync::Arc, time::Duration};

use foodcourt_actors::{
    dispatch::{
        effect::Recorder,
        record::{News, Records, Tick},
        recorded::Packer,
    },
    ports::{Ids, Kernel},
};
use prometheus_client::{metrics::counter::Counter, registry::Registry};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    config::Config,
    postgres::{
        Database,
        records::{DecisionRow, PostgresRecords, TickRow},
    },
};

/// Ticks that may wait for the writer; the next is lost. A second of searches for the nearest in a great rush, some
/// kilobytes each; of the plan's ticks, which may have megabytes, there is one in seconds.
const QUEUE_MAX: usize = 1_024;
/// A group is written this often at most: four statements a second are nothing to the database.
const PAUSE: Duration = Duration::from_millis(250);

/// What is counted about records.
#[derive(Clone, Debug, Default)]
pub struct RecordCounts {
    ticks: Counter,
    decisions: Counter,
    lost: Counter,
}

impl RecordCounts {
    /// Makes the counts known to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("dispatch_ticks_recorded", "Ticks of dispatch that were kept", self.ticks.clone());
        registry.register("dispatch_decisions_recorded", "Decisions that were kept", self.decisions.clone());
        let lost = "Ticks lost with their decisions: the queue was full or the database away";
        registry.register("dispatch_ticks_lost", lost, self.lost.clone());
    }
    /// Ticks lost so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.get()
    }
}

/// The queue's end that dispatch knows.
pub struct RecordQueue {
    ticks: mpsc::Sender<Tick>,
    counts: RecordCounts,
}

/// The queue's other end.
pub struct RecordWriter {
    ticks: mpsc::Receiver<Tick>,
    store: PostgresRecords,
    ids: Arc<dyn Ids>,
    node_id: Uuid,
    counts: RecordCounts,
    state: State,
}

/// What is told only when it changes.
#[derive(Default)]
struct State {
    packer: Packer,
    news: News,
}

/// A queue and its writer.
#[must_use]
pub fn queue(store: PostgresRecords, ids: Arc<dyn Ids>, counts: RecordCounts) -> (Arc<RecordQueue>, RecordWriter) {
    let (sender, ticks) = mpsc::channel(QUEUE_MAX);
    let node_id = ids.next();
    let queue = RecordQueue { ticks: sender, counts: counts.clone() };
    (Arc::new(queue), RecordWriter { ticks, store, ids, node_id, counts, state: State::default() })
}

/// What a node records with, unless its settings say that nothing is recorded, and the writer behind it.
#[must_use]
pub fn start(
    config: &Config,
    database: &Database,
    kernel: &Kernel,
    counts: RecordCounts,
) -> (Option<Recorder>, RecordWriter) {
    let (records, writer) = queue(PostgresRecords::new(database.clone()), Arc::clone(&kernel.ids), counts);
    let recorder = Recorder { records, clock: Arc::clone(&kernel.clock), settings: config.plan_settings() };
    (Some(recorder).filter(|_| config.dispatch.records_kept_days > 0), writer)
}

impl Records for RecordQueue {
    fn ticked(&self, tick: Tick) {
        if self.ticks.try_send(tick).is_err() {
            self.counts.lost.inc();
        }
    }
}

impl RecordWriter {
    /// Where it writes.
    #[must_use]
    pub fn store(&self) -> PostgresRecords {
        self.store.clone()
    }

    /// Writes until `stop` turns true or nobody can record any more.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut away = false;
        while !*stop.borrow() {
            let mut group = Vec::new();
            tokio::select! {
                biased;
                _ = stop.changed() => return,
                count = self.ticks.recv_many(&mut group, QUEUE_MAX) => if count == 0 { return },
            }
            let written = self.write(group).await;
            if written == away {
                away = !written;
                match away {
                    true => warn!("dispatch's records cannot be kept now; they are lost and counted until they can"),
                    false => info!("dispatch's records are kept again"),
                }
            }
            tokio::select! { biased; _ = stop.changed() => return, () = tokio::time::sleep(PAUSE) => {} }
        }
    }

    /// Whether the group is kept.
    async fn write(&mut self, group: Vec<Tick>) -> bool {
        let count = group.len() as u64;
        let (mut state, ids) = (mem::take(&mut self.state), Arc::clone(&self.ids));
        // A large plan takes milliseconds to write out: not on the thread that the journal's writer shares.
        let packed = tokio::task::spawn_blocking(move || {
            let (ticks, decisions) = state.pack(&group, ids.as_ref());
            (state, ticks, decisions)
        });
        let Ok((state, ticks, decisions)) = packed.await else {
            self.counts.lost.inc_by(count);
            return false;
        };
        self.state = state;
        let written = self.store.write(self.node_id, &ticks, &decisions).await;
        match &written {
            Ok(()) => {
                self.counts.ticks.inc_by(count);
                self.counts.decisions.inc_by(decisions.len() as u64);
            }
            Err(_) => {
                self.counts.lost.inc_by(count);
                // What was told as unchanged since a lost tick would be wrong: the next tells everything.
                self.state = State::default();
            }
        }
        written.is_ok()
    }
}

impl State {
    fn pack(&mut self, group: &[Tick], ids: &dyn Ids) -> (Vec<TickRow>, Vec<DecisionRow>) {
        let (mut ticks, mut decisions) = (Vec::with_capacity(group.len()), Vec::new());
        for tick in group {
            let at = tick.at;
            let body = self.packer.pack(tick);
            ticks.push(TickRow { at, body: serde_json::to_string(&body).expect("a tick is plain data") });
            for (delivery_id, decision) in self.news.of(tick) {
                let body = serde_json::to_string(&decision).expect("a decision is plain data");
                decisions.push(DecisionRow { decision_id: ids.next(), delivery_id, at, body });
            }
        }
        (ticks, decisions)
    }
}
