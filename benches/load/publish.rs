//! What is told to watchers: pauses of kitchens, each a durable fact of one call; and the same texts to the peer.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use foodcourt_actors::time::Clock;

use super::{
    bun::Bun,
    http::{self, Connection},
    server::Server,
    socket::Socket,
    watchers::AHEAD,
    world::{Wall, World},
};

/// Who tells, and over what.
pub enum Voice {
    /// One call after the other on each connection; a token for each kitchen.
    Ours { connections: Vec<Connection>, tokens: Rc<Vec<String>>, paths: Rc<Vec<String>> },
    /// One message after the other on each socket.
    Peer { sockets: Vec<Socket>, topics: Rc<Vec<String>> },
}

/// What is told to: topics from the first on, so many.
#[derive(Clone, Copy)]
pub struct Audience {
    pub first: usize,
    pub topics: usize,
}

impl Voice {
    /// Calls to the server, `at_once` of them under way.
    pub async fn ours(server: &Server, world: &World, at_once: usize) -> Self {
        let mut connections = Vec::new();
        for _ in 0..at_once {
            connections.push(Connection::open(server.address).await.unwrap());
        }
        let tokens = (0..world.kitchens.len()).map(|kitchen| world.crew(kitchen).remove(0)).collect();
        let paths = world.kitchens.iter().map(|id| format!("/v1/kitchens/{id}/pause")).collect();
        Self::Ours { connections, tokens: Rc::new(tokens), paths: Rc::new(paths) }
    }

    /// Messages to the peer, `at_once` of them under way.
    pub async fn peer(bun: &Bun, world: &World, at_once: usize) -> Self {
        let mut sockets = Vec::new();
        for _ in 0..at_once {
            sockets.push(Socket::plain(bun.address, "/publish").await.unwrap());
        }
        Self::Peer { sockets, topics: Rc::new((0..world.kitchens.len()).map(|n| topic(world, n)).collect()) }
    }

    /// Tells for `lasting`, `rate` a second (0: as fast as it is taken), topics in turn; answers how many were taken.
    pub async fn tell(&mut self, to: Audience, rate: f64, lasting: Duration) -> u64 {
        let turns = Turns { begun: Instant::now(), rate, lasting, to, next: Rc::default() };
        let mut told = Vec::new();
        match self {
            Self::Ours { connections, tokens, paths } => {
                for mut connection in connections.drain(..) {
                    let (tokens, paths, turns) = (Rc::clone(tokens), Rc::clone(paths), turns.clone());
                    told.push(actix::spawn(async move {
                        let (mut request, mut count) = (Vec::with_capacity(1_024), 0);
                        while let Some((_, topic)) = turns.next().await {
                            let body = format!(r#"{{"until":"{}"}}"#, end());
                            http::write(&mut request, "PUT", &paths[topic], &tokens[topic], None, body.as_bytes());
                            let (status, said) = connection.call(&request).await.unwrap();
                            assert_eq!(status, 200, "{}", String::from_utf8_lossy(said));
                            count += 1;
                        }
                        (Kept::Connection(connection), count)
                    }));
                }
            }
            Self::Peer { sockets, topics } => {
                for mut socket in sockets.drain(..) {
                    let (topics, turns) = (Rc::clone(topics), turns.clone());
                    told.push(actix::spawn(async move {
                        let mut count = 0;
                        while let Some((number, topic)) = turns.next().await {
                            // What our own watchers are told, letter for letter.
                            let (topic, at, until) = (&topics[topic], Wall.now(), end());
                            let text = format!(
                                "{topic}\n{{\"type\":\"kitchen.paused\",\"topic\":\"{topic}\",\"seq\":{number},\
                                 \"at\":\"{at}\",\"data\":{{\"until\":\"{until}\"}}}}"
                            );
                            socket.send(&text).await.unwrap();
                            socket.skim(|_taken| ()).await.unwrap();
                            count += 1;
                        }
                        (Kept::Socket(socket), count)
                    }));
                }
            }
        }
        let mut sum = 0;
        for task in told {
            let (kept, count) = task.await.unwrap();
            sum += count;
            match (kept, &mut *self) {
                (Kept::Connection(connection), Self::Ours { connections, .. }) => connections.push(connection),
                (Kept::Socket(socket), Self::Peer { sockets, .. }) => sockets.push(socket),
                _ => {}
            }
        }
        sum
    }
}

enum Kept {
    Connection(Connection),
    Socket(Socket),
}

/// A topic as both sides spell it.
pub fn topic(world: &World, number: usize) -> String {
    format!("kitchen:{}", world.kitchens[number % world.kitchens.len()])
}

/// The end of a pause that begins now. No two are alike, or the second would be no fact.
fn end() -> foodcourt_actors::time::Timestamp {
    thread_local! { static LAST: Cell<i64> = const { Cell::new(0) }; }
    let at = Wall.now().plus(AHEAD).as_micros().max(LAST.get() + 1);
    LAST.set(at);
    foodcourt_actors::time::Timestamp::from_micros(at)
}

/// Whose turn it is, and when.
#[derive(Clone)]
struct Turns {
    begun: Instant,
    rate: f64,
    lasting: Duration,
    to: Audience,
    next: Rc<Cell<u64>>,
}

impl Turns {
    /// The number of the next word and its topic, when it is time; `None`: it is over.
    async fn next(&self) -> Option<(u64, usize)> {
        let number = self.next.replace(self.next.get() + 1);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        if self.rate > 0.0 {
            let due = self.begun + Duration::from_secs_f64(number as f64 / self.rate);
            tokio::time::sleep_until(due.into()).await;
        }
        let topic = self.to.first + usize::try_from(number).unwrap_or(0) % self.to.topics;
        (self.begun.elapsed() < self.lasting).then_some((number, topic))
    }
}
