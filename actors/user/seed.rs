//! The demo's accounts, made once. Their password is public; call this only where the demo is switched on.

use std::sync::Arc;

use crate::{
    demo,
    user::{
        Account,
        accounts::{AccountError, Accounts, HashError, Passwords},
        credentials::{DisplayName, Email, Password, Refused},
    },
};

/// Why the demo's accounts could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The store is away.
    #[error(transparent)]
    Accounts(#[from] AccountError),
    /// The hasher is busy or broken.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The demo's own data break the rules of accounts.
    #[error("a demo account is malformed: {0}")]
    Malformed(#[from] Refused),
}

/// Makes the accounts that do not exist yet; answers how many those were.
///
/// # Errors
/// [`SeedError`]; what was made until then stays, and calling again goes on.
pub async fn demo_accounts(accounts: &Arc<dyn Accounts>, passwords: &Arc<dyn Passwords>) -> Result<usize, SeedError> {
    let mut missing = vec![];
    for person in demo::accounts() {
        let email = Email::parse(&person.email)?;
        if accounts.by_email(email.clone()).await?.is_none() {
            missing.push((person, email));
        }
    }
    if missing.is_empty() {
        return Ok(0);
    }
    // One hash for all: the password is no secret, and a start should not take a second longer for it.
    let hash = passwords.hash(Password::typed(demo::PASSWORD)?).await?;
    let count = missing.len();
    for (person, email) in missing {
        let account = Account {
            user_id: person.user_id,
            email,
            display_name: DisplayName::parse(&person.display_name)?,
            roles: vec![person.role],
            kitchens: person.kitchens,
        };
        match accounts.create(account, hash.clone()).await {
            Ok(()) | Err(AccountError::EmailTaken) => {} // another node was first
            Err(error) => return Err(error.into()),
        }
    }
    Ok(count)
}
