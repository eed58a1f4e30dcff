//! What the contract tests share: a node on a database, and appends that say no more than a test needs.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use foodcourt::postgres::{
    journal::{JournalLimits, PgJournal},
    testing::TestDatabase,
};
use foodcourt_actors::{
    event::{Recorded, Version},
    ports::{Append, Journal, NewEvent},
    stream::{Category, StreamId},
    time::Timestamp,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};
use uuid::Uuid;

/// The start of business in these tests.
pub const NOON: Timestamp = Timestamp::from_micros(1_772_366_400_000_000);

/// A number never given before in this process.
pub fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub fn uuid() -> Uuid {
    Uuid::from_u64_pair(0xf00d, number())
}

pub fn stream() -> StreamId {
    StreamId::new(Category::Order, uuid())
}

pub async fn node(database: &TestDatabase) -> Arc<PgJournal> {
    node_with(database, JournalLimits::default()).await
}

pub async fn node_with(database: &TestDatabase, limits: JournalLimits) -> Arc<PgJournal> {
    let journal = PgJournal::start(database.settings(), database.database().clone(), limits).await;
    Arc::new(journal.expect("the test's database answers"))
}

pub fn event(body: &str) -> NewEvent {
    NewEvent {
        event_id: uuid(),
        kind: "order.placed",
        body: body.to_owned(),
        at: NOON,
        cause: None,
        correlation: uuid(),
    }
}

/// An append of `count` facts.
pub fn append(stream: StreamId, expected: Version, count: usize) -> Append {
    let events = (0..count).map(|step| event(&format!(r#"{{"step": {step}}}"#))).collect();
    Append { stream, expected, events, deadline_at: None, answers: Vec::new(), contacts: Vec::new() }
}

/// The whole feed, read in pages.
pub async fn feed(journal: &PgJournal, page: u32) -> Vec<Recorded> {
    let mut facts: Vec<Recorded> = Vec::new();
    loop {
        let after = facts.last().map_or(0, |fact| fact.position);
        let more = journal.feed(after, page).await.unwrap();
        if more.is_empty() {
            return facts;
        }
        facts.extend(more);
    }
}

/// A way to the database that can be cut on one side only.
pub struct Relay {
    folder: tempfile::TempDir,
    dsn: String,
    switch: tokio::sync::watch::Sender<Switch>,
}

#[derive(Clone, Copy, Default)]
struct Switch {
    /// Grows when clients are cut off.
    cuts: u32,
    deaf: bool,
    swallow: bool,
}

impl Relay {
    /// A relay to the server of `dsn`, on a socket of its own.
    pub async fn to(dsn: &str) -> Self {
        let host = dsn.split('\'').nth(1).expect("host='…'").to_owned();
        let folder = tempfile::tempdir().unwrap();
        let near = folder.path().to_str().unwrap().to_owned();
        let (switch, orders) = tokio::sync::watch::channel(Switch::default());
        let listener = UnixListener::bind(format!("{near}/.s.PGSQL.5432")).unwrap();
        let relay = Self { dsn: dsn.replace(&host, &near), folder, switch };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if orders.borrow().deaf {
                    continue;
                }
                let server = UnixStream::connect(format!("{host}/.s.PGSQL.5432")).await.unwrap();
                tokio::spawn(pass(client, server, orders.clone()));
            }
        });
        relay
    }
    pub fn dsn(&self) -> &str {
        assert!(self.folder.path().exists());
        &self.dsn
    }
    /// Closes the clients' side of every connection; the server's side stays open.
    pub fn cut_clients(&self) {
        self.switch.send_modify(|switch| switch.cuts += 1);
    }
    /// Whether new clients are let in.
    pub fn listen(&self, on: bool) {
        self.switch.send_modify(|switch| switch.deaf = !on);
    }
    /// Whether what the server says is thrown away.
    pub fn swallow_answers(&self, on: bool) {
        self.switch.send_modify(|switch| switch.swallow = on);
    }
}

async fn pass(client: UnixStream, server: UnixStream, mut orders: tokio::sync::watch::Receiver<Switch>) {
    let now = orders.clone();
    let cuts = orders.borrow().cuts;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            order = orders.changed() => match order {
                Ok(()) if now.borrow().cuts > cuts => break,
                Ok(()) => {}
                Err(_) => return,
            },
            read = from_client.read(&mut asked) => match read {
                Ok(0) | Err(_) => return,
                Ok(bytes) => to_server.write_all(&asked[..bytes]).await.unwrap(),
            },
            read = from_server.read(&mut answered) => match read {
                Ok(0) | Err(_) => return,
                Ok(bytes) if !now.borrow().swallow => to_client.write_all(&answered[..bytes]).await.unwrap(),
                Ok(_) => {}
            },
        }
    }
    drop((from_client, to_client));
    // The server hears nothing of it until the relay itself goes.
    while matches!(from_server.read(&mut answered).await, Ok(1..)) {}
    drop(to_server);
}
