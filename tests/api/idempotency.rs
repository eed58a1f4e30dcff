//! Placing orders: once each, whatever clients repeat; and versions.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::world::{World, basket, kitchens, order, staff_of};

#[actix_rt::test]
async fn a_repeat_gets_the_same_bytes_and_another_body_is_refused() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let first = mia.keyed("/v1/orders", "key-1", &order(2)).await;
    let placed = first.good(201);
    assert_eq!(first.header("location"), format!("/v1/orders/{}", placed["order_id"].as_str().unwrap()));
    assert_eq!(first.header("etag"), "\"1\"");
    assert_eq!((placed["status"].as_str(), placed["parts"].as_array().unwrap().len()), (Some("placed"), 2));
    let again = mia.keyed("/v1/orders", "key-1", &order(2)).await;
    assert_eq!(
        (again.status, again.bytes, again.headers["etag"].clone()),
        (first.status, first.bytes, first.headers["etag"].clone())
    );
    mia.keyed("/v1/orders", "key-1", &order(1)).await.problem(422, "key-reused");
    // Somebody else's same key is another key.
    let tom = world.newcomer("tom").await;
    assert_ne!(tom.keyed("/v1/orders", "key-1", &order(2)).await.good(201)["order_id"], placed["order_id"]);
}

#[actix_rt::test]
async fn fifty_at_once_with_one_key_place_one_order() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let body = order(1);
    let answers = join_all((0..50).map(|_| mia.keyed("/v1/orders", "all-at-once", &body))).await;
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.bytes), (201, &answers[0].bytes));
    }
    let list = mia.get("/v1/orders").await.good(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[actix_rt::test]
async fn a_key_is_required_and_must_be_one() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let long = "k".repeat(129);
    for path in ["/v1/orders", "/v1/quotes"] {
        mia.post(path, &order(1)).await.problem(400, "idempotency-key-missing");
        for key in ["two words", long.as_str()] {
            mia.keyed(path, key, &order(1)).await.problem(400, "bad-request");
        }
    }
}

#[actix_rt::test]
async fn a_quote_is_replayed_honoured_and_expires() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let first = mia.keyed("/v1/quotes", "q", &basket(2)).await;
    let quote = first.good(201);
    assert_eq!(mia.keyed("/v1/quotes", "q", &basket(2)).await.bytes, first.bytes);
    mia.keyed("/v1/quotes", "q", &basket(1)).await.problem(422, "key-reused");
    let by_quote = json!({ "quote_id": quote["quote_id"], "payment_method": "pm_ok" });
    let tom = world.newcomer("tom").await;
    tom.once("/v1/orders", &by_quote).await.problem(404, "not-found");
    // A dearer menu changes nothing for the quote.
    let kitchen = &kitchens()[0];
    let staff = world.sign_in(&staff_of(kitchen.opened.kitchen_id)).await;
    let mut menu = serde_json::to_value(&kitchen.menu).unwrap();
    for item in menu["items"].as_array_mut().unwrap() {
        item["price"]["amount"] = json!(item["price"]["amount"].as_i64().unwrap() + 500);
    }
    let path = format!("/v1/kitchens/{}/menu", kitchen.opened.kitchen_id);
    staff.call(Method::PUT, &path, &[], Some(&menu.to_string())).await.good(200);
    let placed = mia.keyed("/v1/orders", "o", &by_quote).await;
    assert_eq!(placed.good(201)["totals"], quote["totals"]);
    world.business.pass_s(601);
    mia.once("/v1/orders", &by_quote).await.problem(410, "quote-expired");
    // A repeat of what was placed in time still gets its answer.
    assert_eq!(mia.keyed("/v1/orders", "o", &by_quote).await.bytes, placed.bytes);
}

#[actix_rt::test]
async fn what_is_sold_out_or_closed_comes_back_with_a_quote_for_the_rest() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let quote = mia.once("/v1/quotes", &basket(2)).await.good(201);
    let kitchen = &kitchens()[0];
    let staff = world.sign_in(&staff_of(kitchen.opened.kitchen_id)).await;
    let item = basket(2)["lines"][0]["item_id"].clone();
    let path = format!("/v1/kitchens/{}/sold_out", kitchen.opened.kitchen_id);
    let menu = staff.post(&path, &json!({ "item_id": item })).await.good(200);
    assert!(menu["items"].as_array().unwrap().iter().any(|one| one["item_id"] == item && one["sold_out"] == true));
    let by_quote = json!({ "quote_id": quote["quote_id"], "payment_method": "pm_ok" });
    for (body, pointer) in [(by_quote, "/lines/0/item_id"), (order(2), "/basket/lines/0/item_id")] {
        let refused = mia.once("/v1/orders", &body).await.problem(409, "item-unavailable");
        assert_eq!(refused["errors"][0]["pointer"], pointer);
        assert_eq!(refused["quote"]["parts"].as_array().unwrap().len(), 1);
        let rest = json!({ "quote_id": refused["quote"]["quote_id"], "payment_method": "pm_ok" });
        mia.once("/v1/orders", &rest).await.good(201);
    }
    let back = format!("{path}/{}", item.as_str().unwrap());
    assert_eq!(staff.call(Method::DELETE, &back, &[], None).await.status, 204);
    let pause = format!("/v1/kitchens/{}/pause", kitchen.opened.kitchen_id);
    let until = world.services.clock.now().plus_min(10);
    staff.call(Method::PUT, &pause, &[], Some(&json!({ "until": until }).to_string())).await.good(200);
    let closed = mia.once("/v1/quotes", &basket(1)).await.problem(409, "item-unavailable");
    assert!(closed["quote"].is_null() && closed["errors"][0]["pointer"] == "/lines/0/kitchen_id", "{closed}");
    assert_eq!(staff.call(Method::DELETE, &pause, &[], None).await.status, 204);
    mia.once("/v1/quotes", &basket(1)).await.good(201);
}

#[actix_rt::test]
async fn an_order_is_cancelled_once_and_only_as_its_reader_knows_it() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let placed = mia.once("/v1/orders", &order(1)).await.good(201);
    let path = format!("/v1/orders/{}", placed["order_id"].as_str().unwrap());
    let paid = mia.until(&path, |order| order["paid"] == true).await;
    let cancellation = format!("{path}/cancellation");
    let stale = [("idempotency-key", "c"), ("if-match", "\"1\"")];
    mia.call(Method::POST, &cancellation, &stale, Some("{}")).await.problem(412, "version-mismatch");
    let odd = [("idempotency-key", "c"), ("if-match", "seven")];
    mia.call(Method::POST, &cancellation, &odd, Some("{}")).await.problem(400, "bad-request");
    let etag = format!("\"{}\"", paid["version"]);
    let fresh = [("idempotency-key", "c"), ("if-match", etag.as_str())];
    let first = mia.call(Method::POST, &cancellation, &fresh, Some("{}")).await;
    assert_eq!(first.good(202)["end_reason"], "customer_cancelled");
    let again = mia.call(Method::POST, &cancellation, &fresh, Some("{}")).await;
    assert_eq!(again.bytes, first.bytes);
    let ended = mia.until(&path, |order| order["status"] == "cancelled").await;
    assert_eq!(mia.get(&path).await.header("etag"), format!("\"{}\"", ended["version"]));
    mia.once(&cancellation, &json!({})).await; // already true, or final: either way an answer
    let history = mia.get(&format!("{path}/events")).await.good(200);
    let seqs: Vec<_> = history["items"].as_array().unwrap().iter().map(|fact| fact["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=ended["version"].as_u64().unwrap()).collect::<Vec<_>>());
    assert!(!history.to_string().contains("pm_ok"), "the payment method leaves in no direction");
}

#[actix_rt::test]
async fn lists_come_in_pages_newest_first() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let mut placed = vec![];
    for _ in 0..5 {
        placed.push(mia.once("/v1/orders", &order(1)).await.good(201)["order_id"].clone());
    }
    placed.reverse();
    let admin = world.sign_in("admin@demo").await;
    admin.until("/v1/admin/orders", |list| list["items"].as_array().unwrap().len() == 5).await;
    let (mut seen, mut cursor) = (vec![], String::new());
    loop {
        let page = mia.get(&format!("/v1/orders?limit=2{cursor}")).await.good(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|order| order["order_id"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, placed);
    mia.get("/v1/orders?limit=0").await.problem(422, "invalid-field");
    mia.get("/v1/orders?cursor=x").await.problem(400, "bad-request");
    admin.get("/v1/admin/orders?status=eaten").await.problem(422, "invalid-field");
    assert_eq!(admin.get("/v1/admin/orders?status=delivered").await.good(200)["items"], json!([]));
}
