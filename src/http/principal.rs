//! Who calls. The gate in front of every operation finds out; handlers take it as an argument.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload};
use foodcourt_actors::{
    ids::{KitchenId, UserId},
    time::Timestamp,
    user::{Account, Role},
};
use uuid::Uuid;

use super::problem::{Problem, UNAUTHENTICATED};
use crate::token::TokenError;

/// Somebody signed in.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The account, at most seconds old.
    pub account: Arc<Account>,
    /// The session the access token belongs to.
    pub session_id: Uuid,
    /// When the access token dies (wall time).
    pub expires_at: Timestamp,
}

impl Principal {
    /// The account's id.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.account.user_id
    }
    /// Whether the account has `role`.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.account.is(role)
    }
    /// Whether the account may work in `kitchen`.
    #[must_use]
    pub fn works_in(&self, kitchen: KitchenId) -> bool {
        self.is(Role::Admin) || (self.is(Role::VendorStaff) && self.account.kitchens.contains(&kitchen))
    }
    /// The answer when nobody is signed in.
    #[must_use]
    pub fn missing() -> Problem {
        Problem::new(
            UNAUTHENTICATED,
            "send an access token as Authorization: Bearer …; POST /v1/auth/token gives one for e-mail and password",
        )
    }
    /// The answer to a token that is not good: an expired one was ours, so its holder may know that it was.
    #[must_use]
    pub fn refused(why: &TokenError) -> Problem {
        Problem::new(
            UNAUTHENTICATED,
            match why {
                TokenError::Expired => "the access token has expired; POST /v1/auth/refresh gives a new one",
                TokenError::Invalid => "this is no access token of this server; POST /v1/auth/token gives one",
            },
        )
    }
    /// The answer where the session behind a token is over, or its account gone.
    #[must_use]
    pub fn over() -> Problem {
        Problem::new(UNAUTHENTICATED, "the session of this access token has ended; sign in again")
    }
}

impl FromRequest for Principal {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().cloned().ok_or_else(Self::missing))
    }
}

/// The `{id}` of the address. What is no id names nothing.
#[derive(Clone, Copy, Debug)]
pub struct PathId(pub Uuid);

impl FromRequest for PathId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| Uuid::try_parse(text).ok());
        ready(id.map(Self).ok_or_else(Problem::not_found))
    }
}
