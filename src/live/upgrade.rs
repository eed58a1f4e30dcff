//! The door to actix-web-actors: the route that shakes hands for `/v1/live`, and the service that takes the socket
//! over once the route has agreed. The request runs through the whole App first: middleware and limits apply.

use std::{future::Future, marker::PhantomData, pin::Pin, rc::Rc, time::Duration};

use actix_codec::{Encoder, Framed};
use actix_http::{
    ConnectionType, Request, Response, StatusCode,
    body::{BodySize, BoxBody, MessageBody, to_bytes_limited},
    h1,
};
use actix_service::{Service, ServiceFactory};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL},
    web,
};
use actix_web_actors::ws;
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{
    hub::Hub,
    limits::LiveLimits,
    message::SUB_PROTOCOL,
    session::{Seed, Session},
    source::Problem,
    worker::Worker,
};

/// A refusal's body is a problem, never more than this.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// Bytes a refused peer may still send before it is cut.
const FAREWELL_BYTES_MAX: u64 = 256 * 1024;

/// Adds `GET /v1/live`. The App needs a [`Hub`] as `web::Data`.
pub fn configure(config: &mut web::ServiceConfig) {
    config.route("/v1/live", web::get().to(live));
}

/// Shakes hands for a socket: free place, allowed origin, sub-protocol, and the token of a native client if it has one.
pub async fn live(request: HttpRequest, hub: web::Data<Hub>) -> HttpResponse {
    agree(&request, &hub).await.unwrap_or_else(|problem| refusal(request.path(), &problem, None))
}

/// The handshake of [`live`].
///
/// # Errors
/// Why not: for [`refusal`].
pub async fn agree(request: &HttpRequest, hub: &Hub) -> Result<HttpResponse, Problem> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let seat = hub.seat().ok_or_else(Problem::unavailable)?;
    if let Some(origin) = header(ORIGIN)
        && !is_allowed(origin, header(HOST).unwrap_or_default(), hub.limits())
    {
        return Err(Problem::new("/problems/origin", "Origin is not allowed", 403, "this origin may not connect"));
    }
    let offered = header(SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
    if !offered.split(',').any(|protocol| protocol.trim() == SUB_PROTOCOL) {
        let detail = format!("offer the sub-protocol {SUB_PROTOCOL}");
        return Err(Problem::new("/problems/sub-protocol", "Sub-protocol is missing", 400, detail));
    }
    let mut response = ws::handshake_with_protocols(request, &[SUB_PROTOCOL]).map_err(|error| {
        let status = if matches!(error, ws::HandshakeError::NoWebsocketUpgrade) { 426 } else { 400 };
        Problem::new("/problems/not-a-websocket", "Not a WebSocket handshake", status, error.to_string())
    })?;
    let asked_at = Instant::now();
    let principal = match header(AUTHORIZATION) {
        None => None,
        Some(value) => {
            let token = value.strip_prefix("Bearer ").unwrap_or_default().to_owned();
            let unknown = || Problem::new("/problems/unauthenticated", "Sign in first", 401, "the token is not valid");
            Some(hub.source().bearer(token).await.ok_or_else(unknown)?)
        }
    };
    let mut response = response.finish();
    response.extensions_mut().insert(Seed { seat, principal, asked_at });
    Ok(response)
}

/// Browsers tell the page's origin; others tell none and are let through (they have no cookies to abuse).
fn is_allowed(origin: &str, host: &str, limits: &LiveLimits) -> bool {
    let same_host = origin.split_once("://").is_some_and(|(_, of)| of == host);
    if limits.origins.is_empty() { same_host } else { same_host || limits.origins.iter().any(|known| known == origin) }
}

/// The answer to a handshake at `path` that was not agreed to; `error_id` finds it in the log.
#[must_use]
pub fn refusal(path: &str, problem: &Problem, error_id: Option<&str>) -> HttpResponse {
    let mut body = serde_json::to_value(problem).unwrap_or_default();
    body["instance"] = path.into();
    if let Some(error_id) = error_id {
        body["error_id"] = error_id.into();
    }
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "application/problem+json")).insert_header((CACHE_CONTROL, "no-store"));
    match problem.status {
        401 => response.insert_header(("www-authenticate", "Bearer")),
        426 => response.insert_header(("upgrade", "websocket")),
        503 => response.insert_header((RETRY_AFTER, "5")),
        _ => &mut response,
    };
    response.body(body.to_string())
}

/// Makes the service that every `Upgrade: websocket` request lands in, on whatever path.
pub struct Takeover<S, B> {
    /// A second instance of the App.
    pub app: S,
    /// Where sessions live.
    pub hub: Hub,
    /// A peer must take the head of its answer within this.
    pub write_within: Duration,
    /// The App's bodies.
    pub body: PhantomData<B>,
}

type Upgraded = (Request, Framed<TcpStream, h1::Codec>);
type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

impl<S, B> ServiceFactory<Upgraded> for Takeover<S, B>
where
    S: ServiceFactory<Request, Config = ()>,
    S::Future: 'static,
    S::Service: 'static,
    S::Response: Into<Response<B>> + 'static,
    S::Error: Into<Response<BoxBody>> + 'static,
    S::InitError: 'static,
    B: MessageBody + 'static,
{
    type Response = ();
    type Error = actix_web::Error;
    type Config = ();
    type Service = TakeoverService<S::Service, B>;
    type InitError = S::InitError;
    type Future = LocalFuture<Result<Self::Service, Self::InitError>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let (app, hub, write_within) = (self.app.new_service(()), self.hub.clone(), self.write_within);
        Box::pin(async move { Ok(TakeoverService { app: Rc::new(app.await?), hub, write_within, body: PhantomData }) })
    }
}

/// See [`Takeover`].
pub struct TakeoverService<S, B> {
    app: Rc<S>,
    hub: Hub,
    write_within: Duration,
    body: PhantomData<B>,
}

impl<S, B> Service<Upgraded> for TakeoverService<S, B>
where
    S: Service<Request> + 'static,
    S::Response: Into<Response<B>> + 'static,
    S::Error: Into<Response<BoxBody>> + 'static,
    B: MessageBody + 'static,
{
    type Response = ();
    type Error = actix_web::Error;
    type Future = LocalFuture<Result<(), actix_web::Error>>;

    fn poll_ready(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        self.app.poll_ready(cx).map_err(|_| actix_web::error::ErrorServiceUnavailable("not ready"))
    }

    fn call(&self, (request, framed): Upgraded) -> Self::Future {
        let (app, hub, write_within) = (Rc::clone(&self.app), self.hub.clone(), self.write_within);
        Box::pin(async move {
            let response = match app.call(request).await {
                Ok(response) => response.into().map_into_boxed_body(),
                Err(error) => error.into(),
            };
            let (mut head, body) = response.into_parts();
            let seed = head.extensions_mut().remove::<Seed>();
            let taken = match seed {
                Some(seed) if head.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    timeout(write_within, begin(framed, head, seed, &hub)).await
                }
                _ => timeout(write_within, refuse(framed, head, body)).await,
            };
            if let Ok(Err(error)) = taken {
                tracing::debug!(%error, "a socket was lost at its upgrade");
            }
            Ok(())
        })
    }
}

/// Sends the head and starts the session. What the h1 dispatcher held is freed when this returns.
async fn begin(framed: Framed<TcpStream, h1::Codec>, head: Response<()>, seed: Seed, hub: &Hub) -> std::io::Result<()> {
    let mut parts = framed.into_parts();
    parts.codec.encode(h1::Message::Item((head, BodySize::None)), &mut parts.write_buf)?;
    parts.io.write_all(&parts.write_buf).await?;
    let limits = hub.limits();
    parts.io.set_nodelay(true)?;
    let socket = socket2::SockRef::from(&parts.io);
    // A peer that stops reading or vanishes is given up by the kernel, and cannot park megabytes there.
    socket.set_tcp_user_timeout(Some(limits.unacknowledged_max))?;
    socket.set_tcp_notsent_lowat(limits.kernel_unsent_bytes_max)?;
    Session::start(parts.io, &parts.read_buf, seed, &Worker::here(hub));
    Ok(())
}

/// Answers an upgrade that does not happen, and closes: what follows on this connection would not be HTTP.
async fn refuse(framed: Framed<TcpStream, h1::Codec>, mut head: Response<()>, body: BoxBody) -> std::io::Result<()> {
    let body = to_bytes_limited(body, REFUSAL_BYTES_MAX).await.ok().and_then(Result::ok).unwrap_or_else(Bytes::new);
    head.head_mut().set_connection_type(ConnectionType::Close);
    let mut parts = framed.into_parts();
    parts.codec.encode(h1::Message::Item((head, BodySize::Sized(body.len() as u64))), &mut parts.write_buf)?;
    if !body.is_empty() {
        parts.codec.encode(h1::Message::Chunk(Some(body)), &mut parts.write_buf)?;
    }
    parts.io.write_all(&parts.write_buf).await?;
    parts.io.shutdown().await?;
    // Closing over unread bytes would reset the connection and could take the answer with it.
    tokio::io::copy(&mut (&mut parts.io).take(FAREWELL_BYTES_MAX), &mut tokio::io::sink()).await.map(drop)
}
