//! Kitchens' settings: admins open kitchens, their staff change name, hours and pace.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use foodcourt_actors::{
    ids::{CourtId, KitchenId},
    kitchen::{
        KitchenCommand,
        event::Opened,
        menu::{Hours, Span},
    },
    order::Court,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    body::Body,
    idempotency::Once,
    kitchen::{look, own, wish},
    principal::{PathId, Principal},
    problem::Problem,
    state::Services,
};

/// Kitchens of one court at most: a list of them is not paged.
const KITCHENS_MAX: usize = 200;

/// Body of `POST /v1/courts/{id}/kitchens` and `PUT /v1/kitchens/{id}/settings`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Mama Ngozi", "cuisine": "Jollof and suya",
    "hours": { "spans": { "1": [{ "from_min": 600, "to_min": 1320 }], "6": [{ "from_min": 720, "to_min": 1560 }] } },
    "prep_min": 12, "answer_within_s": 180, "open_tickets_max": 60
}))]
pub struct SettingsRequest {
    /// Its name, 1 to 200 characters.
    name: String,
    /// What it cooks, a few words.
    #[serde(default)]
    cuisine: String,
    /// When it takes orders; absent: always.
    #[serde(default)]
    hours: Option<HoursRequest>,
    /// Minutes it usually needs for a ticket; the server learns better ones. 10 unless said.
    #[serde(default = "usual_prep_min")]
    #[schema(minimum = 1, maximum = 240)]
    prep_min: u32,
    /// Seconds it has to answer a ticket. 180 unless said.
    #[serde(default = "usual_answer_s")]
    #[schema(minimum = 10, maximum = 3600)]
    answer_within_s: u32,
    /// Tickets it can have open at once. 50 unless said.
    #[serde(default = "usual_tickets_max")]
    #[schema(minimum = 1, maximum = 100_000)]
    open_tickets_max: u32,
}

const fn usual_prep_min() -> u32 {
    10
}
const fn usual_answer_s() -> u32 {
    180
}
const fn usual_tickets_max() -> u32 {
    50
}

/// Weekly opening hours in the court's time zone.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct HoursRequest {
    /// The court's, if it is sent at all.
    #[serde(default)]
    time_zone: Option<String>,
    /// Opening spans by weekday, Monday is 1 and Sunday is 7, in minutes since local midnight. A span may run past
    /// midnight (its end is then over 1440). No entry: closed that day.
    spans: BTreeMap<u8, Vec<Span>>,
}

/// A kitchen's settings.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SettingsBody {
    /// Which kitchen.
    kitchen_id: KitchenId,
    /// In which court.
    court_id: CourtId,
    /// Its name.
    name: String,
    /// What it cooks, a few words.
    cuisine: String,
    /// When it takes orders.
    hours: Hours,
    /// Minutes it usually needs for a ticket.
    prep_min: u32,
    /// Seconds it has to answer a ticket.
    answer_within_s: u32,
    /// Tickets it can have open at once.
    open_tickets_max: u32,
}

impl From<Opened> for SettingsBody {
    fn from(opened: Opened) -> Self {
        Self {
            kitchen_id: opened.kitchen_id,
            court_id: opened.court_id,
            name: opened.name,
            cuisine: opened.cuisine,
            hours: opened.hours,
            prep_min: opened.prep_min,
            answer_within_s: opened.answer_within_s,
            open_tickets_max: opened.open_tickets_max,
        }
    }
}

impl SettingsRequest {
    /// The kitchen it describes, in `court`.
    fn opened(self, kitchen_id: KitchenId, court: &Court) -> Result<Opened, Problem> {
        let zone = court.time_zone.as_str();
        let hours = match self.hours {
            None => Hours::always(zone),
            Some(HoursRequest { time_zone: Some(other), .. }) if other != zone => {
                return Err(Problem::field("/hours/time_zone", format!("must be the court's, {zone}, or absent")));
            }
            Some(hours) => Hours { time_zone: zone.to_owned(), spans: hours.spans },
        };
        Ok(Opened {
            kitchen_id,
            court_id: court.court_id,
            name: self.name.trim().to_owned(),
            cuisine: self.cuisine,
            hours,
            prep_min: self.prep_min,
            answer_within_s: self.answer_within_s,
            open_tickets_max: self.open_tickets_max,
        })
    }
}

/// `POST /v1/courts/{id}/kitchens`
///
/// # Errors
/// 400 without a key, 404, 422, 503.
pub async fn open(
    request: HttpRequest,
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
    body: Body<SettingsRequest>,
) -> Result<HttpResponse, Problem> {
    let once = Once::of(&request, &principal, body.sha256)?;
    if let Some(answer) = once.replay(&services).await? {
        return Ok(answer);
    }
    let (entry, _) = services.courts.find(CourtId(id)).await?.ok_or_else(Problem::not_found)?;
    if entry.kitchens.len() >= KITCHENS_MAX {
        return Err(Problem::field("", format!("a court has {KITCHENS_MAX} kitchens at most")));
    }
    // The same request is the same kitchen, also when a first try was cut off before its answer was kept.
    let kitchen_id = KitchenId(Uuid::new_v5(&Uuid::NAMESPACE_OID, once.scope.as_bytes()));
    let opened = body.value.opened(kitchen_id, &entry.court)?;
    // One that is there was opened by this key before, and its staff may have changed it since.
    if look(&services, kitchen_id).await?.state.info().is_none() {
        wish(&services, kitchen_id, KitchenCommand::Open(opened)).await?;
    }
    services.courts.add_kitchen(entry.court.court_id, kitchen_id).await?;
    let headers = vec![("location", format!("/v1/kitchens/{kitchen_id}/settings"))];
    let answer = once.write(201, headers, &SettingsBody::from(current(&services, kitchen_id).await?));
    once.keep(&services, answer).await
}

/// `GET /v1/kitchens/{id}/settings`
///
/// # Errors
/// 404, 503.
pub async fn show(services: Data<Services>, principal: Principal, PathId(id): PathId) -> Result<HttpResponse, Problem> {
    let opened = current(&services, own(&principal, id)?).await?;
    Ok(HttpResponse::Ok().json(SettingsBody::from(opened)))
}

/// `PUT /v1/kitchens/{id}/settings`
///
/// # Errors
/// 404, 422, 503.
pub async fn change(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
    body: Body<SettingsRequest>,
) -> Result<HttpResponse, Problem> {
    let kitchen_id = own(&principal, id)?;
    let court_id = current(&services, kitchen_id).await?.court_id;
    let (entry, _) = services.courts.find(court_id).await?.ok_or_else(Problem::not_found)?;
    wish(&services, kitchen_id, KitchenCommand::Open(body.value.opened(kitchen_id, &entry.court)?)).await?;
    // The court may have moved to another time zone since it was read.
    let (entry, _) = services.courts.find(court_id).await?.ok_or_else(Problem::not_found)?;
    move_clock(&services, kitchen_id, &entry.court.time_zone).await?;
    Ok(HttpResponse::Ok().json(SettingsBody::from(current(&services, kitchen_id).await?)))
}

/// Reads the kitchen's hours in another time zone from now on.
///
/// # Errors
/// 503.
pub async fn move_clock(services: &Services, kitchen_id: KitchenId, time_zone: &str) -> Result<(), Problem> {
    wish(services, kitchen_id, KitchenCommand::MoveClock { time_zone: time_zone.to_owned() }).await
}

async fn current(services: &Services, kitchen_id: KitchenId) -> Result<Opened, Problem> {
    look(services, kitchen_id).await?.state.info().cloned().ok_or_else(Problem::not_found)
}
