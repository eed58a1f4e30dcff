//! What is wrong is said, by field, and nothing comes of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, basket, delivery_order, order, random};

/// Changes the value at `pointer`.
fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[field.parse::<usize>().unwrap()] = value,
        object => object[field] = value,
    }
    body
}

#[actix_rt::test]
async fn a_refused_handshake_can_be_found_in_the_log() {
    let world = World::new().await;
    world.call(Method::GET, "/v1/live", &[], None).await.problem(400, "sub-protocol");
    let offered = ("sec-websocket-protocol", "foodcourt.v1");
    world.call(Method::GET, "/v1/live", &[offered], None).await.problem(426, "not-a-websocket");
}

#[actix_rt::test]
async fn each_wrong_field_of_an_order_is_named() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let (pickup, delivery) = (order(2), delivery_order());
    let other = foodcourt_actors::demo::kitchens().into_iter().find(|one| one.opened.court_id != crate::world::court());
    let other = crate::world::line(&other.unwrap());
    let cases: Vec<(Value, &str, &str)> = vec![
        (with(pickup.clone(), "/basket/lines/0/quantity", json!(-1)), "/basket/lines/0/quantity", "negative"),
        (with(pickup.clone(), "/basket/lines/0/quantity", json!(0)), "/basket/lines/0/quantity", "none"),
        (
            with(pickup.clone(), "/basket/lines/0/quantity", json!(1_000_000_000_000_i64)),
            "/basket/lines/0/quantity",
            "huge",
        ),
        (with(pickup.clone(), "/basket/lines/0/quantity", json!("two")), "/basket/lines/0/quantity", "type"),
        (with(pickup.clone(), "/basket/lines/1/surprise", json!(1)), "/basket/lines/1/surprise", "unknown field"),
        (with(pickup.clone(), "/basket/lines/0/note", json!("a\u{0}b")), "/basket/lines/0/note", "NUL"),
        (with(pickup.clone(), "/basket/lines/0/note", json!("a\u{7}b")), "/basket/lines/0/note", "control"),
        (with(pickup.clone(), "/basket/lines/0/note", json!("x".repeat(201))), "/basket/lines/0/note", "long"),
        (with(pickup.clone(), "/basket/lines/0/item_id", json!(random())), "/basket/lines/0/item_id", "foreign id"),
        (with(pickup.clone(), "/basket/lines/0/item_id", json!("x")), "/basket/lines/0/item_id", "no id"),
        (with(pickup.clone(), "/basket/lines/0", other), "/basket/lines/0/kitchen_id", "two courts"),
        (with(pickup.clone(), "/basket/court_id", json!(random())), "/basket/court_id", "no court"),
        (with(pickup.clone(), "/basket/lines", json!([])), "/basket/lines", "empty"),
        (with(pickup.clone(), "/basket/wanted_at", json!("2001-01-01T00:00:00Z")), "/basket/wanted_at", "past"),
        (with(pickup.clone(), "/basket/wanted_at", json!("soon")), "/basket/wanted_at", "no time"),
        (
            with(pickup.clone(), "/basket/tip", json!({"amount": -1, "currency": "EUR"})),
            "/basket/tip/amount",
            "negative tip",
        ),
        (
            with(pickup.clone(), "/basket/tip", json!({"amount": 1, "currency": "eur"})),
            "/basket/tip/currency",
            "no currency",
        ),
        (with(delivery.clone(), "/basket/dropoff", json!({"lat": 91, "lon": 0})), "/basket/dropoff", "off the globe"),
        (with(delivery.clone(), "/basket/dropoff", json!({"lat": 1, "lon": 1})), "/basket/dropoff", "too far"),
        (with(delivery.clone(), "/basket/dropoff", Value::Null), "/basket/dropoff", "nowhere"),
        (with(delivery.clone(), "/contact/address", Value::Null), "/contact/address", "no address"),
        (with(delivery.clone(), "/contact/note", json!("card 4111 1111 1111 1111")), "/contact/note", "card number"),
        (with(delivery, "/contact", Value::Null), "/contact", "no contact"),
        (with(pickup.clone(), "/payment_method", json!("4111111111111111")), "/payment_method", "card number"),
        (with(pickup.clone(), "/payment_method", json!("")), "/payment_method", "nothing to pay with"),
        (with(pickup.clone(), "/payment_method", json!("visa")), "/payment_method", "not the provider's"),
        (with(pickup.clone(), "/contact/phone", json!("abc")), "/contact/phone", "no telephone number"),
        (with(pickup.clone(), "/contact/phone", json!("1234")), "/contact/phone", "too short for a telephone"),
        (with(pickup.clone(), "/basket/proof", json!("pin")), "/basket/proof", "a PIN at the counter"),
        (with(pickup.clone(), "/basket/lines/0", json!([1, 2, 3])), "/basket/lines/0", "a list for an object"),
        (with(pickup.clone(), "/contact", json!(["Mia"])), "/contact", "a list for an object"),
        (with(pickup, "/quote_id", json!(random())), "/quote_id", "quote and basket"),
    ];
    for (body, pointer, what) in cases {
        let problem = mia.once("/v1/orders", &body).await.problem(422, "invalid-field");
        let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert!(pointers.contains(&&json!(pointer)), "{what}: {problem}");
        assert!(!problem.to_string().contains("4111"), "{what}: {problem}");
        for inner in ["i64", "struct", "UUID", "Request", "variant"] {
            assert!(!problem.to_string().contains(inner), "{what}: {problem}");
        }
    }
    // Nothing half-written.
    assert_eq!(mia.get("/v1/orders").await.good(200)["items"], json!([]));
    let rows = world.database.database().query("select count(*) from journal where stream like 'order:%'", &[]).await;
    assert_eq!(rows.unwrap()[0].get::<_, i64>(0), 0);
}

#[actix_rt::test]
async fn what_is_no_json_or_too_much_is_refused_early() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let key = [("idempotency-key", "k")];
    for (body, status, kind) in [
        ("{", 400, "malformed-json"),
        ("\"\u{1}\"", 400, "malformed-json"),
        ("", 422, "invalid-field"),
        ("[]", 422, "invalid-field"),
    ] {
        mia.call(Method::POST, "/v1/quotes", &key, Some(body)).await.problem(status, kind);
    }
    let large = json!({ "note": "x".repeat(70_000) }).to_string();
    mia.call(Method::POST, "/v1/quotes", &key, Some(&large)).await.problem(413, "body-too-large");
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    mia.call(Method::POST, "/v1/quotes", &key, Some(&deep)).await.problem(422, "invalid-field");
    let url = format!("{}/v1/quotes", world.url);
    let plain = world.client.post(url).header("authorization", &mia.bearer).header("idempotency-key", "k");
    assert_eq!(plain.body(basket(1).to_string()).send().await.unwrap().status(), 415);
}

#[actix_rt::test]
async fn what_is_right_is_said_with_what_is_wrong() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let visa = mia.once("/v1/orders", &with(order(1), "/payment_method", json!("visa"))).await;
    let visa = visa.problem(422, "invalid-field");
    assert!(visa["detail"].as_str().unwrap().contains("pm_ok, pm_declined"), "{visa}");
    let list = mia.once("/v1/orders", &json!([])).await.problem(422, "invalid-field");
    assert_eq!(list["detail"], "the body must be an object, not a list");
    let empty = mia.once("/v1/quotes", &json!({})).await.problem(422, "invalid-field");
    let missing: Vec<_> = empty["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(missing, ["/court_id", "/fulfilment", "/lines"], "{empty}");
    let of_nobody = json!({ "quote_id": random(), "payment_method": "pm_ok" });
    let unknown = mia.once("/v1/orders", &of_nobody).await.problem(404, "not-found");
    assert_eq!(unknown["errors"][0]["pointer"], "/quote_id", "{unknown}");
    assert!(unknown["detail"].as_str().unwrap().contains("POST /v1/quotes"), "{unknown}");
    // A telephone number may be left empty, and be written as people write it.
    for phone in ["", "+49 (0)30 555-0123", "030/5550123"] {
        mia.once("/v1/orders", &with(order(1), "/contact/phone", json!(phone))).await.good(201);
    }
    mia.once("/v1/orders", &with(order(1), "/basket/proof", json!("nothing"))).await.good(201);
}

#[actix_rt::test]
async fn what_is_wrong_reads_like_a_sentence() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let said = async |body: &Value| {
        let problem = mia.once("/v1/quotes", body).await.problem(422, "invalid-field");
        problem["detail"].as_str().unwrap().to_owned()
    };
    let kitchens = foodcourt_actors::demo::kitchens();
    let other = kitchens.iter().find(|one| one.opened.court_id != crate::world::court()).unwrap();
    let other = with(basket(2), "/lines/0", crate::world::line(other));
    assert_eq!(said(&other).await, "/lines/0/kitchen_id this kitchen belongs to another court; one order, one court");
    let nowhere = with(basket(1), "/lines/0/kitchen_id", json!(random()));
    assert!(said(&nowhere).await.contains("there is no such kitchen"));
    let many = with(basket(1), "/lines/0/quantity", json!(100));
    assert_eq!(said(&many).await, "/lines/0/quantity must be 1 to 99, not 100");
    let huge = with(basket(1), "/lines/0/quantity", json!(1e20));
    assert!(said(&huge).await.starts_with("/lines/0/quantity must be a whole number from 1 to 99, not 1000000"));
    let local = with(basket(1), "/wanted_at", json!("2026-03-01T12:00:03"));
    assert!(said(&local).await.starts_with("/wanted_at is a time without its zone: end it with Z"));
    // A password that is too short is told beside an address that is none.
    let wrong = json!({ "email": "nope", "password": "x", "display_name": "" }).to_string();
    let wrong = world.call(Method::POST, "/v1/auth/register", &[], Some(&wrong)).await.problem(422, "invalid-field");
    let named: Vec<_> = wrong["errors"].as_array().unwrap().iter().map(|one| &one["pointer"]).collect();
    assert_eq!(named, ["/email", "/password", "/display_name"], "{wrong}");
    // A misspelt address is told from an order that is somebody else's.
    let nowhere = mia.get("/v1/ordres").await.problem(404, "not-found");
    assert!(nowhere["detail"].as_str().unwrap().contains("/openapi.json"), "{nowhere}");
    // All at once, over all levels, with their number.
    let wrong = json!({ "lines": [{ "quantity": "two", "colour": "red" }], "tip": {}, "fulfilment": "pickup" });
    let problem = mia.once("/v1/quotes", &wrong).await.problem(422, "invalid-field");
    let mut named: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|one| one["pointer"].clone()).collect();
    named.sort_by_key(ToString::to_string);
    let expected = [
        "/court_id",
        "/lines/0/colour",
        "/lines/0/item_id",
        "/lines/0/kitchen_id",
        "/lines/0/quantity",
        "/tip/amount",
        "/tip/currency",
    ];
    assert_eq!(named, expected, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("7 things are wrong: ") && detail.ends_with("; the others are in errors"), "{detail}");
    // Of two keys of one name only one could count.
    let twice = basket(1).to_string().replace("\"quantity\":", "\"quantity\": 7, \"quantity\":");
    let twice = mia.call(Method::POST, "/v1/quotes", &[("idempotency-key", "twice")], Some(&twice)).await;
    assert_eq!(twice.problem(422, "invalid-field")["detail"], "/lines/0/quantity stands twice; send it once");

    let staff = world.sign_in("staff@demo").await;
    let kitchen = crate::world::kitchens()[0].opened.kitchen_id;
    let until = world.services.clock.now().plus_min(30);
    let pause = json!({ "until": until }).to_string();
    staff.call(Method::PUT, &format!("/v1/kitchens/{kitchen}/pause"), &[], Some(&pause)).await.good(200);
    let paused = mia.once("/v1/quotes", &basket(1)).await.problem(409, "item-unavailable");
    assert!(paused["detail"].as_str().unwrap().contains("takes a break and no orders until "), "{paused}");
    let settings = format!("/v1/kitchens/{kitchen}/settings");
    let hours = json!({ "name": "Grill", "hours": { "spans": { "montag": [] } } }).to_string();
    let hours = staff.call(Method::PUT, &settings, &[], Some(&hours)).await.problem(422, "invalid-field");
    assert!(hours["detail"].as_str().unwrap().contains("must be a weekday, 1 (Monday) to 7 (Sunday)"), "{hours}");
    let closed = json!({ "name": "Grill", "hours": { "spans": {} } }).to_string();
    staff.call(Method::PUT, &settings, &[], Some(&closed)).await.good(200);
    let closed = mia.once("/v1/quotes", &basket(1)).await.problem(409, "item-unavailable");
    assert_eq!(closed["detail"], "Grill is closed");
    // The methods of an address are told in the header that is made for it.
    let method = mia.call(Method::PATCH, "/v1/orders", &[], None).await;
    method.problem(405, "method-not-allowed");
    assert_eq!(method.header("allow"), "POST, GET");
}

#[actix_rt::test]
async fn a_parameter_that_nobody_would_hear_is_refused() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let page = mia.get("/v1/orders?limit=2&page=2").await.problem(422, "invalid-field");
    assert_eq!(page["errors"], json!([{ "pointer": "?page", "detail": "is not known; known here: limit, cursor" }]));
    mia.get("/v1/orders?limit=-5").await.problem(422, "invalid-field");
    let none = mia.get("/v1/me?verbose").await.problem(422, "invalid-field");
    assert_eq!(none["detail"], "?verbose is not known; this address takes no parameters");
    mia.get("/v1/orders?limit=2").await.good(200);
    mia.get(&format!("/v1/kitchens?court_id={}", crate::world::court())).await.good(200);
    assert_eq!(mia.get("/healthz?probe=1").await.status, 200);
}

#[actix_rt::test]
async fn fixes_off_the_globe_or_off_duty_are_refused() {
    let world = World::new().await;
    let rider = world.sign_in("rider1@demo").await;
    let fix = |lat: f64, accuracy: f64| json!({ "fixes": [{ "seq": 1, "at": world.services.clock.now(), "lat": lat, "lon": 13.4, "accuracy_m": accuracy }] });
    rider.post("/v1/riders/me/locations", &fix(52.5, 5.0)).await.problem(409, "not-acceptable-now");
    let shift = json!({ "vehicle": "bicycle", "capacity": 2 }).to_string();
    rider.call(Method::PUT, "/v1/riders/me/shift", &[], Some(&shift)).await.good(200);
    for (body, pointer) in [
        (fix(90.1, 5.0), "/fixes/0/lat"),
        (fix(52.5, -5.0), "/fixes/0/accuracy_m"),
        (json!({ "fixes": [] }), "/fixes"),
        (json!({ "fixes": [{ "seq": 1 }] }), "/fixes/0/at"),
    ] {
        let problem = rider.post("/v1/riders/me/locations", &body).await.problem(422, "invalid-field");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    let taken = rider.post("/v1/riders/me/locations", &fix(52.5, 5.0)).await.good(200);
    assert_eq!((taken["accepted"].as_u64(), taken["duplicates"].as_u64()), (Some(1), Some(0)), "{taken}");
    let too_many = json!({ "vehicle": "bicycle", "capacity": 9 }).to_string();
    rider.call(Method::DELETE, "/v1/riders/me/shift", &[], None).await;
    let wrong = rider.call(Method::PUT, "/v1/riders/me/shift", &[], Some(&too_many)).await;
    assert_eq!(wrong.problem(422, "invalid-field")["errors"][0]["pointer"], "/capacity");
    let now = world.services.clock.now();
    for until in [json!(now.plus_min(-1)), json!(now.plus_min(25 * 60)), json!("this evening")] {
        let shift = json!({ "vehicle": "bicycle", "capacity": 2, "until": until }).to_string();
        let wrong = rider.call(Method::PUT, "/v1/riders/me/shift", &[], Some(&shift)).await;
        assert_eq!(wrong.problem(422, "invalid-field")["errors"][0]["pointer"], "/until", "{until}");
    }
}

#[actix_rt::test]
async fn a_menu_that_contradicts_itself_is_refused_by_pointer() {
    let world = World::new().await;
    let staff = world.sign_in("staff@demo").await;
    let kitchen = &crate::world::kitchens()[0];
    let path = format!("/v1/kitchens/{}/menu", kitchen.opened.kitchen_id);
    let menu = serde_json::to_value(&kitchen.menu).unwrap();
    let bad = with(menu.clone(), "/items/0/name", json!(""));
    let problem = staff.call(Method::PUT, &path, &[], Some(&bad.to_string())).await.problem(422, "invalid-field");
    assert!(problem["errors"][0]["pointer"].as_str().unwrap().starts_with("/items/0"), "{problem}");
    let odd = with(menu, "/items/0/sold_out", json!(true));
    let problem = staff.call(Method::PUT, &path, &[], Some(&odd.to_string())).await.problem(422, "invalid-field");
    assert_eq!(problem["errors"][0]["pointer"], "/items/0/sold_out");
    let past = json!({ "until": "2001-01-01T00:00:00Z" }).to_string();
    let pause = format!("/v1/kitchens/{}/pause", kitchen.opened.kitchen_id);
    staff.call(Method::PUT, &pause, &[], Some(&past)).await.problem(422, "invalid-field");
    let both = json!({ "item_id": random(), "modifier_id": random() });
    let sold_out = format!("/v1/kitchens/{}/sold_out", kitchen.opened.kitchen_id);
    staff.post(&sold_out, &both).await.problem(422, "invalid-field");
    staff.post(&sold_out, &json!({ "item_id": random() })).await.problem(404, "not-found");
}
