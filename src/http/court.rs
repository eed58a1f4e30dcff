//! Courts, public.

use actix_web::{HttpResponse, web::Data};
use foodcourt_actors::{ids::KitchenId, order::Court};
use serde::Serialize;

use super::{cursor::Page, problem::Problem, state::Services};
use crate::ports::CourtEntry;

/// Answer of `GET /v1/courts`.
pub type CourtPage = Page<CourtBody>;

/// A court.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CourtBody {
    #[serde(flatten)]
    court: Court,
    /// Who cooks there.
    kitchens: Vec<KitchenId>,
}

/// `GET /v1/courts`
///
/// # Errors
/// 503.
pub async fn list(services: Data<Services>) -> Result<HttpResponse, Problem> {
    let courts = services.courts.all().await?;
    let body = |entry: &CourtEntry| CourtBody { court: entry.court.clone(), kitchens: entry.kitchens.clone() };
    Ok(HttpResponse::Ok().json(CourtPage::whole(courts.iter().map(body).collect())))
}
