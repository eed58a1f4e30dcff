//! Versions as `ETag` and `If-Match`: an entity's version in quotes.

use actix_web::HttpRequest;
use foodcourt_actors::event::Version;

use super::{
    body::header,
    problem::{BAD_REQUEST, Problem},
};

/// The `ETag` of `version`.
#[must_use]
pub fn of(version: Version) -> String {
    format!("\"{version}\"")
}

/// The version that `If-Match` demands; `None`: any.
///
/// # Errors
/// 400 when it is neither `*` nor one version in quotes.
pub fn if_match(request: &HttpRequest) -> Result<Option<Version>, Problem> {
    if !request.headers().contains_key("if-match") {
        return Ok(None);
    }
    match header(request, "if-match").map(str::trim) {
        Some("*") => Ok(None),
        Some(text) => {
            let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            let version = digits.and_then(|digits| digits.parse().ok());
            version.map(Some).ok_or_else(|| Problem::new(BAD_REQUEST, "If-Match must be one ETag such as \"7\", or *"))
        }
        None => Err(Problem::new(BAD_REQUEST, "If-Match must be one ETag such as \"7\", or *")),
    }
}
