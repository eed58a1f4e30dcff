//! Somebody with an account: signs in when first needed, renews the token before it ends, and calls as themselves.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::{sync::Mutex, time::Instant};

use super::client::{Answer, Api, Call, CallError};

/// An access token lives five minutes; it is renewed well before.
const RENEW_BEFORE: Duration = Duration::from_secs(45);

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    refresh_token: String,
    expires_in: u64,
    user_id: String,
}

struct Session {
    tokens: Tokens,
    renew_at: Instant,
}

/// Somebody with an account.
pub struct Person {
    api: Arc<Api>,
    email: String,
    password: String,
    session: Mutex<Option<Session>>,
}

impl Person {
    /// Somebody who will sign in when first needed.
    #[must_use]
    pub fn new(api: Arc<Api>, email: &str, password: &str) -> Self {
        Self { api, email: email.to_owned(), password: password.to_owned(), session: Mutex::new(None) }
    }
    /// The server's HTTP side.
    #[must_use]
    pub fn api(&self) -> &Arc<Api> {
        &self.api
    }
    /// Makes the account. One that exists already (an answer that was lost) is as good.
    ///
    /// # Errors
    /// When the server refuses for another reason, or is gone for too long.
    pub async fn register(&self, display_name: &str) -> Result<(), CallError> {
        let body = json!({"email": self.email, "password": self.password, "display_name": display_name});
        let answer = self.api.call(&Call::post("/v1/auth/register").body(body)).await?;
        if answer.status == 409 || answer.is_success() {
            return Ok(());
        }
        // Whether "taken" is a 409 or a field's 422: if signing in works, the account is ours.
        let refused = answer.done();
        if self.token().await.is_ok() { Ok(()) } else { refused }
    }
    /// A valid access token: kept, refreshed, or by signing in anew.
    ///
    /// # Errors
    /// When neither works.
    pub async fn token(&self) -> Result<String, CallError> {
        let mut session = self.session.lock().await;
        if let Some(session) = session.as_ref().filter(|session| Instant::now() < session.renew_at) {
            return Ok(session.tokens.access_token.clone());
        }
        if let Some(old) = session.take() {
            let refresh = Call::post("/v1/auth/refresh").body(json!({"refresh_token": old.tokens.refresh_token}));
            let answer = self.api.call(&refresh).await?;
            if answer.is_success() {
                return Ok(self.keep(&mut session, answer.read()?));
            }
            // The token was spent by an answer that got lost: not our theft, but the server is right to refuse.
        }
        let sign_in = Call::post("/v1/auth/token").body(json!({"email": self.email, "password": self.password}));
        let tokens = self.api.call(&sign_in).await?.read()?;
        Ok(self.keep(&mut session, tokens))
    }
    /// Whoever this is, by the server's word.
    ///
    /// # Errors
    /// When signing in does not work.
    pub async fn user_id(&self) -> Result<String, CallError> {
        self.token().await?;
        Ok(self.session.lock().await.as_ref().map(|session| session.tokens.user_id.clone()).unwrap_or_default())
    }
    /// This access token was refused; the next call gets another.
    pub async fn forget(&self, token: &str) {
        let mut session = self.session.lock().await;
        if let Some(session) = session.as_mut().filter(|session| session.tokens.access_token == token) {
            session.renew_at = Instant::now();
        }
    }
    /// As this person, until answered.
    ///
    /// # Errors
    /// [`CallError::GaveUp`] when nobody answers for too long, or what signing in met.
    pub async fn call(&self, call: &Call) -> Result<Answer, CallError> {
        self.api.until_answered(call, Some(self)).await
    }
    /// Reads `path` as a `T`.
    ///
    /// # Errors
    /// As [`Person::call`] and [`Answer::read`].
    pub async fn get<T: DeserializeOwned>(&self, path: impl Into<String>) -> Result<T, CallError> {
        self.call(&Call::get(path)).await?.read()
    }

    fn keep(&self, session: &mut Option<Session>, tokens: Tokens) -> String {
        let access = tokens.access_token.clone();
        let lives = Duration::from_secs(tokens.expires_in);
        // Even a token that lives shorter than the margin is used for half its life, not renewed at each call.
        let renew_at = Instant::now() + lives.saturating_sub(RENEW_BEFORE).max(lives / 2);
        *session = Some(Session { tokens, renew_at });
        access
    }
}
