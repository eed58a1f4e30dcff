//! HTTP as a stubborn client speaks it: the same call with the same key until it is answered, a server that is gone
//! for a minute outlived. Who calls is next door in `person`.

use std::{sync::Arc, time::Duration};

use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, ETAG, RETRY_AFTER},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{sync::Semaphore, time::Instant};

use super::{
    log::{Log, count},
    person::Person,
};

/// One attempt; the server's own limits are far below.
const ATTEMPT: Duration = Duration::from_secs(20);
/// Calls in flight at once: a city of clients, but one process's sockets.
const IN_FLIGHT_MAX: usize = 128;
/// A server that answers 500 this often to one call will not change its mind.
const SERVER_ERRORS_MAX: u32 = 6;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No usable answer for too long.
    #[error("{method} {path} was not answered within {after_s} s (last: {last})")]
    GaveUp {
        /// Of the call.
        method: Method,
        /// Of the call.
        path: String,
        /// How long it was tried.
        after_s: u64,
        /// What the last attempt met.
        last: String,
    },
    /// The server said no.
    #[error("{method} {path} was refused: {status} {problem} {detail}")]
    Refused {
        /// Of the call.
        method: Method,
        /// Of the call.
        path: String,
        /// The status.
        status: u16,
        /// The problem's type.
        problem: String,
        /// The problem's detail.
        detail: String,
    },
    /// The answer has another shape than the contract says.
    #[error("{method} {path} answered something unexpected: {source}; it began {begin:?}")]
    Unexpected {
        /// Of the call.
        method: Method,
        /// Of the call.
        path: String,
        /// Its first characters.
        begin: String,
        /// What did not fit.
        #[source]
        source: serde_json::Error,
    },
    /// The address is wrong, or the process cannot open sockets.
    #[error("the HTTP client cannot be built: {0}")]
    Client(#[source] reqwest::Error),
}

impl CallError {
    /// The status of a refusal.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        if let Self::Refused { status, .. } = self { Some(*status) } else { None }
    }
}

/// An answer that needs no retry: 2xx or a refusal.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The version of an order.
    pub etag: Option<String>,
    /// The body as it came.
    pub text: String,
    /// How long the answered attempt took, milliseconds.
    pub ms: f64,
    method: Method,
    path: String,
}

impl Answer {
    /// Whether the server did it.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
    /// The body as a `T`, or the refusal as an error.
    ///
    /// # Errors
    /// [`CallError::Refused`] outside 2xx, [`CallError::Unexpected`] for another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        self.done()?;
        serde_json::from_str(&self.text).map_err(|source| CallError::Unexpected {
            method: self.method.clone(),
            path: self.path.clone(),
            begin: self.text.chars().take(120).collect(),
            source,
        })
    }
    /// Nothing, or the refusal as an error.
    ///
    /// # Errors
    /// [`CallError::Refused`] outside 2xx.
    pub fn done(&self) -> Result<(), CallError> {
        if self.is_success() {
            return Ok(());
        }
        let problem: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let errors = problem.get("errors").map(ToString::to_string).unwrap_or_default();
        let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(CallError::Refused {
            method: self.method.clone(),
            path: self.path.clone(),
            status: self.status,
            problem: text("type"),
            detail: text("detail") + &errors,
        })
    }
    /// The problem's `type`; empty where there is none.
    #[must_use]
    pub fn problem(&self) -> String {
        let problem: Value = serde_json::from_str(&self.text).unwrap_or_default();
        problem.get("type").and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// One call: what to send, as often as it takes.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    path: String,
    key: Option<String>,
    body: Option<Value>,
}

impl Call {
    /// A read.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), key: None, body: None }
    }
    /// A POST without a body.
    pub fn post(path: impl Into<String>) -> Self {
        Self { method: Method::POST, path: path.into(), key: None, body: None }
    }
    /// A PUT.
    pub fn put(path: impl Into<String>) -> Self {
        Self { method: Method::PUT, path: path.into(), key: None, body: None }
    }
    /// A DELETE.
    pub fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, path: path.into(), key: None, body: None }
    }
    /// With this `Idempotency-Key`.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
    /// With this JSON body.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// The server's HTTP side.
pub struct Api {
    http: reqwest::Client,
    base: String,
    in_flight: Semaphore,
    patience: Duration,
    log: Arc<Log>,
}

impl Api {
    /// A client of the server at `base` that tries each call for as long as `patience`.
    ///
    /// # Errors
    /// [`CallError::Client`] when no client can be built.
    pub fn new(base: &str, patience: Duration, log: Arc<Log>) -> Result<Self, CallError> {
        let http = reqwest::Client::builder().timeout(ATTEMPT).build().map_err(CallError::Client)?;
        Ok(Self { http, base: base.to_owned(), in_flight: Semaphore::new(IN_FLIGHT_MAX), patience, log })
    }
    /// Waits until anybody answers there at all, whatever the answer; what the last attempt met when nobody does within
    /// `first_word_max`. Once spoken with, a server is given far more time.
    ///
    /// # Errors
    /// What the last attempt met.
    pub async fn greet(&self, first_word_max: Duration) -> Result<(), String> {
        let mut last = "no answer".to_owned();
        let asking = async {
            let mut attempt = 0;
            while let Err(error) = self.once(&Call::get("/healthz"), None).await {
                last = describe(&error);
                tokio::time::sleep(pause("/healthz", attempt)).await;
                attempt += 1;
            }
        };
        let answered = tokio::time::timeout(first_word_max, asking).await;
        answered.map_err(|_| last)
    }
    /// Where the server is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }
    /// What the clients were told.
    #[must_use]
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }
    /// How long a call is tried.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.patience
    }
    /// Without signing in, until answered.
    ///
    /// # Errors
    /// [`CallError::GaveUp`] when nobody answers for too long.
    pub async fn call(&self, call: &Call) -> Result<Answer, CallError> {
        self.until_answered(call, None).await
    }
    /// A long-lived answer (an event stream): no timeout, one attempt.
    ///
    /// # Errors
    /// As reqwest says.
    pub async fn stream(
        &self,
        path: &str,
        token: &str,
        headers: &[(&'static str, String)],
    ) -> reqwest::Result<reqwest::Response> {
        let mut request = self.http.get(format!("{}{path}", self.base)).bearer_auth(token).timeout(NEVER);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.send().await
    }

    pub(super) async fn until_answered(&self, call: &Call, person: Option<&Person>) -> Result<Answer, CallError> {
        let started = Instant::now();
        let mut attempt = 0_u32;
        let (mut renewed, mut server_errors) = (false, 0_u32);
        loop {
            let token = match person {
                Some(person) => Some(Box::pin(person.token()).await?),
                None => None,
            };
            let (last, wait) = match self.once(call, token.as_deref()).await {
                Ok((answer, retry_after)) => match answer.status {
                    401 if person.is_some() && !renewed => {
                        renewed = true;
                        if let (Some(person), Some(token)) = (person, &token) {
                            person.forget(token).await;
                        }
                        continue;
                    }
                    429 | 502 | 503 | 504 => (answer.status.to_string(), retry_after),
                    409 if answer.problem() == "/problems/request-running" => ("still running".to_owned(), retry_after),
                    500 => {
                        count(&self.log.counters.server_errors);
                        server_errors += 1;
                        if server_errors >= SERVER_ERRORS_MAX {
                            return Ok(answer);
                        }
                        ("500".to_owned(), retry_after)
                    }
                    _ => return Ok(answer),
                },
                Err(error) => (describe(&error), None),
            };
            if started.elapsed() >= self.patience {
                return Err(CallError::GaveUp {
                    method: call.method.clone(),
                    path: call.path.clone(),
                    after_s: started.elapsed().as_secs(),
                    last,
                });
            }
            count(&self.log.counters.retries);
            tokio::time::sleep(wait.unwrap_or_else(|| pause(&call.path, attempt))).await;
            attempt += 1;
        }
    }

    async fn once(&self, call: &Call, token: Option<&str>) -> reqwest::Result<(Answer, Option<Duration>)> {
        let _permit = self.in_flight.acquire().await; // never closed, so an error cannot come
        let started = Instant::now();
        let mut request = self.http.request(call.method.clone(), format!("{}{}", self.base, call.path));
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = &call.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (etag, retry_after) = (header(ETAG), header(RETRY_AFTER));
        let status = response.status();
        let text = response.text().await?; // cut off in the middle: an error, and the call is sent again
        count(&self.log.counters.answers);
        let ms = started.elapsed().as_secs_f64() * 1_000.0;
        // A server's hint is taken, but no longer than a city that runs 20 times faster can bear.
        let retry_after =
            retry_after.and_then(|s| s.parse().ok()).map(|s: f64| Duration::from_secs_f64(s.clamp(0.05, 5.0)));
        let answer =
            Answer { status: status.as_u16(), etag, text, ms, method: call.method.clone(), path: call.path.clone() };
        if status == StatusCode::TOO_MANY_REQUESTS {
            tracing::debug!(path = %answer.path, "told to slow down");
        }
        Ok((answer, retry_after))
    }
}

/// reqwest has no way to take a client's timeout off one request; a day is longer than any city.
const NEVER: Duration = Duration::from_secs(86_400);

/// The causes of an error down to the root, which is where reqwest keeps what matters.
pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// How long to wait before the next attempt: doubling from 50 ms to 2 s, spread by the call's own name so that a
/// city that was cut off does not come back in one instant.
pub(super) fn pause(name: &str, attempt: u32) -> Duration {
    let spread = name.bytes().fold(attempt, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) % 100;
    let base = Duration::from_millis(50 << attempt.min(5)).min(Duration::from_secs(2));
    base.mul_f64(0.5 + f64::from(spread) / 100.0)
}
