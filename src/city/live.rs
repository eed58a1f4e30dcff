//! A person's end of a socket that never ends: wishes go in, what is new comes out, everything is logged.
//! The connection itself is next door in `socket`.

use std::{sync::Arc, time::Duration};

use foodcourt_actors::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    clock::BusinessClock,
    log::{Log, WatchId},
    person::Person,
    resume::Resume,
    socket::{Socket, Topic},
};

/// Frames that may wait for a person to look at them.
const EVENTS_MAX: usize = 1_024;
/// Wishes that may wait for the socket.
const WISHES_MAX: usize = 64;
/// One fix as the phone measured it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Fix {
    /// The phone's own count.
    pub seq: u64,
    /// Business time.
    pub at: Timestamp,
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
    /// Radius of 68 % confidence, metres.
    pub accuracy_m: f64,
    /// Over ground.
    pub speed_mps: f64,
    /// Clockwise from north.
    pub heading_deg: f64,
}

/// What a person hears.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    /// The topics are (again) subscribed: what may have changed meanwhile is about to follow.
    Connected,
    /// The state of a topic.
    Snapshot {
        /// Which.
        topic: String,
        /// Its state.
        data: Value,
    },
    /// A fact, new to us.
    Fact {
        /// Which.
        topic: String,
        /// `order.placed` and the like.
        kind: String,
        /// Its body.
        data: Value,
    },
    /// The server will not let us watch this.
    Refused(String),
}

/// What a person wants of the socket.
pub(super) enum Wish {
    /// Send these when you can.
    Fixes(Vec<Fix>),
    /// Cut the connection and stay away.
    Drop(Duration),
    /// Say goodbye.
    Bye,
}

/// A person's end of the socket.
pub struct Live {
    wishes: mpsc::Sender<Wish>,
    heard: mpsc::Receiver<Heard>,
    watches: Vec<WatchId>,
    log: Arc<Log>,
    task: JoinHandle<()>,
}

impl Live {
    /// Opens a socket for `person` that watches `topics`, each from a snapshot or after a number.
    #[must_use]
    pub fn open(person: Arc<Person>, clock: Arc<BusinessClock>, topics: &[(String, Option<u64>)]) -> Self {
        let log = Arc::clone(person.api().log());
        let (wishes, wished) = mpsc::channel(WISHES_MAX);
        let (tell, heard) = mpsc::channel(EVENTS_MAX);
        let topics: Vec<Topic> = topics
            .iter()
            .map(|(name, after)| {
                let keeps_bodies = name.starts_with("order:");
                Topic {
                    name: name.clone(),
                    resume: Resume::after(*after),
                    watch: log.watch(name, *after),
                    keeps_bodies,
                }
            })
            .collect();
        let watches = topics.iter().map(|topic| topic.watch).collect();
        let socket = Socket::new(person, clock, topics, wished, tell);
        Self { wishes, heard, watches, log, task: tokio::spawn(socket.run()) }
    }
    /// The next thing heard; `None` once the socket was given up.
    pub async fn next(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }
    /// Hands fixes to the phone, which sends them when it can. Never waits: a full phone loses these fixes.
    pub fn push(&self, fixes: Vec<Fix>) {
        self.wishes.try_send(Wish::Fixes(fixes)).unwrap_or_else(|_| tracing::debug!("a phone was too busy for fixes"));
    }
    /// Cuts the connection without a goodbye and stays away for `offline`.
    pub async fn drop_for(&self, offline: Duration) {
        self.wishes.send(Wish::Drop(offline)).await.unwrap_or_else(|_| tracing::debug!("the socket is gone already"));
    }
    /// Says goodbye, having stayed to the end of its topics or not.
    pub async fn close(self, stayed: bool) {
        if stayed {
            self.watches.iter().for_each(|watch| self.log.stayed(*watch));
        }
        drop(self.heard); // a socket that waits to tell us something stops waiting
        if self.wishes.send(Wish::Bye).await.is_ok() {
            self.task.await.unwrap_or_else(|error| tracing::debug!(%error, "a socket's task ended badly"));
        }
    }
}
