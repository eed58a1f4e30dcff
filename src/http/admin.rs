//! What those who run the court look at.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use foodcourt_actors::{
    gini::gini,
    ids::{DeliveryId, RiderId, UserId},
    order::OrderStatus,
    place::Position,
    rider::{duty::Worked, event::Vehicle},
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
    /// How they want to be called; absent where the account is gone.
    display_name: Option<String>,
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
    /// Since when.
    since: Timestamp,
    /// Until when, if the rider has said so.
    until: Option<Timestamp>,
    /// What the shift has come to so far.
    worked: Worked,
}

/// Answer of `GET /v1/admin/riders`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RidersBody {
    /// Those on shift.
    items: Vec<RiderOnShift>,
    /// Always `null`: this is all.
    next_cursor: Option<String>,
    /// How unevenly their shifts went so far.
    spread: Spread,
}

/// How unevenly work falls on riders.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Spread {
    /// Gini's coefficient of the deliveries handed over an hour of shift: 0 (all the same) to 1 (one has all).
    deliveries_gini: f64,
    /// The same of the share of the shift that was work.
    busy_gini: f64,
    /// The least share of a shift that was idle, 0 to 1; absent where nobody is on shift.
    idle_least: Option<f64>,
    /// The greatest.
    idle_most: Option<f64>,
}

impl Spread {
    /// Of these shifts.
    fn of(shifts: &[Worked]) -> Self {
        let lasted_s = |one: &Worked| f64::from(one.busy_s + one.idle_s).max(1.0);
        let idle = || shifts.iter().map(|one| f64::from(one.idle_s) / lasted_s(one));
        let round = |value: f64| (value * 1_000.0).round() / 1_000.0;
        Self {
            deliveries_gini: round(gini(shifts.iter().map(|one| f64::from(one.delivered) / lasted_s(one)).collect())),
            busy_gini: round(gini(shifts.iter().map(|one| f64::from(one.busy_s) / lasted_s(one)).collect())),
            idle_least: idle().reduce(f64::min).map(round),
            idle_most: idle().reduce(f64::max).map(round),
        }
    }
}

/// `GET /v1/admin/orders`
///
/// # Errors
/// 422 for an unknown state, 503.
pub async fn orders(request: HttpRequest, services: Data<Services>) -> Result<HttpResponse, Problem> {
    let page = page_of(&request)?;
    let wrong = |_| {
        Problem::field(
            "?status",
            "must be one of placed, accepted, in_preparation, ready_for_pickup, picked_up, delivered, completed, rejected, cancelled, expired",
        )
    };
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
    let (mut items, now) = (vec![], services.clock.now());
    for rider_id in services.views.riders_on_shift(RIDERS_MAX).await? {
        let seen = services.riders.look(rider_id.0).await;
        let state = seen.map_err(|error| problem::of_ask(error, |never| match never {}))?.state;
        let Some(shift) = state.shift else { continue };
        let fix = services.trackers.current(rider_id);
        let account = services.identities.account(UserId(rider_id.0)).await?;
        items.push(RiderOnShift {
            rider_id,
            display_name: account.map(|account| account.display_name.as_str().to_owned()),
            vehicle: shift.vehicle,
            capacity: shift.capacity,
            position: fix.map(|fix| fix.position),
            at: fix.map(|fix| fix.at),
            deliveries: state.held.iter().map(|held| held.delivery_id).collect(),
            offers: state.offers.len(),
            since: shift.since,
            until: state.duty.until,
            worked: state.duty.worked(now),
        });
    }
    let spread = Spread::of(&items.iter().map(|one: &RiderOnShift| one.worked).collect::<Vec<_>>());
    Ok(HttpResponse::Ok().json(RidersBody { items, next_cursor: None, spread }))
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
