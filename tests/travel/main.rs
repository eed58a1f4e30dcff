//! Travel times from a router: both wire formats against a real HTTP server on this machine that says what OSRM and
//! Valhalla say, and what becomes of slow, failing, refusing and babbling ones.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod router;

use std::{sync::Arc, time::Duration};

use foodcourt::travel::{
    Osrm, Provider, Routed, RoutedSettings, Router, RouterError, Settings, TravelCounts, Valhalla, client,
};
use foodcourt_actors::{
    place::{LocalMap, Position},
    travel::{GreatCircle, Table, TravelTimes, Trips, Vehicle},
};
use router::{Fake, Reply};
use serde_json::{Value, json};

/// Nothing on this machine takes this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// The three places in Berlin of OSRM's own documentation.
fn berlin() -> Vec<Position> {
    let places = [(52.517037, 13.388860), (52.529407, 13.397634), (52.523219, 13.428555)];
    places.map(|(lat, lon)| Position::new(lat, lon).unwrap()).to_vec()
}
fn trips(vehicle: Vehicle) -> Trips {
    Trips { vehicle, from: berlin(), to: berlin() }
}
fn osrm(fake: &Fake, timeout: Duration) -> Osrm {
    Osrm::new(&fake.address(), client(timeout).unwrap()).unwrap()
}
fn valhalla(fake: &Fake, timeout: Duration) -> Valhalla {
    Valhalla::new(&fake.address(), client(timeout).unwrap()).unwrap()
}
fn seconds(table: &Table) -> Vec<Vec<Option<f64>>> {
    table.rows.iter().map(|row| row.iter().map(|cell| cell.map(|takes| takes.as_secs_f64())).collect()).collect()
}
fn settings() -> RoutedSettings {
    RoutedSettings { timeout: PATIENCE, cache_max: 10_000, cache_age: Duration::from_secs(600), grid_m: 40 }
}
fn routed(router: impl Router, settings: RoutedSettings) -> (Routed, TravelCounts) {
    let counts = TravelCounts::default();
    (Routed::new(Arc::new(router), GreatCircle::USUAL, settings, counts.clone()), counts)
}

/// What OSRM's documentation gives for these three places, with a cell that has no way.
const OSRM: &str = r#"{
  "sources": [
    {"location": [13.3888, 52.517033], "hint": "PAMAgEVJAoAUAAAA", "name": "Friedrichstraße", "distance": 4.15},
    {"location": [13.397631, 52.529432], "hint": "WIQBgL6mAoAEAAAA", "name": "Torstraße", "distance": 2.79},
    {"location": [13.428554, 52.523239], "hint": "7UcAgP___38fAAAA", "name": "Platz der Vereinten Nationen", "distance": 2.22}
  ],
  "durations": [[0, 192.6, 382.8], [199, 0, 283.9], [344.7, null, 0]],
  "destinations": [
    {"location": [13.3888, 52.517033], "hint": "PAMAgEVJAoAUAAAA", "name": "Friedrichstraße", "distance": 4.15},
    {"location": [13.397631, 52.529432], "hint": "WIQBgL6mAoAEAAAA", "name": "Torstraße", "distance": 2.79},
    {"location": [13.428554, 52.523239], "hint": "7UcAgP___38fAAAA", "name": "Platz der Vereinten Nationen", "distance": 2.22}
  ],
  "code": "Ok"
}"#;

/// The same as Valhalla says it: distances in kilometres, an index in each cell, `null` where there is no way.
fn valhalla_answer() -> Value {
    let cell = |from: usize, to: usize, time: Value, distance: Value| json!({ "from_index": from, "to_index": to, "time": time, "distance": distance });
    let place = |place: &Position| json!({ "lat": place.lat(), "lon": place.lon() });
    let places: Vec<Value> = berlin().iter().map(place).collect();
    json!({
        "sources": [places], "targets": [places], "units": "kilometers",
        "sources_to_targets": [
            [cell(0, 0, json!(0), json!(0.0)), cell(0, 1, json!(310), json!(1.721)), cell(0, 2, json!(702), json!(3.105))],
            [cell(1, 0, json!(305), json!(1.721)), cell(1, 1, json!(0), json!(0.0)), cell(1, 2, json!(488.5), json!(2.4))],
            [cell(2, 0, json!(690), json!(3.1)), cell(2, 1, Value::Null, Value::Null), cell(2, 2, json!(0), json!(0.0))],
        ],
    })
}

#[tokio::test]
async fn osrm_is_asked_for_a_table_and_read() {
    let fake = Fake::saying(|_| Reply::json(200, OSRM)).await;
    let table = osrm(&fake, PATIENCE).ask(trips(Vehicle::Bicycle)).await.unwrap();
    let expected =
        [[Some(0.0), Some(192.6), Some(382.8)], [Some(199.0), Some(0.0), Some(283.9)], [Some(344.7), None, Some(0.0)]];
    assert_eq!(seconds(&table), expected.map(|row| row.to_vec()));
    let places = "13.388860,52.517037;13.397634,52.529407;13.428555,52.523219";
    assert_eq!(
        fake.heard(),
        [format!("GET /table/v1/bike/{places};{places}?sources=0;1;2&destinations=3;4;5&annotations=duration")]
    );
}

#[tokio::test]
async fn valhalla_is_asked_for_a_matrix_and_read() {
    let fake = Fake::saying(|_| Reply::json(200, &valhalla_answer().to_string())).await;
    let table = valhalla(&fake, PATIENCE).ask(trips(Vehicle::Scooter)).await.unwrap();
    assert_eq!(seconds(&table)[1], [Some(305.0), Some(0.0), Some(488.5)]);
    assert_eq!(table.get(2, 1), None, "null is no way");
    let heard = fake.heard().remove(0);
    let (head, body) = heard.split_once(' ').and_then(|(verb, rest)| Some((verb, rest.split_once(' ')?))).unwrap();
    assert_eq!((head, body.0), ("POST", "/sources_to_targets"));
    let asked: Value = serde_json::from_str(body.1).unwrap();
    assert_eq!(asked["costing"], "motor_scooter");
    assert_eq!(asked["sources"].as_array().unwrap().len(), 3);
    assert_eq!(asked["targets"][2], json!({ "lat": 52.523219, "lon": 13.428555 }));
}

#[tokio::test]
async fn each_kind_of_trouble_has_its_name() {
    let patience = Duration::from_millis(200);
    let osrm_refuses = r#"{"message":"Could not find a matching segment for coordinate 0","code":"NoSegment"}"#;
    let valhalla_refuses =
        r#"{"error_code":171,"error":"No suitable edges near location","status_code":400,"status":"Bad Request"}"#;
    type Case = (&'static str, fn(&str) -> Reply, &'static str);
    let cases: [Case; 9] = [
        ("refused", |text| Reply::json(400, text), "refusal"),
        ("broken", |_| Reply::json(503, "{}"), ""),
        ("broken", |_| Reply::json(429, r#"{"code":"TooBig"}"#), ""),
        ("malformed", |_| Reply::json(200, "<html>welcome</html>"), ""),
        ("malformed", |_| Reply::json(200, "{\"code\":\"Ok\"}"), ""),
        ("malformed", |_| Reply::json(200, r#"{"code":"Ok","durations":[[1,2],[3,4]],"sources_to_targets":[]}"#), ""),
        (
            "malformed",
            |_| {
                Reply::json(
                    200,
                    r#"{"code":"Ok","durations":[[-1,0,0],[0,0,0],[0,0,0]],"sources_to_targets":[[{"time":-1,"from_index":0,"to_index":0}]]}"#,
                )
            },
            "",
        ),
        ("timeout", |_| Reply::Silence, ""),
        ("unreachable", |_| Reply::Hangup, ""),
    ];
    for (word, reply, says) in cases {
        for (kind, refusal) in [("osrm", osrm_refuses), ("valhalla", valhalla_refuses)] {
            let fake = Fake::saying(move |_| reply(refusal)).await;
            let asked = match kind {
                "osrm" => osrm(&fake, patience).ask(trips(Vehicle::Car)).await,
                _ => valhalla(&fake, patience).ask(trips(Vehicle::Car)).await,
            };
            let error = asked.unwrap_err();
            assert_eq!(error.word(), word, "{kind}: {error:?}");
            assert_eq!(error.is_trouble(), word != "refused");
            if says == "refusal" {
                let text = error.to_string();
                assert!(text.contains("NoSegment Could not") || text.contains("171 No suitable"), "{text}");
            }
        }
    }
    let endless = Fake::saying(|_| Reply::json(200, &" ".repeat(1_100_000))).await;
    let error = osrm(&endless, PATIENCE).ask(trips(Vehicle::Car)).await.unwrap_err();
    assert!(matches!(error, RouterError::Malformed(_)), "{error:?}");
    let nobody = Osrm::new("http://127.0.0.1:1", client(patience).unwrap()).unwrap();
    assert_eq!(nobody.ask(trips(Vehicle::Car)).await.unwrap_err().word(), "unreachable");
}

/// Answers any table: row × 1,000 + column seconds.
fn counting(request: &str) -> Reply {
    let list = |name: &str| {
        let rest = request.split(&format!("{name}=")).nth(1).unwrap_or_default();
        rest.split(['&', ' ']).next().unwrap_or_default().split(';').count()
    };
    let (rows, columns) = (list("sources"), list("destinations"));
    assert!(rows + columns <= 100, "OSRM takes a hundred places at once");
    let durations: Vec<Vec<usize>> = (0..rows).map(|i| (0..columns).map(|j| i * 1_000 + j).collect()).collect();
    Reply::json(200, &json!({ "code": "Ok", "durations": durations }).to_string())
}

#[tokio::test]
async fn what_is_known_is_not_asked_again_and_much_is_asked_in_pieces() {
    let fake = Fake::saying(counting).await;
    let (travel, counts) = routed(osrm(&fake, PATIENCE), settings());
    let map = LocalMap::around(berlin()[0]);
    let spots = |from: u32, to: u32| {
        (from..to).map(|n| map.to_position([f64::from(n) * 200.0, 0.0])).collect::<Vec<Position>>()
    };
    let all = Trips { vehicle: Vehicle::Car, from: spots(0, 120), to: spots(200, 203) };
    let first = travel.table(all.clone()).await;
    assert_eq!((first.rows.len(), fake.heard().len()), (120, 3));
    assert_eq!(first.get(51, 2), Some(Duration::from_secs(1_002)), "the second row of the second piece");
    assert_eq!(travel.table(all).await, first);
    assert_eq!((fake.heard().len(), counts.remembered.get()), (3, 360));
    // A step to the side is the same cell; another vehicle is another trip; one's own cell needs no router.
    let aside = Trips { vehicle: Vehicle::Car, from: vec![map.to_position([5.0, 5.0])], to: spots(200, 201) };
    assert_eq!(travel.table(aside).await.get(0, 0), first.get(0, 0));
    assert_eq!(fake.heard().len(), 3);
    travel.table(Trips { vehicle: Vehicle::Foot, from: spots(0, 1), to: spots(200, 201) }).await;
    assert_eq!(fake.heard().len(), 4);
    let here = travel.table(Trips { vehicle: Vehicle::Foot, from: spots(0, 1), to: spots(0, 1) }).await;
    assert_eq!((here.get(0, 0), fake.heard().len()), (Some(Duration::ZERO), 4));
    assert_eq!((counts.asked_with("ok"), counts.estimated.get()), (4, 0));
}

#[tokio::test]
async fn no_way_is_remembered_as_such() {
    let fake = Fake::saying(|_| Reply::json(200, r#"{"code":"Ok","durations":[[null]]}"#)).await;
    let (travel, counts) = routed(osrm(&fake, PATIENCE), settings());
    let island = Trips { vehicle: Vehicle::Foot, from: vec![berlin()[0]], to: vec![berlin()[1]] };
    for _ in 0..3 {
        assert_eq!(travel.table(island.clone()).await.get(0, 0), None);
    }
    assert_eq!((fake.heard().len(), counts.estimated.get()), (1, 0));
}

#[tokio::test]
async fn a_router_in_trouble_is_left_alone_and_times_are_estimated() {
    for silent in [false, true] {
        let fake = Fake::saying(move |_| if silent { Reply::Silence } else { Reply::json(500, "{}") }).await;
        let patience = Duration::from_millis(if silent { 60 } else { 5_000 });
        let (travel, counts) = routed(osrm(&fake, PATIENCE), RoutedSettings { timeout: patience, ..settings() });
        let asked = trips(Vehicle::Bicycle);
        let expected = GreatCircle::USUAL.all(&asked);
        for _ in 0..10 {
            assert_eq!(travel.table(asked.clone()).await, expected, "the estimate, not of cells but of the places");
        }
        assert_eq!(fake.heard().len(), 3, "three failures, and then it is left alone");
        assert_eq!(counts.asked_with(if silent { "timeout" } else { "broken" }), 3);
        assert_eq!((counts.estimated.get(), counts.router_open.get()), (60, 1));
    }
}

#[tokio::test]
async fn a_refusal_is_no_trouble() {
    let fake = Fake::saying(|_| Reply::json(400, r#"{"code":"NoSegment","message":"far out"}"#)).await;
    let (travel, counts) = routed(osrm(&fake, PATIENCE), settings());
    for _ in 0..5 {
        let table = travel.table(trips(Vehicle::Car)).await;
        assert_eq!(table, GreatCircle::USUAL.all(&trips(Vehicle::Car)));
    }
    assert_eq!((fake.heard().len(), counts.router_open.get()), (5, 0));
}

#[tokio::test]
async fn a_provider_is_started_by_its_settings() {
    let one = json!({ "sources_to_targets": [[{ "from_index": 0, "to_index": 0, "time": 310, "distance": 1.721 }]] });
    let fake = Fake::saying(move |_| Reply::json(200, &one.to_string())).await;
    let with = |provider| Settings {
        provider,
        address: fake.address(),
        routed: settings(),
        estimate: GreatCircle { detour: 2.0, ..GreatCircle::USUAL },
    };
    let plain = foodcourt::travel::start(&with(Provider::GreatCircle), TravelCounts::default()).unwrap();
    let asked = Trips { vehicle: Vehicle::Foot, from: vec![berlin()[0]], to: vec![berlin()[1]] };
    assert_eq!(plain.table(asked.clone()).await, with(Provider::Osrm).estimate.all(&asked));
    assert_eq!(fake.heard().len(), 0);
    let asking = foodcourt::travel::start(&with(Provider::Valhalla), TravelCounts::default()).unwrap();
    assert_eq!(asking.table(asked).await.get(0, 0), Some(Duration::from_secs(310)));
    let wrong = Settings { address: "ftp://x".to_owned(), ..with(Provider::Osrm) };
    assert!(foodcourt::travel::start(&wrong, TravelCounts::default()).is_err());
}
