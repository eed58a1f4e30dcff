//! The server that hands sockets over: ordinary HTTP goes to the App as always, upgrades go to [`Takeover`].
//! `actix_web::HttpServer` hides the upgrade hook, so this builds on actix-server one floor below.

use std::{fmt, io, marker::PhantomData, net::TcpListener, time::Duration};

use actix_http::{HttpService, Request, Response, body::BoxBody, body::MessageBody};
use actix_server::Server;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, map_config};
use actix_web::dev::AppConfig;

use super::{hub::Hub, upgrade::Takeover};

/// How HTTP is served.
#[derive(Clone, Debug)]
pub struct ServeLimits {
    /// Threads; each has its own App and its own share of the sockets.
    pub workers: usize,
    /// An idle connection is closed after this.
    pub keep_alive: Duration,
    /// A request's head must have come within this (slow-loris).
    pub request_head_within: Duration,
    /// A connection that is being closed is dropped after this.
    pub disconnect_within: Duration,
    /// Connections per worker that are not sockets.
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

/// Serves the App made by `app` on `listeners`. The answer runs once awaited; it does not listen to OS signals and does
/// not drain sockets: [`Hub::drain`] first, then stop its handle.
///
/// # Errors
/// When a listener cannot be used.
pub fn serve<F, I, S, B>(app: F, hub: &Hub, listeners: Vec<TcpListener>, limits: &ServeLimits) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Future: 'static,
    S::Service: 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug + 'static,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let mut server = Server::build()
        .workers(limits.workers)
        .max_concurrent_connections(limits.connections_max)
        .shutdown_timeout(limits.stop_within.as_secs().max(1))
        .disable_signals();
    for listener in listeners {
        let (app, hub, limits, stopping) =
            (app.clone(), hub.clone(), limits.clone(), server.graceful_shutdown_signal());
        let address = listener.local_addr()?;
        server = server.listen("http", listener, move || {
            let instance = || {
                let app = app().into_factory().map_err(|error| Response::<BoxBody>::from(error.into()));
                map_config(app, |()| AppConfig::default())
            };
            let stopping = stopping.clone();
            HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(limits.keep_alive)
                .client_request_timeout(limits.request_head_within)
                .client_disconnect_timeout(limits.disconnect_within)
                .tcp_nodelay(true)
                .local_addr(address)
                .upgrade(Takeover {
                    app: instance(),
                    hub: hub.clone(),
                    write_within: limits.request_head_within,
                    body: PhantomData,
                })
                .h1(instance())
                .tcp()
        })?;
    }
    Ok(server.run())
}
