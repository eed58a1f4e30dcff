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
        Problem::new(UNAUTHENTICATED, "send a valid access token as Authorization: Bearer …")
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
