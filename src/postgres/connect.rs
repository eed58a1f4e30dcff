//! One way to a database: reads the address, speaks TLS where it asks for it, and drives the connection.
//! Pool and journal writer both connect here.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use foodcourt_actors::ports::BoxError;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    runtime::Handle,
    task::AbortHandle,
    time::timeout,
};
use tokio_postgres::{
    AsyncMessage, Client, Config, Connection, NoTls,
    config::{Host, SslMode, TargetSessionAttrs},
    error::DbError,
};
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::debug;

use super::pool::DatabaseSettings;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The address cannot be understood.
    #[error("the database address is malformed")]
    Address(#[source] BoxError),
    /// The certificates to trust cannot be read.
    #[error("the certificates for the database cannot be read")]
    Certificates(#[source] BoxError),
    /// Nobody answers there, or it refuses us.
    #[error("the database at {at} cannot be reached")]
    Unreachable {
        /// Hosts with their ports, without user and password.
        at: String,
        /// What the driver says.
        #[source]
        source: BoxError,
    },
    /// Every connection of the pool is in use.
    #[error("all connections to the database are busy")]
    Busy,
    /// A statement failed.
    #[error("the database refused a statement")]
    Statement(#[from] tokio_postgres::Error),
}

impl DatabaseError {
    /// The `SQLSTATE`, where the database gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Statement(error) => error.code().map(tokio_postgres::error::SqlState::code),
            _ => None,
        }
    }
    /// The `SQLSTATE` with which it refused us at the door, where it did.
    #[must_use]
    pub fn refused_with(&self) -> Option<&str> {
        match self {
            Self::Unreachable { source, .. } => {
                source.downcast_ref::<tokio_postgres::Error>()?.code().map(tokio_postgres::error::SqlState::code)
            }
            _ => None,
        }
    }
    /// The constraint that was violated, where one was.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Statement(error) => error.as_db_error().and_then(DbError::constraint),
            _ => None,
        }
    }
}

/// Makes connections to one database. Cheap to clone.
#[derive(Clone)]
pub struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    within: Duration,
    /// Connections live on the runtime that made the connector, not on that of a worker that comes and goes.
    runtime: Handle,
}

/// A connection and the task that drives it.
pub struct Link {
    /// Sends statements.
    pub client: Client,
    driver: AbortHandle,
}

impl Link {
    /// Closes the socket at once, whatever is under way.
    pub fn cut(&self) {
        self.driver.abort();
    }
}

impl Connector {
    /// Reads the address. Connects nowhere yet. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// [`DatabaseError::Address`] and [`DatabaseError::Certificates`].
    pub fn new(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let address = Address::parse(&settings.dsn)?;
        let mut config = address.config()?;
        config.connect_timeout(settings.connect_timeout).keepalives_idle(Duration::from_secs(10));
        config.tcp_user_timeout(Duration::from_secs(10));
        if config.get_application_name().is_none() {
            config.application_name("foodcourt");
        }
        // Decisions are made on the primary only: with several hosts, the one that takes writes.
        if config.get_hosts().len() > 1 && config.get_target_session_attrs() == TargetSessionAttrs::Any {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let tls = match config.get_ssl_mode() {
            SslMode::Require => Some(
                tls(address.root_certificate.as_deref().or(settings.root_certificate.as_deref()))
                    .map_err(DatabaseError::Certificates)?,
            ),
            _ => None,
        };
        Ok(Self { config, tls, within: settings.connect_timeout, runtime: Handle::current() })
    }

    /// Opens a connection; `on_notice` hears the server's warnings, each before the answer it belongs to.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`].
    pub async fn connect(&self, on_notice: impl Fn(&DbError) + Send + 'static) -> Result<Link, DatabaseError> {
        let opening = async {
            match &self.tls {
                Some(tls) => {
                    let (client, connection) = self.config.connect(tls.clone()).await?;
                    Ok::<_, tokio_postgres::Error>((client, self.runtime.spawn(drive(connection, on_notice))))
                }
                None => {
                    let (client, connection) = self.config.connect(NoTls).await?;
                    Ok::<_, tokio_postgres::Error>((client, self.runtime.spawn(drive(connection, on_notice))))
                }
            }
        };
        let unreachable = |source| DatabaseError::Unreachable { at: self.hosts(), source };
        // `connect_timeout` of the driver covers the TCP handshake only; a server that accepts and is silent must not hold us.
        match timeout(self.within, opening).await {
            Ok(Ok((client, task))) => Ok(Link { client, driver: task.abort_handle() }),
            Ok(Err(error)) => Err(unreachable(tokio_postgres::Error::into(error))),
            Err(elapsed) => Err(unreachable(elapsed.into())),
        }
    }

    /// Where this leads, for people: hosts and ports without credentials.
    #[must_use]
    pub fn hosts(&self) -> String {
        // One port for all hosts, or one each; without any it is PostgreSQL's own.
        let ports = self.config.get_ports();
        let port = |at: usize| *ports.get(at).or(ports.first()).unwrap_or(&5432);
        let hosts = self.config.get_hosts().iter().enumerate().map(|(at, host)| match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]:{}", port(at)),
            Host::Tcp(name) => format!("{name}:{}", port(at)),
            Host::Unix(path) => path.display().to_string(),
        });
        hosts.collect::<Vec<_>>().join(", ")
    }
}

async fn drive<S, T>(mut connection: Connection<S, T>, on_notice: impl Fn(&DbError))
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = std::future::poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => on_notice(&notice),
            Ok(_) => {}
            // Whoever waits on this connection is told by the driver; here it is only noted.
            Err(error) => {
                debug!(%error, "a connection to the database ended");
                return;
            }
        }
    }
}

/// Whether an address can be understood, without going there.
///
/// # Errors
/// [`DatabaseError::Address`].
pub fn check_address(dsn: &str) -> Result<(), DatabaseError> {
    Address::parse(dsn)?.config().map(|_| ())
}

/// The address with what the driver does not know taken out.
struct Address {
    dsn: String,
    root_certificate: Option<PathBuf>,
}

impl Address {
    fn config(&self) -> Result<Config, DatabaseError> {
        self.dsn.parse().map_err(|error: tokio_postgres::Error| DatabaseError::Address(error.into()))
    }

    /// `sslmode=verify-full` becomes `require` (we verify always), `sslrootcert` names a PEM file.
    fn parse(dsn: &str) -> Result<Self, DatabaseError> {
        let mut root_certificate = None;
        let mut keep = |key: &str, value: &str| match key {
            "sslrootcert" => {
                root_certificate = Some(PathBuf::from(value));
                None
            }
            "sslmode" if value.starts_with("verify-") => Some("require".to_owned()),
            _ => Some(value.to_owned()),
        };
        let dsn = if dsn.starts_with("postgres://") || dsn.starts_with("postgresql://") {
            let (head, query) = dsn.split_once('?').unwrap_or((dsn, ""));
            let kept = query.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                keep(key, value).map(|value| format!("{key}={value}"))
            });
            let kept = kept.collect::<Vec<_>>().join("&");
            if kept.is_empty() { head.to_owned() } else { format!("{head}?{kept}") }
        } else {
            let pairs = pairs(dsn).ok_or_else(|| DatabaseError::Address("expected key=value pairs or a URL".into()))?;
            let kept = pairs
                .into_iter()
                .filter_map(|(key, value)| keep(&key, &value).map(|value| format!("{key}={}", quoted(&value))));
            kept.collect::<Vec<_>>().join(" ")
        };
        Ok(Self { dsn, root_certificate })
    }
}

/// A value as the `key=value` form of an address wants it.
#[must_use]
pub fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Splits `key = 'quoted value' key2=value`.
fn pairs(dsn: &str) -> Option<Vec<(String, String)>> {
    let mut rest = dsn.trim();
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let quote = after.starts_with('\'');
        let mut value = String::new();
        let mut letters = after.char_indices().skip(usize::from(quote));
        let end = loop {
            match letters.next() {
                Some((_, '\\')) => value.push(letters.next()?.1),
                Some((at, '\'')) if quote => break at + 1,
                Some((at, letter)) if !quote && letter.is_whitespace() => break at,
                Some((_, letter)) => value.push(letter),
                None if quote => return None,
                None => break after.len(),
            }
        };
        pairs.push((key.trim().to_owned(), value));
        rest = after[end..].trim_start();
    }
    Some(pairs)
}

/// TLS that verifies the server against the system's certificates, or those in `file` instead.
fn tls(file: Option<&Path>) -> Result<MakeRustlsConnect, BoxError> {
    let mut roots = rustls::RootCertStore::empty();
    match file {
        Some(file) => {
            let pem = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                roots.add(certificate?)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err("no certificate authority found; name a PEM file with sslrootcert=…".into());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_out_what_the_driver_does_not_know() {
        let url = Address::parse("postgres://u:p@a,b/db?sslmode=verify-full&sslrootcert=/ca.pem").unwrap();
        assert_eq!(url.dsn, "postgres://u:p@a,b/db?sslmode=require");
        assert_eq!(url.root_certificate.unwrap().as_os_str(), "/ca.pem");
        let plain = Address::parse(r"host=a user = 'o\'neill' sslmode=verify-ca sslrootcert='/a b.pem'").unwrap();
        assert_eq!(plain.dsn, r"host='a' user='o\'neill' sslmode='require'");
        assert_eq!(plain.root_certificate.unwrap().as_os_str(), "/a b.pem");
        assert!(Address::parse("just words").is_err());
    }
}
