//! The port behind which accounts and sessions are kept, and the one behind which passwords are hashed.

use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::{
    ids::UserId,
    ports::BoxError,
    time::Timestamp,
    user::{
        Account,
        credentials::{Email, Password},
    },
};

/// Why accounts could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Somebody has that address already.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The store cannot be reached now.
    #[error("accounts cannot be reached now")]
    Unavailable(#[source] BoxError),
}

/// SHA-256 of a refresh token: all the store ever sees of it.
pub type TokenHash = [u8; 32];

/// A session about to begin.
#[derive(Clone, Copy, Debug)]
pub struct NewSession {
    /// Whose.
    pub user_id: UserId,
    /// Its id; `sid` in access tokens.
    pub family_id: Uuid,
    /// Its first refresh token.
    pub token: TokenHash,
    /// When (wall time).
    pub now: Timestamp,
}

/// What became of a presented refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// The new token is the session's.
    Fresh {
        /// Whose session.
        user_id: UserId,
        /// Which session.
        family_id: Uuid,
    },
    /// A used token came back: the session has been ended.
    Reused {
        /// Which session.
        family_id: Uuid,
    },
    /// Not good.
    Refused,
}

/// The store of accounts and sessions.
pub trait Accounts: Send + Sync + 'static {
    /// Creates the account, or answers [`AccountError::EmailTaken`].
    fn create(&self, account: Account, password_hash: String) -> BoxFuture<'static, Result<(), AccountError>>;
    /// The account of an address, with its password's hash.
    fn by_email(&self, email: Email) -> BoxFuture<'static, Result<Option<(Account, String)>, AccountError>>;
    /// The account of an id.
    fn by_id(&self, user_id: UserId) -> BoxFuture<'static, Result<Option<Account>, AccountError>>;
    /// Begins a session.
    fn begin(&self, session: NewSession) -> BoxFuture<'static, Result<(), AccountError>>;
    /// Spends the presented token and puts `next` in its place, as `decide_refresh` says, in one transaction.
    fn rotate(
        &self,
        presented: TokenHash,
        next: TokenHash,
        now: Timestamp,
    ) -> BoxFuture<'static, Result<Rotated, AccountError>>;
    /// Ends the session of the presented token, and says which it was.
    fn end(&self, presented: TokenHash, now: Timestamp) -> BoxFuture<'static, Result<Option<Uuid>, AccountError>>;
    /// Sessions ended since `since`, with the instant of their end.
    fn ended_since(&self, since: Timestamp) -> BoxFuture<'static, Result<Vec<(Uuid, Timestamp)>, AccountError>>;
    /// Accounts that were changed or removed within the last `seconds`, by the store's own clock; at most `limit`.
    fn changed_within(&self, seconds: u32, limit: u32) -> BoxFuture<'static, Result<Vec<UserId>, AccountError>>;
}

/// Why a password could not be hashed or compared.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HashError {
    /// Too many wait already.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// The stored hash or the machine is broken.
    #[error("the password hash cannot be computed")]
    Broken,
}

/// Slow on purpose, therefore bounded and off the request threads.
pub trait Passwords: Send + Sync + 'static {
    /// A salted hash of a new password.
    fn hash(&self, password: Password) -> BoxFuture<'static, Result<String, HashError>>;
    /// Whether `password` is the one of `hash`. Without a hash it takes as long and says no, so that nobody learns
    /// by the clock who has an account.
    fn verify(&self, password: Password, hash: Option<String>) -> BoxFuture<'static, Result<bool, HashError>>;
}
