//! Failures as clients see them (RFC 9457). `type` is a stable page in `docs/api.md`; nothing internal is shown: the
//! cause goes to the log under the same `error_id`.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use foodcourt_actors::ask::AskError;
use serde::Serialize;
use serde_json::{Value, json};

use crate::ports::Away;

/// A kind of failure: its page, its title, its status.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The last word of `type`.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $status:literal, $title:literal;)+) => {
        $($(#[$doc])* pub const $constant: &Kind = &Kind { name: $name, title: $title, status: $status };)+
        /// Every kind, for the documentation and its test.
        pub const KINDS: &[&Kind] = &[$($constant),+];
    };
}

kinds! {
    /// The body is no JSON.
    MALFORMED_JSON = "malformed-json", 400, "The body is no valid JSON";
    /// The request cannot be read.
    BAD_REQUEST = "bad-request", 400, "The request cannot be understood";
    /// No key.
    KEY_MISSING = "idempotency-key-missing", 400, "Send an Idempotency-Key";
    /// Nobody is signed in.
    UNAUTHENTICATED = "unauthenticated", 401, "Sign in first";
    /// Nobody has that address and password.
    WRONG_CREDENTIALS = "wrong-credentials", 401, "E-mail address or password is wrong";
    /// Signed in, but with another role.
    FORBIDDEN = "forbidden", 403, "Your account may not do this";
    /// Not there, or not yours.
    NOT_FOUND = "not-found", 404, "Not found";
    /// The address exists, the method does not.
    METHOD_NOT_ALLOWED = "method-not-allowed", 405, "This address does not know that method";
    /// The state forbids it.
    NOT_ACCEPTABLE_NOW = "not-acceptable-now", 409, "Not possible now";
    /// Sold out, closed or full.
    ITEM_UNAVAILABLE = "item-unavailable", 409, "Not everything can be ordered now";
    /// A hand-over must be shown by something.
    PROOF_NEEDED = "proof-needed", 409, "The hand-over needs a proof";
    /// Not the customer's PIN.
    WRONG_PIN = "wrong-pin", 409, "This is not the PIN";
    /// Another rider has it.
    OFFER_TAKEN = "offer-taken", 409, "Another rider was first";
    /// Somebody has that address.
    EMAIL_TAKEN = "email-taken", 409, "There is an account with this e-mail address";
    /// The offer is over.
    OFFER_EXPIRED = "offer-expired", 410, "The offer is over";
    /// The quote is over.
    QUOTE_EXPIRED = "quote-expired", 410, "The quote is older than ten minutes";
    /// `If-Match` names an old version.
    VERSION_MISMATCH = "version-mismatch", 412, "It has changed since";
    /// More than may come.
    BODY_TOO_LARGE = "body-too-large", 413, "The body is too large";
    /// No JSON where JSON is taken, no picture where pictures are.
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", 415, "This kind of body is not taken here";
    /// A field is wrong.
    INVALID_FIELD = "invalid-field", 422, "A field is wrong";
    /// The same key with another body.
    KEY_REUSED = "key-reused", 422, "This Idempotency-Key belongs to another request";
    /// Too fast.
    TOO_MANY_REQUESTS = "too-many-requests", 429, "Too many requests";
    /// A fault of ours.
    INTERNAL = "internal", 500, "Something went wrong here";
    /// Later.
    UNAVAILABLE = "unavailable", 503, "Nothing was done; try again";
}

/// Wrong fields that the sentence for people names.
const NAMED_IN_DETAIL: usize = 3;

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer into the body, or `?name` for a query parameter.
    pub pointer: String,
    /// What would be right.
    pub detail: String,
}

/// A failure.
#[derive(Debug)]
pub struct Problem {
    kind: &'static Kind,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_s: Option<u64>,
    allow: Option<String>,
    extra: Option<(&'static str, Value)>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    /// Whether the same request may well succeed later, and the server has too much to do now.
    #[must_use]
    pub fn is_for_now(&self) -> bool {
        matches!(self.kind.status, 429 | 503)
    }
    /// A failure of `kind`; `detail` is a sentence for the client's developer or user.
    pub fn new(kind: &'static Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
            allow: None,
            extra: None,
            cause: None,
        }
    }
    /// The answer for what is absent and for what is somebody else's.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(NOT_FOUND, "there is nothing here that you may see")
    }
    /// One wrong field.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { pointer: pointer.into(), detail: detail.into() }])
    }
    /// Wrong fields, at least one.
    #[must_use]
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let name = |first: &FieldError| match first.pointer.as_str() {
            "" => "the body".to_owned(),
            pointer => pointer.to_owned(),
        };
        let said = |error: &FieldError| format!("{} {}", name(error), error.detail);
        let mut detail = errors.iter().take(NAMED_IN_DETAIL).map(said).collect::<Vec<_>>().join("; ");
        if errors.len() > 1 {
            detail = format!("{} things are wrong: {detail}", errors.len());
        }
        if errors.len() > NAMED_IN_DETAIL {
            detail.push_str("; the others are in errors");
        }
        Self { errors, ..Self::new(INVALID_FIELD, detail) }
    }
    /// Nothing was done; `cause` is for the log.
    pub fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let retry = Self::new(UNAVAILABLE, "the server cannot take this now; nothing was done");
        Self { cause: Some(cause.into()), ..retry }.retry_after(1)
    }
    /// No new orders for the moment, though what was taken goes on; `why` is for the client.
    #[must_use]
    pub fn refused_for_now(why: &'static str) -> Self {
        Self::new(UNAVAILABLE, format!("{why}; nothing was done, try again in a moment")).retry_after(2)
    }
    /// A fault of ours; `cause` is for the log.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..Self::new(INTERNAL, "the fault is ours and has been noted") }
    }
    /// When to come back.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
    /// The methods that the address does know (RFC 9110, 15.5.6), with commas between them.
    #[must_use]
    pub fn allowing(mut self, methods: String) -> Self {
        self.allow = Some(methods);
        self
    }
    /// Names wrong fields.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }
    /// An extension member.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.extra = Some((name, value));
        self
    }
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static Kind {
        self.kind
    }
    /// What really happened, for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
    /// The answer, at `path`; `error_id` finds it in the log.
    #[must_use]
    pub fn answer(&self, path: &str, error_id: &str) -> HttpResponse {
        let mut body = json!({
            "type": format!("/problems/{}", self.kind.name),
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "instance": path,
            "error_id": error_id,
        });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        if let Some((name, value)) = &self.extra {
            body[*name] = value.clone();
        }
        let mut answer = HttpResponse::build(self.status_code());
        answer.content_type("application/problem+json");
        if let Some(seconds) = self.retry_after_s {
            answer.insert_header(("retry-after", seconds));
        }
        if let Some(methods) = &self.allow {
            answer.insert_header(("allow", methods.as_str()));
        }
        if self.kind.status == 401 {
            answer.insert_header(("www-authenticate", "Bearer"));
        }
        answer.body(body.to_string())
    }
}

impl From<Away> for Problem {
    fn from(away: Away) -> Self {
        Self::unavailable(away.0)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
    /// The frame around every request writes the body again, with the path and an error id.
    fn error_response(&self) -> HttpResponse {
        self.answer("", "")
    }
}

/// The problem of a wish that was not fulfilled; `rejected` says what a refusal of this entity means.
pub fn of_ask<R: fmt::Display + Send + Sync + 'static>(
    error: AskError<R>,
    rejected: impl FnOnce(R) -> Problem,
) -> Problem {
    match error {
        AskError::Rejected(rejection) => rejected(rejection),
        AskError::Stale { actual } => {
            Problem::new(VERSION_MISMATCH, format!("it is at version {actual} now; read it again"))
                .with("version", json!(actual))
        }
        AskError::Invalid => Problem::new(INVALID_FIELD, "the request holds something that cannot be stored"),
        AskError::Busy | AskError::Crashed | AskError::Quarantined | AskError::Unavailable => {
            Problem::unavailable(error.to_string())
        }
    }
}
