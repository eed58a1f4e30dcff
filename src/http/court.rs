//! Courts: public to read, opened and changed by admins.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use foodcourt_actors::{
    event::Version,
    ids::{CourtId, KitchenId},
    money::{Currency, Money},
    order::Court,
    place::Position,
    proof::ProofRequired,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{
    body::Body,
    cursor::Page,
    etag,
    idempotency::Once,
    principal::{PathId, Principal},
    problem::{Problem, VERSION_MISMATCH},
    settings,
    state::Services,
};
use crate::ports::{Changed, CourtEntry};

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

impl From<CourtEntry> for CourtBody {
    fn from(entry: CourtEntry) -> Self {
        Self { court: entry.court, kitchens: entry.kitchens }
    }
}

/// Body of `POST /v1/courts` and `PUT /v1/courts/{id}`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Marina Food Hall", "position": { "lat": 6.4281, "lon": 3.4219 }, "time_zone": "Africa/Lagos",
    "currency": "NGN", "delivery_fee": 50_000, "delivery_radius_m": 4_000, "proof": "pin"
}))]
pub struct CourtRequest {
    /// Its name, 1 to 200 characters.
    name: String,
    /// The hand-off point: where riders and guests fetch the food.
    position: Position,
    /// IANA name, such as `Europe/Berlin`; its kitchens' opening hours are read in it.
    time_zone: String,
    /// Every price of the court is in it (ISO 4217). Stays as long as the court has kitchens.
    #[schema(value_type = String, example = "EUR")]
    currency: Currency,
    /// For the way to the door, minor units of the court's currency.
    #[schema(minimum = 0)]
    delivery_fee: i64,
    /// The court's share on top of the items, in ten-thousandths (250 is 2.5 %).
    #[serde(default)]
    #[schema(maximum = 10_000)]
    service_fee_basis_points: u32,
    /// Tax contained in both fees, in ten-thousandths.
    #[serde(default)]
    #[schema(maximum = 10_000)]
    fee_tax_basis_points: u32,
    /// How far it delivers, metres as the crow flies; 3000 unless said.
    #[serde(default = "usual_radius_m")]
    #[schema(minimum = 100, maximum = 50_000)]
    delivery_radius_m: u32,
    /// What every hand-over at a door must be shown by.
    #[serde(default)]
    proof: ProofRequired,
}

const fn usual_radius_m() -> u32 {
    3_000
}

impl CourtRequest {
    /// The court it describes.
    fn court(self, court_id: CourtId) -> Result<Court, Problem> {
        let court = Court {
            court_id,
            name: self.name.trim().to_owned(),
            position: self.position,
            time_zone: self.time_zone,
            currency: self.currency,
            delivery_fee: Money::new(self.delivery_fee, self.currency),
            service_fee_basis_points: self.service_fee_basis_points,
            fee_tax_basis_points: self.fee_tax_basis_points,
            delivery_radius_m: self.delivery_radius_m,
            proof: self.proof,
        };
        match court.problem() {
            None => Ok(court),
            // A fee is one number here.
            Some((pointer, right)) => Err(Problem::field(pointer.trim_end_matches("/amount"), right)),
        }
    }
}

/// `GET /v1/courts`
///
/// # Errors
/// 503.
pub async fn list(services: Data<Services>) -> Result<HttpResponse, Problem> {
    let courts = services.courts.all().await?;
    Ok(HttpResponse::Ok().json(CourtPage::whole(courts.iter().cloned().map(CourtBody::from).collect())))
}

/// `GET /v1/courts/{id}`
///
/// # Errors
/// 404, 503.
pub async fn show(services: Data<Services>, PathId(id): PathId) -> Result<HttpResponse, Problem> {
    let found = services.courts.find(CourtId(id)).await?;
    Ok(answer(found.ok_or_else(Problem::not_found)?))
}

/// `POST /v1/courts`
///
/// # Errors
/// 400 without a key, 422, 503.
pub async fn open(
    request: HttpRequest,
    services: Data<Services>,
    principal: Principal,
    body: Body<CourtRequest>,
) -> Result<HttpResponse, Problem> {
    let once = Once::of(&request, &principal, body.sha256)?;
    if let Some(answer) = once.replay(&services).await? {
        return Ok(answer);
    }
    // The same request is the same court, also when a first try was cut off before its answer was kept.
    let court_id = CourtId(Uuid::new_v5(&Uuid::NAMESPACE_OID, once.scope.as_bytes()));
    services.courts.open(body.value.court(court_id)?).await?;
    let (entry, version) = services.courts.find(court_id).await?.ok_or_else(Problem::not_found)?;
    let headers = vec![("location", format!("/v1/courts/{court_id}")), ("etag", etag::of(version))];
    let answer = once.write(201, headers, &CourtBody::from(entry));
    once.keep(&services, answer).await
}

/// `PUT /v1/courts/{id}`
///
/// # Errors
/// 404, 412 when it has changed since, 422, 503.
pub async fn change(
    request: HttpRequest,
    services: Data<Services>,
    PathId(id): PathId,
    body: Body<CourtRequest>,
) -> Result<HttpResponse, Problem> {
    let expected = etag::if_match(&request)?;
    let court_id = CourtId(id);
    let (before, _) = services.courts.find(court_id).await?.ok_or_else(Problem::not_found)?;
    let court = body.value.court(court_id)?;
    if court.currency != before.court.currency && !before.kitchens.is_empty() {
        let detail = format!("must stay {}: the court's kitchens have prices in it", before.court.currency);
        return Err(Problem::field("/currency", detail));
    }
    let (entry, version) = match services.courts.change(court.clone(), expected).await? {
        // What was wished is so already: a first try was cut off on its way, and this one finishes it.
        Changed::Stale { actual } => match services.courts.find(court_id).await? {
            Some(found) if found.0.court == court => found,
            _ => done(Changed::Stale { actual })?,
        },
        changed => done(changed)?,
    };
    // Also where it says the same as before: a first try may have been cut off between court and kitchens.
    for &kitchen_id in &entry.kitchens {
        settings::move_clock(&services, kitchen_id, &entry.court.time_zone).await?;
    }
    Ok(answer((entry, version)))
}

/// What became of a change, or the problem why nothing did.
///
/// # Errors
/// 404, 412.
pub fn done<T>(changed: Changed<T>) -> Result<T, Problem> {
    match changed {
        Changed::Done(done) => Ok(done),
        Changed::Absent => Err(Problem::not_found()),
        Changed::Stale { actual } => {
            let detail = format!("it is at version {actual} now; read it again");
            Err(Problem::new(VERSION_MISMATCH, detail).with("version", json!(actual)))
        }
    }
}

fn answer((entry, version): (CourtEntry, Version)) -> HttpResponse {
    HttpResponse::Ok().insert_header(("etag", etag::of(version))).json(CourtBody::from(entry))
}
