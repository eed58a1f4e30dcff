//! Everything that handlers may use. The composition root fills it; tests fill it with ports in memory.

use std::sync::Arc;

use foodcourt_actors::{
    decider::Origin,
    directory::Directory,
    dispatch::Delivery,
    kitchen::Kitchen,
    notification::Inbox,
    order::Order,
    payment::provider::PaymentProvider,
    ports::{Ids, Journal},
    rider::{Rider, trackers::Trackers},
    time::Clock,
    user::accounts::{Accounts, Passwords},
};

use super::{
    identity::Identities, limits::RateLimits, login::LoginThrottle, recent::Recent, static_files::Tiles, waiter::Waiter,
};
use crate::{
    live::Hub,
    ports::{
        AccountBook, Answers, Contacts, Courts, Decisions, DemoClock, LiveTickets, Operations, Proofs, Quotes, Views,
    },
    token::Tokens,
};

/// What handlers may use.
pub struct Services {
    /// Orders.
    pub orders: Directory<Order>,
    /// Kitchens.
    pub kitchens: Directory<Kitchen>,
    /// Deliveries.
    pub deliveries: Directory<Delivery>,
    /// Riders.
    pub riders: Directory<Rider>,
    /// Inboxes.
    pub inboxes: Directory<Inbox>,
    /// The history of streams.
    pub journal: Arc<dyn Journal>,
    /// Business time.
    pub clock: Arc<dyn Clock>,
    /// Wall time: tokens, sessions.
    pub wall: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn Ids>,
    /// Accounts and sessions.
    pub accounts: Arc<dyn Accounts>,
    /// Roles and kitchens of accounts, for admins.
    pub account_book: Arc<dyn AccountBook>,
    /// The password hasher.
    pub passwords: Arc<dyn Passwords>,
    /// Access tokens.
    pub tokens: Tokens,
    /// Who is behind an access token.
    pub identities: Identities,
    /// Waits after wrong passwords.
    pub throttle: LoginThrottle,
    /// Bytes of a body at most.
    pub body_bytes_max: usize,
    /// Limits of calls.
    pub limits: RateLimits,
    /// Answers kept for replays.
    pub answers: Arc<dyn Answers>,
    /// Courts.
    pub courts: Arc<dyn Courts>,
    /// Quotes.
    pub quotes: Arc<dyn Quotes>,
    /// Who takes the money.
    pub provider: Arc<dyn PaymentProvider>,
    /// Personal data of orders.
    pub contacts: Arc<dyn Contacts>,
    /// PINs and photos of hand-overs.
    pub proofs: Arc<dyn Proofs>,
    /// Why deliveries were decided as they were.
    pub decisions: Arc<dyn Decisions>,
    /// Where secrets come from: 32 bytes that nobody can guess.
    pub secret: fn() -> [u8; 32],
    /// Bytes of a photo at most.
    pub photo_bytes_max: usize,
    /// Lists.
    pub views: Arc<dyn Views>,
    /// Socket tickets.
    pub live_tickets: Arc<dyn LiveTickets>,
    /// Riders' positions.
    pub trackers: Arc<Trackers>,
    /// Invariants, readiness, metrics.
    pub operations: Arc<dyn Operations>,
    /// The demo's clock, if the demo is on.
    pub demo: Option<Arc<dyn DemoClock>>,
    /// Orders placed moments ago.
    pub recent: Recent,
    /// Open sockets and event streams.
    pub hub: Hub,
    /// Load balancers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// What browsers are told of TLS, if it is on.
    pub transport_security: Option<&'static str>,
    /// Where the pages' map tiles come from.
    pub tiles: Tiles,
    /// Waits for the facts that settle an accepted offer.
    pub waiter: Waiter,
}

impl Services {
    /// The origin of a wish that begins a chain of facts of its own.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { cause: None, correlation: self.ids.next() }
    }
}
