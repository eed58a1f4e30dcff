//! A rider's phone is connected to one node; who watches, and who searches, is on the other one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    nodes::{Cluster, PATIENCE},
    person::{Person, delivery_order, place},
    redis::Redis,
};

/// The rider's fixes go to one node only. The other one holds every lease, so it is there that the search finds the
/// rider, and there that the customer watches.
async fn cross(cluster: &Cluster) {
    let [there, here] = cluster.two().await; // `there` was first and holds the leases
    let (there, here) = (there.url(""), here.url(""));
    let rider = Person::sign_in(&here, "rider1@demo").await;
    let mia = Person::sign_in(&there, "customer@demo").await;
    let court = mia.get(&there, "/v1/courts").await.good()["items"][0].clone();
    let (lat, lon) = place(&court);

    let shift = json!({"vehicle": "bicycle", "capacity": 1});
    rider.put(&here, "/v1/riders/me/shift", &shift).await.good();
    let mut phone = rider.watch(&here, "rider:me").await;
    let mut sent = 0_u64;
    // Phones that send faster than five times a second are not listened to.
    let mut pace = tokio::time::interval(Duration::from_millis(200));
    let mut ride = async |phone: &mut crate::person::Socket| {
        pace.tick().await;
        sent += 1;
        let now = mia.get(&here, "/v1/demo").await.good()["business_now"].clone();
        let east = f64::from(u32::try_from(sent).unwrap()) * 0.000_02;
        let fix = json!({"seq": sent, "at": now, "lat": lat + 0.001, "lon": lon + east, "accuracy_m": 5.0});
        phone.say(&json!({"type": "fixes", "id": 7, "fixes": [fix]})).await;
        assert_eq!(phone.next("fixes_taken").await["accepted"], json!(1));
    };
    ride(&mut phone).await;

    let body = delivery_order(&mia, &there).await;
    let order = mia.once(&there, "/v1/orders", "cross", &body).await.good();
    let path = format!("/v1/orders/{}", order["order_id"].as_str().unwrap());
    let cook = cook_of(&there, &order).await;
    let ticket = format!("/v1/tickets/{}", order["parts"][0]["ticket_id"].as_str().unwrap());
    let tickets = format!("/v1/kitchens/{}/tickets", order["parts"][0]["kitchen_id"].as_str().unwrap());
    let shown = |list: &Value| list["items"].as_array().is_some_and(|list| !list.is_empty());
    cook.until(&there, &tickets, "the kitchen has the ticket", shown).await;
    cook.post(&there, &format!("{ticket}/acceptance"), &json!({"prep_min": 1})).await.good();
    mia.until(&there, &path, "the order is accepted", |order| order["status"] != "placed").await;
    // Which reaches the kitchen as a fact, a moment later.
    let ready = async { while cook.post(&there, &format!("{ticket}/ready"), &json!({})).await.status != 200 {} };
    tokio::time::timeout(PATIENCE, ready).await.expect("the food is ready");

    // The search runs there, and knows the rider's place from here.
    let offered = async {
        loop {
            ride(&mut phone).await;
            let me = rider.get(&here, "/v1/riders/me").await.good();
            if let Some(offer) = me["offers"].as_array().unwrap().first() {
                return offer.clone();
            }
        }
    };
    let offer = tokio::time::timeout(PATIENCE, offered).await.expect("the search finds the rider on the other node");
    let accept = format!("/v1/offers/{}/acceptance", offer["offer_id"].as_str().unwrap());
    let taken = rider.post(&here, &accept, &json!({})).await;
    assert!([200, 202].contains(&taken.status), "{taken:?}");
    mia.until(&there, &path, "the rider is known", |order| !order["rider_id"].is_null()).await;

    // The customer watches there, the rider rides here.
    let mut page = mia.watch(&there, &format!("order:{}", order["order_id"].as_str().unwrap())).await;
    let mut numbers = Vec::new();
    while numbers.len() < 3 {
        ride(&mut phone).await;
        let position = page.next("position").await;
        assert_eq!(position["data"]["coarse"], json!(true), "before pickup a customer sees about where");
        numbers.push(position["fix_seq"].as_u64().unwrap());
    }
    assert!(numbers.is_sorted_by(|one, next| one < next), "a rider went back: {numbers:?}");

    // And so does the operator, from the first picture on.
    let admin = Person::sign_in(&there, "admin@demo").await;
    let seen = |riders: &Value| {
        riders["items"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["rider_id"] == *rider.id && !one["position"].is_null()))
    };
    admin.until(&there, "/v1/admin/riders", "the operator sees where the rider is", seen).await;
    cluster.check();
}

/// The staff of the kitchen that cooks the first part of `order`.
async fn cook_of(base: &str, order: &Value) -> Person {
    let anybody = Person::sign_in(base, "staff@demo").await;
    let demo = anybody.get(base, "/v1/demo").await.good();
    let kitchen = &order["parts"][0]["kitchen_id"];
    let works = |account: &&Value| account["kitchens"].as_array().is_some_and(|kitchens| kitchens.contains(kitchen));
    let account = demo["accounts"].as_array().unwrap().iter().find(works).expect("every demo kitchen has staff");
    Person::sign_in(base, account["email"].as_str().unwrap()).await
}

#[actix::test]
async fn positions_and_searches_cross_nodes_over_redis() {
    let redis = Redis::start();
    cross(&Cluster::new(&[("REDIS__URL", &redis.url())]).await).await;
}

#[actix::test]
async fn positions_and_searches_cross_nodes_without_redis() {
    cross(&Cluster::new(&[]).await).await;
}
