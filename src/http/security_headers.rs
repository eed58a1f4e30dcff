//! Headers that every answer carries: what a browser may load, frame, sniff and keep.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// Pages load scripts, styles and pictures only from here, nothing inline; map tiles may come from the configured
/// address (pictures over https). Nobody may frame them.
const PAGE_POLICY: &str = "default-src 'self'; img-src 'self' data: https:; connect-src 'self'; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Swagger UI sets styles from its scripts; scripts stay ours alone.
const SWAGGER_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
    object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
/// Data is no page.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Adds the headers to an answer at `path`. What a handler has set itself stays.
pub fn add(headers: &mut HeaderMap, path: &str) {
    let data = path.starts_with("/v1/") || path == "/openapi.json" || path.starts_with("/.well-known/");
    let policy = match path {
        _ if data => DATA_POLICY,
        _ if path.starts_with("/swagger") => SWAGGER_POLICY,
        _ => PAGE_POLICY,
    };
    set(headers, "content-security-policy", policy);
    set(headers, "x-content-type-options", "nosniff");
    set(headers, "referrer-policy", "no-referrer");
    set(headers, "permissions-policy", "geolocation=(self), camera=(), microphone=()");
    set(headers, "cross-origin-opener-policy", "same-origin");
    // Browsers heed it only over TLS, which ends at the load balancer.
    set(headers, "strict-transport-security", "max-age=31536000; includeSubDomains");
    if data {
        set(headers, "cache-control", "no-store");
    }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &'static str) {
    let name = HeaderName::from_static(name);
    if !headers.contains_key(&name) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
