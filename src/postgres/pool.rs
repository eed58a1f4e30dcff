//! Connections for everybody but the journal's writer: bb8 with a manager of our own.
//! A statement is prepared once per connection; a connection that may no longer take writes is thrown away.

use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio_postgres::{Client, Row, Statement, types::ToSql};
use tracing::{debug, warn};

use super::connect::{Connector, DatabaseError, Link};

/// Parameters of a statement.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// How a database is reached.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// Where: `postgres://…` or `host=… user=…`. Several hosts are tried in turn.
    pub dsn: String,
    /// File with the certificate authority to trust instead of the system's; `sslrootcert` in the address goes first.
    pub root_certificate: Option<PathBuf>,
    /// Connections at most, the journal's own not counted.
    pub connections_max: u32,
    /// How long one may wait for a connection, new or returned.
    pub connect_timeout: Duration,
    /// How long a statement may run.
    pub statement_timeout: Duration,
}

impl DatabaseSettings {
    /// The address with the usual limits: 16 connections serve two cores' worth of statements with room to spare.
    #[must_use]
    pub fn new(dsn: impl Into<String>) -> Self {
        Self {
            dsn: dsn.into(),
            root_certificate: None,
            connections_max: 16,
            connect_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for DatabaseSettings {
    /// Without the address: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSettings").field("connections_max", &self.connections_max).finish_non_exhaustive()
    }
}

/// A database, shared by all who read and write it.
#[derive(Clone)]
pub struct Database {
    pool: bb8::Pool<Manager>,
    vouching: Arc<Vouching>,
    statement_timeout: Duration,
}

/// What the last question to the standbys came to; whoever asks while one is under way waits for the next.
#[derive(Default)]
struct Vouching {
    begun: AtomicU64,
    /// Its number, and the answer; `None`: there was none.
    last: tokio::sync::Mutex<(u64, Option<bool>)>,
}

impl Database {
    /// Prepares the pool; connections are made when first needed. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// [`DatabaseError::Address`] and [`DatabaseError::Certificates`].
    pub fn new(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let manager = Manager { connector: Connector::new(settings)?, statement_timeout: settings.statement_timeout };
        let pool = bb8::Pool::builder()
            .max_size(settings.connections_max)
            .connection_timeout(settings.connect_timeout)
            .test_on_check_out(false) // a round trip each; a dead connection is seen by `has_broken`
            .retry_connection(false) // who waits is told at once why it failed
            .error_sink(Box::new(LogSink))
            .build_unchecked(manager);
        Ok(Self { pool, vouching: Arc::default(), statement_timeout: settings.statement_timeout })
    }

    /// A connection, for transactions and statements that must run on the same one.
    ///
    /// # Errors
    /// [`DatabaseError::Busy`] and [`DatabaseError::Unreachable`].
    pub async fn session(&self) -> Result<bb8::PooledConnection<'_, Manager>, DatabaseError> {
        self.pool.get().await.map_err(|error| match error {
            bb8::RunError::User(error) => error,
            bb8::RunError::TimedOut => DatabaseError::Busy,
        })
    }

    /// Rows of a statement, on any connection.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn query(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, DatabaseError> {
        self.session().await?.query(sql, params).await
    }

    /// The first row of a statement, if it has one.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn query_opt(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>, DatabaseError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Whether all that was committed so far is where commits are to be: the standbys confirm in the order of commits,
    /// so the smallest write there is, made without a warning, vouches for all before it. `false`: a fail-over could
    /// take some of it back. Hundreds who ask at once share one write.
    ///
    /// # Errors
    /// [`DatabaseError`]; [`DatabaseError::Busy`] when the standbys were silent.
    pub async fn vouches(&self) -> Result<bool, DatabaseError> {
        let next = self.vouching.begun.load(Ordering::Acquire) + 1;
        let mut last = self.vouching.last.lock().await;
        if last.0 >= next {
            return last.1.ok_or(DatabaseError::Busy);
        }
        let number = self.vouching.begun.fetch_add(1, Ordering::AcqRel) + 1;
        *last = (number, None);
        let answer = self.ask_standbys().await?;
        *last = (number, Some(answer));
        Ok(answer)
    }

    async fn ask_standbys(&self) -> Result<bool, DatabaseError> {
        let session = self.session().await?;
        // A commit that waits for its standbys is past the server's own limit.
        let asked = session.run_unwarned("update business_clock set speed = speed");
        match tokio::time::timeout(self.statement_timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => {
                session.spoilt.store(true, Ordering::Relaxed);
                Err(DatabaseError::Busy)
            }
        }
    }

    /// Runs a statement; answers how many rows it touched.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn execute(&self, sql: &'static str, params: Params<'_>) -> Result<u64, DatabaseError> {
        self.session().await?.execute(sql, params).await
    }
}

/// A pooled connection with its prepared statements.
pub struct Session {
    link: Link,
    prepared: Mutex<HashMap<&'static str, Statement>>,
    spoilt: AtomicBool,
    /// The server warned (01000) since this was last looked at.
    warned: Arc<AtomicBool>,
}

impl Session {
    /// Rows of a statement that is prepared once per connection.
    ///
    /// # Errors
    /// [`DatabaseError::Statement`].
    pub async fn query(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, DatabaseError> {
        let statement = self.prepared(sql).await?;
        self.noted(self.link.client.query(&statement, params).await)
    }

    /// Runs a statement that is prepared once per connection; answers how many rows it touched.
    ///
    /// # Errors
    /// [`DatabaseError::Statement`].
    pub async fn execute(&self, sql: &'static str, params: Params<'_>) -> Result<u64, DatabaseError> {
        let statement = self.prepared(sql).await?;
        self.noted(self.link.client.execute(&statement, params).await)
    }

    /// Runs plain SQL; answers whether the server did it without a warning (01000).
    ///
    /// # Errors
    /// [`DatabaseError::Statement`].
    pub async fn run_unwarned(&self, sql: &str) -> Result<bool, DatabaseError> {
        self.warned.store(false, Ordering::Relaxed);
        self.noted(self.link.client.batch_execute(sql).await)?;
        Ok(!self.warned.load(Ordering::Relaxed))
    }

    /// The raw client, for transactions. Report failures to [`Session::note`].
    pub fn client(&mut self) -> &mut Client {
        &mut self.link.client
    }

    /// Looks at an error: if it says that this connection is of no more use, nobody gets it again.
    pub fn note(&self, error: &tokio_postgres::Error) {
        if spoils(error) {
            self.spoilt.store(true, Ordering::Relaxed);
        }
    }

    async fn prepared(&self, sql: &'static str) -> Result<Statement, DatabaseError> {
        let known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.noted(self.link.client.prepare(sql).await)?;
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(sql, statement.clone());
        Ok(statement)
    }

    fn noted<T>(&self, result: Result<T, tokio_postgres::Error>) -> Result<T, DatabaseError> {
        result.map_err(|error| {
            self.note(&error);
            DatabaseError::Statement(error)
        })
    }
}

/// Whether the connection is of no more use after `error`: read-only since a fail-over (25006), going down
/// (57P01–57P03), broken (08xxx, or no answer at all), or its plans are older than the schema (0A000).
pub(super) fn spoils(error: &tokio_postgres::Error) -> bool {
    match error.code().map(tokio_postgres::error::SqlState::code) {
        Some(code) => matches!(code, "25006" | "57P01" | "57P02" | "57P03" | "0A000") || code.starts_with("08"),
        None => error.is_closed(),
    }
}

/// Makes and judges connections for bb8.
pub struct Manager {
    connector: Connector,
    statement_timeout: Duration,
}

impl bb8::ManageConnection for Manager {
    type Connection = Session;
    type Error = DatabaseError;

    async fn connect(&self) -> Result<Session, DatabaseError> {
        let warned = Arc::new(AtomicBool::new(false));
        let warns = Arc::clone(&warned);
        let link = self
            .connector
            .connect(move |notice| {
                debug!(code = notice.code().code(), "{}", notice.message());
                warns.fetch_or(notice.code().code() == "01000", Ordering::Relaxed);
            })
            .await?;
        let limits = format!(
            "set statement_timeout = {}; set idle_in_transaction_session_timeout = '30s'; set timezone = 'UTC'; set jit = off",
            self.statement_timeout.as_millis()
        );
        link.client.batch_execute(&limits).await?;
        Ok(Session { link, prepared: Mutex::default(), spoilt: AtomicBool::new(false), warned })
    }

    async fn is_valid(&self, session: &mut Session) -> Result<(), DatabaseError> {
        Ok(session.link.client.batch_execute("").await?)
    }

    fn has_broken(&self, session: &mut Session) -> bool {
        session.link.client.is_closed() || session.spoilt.load(Ordering::Relaxed)
    }
}

/// Errors of connections that nobody waits for.
#[derive(Clone, Copy, Debug)]
struct LogSink;

impl bb8::ErrorSink<DatabaseError> for LogSink {
    fn sink(&self, error: DatabaseError) {
        warn!(error = &error as &dyn std::error::Error, "a connection to the database failed");
    }
    fn boxed_clone(&self) -> Box<dyn bb8::ErrorSink<DatabaseError>> {
        Box::new(*self)
    }
}
