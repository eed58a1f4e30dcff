//! The pages, embedded in the binary: `/` is `index.html`, `/order` is `order.html`, the rest by name.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, http::Method};
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest as _, Sha256};

use super::{
    body::header,
    problem::{NOT_FOUND, Problem},
};

#[derive(RustEmbed)]
#[folder = "static/"]
#[allow_missing = true]
struct Files;

/// The page for addresses that lead nowhere.
const NOWHERE: &str = "404.html";

/// Where the pages' map tiles come from, and whom to name for them.
#[derive(Clone, Debug, Default)]
pub struct Tiles {
    /// Address with `{z}`, `{x}` and `{y}`; empty: there are no tiles.
    pub url: String,
    /// Words to show on a map with tiles; an address in them becomes a link.
    pub attribution: String,
}

/// The file at the request's address. A page is told where map tiles come from, if they come from anywhere, and whether
/// this is the `demo`: where it is not, guests are led to the food and not to the machinery.
///
/// # Errors
/// 404, to whoever did not ask for a page.
pub fn serve(request: &HttpRequest, tiles: &Tiles, demo: bool) -> Result<HttpResponse, Problem> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(no_such_address());
    }
    let path = request.path().trim_start_matches('/');
    let Some((name, file)) = find(path) else { return nowhere(request) };
    let media_type = media_type(&name);
    let told = |page| if demo { with_meta(page, "foodcourt:demo", "on") } else { page };
    let bytes = if media_type.starts_with("text/html") { told(with_tiles(file.data, tiles)) } else { file.data };
    let tag: String = Sha256::digest(&bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
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
    Ok(answer.content_type(media_type).body(bytes.into_owned()))
}

/// What a person who types an address that is none sees; programs get a problem.
fn nowhere(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let wants_page = header(request, "accept").is_some_and(|accepted| accepted.contains("text/html"));
    match Files::get(NOWHERE).filter(|_| wants_page && !request.path().starts_with("/v1/")) {
        Some(page) => Ok(HttpResponse::NotFound().content_type(media_type(NOWHERE)).body(page.data.into_owned())),
        None => Err(no_such_address()),
    }
}

/// No route leads there, for anybody: that is no secret, and a typing error is found sooner.
fn no_such_address() -> Problem {
    Problem::new(NOT_FOUND, "no call has this address; /swagger and /openapi.json list them all")
}

/// The page with what it must know of its map tiles in the `<meta>`s where its map looks for it.
fn with_tiles(page: Cow<'static, [u8]>, tiles: &Tiles) -> Cow<'static, [u8]> {
    if tiles.url.is_empty() {
        return page;
    }
    [("foodcourt:tiles", &tiles.url), ("foodcourt:tiles-attribution", &tiles.attribution)]
        .into_iter()
        .fold(page, |page, (name, content)| with_meta(page, name, content))
}

fn with_meta(page: Cow<'static, [u8]>, name: &str, content: &str) -> Cow<'static, [u8]> {
    let place = format!(r#"name="{name}" content=""#);
    let Some((before, after)) = std::str::from_utf8(&page).ok().and_then(|text| text.split_once(&place)) else {
        return page;
    };
    let content = content.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    Cow::Owned(format!("{before}{place}{content}{after}").into_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_tiles_only_where_they_are_configured() {
        let page = || {
            Cow::Borrowed(
                br#"<meta name="foodcourt:tiles" content=""><meta name="foodcourt:tiles-attribution" content="">"#
                    .as_slice(),
            )
        };
        assert_eq!(with_tiles(page(), &Tiles::default()), page());
        let tiles = Tiles { url: "https://t/{z}/{x}/{y}.png?a=1&b=\"2\"".into(), attribution: "© <Somebody>".into() };
        let told = with_tiles(page(), &tiles);
        let text = std::str::from_utf8(&told).unwrap();
        for meta in [
            r#"<meta name="foodcourt:tiles" content="https://t/{z}/{x}/{y}.png?a=1&amp;b=&quot;2&quot;">"#,
            r#"<meta name="foodcourt:tiles-attribution" content="© &lt;Somebody>">"#,
        ] {
            assert!(text.contains(meta), "{text}");
        }
    }
}
