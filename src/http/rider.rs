//! The rider's own side: shift, offers, bag, positions.

use actix_web::{HttpResponse, web::Data};
use foodcourt_actors::{
    ask::{Seen, Wish},
    ids::RiderId,
    place::Position,
    rider::{
        CAPACITY_MAX, Outcome, RiderCommand, RiderRejection, RiderState, SHIFT_MAX_H,
        duty::Worked,
        event::Vehicle,
        tracker::{BATCH_MAX, Fix, Taken},
    },
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    body::Body,
    delivery::{self, DeliveryBody},
    offer::OfferBody,
    principal::Principal,
    problem::{self, FieldError, NOT_ACCEPTABLE_NOW, OFFER_EXPIRED, OFFER_TAKEN, Problem},
    state::Services,
};

/// Answer of `GET /v1/riders/me`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RiderBody {
    /// Me.
    rider_id: RiderId,
    /// Whether I am on duty.
    on_shift: bool,
    /// On what.
    vehicle: Option<Vehicle>,
    /// Deliveries at once.
    capacity: Option<u32>,
    /// Until when, if I have said so.
    until: Option<Timestamp>,
    /// What the shift has come to so far.
    worked: Option<Worked>,
    /// What waits for my answer.
    offers: Vec<OfferBody>,
    /// My bag.
    deliveries: Vec<DeliveryBody>,
}

/// Body of `PUT /v1/riders/me/shift`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShiftRequest {
    /// On what.
    vehicle: Vehicle,
    /// Deliveries at once, 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    capacity: u32,
    /// Until when, within the next 24 hours: nothing is offered that could not be picked up before. Absent: until I end it.
    #[serde(default)]
    until: Option<Timestamp>,
}

/// Body of `PUT /v1/riders/me/shift/until`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UntilRequest {
    /// Until when, within the next 24 hours: nothing is offered that could not be picked up before. Absent: until I end it.
    #[serde(default)]
    until: Option<Timestamp>,
}

/// Body of `POST /v1/riders/me/locations`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fixes {
    /// 1 to 600, in any order.
    #[schema(min_items = 1, max_items = 600)]
    fixes: Vec<FixRequest>,
}

/// One GPS fix as the device reports it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct FixRequest {
    /// The device's own count, growing.
    seq: u64,
    /// The device's time.
    at: Timestamp,
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90)]
    lat: f64,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    lon: f64,
    /// Radius of error, metres.
    #[schema(minimum = 0)]
    accuracy_m: f64,
    /// How fast, metres per second.
    #[serde(default)]
    speed_mps: Option<f64>,
    /// Which way, degrees from north.
    #[serde(default)]
    heading_deg: Option<f64>,
}

/// What became of a batch of fixes.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TakenBody {
    /// Moved the position on.
    accepted: u32,
    /// From before the current position.
    late: u32,
    /// Cannot be true; without effect.
    quarantined: u32,
    /// Heard before.
    duplicates: u32,
    /// Beyond the rate, not looked at.
    limited: u32,
    /// Number of the current position.
    fix_seq: u64,
}

/// `GET /v1/riders/me`
///
/// # Errors
/// 503.
pub async fn me(services: Data<Services>, principal: Principal) -> Result<HttpResponse, Problem> {
    show(&services, &principal).await
}

/// `PUT /v1/riders/me/shift`
///
/// # Errors
/// 409 while another shift runs, 422.
pub async fn start_shift(
    services: Data<Services>,
    principal: Principal,
    body: Body<ShiftRequest>,
) -> Result<HttpResponse, Problem> {
    let ShiftRequest { vehicle, capacity, until } = body.value;
    let command = RiderCommand::StartShift { rider_id: principal.user_id(), vehicle, capacity, until };
    wish(&services, &principal, command).await?;
    show(&services, &principal).await
}

/// `PUT /v1/riders/me/shift/until`
///
/// # Errors
/// 409 off duty, 422.
pub async fn move_end(
    services: Data<Services>,
    principal: Principal,
    body: Body<UntilRequest>,
) -> Result<HttpResponse, Problem> {
    let UntilRequest { until } = body.value;
    wish(&services, &principal, RiderCommand::MoveEnd { until }).await?;
    show(&services, &principal).await
}

/// `DELETE /v1/riders/me/shift`
///
/// # Errors
/// 409 while carrying.
pub async fn end_shift(services: Data<Services>, principal: Principal) -> Result<HttpResponse, Problem> {
    wish(&services, &principal, RiderCommand::EndShift).await?;
    services.trackers.forget(principal.user_id());
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /v1/riders/me/locations`
///
/// # Errors
/// 409 off duty, 422 for fixes off the globe.
pub async fn locations(
    services: Data<Services>,
    principal: Principal,
    body: Body<Fixes>,
) -> Result<HttpResponse, Problem> {
    let wishes = body.value.fixes;
    if !(1..=BATCH_MAX).contains(&wishes.len()) {
        return Err(Problem::field("/fixes", format!("must hold 1 to {BATCH_MAX} fixes")));
    }
    let (mut fixes, mut errors) = (Vec::with_capacity(wishes.len()), vec![]);
    for (index, wish) in wishes.into_iter().enumerate() {
        match fix(wish) {
            Ok(fix) => fixes.push(fix),
            Err((field, detail)) => errors.push(FieldError { pointer: format!("/fixes/{index}/{field}"), detail }),
        }
    }
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    // Off duty nothing is taken: a rider's free time is nobody's business.
    if look(&services, &principal).await?.state.shift.is_none() {
        return Err(Problem::new(NOT_ACCEPTABLE_NOW, "positions are taken on duty only; start a shift first"));
    }
    let Taken { accepted, late, quarantined, duplicates, limited, fix_seq, .. } =
        services.trackers.take(principal.user_id(), fixes);
    Ok(HttpResponse::Ok().json(TakenBody { accepted, late, quarantined, duplicates, limited, fix_seq }))
}

fn fix(wish: FixRequest) -> Result<Fix, (&'static str, String)> {
    let field = if (-90.0..=90.0).contains(&wish.lat) { "lon" } else { "lat" };
    let position = Position::new(wish.lat, wish.lon).map_err(|off| (field, off.to_string()))?;
    if !wish.accuracy_m.is_finite() || wish.accuracy_m < 0.0 {
        return Err(("accuracy_m", "must be metres, 0 or more".to_owned()));
    }
    if wish.speed_mps.is_some_and(|speed| !speed.is_finite() || speed < 0.0) {
        return Err(("speed_mps", "must be metres per second, 0 or more".to_owned()));
    }
    if wish.heading_deg.is_some_and(|heading| !(0.0..=360.0).contains(&heading)) {
        return Err(("heading_deg", "must be degrees from north, 0 to 360".to_owned()));
    }
    let FixRequest { seq, at, accuracy_m, speed_mps, heading_deg, .. } = wish;
    Ok(Fix { seq, at, position, accuracy_m, speed_mps, heading_deg })
}

async fn show(services: &Services, principal: &Principal) -> Result<HttpResponse, Problem> {
    let state = look(services, principal).await?.state;
    let mut deliveries = vec![];
    for held in &state.held {
        deliveries.extend(delivery::body_for(services, principal, held.delivery_id).await?);
    }
    let (on_shift, now) = (state.shift.is_some(), services.clock.now());
    Ok(HttpResponse::Ok().json(RiderBody {
        rider_id: principal.user_id(),
        on_shift,
        vehicle: state.shift.map(|shift| shift.vehicle),
        capacity: state.shift.map(|shift| shift.capacity),
        until: state.duty.until.filter(|_| on_shift),
        worked: on_shift.then(|| state.duty.worked(now)),
        offers: super::offer::open(&state, now),
        deliveries,
    }))
}

/// My committed state.
///
/// # Errors
/// 503.
pub async fn look(services: &Services, principal: &Principal) -> Result<Seen<RiderState>, Problem> {
    let seen = services.riders.look(principal.user_id().0).await;
    seen.map_err(|error| problem::of_ask(error, |never| match never {}))
}

/// Wishes something of me.
///
/// # Errors
/// What my refusal means.
pub async fn wish(services: &Services, principal: &Principal, command: RiderCommand) -> Result<(), Problem> {
    let wish = Wish::new(command, services.origin());
    services.riders.ask(principal.user_id().0, wish).await.map_err(|error| problem::of_ask(error, rejected))?;
    Ok(())
}

/// What is said to a yes to an offer that has ended so.
pub fn over(outcome: Outcome) -> Problem {
    match outcome {
        Outcome::Expired => Problem::new(OFFER_EXPIRED, "the offer has expired"),
        Outcome::Revoked => {
            Problem::new(OFFER_EXPIRED, "the offer was taken back: nobody is needed for this delivery any more")
        }
        Outcome::Taken => Problem::new(OFFER_TAKEN, "another rider was first"),
        Outcome::Declined => {
            Problem::new(NOT_ACCEPTABLE_NOW, "the offer was declined: by you, or for want of room or time")
        }
        Outcome::Released => Problem::new(NOT_ACCEPTABLE_NOW, "this delivery was yours and is not any more"),
    }
}

/// What a rider's refusal means.
fn rejected(rejection: RiderRejection) -> Problem {
    use RiderRejection as No;
    match rejection {
        No::UnknownOffer => Problem::not_found(),
        No::CapacityOutOfRange => {
            Problem::field("/capacity", format!("must be 1 to {CAPACITY_MAX} deliveries at once"))
        }
        No::UntilOutOfRange => {
            Problem::field("/until", format!("must be an instant within the next {SHIFT_MAX_H} hours"))
        }
        No::OfferExpired => over(Outcome::Expired),
        No::OfferOver { outcome } => over(outcome),
        No::ShiftRunning | No::StillHolding { .. } | No::AlreadyAccepted | No::OffShift | No::Full => {
            Problem::new(NOT_ACCEPTABLE_NOW, rejection.to_string())
        }
    }
}
