//! pgbench on the server's own PostgreSQL: the same rows into tables of the same shape, one order a transaction.
//! The texts are those of an order that the server has just written, and travel as parameters each time.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::process::Command;

use super::{place::Outcome, server::Server};

/// How pgbench writes an order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As most applications would: begin (with the first row), three more rows, commit.
    FiveTrips,
    /// As the fastest single order can be written: one statement, committed by itself.
    OneStatement,
}

const SCHEMA: &str = "
create schema if not exists peer;
create table if not exists peer.stream_head (like public.stream_head including all) with (fillfactor = 80);
create table if not exists peer.journal (like public.journal including all);
create table if not exists peer.idempotency (like public.idempotency including all);
create table if not exists peer.contact (like public.contact including all)";

const FIVE_TRIPS: &str = r"\set a random(1, 9223372036854775807)
\startpipeline
begin;
insert into peer.stream_head (stream, version, previous, deadline_at) values ('order:' || rpad(:a::text, 36, '0'), 1, 0, now() + interval '5 minutes');
\endpipeline
insert into peer.journal (stream, version, event_id, kind, body, at, cause, correlation) values ('order:' || rpad(:a::text, 36, '0'), 1, gen_random_uuid(), 'order.placed', :body::json, now(), null, gen_random_uuid());
insert into peer.idempotency (scope, request_sha256, status, headers, body, expires_at) values (rpad(:a::text, 36, '0') || :scope::text, :sha::bytea, 201, :headers::json, convert_to(:answer::text, 'UTF8'), now() + interval '1 day');
insert into peer.contact (contact_id, body) values (gen_random_uuid(), :person::json);
commit;
";

const ONE_STATEMENT: &str = r"\set a random(1, 9223372036854775807)
with head as (insert into peer.stream_head (stream, version, previous, deadline_at) values ('order:' || rpad(:a::text, 36, '0'), 1, 0, now() + interval '5 minutes') on conflict (stream) do nothing returning stream), fact as (insert into peer.journal (stream, version, event_id, kind, body, at, cause, correlation) select stream, 1, gen_random_uuid(), 'order.placed', :body::json, now(), null, gen_random_uuid() from head), answer as (insert into peer.idempotency (scope, request_sha256, status, headers, body, expires_at) select rpad(:a::text, 36, '0') || :scope::text, :sha::bytea, 201, :headers::json, convert_to(:answer::text, 'UTF8'), now() + interval '1 day' from head), person as (insert into peer.contact (contact_id, body) select gen_random_uuid(), :person::json from head) select 1 from head;
";

/// pgbench, ready.
pub struct Peer {
    variables: Vec<String>,
    scripts: tempfile::TempDir,
    /// What one order is made of.
    pub rows: String,
}

impl Peer {
    /// Makes the tables and reads the texts of the newest order.
    pub async fn prepare(server: &Server) -> Self {
        const NEWEST: &str = "
select j.body::text, i.scope, '\\x' || encode(i.request_sha256, 'hex'), i.headers::text, convert_from(i.body, 'UTF8'), c.body::text,
       (select count(*) from journal f where f.stream = j.stream)
  from journal j
  join contact c on c.contact_id = (j.body ->> 'contact_id')::uuid
  join idempotency i on strpos(convert_from(i.body, 'UTF8'), substr(j.stream, 7)) > 0
 where j.position = (select max(position) from journal where kind = 'order.placed')
 limit 1";
        server.database.session().await.unwrap().client().batch_execute(SCHEMA).await.unwrap();
        let rows = server.database.query(NEWEST, &[]).await.unwrap();
        let row = rows.first().expect("the server has written an order");
        let text = |column: usize| row.get::<_, String>(column);
        let facts: i64 = row.get(6);
        assert_eq!(facts, 1, "pgbench writes one fact an order, and so must the server");
        let scope = text(1)[36..].to_owned();
        let rows = format!(
            "1 stream head, {facts} fact ({} B of JSON), 1 stored answer ({} B), 1 contact ({} B)",
            text(0).len(),
            text(4).len(),
            text(5).len()
        );
        let variables = [
            ("body", text(0)),
            ("scope", scope),
            ("sha", text(2)),
            ("headers", text(3)),
            ("answer", text(4)),
            ("person", text(5)),
        ]
        .map(|(name, value)| format!("{name}={value}"))
        .to_vec();
        let scripts = tempfile::tempdir().unwrap();
        std::fs::write(scripts.path().join("five.sql"), FIVE_TRIPS).unwrap();
        std::fs::write(scripts.path().join("one.sql"), ONE_STATEMENT).unwrap();
        Self { variables, scripts, rows }
    }

    /// Writes orders for `lasting`.
    pub async fn run(&self, server: &Server, form: Form, clients: usize, lasting: Duration) -> Outcome {
        let script = self.scripts.path().join(if form == Form::FiveTrips { "five.sql" } else { "one.sql" });
        let mut command = Command::new(pgbench());
        command.args(["-n", "-M", "prepared", "-h", &server.socket.0, "-p", &server.socket.1, "-U", "foodcourt"]);
        command.args(["-c", &clients.to_string(), "-j", if clients > 1 { "2" } else { "1" }]);
        command.args(["-T", &lasting.as_secs().max(1).to_string(), "-f"]).arg(script);
        for variable in &self.variables {
            command.args(["-D", variable]);
        }
        command.arg("foodcourtdb").stdin(Stdio::null());
        let (before, begun) = (server.cpu(), Instant::now());
        let output = command.output().await.expect("pgbench is installed with PostgreSQL");
        let wall = begun.elapsed();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
        let number = |line: &str| {
            let line = said.lines().find(|said| said.starts_with(line)).unwrap_or_default();
            let digits = line.split(['=', ':']).nth(1).unwrap_or_default().trim();
            digits.split([' ', '/']).next().unwrap_or_default().parse::<f64>().unwrap_or_default()
        };
        let orders = number("number of transactions actually processed");
        let wall = Duration::from_secs_f64(orders / number("tps").max(1.0)).min(wall);
        // Its mean latency stands for all of them: pgbench tells no quantiles.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "microseconds")]
        let mean_us = (number("latency average") * 1_000.0) as u32;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let latencies = vec![mean_us; orders as usize];
        Outcome { orders, wall, latencies, cpu: server.cpu().since(&before), ..Outcome::default() }
    }
}

/// On the path, or beside PostgreSQL's other programs.
fn pgbench() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let debian = (13..=18).rev().map(|major| PathBuf::from(format!("/usr/lib/postgresql/{major}/bin")));
    let mut places = std::env::split_paths(&folders).chain(debian).map(|folder| folder.join("pgbench"));
    places.find(|place| place.is_file()).unwrap_or_else(|| PathBuf::from("pgbench"))
}
