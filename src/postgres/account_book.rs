//! Roles and kitchens of accounts, as those who run the court see and change them. The trigger of migration 14 tells
//! every node what has changed.

use foodcourt_actors::ids::UserId;
use futures_util::FutureExt as _;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    accounts::{Failed, account},
    instant::Instant,
    pool::Database,
};
use crate::ports::{AccountBook, AccountEntry, Away, Changed, NewAccess, Promise};

/// Accounts in PostgreSQL, for admins.
#[derive(Clone)]
pub struct PostgresAccountBook {
    database: Database,
}

impl PostgresAccountBook {
    /// Accounts of `database`.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<AccountEntry>, Failed> {
        // account_email_prefix_idx: by bytes, so that the last character there is ends every prefix.
        const SQL: &str = "
select user_id, email, display_name, roles,
       array(select kitchen_id from kitchen_member where user_id = account.user_id order by kitchen_id),
       version
  from account
 where email ~>=~ $1
   and email ~<~ $2
   and email ~>~ $3
 order by email using ~<~
 limit $4";
        let end = format!("{prefix}\u{10FFFF}");
        let rows = self.database.query(SQL, &[&prefix, &end, &after.unwrap_or(""), &i64::from(limit)]).await?;
        rows.iter().map(entry).collect()
    }

    async fn find(&self, user_id: UserId) -> Result<Option<AccountEntry>, Failed> {
        let row = self.database.query_opt(BY_ID, &[&user_id.0]).await?;
        row.as_ref().map(entry).transpose()
    }

    async fn change(&self, access: NewAccess) -> Result<Changed<(AccountEntry, Vec<Uuid>)>, Failed> {
        const LOCK: &str = "select version from account where user_id = $1 for update"; // account_pkey
        const SET: &str = "update account set roles = $2, version = version + 1 where user_id = $1"; // account_pkey
        // kitchen_member_pkey
        const LEAVE: &str = "delete from kitchen_member where user_id = $1 and kitchen_id <> all ($2)";
        const ENTER: &str = "
insert into kitchen_member (user_id, kitchen_id)
select $1, unnest($2::uuid[])
    on conflict (user_id, kitchen_id) do nothing";
        // session_user_id_idx
        const END: &str = "
update session
   set revoked_at = $2
 where user_id = $1
   and revoked_at is null
returning family_id";
        let user_id = access.user_id.0;
        let mut session = self.database.session().await?;
        let transaction = session.client().transaction().await?;
        let Some(row) = transaction.query_opt(LOCK, &[&user_id]).await? else { return Ok(Changed::Absent) };
        let actual = row.try_get::<_, i64>(0)?.unsigned_abs();
        if access.expected.is_some_and(|expected| expected != actual) {
            return Ok(Changed::Stale { actual });
        }
        let before = entry(&transaction.query_one(BY_ID, &[&user_id]).await?)?;
        let kitchens: Vec<Uuid> = access.kitchens.iter().map(|kitchen| kitchen.0).collect();
        let roles: Vec<&str> = access.roles.iter().map(|role| role.as_str()).collect();
        transaction.execute(SET, &[&user_id, &roles]).await?;
        transaction.execute(LEAVE, &[&user_id, &kitchens]).await?;
        transaction.execute(ENTER, &[&user_id, &kitchens]).await?;
        let taken = before.account.roles.iter().any(|role| !access.roles.contains(role))
            || before.account.kitchens.iter().any(|kitchen| !access.kitchens.contains(kitchen));
        let ended = if taken { transaction.query(END, &[&user_id, &Instant(access.now)]).await? } else { vec![] };
        let ended = ended.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<Uuid>, Failed>>()?;
        let after = entry(&transaction.query_one(BY_ID, &[&user_id]).await?)?;
        transaction.commit().await?;
        Ok(Changed::Done((after, ended)))
    }
}

const BY_ID: &str = "
select user_id, email, display_name, roles,
       array(select kitchen_id from kitchen_member where user_id = account.user_id order by kitchen_id),
       version
  from account
 where user_id = $1"; // account_pkey

fn entry(row: &Row) -> Result<AccountEntry, Failed> {
    Ok(AccountEntry { account: account(row)?, version: row.try_get::<_, i64>(5)?.unsigned_abs() })
}

impl AccountBook for PostgresAccountBook {
    fn list(&self, prefix: String, after: Option<String>, limit: u32) -> Promise<Vec<AccountEntry>> {
        let this = self.clone();
        async move { Self::list(&this, &prefix, after.as_deref(), limit).await.map_err(|error| Away(error.into())) }
            .boxed()
    }
    fn find(&self, user_id: UserId) -> Promise<Option<AccountEntry>> {
        let this = self.clone();
        async move { Self::find(&this, user_id).await.map_err(|error| Away(error.into())) }.boxed()
    }
    fn change(&self, access: NewAccess) -> Promise<Changed<(AccountEntry, Vec<Uuid>)>> {
        let this = self.clone();
        async move { Self::change(&this, access).await.map_err(|error| Away(error.into())) }.boxed()
    }
}
