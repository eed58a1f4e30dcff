//! Offers: a rider's chance to take a delivery. Taking one holds a place in the bag at once; whether the delivery is
//! theirs is the delivery's to say, usually within milliseconds.

use std::time::Duration;

use actix_web::{HttpResponse, web::Data};
use foodcourt_actors::{
    bundle::Bundle,
    dispatch::event::RefuseReason,
    ids::{DeliveryId, OfferId},
    place::Position,
    rider::{Outcome, RiderCommand, RiderState, event::OfferReceived},
    time::Timestamp,
};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::{
    cursor::Page,
    delivery,
    principal::{PathId, Principal},
    problem::Problem,
    rider::{look, over, wish},
    state::Services,
};

/// How long an acceptance waits for the delivery's word.
const SETTLES_WITHIN: Duration = Duration::from_secs(2);

/// Answer of `GET /v1/riders/me/offers`.
pub type OfferPage = Page<OfferBody>;

/// An open offer.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OfferBody {
    /// Which offer.
    offer_id: OfferId,
    /// Which delivery.
    delivery_id: DeliveryId,
    /// The court's hand-off point.
    pickup: Position,
    /// About where it goes; the door itself only once it is yours.
    dropoff_coarse: Position,
    /// How far the pickup is, metres.
    distance_m: u32,
    /// When the food should be ready.
    ready_at: Timestamp,
    /// Silence until then is a no.
    expires_at: Timestamp,
    /// The route it is part of: its doors in their sequence, taken or left as a whole. Absent for a delivery alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<Bundle>,
}

impl From<&OfferReceived> for OfferBody {
    fn from(offer: &OfferReceived) -> Self {
        Self {
            offer_id: offer.offer_id,
            delivery_id: offer.delivery_id,
            pickup: offer.pickup,
            dropoff_coarse: offer.dropoff_coarse,
            distance_m: offer.distance_m,
            ready_at: offer.ready_at,
            expires_at: offer.expires_at,
            bundle: offer.bundle.clone(),
        }
    }
}

/// Offers that can still be taken.
#[must_use]
pub fn open(state: &RiderState, now: Timestamp) -> Vec<OfferBody> {
    state.offers.iter().filter(|offer| now < offer.expires_at).map(OfferBody::from).collect()
}

/// `GET /v1/riders/me/offers`
///
/// # Errors
/// 503.
pub async fn list(services: Data<Services>, principal: Principal) -> Result<HttpResponse, Problem> {
    let state = look(&services, &principal).await?.state;
    Ok(HttpResponse::Ok().json(OfferPage::whole(open(&state, services.clock.now()))))
}

/// `POST /v1/offers/{id}/acceptance`
///
/// # Errors
/// 404 for an offer to somebody else, 409 when another rider was first or the rider's shift is over, 410 when it has expired
/// or was taken back.
pub async fn accept(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<HttpResponse, Problem> {
    let offer_id = OfferId(id);
    let of = |state: &RiderState| {
        let asked = state.open(offer_id).map(|offer| offer.delivery_id);
        asked.or_else(|| state.held_by(offer_id).map(|held| held.delivery_id))
    };
    // Remembered from before, because a refused yes may be forgotten by the time it is looked for.
    let before = of(&look(&services, &principal).await?.state);
    wish(&services, &principal, RiderCommand::AcceptOffer { offer_id }).await?;
    // The offer may have come to the rider over another node, and be news to this one until it had to decide.
    let delivery_id = match before {
        Some(delivery_id) => delivery_id,
        None => {
            let state = look(&services, &principal).await?.state;
            match of(&state) {
                Some(delivery_id) => delivery_id,
                None => return Err(over(state.outcome(offer_id).unwrap_or(Outcome::Taken))),
            }
        }
    };
    // What settles it between here and the first look is seen by that look.
    let mut settled = services.waiter.listen(delivery_id.0);
    let until = Instant::now() + SETTLES_WITHIN;
    loop {
        let state = delivery::look(&services, delivery_id).await?.state;
        if state.bearer.is_some_and(|bearer| bearer.offer_id == offer_id) {
            let body = delivery::body_for(&services, &principal, delivery_id).await?;
            return Ok(HttpResponse::Ok().json(body.ok_or_else(Problem::not_found)?));
        }
        if state.settled.contains(&offer_id) {
            return Err(over(match state.refusal(offer_id) {
                RefuseReason::Taken => Outcome::Taken,
                RefuseReason::Expired => Outcome::Expired,
                RefuseReason::Cancelled => Outcome::Revoked,
            }));
        }
        if timeout_at(until, settled.rung()).await.is_err() {
            // The acceptance stands; the delivery's word comes as a fact of the rider's stream.
            return Ok(HttpResponse::Accepted()
                .insert_header(("location", "/v1/riders/me"))
                .json(json!({ "offer_id": offer_id, "delivery_id": delivery_id, "state": "settling" })));
        }
    }
}

/// `POST /v1/offers/{id}/decline`
///
/// # Errors
/// 404 for an offer to somebody else, 409 after a yes.
pub async fn decline(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<HttpResponse, Problem> {
    wish(&services, &principal, RiderCommand::DeclineOffer { offer_id: OfferId(id) }).await?;
    Ok(HttpResponse::NoContent().finish())
}
