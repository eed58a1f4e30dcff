//! The load program behind `docs/performance.md`. It makes a private database in a temporary folder, runs the server as
//! a process of its own beside it, loads it over HTTP and sockets, and prints tables in Markdown.
//!
//! Not a test: nothing here fails because a machine is slow. `cargo bench --bench load -- --help`

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program that measures reads real clocks, and ends where what it measures does not work"
)]

mod bun;
mod fanout;
mod fixes;
mod http;
mod kitchens;
mod machine;
mod peer;
mod place;
mod publish;
mod redis;
mod restart;
mod riders;
mod saga;
mod server;
mod shell;
mod socket;
mod sockets;
mod watchers;
mod world;

use clap::{Args, Parser, Subcommand};

// What the server uses: the shell's numbers should be the server's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures foodcourt on this machine and prints tables.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// Given by cargo; means nothing here.
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum What {
    /// Durable POST /v1/orders with reactors off, beside pgbench on the same PostgreSQL, alternating.
    Acceptance(AcceptanceArgs),
    /// Durable POST /v1/orders with reactors on, then how far the feed lags.
    Sustained(SustainedArgs),
    /// Orders from the basket to the door: customers, kitchens and riders over HTTP and sockets.
    Saga(SagaArgs),
    /// A restart over many open orders, after kill -9 and after a stop, in turn.
    Restart(RestartArgs),
    /// The actor shell alone, beside bare actix actors.
    Shell(ShellArgs),
    Fanout(fanout::FanoutArgs),
    Sockets(sockets::SocketsArgs),
    Fixes(fixes::FixesArgs),
}

#[derive(Args, Clone)]
pub struct AcceptanceArgs {
    /// How often each side is measured, in turn.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Clients at once.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Leave pgbench out (for profiling).
    #[arg(long)]
    alone: bool,
}

#[derive(Args, Clone)]
pub struct SustainedArgs {
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Clients at once.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Orders a second to offer, one run for each; 0: as fast as the clients can.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    rate: Vec<f64>,
}

#[derive(Args, Clone)]
pub struct SagaArgs {
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Orders a second to offer, one run for each.
    #[arg(long, value_delimiter = ',', default_value = "100")]
    rate: Vec<f64>,
    /// Kitchens of the court.
    #[arg(long, default_value_t = 60)]
    kitchens: usize,
    /// Riders on shift, each on a socket of their own.
    #[arg(long, default_value_t = 2_000)]
    riders: usize,
    /// Customers, each on a socket of their own.
    #[arg(long, default_value_t = 1_000)]
    customers: usize,
    /// Baskets over two kitchens, per cent.
    #[arg(long, default_value_t = 30)]
    multi_kitchen: u64,
    /// Fetched at the counter: no riders.
    #[arg(long)]
    pickup: bool,
}

#[derive(Args, Clone)]
pub struct RestartArgs {
    /// Open orders at least.
    #[arg(long, default_value_t = 100_000)]
    orders: i64,
    /// Clients that place them.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Restarts.
    #[arg(long, default_value_t = 6)]
    rounds: u32,
}

#[derive(Args, Clone)]
pub struct ShellArgs {
    /// Actors of each kind.
    #[arg(long, default_value_t = 200_000)]
    actors: usize,
    /// Panics of each kind.
    #[arg(long, default_value_t = 1_000)]
    panics: usize,
    /// How often each side is measured, in turn.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
}

fn main() {
    let cli = Cli::parse();
    println!("{}\n", machine::line());
    actix::System::new().block_on(async move {
        match cli.what {
            What::Acceptance(args) => place::acceptance(&args).await,
            What::Sustained(args) => place::sustained(&args).await,
            What::Saga(args) => saga::run(&args).await,
            What::Restart(args) => restart::run(&args).await,
            What::Shell(args) => shell::run(&args).await,
            What::Fanout(args) => fanout::run(&args).await,
            What::Sockets(args) => sockets::run(&args).await,
            What::Fixes(args) => fixes::run(&args).await,
        }
    });
}
