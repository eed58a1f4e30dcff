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

/// A year of TLS only (RFC 6797).
const TLS_ONLY: &str = "max-age=31536000";
/// The same for every name below the server's own.
const TLS_ONLY_BELOW: &str = "max-age=31536000; includeSubDomains";

/// What browsers are told of TLS by a server whose public address is `public_url`: nothing, where that is no `https`.
#[must_use]
pub fn transport_security(public_url: &str, subdomains: bool) -> Option<&'static str> {
    public_url.starts_with("https://").then_some(if subdomains { TLS_ONLY_BELOW } else { TLS_ONLY })
}

/// Adds the headers to an answer at `path`. What a handler has set itself stays.
pub fn add(headers: &mut HeaderMap, path: &str, transport_security: Option<&'static str>) {
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
    // TLS ends at the load balancer, so that the request does not tell of it.
    if let Some(policy) = transport_security {
        set(headers, "strict-transport-security", policy);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_asked_for_where_there_is_tls_and_of_other_names_where_it_is_wished() {
        for (public_url, subdomains, said) in [
            ("http://127.0.0.1:5003", true, None),
            ("https://eat.example", false, Some("max-age=31536000")),
            ("https://eat.example", true, Some("max-age=31536000; includeSubDomains")),
        ] {
            let mut headers = HeaderMap::new();
            add(&mut headers, "/", transport_security(public_url, subdomains));
            let value = headers.get("strict-transport-security").map(|value| value.to_str().unwrap());
            assert_eq!(value, said, "{public_url}");
        }
    }
}
