//! The demo district as GeoJSON, so that maps work without the internet.

use std::sync::LazyLock;

use actix_web::{
    HttpResponse,
    web::{Bytes, Data},
};
use foodcourt_actors::demo;

use super::{problem::Problem, state::Services};

/// A GeoJSON feature collection (RFC 7946): streets, water, parks.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only its shape is used: for the document")]
pub struct District {
    r#type: String,
    #[schema(value_type = Vec<Object>)]
    features: Vec<serde_json::Value>,
}

static DISTRICT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(demo::district::geojson().to_string()));

/// `GET /v1/district`
///
/// # Errors
/// 404 without the demo.
pub async fn show(services: Data<Services>) -> Result<HttpResponse, Problem> {
    services.demo.as_ref().ok_or_else(Problem::not_found)?;
    let answer = HttpResponse::Ok()
        .content_type("application/geo+json")
        .insert_header(("cache-control", "public, max-age=3600"))
        .body(DISTRICT.clone());
    Ok(answer)
}
