//! One running node: actors, reactor, sweeper, trackers, sockets, and the services that handlers use.

use std::{
    net::TcpListener,
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix::{Arbiter, ArbiterHandle};
use actix_web::{App, web::Data};
use foodcourt_actors::{
    directory::Directory,
    dispatch::{
        Delivery,
        effect::{Answers, SearchEffect, SilenceEffect},
        known::Bags,
        planner::Planner,
        policy::DispatchPolicy,
        zone::Zone,
    },
    kitchen::{Kitchen, KitchenPolicy},
    notification::{Inbox, InboxPolicy},
    order::{Order, policy::OrderPolicy},
    payment::{
        Payment,
        effect::{CallLimits, ProviderEffect},
        policy::PaymentPolicy,
        sandbox::{PLAIN, Sandbox},
    },
    ports::{Cursors, Ids, Journal, Kernel},
    reactor::{Choreography, Reactor, Sweep, Tap, Wakes},
    rider::{
        Rider,
        policy::RiderPolicy,
        trackers::{PositionSink, Trackers},
    },
    time::Clock,
};
use tokio::sync::watch;
use tracing::{debug, warn};

use super::{
    StartError,
    admission::{Admission, LagLimits, LagWatch},
    arrivals::{self, Arrivals},
    database::Opened,
    demo::{DemoWorld, Hurried, centre},
    follow::{close_revoked, follow, restore},
    foresight::Kitchens,
    housekeeping::Housekeeping,
    inspection::Inspection,
    metrics::Metrics,
    operations::NodeOperations,
    positions::{LivePositions, OffDuty},
    watch::Watch,
};
use crate::{
    clock::{Anchor, BusinessClock},
    config::Config,
    http::{
        self, Services,
        identity::Identities,
        limits::{RateLimits, Rates},
        login::LoginThrottle,
        recent::Recent,
        security_headers::transport_security,
        static_files::Tiles,
        waiter::Waiter,
    },
    ids::RandomIds,
    live::{Hub, LiveLimits, ServeLimits, Server, serve},
    password::Argon2Passwords,
    ports::{Courts as _, DemoClock},
    postgres::{
        account_book::PostgresAccountBook,
        accounts::PostgresAccounts,
        business_clock,
        courts::PostgresCourts,
        cursors::{self, PgCursors},
        journal::{JournalLimits, PgJournal},
        live_tickets::PostgresLiveTickets,
        positions::{Carrier, Outbox},
        proofs::PostgresProofs,
        quotes::PostgresQuotes,
        sandbox::PgSandbox,
        views::{PostgresViews, ViewWriter},
    },
    redis::RedisSide,
    token::{SigningKey, Tokens},
};

/// What a client is told to wait before it comes back after a stop; sockets spread themselves over as much again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// A node, running.
pub struct Node {
    services: Data<Services>,
    hub: Hub,
    journal: Arc<PgJournal>,
    courts: Arc<PostgresCourts>,
    passwords: Arc<Argon2Passwords>,
    admission: Arc<Admission>,
    stopping: watch::Sender<bool>,
    reactor: tokio::sync::oneshot::Receiver<()>,
    redis: Option<Arc<RedisSide>>,
    arbiters: Vec<Arbiter>,
}

impl Node {
    /// Starts everything but the listener.
    ///
    /// # Errors
    /// [`StartError`] with what to do.
    pub async fn start(config: &Config, opened: &Opened) -> Result<Self, StartError> {
        let database = opened.database.clone();
        let other = |what: &str, error: &dyn std::error::Error| {
            StartError::Other(format!("{what}: {}", super::sentence(error)))
        };
        let (anchor, now) = business_clock::anchor(&database).await?;
        let clock = Arc::new(BusinessClock::new(&anchor, now));
        let wall: Arc<dyn Clock> =
            Arc::new(BusinessClock::new(&Anchor { anchored_at: now, business_at: now, speed: 1.0 }, now));
        let ids: Arc<dyn Ids> = Arc::new(RandomIds);
        let journal_limits = JournalLimits { queue_max: config.database.journal_queue_max, ..JournalLimits::default() };
        let journal = Arc::new(PgJournal::start(&opened.settings, database.clone(), journal_limits).await?);
        if opened.private.is_some() {
            // Nobody else can be on a private database: what a killed server held is free at once.
            cursors::free_all(&database).await?;
        }
        let kernel = Kernel {
            journal: Arc::clone(&journal) as Arc<dyn Journal>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ids: Arc::clone(&ids),
            limits: config.limits(),
        };

        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let threads = if config.server.actor_threads == 0 { (cores / 2).max(1) } else { config.server.actor_threads };
        // The first shares this thread with the journal's writer and the connections to the database: what an actor
        // there appends needs no other thread to wake, neither on its way nor back.
        let arbiters: Vec<Arbiter> = (1..threads).map(|_| Arbiter::new()).collect();
        let handles: Vec<ArbiterHandle> =
            std::iter::once(Arbiter::current()).chain(arbiters.iter().map(Arbiter::handle)).collect();
        let orders = Directory::<Order>::start(&kernel, &handles);
        let payments = Directory::<Payment>::start(&kernel, &handles);
        let kitchens = Directory::<Kitchen>::start(&kernel, &handles);
        let deliveries = Directory::<Delivery>::start(&kernel, &handles);
        let riders = Directory::<Rider>::start(&kernel, &handles);
        let inboxes = Directory::<Inbox>::start(&kernel, &handles);

        let silences = Arc::new(SilenceEffect::new(kernel.clone(), deliveries.clone()));
        let courts = Arc::new(PostgresCourts::new(database.clone()));
        let centre = centre(&courts.all().await.map_err(|error| other("the courts", &error))?);
        let bags = Bags::new(riders.clone(), deliveries.clone());
        let zone = Zone::open(centre, Arc::clone(&kernel.clock), bags.clone(), silences, handles.first());

        let refresh_life = Duration::from_secs(u64::from(config.auth.refresh_token_days) * 86_400);
        let accounts = Arc::new(PostgresAccounts::new(database.clone(), refresh_life));
        let answers_kept_h = u32::try_from(journal_limits.answers_kept.as_secs() / 3_600).unwrap_or(24);
        let quotes = Arc::new(PostgresQuotes::new(database.clone(), answers_kept_h));
        let views = Arc::new(PostgresViews::new(database.clone()));
        let proofs = Arc::new(PostgresProofs::new(database.clone(), config.proof.kept_days));
        let tickets = Arc::new(PostgresLiveTickets::new(database.clone(), http::live::TICKET_S));
        let hashes = Argon2Passwords::new(config.auth.hashes_at_once, config.auth.hash_queue_max);
        let passwords = Arc::new(hashes.map_err(|error| other("passwords cannot be hashed", &error))?);
        std::fs::create_dir_all(&config.data.dir).map_err(|error| other("the data folder cannot be made", &error))?;
        let key = if config.auth.signing_key.is_empty() {
            SigningKey::at(&config.data.dir.join("signing.key"))
        } else {
            SigningKey::from_base64(&config.auth.signing_key)
        };
        let key = key.map_err(|error| other("the signing key", &error))?;
        let life_s = i64::try_from(config.auth.access_token_s).unwrap_or(i64::MAX);
        let tokens = Tokens::new(&key, &config.server.public_url, life_s, Arc::clone(&wall))
            .map_err(|error| other("the signing key", &error))?;
        let revocations = foodcourt_actors::user::revocation::Revocations::default();
        let identities = Identities::new(tokens.clone(), accounts.clone(), revocations.clone(), Arc::clone(&wall));

        // The hub's source takes fixes to the trackers, which tell positions to the hub: the knot is tied below.
        let late_trackers = Arc::new(OnceLock::new());
        let watch = Watch {
            orders: orders.clone(),
            kitchens: kitchens.clone(),
            riders: riders.clone(),
            inboxes: inboxes.clone(),
            journal: Arc::clone(&kernel.journal),
            identities: identities.clone(),
            tickets: tickets.clone(),
            trackers: Arc::clone(&late_trackers),
            views: views.clone(),
            clock: Arc::clone(&clock),
            wall: Arc::clone(&wall),
        };
        let live_limits = LiveLimits {
            sockets_max: config.live.sockets_max,
            origins: config.live.origins.clone(),
            ..LiveLimits::default()
        };
        let hub = Hub::new(Arc::new(watch), Arc::clone(&ids), live_limits);
        let positions = Arc::new(LivePositions::new(hub.clone()));
        let redis = super::redis::start(config, &kernel, &orders, &kitchens)?;
        let metrics = Metrics::new();
        let travel = crate::travel::start(&config.travel(), metrics.travel.clone());
        let travel = travel.map_err(|error| other("travel times", &error))?;
        let (clock_of, orders_of) = (Arc::clone(&kernel.clock), orders.clone());
        let foresight = Kitchens { orders: orders_of, kitchens: kitchens.clone(), clock: clock_of };
        let arrivals = Arrivals::new(arrivals::Parts {
            settings: (&config.arrivals).into(),
            riders: riders.clone(),
            deliveries: deliveries.clone(),
            kitchens: foresight.clone(),
            travel: Arc::clone(&travel),
            clock: Arc::clone(&kernel.clock),
            ids: Arc::clone(&ids),
        });
        let followers: Vec<Arc<dyn PositionSink>> = vec![Arc::new(zone.clone()), Arc::clone(&positions) as _];
        // Nobody else can be on a private database, so there is nobody to tell.
        let outbox = opened.private.is_none().then(Arc::<Outbox>::default);
        // Arrivals are noticed by the node that the phone talks to; the others need not do it again.
        let own = [Arc::clone(&arrivals) as Arc<dyn PositionSink>].into_iter();
        let carriers =
            redis.iter().map(|redis| redis.sink()).chain(outbox.iter().map(|outbox| Arc::clone(outbox) as _));
        let trackers = Trackers::new(Arc::clone(&kernel.clock), followers).carried_by(own.chain(carriers).collect());
        let trackers = Arc::new(trackers);
        assert!(late_trackers.set(Arc::clone(&trackers)).is_ok(), "set once, here");

        let (waiter, admission) = (Waiter::default(), Arc::<Admission>::default());
        let call_limits = CallLimits {
            in_flight_max: config.payment.calls_at_once,
            waiting_max: config.payment.calls_waiting_max,
            timeout: Duration::from_millis(config.payment.call_timeout_ms),
        };
        let sandbox = Sandbox::new(Arc::new(PgSandbox::new(database.clone())));
        let provider = Arc::new(if config.demo_on() { sandbox } else { sandbox.plain() });
        let cursors: Arc<dyn Cursors> = Arc::new(PgCursors::new(database.clone(), ids.next()));
        let (recorder, records) = super::records::start(config, &database, &kernel, metrics.records.clone());
        let answers = Answers::new(Arc::new(zone.clone()), deliveries.clone())
            .asking(config.dispatch.ask_at_once)
            .with_travel(travel)
            .recorded_by(recorder)
            .with_foresight(Some(Arc::new(foresight)));
        let planning = Arbiter::new();
        let planner = config.plan().map(|settings| {
            let (clock, surveys) = (Arc::clone(&kernel.clock), Arc::new(zone.clone()));
            Planner::open(centre, clock, surveys, answers.clone(), settings, Some(&planning.handle()))
        });
        let search = SearchEffect::new(kernel.clone(), answers).with_planner(planner.clone());
        let mut reactor = Reactor::new(kernel.clone(), cursors)
            .consumer(Choreography::<OrderPolicy>::new(orders.clone()))
            .consumer(Choreography::<PaymentPolicy>::new(payments.clone()))
            .consumer(Choreography::<KitchenPolicy>::new(kitchens.clone()))
            .consumer(Choreography::<DispatchPolicy>::new(deliveries.clone()))
            .consumer(Choreography::<RiderPolicy>::new(riders.clone()))
            .consumer(Choreography::<InboxPolicy>::new(inboxes.clone()))
            .consumer(ProviderEffect::new(provider.clone(), payments.clone(), call_limits))
            .consumer(search)
            .consumer(ViewWriter::new(views.as_ref().clone(), orders.clone()))
            .tap(Arc::new(orders.clone()))
            .tap(Arc::new(payments.clone()))
            .tap(Arc::new(kitchens.clone()))
            .tap(Arc::new(deliveries.clone()))
            .tap(Arc::new(riders.clone()))
            .tap(Arc::new(inboxes.clone()))
            .tap(Arc::new(zone.clone()))
            .tap(Arc::clone(&positions) as Arc<dyn Tap>)
            .tap(Arc::clone(&arrivals) as Arc<dyn Tap>)
            .tap(Arc::new(metrics.calibration.clone()))
            .tap(Arc::new(OffDuty(Arc::clone(&trackers))))
            .tap(Arc::new(hub.clone()))
            .tap(Arc::new(waiter.clone()))
            .tap(Arc::clone(&metrics) as Arc<dyn Tap>);
        if let Some(planner) = planner {
            reactor = reactor.tap(Arc::new(planner));
        }
        if let Some(redis) = &redis {
            reactor = reactor.tap(redis.tap());
        }
        if let Some(outbox) = &outbox {
            reactor = reactor.tap(Arc::clone(outbox) as Arc<dyn Tap>);
        }
        let services = reactor.services();
        let mut begun = reactor.begun();
        let sleepers: Vec<Arc<dyn Wakes>> = vec![
            Arc::new(orders.clone()),
            Arc::new(payments.clone()),
            Arc::new(kitchens.clone()),
            Arc::new(deliveries.clone()),
            Arc::new(riders.clone()),
        ];
        let stopping = watch::Sender::new(false);
        let (stop, sweep, stop_sweep) =
            (stopping.subscribe(), Sweep::new(kernel.clone(), sleepers), stopping.subscribe());
        let (finished, reactor_ended) = tokio::sync::oneshot::channel();
        // With one thread for actors the reactor shares it: each fact that it hands to an actor and each answer would
        // otherwise wake another thread. With several it has its own, as they have enough to do.
        let reacting = (threads > 1).then(Arbiter::new);
        let reacts = config.bench.reactors;
        reacting.as_ref().map_or_else(Arbiter::current, Arbiter::handle).spawn_fn(move || {
            if reacts {
                actix::spawn(sweep.run(stop_sweep));
            } else {
                warn!("bench.reactors is off: orders are kept and nobody acts on them");
            }
            actix::spawn(async move {
                if reacts {
                    reactor.run(stop).await;
                }
                // Nobody waits where the process is already on its way out.
                let _gone = finished.send(());
            });
        });
        let mut arbiters = arbiters;
        arbiters.extend(reacting.into_iter().chain([planning]));
        // Nobody may watch before the taps hear. An error means that the reactor has ended, and then there is nothing to hear.
        if reacts {
            begun
                .wait_for(|begun| *begun)
                .await
                .map(drop)
                .unwrap_or_else(|_| debug!("the reactor ended before it began"));
        }

        restore(&views, &riders, &bags, &zone, &positions, &arrivals).await;
        actix::spawn(Arc::clone(&arrivals).run(stopping.subscribe()));
        if let Some(redis) = &redis {
            redis.feed_positions_to(vec![Arc::clone(&trackers) as _]);
            actix::spawn(super::redis::fill(Arc::clone(redis), views.clone()));
        }
        if let Some(outbox) = outbox {
            let redis = redis.clone();
            let carrier = Carrier {
                database: database.clone(),
                node_id: ids.next(),
                outbox,
                relieved: Box::new(move || redis.as_ref().is_some_and(|redis| redis.is_up())),
                sink: Arc::clone(&trackers) as _,
            };
            let every = Duration::from_millis(config.database.positions_every_ms);
            actix::spawn(carrier.run(every, stopping.subscribe()));
        }
        if reacts {
            let lag = LagWatch {
                database: database.clone(),
                services,
                limits: LagLimits {
                    refuse: Duration::from_secs(config.kernel.feed_lag_refuse_s),
                    resume: Duration::from_secs(config.kernel.feed_lag_resume_s),
                },
                admission: Arc::clone(&admission),
                metrics: Arc::clone(&metrics),
            };
            actix::spawn(lag.run(stopping.subscribe()));
        }
        actix::spawn(follow(database.clone(), Arc::clone(&clock), stopping.subscribe()));
        actix::spawn(identities.clone().keep_fresh(stopping.subscribe()));
        actix::spawn(close_revoked(hub.clone(), identities.clone()));

        let housekeeping = Housekeeping {
            database: database.clone(),
            quotes: Arc::clone(&quotes),
            accounts: Arc::clone(&accounts),
            proofs: Arc::clone(&proofs),
            records: records.store(),
            records_kept_days: config.dispatch.records_kept_days,
            clock: Arc::clone(&kernel.clock),
        };
        actix::spawn(housekeeping.run(stopping.subscribe()));
        let decisions = Arc::new(records.store());
        actix::spawn(records.run(stopping.subscribe()));
        let demo_clock = Hurried { database: database.clone(), clock: Arc::clone(&clock) };
        let operations = NodeOperations {
            journal: Arc::clone(&journal),
            inspection: Inspection::new(Arc::clone(&kernel.journal), Arc::clone(&kernel.clock), Arc::clone(&wall)),
            database: database.clone(),
            clock: Arc::clone(&clock),
            metrics,
            hub: hub.clone(),
            admission: Arc::clone(&admission),
        };
        let node_courts = Arc::clone(&courts);
        let services = Services {
            orders,
            kitchens,
            deliveries,
            riders,
            inboxes,
            journal: Arc::clone(&kernel.journal),
            clock: Arc::clone(&kernel.clock),
            wall: Arc::clone(&wall),
            ids,
            accounts,
            account_book: Arc::new(PostgresAccountBook::new(database.clone())),
            passwords: passwords.clone(),
            tokens,
            identities,
            body_bytes_max: config.http.body_bytes_max,
            throttle: LoginThrottle::new(wall),
            limits: RateLimits::new(Rates::of(config.http.requests_per_min, config.http.sign_ins_per_min)),
            answers: quotes.clone(),
            courts,
            provider,
            contacts: quotes.clone(),
            quotes,
            proofs: Arc::clone(&proofs) as _,
            decisions,
            secret: crate::token::secret_bytes,
            photo_bytes_max: config.proof.photo_bytes_max,
            views,
            live_tickets: tickets,
            trackers,
            operations: Arc::new(operations),
            demo: config.demo_on().then(|| Arc::new(demo_clock) as Arc<dyn DemoClock>),
            recent: Recent::default(),
            hub: hub.clone(),
            trusted_proxies: config.server.trusted_proxies.clone(),
            transport_security: transport_security(&config.server.public_url, config.server.hsts_subdomains),
            tiles: Tiles { url: config.map.tiles_url.clone(), attribution: config.map.tiles_attribution.clone() },
            waiter,
        };
        let node = Self {
            services: Data::new(services),
            hub,
            journal,
            courts: node_courts,
            passwords,
            admission,
            stopping,
            reactor: reactor_ended,
            redis,
            arbiters,
        };
        if config.demo_on() {
            node.seed().await?;
        } else {
            warn!("no payment provider is connected: orders are taken with the sandbox's {PLAIN}, and no money moves");
        }
        Ok(node)
    }

    /// Loads the demo court and its accounts.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn seed(&self) -> Result<(), StartError> {
        let world = DemoWorld {
            courts: &self.courts,
            kitchens: &self.services.kitchens,
            accounts: self.services.accounts.as_ref(),
            passwords: self.passwords.as_ref(),
            ids: self.services.ids.as_ref(),
        };
        world.load().await
    }

    /// The server on `listener`, to be awaited.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn listen(&self, config: &Config, listener: TcpListener) -> std::io::Result<Server> {
        let mut limits =
            ServeLimits { stop_within: Duration::from_secs(config.server.drain_s), ..ServeLimits::default() };
        if config.server.workers > 0 {
            limits.workers = config.server.workers;
        }
        let services = self.services.clone();
        let app = move || App::new().configure(http::configure(services.clone()));
        serve(app, &self.hub, listener, &limits)
    }

    /// No new orders, sockets told when to come back; waits for them at most `within`.
    pub async fn drain(&self, within: Duration) {
        self.admission.drain();
        let cut = self.hub.drain(RETRY_AFTER, within).await;
        if cut > 0 {
            warn!("{cut} sockets did not say goodbye in time");
        }
    }

    /// Finishes what is in hand, then ends every actor.
    pub async fn stop(self) {
        self.stopping.send_replace(true);
        if self.reactor.await.is_err() {
            warn!("the reactor had already ended");
        }
        if let Some(redis) = &self.redis {
            redis.stop().await;
        }
        self.journal.flushed().await;
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
    }
}
