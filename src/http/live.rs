//! The HTTP side of live updates: tickets for browsers' sockets, and the doors to the sockets and event streams.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use foodcourt_actors::{event::Version, ids::OrderId, user::Role};
use serde::Serialize;
use tracing::info;

use super::{
    auth::hash_of,
    principal::Principal,
    problem::{BAD_REQUEST, Problem},
    state::Services,
};
use crate::{live, ports::TicketHolder, token::secret_bytes};

/// How long a ticket is good, seconds.
pub const TICKET_S: u32 = 30;

/// Answer of `POST /v1/live/ticket`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct LiveTicket {
    /// For the first frame of the socket; single use.
    ticket: String,
    /// Seconds it is good.
    expires_in: u32,
}

/// `POST /v1/live/ticket`
///
/// # Errors
/// 503.
pub async fn ticket(services: Data<Services>, principal: Principal) -> Result<HttpResponse, Problem> {
    let ticket = URL_SAFE_NO_PAD.encode(secret_bytes());
    let holder = TicketHolder { user_id: principal.user_id(), session_id: principal.session_id };
    services.live_tickets.keep(hash_of(&ticket), holder).await?;
    Ok(HttpResponse::Created().json(LiveTicket { ticket, expires_in: TICKET_S }))
}

/// `GET /v1/live`
pub async fn upgrade(request: HttpRequest, services: Data<Services>) -> HttpResponse {
    live::upgrade::agree(&request, &services.hub).await.unwrap_or_else(|problem| {
        let error_id = services.ids.next().to_string();
        info!(error.id = %error_id, status = problem.status, problem = problem.kind, "GET /v1/live refused");
        live::upgrade::refusal(request.path(), &problem, Some(&error_id))
    })
}

/// An order's facts as server-sent events, after the last one the client has seen.
///
/// # Errors
/// 404, 503.
pub async fn events(
    services: &Services,
    principal: &Principal,
    order_id: OrderId,
    after: Option<Version>,
) -> Result<HttpResponse, Problem> {
    live::order_events(&services.hub, watcher(principal), order_id, after).await.map_err(of_live)
}

/// Who ticket or token speak for, as the live side knows people.
#[must_use]
pub fn watcher(principal: &Principal) -> live::Principal {
    live::Principal { user_id: principal.user_id(), session_id: principal.session_id, rider: principal.is(Role::Rider) }
}

/// Who presents this single-use ticket.
///
/// # Errors
/// 401 when it is none, or spent, or old; 503.
pub async fn redeem(services: &Services, ticket: &str) -> Result<Principal, Problem> {
    let holder = services.live_tickets.redeem(hash_of(ticket)).await?.ok_or_else(Principal::missing)?;
    let expires_at = services.wall.now().plus_s(crate::token::ACCESS_TOKEN_S);
    services.identities.holder(holder.user_id, holder.session_id, expires_at).await
}

fn of_live(problem: live::Problem) -> Problem {
    match problem.status {
        404 => Problem::not_found(),
        503 => Problem::unavailable(problem.detail).retry_after(5),
        _ => Problem::new(BAD_REQUEST, problem.detail),
    }
}
