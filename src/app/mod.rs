//! The composition root: the one place that knows everybody. It opens the database, starts the actors, the reactor and
//! the sockets, and takes them down again in order.

pub mod admin;
mod admission;
pub mod arrivals;
mod calibration;
pub mod database;
pub mod demo;
mod follow;
pub mod foresight;
mod housekeeping;
pub mod inspection;
pub mod metrics;
pub mod node;
pub mod operations;
mod positions;
pub mod records;
mod redis;
pub mod replay;
mod watch;

use std::{net::TcpListener, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use crate::{
    config::Config,
    postgres::{DatabaseError, migrate::MigrateError, private::PrivateError},
};
use node::Node;

/// Why a start cannot work; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken or not ours to take.
    #[error("cannot listen on {address}: {}", remedy(address, source))]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The private PostgreSQL does not start.
    #[error("{}", of_private(.0))]
    Private(#[from] PrivateError),
    /// The database cannot be reached.
    #[error("{}", of_database(.0))]
    Database(#[from] DatabaseError),
    /// The schema cannot be used.
    #[error("{}", of_migration(.0))]
    Migrate(#[from] MigrateError),
    /// Something else that has a sentence of its own.
    #[error("{0}")]
    Other(String),
}

/// Why nothing can listen there, and what to do about it.
fn remedy(address: &std::net::SocketAddr, error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    let (host, port) = (address.ip(), address.port());
    match error.kind() {
        ErrorKind::AddrInUse => {
            "something listens there already; stop it, or choose another port with --port".to_owned()
        }
        ErrorKind::PermissionDenied => format!(
            "this user may not open port {port}; choose one above 1023 with --port, or give the right (systemd: \
             AmbientCapabilities=CAP_NET_BIND_SERVICE)"
        ),
        ErrorKind::AddrNotAvailable => format!(
            "{host} is no address of this machine; choose one of its own with --host, 127.0.0.1 for this machine alone, \
             or 0.0.0.0 for all of them"
        ),
        _ => error.to_string(),
    }
}

/// An error with its causes, in one line.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// Why the data folder, or the database in it, is of no use, and what to do about it.
fn of_private(error: &PrivateError) -> String {
    use std::io::ErrorKind as Kind;
    let PrivateError::Folder { path, source } = error else { return sentence(error) };
    let remedy = match source.kind() {
        Kind::AlreadyExists => {
            return format!("{} is a file, not a folder: name a folder with --data-dir", path.display());
        }
        Kind::NotADirectory => {
            return format!("{} leads through a file: name another folder with --data-dir", path.display());
        }
        Kind::PermissionDenied => "name a folder that this user may write, with --data-dir",
        Kind::StorageFull | Kind::QuotaExceeded => "make room there, or name another folder with --data-dir",
        _ => "name another folder with --data-dir",
    };
    format!("{}; {remedy}", sentence(error))
}

/// Why the database is of no use, and what to do about it.
fn of_database(error: &DatabaseError) -> String {
    let remedy = match (error, error.refused_with()) {
        (_, Some("28P01" | "28000")) => "correct user and password in database.url, or let this user in (pg_hba.conf)",
        (_, Some("3D000")) => "create that database, or name another in database.url",
        (DatabaseError::Unreachable { .. }, None) => {
            "start it, or correct database.url (FOODCOURT_DATABASE__URL=postgres://user:password@host:5432/name)"
        }
        _ => return sentence(error),
    };
    format!("{}; {remedy}", sentence(error))
}

fn of_migration(error: &MigrateError) -> String {
    match error {
        MigrateError::Database(error) => of_database(error),
        other => sentence(other),
    }
}

/// Serves until told to stop, then drains.
///
/// # Errors
/// [`StartError`] when it cannot start.
pub async fn serve(config: Config) -> Result<(), StartError> {
    // The port first: a taken one should be known before a database is made.
    let address = std::net::SocketAddr::new(config.server.host, config.server.port);
    let listen = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    let opened = database::open(&config).await?;
    let node = Node::start(&config, &opened).await?;
    let server = node.listen(&config, listener).map_err(listen)?;
    let handle = server.handle();
    let serving = actix::spawn(server.run());
    println!("listening on http://{bound}");
    info!("foodcourt serves on http://{bound}");
    wait_for_stop().await;
    info!("told to stop: no new orders, sockets are asked to come back elsewhere");
    node.drain(Duration::from_secs(config.server.drain_s)).await;
    handle.stop(true).await;
    drop(serving.await);
    node.stop().await;
    if let Some(private) = opened.private {
        private.stop().await;
    }
    info!("stopped; nothing was left behind");
    Ok(())
}

/// SIGINT or SIGTERM.
async fn wait_for_stop() {
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    match (interrupt, terminate) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        }
        // Without signals only a kill can end the server, and that is survived too.
        _ => std::future::pending().await,
    }
}

/// Applies what is missing to the configured database; the number of migrations applied.
///
/// # Errors
/// [`StartError`].
pub async fn migrate(config: &Config) -> Result<usize, StartError> {
    let opened = database::open(config).await?;
    if let Some(private) = opened.private {
        private.stop().await;
    }
    Ok(opened.applied)
}

/// Loads the demo court and its accounts into the configured database.
///
/// # Errors
/// [`StartError`].
pub async fn seed(config: &Config) -> Result<(), StartError> {
    let opened = database::open(config).await?;
    let node = Node::start(config, &opened).await?;
    node.seed().await?;
    node.stop().await;
    if let Some(private) = opened.private {
        private.stop().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_cannot_be_had_is_told_with_its_remedy() {
        use std::io::{Error, ErrorKind};
        for (kind, remedy) in [
            (ErrorKind::AddrInUse, "listens there already; stop it, or choose another port with --port"),
            (ErrorKind::PermissionDenied, "may not open port 80; choose one above 1023 with --port"),
            (ErrorKind::AddrNotAvailable, "192.0.2.1 is no address of this machine; choose one of its own with --host"),
        ] {
            let address = "192.0.2.1:80".parse().unwrap();
            let said = StartError::Listen { address, source: Error::from(kind) }.to_string();
            assert!(said.starts_with("cannot listen on 192.0.2.1:80: ") && said.contains(remedy), "{said}");
        }
    }

    #[test]
    fn an_unusable_folder_is_told_with_its_reason() {
        let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = StartError::from(PrivateError::Folder { path: "/nowhere".into(), source });
        let said = "cannot use /nowhere: permission denied; name a folder that this user may write, with --data-dir";
        assert_eq!(error.to_string(), said);
        for (kind, path, word) in [
            (std::io::ErrorKind::AlreadyExists, "/etc/passwd", "is a file, not a folder: name a folder"),
            (std::io::ErrorKind::NotADirectory, "/etc/passwd/x", "leads through a file: name another folder"),
        ] {
            let error = StartError::from(PrivateError::Folder { path: path.into(), source: kind.into() });
            assert_eq!(error.to_string(), format!("{path} {word} with --data-dir"));
        }
    }

    #[actix_rt::test]
    async fn a_database_away_is_told_with_its_port_and_its_remedy() {
        let settings = crate::postgres::DatabaseSettings::new("postgres://ada:secret@127.0.0.1:1,[::1]:2/x");
        let error = crate::postgres::migrate::migrate(&settings).await.expect_err("nobody listens there");
        let said = StartError::from(error).to_string();
        assert!(said.starts_with("the database at 127.0.0.1:1, [::1]:2 cannot be reached: "), "{said}");
        assert!(said.contains("; start it, or correct database.url") && !said.contains("secret"), "{said}");
    }
}
