//! A ride as positions tell it: expected times that move with it, arrivals noticed, and a word shortly before the door.

use foodcourt_actors::{
    ids::OrderId,
    place::{LocalMap, Position},
};
use serde_json::{Value, json};

use crate::{
    ride::{offered, ticket_of},
    world::{Person, World, delivery_order, kitchens, staff_of},
};

/// A phone that says where it is.
struct Phone<'a> {
    rider: &'a Person<'a>,
    seq: u64,
}

impl Phone<'_> {
    /// `seconds` later the rider is at `place`, and the node has looked.
    async fn at(&mut self, seconds: i64, place: Position) {
        let world = self.rider.world;
        world.business.pass_s(seconds);
        self.seq += 1;
        let now = world.services.clock.now();
        let fix = json!({ "seq": self.seq, "at": now, "lat": place.lat(), "lon": place.lon(), "accuracy_m": 8.0 });
        let taken = self.rider.post("/v1/riders/me/locations", &json!({ "fixes": [fix] })).await.good(200);
        assert_eq!(taken["accepted"], 1, "{taken}");
        world.arrivals.round().await;
    }
}

fn minutes(later: &Value, earlier: &Value) -> f64 {
    let at = |value: &Value| serde_json::from_value::<foodcourt_actors::time::Timestamp>(value.clone()).unwrap();
    at(later).since(at(earlier)).as_secs_f64() / 60.0
}

#[actix_rt::test]
async fn positions_tell_when_and_that_the_rider_arrives() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let placed = mia.once("/v1/orders", &delivery_order()).await.good(201);
    let order_id: OrderId = placed["order_id"].as_str().unwrap().parse().unwrap();
    let order_path = format!("/v1/orders/{order_id}");
    let staff = world.sign_in(&staff_of(kitchens()[0].opened.kitchen_id)).await;
    let ticket = ticket_of(&staff, &placed).await;
    staff.post(&format!("{ticket}/acceptance"), &json!({ "prep_min": 5 })).await.good(200);
    mia.until(&order_path, |order| order["status"] != "placed").await;
    let (rider, offer) = offered(&world, "rider1@demo", order_id).await;
    let accept = format!("/v1/offers/{}/acceptance", offer["offer_id"].as_str().unwrap());
    let delivery = rider.post(&accept, &json!({})).await.good(200);
    assert!(delivery["dropoff_eta_at"].is_null(), "nothing is known of a rider without a position");
    let path = format!("/v1/deliveries/{}", delivery["delivery_id"].as_str().unwrap());
    mia.until(&order_path, |order| order["rider_id"].is_string()).await;
    let place = |value: &Value| serde_json::from_value::<Position>(value.clone()).unwrap();
    let (court, door) = (place(&delivery["pickup"]), place(&delivery["dropoff"]));
    let near = |spot: Position, metres: f64| LocalMap::around(spot).to_position([metres, 0.0]);

    // A kilometre away on a bicycle: five minutes and a bit to the court, and then to the door.
    let mut phone = Phone { rider: &rider, seq: 0 };
    phone.at(1, near(court, 1_000.0)).await;
    let now = json!(world.services.clock.now());
    let order = mia.until(&order_path, |order| order["dropoff_eta_at"].is_string()).await;
    assert!((minutes(&order["pickup_eta_at"], &now) - 5.2).abs() < 0.3, "{order}");
    assert!(minutes(&order["dropoff_eta_at"], &order["pickup_eta_at"]) > 1.0, "{order}");
    let shown = mia.get(&path).await.good(200);
    assert_eq!(
        (&shown["pickup_eta_at"], &shown["dropoff_eta_at"]),
        (&order["pickup_eta_at"], &order["dropoff_eta_at"])
    );
    let seen_by_staff = staff.get(&order_path).await.good(200);
    assert_eq!(
        (&seen_by_staff["pickup_eta_at"], &seen_by_staff["dropoff_eta_at"]),
        (&order["pickup_eta_at"], &Value::Null)
    );

    // As foreseen: no news. Standing still for five minutes: news.
    phone.at(60, near(court, 800.0)).await;
    assert_eq!(mia.get(&order_path).await.good(200)["dropoff_eta_at"], order["dropoff_eta_at"]);
    phone.at(300, near(court, 800.0)).await;
    let later = mia.until(&order_path, |now| now["dropoff_eta_at"] != order["dropoff_eta_at"]).await;
    assert!((minutes(&later["dropoff_eta_at"], &order["dropoff_eta_at"]) - 5.0).abs() < 0.5, "{later}");

    // Riding past the court is not arriving there; standing there is. The button then adds nothing.
    phone.at(200, near(court, 20.0)).await;
    phone.at(10, near(court, -150.0)).await;
    phone.at(30, near(court, 15.0)).await;
    assert_eq!(rider.get(&path).await.good(200)["state"], "confirmed");
    phone.at(25, near(court, 10.0)).await;
    assert_eq!(rider.get(&path).await.good(200)["state"], "arrived_at_pickup");
    rider.post(&format!("{path}/arrived_at_pickup"), &json!({})).await.good(200);
    staff.post(&format!("{ticket}/ready"), &json!({})).await.good(200);
    rider.until(&path, |delivery| delivery["ready"] == true).await;
    rider.post(&format!("{path}/picked_up"), &json!({})).await.good(200);

    // Near the door the customer is told, once, also by a message.
    mia.until(&order_path, |order| order["status"] == "picked_up").await;
    let far = near(door, 700.0);
    phone.at(120, far).await;
    phone.at(120, near(door, 120.0)).await;
    phone.at(10, near(door, 100.0)).await;
    let of_kind = |history: &Value, kind: &str| {
        history["items"].as_array().unwrap().iter().filter(|fact| fact["type"] == kind).count()
    };
    let events = format!("{order_path}/events");
    mia.until(&events, |history| of_kind(history, "order.courier_imminent") == 1).await;
    let told = |inbox: &Value| {
        let items = inbox["items"].as_array().unwrap();
        items.iter().filter(|message| message["topic"] == "courier_imminent").count()
    };
    mia.until("/v1/inbox", |inbox| told(inbox) == 1).await;
    phone.at(15, near(door, 5.0)).await;
    phone.at(25, near(door, 5.0)).await;
    assert_eq!(rider.get(&path).await.good(200)["state"], "arrived_at_dropoff");
    // So they are told that the rider is there, not when they might be.
    let there = mia.until(&order_path, |order| order["timeline"]["courier_arrived_at"].is_string()).await;
    assert_eq!(there["status"], "picked_up");
    assert!(staff.get(&order_path).await.good(200)["timeline"]["courier_arrived_at"].is_null());
    let at_door = |inbox: &Value| {
        inbox["items"].as_array().unwrap().iter().any(|message| message["text"] == "Your rider is at your door.")
    };
    mia.until("/v1/inbox", at_door).await;
    rider.post(&format!("{path}/delivered"), &json!({})).await.good(200);
    let over = mia.until(&order_path, |order| order["status"] == "delivered").await;
    assert!(over["dropoff_eta_at"].is_null() && over["pickup_eta_at"].is_null(), "{over}");
    let history = mia.get(&events).await.good(200);
    assert_eq!(of_kind(&history, "order.courier_imminent"), 1);
    assert_eq!(of_kind(&history, "order.courier_arrived"), 1);
    assert!((2..=6).contains(&of_kind(&history, "order.eta_moved")), "{history}");
}
