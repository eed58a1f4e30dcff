//! Is it alive, is it ready, how is it.

use actix_web::{HttpResponse, web::Data};
use serde::Serialize;

use super::{problem::Problem, state::Services};

/// Answer of `GET /healthz` and `GET /readyz`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Health {
    /// `ok`.
    #[schema(value_type = String)]
    status: &'static str,
    /// The running build.
    #[schema(value_type = String)]
    version: &'static str,
}

const OK: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// `GET /healthz`
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(OK)
}

/// `GET /readyz`
///
/// # Errors
/// 503 while draining, or while the database cannot be reached.
pub async fn ready(services: Data<Services>) -> Result<HttpResponse, Problem> {
    services.operations.ready().await.map_err(Problem::unavailable)?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(OK))
}

/// `GET /metrics`
pub async fn metrics(services: Data<Services>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .insert_header(("cache-control", "no-store"))
        .body(services.operations.metrics())
}
