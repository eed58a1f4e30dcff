//! Which database: the configured one, or a private PostgreSQL in the data folder. Either is brought to this build's
//! schema before anything else looks at it.

use std::time::Duration;

use tracing::info;

use super::StartError;
use crate::{
    config::Config,
    postgres::{Database, DatabaseSettings, migrate::migrate, private::PrivatePostgres},
};

/// A database ready for use.
pub struct Opened {
    /// How it is reached.
    pub settings: DatabaseSettings,
    /// Its pool.
    pub database: Database,
    /// The server, if it is ours.
    pub private: Option<PrivatePostgres>,
    /// Migrations that were missing.
    pub applied: usize,
}

/// Opens the database of `config`.
///
/// # Errors
/// [`StartError`] with what to do.
pub async fn open(config: &Config) -> Result<Opened, StartError> {
    let private = if config.database.url.is_empty() {
        let said = |sentence: &str| info!("{sentence}");
        Some(PrivatePostgres::start(&config.data.dir, &said).await?)
    } else {
        None
    };
    let dsn = private.as_ref().map_or_else(|| config.database.url.clone(), PrivatePostgres::dsn);
    let settings = DatabaseSettings {
        dsn,
        root_certificate: (!config.database.root_certificate.is_empty())
            .then(|| config.database.root_certificate.clone().into()),
        connections_max: config.database.pool_max,
        connect_timeout: Duration::from_millis(config.database.pool_wait_ms),
        statement_timeout: Duration::from_millis(config.database.statement_timeout_ms),
    };
    let applied = migrate(&settings).await?;
    if applied > 0 {
        info!("{applied} migrations applied");
    }
    let database = Database::new(&settings)?;
    Ok(Opened { settings, database, private, applied })
}
