//! A whole server on a database of its own: real journal, entities, policies and HTTP; the provider is the sandbox in
//! memory, the clocks are the test's.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::Duration,
};

use actix_web::{App, web::Data};
use foodcourt::{
    app::{
        arrivals::{ArrivalSettings, Arrivals, Parts},
        demo::DemoWorld,
        foresight::Kitchens,
    },
    config::Config,
    http::{
        Services, configure,
        identity::Identities,
        limits::{RateLimits, Rates},
        login::LoginThrottle,
        recent::Recent,
        routes::Verb,
        static_files::Tiles,
        waiter::Waiter,
    },
    ids::RandomIds,
    live::{self, Access, Hub, LiveLimits, LiveSource, ServeLimits, ServerTime, Topic, View},
    password::Argon2Passwords,
    ports::{DeadLetterView, DemoClock, InvariantReport, Operations, Promise},
    postgres::{
        account_book::PostgresAccountBook,
        accounts::PostgresAccounts,
        courts::PostgresCourts,
        cursors::PgCursors,
        journal::{JournalLimits, PgJournal},
        live_tickets::PostgresLiveTickets,
        proofs::PostgresProofs,
        quotes::PostgresQuotes,
        records::PostgresRecords,
        testing::TestDatabase,
        views::{PostgresViews, ViewWriter},
    },
    token::{SigningKey, Tokens},
};
use foodcourt_actors::{
    demo,
    directory::Directory,
    dispatch::policy::DispatchPolicy,
    event::{Recorded, Version},
    ids::{CourtId, KitchenId, UserId},
    kitchen::KitchenPolicy,
    limits::Limits,
    notification::InboxPolicy,
    order::OrderPolicy,
    payment::{
        Payment, PaymentPolicy,
        effect::{CallLimits, ProviderEffect},
        sandbox::{MemoryStore, Sandbox},
    },
    ports::{BoxError, Ids, Journal, Kernel},
    reactor::{Choreography, Reactor, Tap},
    rider::{RiderPolicy, trackers::Trackers},
    stream::StreamId,
    time::{Clock, Timestamp},
    travel::GreatCircle,
    user::{
        accounts::{Accounts, Passwords},
        revocation::Revocations,
        session::REFRESH_TOKEN_LIFE,
    },
};
use futures_util::{FutureExt as _, future::BoxFuture};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

/// Nothing here takes this long; it only keeps a failure from hanging.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that the test moves, in real time otherwise frozen.
pub struct TestClock(AtomicI64);
impl TestClock {
    pub fn pass_s(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, SeqCst);
    }
}
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        // A microsecond a look, so that two facts are never at one instant.
        Timestamp::from_micros(self.0.fetch_add(1, SeqCst))
    }
    fn wall_until(&self, at: Timestamp) -> Duration {
        at.since(Timestamp::from_micros(self.0.load(SeqCst)))
    }
}
impl DemoClock for TestClock {
    fn speed(&self) -> f64 {
        1.0
    }
    fn set_speed(&self, _speed: f64) -> Promise<()> {
        async { Ok(()) }.boxed()
    }
}

/// What those who run it would see.
struct Quiet;
impl Operations for Quiet {
    fn invariants(&self) -> Promise<Vec<InvariantReport>> {
        async { Ok(vec![]) }.boxed()
    }
    fn dead_letters(&self) -> Promise<Vec<DeadLetterView>> {
        async { Ok(vec![]) }.boxed()
    }
    fn ready(&self) -> BoxFuture<'static, Result<(), String>> {
        async { Ok(()) }.boxed()
    }
    fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }
}

/// Nobody may watch anything: sockets have tests of their own.
struct NoSource;
impl LiveSource for NoSource {
    fn redeem_ticket(&self, _: String) -> BoxFuture<'static, Option<live::Principal>> {
        async { None }.boxed()
    }
    fn bearer(&self, _: String) -> BoxFuture<'static, Option<live::Principal>> {
        async { None }.boxed()
    }
    fn authorize(&self, _: live::Principal, _: Topic) -> BoxFuture<'static, Result<Access, live::Problem>> {
        async { Err(live::Problem::not_found()) }.boxed()
    }
    fn snapshot(&self, _: Access) -> BoxFuture<'static, Result<(Version, Value), live::Problem>> {
        async { Err(live::Problem::not_found()) }.boxed()
    }
    fn read_after(&self, _: StreamId, _: Version, _: u32) -> BoxFuture<'static, Result<Vec<Arc<Recorded>>, BoxError>> {
        async { Ok(vec![]) }.boxed()
    }
    fn project(&self, _: View, _: &Recorded) -> Option<Value> {
        None
    }
    fn take_fixes(
        &self,
        _: live::Principal,
        _: Vec<live::Fix>,
    ) -> BoxFuture<'static, Result<live::Taken, live::Problem>> {
        async { Err(live::Problem::not_found()) }.boxed()
    }
    fn time(&self) -> ServerTime {
        ServerTime { now: Timestamp::default(), speed: 1.0 }
    }
}

/// A running server.
pub struct World {
    pub services: Data<Services>,
    pub business: Arc<TestClock>,
    pub wall: Arc<TestClock>,
    pub url: String,
    pub client: reqwest::Client,
    pub database: TestDatabase,
    /// Rounds are the test's to make.
    pub arrivals: Arc<Arrivals>,
    _stop: watch::Sender<bool>,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|_| panic!("{} is no JSON: {}", self.status, String::from_utf8_lossy(&self.bytes)))
    }
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }
    /// The body, if it was a good answer.
    #[track_caller]
    pub fn good(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }
    /// The problem, if it was one of this kind; checks that it is a proper one.
    #[track_caller]
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        let said = String::from_utf8_lossy(&self.bytes);
        assert_eq!(self.status.as_u16(), status, "{said}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(body["type"], format!("/problems/{kind}"), "{said}");
        assert!(body["error_id"].is_string() && body["instance"].as_str().unwrap().starts_with('/'), "{said}");
        body
    }
}

impl World {
    pub async fn new() -> Self {
        // Tests look far more often than people do.
        Self::with(Rates::of(1_000_000, 1_000_000)).await
    }

    pub async fn with(rates: Rates) -> Self {
        let database = TestDatabase::fresh().await;
        let pool = database.database().clone();
        let now = 1_800_000_000_000_000;
        let (business, wall) = (Arc::new(TestClock(AtomicI64::new(now))), Arc::new(TestClock(AtomicI64::new(now))));
        let journal = PgJournal::start(database.settings(), pool.clone(), JournalLimits::default()).await.unwrap();
        let journal: Arc<dyn Journal> = Arc::new(journal);
        let ids: Arc<dyn Ids> = Arc::new(RandomIds);
        let clock: Arc<dyn Clock> = business.clone();
        let kernel = Kernel { journal, clock: clock.clone(), ids: ids.clone(), limits: Limits::default() };
        let (orders, kitchens) = (Directory::start(&kernel, &[]), Directory::start(&kernel, &[]));
        let (deliveries, riders) = (Directory::start(&kernel, &[]), Directory::start(&kernel, &[]));
        let (inboxes, payments) = (Directory::start(&kernel, &[]), Directory::<Payment>::start(&kernel, &[]));
        let (views, waiter) = (PostgresViews::new(pool.clone()), Waiter::default());
        let sandbox = Arc::new(Sandbox::new(Arc::new(MemoryStore::default())));
        let (stop, stopped) = watch::channel(false);
        let settings = ArrivalSettings::from(&Config::load(None).unwrap().arrivals);
        let arrivals = Arrivals::new(Parts {
            settings,
            riders: riders.clone(),
            deliveries: deliveries.clone(),
            kitchens: Kitchens { orders: orders.clone(), kitchens: kitchens.clone(), clock: clock.clone() },
            travel: Arc::new(GreatCircle::USUAL),
            clock: clock.clone(),
            ids: ids.clone(),
        });
        let taps: [Arc<dyn Tap>; 8] = [
            arrivals.clone(),
            Arc::new(orders.clone()),
            Arc::new(kitchens.clone()),
            Arc::new(deliveries.clone()),
            Arc::new(riders.clone()),
            Arc::new(inboxes.clone()),
            Arc::new(payments.clone()),
            Arc::new(waiter.clone()),
        ];
        let mut reactor = Reactor::new(kernel.clone(), Arc::new(PgCursors::new(pool.clone(), ids.next())))
            .consumer(Choreography::<OrderPolicy>::new(orders.clone()))
            .consumer(Choreography::<PaymentPolicy>::new(payments.clone()))
            .consumer(Choreography::<KitchenPolicy>::new(kitchens.clone()))
            .consumer(Choreography::<DispatchPolicy>::new(deliveries.clone()))
            .consumer(Choreography::<RiderPolicy>::new(riders.clone()))
            .consumer(Choreography::<InboxPolicy>::new(inboxes.clone()))
            .consumer(ProviderEffect::new(sandbox.clone(), payments, CallLimits::default()))
            .consumer(ViewWriter::new(views.clone(), orders.clone()));
        for tap in taps {
            reactor = reactor.tap(tap);
        }
        actix_rt::spawn(reactor.run(stopped));

        let accounts: Arc<dyn Accounts> = Arc::new(PostgresAccounts::new(pool.clone(), REFRESH_TOKEN_LIFE));
        let passwords: Arc<dyn Passwords> = Arc::new(Argon2Passwords::new(2, 64).unwrap());
        let courts = PostgresCourts::new(pool.clone());
        let demo = DemoWorld {
            courts: &courts,
            kitchens: &kitchens,
            accounts: accounts.as_ref(),
            passwords: passwords.as_ref(),
            ids: ids.as_ref(),
        };
        demo.load().await.unwrap();

        let wall_clock: Arc<dyn Clock> = wall.clone();
        let tokens = Tokens::new(&SigningKey::generate(), "foodcourt", 300, wall_clock.clone()).unwrap();
        let identities = Identities::new(tokens.clone(), accounts.clone(), Revocations::default(), wall_clock.clone());
        let quotes = Arc::new(PostgresQuotes::new(pool.clone(), 24));
        let hub = Hub::new(Arc::new(NoSource), ids.clone(), LiveLimits::default());
        let services = Data::new(Services {
            orders,
            kitchens,
            deliveries,
            riders,
            inboxes,
            journal: kernel.journal,
            clock: clock.clone(),
            wall: wall_clock.clone(),
            ids,
            accounts,
            account_book: Arc::new(PostgresAccountBook::new(pool.clone())),
            passwords,
            tokens,
            identities,
            body_bytes_max: 64 * 1024,
            throttle: LoginThrottle::new(wall_clock),
            limits: RateLimits::new(rates),
            answers: quotes.clone(),
            courts: Arc::new(courts),
            quotes: quotes.clone(),
            provider: sandbox,
            contacts: quotes,
            proofs: Arc::new(PostgresProofs::new(pool.clone(), 30)),
            decisions: Arc::new(PostgresRecords::new(pool.clone())),
            secret: || [7; 32],
            photo_bytes_max: 64 * 1024,
            views: Arc::new(views),
            live_tickets: Arc::new(PostgresLiveTickets::new(pool, 30)),
            trackers: Arc::new(Trackers::new(clock, vec![arrivals.clone()])),
            operations: Arc::new(Quiet),
            demo: Some(business.clone()),
            recent: Recent::default(),
            hub: hub.clone(),
            trusted_proxies: Vec::new(),
            transport_security: None,
            tiles: Tiles::default(),
            waiter,
        });

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = services.clone();
        let app = move || App::new().configure(configure(shared.clone()));
        let limits = ServeLimits { workers: 1, ..ServeLimits::default() };
        actix_rt::spawn(live::serve(app, &hub, listener, &limits).unwrap().run());
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        Self { services, business, wall, url, client, database, arrivals, _stop: stop }
    }

    /// The staff of the kitchen that cooks the part `at` of `order`.
    pub async fn cook_of(&self, order: &Value, at: usize) -> Person<'_> {
        self.sign_in(&staff_of(order["parts"][at]["kitchen_id"].as_str().unwrap().parse().unwrap())).await
    }

    /// One call; `body` as it is, with the content type of JSON.
    pub async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, bytes: answer.bytes().await.unwrap().to_vec() }
    }

    pub async fn sign_in(&self, email: &str) -> Person<'_> {
        self.sign_in_with(email, demo::PASSWORD).await
    }
    pub async fn sign_in_with(&self, email: &str, password: &str) -> Person<'_> {
        let body = json!({ "email": email, "password": password }).to_string();
        let session = self.call(Method::POST, "/v1/auth/token", &[], Some(&body)).await.good(200);
        Person { world: self, bearer: format!("Bearer {}", session["access_token"].as_str().unwrap()), session }
    }
    /// A new customer.
    pub async fn newcomer(&self, name: &str) -> Person<'_> {
        let email = format!("{name}@example.org");
        let body = json!({ "email": email, "password": "correct horse", "display_name": name }).to_string();
        self.call(Method::POST, "/v1/auth/register", &[], Some(&body)).await.good(201);
        self.sign_in_with(&email, "correct horse").await
    }
}

/// Somebody signed in.
pub struct Person<'a> {
    pub world: &'a World,
    pub bearer: String,
    pub session: Value,
}

impl Person<'_> {
    pub fn id(&self) -> UserId {
        self.session["user_id"].as_str().unwrap().parse().unwrap()
    }
    pub async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        let headers: Vec<_> = [("authorization", self.bearer.as_str())].iter().chain(headers).copied().collect();
        self.world.call(method, path, &headers, body).await
    }
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], None).await
    }
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, &[], Some(&body.to_string())).await
    }
    /// A POST with a key of its own.
    pub async fn once(&self, path: &str, body: &Value) -> Answer {
        let key = self.world.services.ids.next().to_string();
        self.keyed(path, &key, body).await
    }
    pub async fn keyed(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, &[("idempotency-key", key)], Some(&body.to_string())).await
    }
    /// Reads `path` until `enough`.
    pub async fn until(&self, path: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let mut bell = self.world.services.journal.bell();
        let waiting = async {
            loop {
                let body = self.get(path).await.good(200);
                if enough(&body) {
                    return body;
                }
                // The next fact, or a moment: views follow facts and ring no bell.
                let _rang = tokio::time::timeout(Duration::from_millis(20), bell.changed()).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{path} never became what was awaited"))
    }
}

/// The court of six kitchens.
pub fn court() -> CourtId {
    demo::kranhalle()
}
/// The first kitchens of the court.
pub fn kitchens() -> Vec<demo::DemoKitchen> {
    demo::kitchens().into_iter().filter(|kitchen| kitchen.opened.court_id == court()).collect()
}
/// A line of the first dish of `kitchen` that asks no questions.
pub fn line(kitchen: &demo::DemoKitchen) -> Value {
    let item = kitchen.menu.items.iter().find(|item| item.modifier_groups.iter().all(|group| group.min == 0));
    let item = item.expect("every demo kitchen has a dish without questions");
    json!({ "kitchen_id": kitchen.opened.kitchen_id, "item_id": item.item_id, "quantity": 2 })
}
/// A pickup basket over the first `count` kitchens.
pub fn basket(count: usize) -> Value {
    let lines: Vec<_> = kitchens().iter().take(count).map(line).collect();
    json!({ "court_id": court(), "fulfilment": "pickup", "lines": lines })
}
/// An order of that basket.
pub fn order(count: usize) -> Value {
    json!({ "basket": basket(count), "payment_method": "pm_ok", "contact": { "name": "Mia" } })
}
/// A delivery order of one kitchen to a door nearby.
pub fn delivery_order() -> Value {
    let mut basket = basket(1);
    let door = demo::district::address(7).position;
    basket["fulfilment"] = json!("delivery");
    basket["dropoff"] = json!({ "lat": door.lat(), "lon": door.lon() });
    let contact = json!({ "name": "Mia", "phone": "+49 170 1234567", "address": "Am Kran 7" });
    json!({ "basket": basket, "payment_method": "pm_ok", "contact": contact })
}
/// The staff of a kitchen.
pub fn staff_of(kitchen_id: KitchenId) -> String {
    let of = |kitchen: &demo::DemoKitchen| kitchen.opened.kitchen_id == kitchen_id;
    format!("{}@demo", demo::kitchens().iter().find(|kitchen| of(kitchen)).unwrap().word)
}
/// An id that names nothing.
pub fn random() -> Uuid {
    RandomIds.next()
}
/// The method of an operation.
pub fn method(verb: Verb) -> Method {
    Method::from_bytes(verb.as_str().as_bytes()).unwrap()
}
