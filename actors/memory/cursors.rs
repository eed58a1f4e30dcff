//! Leases and cursors in memory. Several nodes of one simulation share them; each holds a handle of its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::{
    event::Recorded,
    ports::{Cursors, OwnedPartition, ReadError},
};

struct Row {
    position: i64,
    token: i64,
    owner: u64,
    until: Instant,
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<(&'static str, u32), Row>,
    buried: Vec<(&'static str, Recorded, String)>,
    nodes: u64,
}

/// One node's handle on the shared cursors.
#[derive(Clone, Default)]
pub struct MemoryCursors {
    table: Arc<Mutex<Table>>,
    node: u64,
}

impl MemoryCursors {
    /// A handle for another node on the same table.
    #[must_use]
    pub fn another_node(&self) -> Self {
        let mut table = self.table();
        table.nodes += 1;
        Self { table: Arc::clone(&self.table), node: table.nodes }
    }
    /// What was put aside: service, fact, reason.
    #[must_use]
    pub fn buried(&self) -> Vec<(&'static str, Recorded, String)> {
        self.table().buried.clone()
    }
    /// The smallest cursor of all services: everything up to here has been acted on.
    #[must_use]
    pub fn slowest(&self) -> i64 {
        self.table().rows.values().map(|row| row.position).min().unwrap_or(0)
    }
    /// Loses what was acted on after `position`: every cursor that stands later goes back there, and its owner finds
    /// its lease gone, as after a restored backup.
    pub fn lose(&self, position: i64) {
        for row in self.table().rows.values_mut() {
            row.position = row.position.min(position);
            row.token += 1;
            row.owner = u64::MAX;
            row.until = Instant::now();
        }
    }
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cursors for MemoryCursors {
    fn lease(
        &self,
        service: &'static str,
        count: u32,
        lease_s: u32,
    ) -> BoxFuture<'static, Result<Vec<OwnedPartition>, ReadError>> {
        let (now, until) = (Instant::now(), Instant::now() + Duration::from_secs(u64::from(lease_s)));
        let mut table = self.table();
        let mut owned = Vec::new();
        for partition in 0..count {
            let row = table.rows.entry((service, partition)).or_insert(Row {
                position: 0,
                token: 0,
                owner: u64::MAX,
                until: now,
            });
            if row.owner != self.node {
                if row.until > now {
                    continue;
                }
                row.owner = self.node;
                row.token += 1;
            }
            row.until = until;
            owned.push(OwnedPartition { partition, position: row.position, token: row.token });
        }
        Box::pin(std::future::ready(Ok(owned)))
    }

    fn advance(
        &self,
        service: &'static str,
        to: Vec<(OwnedPartition, i64)>,
    ) -> BoxFuture<'static, Result<Vec<u32>, ReadError>> {
        let mut table = self.table();
        let mut ours = Vec::new();
        for (owned, position) in to {
            if let Some(row) = table.rows.get_mut(&(service, owned.partition)).filter(|row| row.token == owned.token) {
                row.position = row.position.max(position);
                ours.push(owned.partition);
            }
        }
        Box::pin(std::future::ready(Ok(ours)))
    }

    fn release(&self) -> BoxFuture<'static, ()> {
        let now = Instant::now();
        for row in self.table().rows.values_mut().filter(|row| row.owner == self.node) {
            row.until = now;
            row.owner = u64::MAX;
        }
        Box::pin(std::future::ready(()))
    }

    fn bury(&self, service: &'static str, fact: Recorded, reason: String) -> BoxFuture<'static, Result<(), ReadError>> {
        self.table().buried.push((service, fact, reason));
        Box::pin(std::future::ready(Ok(())))
    }
}
