//! `foodcourt admin add`: the first admin, who gives everybody else their roles over the API.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use clap::{Args, Subcommand};
use foodcourt_actors::{
    ids::UserId,
    ports::Ids as _,
    time::Timestamp,
    user::{
        Account, Role,
        accounts::{Accounts as _, Passwords as _},
        credentials::{DisplayName, Email, Password},
    },
};

use super::{StartError, database};
use crate::{
    config::Config,
    ids::RandomIds,
    password::Argon2Passwords,
    ports::{AccountBook as _, Changed, NewAccess},
    postgres::{Database, account_book::PostgresAccountBook, accounts::PostgresAccounts, business_clock},
};

/// What to do with admins.
#[derive(Args)]
pub struct AdminArgs {
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Make an account that runs the court, or make an admin of one that is there.
    ///
    /// A new account's password is asked for, or read as one line from stdin; it is never an argument. On the private
    /// database of a data folder the server must be stopped meanwhile; on a configured one it may run.
    #[command(after_help = "Examples:
  foodcourt admin add --email ada@example.org
  foodcourt admin add --email ada@example.org --name 'Ada Quist' < password.txt
  FOODCOURT_DATABASE__URL=postgres://foodcourt@db/foodcourtdb \\
    foodcourt admin add --email ada@example.org")]
    Add {
        /// The address to sign in with.
        #[arg(long, value_name = "ADDRESS")]
        email: String,
        /// How they want to be called; the address's first part unless said.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Make an admin of the account that is there with this address. Anybody can register any address: be sure that
        /// it is the right person's.
        #[arg(long)]
        existing: bool,
    },
}

/// Does it and says what was done; exit code 2 where it could not be.
pub async fn main(config: &Config, args: AdminArgs) -> ExitCode {
    let AdminCommand::Add { email, name, existing } = args.command;
    match add(config, &email, name.as_deref(), existing).await {
        Ok(sentence) => {
            println!("{sentence}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("foodcourt: {error}");
            ExitCode::from(2)
        }
    }
}

async fn add(config: &Config, email: &str, name: Option<&str>, existing: bool) -> Result<String, StartError> {
    let email = Email::parse(email).map_err(|refused| StartError::Other(format!("--email {refused}")))?;
    let name = name.unwrap_or_else(|| email.as_str().split('@').next().unwrap_or("Admin"));
    let name = DisplayName::parse(name).map_err(|refused| StartError::Other(format!("--name {refused}")))?;
    let opened = database::open(config).await?;
    let added = make(&opened.database, email, name, existing).await;
    if let Some(private) = opened.private {
        private.stop().await;
    }
    added
}

async fn make(
    database: &Database,
    email: Email,
    display_name: DisplayName,
    existing: bool,
) -> Result<String, StartError> {
    let failed = |error: &dyn std::error::Error| StartError::Other(format!("the admin was not added: {error}"));
    let accounts = PostgresAccounts::new(database.clone(), Duration::ZERO);
    let address = email.as_str().to_owned();
    if let Some((account, _)) = accounts.by_email(email.clone()).await.map_err(|error| failed(&error))? {
        if account.is(Role::Admin) {
            return Ok(format!("{address} is an admin already; nothing was changed"));
        }
        if !existing {
            return Err(StartError::Other(format!(
                "somebody has registered with {address} already, and nobody has checked that it is theirs; nothing was \
                 changed. If you know that it is the right person, say --existing: they keep their password"
            )));
        }
        let mut roles = account.roles;
        roles.push(Role::Admin);
        let (_, now): (_, Timestamp) = business_clock::anchor(database).await?;
        let book = PostgresAccountBook::new(database.clone());
        let expected = book.find(account.user_id).await.map_err(|error| failed(&error))?.map(|entry| entry.version);
        let access = NewAccess { user_id: account.user_id, roles, kitchens: account.kitchens, expected, now };
        return match book.change(access).await.map_err(|error| failed(&error))? {
            Changed::Done(_) => Ok(format!("{address} is an admin now, with the password of before")),
            Changed::Stale { .. } | Changed::Absent => {
                Err(StartError::Other(format!("{address} was being changed over the API meanwhile; run this again")))
            }
        };
    }
    if existing {
        return Err(StartError::Other(format!("there is no account of {address}; without --existing it is made")));
    }
    let typed = password().map_err(|error| failed(&error))?;
    let password = Password::choose(&typed, &email);
    let password = password.map_err(|refused| StartError::Other(format!("the password {refused}")))?;
    let hashes = Argon2Passwords::new(1, 0).map_err(|error| failed(&error))?;
    let hash = hashes.hash(password).await.map_err(|error| failed(&error))?;
    let user_id = UserId(RandomIds.next());
    let account = Account { user_id, email, display_name, roles: vec![Role::Admin], kitchens: vec![] };
    accounts.create(account, hash).await.map_err(|error| failed(&error))?;
    Ok(format!("{address} is an admin now; sign in with it"))
}

/// One line of stdin, not shown while it is typed.
fn password() -> io::Result<String> {
    let asked = io::stdin().is_terminal();
    if asked {
        eprint!("Password (8 to 128 characters, not shown): ");
        io::stderr().flush()?;
        echo(false);
    }
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    if asked {
        echo(true);
        eprintln!();
    }
    read?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Shows what is typed, or not. Where there is no `stty` it is shown: better than no way in.
fn echo(on: bool) {
    let word = if on { "echo" } else { "-echo" };
    let _shown_anyway = Command::new("stty").arg(word).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
}
