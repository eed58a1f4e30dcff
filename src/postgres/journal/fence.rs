//! When a look into the journal settles nothing. Backends of connections that were lost mid-flight may still commit
//! what they had been sent: "not found" says nothing until they are gone. And after a warned commit "found" says
//! nothing while this server stands alone: what it alone has, a fail-over takes back.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio_postgres::Client;

use crate::postgres::{connect::DatabaseError, pool::Database};

/// One server process. Pids are used again, so the time of its start belongs to its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backend {
    pid: i32,
    started: String,
}

impl Backend {
    /// The process behind `client`.
    pub(super) async fn of(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let sql = "select pid, backend_start::text from pg_stat_activity where pid = pg_backend_pid()";
        let row = client.query_one(sql, &[]).await?;
        Ok(Self { pid: row.get(0), started: row.get(1) })
    }
}

/// Backends not yet known to be gone, and commits that the server warned of.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    backends: Mutex<Vec<Backend>>,
    /// One at a time ends suspects; whoever waited finds it done. A lost batch has hundreds of owners who all ask.
    fencing: tokio::sync::Mutex<()>,
    warned: AtomicU64,
    confirmed: AtomicU64,
}

impl Suspects {
    /// Remembers a backend whose connection was lost mid-flight.
    pub(super) fn add(&self, backend: Backend) {
        let mut backends = self.backends.lock().unwrap_or_else(PoisonError::into_inner);
        if !backends.contains(&backend) {
            backends.push(backend);
        }
    }

    /// Remembers that a commit may not have reached the standbys that it was to wait for.
    pub(super) fn warned(&self) {
        self.warned.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until the standbys have what was warned of. They confirm in the order of commits, so one later commit
    /// that is confirmed vouches for all before it.
    pub(super) async fn confirm(&self, database: &Database) -> Result<(), FenceError> {
        let warned = self.warned.load(Ordering::Relaxed);
        if warned > self.confirmed.load(Ordering::Relaxed) {
            if !database.vouches().await? {
                return Err(FenceError::Unconfirmed);
            }
            self.confirmed.fetch_max(warned, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Ends every suspect and waits until it is gone: what it has not committed by then it never will.
    pub(super) async fn fence(&self, database: &Database) -> Result<(), FenceError> {
        if self.backends.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return Ok(());
        }
        let _alone = self.fencing.lock().await;
        let suspects = self.backends.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for backend in suspects {
            // After a fail-over the process is not found: the old primary's unreplicated commits are lost with it.
            let sql = "select pg_terminate_backend(pid, 3000) from pg_stat_activity \
                       where pid = $1 and backend_start::text = $2";
            let gone = database.query_opt(sql, &[&backend.pid, &backend.started]).await?;
            if !gone.is_none_or(|row| row.get(0)) {
                return Err(FenceError::StillThere { pid: backend.pid });
            }
            self.backends.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| *other != backend);
        }
        Ok(())
    }
}

/// Why a look would settle nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum FenceError {
    #[error("backend {pid} of a lost connection does not end")]
    StillThere { pid: i32 },
    #[error("no standby confirms what this database commits")]
    Unconfirmed,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}
