//! The pages, embedded in the binary: `/` is `index.html`, `/order` is `order.html`, the rest by name.

use actix_web::{HttpRequest, HttpResponse, http::Method};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::{body::header, problem::Problem};

#[derive(RustEmbed)]
#[folder = "static/"]
#[allow_missing = true]
struct Files;

/// The file at the request's address.
///
/// # Errors
/// 404.
pub fn serve(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::not_found());
    }
    let path = request.path().trim_start_matches('/');
    let (name, file) = find(path).ok_or_else(Problem::not_found)?;
    let tag: String = file.metadata.sha256_hash()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    // Names carry no version, so browsers ask each time; the tag makes that cheap.
    let caching = [("etag", tag.as_str()), ("cache-control", "no-cache")];
    let known = header(request, "if-none-match").is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag));
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    for pair in caching {
        answer.insert_header(pair);
    }
    if known {
        return Ok(answer.finish());
    }
    Ok(answer.content_type(media_type(&name)).body(file.data.into_owned()))
}

fn find(path: &str) -> Option<(String, EmbeddedFile)> {
    // Only plain names: nothing hidden, nothing above.
    if path.split('/').any(|part| part.starts_with('.')) {
        return None;
    }
    let page = if path.is_empty() { "index.html".to_owned() } else { format!("{path}.html") };
    [path.to_owned(), page].into_iter().find_map(|name| Files::get(&name).map(|file| (name, file)))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("geojson") => "application/geo+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
