//! In front of every operation: who calls, may they, how often. Around all of them: problems get their address and
//! an error id, answers their security headers.

use std::net::IpAddr;

use actix_web::{
    Error, HttpMessage as _, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
    web::Data,
};
use tracing::{error, info};

use super::{
    authorization::Who,
    body::header,
    client_address::client_address,
    cursor::check_query,
    limits::Caller,
    principal::Principal,
    problem::{BAD_REQUEST, INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND, Problem},
    routes::Operation,
    security_headers,
    state::Services,
};

/// Lets a call through to its operation.
///
/// # Errors
/// Never: refusals are answers.
pub async fn enter(
    operation: &'static Operation,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let services = request.app_data::<Data<Services>>().expect("services are part of every app").clone();
    let counted = match admit(operation, &request, &services).await {
        Ok(counted) => counted,
        Err(problem) => return Ok(request.error_response(problem)),
    };
    // Probes and scrapers outside /v1 may add what they like.
    if operation.path.starts_with("/v1/")
        && let Err(problem) = check_query(request.query_string(), operation.query())
    {
        return Ok(request.error_response(problem));
    }
    let mut answer = next.call(request).await?.map_into_boxed_body();
    if let Some(demo) = &services.demo {
        // Where business time may differ from the wall's, each answer tells it: pages know it before they show a time.
        let clock = format!("{};speed={}", services.clock.now(), demo.speed());
        if let Ok(clock) = HeaderValue::from_str(&clock) {
            answer.headers_mut().insert(HeaderName::from_static("foodcourt-clock"), clock);
        }
    }
    if let Some((policy, left)) = counted {
        let headers = answer.headers_mut();
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
    Ok(answer)
}

async fn admit(
    operation: &Operation,
    request: &ServiceRequest,
    services: &Services,
) -> Result<Option<(String, String)>, Problem> {
    let address = address(request.request(), services);
    if operation.who == Who::Anyone {
        return services.limits.check(operation.class, Caller::at(address));
    }
    let token = bearer(request.request()).ok_or_else(Principal::missing)?;
    let principal = services.identities.principal(token).await?;
    let counted = services.limits.check(operation.class, Caller::User(principal.user_id()))?;
    operation.who.admit(&principal)?;
    request.extensions_mut().insert(principal);
    Ok(counted)
}

/// The access token of a request, if it carries one.
#[must_use]
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = header(request, "authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Where the request came from.
#[must_use]
pub fn address(request: &HttpRequest, services: &Services) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip());
    client_address(peer, header(request, "x-forwarded-for"), &services.trusted_proxies)
}

/// The frame around every request.
///
/// # Errors
/// Those of actix itself, which mean a broken connection.
pub async fn frame(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let path = request.path().to_owned();
    let services = request.app_data::<Data<Services>>().expect("services are part of every app").clone();
    let answer = next.call(request).await?.map_into_boxed_body();
    let mut answer = with_problem(answer, &path, &services);
    security_headers::add(answer.headers_mut(), &path, services.transport_security);
    Ok(answer)
}

/// Writes an error's body for this request, and its cause to the log.
fn with_problem(answer: ServiceResponse<BoxBody>, path: &str, services: &Services) -> ServiceResponse<BoxBody> {
    let status = answer.status();
    let Some(failed) = answer.response().error() else { return answer };
    let error_id = services.ids.next().to_string();
    let method = answer.request().method().as_str().to_owned();
    let said = match failed.as_error::<Problem>() {
        Some(problem) => {
            if let Some(cause) = problem.cause() {
                error!(error.id = %error_id, %status, error = cause, "{method} {path} failed");
            } else {
                info!(error.id = %error_id, %status, problem = problem.kind().name, "{method} {path} refused");
            }
            problem.answer(path, &error_id)
        }
        // An error of the framework: what it says may name its insides.
        None => {
            let kind = match status.as_u16() {
                404 => NOT_FOUND,
                405 => METHOD_NOT_ALLOWED,
                400..=499 => BAD_REQUEST,
                _ => INTERNAL,
            };
            error!(error.id = %error_id, %status, error = %failed, "{method} {path} failed");
            Problem::new(kind, kind.title).answer(path, &error_id)
        }
    };
    let (request, old) = answer.into_parts();
    let mut said = said;
    for (name, value) in old.headers() {
        // Headers that a gate or handler added (limits, Allow) stay; the body's own are new.
        if !said.headers().contains_key(name) && name != "content-length" {
            said.headers_mut().insert(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, said)
}
