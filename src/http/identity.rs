//! From access token to principal: the token's signature, whether its session still stands, and what its account
//! may do. Accounts are remembered for a minute while the store says every second which ones have changed, and for
//! seconds while it cannot: a role taken away is gone as fast as a session ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use foodcourt_actors::{
    ids::UserId,
    time::{Clock, Timestamp},
    user::{
        Account,
        accounts::{AccountError, Accounts},
        revocation::Revocations,
    },
};
use moka::sync::Cache;
use tokio::sync::watch;
use tracing::warn;
use uuid::Uuid;

use super::{principal::Principal, problem::Problem};
use crate::token::{ACCESS_TOKEN_S, Tokens};

/// How long an account is remembered while changes are heard of.
const ACCOUNT_REMEMBERED: Duration = Duration::from_secs(60);
/// How old it may be while they are not: a role taken away is gone within 5 s. As long, one reading of the changes
/// stands for the present.
const ACCOUNT_TRUSTED_S: i64 = 4;
/// How far back changes are read each time: longer than any transaction that changes an account.
const CHANGES_READ_S: u32 = 300;
/// Changed accounts read at once; where there are more, all are forgotten.
const CHANGES_MAX: u32 = 10_000;
/// Accounts remembered at most (about 500 bytes each).
const ACCOUNTS_MAX: u64 = 50_000;
/// How often sessions ended on other nodes are read: open sockets there are closed within a second.
pub const REVOCATIONS_EVERY: Duration = Duration::from_millis(800);

/// Finds principals. Cheap to clone.
#[derive(Clone)]
pub struct Identities {
    tokens: Tokens,
    accounts: Arc<dyn Accounts>,
    revocations: Revocations,
    wall: Arc<dyn Clock>,
    remembered: Cache<UserId, (Timestamp, Arc<Account>)>,
    /// When the changes were last read, microseconds of wall time; 0: never.
    changes_read_at: Arc<AtomicI64>,
}

impl Identities {
    /// Principals of `tokens`, with accounts from `accounts`.
    #[must_use]
    pub fn new(tokens: Tokens, accounts: Arc<dyn Accounts>, revocations: Revocations, wall: Arc<dyn Clock>) -> Self {
        let remembered = Cache::builder().max_capacity(ACCOUNTS_MAX).time_to_live(ACCOUNT_REMEMBERED).build();
        Self { tokens, accounts, revocations, wall, remembered, changes_read_at: Arc::default() }
    }

    /// The principal behind an access token.
    ///
    /// # Errors
    /// 401 when it is not valid (any more), 503 when that cannot be said now.
    pub async fn principal(&self, token: &str) -> Result<Principal, Problem> {
        let claims = self.tokens.check(token).map_err(|why| Principal::refused(&why))?;
        let expires_at = Timestamp::from_micros(claims.exp.saturating_mul(1_000_000));
        self.holder(claims.sub, claims.sid, expires_at).await
    }

    /// The principal of a session that was proven otherwise (a socket's ticket).
    ///
    /// # Errors
    /// As [`Identities::principal`].
    pub async fn holder(&self, user_id: UserId, session_id: Uuid, expires_at: Timestamp) -> Result<Principal, Problem> {
        if self.revocations.has(session_id) {
            return Err(Principal::over());
        }
        let account = self.account(user_id).await?.ok_or_else(Principal::over)?;
        Ok(Principal { account, session_id, expires_at })
    }

    /// The account of an id, at most seconds old; `None` where it is gone.
    ///
    /// # Errors
    /// 503 when that cannot be said now.
    pub async fn account(&self, user_id: UserId) -> Result<Option<Arc<Account>>, Problem> {
        let now = self.wall.now();
        let trusted = |since: Timestamp| now < since.plus_s(ACCOUNT_TRUSTED_S);
        let changes_heard = trusted(Timestamp::from_micros(self.changes_read_at.load(Ordering::Relaxed)));
        if let Some((read_at, account)) = self.remembered.get(&user_id)
            && (changes_heard || trusted(read_at))
        {
            return Ok(Some(account));
        }
        let found = self.accounts.by_id(user_id).await.map_err(Problem::unavailable)?.map(Arc::new);
        if let Some(account) = &found {
            self.remembered.insert(user_id, (now, Arc::clone(account)));
        }
        Ok(found)
    }

    /// Ends a session on this node at once; the database tells the others.
    pub fn end(&self, session: Uuid) {
        self.revocations.end(session, self.wall.now().plus_s(ACCESS_TOKEN_S + 60));
    }

    /// Reads an account again when it is next asked for; the database tells the other nodes.
    pub fn forget(&self, user_id: UserId) {
        self.remembered.invalidate(&user_id);
    }

    /// Sessions as they end, for open sockets.
    #[must_use]
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Reads the sessions ended and the accounts changed in the last minutes, once.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn refresh(&self) -> Result<(), AccountError> {
        let now = self.wall.now();
        // After a long time away from the store: whatever ended in it. Their sockets here are open still.
        let read_at = Timestamp::from_micros(self.changes_read_at.load(Ordering::Relaxed));
        let since = if read_at == Timestamp::default() { now } else { read_at.min(now) };
        for (session, ended_at) in self.accounts.ended_since(since.plus_s(-(ACCESS_TOKEN_S + 60))).await? {
            self.revocations.end(session, ended_at.max(since).plus_s(ACCESS_TOKEN_S + 60));
        }
        self.revocations.forget_before(now);
        let changed = self.accounts.changed_within(CHANGES_READ_S, CHANGES_MAX).await?;
        if changed.len() >= CHANGES_MAX as usize {
            self.remembered.invalidate_all();
        }
        changed.iter().for_each(|user_id| self.remembered.invalidate(user_id));
        self.changes_read_at.store(now.as_micros(), Ordering::Relaxed);
        Ok(())
    }

    /// Reads them every [`REVOCATIONS_EVERY`] until told to stop.
    pub async fn keep_fresh(self, mut stopping: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(REVOCATIONS_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.refresh().await {
                warn!(%error, "ended sessions could not be read; they are read again shortly");
            }
        }
    }
}
