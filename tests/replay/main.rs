//! `foodcourt replay` as people use it: the binary on a benchmark folder of our own, and on a day recorded in a database.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use foodcourt::postgres::{
    records::{PostgresRecords, TickRow},
    testing::TestDatabase,
};
use foodcourt_actors::{
    dispatch::{
        live::{Decided, PlanSettings, Verdict, Waiting},
        record::{Policy, Sought, Tick},
        recorded::Packer,
        survey::{Around, Seen},
    },
    ids::{DeliveryId, UserId},
    place::{LocalMap, Position},
    rider::duty::Duty,
    time::Timestamp,
    travel::Vehicle,
};
use serde_json::Value;
use uuid::Uuid;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay/day")
}

fn replay(args: &[&str], envs: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foodcourt"));
    command.arg("replay").args(args).envs(envs.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_benchmark_day_is_compared_as_table_json_and_page() {
    let (day, out) = (folder(), tempfile::tempdir().unwrap());
    let (day, page) = (day.to_str().unwrap(), out.path().join("day.html"));
    let told = replay(&[day, "--html", page.to_str().unwrap()], &[]);
    let (table, progress) = (text(&told.stdout), text(&told.stderr));
    assert!(told.status.success(), "{progress}");
    assert!(table.lines().next().unwrap().split_whitespace().eq(["day", "nearest", "matcher"]), "{table}");
    assert!(table.contains("click to door, mean, min") && table.contains("riders' pay"), "{table}");
    assert!(progress.contains("day under nearest: done") && progress.contains("day under matcher: done"), "{progress}");
    let page = std::fs::read_to_string(page).unwrap();
    assert_eq!((page.matches("<svg viewBox").count(), page.matches("<script").count()), (2, 0));

    let args =
        [day, "--json", "--policy", "nearest", "--policy", "matcher", "--policy", "matcher", "--set", "budget=100"];
    let told = replay(&args, &[]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let policies = told["policies"].as_array().unwrap();
    let names: Vec<&str> = policies.iter().map(|one| one["policy"].as_str().unwrap()).collect();
    assert_eq!(names, ["nearest", "matcher", "matcher budget=100"]);
    let mean = |at: usize| policies[at]["click_to_door_mean_min"].as_f64().unwrap();
    assert!(mean(1) < mean(0), "the plan serves this day better: {told}");
    assert_eq!(policies[1]["orders"], 48);
    let again = replay(&args, &[]);
    assert_eq!(serde_json::from_slice::<Value>(&again.stdout).unwrap(), told, "a replay can be repeated");
}

#[test]
fn what_cannot_be_played_is_said() {
    let empty = tempfile::tempdir().unwrap();
    let said = |args: &[&str]| {
        let told = replay(args, &[]);
        assert_eq!(told.status.code(), Some(2), "{args:?}");
        text(&told.stderr)
    };
    let here = empty.path().to_str().unwrap();
    assert!(said(&[here]).contains("instance_parameters.txt"));
    assert!(said(&["--data-dir", here]).contains("holds no data of foodcourt"));
    assert!(said(&["--policy", "nearest", "--set", "x=1"]).contains("it has: ask_at_once, lead"));
    let day = folder();
    let dead = said(&[day.to_str().unwrap(), "--policy", "matcher", "--set", "better_s=60"]);
    assert!(dead.contains("better_s turns nothing on a benchmark's day") && dead.contains("late_weight"), "{dead}");
    std::fs::copy(folder().join("instance_parameters.txt"), empty.path().join("instance_parameters.txt")).unwrap();
    for name in ["restaurants.txt", "couriers.txt"] {
        std::fs::copy(folder().join(name), empty.path().join(name)).unwrap();
    }
    std::fs::write(
        empty.path().join("orders.txt"),
        "order\tx\ty\tplacement_time\trestaurant\tready_time\no1\t1\tz\t3\tr1\t9",
    )
    .unwrap();
    assert!(said(&[here]).contains("orders.txt, row 1: y should be a number, not \"z\""));
}

/// A fact as the journal keeps it.
const FACT: &str = "
insert into journal (stream, version, event_id, kind, body, at, correlation)
values ($1, $2, $3, 'delivery.delivered', $4::text::json, $5::text::timestamptz, $3)";

#[tokio::test]
async fn a_recorded_day_is_read_from_the_database() {
    let database = TestDatabase::fresh().await;
    let noon = Timestamp::from_micros(1_772_366_400_000_000); // 2026-03-01T12:00:00Z
    let place = |x: f64, y: f64| LocalMap::around(Position::new(52.52, 13.4).unwrap()).to_position([x, y]);
    let mut packer = Packer::default();
    let row = |n: u128| {
        let at = noon.plus_s(i64::try_from(n).unwrap() * 60);
        let (delivery_id, rider_id) = (DeliveryId(Uuid::from_u128(n)), UserId(Uuid::from_u128((n % 3) << 64)));
        let (ready_at, promised_at) = (at.plus_min(8), at.plus_min(25));
        let dropoff = place(900.0, 100.0 * n as f64);
        let waiting = Waiting {
            delivery_id,
            pickup: place(0.0, 0.0),
            dropoff,
            since: at,
            ready_at,
            likely: None,
            promised_at,
            not: vec![],
        };
        let position = place(-300.0, 0.0);
        let seen =
            Seen { rider_id, position, vehicle: Vehicle::Bicycle, capacity: 2, bag: vec![], duty: Duty::default() };
        let tick = Tick {
            at,
            policy: Policy::Nearest,
            settings: PlanSettings::default(),
            open: vec![Sought { waiting, round: 1, radius_m: 1_000, deadline_at: at }],
            around: Around { seen: vec![seen], left_out: vec![] },
            decided: vec![Decided {
                delivery_id,
                verdict: Verdict::Ask(rider_id),
                weighed: vec![],
                route: vec![],
                also: vec![],
            }],
        };
        TickRow { at, body: serde_json::to_string(&packer.pack(&tick)).unwrap() }
    };
    let rows: Vec<TickRow> = (1..=12).map(row).collect();
    PostgresRecords::new(database.database().clone()).write(Uuid::nil(), &rows, &[]).await.unwrap();

    let url = [("FOODCOURT_DATABASE__URL", database.dsn())];
    let played = |args: &[&str]| {
        let told = replay(args, &url);
        assert!(told.status.success(), "{}", text(&told.stderr));
        serde_json::from_slice::<Value>(&told.stdout).unwrap()
    };
    let last = played(&["--json"]);
    assert_eq!(last["days"][0], "2026-03-01", "the last recorded day");
    assert_eq!((&last["policies"][0]["orders"], &last["policies"][0]["undelivered"]), (&12.into(), &0.into()));
    assert_eq!(played(&["--json", "--date", "2026-03-01"]), last);
    assert_eq!(last.get("as_it_was"), None, "nothing is known of what became of the deliveries");
    let said = text(&replay(&[], &url).stderr);
    assert!(
        said.contains("its records lack riders' shifts") && said.contains("what became of the deliveries"),
        "{said}"
    );

    for n in 1..=12_u128 {
        let (at, id) = (noon.plus_s(i64::try_from(n).unwrap() * 60), Uuid::from_u128(n));
        let step = serde_json::json!({"delivery_id": id, "order_id": id, "rider_id": Uuid::from_u128((n % 3) << 64)});
        let (stream, body) = (format!("delivery:{id}"), step.to_string());
        let (at, version) = (at.plus_min(20).to_jiff().to_string(), 9_i64);
        database.database().execute(FACT, &[&stream, &version, &id, &body, &at]).await.unwrap();
    }
    let told = played(&["--json"]);
    assert_eq!(
        (&told["as_it_was"]["orders"], &told["as_it_was"]["click_to_door_mean_min"]),
        (&12.into(), &20.0.into())
    );
    assert_eq!(told["as_it_was"]["kilometres"], Value::Null, "facts do not tell how far riders rode");
    let table = text(&replay(&[], &url).stdout);
    let head = table.lines().next().unwrap().split_whitespace();
    assert!(head.eq(["2026-03-01", "as", "it", "was", "nearest", "matcher"]), "{table}");
    let told = replay(&["--date", "2026-02-28"], &url);
    assert_eq!(told.status.code(), Some(2));
    assert!(text(&told.stderr).contains("on 2026-02-28 no delivery was recorded"));
}
