//! Orders: placing, reading, calling off. One transaction on the request path: the answer is made inside the order
//! and stored with its first fact, so a repeat gets the same bytes, also after a crash.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use foodcourt_actors::{
    ask::{AnswerWriter, AskError, Seen, Wish},
    decider::Origin,
    event::Version,
    ids::{ContactId, OrderId, QuoteId},
    order::{
        Order, OrderCommand, OrderRejection, OrderState,
        event::{CancelledBy, EndReason, Fulfilment, OrderEvent, Placed},
        pricing::BasketRequest,
        projection::{self, OrderView, Role as Reader},
        quote::{self, Customer},
    },
    ports::{Contact, StoredAnswer},
    stream::{Category, StreamId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    authorization::reader_of,
    body::{Body, RawBody, header},
    cursor::{Page, page_of},
    etag,
    idempotency::Once,
    live, placing,
    principal::{PathId, Principal},
    problem::{self, BAD_REQUEST, FieldError, NOT_ACCEPTABLE_NOW, NOT_FOUND, Problem, QUOTE_EXPIRED},
    quote::refuse,
    state::Services,
};
use crate::ports::{After, OrderFilter};

/// An order.
pub type OrderBody = OrderView;
/// A page of orders.
pub type OrderPage = Page<OrderView>;
/// An order's facts, oldest first.
pub type History = Page<HistoryItem>;

/// Facts of one order that are read at most: three times what the longest legal path holds.
const HISTORY_MAX: u32 = 1_000;

/// Body of `POST /v1/orders`: a quote, or a basket to be priced on the spot.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceRequest {
    /// The quote to honour.
    #[serde(default)]
    quote_id: Option<QuoteId>,
    /// Or what is wanted.
    #[serde(default)]
    basket: Option<BasketRequest>,
    /// The payment provider's token; never a card number.
    #[schema(min_length = 1, max_length = 64, example = "pm_ok")]
    payment_method: String,
    /// Who gets it and where; required for a delivery.
    #[serde(default)]
    contact: Option<ContactRequest>,
}

/// Who gets it. Kept apart from the order, and erasable.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ContactRequest {
    /// Name to call out or to ring for.
    #[schema(max_length = 80)]
    name: String,
    /// Telephone number.
    #[serde(default)]
    #[schema(max_length = 30)]
    phone: Option<String>,
    /// The door; required for a delivery.
    #[serde(default)]
    #[schema(max_length = 300)]
    address: Option<String>,
    /// For the rider.
    #[serde(default)]
    #[schema(max_length = 300)]
    note: Option<String>,
}

/// Body of `POST /v1/orders/{id}/cancellation`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// Why; for a person who reads it.
    #[serde(default)]
    #[schema(max_length = 200)]
    reason: Option<String>,
}

/// One fact of an order.
#[derive(Serialize, utoipa::ToSchema)]
pub struct HistoryItem {
    /// 1, 2, 3, … without a hole.
    seq: Version,
    /// `order.placed` and the like; `redacted` where it is not for this reader.
    r#type: String,
    /// When.
    at: Timestamp,
    /// What, as far as this reader may see it.
    data: Option<Value>,
}

/// `POST /v1/orders`
///
/// # Errors
/// 400 without a key, 409 for what cannot be ordered now, 410 for an old quote, 422 for fields.
pub async fn place(
    request: HttpRequest,
    services: Data<Services>,
    principal: Principal,
    body: RawBody,
) -> Result<HttpResponse, Problem> {
    let once = Once::of(&request, &principal, body.sha256)?;
    let order_id = OrderId::of_scope(&once.scope);
    let ready = async { prepare(&services, &principal, order_id, body.parse()?.value).await };
    // Most keys are new, and the journal's gate tells the others: nothing is looked up on the way of a new order.
    // What could not be ordered now may have been ordered before.
    let (placed, contact) = match ready.await {
        Ok(ready) => ready,
        Err(problem) => {
            if let Some(answer) = once.replay(&services).await? {
                return Ok(answer);
            }
            // Refused because this is too much already: nobody is woken to look for an answer forgotten long ago.
            if !problem.is_for_now() && look(&services, order_id).await?.version > 0 {
                return repeat(&services, &principal, &once, order_id).await;
            }
            return Err(problem);
        }
    };
    let keep = once.clone();
    let writer: AnswerWriter<Order> =
        Box::new(move |state, version| written(&keep, 201, &Reader::Customer, state, version));
    let origin = Origin { cause: None, correlation: order_id.0 };
    let mut wish = Wish::new(OrderCommand::Place(Box::new(placed)), origin).answering(writer).beginning();
    wish.contact = contact;
    match services.orders.ask(order_id.0, wish).await {
        Ok(answer) => {
            services.recent.note(principal.user_id(), order_id);
            match answer.stored {
                Some(stored) => once.answer(stored),
                None => repeat(&services, &principal, &once, order_id).await,
            }
        }
        // Another request with this key was first, by a hair.
        Err(AskError::Rejected(OrderRejection::AlreadyPlaced)) => repeat(&services, &principal, &once, order_id).await,
        Err(error) => Err(problem::of_ask(error, rejected)),
    }
}

/// The answer of an order that this key has placed before.
async fn repeat(
    services: &Services,
    principal: &Principal,
    once: &Once,
    order_id: OrderId,
) -> Result<HttpResponse, Problem> {
    match once.replay(services).await? {
        Some(answer) => Ok(answer),
        // Forgotten after its time: the order still answers for itself.
        None => show_to(services, principal, order_id, 201).await,
    }
}

async fn prepare(
    services: &Services,
    principal: &Principal,
    order_id: OrderId,
    wish: PlaceRequest,
) -> Result<(Placed, Option<Contact>), Problem> {
    services.operations.takes_orders().map_err(Problem::refused_for_now)?;
    let known = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    if !(1..=64).contains(&wish.payment_method.len()) || !wish.payment_method.chars().all(known) {
        return Err(Problem::field("/payment_method", "must be a provider's token such as pm_ok, at most 64 letters"));
    }
    services.provider.knows(&wish.payment_method).map_err(|takes| Problem::field("/payment_method", takes))?;
    let contact_id = wish.contact.is_some().then(|| ContactId::of(order_id));
    let customer = Customer { customer_id: principal.user_id(), contact_id, payment_method: wish.payment_method };
    let now = services.clock.now();
    let placed = match (wish.quote_id, wish.basket) {
        (Some(quote_id), None) => {
            let quote = honoured(services, principal, quote_id).await?;
            check_contact(wish.contact.as_ref(), quote.basket.fulfilment)?;
            quote.place(order_id, customer, now)
        }
        (None, Some(basket)) => {
            check_contact(wish.contact.as_ref(), basket.fulfilment)?;
            match placing::price(services, &basket, "/basket").await? {
                Ok(priced) => quote::place(order_id, &basket, priced, customer, now),
                Err(refused) => return Err(refuse(services, principal, &basket, refused).await),
            }
        }
        _ => return Err(Problem::field("/quote_id", "send either quote_id or basket")),
    };
    let contact = wish.contact.zip(contact_id).map(|(contact, contact_id)| {
        let body = serde_json::to_string(&contact).expect("a contact is plain data and always serializes");
        Contact { contact_id, body }
    });
    Ok((placed, contact))
}

/// The quote, if it still holds and the kitchens can still cook it.
async fn honoured(services: &Services, principal: &Principal, quote_id: QuoteId) -> Result<quote::Quote, Problem> {
    let found = services.quotes.find(quote_id).await?;
    let unknown = || {
        let detail = "names no quote of yours; make one with POST /v1/quotes, or send the basket itself".to_owned();
        Problem::new(NOT_FOUND, format!("/quote_id {detail}"))
            .with_errors(vec![FieldError { pointer: "/quote_id".to_owned(), detail }])
    };
    let quote = found.filter(|quote| quote.customer_id == principal.user_id()).ok_or_else(unknown)?;
    if !quote.is_valid(services.clock.now()) {
        return Err(Problem::new(QUOTE_EXPIRED, "the quote was honoured for ten minutes; ask for a new one"));
    }
    // Prices and menu may have changed, the quote holds; sold out, closed and full it cannot make good.
    if let Err(refused) = placing::price(services, &quote.basket, "").await?
        && let Some(conflicts) = refused.conflicts()
    {
        return Err(refuse(services, principal, &quote.basket, conflicts).await);
    }
    Ok(quote)
}

fn check_contact(contact: Option<&ContactRequest>, fulfilment: Fulfilment) -> Result<(), Problem> {
    let Some(contact) = contact else {
        return match fulfilment {
            Fulfilment::Delivery => Err(Problem::field("/contact", "a delivery needs a name and an address")),
            Fulfilment::Pickup => Ok(()),
        };
    };
    let mut errors = vec![];
    let mut limit = |field: &str, text: Option<&str>, chars: std::ops::RangeInclusive<usize>| {
        if text.is_some_and(|text| !chars.contains(&text.trim().chars().count())) {
            let detail = format!("must have {} to {} characters", chars.start(), chars.end());
            errors.push(FieldError { pointer: format!("/contact/{field}"), detail });
        }
    };
    limit("name", Some(&contact.name), 1..=80);
    limit("phone", contact.phone.as_deref(), 0..=30);
    limit("note", contact.note.as_deref(), 0..=300);
    let address_min = usize::from(fulfilment == Fulfilment::Delivery);
    limit("address", Some(contact.address.as_deref().unwrap_or("")), address_min..=300);
    let phone = contact.phone.as_deref().map(str::trim).filter(|phone| !phone.is_empty());
    if phone.is_some_and(|phone| !is_telephone(phone)) {
        let detail = "must be a telephone number such as +49 30 5550123: 5 to 15 digits".to_owned();
        errors.push(FieldError { pointer: "/contact/phone".to_owned(), detail });
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::fields(errors)) }
}

/// 5 digits (a house's own exchange) to 15 (E.164), written as people write them.
fn is_telephone(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    (5..=15).contains(&digits) && rest.chars().all(|letter| letter.is_ascii_digit() || " -./()".contains(letter))
}

/// `GET /v1/orders`
///
/// # Errors
/// 400 and 422 for the page, 503.
pub async fn list(
    request: HttpRequest,
    services: Data<Services>,
    principal: Principal,
) -> Result<HttpResponse, Problem> {
    let page = page_of(&request)?;
    let filter = OrderFilter { customer_id: Some(principal.user_id()), status: None };
    let mut orders = services.views.orders(filter, page).await?;
    if page.after.is_none() {
        // What this node has just acknowledged is in the list even if the view is a moment behind.
        for order_id in services.recent.of(principal.user_id()) {
            if orders.iter().all(|order| order.order_id != order_id) {
                let seen = look(&services, order_id).await?;
                orders.extend(projection::view(&Reader::Admin, &seen.state, seen.version));
            }
        }
        orders.sort_by_key(|order| std::cmp::Reverse((order.placed_at, order.order_id)));
    }
    let mut answer = cut(orders, page.limit);
    for order in &mut answer.items {
        order.customer_id = None;
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// A page of orders, newest first.
#[must_use]
pub fn cut(orders: Vec<OrderView>, limit: u32) -> OrderPage {
    Page::cut(orders, limit, |order| After { at: order.placed_at, id: order.order_id.0 })
}

/// `GET /v1/orders/{id}`
///
/// # Errors
/// 404.
pub async fn show(services: Data<Services>, principal: Principal, PathId(id): PathId) -> Result<HttpResponse, Problem> {
    show_to(&services, &principal, OrderId(id), 200).await
}

/// `POST /v1/orders/{id}/cancellation`
///
/// # Errors
/// 400 without a key, 404, 409 when it is too late, 412.
pub async fn cancel(
    request: HttpRequest,
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
    body: Body<CancelRequest>,
) -> Result<HttpResponse, Problem> {
    let once = Once::of(&request, &principal, body.sha256)?;
    let expected = etag::if_match(&request)?;
    if body.value.reason.is_some_and(|reason| reason.chars().count() > 200) {
        return Err(Problem::field("/reason", "must have at most 200 characters"));
    }
    let order_id = OrderId(id);
    let (_, reader) = seen_by(&services, &principal, order_id).await?;
    let (by, reason) = match reader {
        Reader::Customer => (CancelledBy::Customer, EndReason::CustomerCancelled),
        Reader::Admin => (CancelledBy::Staff, EndReason::StaffCancelled),
        Reader::Rider | Reader::KitchenStaff(_) => return Err(Problem::not_found()),
    };
    if let Some(answer) = once.replay(&services).await? {
        return Ok(answer);
    }
    let (keep, as_reader) = (once.clone(), reader.clone());
    let writer: AnswerWriter<Order> = Box::new(move |state, version| written(&keep, 202, &as_reader, state, version));
    let mut wish = Wish::new(OrderCommand::Cancel { by, reason }, services.origin()).answering(writer);
    wish.expected = expected;
    match services.orders.ask(order_id.0, wish).await.map_err(|error| problem::of_ask(error, rejected))?.stored {
        Some(stored) => once.answer(stored),
        None => {
            let seen = look(&services, order_id).await?;
            once.keep(&services, written(&once, 202, &reader, &seen.state, seen.version)).await
        }
    }
}

/// `GET /v1/orders/{id}/events`
///
/// # Errors
/// 400 for a `Last-Event-ID` that is none, 404.
pub async fn events(
    request: HttpRequest,
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<HttpResponse, Problem> {
    let order_id = OrderId(id);
    let (_, reader) = seen_by(&services, &principal, order_id).await?;
    if header(&request, "accept").is_some_and(|accepted| accepted.contains("text/event-stream")) {
        let after = header(&request, "last-event-id").map(str::parse::<Version>).transpose();
        let after = after.map_err(|_| Problem::new(BAD_REQUEST, "Last-Event-ID must be the number of an event"))?;
        return live::events(&services, &principal, order_id, after).await;
    }
    let stream = StreamId::new(Category::Order, id);
    let facts = services.journal.read(stream, 0, HISTORY_MAX).await.map_err(Problem::unavailable)?;
    let item = |fact: &foodcourt_actors::event::Recorded| {
        let event = fact.typed::<OrderEvent>().map_err(Problem::internal)?;
        let data = projection::event_for(&reader, &event);
        let r#type = if data.is_some() { fact.kind.to_string() } else { "redacted".to_owned() };
        Ok(HistoryItem { seq: fact.version, r#type, at: fact.at, data })
    };
    let items: Result<Vec<_>, Problem> = facts.iter().map(item).collect();
    Ok(HttpResponse::Ok().json(History::whole(items?)))
}

async fn show_to(
    services: &Services,
    principal: &Principal,
    order_id: OrderId,
    status: u16,
) -> Result<HttpResponse, Problem> {
    let (seen, reader) = seen_by(services, principal, order_id).await?;
    let view = projection::view(&reader, &seen.state, seen.version).ok_or_else(Problem::not_found)?;
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    Ok(HttpResponse::build(status).insert_header(("etag", etag::of(seen.version))).json(view))
}

/// The order, and as whom the principal looks at it.
async fn seen_by(
    services: &Services,
    principal: &Principal,
    order_id: OrderId,
) -> Result<(Seen<OrderState>, Reader), Problem> {
    let seen = look(services, order_id).await?;
    let reader = seen.state.order().and_then(|order| reader_of(principal, order)).ok_or_else(Problem::not_found)?;
    Ok((seen, reader))
}

/// An order's committed state.
///
/// # Errors
/// 503.
pub async fn look(services: &Services, order_id: OrderId) -> Result<Seen<OrderState>, Problem> {
    services.orders.look(order_id.0).await.map_err(|error| problem::of_ask(error, |never| match never {}))
}

/// The answer that tells an order.
fn written(once: &Once, status: u16, reader: &Reader, state: &OrderState, version: Version) -> StoredAnswer {
    let view = projection::view(reader, state, version);
    let location = view.as_ref().map(|view| format!("/v1/orders/{}", view.order_id));
    let mut headers = vec![("etag", etag::of(version))];
    headers.extend(location.filter(|_| status == 201).map(|location| ("location", location)));
    once.write(status, headers, &view)
}

/// What an order's refusal means.
fn rejected(rejection: OrderRejection) -> Problem {
    match rejection {
        OrderRejection::Unknown => Problem::not_found(),
        OrderRejection::Malformed(why) => Problem::new(problem::INVALID_FIELD, why),
        other => Problem::new(NOT_ACCEPTABLE_NOW, other.to_string()),
    }
}
