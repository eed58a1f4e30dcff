//! My inbox.

use actix_web::{HttpResponse, web::Data};
use foodcourt_actors::{
    ask::Wish,
    event::Version,
    notification::{
        InboxCommand, InboxRejection,
        projection::{self, MessageView},
    },
};
use serde::{Deserialize, Serialize};

use super::{
    body::Body,
    principal::Principal,
    problem::{self, Problem},
    state::Services,
};

/// Answer of `GET /v1/inbox`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct InboxBody {
    /// The newest hundred, newest first.
    items: Vec<MessageView>,
    /// How many have not been read.
    unread: usize,
    /// The inbox's version: what `POST /v1/inbox/read` takes.
    version: Version,
}

/// Body of `POST /v1/inbox/read`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadRequest {
    /// The version up to which all was read.
    version: Version,
}

/// `GET /v1/inbox`
///
/// # Errors
/// 503.
pub async fn show(services: Data<Services>, principal: Principal) -> Result<HttpResponse, Problem> {
    answer(&services, &principal).await
}

/// `POST /v1/inbox/read`
///
/// # Errors
/// 422 for a version that has not been written.
pub async fn read(
    services: Data<Services>,
    principal: Principal,
    body: Body<ReadRequest>,
) -> Result<HttpResponse, Problem> {
    let wish = Wish::new(InboxCommand::ReadUpTo { version: body.value.version }, services.origin());
    let asked = services.inboxes.ask(principal.user_id().0, wish).await;
    asked.map_err(|error| {
        problem::of_ask(error, |refusal @ InboxRejection::Ahead { .. }| Problem::field("/version", refusal.to_string()))
    })?;
    answer(&services, &principal).await
}

async fn answer(services: &Services, principal: &Principal) -> Result<HttpResponse, Problem> {
    let seen = services.inboxes.look(principal.user_id().0).await;
    let seen = seen.map_err(|error| problem::of_ask(error, |never| match never {}))?;
    let inbox = projection::inbox(&seen.state);
    Ok(HttpResponse::Ok().json(InboxBody { items: inbox.messages, unread: inbox.unread, version: seen.version }))
}
