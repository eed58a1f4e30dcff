//! The server under load: a process of its own, as it is released, and its private PostgreSQL.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use foodcourt::postgres::{Database, DatabaseSettings};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::{
    machine::Cpu,
    world::{World, local},
};

/// A running server.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    postmaster: u32,
    /// Folder and port of PostgreSQL's socket.
    pub socket: (String, String),
    pub database: Database,
}

impl Server {
    /// Starts it on `world`'s folder, with these settings over the defaults.
    pub async fn start(world: &World, settings: &[(&str, &str)]) -> Self {
        let program = std::env::var_os("LOADED_SERVER").unwrap_or_else(|| env!("CARGO_BIN_EXE_foodcourt").into());
        let mut command = Command::new(program);
        command.args(["serve", "--port", "0", "--data-dir"]).arg(world.data_dir());
        // Thousands of people share this one address, and sockets are counted by address.
        command.env("FOODCOURT_HTTP__REQUESTS_PER_MIN", "1000000");
        command.env("FOODCOURT_DEMO__MODE", "off").env("FOODCOURT_LOG__FILTER", "warn").envs(settings.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next_line().await.unwrap().expect("the server ended instead of listening");
            if let Some(port) = line.strip_prefix("listening on ").and_then(|url| url.rsplit(':').next()) {
                break port.parse().unwrap();
            }
        };
        let pid_file = world.data_dir().join("postgres/postmaster.pid");
        let pid_file = std::fs::read_to_string(pid_file).unwrap();
        let line = |number: usize| pid_file.lines().nth(number).unwrap_or_default().trim().to_owned();
        let socket = (line(4), line(3));
        let dsn = format!("host={} port={} user=foodcourt dbname=foodcourtdb", socket.0, socket.1);
        let database = Database::new(&DatabaseSettings::new(dsn)).unwrap();
        Self { child, address: local(port), postmaster: line(0).parse().unwrap(), socket, database }
    }

    pub fn cpu(&self) -> Cpu {
        Cpu::now(self.child.id(), self.postmaster)
    }

    /// Facts in the journal.
    pub async fn end(&self) -> i64 {
        let rows = self.database.query("select coalesce(max(position), 0) from journal", &[]).await;
        rows.unwrap()[0].get(0)
    }

    /// Transactions, rows and bytes of the log written so far. Each connection tells its share about once a second.
    pub async fn written(&self) -> [i64; 3] {
        const SQL: &str = "
select d.xact_commit, d.tup_inserted + d.tup_updated + d.tup_deleted, w.wal_bytes::bigint
  from pg_stat_database d
 cross join pg_stat_wal w
 where d.datname = current_database()";
        let rows = self.database.query(SQL, &[]).await.unwrap();
        [0, 1, 2].map(|column| rows[0].get(column))
    }

    /// The oldest fact that some service has not acted on: how old it is, seconds, and how many follow it.
    /// Cursors are written once a second, so up to a second of it is only unwritten.
    pub async fn lag(&self) -> (f64, i64) {
        const SQL: &str = "
with done as (select coalesce(min(position), 0) as position from reactor_cursor)
select coalesce((select extract(epoch from clock_timestamp() - j.at)::float8
                   from journal j where j.position > done.position order by j.position limit 1), 0),
       (select coalesce(max(position), 0) from journal) - done.position
  from done";
        let rows = self.database.query(SQL, &[]).await.unwrap();
        (rows[0].get::<_, f64>(0).max(0.0), rows[0].get(1))
    }

    /// How long until everything up to the journal's present end has been acted on; `None`: not within `patience`.
    pub async fn catches_up(&self, patience: Duration) -> Option<Duration> {
        let (end, begun) = (self.end().await, std::time::Instant::now());
        while begun.elapsed() < patience {
            let rows = self.database.query("select coalesce(min(position), 0) from reactor_cursor", &[]).await;
            if rows.unwrap()[0].get::<_, i64>(0) >= end {
                return Some(begun.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        None
    }

    /// Its process, while it lives.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills it and its PostgreSQL.
    pub async fn kill(mut self) {
        drop(self.database);
        signal(self.child.id().unwrap(), Signal::KILL);
        signal(self.postmaster, Signal::KILL);
        self.child.wait().await.unwrap();
    }

    /// Stops it as an operator would.
    pub async fn stop(mut self) {
        drop(self.database);
        signal(self.child.id().unwrap(), Signal::TERM);
        if tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await.is_err() {
            println!("(the server did not stop within a minute and was killed)");
        }
    }
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    kill_process(pid.unwrap(), signal).unwrap();
}
