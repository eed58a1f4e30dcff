//! Every operation in one table: address, who may call it, what goes in and out. Routes are registered from it, the
//! OpenAPI document is made from it, and the authorization test walks it.

use actix_web::{
    HttpRequest, HttpResponse, Resource, Route,
    dev::ResourceDef,
    http::Method,
    middleware::from_fn,
    web::{self, Data, ServiceConfig},
};
use foodcourt_actors::user::Role::{Admin, Customer, Rider, VendorStaff};

use super::{
    accounts, admin, auth,
    authorization::{
        Who::{self, Anyone, Only, SignedIn},
        Whose,
    },
    court, decisions, delivery, demo, district, docs, gate, health, inbox, kitchen,
    limits::Class,
    live, me, menu, offer, order,
    problem::{METHOD_NOT_ALLOWED, Problem},
    proof, quote, rider, settings,
    state::Services,
    static_files, ticket,
};

/// The method of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Reads.
    Get,
    /// Makes or does.
    Post,
    /// Sets.
    Put,
    /// Takes back.
    Delete,
}

impl Verb {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl From<Verb> for Method {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Get => Self::GET,
            Verb::Post => Self::POST,
            Verb::Put => Self::PUT,
            Verb::Delete => Self::DELETE,
        }
    }
}

/// One operation.
pub struct Operation {
    /// What it is called with.
    pub verb: Verb,
    /// The address, with `{id}` where an id stands.
    pub path: &'static str,
    /// Its name in the document.
    pub id: &'static str,
    /// What it does, one sentence.
    pub says: &'static str,
    /// Who may call it.
    pub who: Who,
    /// Whose thing its address names.
    pub whose: Whose,
    /// How it is counted.
    pub class: Class,
    /// Whether it needs an `Idempotency-Key`.
    pub keyed: bool,
    /// Whether it answers a page of a list.
    pub paged: bool,
    /// The status of its good answer.
    pub status: u16,
    /// The shape of its body.
    pub takes: Option<docs::Shape>,
    /// The shape of its good answer.
    pub gives: Option<docs::Shape>,
    handler: fn() -> Route,
}

impl Operation {
    const fn new(verb: Verb, path: &'static str, id: &'static str, handler: fn() -> Route) -> Self {
        let class = if matches!(verb, Verb::Get) { Class::Read } else { Class::Write };
        Self {
            verb,
            path,
            id,
            says: "",
            who: Anyone,
            whose: Whose::Nobodys,
            class,
            keyed: false,
            paged: false,
            status: 200,
            takes: None,
            gives: None,
            handler,
        }
    }
    const fn says(self, says: &'static str) -> Self {
        Self { says, ..self }
    }
    const fn by(self, who: Who) -> Self {
        Self { who, ..self }
    }
    const fn of(self, whose: Whose) -> Self {
        Self { whose, ..self }
    }
    const fn counted(self, class: Class) -> Self {
        Self { class, ..self }
    }
    const fn keyed(self) -> Self {
        Self { keyed: true, ..self }
    }
    const fn paged(self) -> Self {
        Self { paged: true, ..self }
    }
    const fn takes<T: utoipa::ToSchema>(self) -> Self {
        Self { takes: Some(docs::shape_of::<T>), ..self }
    }
    const fn gives<T: utoipa::ToSchema>(self, status: u16) -> Self {
        Self { gives: Some(docs::shape_of::<T>), status, ..self }
    }
    const fn lists<T: utoipa::ToSchema>(self) -> Self {
        Self { gives: Some(docs::page_of::<T>), ..self }
    }
    const fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

macro_rules! operations {
    ($($verb:ident $path:literal $module:ident::$handler:ident $id:literal: $says:literal $(, $with:ident $(::<$shape:ty>)? ($($argument:expr),*))*;)+) => {
        &[$(Operation::new(Verb::$verb, $path, $id, || web::route().to($module::$handler)).says($says)$(.$with$(::<$shape>)?($($argument),*))*),+]
    };
}

const STAFF: Who = Only(&[VendorStaff, Admin]);
const RIDERS: Who = Only(&[Rider]);
const ADMINS: Who = Only(&[Admin]);
const CUSTOMERS: Who = Only(&[Customer]);

/// All operations. The busiest stand first: addresses are tried in this order.
#[rustfmt::skip]
pub static OPERATIONS: &[Operation] = operations![
    Post "/v1/orders" order::place "place_order": "Places an order, from a quote or from a basket priced on the spot", by(CUSTOMERS), counted(Class::Order), keyed(), takes::<order::PlaceRequest>(), gives::<order::OrderBody>(201);
    Get "/v1/orders" order::list "list_orders": "My orders, newest first", by(SignedIn), paged(), lists::<order::OrderBody>();
    Get "/v1/orders/{id}" order::show "show_order": "An order as its reader may see it", by(SignedIn), of(Whose::Order), gives::<order::OrderBody>(200);
    Post "/v1/orders/{id}/cancellation" order::cancel "cancel_order": "Calls an order off; the answer comes as events", by(Only(&[Customer, Admin])), of(Whose::Order), keyed(), takes::<order::CancelRequest>(), gives::<order::OrderBody>(202);
    Get "/v1/orders/{id}/events" order::events "order_events": "An order's history as a list, or as an event stream with Last-Event-ID", by(SignedIn), of(Whose::Order), lists::<order::HistoryItem>();
    Post "/v1/riders/me/locations" rider::locations "send_locations": "Fixes of my device, oldest first", by(RIDERS), counted(Class::Fixes), takes::<rider::Fixes>(), gives::<rider::TakenBody>(200);
    Post "/v1/quotes" quote::create "create_quote": "Prices a basket; the price is honoured for ten minutes", by(CUSTOMERS), counted(Class::Order), keyed(), takes::<foodcourt_actors::order::pricing::BasketRequest>(), gives::<quote::QuoteBody>(201);
    Get "/v1/courts" court::list "list_courts": "Courts", lists::<court::CourtBody>();
    Post "/v1/courts" court::open "open_court": "Opens a court, without kitchens yet", by(ADMINS), keyed(), takes::<court::CourtRequest>(), gives::<court::CourtBody>(201);
    Get "/v1/courts/{id}" court::show "show_court": "A court, with its version as ETag", gives::<court::CourtBody>(200);
    Put "/v1/courts/{id}" court::change "change_court": "Puts a court's settings in place of those before; its kitchens stay", by(ADMINS), takes::<court::CourtRequest>(), gives::<court::CourtBody>(200);
    Post "/v1/courts/{id}/kitchens" settings::open "open_kitchen": "Opens a kitchen in a court, without a menu yet", by(ADMINS), keyed(), takes::<settings::SettingsRequest>(), gives::<settings::SettingsBody>(201);
    Get "/v1/kitchens" kitchen::list "list_kitchens": "Kitchens, of one court with court_id", lists::<kitchen::KitchenBody>();
    Get "/v1/kitchens/{id}/menu" menu::show "show_menu": "A kitchen's card", gives::<menu::MenuBody>(200);
    Get "/v1/kitchens/{id}/settings" settings::show "show_settings": "A kitchen's name, hours and pace", by(STAFF), of(Whose::Kitchen), gives::<settings::SettingsBody>(200);
    Put "/v1/kitchens/{id}/settings" settings::change "change_settings": "Puts a kitchen's settings in place of those before", by(STAFF), of(Whose::Kitchen), takes::<settings::SettingsRequest>(), gives::<settings::SettingsBody>(200);
    Put "/v1/kitchens/{id}/menu" menu::publish "publish_menu": "Puts a whole menu in place of the one before", by(STAFF), of(Whose::Kitchen), takes::<menu::MenuRequest>(), gives::<menu::MenuBody>(200);
    Post "/v1/kitchens/{id}/sold_out" menu::sell_out "sell_out": "86: takes an item or a modifier off the menu", by(STAFF), of(Whose::Kitchen), takes::<menu::SoldOutRequest>(), gives::<menu::MenuBody>(200);
    Delete "/v1/kitchens/{id}/sold_out/{what}" menu::bring_back "bring_back": "Puts an item or a modifier back on the menu", by(STAFF), of(Whose::Kitchen), status(204);
    Put "/v1/kitchens/{id}/pause" kitchen::pause "pause_kitchen": "Takes no new tickets until then", by(STAFF), of(Whose::Kitchen), takes::<kitchen::PauseRequest>(), gives::<kitchen::KitchenBody>(200);
    Delete "/v1/kitchens/{id}/pause" kitchen::resume "resume_kitchen": "Takes new tickets again", by(STAFF), of(Whose::Kitchen), status(204);
    Get "/v1/kitchens/{id}/tickets" ticket::list "list_tickets": "A kitchen's open tickets, oldest first", by(STAFF), of(Whose::Kitchen), lists::<ticket::TicketBody>();
    Post "/v1/tickets/{id}/acceptance" ticket::accept "accept_ticket": "The kitchen cooks it", by(STAFF), of(Whose::Ticket), takes::<ticket::AcceptRequest>(), gives::<ticket::TicketBody>(200);
    Post "/v1/tickets/{id}/rejection" ticket::reject "reject_ticket": "The kitchen does not", by(STAFF), of(Whose::Ticket), takes::<ticket::RejectRequest>(), gives::<ticket::TicketBody>(200);
    Post "/v1/tickets/{id}/delay" ticket::delay "delay_ticket": "It takes longer", by(STAFF), of(Whose::Ticket), keyed(), takes::<ticket::DelayRequest>(), gives::<ticket::TicketBody>(200);
    Post "/v1/tickets/{id}/ready" ticket::ready "ready_ticket": "It stands at the hand-off point", by(STAFF), of(Whose::Ticket), gives::<ticket::TicketBody>(200);
    Post "/v1/tickets/{id}/collected" ticket::collected "collect_ticket": "Its eater has fetched it", by(STAFF), of(Whose::Ticket), gives::<ticket::TicketBody>(200);
    Get "/v1/riders/me" rider::me "show_rider": "My shift, my offers, my bag", by(RIDERS), gives::<rider::RiderBody>(200);
    Put "/v1/riders/me/shift" rider::start_shift "start_shift": "Goes on duty", by(RIDERS), takes::<rider::ShiftRequest>(), gives::<rider::RiderBody>(200);
    Put "/v1/riders/me/shift/until" rider::move_end "move_shift_end": "Rides longer, or goes home sooner", by(RIDERS), takes::<rider::UntilRequest>(), gives::<rider::RiderBody>(200);
    Delete "/v1/riders/me/shift" rider::end_shift "end_shift": "Goes off duty", by(RIDERS), status(204);
    Get "/v1/riders/me/offers" offer::list "list_offers": "My open offers", by(RIDERS), lists::<offer::OfferBody>();
    Post "/v1/offers/{id}/acceptance" offer::accept "accept_offer": "Takes a delivery; 202 while it is being settled", by(RIDERS), of(Whose::Offer), gives::<delivery::DeliveryBody>(200);
    Post "/v1/offers/{id}/decline" offer::decline "decline_offer": "Leaves it to somebody else", by(RIDERS), of(Whose::Offer), status(204);
    Get "/v1/deliveries/{id}" delivery::show "show_delivery": "A delivery; door and contact only for the rider it is assigned to", by(SignedIn), of(Whose::Delivery), gives::<delivery::DeliveryBody>(200);
    Post "/v1/deliveries/{id}/enroute_to_pickup" delivery::enroute_to_pickup "enroute_to_pickup": "I ride to the court", by(RIDERS), of(Whose::Delivery), gives::<delivery::DeliveryBody>(200);
    Post "/v1/deliveries/{id}/arrived_at_pickup" delivery::arrived_at_pickup "arrived_at_pickup": "I stand at the hand-off point", by(RIDERS), of(Whose::Delivery), gives::<delivery::DeliveryBody>(200);
    Post "/v1/deliveries/{id}/picked_up" delivery::picked_up "picked_up": "I have the food", by(RIDERS), of(Whose::Delivery), gives::<delivery::DeliveryBody>(200);
    Post "/v1/deliveries/{id}/enroute_to_dropoff" delivery::enroute_to_dropoff "enroute_to_dropoff": "I ride to the door", by(RIDERS), of(Whose::Delivery), gives::<delivery::DeliveryBody>(200);
    Post "/v1/deliveries/{id}/arrived_at_dropoff" delivery::arrived_at_dropoff "arrived_at_dropoff": "I stand at the door", by(RIDERS), of(Whose::Delivery), gives::<delivery::DeliveryBody>(200);
    Post "/v1/deliveries/{id}/delivered" proof::delivered "delivered": "Handed over, shown by the customer's PIN where one is required", by(RIDERS), of(Whose::Delivery), takes::<proof::DeliveredRequest>(), gives::<delivery::DeliveryBody>(200);
    Post "/v1/deliveries/{id}/unassignment" delivery::unassign "unassign_delivery": "Gives a delivery back, before pickup only", by(Only(&[Rider, Admin])), of(Whose::Delivery), gives::<delivery::DeliveryBody>(200);
    Put "/v1/deliveries/{id}/photo" proof::take_photo "take_photo": "A picture of the food at the door", by(RIDERS), of(Whose::Delivery), gives::<delivery::DeliveryBody>(200);
    Get "/v1/deliveries/{id}/photo" proof::show_photo "show_photo": "The picture, for the order's customer, its rider and admins", by(SignedIn), of(Whose::Delivery);
    Post "/v1/deliveries/{id}/proof_waiver" proof::waive "waive_proof": "Staff vouch for the hand-over: no PIN or photo is needed", by(ADMINS), of(Whose::Delivery), gives::<delivery::DeliveryBody>(200);
    Get "/v1/orders/{id}/pin" proof::pin "order_pin": "The PIN that my rider will ask me for", by(CUSTOMERS), of(Whose::Order), gives::<proof::PinBody>(200);
    Post "/v1/live/ticket" live::ticket "create_live_ticket": "A ticket for the first frame of a browser's socket: 30 seconds, once", by(SignedIn), gives::<live::LiveTicket>(201);
    Get "/v1/live" live::upgrade "live": "The WebSocket, sub-protocol foodcourt.v1", status(101);
    Get "/v1/inbox" inbox::show "show_inbox": "My messages, newest first", by(SignedIn), gives::<inbox::InboxBody>(200);
    Post "/v1/inbox/read" inbox::read "read_inbox": "Messages up to this one were read", by(SignedIn), takes::<inbox::ReadRequest>(), gives::<inbox::InboxBody>(200);
    Post "/v1/auth/register" auth::register "register": "Makes an account", counted(Class::Auth), takes::<auth::RegisterRequest>(), gives::<auth::Registered>(201);
    Post "/v1/auth/token" auth::token "sign_in": "Begins a session", counted(Class::Auth), takes::<auth::TokenRequest>(), gives::<auth::Session>(200);
    Post "/v1/auth/refresh" auth::refresh "refresh_session": "New tokens for a refresh token, which is spent by this", counted(Class::Auth), takes::<auth::RefreshRequest>(), gives::<auth::Session>(200);
    Post "/v1/auth/logout" auth::logout "sign_out": "Ends the session", counted(Class::Auth), takes::<auth::RefreshRequest>(), status(204);
    Get "/v1/me" me::show "show_me": "Who I am", by(SignedIn), gives::<me::Me>(200);
    Get "/v1/admin/accounts" accounts::list "list_accounts": "Accounts by e-mail address, those that begin with email", by(ADMINS), paged(), lists::<accounts::AccountBody>();
    Get "/v1/admin/accounts/{id}" accounts::show "show_account": "An account, with its version as ETag", by(ADMINS), gives::<accounts::AccountBody>(200);
    Put "/v1/admin/accounts/{id}/roles" accounts::change "set_roles": "Sets all roles and kitchens of an account; where something is taken, its sessions end", by(ADMINS), takes::<accounts::RolesRequest>(), gives::<accounts::AccountBody>(200);
    Get "/v1/admin/orders" admin::orders "admin_orders": "All orders, newest first, in one state with status", by(ADMINS), paged(), lists::<order::OrderBody>();
    Get "/v1/admin/riders" admin::riders "admin_riders": "Riders on shift, where they are, what they hold, what their shifts came to", by(ADMINS), gives::<admin::RidersBody>(200);
    Get "/v1/admin/deliveries/{id}/decisions" decisions::list "delivery_decisions": "Why a delivery was decided as it was: its facts and what was weighed, oldest first", by(ADMINS), of(Whose::Delivery), paged(), lists::<decisions::DecisionItem>();
    Get "/v1/admin/invariants" admin::invariants "admin_invariants": "The invariants and whether each holds", by(ADMINS), lists::<crate::ports::InvariantReport>();
    Get "/v1/admin/dead_letters" admin::dead_letters "admin_dead_letters": "Facts that a service could not take", by(ADMINS), lists::<crate::ports::DeadLetterView>();
    Get "/v1/demo" demo::show "show_demo": "Accounts to play with (demo only)", gives::<demo::DemoBody>(200);
    Put "/v1/demo/clock" demo::set_clock "set_clock": "Business time runs that much faster (demo only)", by(ADMINS), takes::<demo::ClockRequest>(), gives::<demo::ClockBody>(200);
    Post "/v1/demo/riders" demo::add_riders "add_riders": "Riders that did not exist before (demo only)", by(ADMINS), keyed(), takes::<demo::RidersRequest>(), gives::<demo::AccountsBody>(201);
    Get "/v1/district" district::show "show_district": "The demo district as GeoJSON", gives::<district::District>(200);
    Get "/.well-known/jwks.json" auth::jwks "jwks": "The keys that access tokens are signed with", counted(Class::Free), gives::<auth::Jwks>(200);
    Get "/healthz" health::alive "alive": "The process lives", counted(Class::Free), gives::<health::Health>(200);
    Get "/readyz" health::ready "ready": "Orders can be taken", counted(Class::Free), gives::<health::Health>(200);
    Get "/metrics" health::metrics "metrics": "Prometheus text", counted(Class::Free);
    Get "/openapi.json" docs::openapi "openapi": "This document", counted(Class::Free);
];

/// Registers everything: operations, documentation, pages.
pub fn configure(services: Data<Services>) -> impl Fn(&mut ServiceConfig) + Clone {
    move |config| {
        let mut everything = web::scope("").app_data(services.clone());
        for operation in OPERATIONS {
            let resource = Resource::new(operation.path)
                .guard(actix_web::guard::fn_guard(|context| context.head().method == Method::from(operation.verb)))
                .wrap(from_fn(move |request, next| gate::enter(operation, request, next)))
                .route((operation.handler)());
            everything = everything.service(resource);
        }
        everything = everything
            .service(web::redirect("/swagger", "/swagger/"))
            .service(docs::swagger())
            .default_service(web::route().to(otherwise));
        config.app_data(services.clone()).service(everything.wrap(from_fn(gate::frame)));
    }
}

/// What no operation answers: a page, or the address of an operation called with another method.
async fn otherwise(request: HttpRequest, services: Data<Services>) -> Result<HttpResponse, Problem> {
    let path = request.path();
    let known = |operation: &&Operation| ResourceDef::new(operation.path).is_match(path);
    let allowed: Vec<_> = OPERATIONS.iter().filter(known).map(|operation| Method::from(operation.verb)).collect();
    if !allowed.is_empty() {
        let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
        let names = names.join(", ");
        return Err(Problem::new(METHOD_NOT_ALLOWED, format!("this address knows {names}")).allowing(names));
    }
    static_files::serve(&request, &services.tiles, services.demo.is_some())
}
