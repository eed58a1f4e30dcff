//! `Idempotency-Key` (IETF httpapi draft): the first answer of a key is kept and sent again, byte for byte. Two
//! requests with one key at once both get the answer of the one that was first.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use foodcourt_actors::ports::StoredAnswer;
use serde::Serialize;

use super::{
    principal::Principal,
    problem::{BAD_REQUEST, KEY_MISSING, KEY_REUSED, Problem},
    state::Services,
};

/// Characters of a key at most.
const KEY_CHARS_MAX: usize = 128;

/// One keyed request: who, what, which key, and what was sent.
#[derive(Clone, Debug)]
pub struct Once {
    /// Principal, route and key.
    pub scope: String,
    /// SHA-256 of the body.
    pub sha256: [u8; 32],
}

impl Once {
    /// The keyed request.
    ///
    /// # Errors
    /// 400 without a key, or with one that is no key.
    pub fn of(request: &HttpRequest, principal: &Principal, sha256: [u8; 32]) -> Result<Self, Problem> {
        let Some(value) = request.headers().get("idempotency-key") else {
            return Err(Problem::new(KEY_MISSING, "send an Idempotency-Key header: a fresh UUID for each new wish"));
        };
        let key = value.as_bytes();
        if !(1..=KEY_CHARS_MAX).contains(&key.len()) || !key.iter().all(u8::is_ascii_graphic) {
            return Err(Problem::new(BAD_REQUEST, "Idempotency-Key must be 1 to 128 visible ASCII characters"));
        }
        let key = String::from_utf8_lossy(key);
        let scope = format!("{} {} {} {key}", principal.user_id(), request.method(), request.path());
        Ok(Self { scope, sha256 })
    }

    /// The answer this request got before, if it did.
    ///
    /// # Errors
    /// 422 when the key was used with another body.
    pub async fn replay(&self, services: &Services) -> Result<Option<HttpResponse>, Problem> {
        self.find(services).await?.map(|stored| self.answer(stored)).transpose()
    }

    /// What was kept for this request, if anything was.
    ///
    /// # Errors
    /// 422 when the key was used with another body.
    pub async fn find(&self, services: &Services) -> Result<Option<StoredAnswer>, Problem> {
        let stored = services.answers.find(self.scope.clone()).await?;
        stored.map(|stored| self.same(stored)).transpose()
    }

    /// What was kept, if it is of this request.
    ///
    /// # Errors
    /// 422 when the key was used with another body.
    pub fn same(&self, stored: StoredAnswer) -> Result<StoredAnswer, Problem> {
        if stored.request_sha256 != self.sha256 {
            return Err(Problem::new(KEY_REUSED, "use a new Idempotency-Key for a new request"));
        }
        Ok(stored)
    }

    /// Sends a stored answer.
    ///
    /// # Errors
    /// 422 when the key was used with another body.
    pub fn answer(&self, stored: StoredAnswer) -> Result<HttpResponse, Problem> {
        let stored = self.same(stored)?;
        let status = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::OK);
        let mut answer = HttpResponse::build(status);
        for (name, value) in stored.headers {
            answer.insert_header((name, value));
        }
        Ok(answer.body(stored.body))
    }

    /// An answer to be stored.
    pub fn write(&self, status: u16, headers: Vec<(&str, String)>, body: &impl Serialize) -> StoredAnswer {
        let mut headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        let body = serde_json::to_vec(body).expect("an answer is plain data and always serializes");
        StoredAnswer { scope: self.scope.clone(), request_sha256: self.sha256, status, headers, body }
    }

    /// Keeps an answer that no entity stored (nothing had to change), and sends the one that stands.
    ///
    /// # Errors
    /// 422 when the key was used with another body meanwhile, 503.
    pub async fn keep(&self, services: &Services, answer: StoredAnswer) -> Result<HttpResponse, Problem> {
        self.answer(services.answers.keep(answer).await?)
    }
}
