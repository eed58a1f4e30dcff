//! The `foodcourt` command: reads its arguments, starts logging, calls the one function behind each sub-command.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use foodcourt::{app, check, city, config::Config, dispatch, replay, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A realtime ordering server for food courts, dark kitchens and local delivery.
///
/// Without a sub-command it serves: on http://127.0.0.1:5003, with a private PostgreSQL in ./data and a demo food court.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  foodcourt                                    serve a demo food court on this machine
  foodcourt serve --config live.toml           serve with settings of your own
  foodcourt city --orders 200 --speed 20       let a whole city use it
  foodcourt admin add --email ada@example.org  make the first admin of your own court
  foodcourt check                              look for broken invariants
  foodcourt dispatch --stdio                   match orders to couriers, line by line
  foodcourt replay                             the last recorded day under other dispatch policies

Every setting, with its unit and its reason: config.toml. Environment: FOODCOURT_SERVER__PORT=8080."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Args, Clone)]
struct Common {
    /// Settings file, laid over the compiled-in defaults.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for the private PostgreSQL and the signing key.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Args, Clone)]
struct ServeArgs {
    /// TCP port; 0 takes a free one and prints it.
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// IP address to listen on, such as 0.0.0.0 for all of this machine.
    #[arg(long, value_name = "ADDRESS")]
    host: Option<std::net::IpAddr>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve (what happens without a sub-command).
    #[command(after_help = "Examples:
  foodcourt serve
  foodcourt serve --port 8080 --data-dir /srv/foodcourt
  FOODCOURT_DATABASE__URL=postgres://foodcourt@db/foodcourtdb foodcourt serve")]
    Serve(ServeArgs),
    /// Drive a server as a whole city would: customers, kitchens and riders over the public API.
    City(city::CityArgs),
    /// Decide who delivers what: the matcher alone, speaking the dispatch benchmark's protocol.
    Dispatch(dispatch::DispatchArgs),
    /// What if: a day again under several dispatch policies, side by side.
    Replay(replay::ReplayArgs),
    /// Apply the migrations to the configured database.
    #[command(after_help = "Example:
  FOODCOURT_DATABASE__URL=postgres://foodcourt@db/foodcourtdb foodcourt migrate")]
    Migrate,
    /// Load the demo court and its test users into the configured database.
    #[command(after_help = "Example:
  FOODCOURT_DATABASE__URL=postgres://foodcourt@db/foodcourtdb foodcourt seed")]
    Seed,
    /// Make an admin: the account that opens courts and gives everybody else their roles.
    Admin(app::admin::AdminArgs),
    /// Run the invariants over the configured database; exit code 1 and a list where one is broken.
    #[command(after_help = "Examples:
  foodcourt check
  foodcourt check --json | jq .broken")]
    Check {
        /// One JSON object instead of sentences.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::Dispatch(args)) = &cli.command {
        // A pure conversation: it needs no settings, no logs and no runtime.
        return dispatch::main(args);
    }
    let mut config = match Config::load(cli.common.config.as_deref()) {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string()),
    };
    if let Some(dir) = cli.common.data_dir {
        config.data.dir = dir;
    }
    let serve = match &cli.command {
        Some(Command::Serve(args)) => args.clone(),
        _ => cli.serve,
    };
    config.server.port = serve.port.unwrap_or(config.server.port);
    config.server.host = serve.host.unwrap_or(config.server.host);
    if let Err(error) = config.check() {
        return fail(&error.to_string());
    }
    if let Err(sentence) = telemetry::start(&config.log) {
        return fail(&sentence);
    }
    let system = actix::System::new();
    system.block_on(async move {
        match cli.command {
            None | Some(Command::Serve(_)) => match app::serve(config).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&error.to_string()),
            },
            Some(Command::City(args)) => drive(args).await,
            Some(Command::Dispatch(args)) => dispatch::main(&args),
            Some(Command::Replay(args)) => app::replay::main(&config, &args).await,
            Some(Command::Migrate) => match app::migrate(&config).await {
                Ok(applied) => {
                    println!("{applied} migrations applied; the database is up to date");
                    ExitCode::SUCCESS
                }
                Err(error) => fail(&error.to_string()),
            },
            Some(Command::Seed) => match app::seed(&config).await {
                Ok(()) => {
                    println!("the demo court and its accounts are loaded");
                    ExitCode::SUCCESS
                }
                Err(error) => fail(&error.to_string()),
            },
            Some(Command::Admin(args)) => app::admin::main(&config, args).await,
            Some(Command::Check { json }) => check::main(&config, json).await,
        }
    })
}

/// Runs the city and tells how it went: sentences, and with `--json` one object on the last line of stdout.
async fn drive(args: city::CityArgs) -> ExitCode {
    let json = args.json;
    match city::run(args.into()).await {
        Ok(summary) => {
            eprintln!("{summary}");
            if json {
                println!("{}", serde_json::to_string(&summary).expect("a summary is plain data and always serializes"));
            }
            if summary.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => fail(&error.to_string()),
    }
}

/// Says why on stderr and gives the exit code of a start that cannot work.
fn fail(sentence: &str) -> ExitCode {
    eprintln!("foodcourt: {sentence}");
    ExitCode::from(2)
}
