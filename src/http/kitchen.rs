//! Kitchens: what everybody sees of them, and their pauses.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use foodcourt_actors::{
    ask::{Seen, Wish},
    ids::{CourtId, KitchenId},
    kitchen::{
        KitchenCommand, KitchenRejection, KitchenState,
        projection::{self, KitchenView},
    },
    time::Timestamp,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    body::Body,
    cursor::{Page, query},
    principal::{PathId, Principal},
    problem::{self, NOT_ACCEPTABLE_NOW, Problem},
    state::Services,
};

/// Answer of `GET /v1/kitchens`.
pub type KitchenPage = Page<KitchenView>;
/// A kitchen.
pub type KitchenBody = KitchenView;

/// Body of `PUT /v1/kitchens/{id}/pause`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    /// It ends by itself then.
    until: Timestamp,
}

/// `GET /v1/kitchens?court_id=`
///
/// # Errors
/// 422 for a court that is no id, 503.
pub async fn list(request: HttpRequest, services: Data<Services>) -> Result<HttpResponse, Problem> {
    let court_id: Option<CourtId> = query(&request, "court_id")
        .map(|text| text.parse().map_err(|_| Problem::field("?court_id", "must be the id of a court")))
        .transpose()?;
    let now = services.clock.now();
    let courts = services.courts.all().await?;
    let wanted = courts.iter().filter(|entry| court_id.is_none_or(|id| entry.court.court_id == id));
    let mut items = vec![];
    for &kitchen_id in wanted.flat_map(|entry| &entry.kitchens) {
        items.extend(projection::kitchen(&look(&services, kitchen_id).await?.state, now));
    }
    Ok(HttpResponse::Ok().json(KitchenPage::whole(items)))
}

/// `PUT /v1/kitchens/{id}/pause`
///
/// # Errors
/// 404, 409, 422.
pub async fn pause(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
    body: Body<PauseRequest>,
) -> Result<HttpResponse, Problem> {
    let kitchen_id = own(&principal, id)?;
    wish(&services, kitchen_id, KitchenCommand::Pause { until: body.value.until }).await?;
    show(&services, kitchen_id).await
}

/// `DELETE /v1/kitchens/{id}/pause`
///
/// # Errors
/// 404.
pub async fn resume(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<HttpResponse, Problem> {
    wish(&services, own(&principal, id)?, KitchenCommand::Resume).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn show(services: &Services, kitchen_id: KitchenId) -> Result<HttpResponse, Problem> {
    let seen = look(services, kitchen_id).await?;
    let kitchen = projection::kitchen(&seen.state, services.clock.now()).ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().json(kitchen))
}

/// The kitchen of the address, if the principal works there.
///
/// # Errors
/// 404.
pub fn own(principal: &Principal, id: Uuid) -> Result<KitchenId, Problem> {
    Some(KitchenId(id)).filter(|kitchen_id| principal.works_in(*kitchen_id)).ok_or_else(Problem::not_found)
}

/// A kitchen's committed state.
///
/// # Errors
/// 503.
pub async fn look(services: &Services, kitchen_id: KitchenId) -> Result<Seen<KitchenState>, Problem> {
    services.kitchens.look(kitchen_id.0).await.map_err(|error| problem::of_ask(error, |never| match never {}))
}

/// Wishes something of a kitchen.
///
/// # Errors
/// What its refusal means.
pub async fn wish(services: &Services, kitchen_id: KitchenId, command: KitchenCommand) -> Result<(), Problem> {
    let wish = Wish::new(command, services.origin());
    services.kitchens.ask(kitchen_id.0, wish).await.map_err(|error| problem::of_ask(error, rejected))?;
    Ok(())
}

/// What a kitchen's refusal means.
#[must_use]
pub fn rejected(rejection: KitchenRejection) -> Problem {
    use KitchenRejection as No;
    match &rejection {
        No::NoKitchen | No::NotOnMenu | No::NoTicket => Problem::not_found(),
        No::OutOfRange { field, range } => Problem::field(*field, format!("must be {range}")),
        No::BadHours { pointer, problem } => Problem::field(format!("/hours{pointer}"), *problem),
        No::BadMenu { pointer, problem } => Problem::field(pointer.as_str(), *problem),
        No::OtherCourt | No::Expired | No::Voided | No::WrongStage { .. } | No::WaitsForOthers | No::TooManyDelays => {
            Problem::new(NOT_ACCEPTABLE_NOW, rejection.to_string())
        }
    }
}
