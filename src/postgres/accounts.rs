//! Accounts and sessions. What a presented refresh token means is decided by `user::session`; here its row is locked,
//! the rule is asked, and what it says is done in the same transaction.

use std::time::Duration;

use foodcourt_actors::{
    ids::{KitchenId, UserId},
    time::Timestamp,
    user::{
        Account, Role,
        accounts::{AccountError, Accounts, NewSession, Rotated, TokenHash},
        credentials::{DisplayName, Email, Refused},
        session::{Refresh, RefreshToken, TokenState, decide_refresh},
    },
};
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio_postgres::{Row, Transaction, error::SqlState};
use uuid::Uuid;

use super::{connect::DatabaseError, instant::Instant, pool::Database};

/// Accounts in PostgreSQL.
#[derive(Clone)]
pub struct PostgresAccounts {
    database: Database,
    refresh_life: Duration,
}

impl PostgresAccounts {
    /// Accounts of `database`; a refresh token that nobody uses is good for `refresh_life`.
    #[must_use]
    pub const fn new(database: Database, refresh_life: Duration) -> Self {
        Self { database, refresh_life }
    }

    async fn create(&self, account: Account, password_hash: String) -> Result<(), Failed> {
        let mut session = self.database.session().await?;
        let transaction = session.client().transaction().await?;
        let roles: Vec<&str> = account.roles.iter().map(|role| role.as_str()).collect();
        transaction
            .execute(
                "insert into account (user_id, email, display_name, password_hash, roles) values ($1, $2, $3, $4, $5)",
                &[&account.user_id.0, &account.email.as_str(), &account.display_name.as_str(), &password_hash, &roles],
            )
            .await?;
        let kitchens: Vec<Uuid> = account.kitchens.iter().map(|kitchen| kitchen.0).collect();
        transaction
            .execute(
                "insert into kitchen_member (user_id, kitchen_id) select $1, unnest($2::uuid[])",
                &[&account.user_id.0, &kitchens],
            )
            .await?;
        Ok(transaction.commit().await?)
    }

    async fn by_email(&self, email: Email) -> Result<Option<(Account, String)>, Failed> {
        const SQL: &str = "
select user_id, email, display_name, roles,
       array(select kitchen_id from kitchen_member where user_id = account.user_id order by kitchen_id),
       password_hash
  from account
 where email = $1"; // account_email_key
        let row = self.database.query_opt(SQL, &[&email.as_str()]).await?;
        row.map(|row| Ok((account(&row)?, row.try_get(5)?))).transpose()
    }

    async fn by_id(&self, user_id: UserId) -> Result<Option<Account>, Failed> {
        const SQL: &str = "
select user_id, email, display_name, roles,
       array(select kitchen_id from kitchen_member where user_id = account.user_id order by kitchen_id)
  from account
 where user_id = $1"; // account_pkey
        let row = self.database.query_opt(SQL, &[&user_id.0]).await?;
        row.as_ref().map(account).transpose()
    }

    async fn begin(&self, new: NewSession) -> Result<(), Failed> {
        const SQL: &str = "
with begun as (
    insert into session (family_id, user_id, begun_at) values ($1, $2, $3)
)
insert into refresh_token (token_sha256, family_id, expires_at) values ($4, $1, $5)";
        let expires_at = Instant(new.now.plus(self.refresh_life));
        let params: super::pool::Params<'_> =
            &[&new.family_id, &new.user_id.0, &Instant(new.now), &new.token.as_slice(), &expires_at];
        self.database.execute(SQL, params).await?;
        Ok(())
    }

    async fn rotate(&self, presented: TokenHash, next: TokenHash, now: Timestamp) -> Result<Rotated, Failed> {
        let mut session = self.database.session().await?;
        let transaction = session.client().transaction().await?;
        let Some((token, successor)) = locked(&transaction, presented).await? else { return Ok(Rotated::Refused) };
        let family_id = token.family_id;
        let rotated = match decide_refresh(&token, now) {
            Refresh::Refuse => return Ok(Rotated::Refused),
            Refresh::RevokeFamily => {
                let sql = "update session set revoked_at = $2 where family_id = $1 and revoked_at is null";
                transaction.execute(sql, &[&family_id, &Instant(now)]).await?;
                Rotated::Reused { family_id }
            }
            Refresh::Rotate => {
                give(&transaction, presented, next, &token, now, self.refresh_life).await?;
                Rotated::Fresh { user_id: token.user_id, family_id }
            }
            Refresh::Replace => {
                let sql = "update refresh_token set superseded = true where token_sha256 = $1";
                transaction.execute(sql, &[&successor]).await?;
                give(&transaction, presented, next, &token, now, self.refresh_life).await?;
                Rotated::Fresh { user_id: token.user_id, family_id }
            }
        };
        transaction.commit().await?;
        Ok(rotated)
    }

    async fn end(&self, presented: TokenHash, now: Timestamp) -> Result<Option<Uuid>, Failed> {
        const SQL: &str = "
update session
   set revoked_at = coalesce(revoked_at, $2)
 where family_id = (select family_id from refresh_token where token_sha256 = $1)
returning family_id"; // refresh_token_pkey, session_pkey
        let row = self.database.query_opt(SQL, &[&presented.as_slice(), &Instant(now)]).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    async fn changed_within(&self, seconds: u32, limit: u32) -> Result<Vec<UserId>, Failed> {
        const SQL: &str = "
select user_id
  from account_change
 where changed_at >= clock_timestamp() - make_interval(secs => $1)
 limit $2"; // account_change_changed_at_idx
        let rows = self.database.query(SQL, &[&f64::from(seconds), &i64::from(limit)]).await?;
        rows.iter().map(|row| Ok(UserId(row.try_get(0)?))).collect()
    }

    async fn ended_since(&self, since: Timestamp) -> Result<Vec<(Uuid, Timestamp)>, Failed> {
        const SQL: &str = "select family_id, revoked_at from session where revoked_at >= $1"; // session_revoked_at_idx
        let rows = self.database.query(SQL, &[&Instant(since)]).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get::<_, Instant>(1)?.0))).collect()
    }

    /// Removes refresh tokens, tickets and notes of changes that nobody can use any more; answers how many. To be called now and then.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn forget_expired(&self) -> Result<u64, DatabaseError> {
        // A day late, so that a token that comes back is still known as a used one.
        const TOKENS: &str = "
delete from refresh_token
 where token_sha256 in (
       select token_sha256 from refresh_token where expires_at < now() - interval '1 day' order by expires_at limit 10000)";
        const TICKETS: &str = "delete from live_ticket where expires_at < now()";
        const CHANGES: &str = "delete from account_change where changed_at < now() - interval '1 day'";
        let mut forgotten = 0;
        for sql in [TOKENS, TICKETS, CHANGES] {
            forgotten += self.database.execute(sql, &[]).await?;
        }
        Ok(forgotten)
    }
}

/// The token's row, locked, with the one given for it.
async fn locked(
    transaction: &Transaction<'_>,
    presented: TokenHash,
) -> Result<Option<(RefreshToken, Option<Vec<u8>>)>, Failed> {
    // The session is locked first, so that two tokens of one session are judged one after the other.
    const LOCK: &str = "
select session.family_id, session.user_id, session.revoked_at is not null
  from session
  join refresh_token using (family_id)
 where token_sha256 = $1
   for update of session";
    const TOKEN: &str = "
select token.expires_at, token.spent_at, token.successor, token.superseded,
       coalesce(next.spent_at is not null, false)
  from refresh_token as token
  left join refresh_token as next on next.token_sha256 = token.successor
 where token.token_sha256 = $1";
    let Some(family) = transaction.query_opt(LOCK, &[&presented.as_slice()]).await? else { return Ok(None) };
    let row = transaction.query_one(TOKEN, &[&presented.as_slice()]).await?;
    let spent_at: Option<Instant> = row.try_get(1)?;
    let state = match spent_at {
        _ if row.try_get(3)? => TokenState::Superseded,
        Some(at) => TokenState::Spent { at: at.0, successor_used: row.try_get(4)? },
        None => TokenState::Live,
    };
    let token = RefreshToken {
        family_id: family.try_get(0)?,
        user_id: UserId(family.try_get(1)?),
        family_revoked: family.try_get(2)?,
        expires_at: row.try_get::<_, Instant>(0)?.0,
        state,
    };
    Ok(Some((token, row.try_get(2)?)))
}

/// Spends `presented` (its first spending counts for the grace) and gives `next` for it.
async fn give(
    transaction: &Transaction<'_>,
    presented: TokenHash,
    next: TokenHash,
    token: &RefreshToken,
    now: Timestamp,
    life: Duration,
) -> Result<(), Failed> {
    const SPEND: &str = "
update refresh_token
   set spent_at = coalesce(spent_at, $2),
       successor = $3
 where token_sha256 = $1";
    const GIVE: &str = "insert into refresh_token (token_sha256, family_id, expires_at) values ($1, $2, $3)";
    transaction.execute(SPEND, &[&presented.as_slice(), &Instant(now), &next.as_slice()]).await?;
    let expires_at = Instant(now.plus(life));
    transaction.execute(GIVE, &[&next.as_slice(), &token.family_id, &expires_at]).await?;
    Ok(())
}

/// The account of a row that begins with its id, address, name, roles and kitchens.
pub(super) fn account(row: &Row) -> Result<Account, Failed> {
    let roles: Vec<&str> = row.try_get(3)?;
    let kitchens: Vec<Uuid> = row.try_get(4)?;
    Ok(Account {
        user_id: UserId(row.try_get(0)?),
        email: Email::parse(row.try_get(1)?)?,
        display_name: DisplayName::parse(row.try_get(2)?)?,
        roles: roles.into_iter().filter_map(Role::of).collect(),
        kitchens: kitchens.into_iter().map(KitchenId).collect(),
    })
}

/// What can go wrong here.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("a stored account does not parse: {0}")]
    Stored(#[from] Refused),
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<Failed> for AccountError {
    fn from(failed: Failed) -> Self {
        if let Failed::Database(DatabaseError::Statement(error)) = &failed
            && error.code() == Some(&SqlState::UNIQUE_VIOLATION)
        {
            return Self::EmailTaken;
        }
        Self::Unavailable(Box::new(failed))
    }
}

macro_rules! port {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $gives:ty;)+) => {
        impl Accounts for PostgresAccounts {$(
            fn $name(&self, $($argument: $kind),*) -> BoxFuture<'static, Result<$gives, AccountError>> {
                let this = self.clone();
                async move { Ok(Self::$name(&this, $($argument),*).await?) }.boxed()
            }
        )+}
    };
}

port! {
    create(account: Account, password_hash: String) -> ();
    by_email(email: Email) -> Option<(Account, String)>;
    by_id(user_id: UserId) -> Option<Account>;
    begin(session: NewSession) -> ();
    rotate(presented: TokenHash, next: TokenHash, now: Timestamp) -> Rotated;
    end(presented: TokenHash, now: Timestamp) -> Option<Uuid>;
    ended_since(since: Timestamp) -> Vec<(Uuid, Timestamp)>;
    changed_within(seconds: u32, limit: u32) -> Vec<UserId>;
}
