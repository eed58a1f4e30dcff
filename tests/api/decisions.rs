//! Why a delivery went the way it did: its facts and what was weighed between them, for admins.

use foodcourt::postgres::records::{DecisionRow, PostgresRecords};
use foodcourt_actors::{
    dispatch::{
        live::Weighed,
        record::{Bar, Barred, Candidate, Decision, Policy, Said},
    },
    ids::{DeliveryId, RiderId, UserId},
    place::Position,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    ride::{accepted_order, offered},
    world::{World, random},
};

fn decision(rider_id: RiderId) -> Decision {
    let (pickup, dropoff) = (Position::new(52.5, 13.4).unwrap(), Position::new(52.51, 13.41).unwrap());
    let at = foodcourt_actors::time::Timestamp::from_micros(1_800_000_000_000_000);
    let weighed = Weighed {
        rider_id,
        distance_m: 300,
        busy_s: 0,
        to_pickup_s: 94,
        wait_s: 120,
        shelf_s: 0,
        to_dropoff_s: 310,
        late_s: 0,
        handicap_s: 0,
        declined: false,
    };
    let silent = Barred { rider_id: UserId(random()), why: Bar::Silent, distance_m: Some(90), position: Some(pickup) };
    Decision {
        policy: Policy::Nearest,
        round: 1,
        said: Said::Ask { rider_id },
        also: vec![],
        route: vec![],
        open: 1,
        riders: 2,
        radius_m: 1_000,
        pickup,
        dropoff,
        ready_at: at,
        promised_at: at.plus_min(30),
        deadline_at: at.plus_s(15),
        candidates: vec![Candidate { weighed, position: pickup }],
        barred: vec![silent],
    }
}

#[actix_rt::test]
async fn facts_and_what_was_weighed_stand_in_the_order_of_time() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let order_id = accepted_order(&world, &mia).await;
    let (rider, offer) = offered(&world, "rider1@demo", order_id).await;
    rider.post(&format!("/v1/offers/{}/acceptance", offer["offer_id"].as_str().unwrap()), &json!({})).await.good(200);

    let admin = world.sign_in("admin@demo").await;
    let delivery_id = DeliveryId::of(order_id);
    let path = format!("/v1/admin/deliveries/{delivery_id}/decisions");
    let facts = admin.get(&path).await.good(200)["items"].as_array().unwrap().clone();
    let offered_at = facts.iter().find(|item| item["type"] == "delivery.offered").unwrap()["at"].clone();
    // Written by the node's own writer where there is one; between the search and the offer.
    let at: jiff::Timestamp = offered_at.as_str().unwrap().parse().unwrap();
    let at = foodcourt_actors::time::Timestamp::from_micros(at.as_microsecond() - 1);
    let body = serde_json::to_string(&decision(rider.id())).unwrap();
    let row = DecisionRow { decision_id: world.services.ids.next(), delivery_id, at, body };
    let store = PostgresRecords::new(world.database.database().clone());
    store.write(Uuid::nil(), &[], &[row]).await.unwrap();

    let all = admin.get(&path).await.good(200);
    let items = all["items"].as_array().unwrap();
    let kinds: Vec<&str> = items.iter().map(|item| item["type"].as_str().unwrap()).collect();
    let place =
        |kind: &str| kinds.iter().position(|other| *other == kind).unwrap_or_else(|| panic!("no {kind}: {kinds:?}"));
    assert_eq!(kinds[0], "delivery.requested");
    assert!(place("delivery.search_started") < place("decision"));
    assert_eq!(place("delivery.offered"), place("decision") + 1);
    assert!(place("delivery.offered") < place("delivery.assigned"));
    let weighed = &items[place("decision")]["decision"];
    assert_eq!(weighed["said"], json!({ "do": "ask", "rider_id": rider.id() }));
    assert_eq!(weighed["candidates"][0]["to_pickup_s"], 94);
    assert_eq!(weighed["candidates"][0]["position"], json!({ "lat": 52.5, "lon": 13.4 }));
    assert_eq!(weighed["barred"][0]["why"], "silent");

    // Page by page it is the same.
    let mut walked: Vec<Value> = Vec::new();
    let mut next = format!("{path}?limit=2");
    loop {
        let page = admin.get(&next).await.good(200);
        walked.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("{path}?limit=2&cursor={cursor}");
    }
    assert_eq!(&walked, items);

    mia.get(&path).await.problem(403, "forbidden");
    rider.get(&path).await.problem(403, "forbidden");
    let staff = world.sign_in("staff@demo").await;
    staff.get(&path).await.problem(403, "forbidden");
    admin.get(&format!("/v1/admin/deliveries/{}/decisions", random())).await.problem(404, "not-found");
    admin.get(&format!("{path}?limit=0")).await.problem(422, "invalid-field");
    admin.get(&format!("{path}?cursor=x")).await.problem(400, "bad-request");
}
