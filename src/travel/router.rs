//! What a router is to the rest of this folder: one table a question, and three ways to fail.

use foodcourt_actors::travel::{Table, Trips};
use futures_util::future::BoxFuture;

/// A router's answer may be so long, bytes: 2,500 cells with distances and indices are about 250 KB.
const ANSWER_BYTES_MAX: usize = 1_048_576;

/// A router that can be asked for a table.
pub trait Router: Send + Sync + 'static {
    /// Its name in logs.
    fn name(&self) -> &'static str;
    /// The table of `trips`, exactly as many rows and columns as were asked for.
    fn ask(&self, trips: Trips) -> BoxFuture<'static, Result<Table, RouterError>>;
}

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// It could not be reached, or not in time.
    #[error("the router does not answer")]
    Away(#[source] reqwest::Error),
    /// It answers with a status of its own trouble.
    #[error("the router answers with status {0}")]
    Broken(u16),
    /// It says no to this question (a place far from any road, say); another may well be answered.
    #[error("the router refuses: {0}")]
    Refused(String),
    /// What it says is no table of what was asked.
    #[error("the router's answer cannot be read: {0}")]
    Malformed(String),
}

impl RouterError {
    /// Whether the router is in trouble, rather than the question.
    #[must_use]
    pub const fn is_trouble(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
    /// One word for the metrics.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Away(error) if error.is_timeout() => "timeout",
            Self::Away(_) => "unreachable",
            Self::Broken(_) => "broken",
            Self::Refused(_) => "refused",
            Self::Malformed(_) => "malformed",
        }
    }
}

/// Sends a request; its status and its body, which may have [`ANSWER_BYTES_MAX`].
pub(super) async fn answer(request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), RouterError> {
    let mut answer = request.send().await.map_err(RouterError::Away)?;
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(RouterError::Away)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(RouterError::Malformed(format!("it has more than {ANSWER_BYTES_MAX} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    if status >= 500 || status == 429 { Err(RouterError::Broken(status)) } else { Ok((status, body)) }
}

/// A table of the shape that was asked for.
pub(super) fn shaped(table: Table, trips: &Trips) -> Result<Table, RouterError> {
    let fits = table.rows.len() == trips.from.len() && table.rows.iter().all(|row| row.len() == trips.to.len());
    let sizes = (table.rows.len(), table.rows.first().map_or(0, Vec::len));
    fits.then_some(table).ok_or_else(|| {
        let (rows, columns) = sizes;
        RouterError::Malformed(format!("{rows} × {columns} cells for {} × {}", trips.from.len(), trips.to.len()))
    })
}
