//! The demo: loads its courts, kitchens and accounts, and drives its clock.

use std::sync::Arc;

use foodcourt_actors::{
    ask::Wish,
    decider::Origin,
    demo,
    directory::Directory,
    kitchen::Kitchen,
    place::Position,
    ports::Ids,
    user::{
        Account,
        accounts::{AccountError, Accounts, Passwords},
        credentials::{DisplayName, Email, Password},
    },
};
use futures_util::FutureExt;
use tracing::info;

use super::StartError;
use crate::{
    clock::BusinessClock,
    ports::{Away, CourtEntry, DemoClock, Promise},
    postgres::{Database, business_clock, courts::PostgresCourts},
};

/// What the demo is loaded through.
pub struct DemoWorld<'a> {
    /// For the courts.
    pub courts: &'a PostgresCourts,
    /// For the kitchens.
    pub kitchens: &'a Directory<Kitchen>,
    /// For the accounts.
    pub accounts: &'a dyn Accounts,
    /// All demo accounts share one password, hashed once.
    pub passwords: &'a dyn Passwords,
    /// For origins.
    pub ids: &'a dyn Ids,
}

impl DemoWorld<'_> {
    /// Loads everything that is not there yet. Loading twice changes nothing.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn load(self) -> Result<(), StartError> {
        let failed = |what: &str, error: &dyn std::error::Error| {
            StartError::Other(format!("the demo's {what} cannot be loaded: {}", super::sentence(error)))
        };
        for court in demo::courts() {
            let cooks = demo::kitchens().into_iter().filter(|kitchen| kitchen.opened.court_id == court.court_id);
            let kitchens = cooks.map(|kitchen| kitchen.opened.kitchen_id).collect();
            self.courts.open(&CourtEntry { court, kitchens }).await.map_err(|error| failed("courts", &error))?;
        }
        for kitchen in demo::kitchens() {
            let id = kitchen.opened.kitchen_id.0;
            let seen = self.kitchens.look(id).await.map_err(|error| failed("kitchens", &error))?;
            for command in kitchen.missing(seen.version) {
                let origin = Origin { cause: None, correlation: self.ids.next() };
                let asked = self.kitchens.ask(id, Wish::new(command, origin)).await;
                asked.map_err(|error| failed("kitchens", &error))?;
            }
        }
        let new = self.missing().await.map_err(|error| failed("accounts", &error))?;
        if new.is_empty() {
            return Ok(());
        }
        let password = Password::typed(demo::PASSWORD).expect("the demo's password is a password");
        let hash = self.passwords.hash(password).await.map_err(|error| failed("accounts", &error))?;
        let count = new.len();
        for account in new {
            match self.accounts.create(account, hash.clone()).await {
                Ok(()) | Err(AccountError::EmailTaken) => {}
                Err(error) => return Err(failed("accounts", &error)),
            }
        }
        info!("the demo food court is open, with {count} accounts to play with");
        Ok(())
    }

    async fn missing(&self) -> Result<Vec<Account>, AccountError> {
        let mut missing = Vec::new();
        for account in demo::accounts() {
            if self.accounts.by_id(account.user_id).await?.is_none() {
                missing.push(Account {
                    user_id: account.user_id,
                    email: Email::parse(&account.email).expect("the demo's addresses are addresses"),
                    display_name: DisplayName::parse(&account.display_name).expect("the demo's names are names"),
                    roles: [account.role].into(),
                    kitchens: account.kitchens.into_iter().collect(),
                });
            }
        }
        Ok(missing)
    }
}

/// The business clock that the demo may hurry.
pub struct Hurried {
    /// Where its anchor is kept.
    pub database: Database,
    /// This node's clock.
    pub clock: Arc<BusinessClock>,
}

impl DemoClock for Hurried {
    fn speed(&self) -> f64 {
        self.clock.speed()
    }
    fn set_speed(&self, speed: f64) -> Promise<()> {
        let (database, clock) = (self.database.clone(), Arc::clone(&self.clock));
        async move {
            let (anchor, wall) =
                business_clock::set_speed(&database, speed).await.map_err(|error| Away(error.into()))?;
            clock.follow(&anchor, wall);
            info!("business time runs {speed} times faster than the wall");
            Ok(())
        }
        .boxed()
    }
}

/// Where a node's search for riders begins to be exact: at the first court that is none of the demo's.
#[must_use]
pub fn centre(courts: &[CourtEntry]) -> Position {
    let demos = demo::courts();
    let own = courts.iter().find(|entry| demos.iter().all(|demo| demo.court_id != entry.court.court_id));
    own.map_or_else(demo::district::centre, |entry| entry.court.position)
}
