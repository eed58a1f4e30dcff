//! Cooking and riding over HTTP: one delivery order from the basket to the door.

use foodcourt_actors::{
    ask::Wish,
    dispatch::{DeliveryCommand, event::Candidate},
    ids::{DeliveryId, OfferId, OrderId},
    rider::RiderCommand,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, World, delivery_order, kitchens, order, staff_of};

/// Goes on duty and is offered the delivery of `order_id`, found by the test in the place of the zone.
pub async fn offered<'a>(world: &'a World, email: &str, order_id: OrderId) -> (Person<'a>, Value) {
    let rider = world.sign_in(email).await;
    let shift = json!({ "vehicle": "bicycle", "capacity": 2 }).to_string();
    rider.call(Method::PUT, "/v1/riders/me/shift", &[], Some(&shift)).await.good(200);
    offer_to(world, &rider, order_id).await;
    let me = rider.until("/v1/riders/me", |me| !me["offers"].as_array().unwrap().is_empty()).await;
    let offer = me["offers"][0].clone();
    (rider, offer)
}

pub async fn offer_to(world: &World, rider: &Person<'_>, order_id: OrderId) {
    offer_to_all(world, &[rider], order_id).await;
}

/// All of them are asked at once.
async fn offer_to_all(world: &World, riders: &[&Person<'_>], order_id: OrderId) {
    let at_once = u32::try_from(riders.len()).unwrap();
    let (id, services) = (DeliveryId::of(order_id).0, &world.services);
    let waiting = async {
        loop {
            // The search begins when its time has come, by the delivery's own timer.
            world.business.pass_s(60);
            let wish = Wish::new(DeliveryCommand::StartSearch, services.origin());
            let _too_early_or_unknown = services.deliveries.ask(id, wish).await;
            let round = services.deliveries.look(id).await.unwrap().state.round;
            let near = |rider: &&Person<'_>| Candidate { rider_id: rider.id(), distance_m: 300, travel_s: None };
            let candidates = riders.iter().map(near).collect();
            let wish = Wish::new(DeliveryCommand::NoteCandidates { round, candidates, at_once }, services.origin());
            let _answer = services.deliveries.ask(id, wish).await;
            let asked = services.deliveries.look(id).await.unwrap().state;
            if riders.iter().all(|rider| asked.asks(rider.id())) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::world::PATIENCE, waiting).await.expect("the delivery asks the rider");
}

/// A delivery order of `customer` that its kitchen has accepted.
pub async fn accepted_order(world: &World, customer: &Person<'_>) -> OrderId {
    let placed = customer.once("/v1/orders", &delivery_order()).await.good(201);
    let order_id: OrderId = placed["order_id"].as_str().unwrap().parse().unwrap();
    let staff = world.sign_in("staff@demo").await;
    let ticket = ticket_of(&staff, &placed).await;
    staff.post(&format!("{ticket}/acceptance"), &json!({})).await.good(200);
    customer.until(&format!("/v1/orders/{order_id}"), |order| order["status"] != "placed").await;
    order_id
}

/// The ticket of the first part of `order`, once the kitchen has it.
pub async fn ticket_of(staff: &Person<'_>, order: &Value) -> String {
    ticket_at(staff, order, 0).await
}

/// The ticket of the part `at` of `order`, once the kitchen has it.
pub async fn ticket_at(staff: &Person<'_>, order: &Value, at: usize) -> String {
    let kitchen = order["parts"][at]["kitchen_id"].as_str().unwrap();
    let list = format!("/v1/kitchens/{kitchen}/tickets");
    let ticket = order["parts"][at]["ticket_id"].clone();
    staff.until(&list, |list| list["items"].as_array().unwrap().iter().any(|one| one["ticket_id"] == ticket)).await;
    format!("/v1/tickets/{}", ticket.as_str().unwrap())
}

#[actix_rt::test]
async fn an_order_is_cooked_ridden_and_delivered() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let placed = mia.once("/v1/orders", &delivery_order()).await.good(201);
    let order_id: OrderId = placed["order_id"].as_str().unwrap().parse().unwrap();
    let order_path = format!("/v1/orders/{order_id}");
    let staff = world.sign_in(&staff_of(kitchens()[0].opened.kitchen_id)).await;
    let ticket = ticket_of(&staff, &placed).await;
    let accepted = staff.post(&format!("{ticket}/acceptance"), &json!({ "prep_min": 5 })).await.good(200);
    assert_eq!((accepted["stage"].as_str(), accepted["prep_min"].as_u64()), (Some("accepted"), Some(5)));
    mia.until(&order_path, |order| order["status"] != "placed").await;

    let (rider, offer) = offered(&world, "rider1@demo", order_id).await;
    let accept = format!("/v1/offers/{}/acceptance", offer["offer_id"].as_str().unwrap());
    let delivery = rider.post(&accept, &json!({})).await.good(200);
    assert_eq!((&delivery["state"], &delivery["rider_id"]), (&json!("confirmed"), &json!(rider.id())));
    assert_eq!(delivery["contact"]["address"], "Am Kran 7");
    assert_eq!(rider.post(&accept, &json!({})).await.status, 200, "a repeated yes is still a yes");
    let path = format!("/v1/deliveries/{}", delivery["delivery_id"].as_str().unwrap());
    let seen = mia.get(&path).await.good(200);
    assert!(seen["contact"].is_null() && seen["collect"].is_null(), "only for the rider: {seen}");
    let part = &mia.get(&order_path).await.good(200)["parts"][0];
    let line = &part["lines"][0];
    let bag = |ready: bool| {
        json!([{
            "kitchen_id": part["kitchen_id"], "kitchen_name": part["kitchen_name"], "ticket_number": accepted["number"],
            "ready": ready, "dishes": [{ "name": line["name"], "quantity": line["quantity"] }],
        }])
    };
    assert!(accepted["number"].is_u64() && part["ticket_number"] == accepted["number"]);
    assert_eq!(delivery["collect"], bag(false));
    let me = rider.get("/v1/riders/me").await.good(200);
    assert_eq!(me["deliveries"][0]["collect"], bag(false));
    let step = async |step: &str| rider.post(&format!("{path}/{step}"), &json!({})).await;
    step("enroute_to_pickup").await.good(200);
    step("arrived_at_pickup").await.good(200);
    step("picked_up").await.problem(409, "not-acceptable-now");
    staff.post(&format!("{ticket}/collected"), &json!({})).await.problem(409, "not-acceptable-now");
    staff.post(&format!("{ticket}/ready"), &json!({})).await.good(200);
    let ready = rider.until(&path, |delivery| delivery["ready"] == true).await;
    assert_eq!(ready["collect"], bag(true));
    for name in ["picked_up", "enroute_to_dropoff", "arrived_at_dropoff", "delivered"] {
        assert_eq!(step(name).await.good(200)["state"], name);
    }
    mia.until(&order_path, |order| order["status"] == "delivered").await;
    let over = rider.get(&path).await.good(200);
    let forgotten = ["contact", "dropoff", "collect"].iter().all(|field| over[field].is_null());
    assert!(forgotten, "door and bag are forgotten: {over}");
    let inbox = mia.until("/v1/inbox", |inbox| inbox["unread"].as_u64() >= Some(3)).await;
    let read = mia.post("/v1/inbox/read", &json!({ "version": inbox["version"] })).await.good(200);
    assert_eq!(read["unread"], 0);
    mia.post("/v1/inbox/read", &json!({ "version": 1_000 })).await.problem(422, "invalid-field");
}

#[actix_rt::test]
async fn a_delay_is_counted_once_and_a_rejection_stands() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let staff = world.sign_in("staff@demo").await;
    let placed = mia.once("/v1/orders", &order(1)).await.good(201);
    let ticket = ticket_of(&staff, &placed).await;
    staff.post(&format!("{ticket}/acceptance"), &json!({})).await.good(200);
    let delay = format!("{ticket}/delay");
    let first = staff.keyed(&delay, "d", &json!({ "by_min": 5 })).await;
    assert_eq!(first.good(200)["delay_min"], 5);
    assert_eq!(staff.keyed(&delay, "d", &json!({ "by_min": 5 })).await.bytes, first.bytes);
    staff.keyed(&delay, "d", &json!({ "by_min": 6 })).await.problem(422, "key-reused");
    staff.keyed(&delay, "e", &json!({ "by_min": 500 })).await.problem(422, "invalid-field");
    staff.post(&delay, &json!({ "by_min": 5 })).await.problem(400, "idempotency-key-missing");

    let second = mia.once("/v1/orders", &order(1)).await.good(201);
    let ticket = ticket_of(&staff, &second).await;
    staff.post(&format!("{ticket}/rejection"), &json!({ "reason": "no_answer" })).await.problem(422, "invalid-field");
    staff.post(&format!("{ticket}/rejection"), &json!({ "reason": "too_busy" })).await.good(200);
    staff.post(&format!("{ticket}/acceptance"), &json!({})).await.problem(409, "not-acceptable-now");
    let path = format!("/v1/orders/{}", second["order_id"].as_str().unwrap());
    let rejected = mia.until(&path, |order| order["status"] == "rejected").await;
    assert_eq!(
        (rejected["parts"][0]["stage"].as_str(), rejected["end_reason"].as_str()),
        (Some("rejected"), Some("kitchens_rejected"))
    );
}

#[actix_rt::test]
async fn a_delay_told_before_the_other_kitchen_answers_is_in_the_promise() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let placed = mia.once("/v1/orders", &order(2)).await.good(201);
    let path = format!("/v1/orders/{}", placed["order_id"].as_str().unwrap());
    let (first, second) = (world.cook_of(&placed, 0).await, world.cook_of(&placed, 1).await);
    let (early, late) = (ticket_at(&first, &placed, 0).await, ticket_at(&second, &placed, 1).await);
    first.post(&format!("{early}/acceptance"), &json!({ "prep_min": 5 })).await.good(200);
    let delayed = first.keyed(&format!("{early}/delay"), "d", &json!({ "by_min": 30 })).await.good(200);
    assert_eq!(delayed["delay_min"], 30);
    let waiting = mia.until(&path, |order| order["parts"][0]["delay_min"] == 30).await;
    assert!(waiting["promised_at"].is_null(), "nothing is promised yet: {waiting}");
    second.post(&format!("{late}/acceptance"), &json!({ "prep_min": 10 })).await.good(200);
    let accepted = mia.until(&path, |order| order["status"] != "placed").await;
    let minutes = |from: &Value, to: &Value| {
        let at = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        (at(to).duration_since(at(from)).as_secs_f64() / 60.0).round() as i64
    };
    let answered = &accepted["timeline"]["accepted_at"];
    assert_eq!((minutes(answered, &accepted["ready_at"]), minutes(answered, &accepted["promised_at"])), (35, 35));
    let begins = [0, 1].map(|at| minutes(answered, &accepted["parts"][at]["fire_at"]));
    assert_eq!(begins, [0, 25], "both are warm together");
    let list = format!("/v1/kitchens/{}/tickets", placed["parts"][0]["kitchen_id"].as_str().unwrap());
    let board = first.until(&list, |list| list["items"][0]["stage"] == "in_kitchen").await;
    let ready_at = &board["items"][0]["ready_at"];
    assert_eq!(minutes(&accepted["ready_at"], ready_at), 0, "the pass and the guest read the same: {board}");
}

#[actix_rt::test]
async fn an_offer_that_is_over_says_how() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let order_id = accepted_order(&world, &mia).await;
    let (first, offer) = offered(&world, "rider1@demo", order_id).await;
    let offer_path = format!("/v1/offers/{}", offer["offer_id"].as_str().unwrap());
    assert_eq!(first.post(&format!("{offer_path}/decline"), &json!({})).await.status, 204);
    assert_eq!(first.post(&format!("{offer_path}/decline"), &json!({})).await.status, 204);
    first.post(&format!("{offer_path}/acceptance"), &json!({})).await.problem(409, "not-acceptable-now");
    let (second, offer) = offered(&world, "rider2@demo", order_id).await;
    let offer_path = format!("/v1/offers/{}", offer["offer_id"].as_str().unwrap());
    first.post(&format!("{offer_path}/acceptance"), &json!({})).await.problem(404, "not-found");
    world.business.pass_s(600);
    second.post(&format!("{offer_path}/acceptance"), &json!({})).await.problem(410, "offer-expired");
    second.call(Method::DELETE, "/v1/riders/me/shift", &[], None).await.good(204);
}

#[actix_rt::test]
async fn the_demo_makes_riders_that_can_sign_in() {
    let world = World::new().await;
    let admin = world.sign_in("admin@demo").await;
    let first = admin.keyed("/v1/demo/riders", "r", &json!({ "count": 3 })).await;
    let accounts = first.good(201)["accounts"].clone();
    assert_eq!(admin.keyed("/v1/demo/riders", "r", &json!({ "count": 3 })).await.bytes, first.bytes);
    let rider = world.sign_in(accounts[2]["email"].as_str().unwrap()).await;
    assert_eq!(rider.get("/v1/riders/me").await.good(200)["on_shift"], false);
    let until = json!(world.services.clock.now().plus_min(90));
    let shift = json!({ "vehicle": "scooter", "capacity": 1, "until": until }).to_string();
    let started = rider.call(Method::PUT, "/v1/riders/me/shift", &[], Some(&shift)).await.good(200);
    assert_eq!((&started["until"], &started["worked"]["delivered"]), (&until, &json!(0)));
    rider.get("/v1/admin/riders").await.problem(403, "forbidden");
    let on_shift = admin.until("/v1/admin/riders", |riders| !riders["items"].as_array().unwrap().is_empty()).await;
    assert_eq!(on_shift["items"][0]["rider_id"], json!(rider.id()));
    assert_eq!(on_shift["items"][0]["display_name"], accounts[2]["display_name"]);
    assert_eq!((&on_shift["items"][0]["until"], &on_shift["spread"]["deliveries_gini"]), (&until, &json!(0.0)));
    admin.call(Method::PUT, "/v1/demo/clock", &[], Some(r#"{"speed": 0.5}"#)).await.problem(422, "invalid-field");
    admin.call(Method::PUT, "/v1/demo/clock", &[], Some(r#"{"speed": 20}"#)).await.good(200);
}

#[actix_rt::test]
async fn of_two_who_are_asked_at_once_the_second_yes_is_told_who_was_first() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let order_id = accepted_order(&world, &mia).await;
    let (one, two) = (world.sign_in("rider1@demo").await, world.sign_in("rider2@demo").await);
    for rider in [&one, &two] {
        let shift = json!({ "vehicle": "bicycle", "capacity": 1 }).to_string();
        rider.call(Method::PUT, "/v1/riders/me/shift", &[], Some(&shift)).await.good(200);
    }
    offer_to_all(&world, &[&one, &two], order_id).await;
    let has_offer = |me: &Value| !me["offers"].as_array().unwrap().is_empty();
    let first = one.until("/v1/riders/me", has_offer).await["offers"][0]["offer_id"].clone();
    let second = two.until("/v1/riders/me", has_offer).await["offers"][0]["offer_id"].clone();
    let path = |offer: &Value| format!("/v1/offers/{}/acceptance", offer.as_str().unwrap());
    two.post(&path(&second), &json!({})).await.good(200);
    one.until("/v1/riders/me", |me| !has_offer(me)).await;
    let late = one.post(&path(&first), &json!({})).await.problem(409, "offer-taken");
    assert_eq!(late["detail"], "another rider was first");
}

#[actix_rt::test]
async fn a_yes_that_crosses_the_end_of_its_delivery_is_told_so() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let order_id = accepted_order(&world, &mia).await;
    let (rider, offer) = offered(&world, "rider1@demo", order_id).await;
    let path = format!("/v1/offers/{}/acceptance", offer["offer_id"].as_str().unwrap());
    let offer_id: OfferId = offer["offer_id"].as_str().unwrap().parse().unwrap();
    // Neither hears of the other before it has decided.
    let cancel = Wish::new(DeliveryCommand::Cancel { even_with_food: false }, world.services.origin());
    let yes = Wish::new(RiderCommand::AcceptOffer { offer_id }, world.services.origin());
    let (gone, held) = tokio::join!(
        world.services.deliveries.ask(DeliveryId::of(order_id).0, cancel),
        world.services.riders.ask(rider.id().0, yes)
    );
    assert!(gone.is_ok() && held.is_ok());
    for _ in 0..2 {
        let late = rider.post(&path, &json!({})).await.problem(410, "offer-expired");
        assert_eq!(late["detail"], "the offer was taken back: nobody is needed for this delivery any more");
        rider.until("/v1/riders/me", |me| me["deliveries"] == json!([])).await;
    }

    let order_id = accepted_order(&world, &mia).await;
    let (rider, offer) = offered(&world, "rider2@demo", order_id).await;
    let path = format!("/v1/offers/{}/acceptance", offer["offer_id"].as_str().unwrap());
    rider.call(Method::DELETE, "/v1/riders/me/shift", &[], None).await.good(204);
    let late = rider.post(&path, &json!({})).await.problem(409, "not-acceptable-now");
    assert_eq!(late["detail"], "the shift is over, or has not begun");
}

#[actix_rt::test]
async fn a_running_shifts_end_is_moved_by_its_rider_alone() {
    let world = World::new().await;
    let (rider, other) = (world.sign_in("rider1@demo").await, world.sign_in("rider2@demo").await);
    let path = "/v1/riders/me/shift/until";
    let put =
        async |person: &Person<'_>, body: Value| person.call(Method::PUT, path, &[], Some(&body.to_string())).await;
    let now = world.services.clock.now();
    let (six, eight) = (json!(now.plus_min(120)), json!(now.plus_min(240)));
    put(&rider, json!({ "until": six })).await.problem(409, "not-acceptable-now");
    for person in [&rider, &other] {
        let shift = json!({ "vehicle": "bicycle", "capacity": 2, "until": six }).to_string();
        person.call(Method::PUT, "/v1/riders/me/shift", &[], Some(&shift)).await.good(200);
    }
    assert_eq!(put(&rider, json!({ "until": eight })).await.good(200)["until"], eight);
    assert_eq!(put(&rider, json!({ "until": eight })).await.good(200)["until"], eight, "said twice is said once");
    for until in [json!(now.plus_min(-1)), json!(now.plus_min(25 * 60)), json!("tonight")] {
        let wrong = put(&rider, json!({ "until": until })).await.problem(422, "invalid-field");
        assert_eq!(wrong["errors"][0]["pointer"], "/until", "{until}");
    }
    let mia = world.sign_in("customer@demo").await;
    put(&mia, json!({ "until": eight })).await.problem(403, "forbidden");
    assert_eq!(rider.get("/v1/riders/me").await.good(200)["until"], eight);
    assert_eq!(other.get("/v1/riders/me").await.good(200)["until"], six, "nobody else's is touched");
    assert!(put(&rider, json!({ "until": null })).await.good(200)["until"].is_null());
}
