//! Pages of lists: `?limit=50&cursor=…`. A cursor is opaque: the sort key of the last item, in base64.

use actix_web::HttpRequest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use foodcourt_actors::time::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::problem::{BAD_REQUEST, FieldError, Problem};
use crate::ports::{After, PageRequest};

/// Items of a page, unless asked otherwise.
const LIMIT_DEFAULT: u32 = 50;
/// Items of a page at most.
pub const LIMIT_MAX: u32 = 100;

/// Reads `limit` and `cursor` from the query.
///
/// # Errors
/// 422 for a limit out of range, 400 for a cursor that is none of ours.
pub fn page_of(request: &HttpRequest) -> Result<PageRequest, Problem> {
    let mut page = PageRequest { limit: page_limit(request)?, after: None };
    if let Some(text) = query(request, "cursor") {
        let wrong = || Problem::new(BAD_REQUEST, "cursor must be a next_cursor of this list, unchanged");
        page.after = Some(decode(&text).ok_or_else(wrong)?);
    }
    Ok(page)
}

/// Reads `limit` from the query.
///
/// # Errors
/// 422 when it is out of range.
pub fn page_limit(request: &HttpRequest) -> Result<u32, Problem> {
    let Some(text) = query(request, "limit") else { return Ok(LIMIT_DEFAULT) };
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| Problem::field("?limit", format!("must be a whole number from 1 to {LIMIT_MAX}")))
}

fn encode(after: After) -> String {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&after.at.as_micros().to_be_bytes());
    bytes[8..].copy_from_slice(after.id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Option<After> {
    let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (at, id) = bytes.split_at(8);
    let at = Timestamp::from_micros(i64::from_be_bytes(at.try_into().ok()?));
    Some(After { at, id: Uuid::from_slice(id).ok()? })
}

/// A query parameter's value.
#[must_use]
pub fn query(request: &HttpRequest, name: &str) -> Option<String> {
    let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string()).ok()?;
    pairs.into_inner().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Refuses what would be ignored: a wish that nobody hears is worse than none.
///
/// # Errors
/// 422 that names the parameters which are unknown, and those which are known; 400 for what is no query.
pub fn check_query(text: &str, known: impl Iterator<Item = &'static str>) -> Result<(), Problem> {
    if text.is_empty() {
        return Ok(());
    }
    let wrong = |_| Problem::new(BAD_REQUEST, "what follows ? in the address is no query");
    let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(text).map_err(wrong)?.into_inner();
    let known: Vec<_> = known.collect();
    let here = match known.as_slice() {
        [] => "this address takes no parameters".to_owned(),
        known => format!("known here: {}", known.join(", ")),
    };
    let unknown: Vec<_> = pairs
        .iter()
        .filter(|(name, _)| !known.contains(&name.as_str()))
        .map(|(name, _)| FieldError { pointer: format!("?{name}"), detail: format!("is not known; {here}") })
        .collect();
    if unknown.is_empty() { Ok(()) } else { Err(Problem::fields(unknown)) }
}

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `null`: this is the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Everything there is.
    #[must_use]
    pub const fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
    /// A page out of `items`, of which one more than asked for was read, if there is one.
    pub fn cut(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> After) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(|last| encode(key(last)));
        Self { items, next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_wire_and_nothing_else_is_one() {
        let after = After { at: Timestamp::from_micros(1_800_000_000_123_456), id: Uuid::from_u128(7) };
        assert_eq!(decode(&encode(after)), Some(after));
        assert_eq!(decode("x"), None);
        assert_eq!(decode(""), None);
    }
}
