//! Signing up, in and out. Refresh tokens are opaque, single use, and known to the store by their hash only.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use foodcourt_actors::{
    ids::UserId,
    user::{
        Account, Role,
        accounts::{AccountError, HashError, NewSession, Rotated, TokenHash},
        credentials::{DisplayName, Email, Password},
    },
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    body::Body,
    gate::address,
    limits::Caller,
    problem::{EMAIL_TAKEN, FieldError, Problem, UNAUTHENTICATED, WRONG_CREDENTIALS},
    state::Services,
};
use crate::token::secret_bytes;

/// Body of `POST /v1/auth/register`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Where mail reaches you.
    email: String,
    /// 8 to 128 characters.
    #[schema(min_length = 8, max_length = 128)]
    password: String,
    /// How you want to be called, 1 to 80 characters.
    #[schema(min_length = 1, max_length = 80)]
    display_name: String,
}

/// Answer of `POST /v1/auth/register`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Registered {
    /// The new account.
    user_id: UserId,
}

/// Body of `POST /v1/auth/token`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// The account's address.
    email: String,
    /// The account's password.
    password: String,
}

/// Body of `POST /v1/auth/refresh` and `POST /v1/auth/logout`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The newest refresh token of the session.
    refresh_token: String,
}

/// A session's tokens.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Session {
    /// For `Authorization: Bearer`.
    access_token: String,
    /// `Bearer`.
    #[schema(value_type = String)]
    token_type: &'static str,
    /// Seconds the access token is good.
    expires_in: i64,
    /// For the next access token; single use.
    refresh_token: String,
    /// Who.
    user_id: UserId,
    /// What they may be.
    roles: Vec<Role>,
}

/// The public keys (RFC 7517).
#[derive(Serialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Jwks(serde_json::Value);

/// `POST /v1/auth/register`
///
/// # Errors
/// 422 for a field, 409 for an address that is taken.
pub async fn register(services: Data<Services>, body: Body<RegisterRequest>) -> Result<HttpResponse, Problem> {
    let RegisterRequest { email, password, display_name } = body.value;
    let mut errors = vec![];
    let mut wrong =
        |pointer: &str, detail: &str| errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
    let email = Email::parse(&email).map_err(|refused| wrong("/email", refused.0)).ok();
    let policy = match &email {
        Some(email) => Password::choose(&password, email),
        None => Password::long_enough(&password),
    };
    let password = policy.map_err(|refused| wrong("/password", refused.0)).ok();
    let display_name = DisplayName::parse(&display_name).map_err(|refused| wrong("/display_name", refused.0)).ok();
    let (Some(email), Some(password), Some(display_name)) = (email, password, display_name) else {
        return Err(Problem::fields(errors));
    };
    let password_hash = services.passwords.hash(password).await.map_err(of_hash)?;
    let user_id = UserId(services.ids.next());
    let account = Account { user_id, email, display_name, roles: vec![Role::Customer], kitchens: vec![] };
    services.accounts.create(account, password_hash).await.map_err(of_accounts)?;
    Ok(HttpResponse::Created().insert_header(("location", "/v1/me")).json(Registered { user_id }))
}

/// `POST /v1/auth/token`
///
/// # Errors
/// 401 for a wrong address or password (which of the two is not said), 429 after too many.
pub async fn token(
    request: HttpRequest,
    services: Data<Services>,
    body: Body<TokenRequest>,
) -> Result<HttpResponse, Problem> {
    let wrong = || Problem::new(WRONG_CREDENTIALS, "no account has this e-mail address and this password");
    let caller = Caller::at(address(&request, &services));
    let password = Password::typed(&body.value.password).map_err(|refused| Problem::field("/password", refused.0))?;
    let email = Email::parse(&body.value.email).map_err(|refused| Problem::field("/email", refused.0))?;
    services.throttle.check(caller, &email)?;
    let found = services.accounts.by_email(email.clone()).await.map_err(of_accounts)?;
    let (account, hash) = found.map_or((None, None), |(account, hash)| (Some(account), Some(hash)));
    let right = services.passwords.verify(password, hash).await.map_err(of_hash)?;
    let Some(account) = account.filter(|_| right) else {
        services.throttle.failed(caller, &email);
        return Err(wrong());
    };
    services.throttle.succeeded(caller, &email);
    let (refresh_token, token) = new_refresh_token();
    let family_id = services.ids.next();
    let session = NewSession { user_id: account.user_id, family_id, token, now: services.wall.now() };
    services.accounts.begin(session).await.map_err(of_accounts)?;
    Ok(answer(&services, &account, family_id, refresh_token))
}

/// `POST /v1/auth/refresh`
///
/// # Errors
/// 401 when the token is not good; a used one ends its session for everybody who holds it.
pub async fn refresh(services: Data<Services>, body: Body<RefreshRequest>) -> Result<HttpResponse, Problem> {
    let gone = || Problem::new(UNAUTHENTICATED, "the refresh token is not good any more; sign in again");
    let presented = hash_of(&body.value.refresh_token);
    let (refresh_token, next) = new_refresh_token();
    match services.accounts.rotate(presented, next, services.wall.now()).await.map_err(of_accounts)? {
        Rotated::Fresh { user_id, family_id } => {
            let account = services.accounts.by_id(user_id).await.map_err(of_accounts)?.ok_or_else(gone)?;
            Ok(answer(&services, &account, family_id, refresh_token))
        }
        Rotated::Reused { family_id } => {
            services.identities.end(family_id);
            Err(gone())
        }
        Rotated::Refused => Err(gone()),
    }
}

/// `POST /v1/auth/logout`
///
/// # Errors
/// 503.
pub async fn logout(services: Data<Services>, body: Body<RefreshRequest>) -> Result<HttpResponse, Problem> {
    let presented = hash_of(&body.value.refresh_token);
    if let Some(family_id) = services.accounts.end(presented, services.wall.now()).await.map_err(of_accounts)? {
        services.identities.end(family_id);
    }
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /.well-known/jwks.json`
pub async fn jwks(services: Data<Services>) -> HttpResponse {
    HttpResponse::Ok().json(Jwks(services.tokens.jwks()))
}

fn answer(services: &Services, account: &Account, family_id: Uuid, refresh_token: String) -> HttpResponse {
    HttpResponse::Ok().json(Session {
        access_token: services.tokens.issue(account.user_id, family_id, services.ids.next()),
        token_type: "Bearer",
        expires_in: services.tokens.life_s(),
        refresh_token,
        user_id: account.user_id,
        roles: account.roles.clone(),
    })
}

/// 256 random bits, and what the store knows of them.
#[must_use]
pub fn new_refresh_token() -> (String, TokenHash) {
    let text = URL_SAFE_NO_PAD.encode(secret_bytes());
    let hash = hash_of(&text);
    (text, hash)
}

/// SHA-256: enough for 256 random bits, which nobody can guess.
#[must_use]
pub fn hash_of(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

fn of_accounts(error: AccountError) -> Problem {
    match error {
        AccountError::EmailTaken => Problem::new(
            EMAIL_TAKEN,
            "there is an account with this e-mail address already: sign in with it, or register another address",
        )
        .with_errors(vec![FieldError { pointer: "/email".to_owned(), detail: "is taken".to_owned() }]),
        AccountError::Unavailable(_) => Problem::unavailable(error),
    }
}

fn of_hash(error: HashError) -> Problem {
    match error {
        HashError::Busy => Problem::unavailable(error).retry_after(2),
        HashError::Broken => Problem::internal(error),
    }
}
