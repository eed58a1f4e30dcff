//! Tickets, for the staff of their kitchen. A ticket is found among the kitchens its reader works in.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use foodcourt_actors::{
    ask::{AnswerWriter, Wish},
    ids::{CommandId, KitchenId, TicketId},
    kitchen::{
        Kitchen, KitchenCommand, Ticket,
        projection::{self, TicketView},
    },
    order::event::{Fulfilment, RejectReason},
    user::Role,
};
use serde::{Deserialize, Serialize};

use super::{
    body::Body,
    cursor::Page,
    idempotency::Once,
    kitchen::{look, own, rejected},
    principal::{PathId, Principal},
    problem::{self, NOT_ACCEPTABLE_NOW, Problem},
    state::Services,
};

/// Answer of `GET /v1/kitchens/{id}/tickets`.
pub type TicketPage = Page<TicketBody>;

/// A ticket.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TicketBody {
    /// Whose.
    kitchen_id: KitchenId,
    #[serde(flatten)]
    ticket: TicketView,
}

/// Body of `POST /v1/tickets/{id}/acceptance`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequest {
    /// Minutes of work promised, 1 to 240; absent: what the kitchen usually needs.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 240)]
    prep_min: Option<u32>,
}

/// Why a kitchen does not cook.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Refusal {
    /// Something on it is off the menu.
    SoldOut,
    /// No hands free.
    TooBusy,
    /// Outside its hours.
    Closed,
    /// Anything else.
    Other,
}

/// Body of `POST /v1/tickets/{id}/rejection`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectRequest {
    /// Why.
    reason: Refusal,
}

/// Body of `POST /v1/tickets/{id}/delay`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayRequest {
    /// Minutes more, 1 to 120.
    #[schema(minimum = 1, maximum = 120)]
    by_min: u32,
}

/// `GET /v1/kitchens/{id}/tickets`
///
/// # Errors
/// 404.
pub async fn list(services: Data<Services>, principal: Principal, PathId(id): PathId) -> Result<HttpResponse, Problem> {
    let kitchen_id = own(&principal, id)?;
    let seen = look(&services, kitchen_id).await?;
    seen.state.info().ok_or_else(Problem::not_found)?;
    let mut items: Vec<_> = seen.state.open_tickets().map(|ticket| body_of(kitchen_id, ticket)).collect();
    items.sort_by_key(|item| item.ticket.number);
    Ok(HttpResponse::Ok().json(TicketPage::whole(items)))
}

/// `POST /v1/tickets/{id}/acceptance`
///
/// # Errors
/// 404, 409, 422.
pub async fn accept(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
    body: Body<AcceptRequest>,
) -> Result<HttpResponse, Problem> {
    let ticket_id = TicketId(id);
    let command = KitchenCommand::AcceptTicket { ticket_id, prep_min: body.value.prep_min };
    step(&services, &principal, ticket_id, command).await
}

/// `POST /v1/tickets/{id}/rejection`
///
/// # Errors
/// 404, 409, 422.
pub async fn reject(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
    body: Body<RejectRequest>,
) -> Result<HttpResponse, Problem> {
    let ticket_id = TicketId(id);
    let reason = match body.value.reason {
        Refusal::SoldOut => RejectReason::SoldOut,
        Refusal::TooBusy => RejectReason::TooBusy,
        Refusal::Closed => RejectReason::Closed,
        Refusal::Other => RejectReason::Other,
    };
    step(&services, &principal, ticket_id, KitchenCommand::RejectTicket { ticket_id, reason }).await
}

/// `POST /v1/tickets/{id}/ready`
///
/// # Errors
/// 404, 409.
pub async fn ready(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<HttpResponse, Problem> {
    let ticket_id = TicketId(id);
    step(&services, &principal, ticket_id, KitchenCommand::ReadyTicket { ticket_id }).await
}

/// `POST /v1/tickets/{id}/collected`
///
/// # Errors
/// 404, 409: a delivery's ticket is collected by its rider.
pub async fn collected(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<HttpResponse, Problem> {
    let ticket_id = TicketId(id);
    let (kitchen_id, _) = find(&services, &principal, ticket_id).await?;
    let seen = look(&services, kitchen_id).await?;
    if seen.state.ticket(ticket_id).is_some_and(|ticket| ticket.asked.fulfilment == Fulfilment::Delivery) {
        return Err(Problem::new(NOT_ACCEPTABLE_NOW, "a delivery's ticket is collected by its rider"));
    }
    step(&services, &principal, ticket_id, KitchenCommand::CollectTicket { ticket_id }).await
}

/// `POST /v1/tickets/{id}/delay`
///
/// # Errors
/// 400 without a key, 404, 409, 422.
pub async fn delay(
    request: HttpRequest,
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
    body: Body<DelayRequest>,
) -> Result<HttpResponse, Problem> {
    let once = Once::of(&request, &principal, body.sha256)?;
    let ticket_id = TicketId(id);
    let (kitchen_id, _) = find(&services, &principal, ticket_id).await?;
    if let Some(answer) = once.replay(&services).await? {
        return Ok(answer);
    }
    let command_id = CommandId::of_scope(&once.scope);
    let command = KitchenCommand::DelayTicket { ticket_id, by_min: body.value.by_min, command_id };
    let keep = once.clone();
    let writer: AnswerWriter<Kitchen> = Box::new(move |state, _| {
        let ticket = state.ticket(ticket_id).map(|ticket| body_of(kitchen_id, ticket));
        keep.write(200, vec![], &ticket)
    });
    let wish = Wish::new(command, services.origin()).answering(writer);
    let answer = services.kitchens.ask(kitchen_id.0, wish).await;
    match answer.map_err(|error| problem::of_ask(error, rejected))?.stored {
        Some(stored) => once.answer(stored),
        None => {
            let (_, ticket) = find(&services, &principal, ticket_id).await?;
            once.keep(&services, once.write(200, vec![], &ticket)).await
        }
    }
}

async fn step(
    services: &Services,
    principal: &Principal,
    ticket_id: TicketId,
    command: KitchenCommand,
) -> Result<HttpResponse, Problem> {
    let (kitchen_id, _) = find(services, principal, ticket_id).await?;
    super::kitchen::wish(services, kitchen_id, command).await?;
    let (_, ticket) = find(services, principal, ticket_id).await?;
    Ok(HttpResponse::Ok().json(ticket))
}

/// The ticket and its kitchen, among the kitchens that the principal works in.
async fn find(
    services: &Services,
    principal: &Principal,
    ticket_id: TicketId,
) -> Result<(KitchenId, TicketBody), Problem> {
    let kitchens = if principal.is(Role::Admin) {
        services.courts.all().await?.iter().flat_map(|entry| &entry.kitchens).copied().collect()
    } else {
        principal.account.kitchens.clone()
    };
    for kitchen_id in kitchens {
        if let Some(ticket) = look(services, kitchen_id).await?.state.ticket(ticket_id) {
            return Ok((kitchen_id, body_of(kitchen_id, ticket)));
        }
    }
    Err(Problem::not_found())
}

fn body_of(kitchen_id: KitchenId, ticket: &Ticket) -> TicketBody {
    TicketBody { kitchen_id, ticket: projection::ticket(ticket) }
}
