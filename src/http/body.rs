//! Bodies: JSON of bounded size (64 KiB by default) and 16 levels, no unknown fields, nothing invisible in texts, no card numbers.
//! What is wrong is said by JSON pointer. Bodies are never logged.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    web::{BytesMut, Data},
};
use futures_util::{FutureExt as _, StreamExt as _, future::LocalBoxFuture};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    json::{self, NoJson},
    problem::{BAD_REQUEST, BODY_TOO_LARGE, FieldError, MALFORMED_JSON, Problem, UNSUPPORTED_MEDIA_TYPE},
    ranges::{WEEKDAY, range_of},
    shape::{Misfit, STAND_IN, Strict},
    state::Services,
};

/// Levels of nesting at most.
pub const DEPTH_MAX: usize = 16;
/// Wrong and missing fields that are named in one answer.
const NAMED_MAX: usize = 16;

/// A parsed body. An empty body is `{}`, where `T` allows that.
pub struct Body<T> {
    /// What was said.
    pub value: T,
    /// SHA-256 of the bytes, for `Idempotency-Key`.
    pub sha256: [u8; 32],
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let raw = RawBody::from_request(request, payload);
        async move { raw.await?.parse() }.boxed_local()
    }
}

/// The bytes of a body, for handlers that look at them before they are parsed.
pub struct RawBody {
    bytes: BytesMut,
    /// SHA-256 of the bytes, for `Idempotency-Key`.
    pub sha256: [u8; 32],
}

impl RawBody {
    /// Parses it.
    ///
    /// # Errors
    /// A [`Problem`] that names what is wrong.
    pub fn parse<T: DeserializeOwned>(self) -> Result<Body<T>, Problem> {
        Ok(Body { value: parse(&self.bytes)?, sha256: self.sha256 })
    }
}

impl FromRequest for RawBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let announced = header(request, "content-length").and_then(|text| text.parse::<usize>().ok());
        let media_type = header(request, "content-type").map(str::to_owned);
        let services = request.app_data::<Data<Services>>().expect("services are part of every app");
        let bytes_max = services.body_bytes_max;
        let mut payload = payload.take();
        async move {
            let too_large = || Problem::new(BODY_TOO_LARGE, format!("a body may have {bytes_max} bytes at most"));
            if announced.is_some_and(|length| length > bytes_max) {
                return Err(too_large());
            }
            let mut bytes = BytesMut::with_capacity(announced.unwrap_or(0));
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|_| Problem::new(BAD_REQUEST, "the body broke off"))?;
                if bytes.len() + chunk.len() > bytes_max {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&chunk);
            }
            let json =
                media_type.as_deref().map(|text| text.split(';').next().unwrap_or("").trim().to_ascii_lowercase());
            if !bytes.is_empty() && json.as_deref() != Some("application/json") {
                return Err(Problem::new(
                    UNSUPPORTED_MEDIA_TYPE,
                    "the body must be sent as content-type application/json",
                ));
            }
            let sha256 = Sha256::digest(&bytes).into();
            Ok(Self { bytes, sha256 })
        }
        .boxed_local()
    }
}

/// A header's value, where it is visible ASCII.
#[must_use]
pub fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

/// Parses and checks `bytes`.
///
/// # Errors
/// A [`Problem`] that names what is wrong.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = if bytes.is_empty() { b"{}" } else { bytes };
    let value = json::read(text).map_err(|error| match error {
        // Without the text around it: it may be private.
        NoJson::Malformed { line, column } => {
            Problem::new(MALFORMED_JSON, format!("the body is no valid JSON (line {line}, column {column})"))
        }
        NoJson::Doubled { parent, key } => {
            let mut pointer = String::new();
            for step in parent {
                match step {
                    json::Step::Index(index) => pointer.push_str(&format!("/{index}")),
                    json::Step::Key(key) => push_key(&mut pointer, &key),
                }
            }
            push_key(&mut pointer, &key);
            Problem::field(pointer, "stands twice; send it once")
        }
    })?;
    check(&value)?;
    fit(value)
}

/// `value` as a `T`. All that is wrong or missing is named at once: each gets a stand-in, until the rest fits.
fn fit<T: DeserializeOwned>(mut value: Value) -> Result<T, Problem> {
    let mut wrong: Vec<FieldError> = vec![];
    // A misfit at one of these is the stand-in's, and no fault of the caller's.
    let mut stood_in: Vec<String> = vec![];
    loop {
        let error = match serde_path_to_error::deserialize(Strict(&value)) {
            Ok(made) if wrong.is_empty() => return Ok(made),
            Ok(_) => return Err(Problem::fields(wrong)),
            Err(error) => error,
        };
        let mut pointer = pointer_of(error.path());
        if wrong.len() >= NAMED_MAX || stood_in.contains(&pointer) {
            return Err(Problem::fields(wrong));
        }
        let misfit = error.into_inner();
        let detail = say(&misfit, &pointer);
        let goes_on = match misfit {
            Misfit::Missing(field) => {
                let object = value.pointer_mut(&pointer).and_then(Value::as_object_mut);
                let stands = object.map(|object| object.insert(field.to_owned(), Value::from(STAND_IN))).is_some();
                push_key(&mut pointer, field);
                stands
            }
            Misfit::Unknown(field, _) => {
                let own = format!("/{field}");
                let parent = pointer.strip_suffix(&own).unwrap_or(&pointer).to_owned();
                pointer.clone_from(&parent);
                push_key(&mut pointer, &field);
                let object = value.pointer_mut(&parent).and_then(Value::as_object_mut);
                object.and_then(|object| object.remove(&field)).is_some()
            }
            Misfit::Number { .. } | Misfit::Wrong(_) => {
                value.pointer_mut(&pointer).map(|wrong| *wrong = Value::from(STAND_IN)).is_some()
            }
        };
        // Within what is a stand-in as a whole: already told.
        let within = |told: &String| pointer.strip_prefix(told.as_str()).is_some_and(|rest| rest.starts_with('/'));
        if !stood_in.iter().any(within) {
            wrong.push(FieldError { pointer: pointer.clone(), detail });
        }
        stood_in.push(pointer);
        if !goes_on {
            return Err(Problem::fields(wrong));
        }
    }
}

/// A misfit in the words of whoever fills in the field at `pointer`.
fn say(misfit: &Misfit, pointer: &str) -> String {
    let (parent, field) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    match misfit {
        Misfit::Number { seen, .. } if parent.ends_with("/spans") || field == "spans" => {
            format!("must be {WEEKDAY}, not {seen}")
        }
        Misfit::Number { seen, .. } => match range_of(field) {
            Some(range) => format!("must be {range}, not {seen}"),
            None => misfit.to_string(),
        },
        _ => misfit.to_string(),
    }
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => push_key(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
}

/// Refuses deep nesting, invisible characters and card numbers, wherever they stand. Where is asked only if something
/// is wrong: a pointer for each of a hundred good values would cost more than looking at them.
fn check(body: &Value) -> Result<(), Problem> {
    let Some(wrong) = find(body, "", 1) else { return Ok(()) };
    let mut pointer = String::new();
    wrong.path.iter().rev().for_each(|step| match step {
        Step::Index(index) => pointer.push_str(&format!("/{index}")),
        Step::Key(key) => push_key(&mut pointer, key),
    });
    Err(Problem::field(pointer, wrong.detail))
}

/// What is wrong with a value, and the way to it, innermost step first.
struct Wrong<'a> {
    detail: String,
    path: Vec<Step<'a>>,
}

enum Step<'a> {
    Index(usize),
    Key(&'a str),
}

/// The first wrong thing in `value`, which stands under `key`.
fn find<'a>(value: &'a Value, key: &str, depth: usize) -> Option<Wrong<'a>> {
    let step = |mut wrong: Wrong<'a>, step| {
        wrong.path.push(step);
        wrong
    };
    match value {
        Value::String(text) => wrong_text(text, key).map(|detail| Wrong { detail: detail.to_owned(), path: vec![] }),
        Value::Array(_) | Value::Object(_) if depth > DEPTH_MAX => {
            Some(Wrong { detail: format!("is nested deeper than {DEPTH_MAX} levels"), path: vec![] })
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| find(item, "", depth + 1).map(|wrong| step(wrong, Step::Index(index)))),
        Value::Object(fields) => {
            fields.iter().find_map(|(key, field)| find(field, key, depth + 1).map(|wrong| step(wrong, Step::Key(key))))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn wrong_text(text: &str, key: &str) -> Option<&'static str> {
    if text.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t') {
        return Some("must not contain control characters");
    }
    // "+49 …" in a phone field is a telephone number by its plus sign (E.164 has up to 15 digits).
    let telephone = key == "phone" && text.trim_start().starts_with('+');
    // What leads to a mailbox may hold any digits.
    let address = key == "email" && text.contains('@');
    (!telephone && !address && carries_card_number(text))
        .then_some("looks like a card number: card numbers must never be sent here")
}

/// Whether `text` holds 13 to 19 digits in a row (blanks and hyphens between them do not count) that pass Luhn's
/// check. An id (UUID) is none, whatever its digits.
#[must_use]
pub fn carries_card_number(text: &str) -> bool {
    if text.len() < 13 || uuid::Uuid::try_parse(text).is_ok() {
        return false;
    }
    let mut run: Vec<u8> = Vec::with_capacity(20);
    let mut gap = false;
    for byte in text.bytes().chain([b'.']) {
        match byte {
            b'0'..=b'9' => {
                run.push(byte - b'0');
                gap = false;
            }
            b' ' | b'-' if !run.is_empty() && !gap => gap = true,
            _ => {
                if (13..=19).contains(&run.len()) && luhn(&run) {
                    return true;
                }
                run.clear();
                gap = false;
            }
        }
    }
    false
}

/// Luhn's check (ISO/IEC 7812-1 annex B).
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit) * if place % 2 == 1 { 2 } else { 1 };
            if digit > 9 { digit - 9 } else { digit }
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Basket {
        lines: Vec<Line>,
        note: Option<String>,
        phone: Option<String>,
    }
    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Line {
        quantity: u32,
    }

    fn refused(text: &str) -> (&'static str, String) {
        let problem = parse::<Basket>(text.as_bytes()).unwrap_err();
        let body = actix_web::body::to_bytes(problem.answer("/x", "e").into_body()).now_or_never().unwrap().unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        (problem.kind().name, body["errors"][0]["pointer"].as_str().unwrap_or("").to_owned())
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        let cases = [
            (r#"{"lines": [{"quantity": -1}]}"#, "/lines/0/quantity"),
            (r#"{"lines": [{"quantity": "two"}]}"#, "/lines/0/quantity"),
            (r#"{"lines": [{"quantity": 1, "extra": 1}]}"#, "/lines/0/extra"),
            (r#"{"lines": [{}]}"#, "/lines/0/quantity"),
            (r#"{}"#, "/lines"),
            (r#"{"lines": [], "note": "a\u0000b"}"#, "/note"),
            (r#"{"lines": [], "note": "pay 4111 1111-1111 1111 now"}"#, "/note"),
            (r#"{"lines": [], "phone": "4111111111111111"}"#, "/phone"),
            ("[]", ""),
            (r#"{"lines": [[1]]}"#, "/lines/0"),
            (r#"{"lines": {}}"#, "/lines"),
        ];
        for (text, pointer) in cases {
            assert_eq!(refused(text), ("invalid-field", pointer.to_owned()), "{text}");
        }
    }

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Everything {
        id: foodcourt_actors::ids::OrderId,
        at: foodcourt_actors::time::Timestamp,
        count: u32,
        amount: i64,
        lat: f64,
        flag: bool,
        name: String,
        how: foodcourt_actors::order::event::Fulfilment,
        line: Line,
        lines: Vec<Line>,
        maybe: Option<i64>,
    }

    fn said(body: &Value) -> Vec<(String, String)> {
        let problem = parse::<Everything>(body.to_string().as_bytes()).unwrap_err();
        let body = actix_web::body::to_bytes(problem.answer("/x", "e").into_body()).now_or_never().unwrap().unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
        body["errors"].as_array().unwrap().iter().map(|one| (text(one, "pointer"), text(one, "detail"))).collect()
    }

    fn everything() -> Value {
        serde_json::json!({
            "id": "41111111-1111-4111-8111-111111111111", "at": "2026-03-01T12:00:03Z", "count": 1, "amount": -1,
            "lat": 1, "flag": true, "name": "x", "how": "pickup", "line": {"quantity": 1}, "lines": [],
        })
    }

    #[test]
    fn what_does_not_fit_is_said_in_the_callers_words() {
        assert!(parse::<Everything>(everything().to_string().as_bytes()).is_ok());
        let text = Value::from("two");
        for (field, value, detail) in [
            ("id", text.clone(), "must be an id as the server gives it"),
            ("id", Value::from(7), "must be an id as the server gives it"),
            ("at", text.clone(), "must be a time with its zone, such as 2026-03-01T12:00:03Z"),
            ("at", Value::Null, "must be a time with its zone, such as 2026-03-01T12:00:03Z"),
            ("count", Value::from(-1), "must be a whole number from 1 to 200, not -1"),
            ("at", Value::from("2026-03-01T12:00:03"), "is a time without its zone: end it with Z for UTC"),
            (
                "amount",
                text.clone(),
                "must be a whole number from 0 to 1000000000, in minor units (cents), not this text",
            ),
            (
                "amount",
                Value::from(1e30),
                "must be a whole number from 0 to 1000000000, in minor units (cents), not 1000",
            ),
            ("lat", text.clone(), "must be a number, not this text"),
            ("flag", Value::from(1), "must be true or false, not 1"),
            ("name", Value::from(1), "must be a text, not 1"),
            ("how", text.clone(), "must be one of pickup, delivery"),
            ("how", Value::from(1), "must be one of pickup, delivery, not 1"),
            ("line", Value::Array(vec![Value::from(1)]), "must be an object, not a list"),
            ("lines", Value::from("x"), "must be a list, not this text"),
            ("maybe", text, "must be a whole number from -9223372036854775808 to 9223372036854775807, not this text"),
            ("surprise", Value::Null, "is not known here; known are id, at"),
        ] {
            let mut body = everything();
            body[field] = value.clone();
            let said = said(&body);
            assert_eq!((said.len(), said[0].0.as_str()), (1, format!("/{field}").as_str()), "{value} {said:?}");
            assert!(said[0].1.starts_with(detail), "{field} {value}: {}", said[0].1);
            assert!(!["i64", "u32", "struct", "UUID", "serde", "Line"].iter().any(|word| said[0].1.contains(word)));
        }
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let fields = ["id", "at", "count", "amount", "lat", "name", "how", "line", "lines"];
        let mut body = everything();
        for field in fields {
            body.as_object_mut().unwrap().remove(field);
        }
        let mut named: Vec<_> = said(&body).into_iter().map(|(pointer, _)| pointer).collect();
        named.sort();
        let mut expected: Vec<_> = fields.iter().map(|field| format!("/{field}")).collect();
        expected.sort();
        assert_eq!(named, expected);
    }

    #[test]
    fn knows_json_from_what_is_none() {
        assert_eq!(refused("{").0, "malformed-json");
        assert_eq!(refused("\u{1}").0, "malformed-json");
        let deep = format!("{{\"note\": {}1{}}}", "[".repeat(20), "]".repeat(20));
        assert_eq!(refused(&deep).0, "invalid-field");
    }

    #[test]
    fn lets_ids_times_telephones_and_mailboxes_pass() {
        for text in ["4111", "2026-03-01T12:00:03.123456Z", "41111111-1111-4111-8111-111111111111", "4111111111111112"]
        {
            assert!(!carries_card_number(text), "{text}");
        }
        assert!(parse::<Basket>(br#"{"lines": [], "phone": "+37 828 224 631 0005"}"#).is_ok());
        assert_eq!(wrong_text("guest-4111-1111-1111-1111@example.org", "email"), None);
        assert!(wrong_text("4111 1111 1111 1111", "email").is_some());
    }
}
