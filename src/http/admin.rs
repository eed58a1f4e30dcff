//! What those who run the court look at.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use foodcourt_actors::{
    ids::{DeliveryId, RiderId},
    order::OrderStatus,
    place::Position,
    rider::event::Vehicle,
    time::Timestamp,
};
use serde::Serialize;

use super::{
    cursor::{LIMIT_MAX, Page, page_of, query},
    order::cut,
    problem::{self, Problem},
    state::Services,
};
use crate::ports::{DeadLetterView, InvariantReport, OrderFilter};

/// Answer of `GET /v1/admin/riders`.
pub type RiderPage = Page<RiderOnShift>;
/// Answer of `GET /v1/admin/invariants`.
pub type InvariantPage = Page<InvariantReport>;
/// Answer of `GET /v1/admin/dead_letters`.
pub type DeadLetterPage = Page<DeadLetterView>;

/// Riders shown at most: more than one map can show.
const RIDERS_MAX: u32 = 10 * LIMIT_MAX;

/// A rider on duty.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RiderOnShift {
    /// Who.
    rider_id: RiderId,
    /// On what.
    vehicle: Vehicle,
    /// Deliveries at once.
    capacity: u32,
    /// The last plausible position, if this node has heard one.
    position: Option<Position>,
    /// When it was there.
    at: Option<Timestamp>,
    /// The bag.
    deliveries: Vec<DeliveryId>,
    /// Offers that wait for an answer.
    offers: usize,
}

/// `GET /v1/admin/orders`
///
/// # Errors
/// 422 for an unknown state, 503.
pub async fn orders(request: HttpRequest, services: Data<Services>) -> Result<HttpResponse, Problem> {
    let page = page_of(&request)?;
    let wrong = |_| Problem::field("?status", "must be an order's status such as placed or delivered");
    let status: Option<OrderStatus> = query(&request, "status")
        .map(|text| serde_json::from_value(serde_json::Value::String(text)).map_err(wrong))
        .transpose()?;
    let orders = services.views.orders(OrderFilter { customer_id: None, status }, page).await?;
    Ok(HttpResponse::Ok().json(cut(orders, page.limit)))
}

/// `GET /v1/admin/riders`
///
/// # Errors
/// 503.
pub async fn riders(services: Data<Services>) -> Result<HttpResponse, Problem> {
    let mut items = vec![];
    for rider_id in services.views.riders_on_shift(RIDERS_MAX).await? {
        let seen = services.riders.look(rider_id.0).await;
        let state = seen.map_err(|error| problem::of_ask(error, |never| match never {}))?.state;
        let Some(shift) = state.shift else { continue };
        let fix = services.trackers.current(rider_id);
        items.push(RiderOnShift {
            rider_id,
            vehicle: shift.vehicle,
            capacity: shift.capacity,
            position: fix.map(|fix| fix.position),
            at: fix.map(|fix| fix.at),
            deliveries: state.held.iter().map(|held| held.delivery_id).collect(),
            offers: state.offers.len(),
        });
    }
    Ok(HttpResponse::Ok().json(RiderPage::whole(items)))
}

/// `GET /v1/admin/invariants`
///
/// # Errors
/// 503.
pub async fn invariants(services: Data<Services>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(InvariantPage::whole(services.operations.invariants().await?)))
}

/// `GET /v1/admin/dead_letters`
///
/// # Errors
/// 503.
pub async fn dead_letters(services: Data<Services>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(DeadLetterPage::whole(services.operations.dead_letters().await?)))
}
