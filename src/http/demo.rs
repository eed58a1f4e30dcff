//! The demo: accounts to play with, a clock that can be hurried, riders out of nothing. Without the demo: 404.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use foodcourt_actors::{
    demo,
    ids::{KitchenId, UserId},
    time::Timestamp,
    user::{
        Account, Role,
        accounts::AccountError,
        credentials::{DisplayName, Email, Password},
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ports::DemoClock;

use super::{body::Body, idempotency::Once, principal::Principal, problem::Problem, state::Services};

/// Riders made by one call at most.
const RIDERS_MAX: u32 = 200;

/// Answer of `GET /v1/demo`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DemoBody {
    /// Everybody one can sign in as.
    accounts: Vec<AccountBody>,
    #[serde(flatten)]
    clock: ClockBody,
}

/// Accounts to sign in with.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AccountsBody {
    /// The accounts.
    accounts: Vec<AccountBody>,
}

/// An account anybody may use.
#[derive(Serialize, utoipa::ToSchema)]
struct AccountBody {
    /// To sign in with.
    email: String,
    /// To sign in with.
    #[schema(value_type = String)]
    password: &'static str,
    /// Its role.
    role: Role,
    /// Its name.
    display_name: String,
    /// The kitchens it works in.
    kitchens: Vec<KitchenId>,
}

/// The business clock.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ClockBody {
    /// How many times faster than the wall it runs.
    business_speed: f64,
    /// What it says.
    business_now: Timestamp,
}

/// Body of `PUT /v1/demo/clock`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockRequest {
    /// 1 to 100.
    #[schema(minimum = 1, maximum = 100)]
    speed: f64,
}

/// Body of `POST /v1/demo/riders`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RidersRequest {
    /// 1 to 200.
    #[schema(minimum = 1, maximum = 200)]
    count: u32,
}

/// `GET /v1/demo`
///
/// # Errors
/// 404 without the demo.
pub async fn show(services: Data<Services>) -> Result<HttpResponse, Problem> {
    let clock = clock(&services)?;
    let accounts = demo::accounts().into_iter().map(|account| AccountBody {
        email: account.email,
        password: account.password,
        role: account.role,
        display_name: account.display_name,
        kitchens: account.kitchens,
    });
    Ok(HttpResponse::Ok().json(DemoBody { accounts: accounts.collect(), clock: told(&services, &clock) }))
}

/// `PUT /v1/demo/clock`
///
/// # Errors
/// 404 without the demo, 422.
pub async fn set_clock(services: Data<Services>, body: Body<ClockRequest>) -> Result<HttpResponse, Problem> {
    let clock = clock(&services)?;
    if !(1.0..=100.0).contains(&body.value.speed) {
        return Err(Problem::field("/speed", "must be 1 to 100"));
    }
    clock.set_speed(body.value.speed).await?;
    Ok(HttpResponse::Ok().json(told(&services, &clock)))
}

/// `POST /v1/demo/riders`
///
/// # Errors
/// 400 without a key, 404 without the demo, 422.
pub async fn add_riders(
    request: HttpRequest,
    services: Data<Services>,
    principal: Principal,
    body: Body<RidersRequest>,
) -> Result<HttpResponse, Problem> {
    clock(&services)?;
    let once = Once::of(&request, &principal, body.sha256)?;
    if let Some(answer) = once.replay(&services).await? {
        return Ok(answer);
    }
    if !(1..=RIDERS_MAX).contains(&body.value.count) {
        return Err(Problem::field("/count", format!("must be 1 to {RIDERS_MAX}")));
    }
    let internal = |error: &'static str| Problem::internal(error);
    // Everybody knows the password; one hash serves all.
    let password = Password::typed(demo::PASSWORD).map_err(|refused| internal(refused.0))?;
    let hash = services.passwords.hash(password).await.map_err(Problem::unavailable)?;
    let mut accounts = vec![];
    for number in 1..=body.value.count {
        let user_id = UserId(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{} {number}", once.scope).as_bytes()));
        let word = &user_id.0.simple().to_string()[..12];
        let email = format!("rider-{word}@demo.foodcourt.example");
        let display_name = format!("Rider {}", &word[..4]);
        let account = Account {
            user_id,
            email: Email::parse(&email).map_err(|refused| internal(refused.0))?,
            display_name: DisplayName::parse(&display_name).map_err(|refused| internal(refused.0))?,
            roles: vec![Role::Rider],
            kitchens: vec![],
        };
        match services.accounts.create(account, hash.clone()).await {
            // Taken: a first try of this very request got that far and was cut off.
            Ok(()) | Err(AccountError::EmailTaken) => {}
            Err(error) => return Err(Problem::unavailable(error)),
        }
        accounts.push(AccountBody {
            email,
            password: demo::PASSWORD,
            role: Role::Rider,
            display_name,
            kitchens: vec![],
        });
    }
    let answer = once.write(201, vec![], &AccountsBody { accounts });
    once.keep(&services, answer).await
}

fn clock(services: &Services) -> Result<Arc<dyn DemoClock>, Problem> {
    services.demo.clone().ok_or_else(Problem::not_found)
}

fn told(services: &Services, clock: &Arc<dyn DemoClock>) -> ClockBody {
    ClockBody { business_speed: clock.speed(), business_now: services.clock.now() }
}
