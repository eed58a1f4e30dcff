//! Hand-overs that must be shown: the PIN that only its customer sees, three tries, the photo that only those concerned
//! see, and staff's word.

use foodcourt_actors::ids::{DeliveryId, OrderId};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    ride::{offered, ticket_of},
    world::{Answer, Person, World, delivery_order, kitchens, staff_of},
};

/// The smallest PNG there is.
const PNG: &[u8] = b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1F\x15\xC4\x89\
    \0\0\0\rIDATx\xDAcd`\xF8_\x0F\0\x02\x87\x01\x80\xEBG\xBA\x92\0\0\0\0IEND\xAEB`\x82";
/// A phone's photo, with where and by what it was taken.
const FROM_A_PHONE: &[u8] = include_bytes!("photos/turned.jpg");

struct Ride<'a> {
    mia: Person<'a>,
    rider: Person<'a>,
    order_id: OrderId,
    path: String,
}

impl Ride<'_> {
    async fn step(&self, step: &str, body: &Value) -> Answer {
        self.rider.post(&format!("{}/{step}", self.path), body).await
    }
    async fn send(&self, bytes: &[u8]) -> Answer {
        let request = self.rider.world.client.put(format!("{}{}/photo", self.rider.world.url, self.path));
        let request = request.header("authorization", &self.rider.bearer).header("content-type", "image/png");
        let answer = request.body(bytes.to_vec()).send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, bytes: answer.bytes().await.unwrap().to_vec() }
    }
    /// All facts as they stand in the journal, without blanks after colons.
    async fn facts(&self) -> String {
        let journal = &self.rider.world.services.journal;
        let facts = journal.feed(0, 10_000).await.unwrap();
        facts.iter().map(|fact| format!("{} {}\n", fact.kind, fact.body).replace("\": ", "\":")).collect()
    }
}

/// An order that asks for `proof`, with its rider at the door.
async fn at_the_door<'a>(world: &'a World, name: &str, proof: &str) -> Ride<'a> {
    let mia = world.newcomer(name).await;
    let mut wanted = delivery_order();
    wanted["basket"]["proof"] = json!(proof);
    let placed = mia.once("/v1/orders", &wanted).await.good(201);
    assert_eq!(placed["proof"], proof);
    let order_id: OrderId = placed["order_id"].as_str().unwrap().parse().unwrap();
    let staff = world.sign_in(&staff_of(kitchens()[0].opened.kitchen_id)).await;
    let ticket = ticket_of(&staff, &placed).await;
    staff.post(&format!("{ticket}/acceptance"), &json!({ "prep_min": 5 })).await.good(200);
    mia.until(&format!("/v1/orders/{order_id}"), |order| order["status"] != "placed").await;
    let (rider, offer) = offered(world, "rider1@demo", order_id).await;
    let accept = format!("/v1/offers/{}/acceptance", offer["offer_id"].as_str().unwrap());
    rider.post(&accept, &json!({})).await.good(200);
    let path = format!("/v1/deliveries/{}", DeliveryId::of(order_id));
    rider.post(&format!("{path}/arrived_at_pickup"), &json!({})).await.good(200);
    staff.post(&format!("{ticket}/ready"), &json!({})).await.good(200);
    rider.until(&path, |delivery| delivery["ready"] == true).await;
    for step in ["picked_up", "arrived_at_dropoff"] {
        rider.post(&format!("{path}/{step}"), &json!({})).await.good(200);
    }
    mia.until(&format!("/v1/orders/{order_id}"), |order| order["status"] == "picked_up").await;
    Ride { mia, rider, order_id, path }
}

#[actix_rt::test]
async fn a_pin_hands_over_and_is_told_to_nobody_else() {
    let world = World::new().await;
    let ride = at_the_door(&world, "mia", "pin").await;
    let pin_path = format!("/v1/orders/{}/pin", ride.order_id);
    let told = ride.mia.get(&pin_path).await;
    let pin = told.good(200)["pin"].as_str().unwrap().to_owned();
    assert_eq!((pin.len(), told.header("cache-control")), (4, "no-store".to_owned()));
    assert_eq!(ride.mia.get(&pin_path).await.good(200)["pin"], pin.as_str(), "it stays the same");
    world.newcomer("eve").await.get(&pin_path).await.problem(404, "not-found");
    for other in ["rider1@demo", "admin@demo"] {
        world.sign_in(other).await.get(&pin_path).await.problem(403, "forbidden");
    }
    let shown = ride.rider.get(&ride.path).await.good(200);
    assert_eq!(
        shown["proof"],
        json!({ "required": "pin", "pin_tries_left": 3, "photo_taken": false, "waived": false })
    );

    ride.step("delivered", &json!({})).await.problem(409, "proof-needed");
    ride.step("delivered", &json!({ "pin": "12x4" })).await.problem(422, "invalid-field");
    let wrong = if pin == "0000" { "0001" } else { "0000" };
    let refused = ride.step("delivered", &json!({ "pin": wrong })).await.problem(409, "wrong-pin");
    assert_eq!(refused["tries_left"], 2);
    let done = ride.step("delivered", &json!({ "pin": pin })).await.good(200);
    assert_eq!(done["state"], "delivered");
    assert_eq!(ride.step("delivered", &json!({ "pin": pin })).await.good(200)["state"], "delivered");
    ride.mia.until(&format!("/v1/orders/{}", ride.order_id), |order| order["status"] == "delivered").await;
    ride.mia.get(&pin_path).await.problem(404, "not-found");
    let facts = ride.facts().await;
    assert!(facts.contains("delivery.pin_refused") && facts.contains("\"proof\":\"pin\""), "{facts}");
    assert!(!facts.contains(&format!("\"{pin}\"")), "the PIN is in a fact");
}

#[actix_rt::test]
async fn three_wrong_tries_are_all_even_at_once_and_then_a_photo_does() {
    let world = World::new().await;
    let ride = at_the_door(&world, "mia", "pin").await;
    let pin_path = format!("/v1/orders/{}/pin", ride.order_id);
    let pin = ride.mia.get(&pin_path).await.good(200)["pin"].as_str().unwrap().to_owned();
    let wrong = if pin == "0000" { "0001" } else { "0000" };
    let guess = json!({ "pin": wrong });
    let guesses = (0..20).map(|_| ride.step("delivered", &guess));
    let answers = futures_util::future::join_all(guesses).await;
    let kinds: Vec<String> = answers.iter().map(|answer| answer.json()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "/problems/wrong-pin").count(), 3, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "/problems/proof-needed").count(), 17);
    ride.step("delivered", &json!({ "pin": pin })).await.problem(409, "proof-needed");

    ride.send(b"<html>not a picture</html>").await.problem(415, "unsupported-media-type");
    ride.send(&[0xFF; 64 * 1024 + 1]).await.problem(413, "body-too-large");
    let taken = ride.send(PNG).await.good(200);
    assert_eq!((&taken["proof"]["photo_taken"], &taken["proof"]["pin_tries_left"]), (&json!(true), &json!(0)));
    assert_eq!(ride.step("delivered", &json!({})).await.good(200)["state"], "delivered");

    let photo = format!("{}/photo", ride.path);
    let admin = world.sign_in("admin@demo").await;
    for allowed in [&ride.mia, &ride.rider, &admin] {
        let seen = allowed.get(&photo).await;
        assert_eq!((seen.status.as_u16(), seen.header("content-type").as_str()), (200, "image/png"));
        assert_eq!((seen.bytes.as_slice(), seen.header("x-content-type-options").as_str()), (PNG, "nosniff"));
        assert_eq!(seen.header("cache-control"), "private, no-store");
    }
    let staff = world.sign_in(&staff_of(kitchens()[0].opened.kitchen_id)).await;
    for stranger in [world.newcomer("eve").await, world.sign_in("rider2@demo").await, staff] {
        stranger.get(&photo).await.problem(404, "not-found");
    }
    let facts = ride.facts().await;
    assert!(facts.contains("delivery.photo_taken") && !facts.contains("IHDR"), "facts carry a reference only");
}

#[actix_rt::test]
async fn a_wrong_try_whose_answer_was_lost_counts_once() {
    let world = World::new().await;
    let ride = at_the_door(&world, "mia", "pin").await;
    let pin_path = format!("/v1/orders/{}/pin", ride.order_id);
    let pin = ride.mia.get(&pin_path).await.good(200)["pin"].as_str().unwrap().to_owned();
    let guess = json!({ "pin": if pin == "0000" { "0001" } else { "0000" } });
    let path = format!("{}/delivered", ride.path);
    let at_once = futures_util::future::join_all((0..8).map(|_| ride.rider.keyed(&path, "try-1", &guess))).await;
    for said in &at_once {
        assert_eq!(said.problem(409, "wrong-pin")["tries_left"], 2);
    }
    assert_eq!(ride.rider.keyed(&path, "try-1", &guess).await.problem(409, "wrong-pin")["tries_left"], 2);
    ride.rider.keyed(&path, "try-1", &json!({ "pin": pin })).await.problem(422, "key-reused");
    assert_eq!(ride.rider.keyed(&path, "try-2", &guess).await.problem(409, "wrong-pin")["tries_left"], 1);
    let facts = ride.facts().await;
    assert_eq!(facts.matches("delivery.pin_refused").count(), 2, "{facts}");
    for _ in 0..2 {
        let done = ride.rider.keyed(&path, "try-3", &json!({ "pin": pin })).await.good(200);
        assert_eq!(done["state"], "delivered");
    }
}

#[actix_rt::test]
async fn a_photo_is_kept_without_what_the_phone_wrote_into_it() {
    let world = World::new().await;
    let ride = at_the_door(&world, "mia", "photo").await;
    ride.send(&FROM_A_PHONE[..200]).await.problem(415, "unsupported-media-type");
    ride.send(FROM_A_PHONE).await.good(200);
    let seen = ride.mia.get(&format!("{}/photo", ride.path)).await;
    assert_eq!((seen.status.as_u16(), seen.header("content-type").as_str()), (200, "image/jpeg"));
    let holds = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|part| part == word);
    assert!(holds(FROM_A_PHONE, b"Spycam 9000") && !holds(&seen.bytes, b"Spycam 9000"));
    assert!(seen.bytes.len() > 300 && seen.bytes.len() < FROM_A_PHONE.len() / 2, "one picture, and no more");
}

#[actix_rt::test]
async fn a_photo_is_taken_at_the_door_and_staff_can_vouch() {
    let world = World::new().await;
    let ride = at_the_door(&world, "mia", "photo").await;
    ride.mia.get(&format!("/v1/orders/{}/pin", ride.order_id)).await.problem(404, "not-found");
    ride.mia.get(&format!("{}/photo", ride.path)).await.problem(404, "not-found");
    ride.step("delivered", &json!({})).await.problem(409, "proof-needed");
    let waiver = format!("{}/proof_waiver", ride.path);
    ride.rider.post(&waiver, &json!({})).await.problem(403, "forbidden");
    let admin = world.sign_in("admin@demo").await;
    assert_eq!(admin.post(&waiver, &json!({})).await.good(200)["proof"]["waived"], true);
    assert_eq!(ride.step("delivered", &json!({})).await.good(200)["state"], "delivered");
    ride.send(PNG).await.problem(404, "not-found");
}

#[actix_rt::test]
async fn an_order_without_proof_is_handed_over_by_word() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let placed = mia.once("/v1/orders", &delivery_order()).await.good(201);
    assert!(placed.get("proof").is_none(), "{placed}");
    mia.get(&format!("/v1/orders/{}/pin", placed["order_id"].as_str().unwrap())).await.problem(404, "not-found");
    let mut wrong = delivery_order();
    wrong["basket"]["proof"] = json!("blood");
    mia.once("/v1/orders", &wrong).await.problem(422, "invalid-field");
    let by_hand = world.call(Method::PUT, "/v1/deliveries/x/photo", &[], None).await;
    by_hand.problem(401, "unauthenticated");
}
