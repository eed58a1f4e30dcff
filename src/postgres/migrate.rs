//! Brings a database to this build's schema: the embedded migrations, one node at a time.

use super::{
    connect::{Connector, DatabaseError},
    pool::DatabaseSettings,
};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Names the advisory lock under which a database is migrated ("foodcour" in ASCII).
const MIGRATION_LOCK: i64 = 0x666f_6f64_636f_7572;

/// Why a database cannot be used by this build.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer build has been here.
    #[error(
        "the database has schema version {database}, this build knows up to {known}: start the newer foodcourt, or name another database"
    )]
    Newer {
        /// The database's version.
        database: i32,
        /// The last one of this build.
        known: i32,
    },
    /// It cannot be reached or refused a statement.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A migration failed or was changed after it had been applied.
    #[error("the schema cannot be brought up to date")]
    Failed(#[from] refinery::Error),
}

/// Applies what is missing. Answers how many migrations that were.
///
/// # Errors
/// [`MigrateError`]; the database then stands at the last migration that worked.
pub async fn migrate(settings: &DatabaseSettings) -> Result<usize, MigrateError> {
    let connector = Connector::new(settings)?;
    // refinery asks for its table "if not exists": the notice about it is no news.
    let mut link = connector.connect(|_| {}).await?;
    // Released when the connection closes, also if we die half-way.
    let lock = format!("set client_min_messages = warning; select pg_advisory_lock({MIGRATION_LOCK})");
    link.client.batch_execute(&lock).await.map_err(DatabaseError::from)?;
    let mut runner = embedded::migrations::runner();
    let known = runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or(0);
    runner.set_migration_table_name("schema_history");
    let found = link
        .client
        .query_one("select to_regclass('schema_history') is not null", &[])
        .await
        .map_err(DatabaseError::from)?;
    if found.get(0) {
        let last = link
            .client
            .query_one("select coalesce(max(version), 0) from schema_history", &[])
            .await
            .map_err(DatabaseError::from)?;
        let database: i32 = last.get(0);
        if database > known {
            return Err(MigrateError::Newer { database, known });
        }
    }
    Ok(runner.run_async(&mut link.client).await?.applied_migrations().len())
}
