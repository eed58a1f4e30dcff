//! `foodcourt check`: runs the invariants over the configured database and says what does not hold.

use std::process::ExitCode;

use foodcourt_actors::{
    invariants::{INVARIANTS, UNCHECKED},
    ports::Journal as _,
};

use crate::{
    app::{StartError, database, inspection},
    config::Config,
    postgres::{
        business_clock,
        journal::{JournalLimits, PgJournal},
        private::{PrivateError, PrivatePostgres},
    },
};

/// Checks and prints; the exit code says whether all promises hold (0), one is broken (1), or it could not look (2).
pub async fn main(config: &Config, json: bool) -> ExitCode {
    match check(config, json).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("foodcourt: {error}");
            ExitCode::from(2)
        }
    }
}

async fn check(config: &Config, json: bool) -> Result<bool, StartError> {
    let dir = &config.data.dir;
    // A typing error must not make a new, empty database of which everything is true.
    if config.database.url.is_empty() && !PrivatePostgres::holds_data(dir) {
        let what = if dir.exists() { "holds no data of foodcourt" } else { "does not exist" };
        return Err(StartError::Other(format!(
            "the folder {} {what}: there is nothing to check; name the data folder with --data-dir, or a database with \
             FOODCOURT_DATABASE__URL",
            dir.display()
        )));
    }
    let opened = database::open(config).await.map_err(|error| match error {
        StartError::Private(PrivateError::InUse { folder, pid }) => {
            let address = PrivatePostgres::running_in(&folder).unwrap_or_else(|| "…".to_owned());
            StartError::Other(format!(
                "a foodcourt server (process {pid}) is running on the data folder {}: stop it first, or check its database \
                 while it runs: FOODCOURT_DATABASE__URL=\"{address}\" foodcourt check",
                folder.display()
            ))
        }
        other => other,
    })?;
    let journal = PgJournal::start(&opened.settings, opened.database.clone(), JournalLimits::default()).await?;
    let (anchor, wall) = business_clock::anchor(&opened.database).await?;
    let end = journal.end().await.map_err(|error| StartError::Other(error.to_string()))?;
    eprintln!("reading the journal up to position {end}");
    let report = inspection::check(&journal, anchor.business(wall)).await;
    let report = report.map_err(|error| StartError::Other(error.to_string()))?;
    if json {
        println!("{}", serde_json::to_string(&report).expect("a report is plain data and always serializes"));
    } else {
        for (id, says) in INVARIANTS {
            let breaches: Vec<_> = report.broken.iter().filter(|broken| broken.invariant == id).collect();
            println!("{} {id}: {says}", if breaches.is_empty() { "holds " } else { "BROKEN" });
            for broken in breaches {
                println!("         {} {}", broken.stream, broken.sentence);
            }
        }
        for (id, says, why) in UNCHECKED {
            println!("not checked here {id}: {says} ({why})");
        }
        println!("{} facts in {} streams were read", report.facts, report.streams);
    }
    if let Some(private) = opened.private {
        private.stop().await;
    }
    Ok(report.broken.is_empty())
}
