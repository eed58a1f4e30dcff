//! The server that hands sockets over: ordinary HTTP goes to the App as always, upgrades go to [`Takeover`].
//!
//! Neither `actix_web::HttpServer` (it hides the upgrade hook) nor actix-server (it serves on threads of its own only):
//! the first desk is the thread that the server is started on. Where that thread carries actors and the journal's
//! writer as well, a request there wakes no other thread on its way in nor on its way out. Whoever comes is given to
//! the desk with the fewest connections and sockets.

use std::{
    fmt, io,
    marker::PhantomData,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use actix::Arbiter;
use actix_http::{HttpService, Request, Response, body::BoxBody, body::MessageBody};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, map_config};
use actix_web::dev::AppConfig;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
};
use tracing::{error, warn};

use super::{hub::Hub, upgrade::Takeover};

/// Pause after a failed accept: nearly always the process has no free file descriptor.
const AFTER_FAILURE: Duration = Duration::from_millis(250);

/// How HTTP is served.
#[derive(Clone, Debug)]
pub struct ServeLimits {
    /// Threads, the one it is started on among them; each has its own App and its own share of the sockets.
    pub workers: usize,
    /// An idle connection is closed after this.
    pub keep_alive: Duration,
    /// A request's head must have come within this (slow-loris).
    pub request_head_within: Duration,
    /// A connection that is being closed is dropped after this.
    pub disconnect_within: Duration,
    /// Connections per worker that are not sockets; who comes next waits in the kernel's queue.
    pub connections_max: usize,
    /// Requests in flight at a stop may take this long.
    pub stop_within: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(2, usize::from),
            keep_alive: Duration::from_secs(75),
            request_head_within: Duration::from_secs(5),
            disconnect_within: Duration::from_secs(2),
            connections_max: 10_000,
            stop_within: Duration::from_secs(10),
        }
    }
}

/// How much one thread carries.
#[derive(Default)]
struct Load {
    connections: AtomicUsize,
    seats: AtomicUsize,
}

impl Load {
    fn all(&self) -> usize {
        self.connections.load(Relaxed) + self.seats.load(Relaxed)
    }
}

thread_local! {
    static HERE: std::cell::RefCell<Arc<Load>> = std::cell::RefCell::default();
}

/// One socket or stream on this thread, counted until it is dropped.
pub(super) struct Occupied(Arc<Load>);

/// Counts a socket or stream on this thread.
pub(super) fn occupy() -> Occupied {
    let load = HERE.with_borrow(Arc::clone);
    load.seats.fetch_add(1, Relaxed);
    Occupied(load)
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.seats.fetch_sub(1, Relaxed);
    }
}

/// A connection on its way to a desk or at it, counted until it is dropped.
struct Connected(Arc<Load>, Arc<Notify>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
        self.1.notify_one();
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stop {
    No,
    Gently,
    Now,
}

/// Stops a [`Server`] from anywhere.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    stop: watch::Sender<Stop>,
    ended: watch::Receiver<bool>,
}

impl ServerHandle {
    /// Takes no more connections; gently: requests in flight are finished, for as long as the limits say. Returns once
    /// every desk is left.
    pub async fn stop(&self, gently: bool) {
        self.stop.send_replace(if gently { Stop::Gently } else { Stop::Now });
        let mut ended = self.ended.clone();
        // An error means that it has ended, too.
        drop(ended.wait_for(|ended| *ended).await);
    }
}

/// Where connections are attended to: one thread.
struct Desk {
    load: Arc<Load>,
    post: mpsc::UnboundedSender<(TcpStream, Connected)>,
}

/// A server, before it runs.
pub struct Server {
    listener: tokio::net::TcpListener,
    desks: Vec<Desk>,
    arbiters: Vec<Arbiter>,
    connections_max: usize,
    freed: Arc<Notify>,
    handle: ServerHandle,
    ended: watch::Sender<bool>,
    /// Ends when every desk is left.
    left: mpsc::Receiver<()>,
}

/// Serves the App made by `app` on `listener`, on this thread and others. The answer must be run; it does not listen to
/// OS signals and does not drain sockets: [`Hub::drain`] first, then stop its handle. Must be called on an arbiter.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve<F, I, S, B>(app: F, hub: &Hub, listener: TcpListener, limits: &ServeLimits) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request> + 'static,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Future: 'static,
    S::Service: 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug + 'static,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (stop, ended, freed) = (watch::Sender::new(Stop::No), watch::Sender::new(false), Arc::<Notify>::default());
    let (leaving, left) = mpsc::channel(1);
    let (mut desks, mut arbiters) = (Vec::new(), Vec::new());
    for number in 0..limits.workers.max(1) {
        let (post, inbox) = mpsc::unbounded_channel();
        let load = Arc::<Load>::default();
        desks.push(Desk { load: Arc::clone(&load), post });
        let (app, hub, limits, stop, leaving) =
            (app.clone(), hub.clone(), limits.clone(), stop.subscribe(), leaving.clone());
        let begin = move || {
            HERE.set(load);
            let within = limits.stop_within;
            let http = http(app, hub, address, limits, stop.clone());
            actix::spawn(async move {
                attend(http, inbox, stop, within).await;
                drop(leaving);
            });
        };
        if number == 0 {
            begin();
        } else {
            let arbiter = Arbiter::new();
            arbiter.spawn_fn(begin);
            arbiters.push(arbiter);
        }
    }
    let handle = ServerHandle { stop, ended: ended.subscribe() };
    Ok(Server { listener, desks, arbiters, connections_max: limits.connections_max, freed, handle, ended, left })
}

/// What makes one desk's service of connections.
fn http<F, I, S, B>(
    app: F,
    hub: Hub,
    address: SocketAddr,
    limits: ServeLimits,
    stop: watch::Receiver<Stop>,
) -> impl ServiceFactory<tokio::net::TcpStream, Config = (), Response = (), InitError = ()>
where
    F: Fn() -> I + 'static,
    I: IntoServiceFactory<S, Request> + 'static,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Future: 'static,
    S::Service: 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug + 'static,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let instance = || {
        let app = app().into_factory().map_err(|error| Response::<BoxBody>::from(error.into()));
        map_config(app, |()| AppConfig::default())
    };
    HttpService::build()
        .graceful_shutdown_signal(move || {
            let mut stop = stop.clone();
            async move { drop(stop.wait_for(|stop| *stop != Stop::No).await) }
        })
        .keep_alive(limits.keep_alive)
        .client_request_timeout(limits.request_head_within)
        .client_disconnect_timeout(limits.disconnect_within)
        .tcp_nodelay(true)
        .local_addr(address)
        .upgrade(Takeover { app: instance(), hub, write_within: limits.request_head_within, body: PhantomData })
        .h1(instance())
        .tcp()
}

/// Attends to connections until no more come; what is then in flight may take `within` if told to stop gently.
async fn attend<H>(
    http: H,
    mut inbox: mpsc::UnboundedReceiver<(TcpStream, Connected)>,
    stop: watch::Receiver<Stop>,
    within: Duration,
) where
    H: ServiceFactory<tokio::net::TcpStream, Config = (), Response = (), InitError = ()>,
    H::Service: 'static,
{
    let Ok(service) = http.new_service(()).await else {
        return error!("the App cannot be made on one thread; nobody is served there");
    };
    let service = std::rc::Rc::new(service);
    let mut at_work = JoinSet::new();
    loop {
        tokio::select! {
            // One that panicked is over as well, and closed.
            Some(_over) = at_work.join_next(), if !at_work.is_empty() => {}
            come = inbox.recv() => {
                let Some((stream, connected)) = come else { break };
                let service = std::rc::Rc::clone(&service);
                at_work.spawn_local(async move {
                    let _connected = connected;
                    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
                    if std::future::poll_fn(|context| service.poll_ready(context)).await.is_ok() {
                        // What goes wrong on a connection is its own affair, and told there.
                        drop(service.call(stream).await);
                    }
                });
            }
        }
    }
    if *stop.borrow() == Stop::Gently {
        let finish = async { while at_work.join_next().await.is_some() {} };
        if tokio::time::timeout(within, finish).await.is_err() {
            warn!("{} connections did not end in time and are cut", at_work.len());
        }
    }
}

impl Server {
    /// Stops it.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Serves until it is told to stop.
    pub async fn run(mut self) {
        let mut stop = self.handle.stop.subscribe();
        tokio::select! {
            _ = stop.wait_for(|stop| *stop != Stop::No) => {}
            () = self.accept() => {}
        }
        drop((self.listener, self.desks));
        while self.left.recv().await.is_some() {}
        for arbiter in self.arbiters {
            arbiter.stop();
        }
        self.ended.send_replace(true);
    }

    /// Gives whoever comes to the desk that has least to do; the first one, where they are equal.
    async fn accept(&self) {
        loop {
            let free = |desk: &&Desk| desk.load.connections.load(Relaxed) < self.connections_max;
            while !self.desks.iter().any(|desk| free(&desk)) {
                self.freed.notified().await;
            }
            match self.listener.accept().await.and_then(|(stream, _)| stream.into_std()) {
                Ok(stream) => {
                    let Some(desk) = self.desks.iter().filter(free).min_by_key(|desk| desk.load.all()) else {
                        continue;
                    };
                    desk.load.connections.fetch_add(1, Relaxed);
                    // Fails only where the desk was never opened; the connection is closed with it.
                    drop(desk.post.send((stream, Connected(Arc::clone(&desk.load), Arc::clone(&self.freed)))));
                }
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }
}

/// The peer has gone before it was attended to.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
