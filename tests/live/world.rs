//! A live server over a source in memory, and clients for it.

use std::{
    collections::{HashMap, HashSet},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use actix_web::{App, HttpResponse, web};
use foodcourt::live::{
    Access, Fix, Hub, LiveLimits, LiveSource, Principal, Problem, ServeLimits, ServerHandle, ServerTime, Taken, Topic,
    View, order_events, serve, upgrade,
};
use foodcourt_actors::{
    event::{Recorded, Version},
    ids::{OrderId, UserId},
    ports::{BoxError, Ids},
    stream::StreamId,
    time::Timestamp,
};
use futures_util::{SinkExt, StreamExt, future::BoxFuture};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use uuid::Uuid;

/// Nothing in these tests takes this long; it only keeps a failure from hanging.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Counts up; jitter is the middle of its range.
#[derive(Default)]
pub struct CountedIds {
    next: AtomicU64,
    /// The next call of `below` panics.
    pub broken: AtomicBool,
}
impl Ids for CountedIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.next.fetch_add(1, Relaxed)))
    }
    fn below(&self, bound: u64) -> u64 {
        assert!(!self.broken.swap(false, Relaxed), "broken dice");
        bound / 2
    }
}

/// Journal, accounts and tracker in memory.
#[derive(Default)]
pub struct Source {
    streams: Mutex<HashMap<StreamId, Vec<Arc<Recorded>>>>,
    tickets: Mutex<HashMap<String, Principal>>,
    pub foreign: Mutex<HashSet<Topic>>,
    pub reads: AtomicUsize,
    /// The next reads of the journal fail.
    pub failing_reads: AtomicUsize,
    /// Business time runs so many times faster than at first.
    pub faster: AtomicUsize,
    /// The fact with this number panics whoever shows it.
    pub poison: AtomicU64,
    hub: OnceLock<Hub>,
}

pub fn principal(number: u128, rider: bool) -> Principal {
    Principal { user_id: UserId(Uuid::from_u128(number)), session_id: Uuid::from_u128(1_000 + number), rider }
}

impl Source {
    pub fn ticket(&self, ticket: &str, principal: Principal) {
        self.tickets.lock().unwrap().insert(ticket.to_owned(), principal);
    }
    /// Commits a fact of `padding` bytes and publishes it, in one order for all.
    pub fn publish(&self, topic: Topic, padding: usize) -> Version {
        let stream = topic.stream(Uuid::nil()).unwrap();
        let mut streams = self.streams.lock().unwrap();
        let facts = streams.entry(stream).or_default();
        let version = facts.len() as Version + 1;
        let fact = Arc::new(Recorded {
            position: 0,
            stream,
            version,
            event_id: Uuid::from_u128(u128::from(version)),
            kind: if version % 7 == 3 { "order.secret" } else { "order.noted" }.into(),
            body: json!({"version": version, "padding": "x".repeat(padding)}).to_string().into(),
            at: Timestamp::from_micros(1_772_366_403_000_000),
            cause: None,
            correlation: Uuid::nil(),
        });
        facts.push(Arc::clone(&fact));
        if let Some(hub) = self.hub.get() {
            hub.facts(&[fact]);
        }
        version
    }
}

impl LiveSource for Source {
    fn redeem_ticket(&self, ticket: String) -> BoxFuture<'static, Option<Principal>> {
        let principal = self.tickets.lock().unwrap().remove(&ticket);
        Box::pin(async move { principal })
    }
    fn bearer(&self, token: String) -> BoxFuture<'static, Option<Principal>> {
        Box::pin(async move { (token == "good").then(|| principal(7, true)) })
    }
    fn authorize(&self, principal: Principal, topic: Topic) -> BoxFuture<'static, Result<Access, Problem>> {
        let stream = topic.stream(principal.user_id.0);
        let known = stream.is_none_or(|stream| self.streams.lock().unwrap().contains_key(&stream));
        let allowed = known && !self.foreign.lock().unwrap().contains(&topic);
        let access = Access { topic, stream, view: View::Owner };
        Box::pin(async move { allowed.then_some(access).ok_or_else(Problem::not_found) })
    }
    fn snapshot(&self, access: Access) -> BoxFuture<'static, Result<(Version, Value), Problem>> {
        let streams = self.streams.lock().unwrap();
        let version = access.stream.map_or(0, |stream| streams[&stream].len() as Version);
        Box::pin(async move {
            tokio::task::yield_now().await; // facts may come between the snapshot and its answer
            Ok((version, json!({"facts": version})))
        })
    }
    fn read_after(
        &self,
        stream: StreamId,
        after: Version,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Arc<Recorded>>, BoxError>> {
        self.reads.fetch_add(1, Relaxed);
        if self.failing_reads.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Box::pin(async { Err("the journal is away".into()) });
        }
        let facts = self.streams.lock().unwrap().get(&stream).cloned().unwrap_or_default();
        let page = facts.into_iter().skip(usize::try_from(after).unwrap()).take(limit as usize).collect();
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(page)
        })
    }
    fn project(&self, _: View, fact: &Recorded) -> Option<Value> {
        assert!(fact.version != self.poison.load(Relaxed), "cannot show this one");
        (&*fact.kind != "order.secret").then(|| serde_json::from_str(&fact.body).unwrap())
    }
    fn take_fixes(&self, principal: Principal, fixes: Vec<Fix>) -> BoxFuture<'static, Result<Taken, Problem>> {
        let last = fixes[fixes.len() - 1];
        let data = json!({"lat": last.position.lat(), "lon": last.position.lon(), "at": last.at});
        self.hub.get().unwrap().position(order(1), principal.user_id.0, last.seq, data);
        let accepted = u32::try_from(fixes.len()).unwrap();
        Box::pin(async move { Ok(Taken { accepted, late: 0, quarantined: 0, fix_seq: last.seq }) })
    }
    fn time(&self) -> ServerTime {
        let speed = 1.0 + self.faster.load(Relaxed) as f64;
        ServerTime { now: Timestamp::from_micros(1_772_366_400_000_000), speed }
    }
}

pub fn order(number: u128) -> Topic {
    Topic::Order(Uuid::from_u128(number))
}

/// A running server.
pub struct World {
    pub address: SocketAddr,
    pub hub: Hub,
    pub source: Arc<Source>,
    pub ids: Arc<CountedIds>,
    pub server: ServerHandle,
}

impl World {
    pub fn start(limits: LiveLimits, workers: usize) -> Self {
        let source = Arc::new(Source::default());
        let ids = Arc::new(CountedIds::default());
        let hub = Hub::new(Arc::clone(&source) as Arc<dyn LiveSource>, Arc::clone(&ids) as Arc<dyn Ids>, limits);
        source.hub.set(hub.clone()).ok().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = hub.clone();
        let app = move || {
            App::new()
                .app_data(web::Data::new(shared.clone()))
                .configure(upgrade::configure)
                .route("/v1/orders/{id}/events", web::get().to(events))
                .route("/echo", web::get().to(|| async { HttpResponse::Ok().body("hello") }))
        };
        let server = serve(app, &hub, listener, &ServeLimits { workers, ..ServeLimits::default() }).unwrap();
        let handle = server.handle();
        actix_web::rt::spawn(server.run());
        Self { address, hub, source, ids, server: handle }
    }
    /// A socket that has said nothing.
    pub async fn connect(&self) -> Client {
        let mut request = format!("ws://{}/v1/live", self.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "foodcourt.v1".parse().unwrap());
        let (socket, response) = connect_async(request).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "foodcourt.v1");
        Client(socket)
    }
    /// A socket that is known.
    pub async fn enter(&self, who: Principal) -> Client {
        let ticket = format!("ticket-{}", self.hub.ids().next());
        self.source.ticket(&ticket, who);
        let mut client = self.connect().await;
        client.say(json!({"type": "hello", "ticket": ticket})).await;
        assert_eq!(client.hear().await["type"], "welcome");
        client
    }
    /// Waits until something holds that the server's own threads bring about.
    pub async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never came true: {what}"));
    }
}

async fn events(hub: web::Data<Hub>, id: web::Path<Uuid>, request: actix_web::HttpRequest) -> HttpResponse {
    let last = request.headers().get("last-event-id").map(|value| value.to_str().unwrap().parse().unwrap());
    match order_events(&hub, principal(1, false), OrderId(*id), last).await {
        Ok(response) => response,
        Err(problem) => {
            HttpResponse::build(actix_web::http::StatusCode::from_u16(problem.status).unwrap()).json(&problem)
        }
    }
}

/// One WebSocket client.
pub struct Client(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }
    /// The next message; `Err`: the close frame, 1006 if there was none.
    pub async fn next(&mut self) -> Result<Value, (u16, String)> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("nothing was heard") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => return Err((frame.code.into(), frame.reason.to_string())),
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Err((1006, String::new())),
                Some(Ok(_)) => {}
            }
        }
    }
    pub async fn hear(&mut self) -> Value {
        self.next().await.expect("the socket is open")
    }
    /// Everything up to the close frame is skipped; the client answers it as browsers do.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(goodbye) = self.next().await {
                while timeout(PATIENCE, self.0.next()).await.expect("the server ends").is_some_and(|next| next.is_ok())
                {
                }
                return goodbye;
            }
        }
    }
    /// Subscribes and answers the first two messages' `seq`.
    pub async fn subscribe(&mut self, topic: Topic, after: Option<Version>) -> Version {
        self.say(json!({"type": "subscribe", "id": 1, "topic": topic.to_string(), "after": after})).await;
        let subscribed = self.hear().await;
        assert_eq!((&subscribed["type"], &subscribed["id"]), (&json!("subscribed"), &json!(1)), "{subscribed}");
        let seq = subscribed["seq"].as_u64().unwrap();
        if after.is_none() {
            let snapshot = self.hear().await;
            assert_eq!((&snapshot["type"], &snapshot["seq"]), (&json!("snapshot"), &json!(seq)));
        }
        seq
    }
}
