//! Backends of connections that were lost mid-flight. Such a backend may still commit what it had been sent, so
//! "not found" says nothing until it is gone.

use std::sync::{Mutex, PoisonError};

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

/// Backends not yet known to be gone.
#[derive(Debug, Default)]
pub(super) struct Suspects(Mutex<Vec<Backend>>);

impl Suspects {
    /// Remembers a backend whose connection was lost mid-flight.
    pub(super) fn add(&self, backend: Backend) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(backend);
    }

    /// Ends every suspect and waits until it is gone: what it has not committed by then it never will.
    pub(super) async fn fence(&self, database: &Database) -> Result<(), FenceError> {
        let suspects = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for backend in suspects {
            // After a fail-over the process is not found: the old primary's unreplicated commits are lost with it.
            let sql = "select pg_terminate_backend(pid, 3000) from pg_stat_activity \
                       where pid = $1 and backend_start::text = $2";
            let gone = database.query_opt(sql, &[&backend.pid, &backend.started]).await?;
            if !gone.is_none_or(|row| row.get(0)) {
                return Err(FenceError::StillThere { pid: backend.pid });
            }
            self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| *other != backend);
        }
        Ok(())
    }
}

/// Why a suspect is not known to be gone.
#[derive(Debug, thiserror::Error)]
pub(super) enum FenceError {
    #[error("backend {pid} of a lost connection does not end")]
    StillThere { pid: i32 },
    #[error(transparent)]
    Database(#[from] DatabaseError),
}
