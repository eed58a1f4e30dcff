//! A court opened from nothing over the API: ordered from, cooked by its own staff, brought by its own rider; and
//! those who run it take back what they gave.

use foodcourt_actors::{
    ids::OrderId,
    user::{Role, credentials::Email},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    ride::{offer_to, ticket_of},
    world::{Answer, Person, World, kitchens, random, staff_of},
};

fn court_of(name: &str) -> Value {
    json!({
        "name": name, "position": { "lat": 6.4281, "lon": 3.4219 }, "time_zone": "Africa/Lagos", "currency": "NGN",
        "delivery_fee": 50_000, "service_fee_basis_points": 250, "delivery_radius_m": 4_000, "proof": "pin"
    })
}

fn menu() -> Value {
    let naira = |amount: i64| json!({ "amount": amount, "currency": "NGN" });
    json!({ "items": [{
        "name": "Jollof rice", "section": "Mains", "price": naira(250_000),
        "modifier_groups": [{ "name": "How hot?", "min": 1, "max": 1, "modifiers": [
            { "name": "Mild", "price": naira(0) }, { "name": "Hot", "price": naira(5_000) }
        ] }]
    }] })
}

async fn put(person: &Person<'_>, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    person.call(Method::PUT, path, headers, Some(&body.to_string())).await
}

/// Opens a court with one kitchen.
async fn opened(admin: &Person<'_>, name: &str) -> (String, String) {
    let court = admin.once("/v1/courts", &court_of(name)).await.good(201);
    let court_id = court["court_id"].as_str().unwrap().to_owned();
    let kitchen = json!({ "name": "Mama Ngozi", "cuisine": "Jollof and suya", "prep_min": 12 });
    let kitchen = admin.once(&format!("/v1/courts/{court_id}/kitchens"), &kitchen).await.good(201);
    (court_id, kitchen["kitchen_id"].as_str().unwrap().to_owned())
}

fn roles_of(person: &Person<'_>) -> String {
    format!("/v1/admin/accounts/{}/roles", person.id())
}

#[actix_rt::test]
async fn a_court_from_nothing_takes_cooks_and_delivers_an_order() {
    let world = World::new().await;
    let admin = world.sign_in("admin@demo").await;
    let (court_id, kitchen_id) = opened(&admin, "Marina Food Hall").await;
    let listed = world.call(Method::GET, "/v1/courts", &[], None).await.good(200);
    let mine = listed["items"].as_array().unwrap().iter().find(|one| one["court_id"] == json!(court_id)).unwrap();
    assert_eq!((&mine["kitchens"], &mine["proof"]), (&json!([kitchen_id]), &json!("pin")));

    // People register themselves; the admin finds them by address and says what they are.
    let (cook, rider, mia) = (world.newcomer("cook").await, world.newcomer("rider").await, world.newcomer("mia").await);
    let found = admin.get("/v1/admin/accounts?email=COOK@").await.good(200);
    assert_eq!((found["items"].as_array().unwrap().len(), &found["items"][0]["user_id"]), (1, &json!(cook.id())));
    cook.get(&format!("/v1/kitchens/{kitchen_id}/settings")).await.problem(403, "forbidden");
    let staff = json!({ "roles": ["vendor_staff"], "courts": [court_id] });
    let given = put(&admin, &roles_of(&cook), &staff, &[]).await.good(200);
    assert_eq!(given["kitchens"], json!([kitchen_id]));
    put(&admin, &roles_of(&rider), &json!({ "roles": ["rider"] }), &[]).await.good(200);
    // They were customers, and are not any more: they sign in again.
    cook.get("/v1/me").await.problem(401, "unauthenticated");
    let cook = world.sign_in_with("cook@example.org", "correct horse").await;
    let rider = world.sign_in_with("rider@example.org", "correct horse").await;

    let path = format!("/v1/kitchens/{kitchen_id}/menu");
    let card = put(&cook, &path, &menu(), &[]).await.good(200);
    let dish = &card["items"][0];
    let hot = &dish["modifier_groups"][0]["modifiers"][1]["modifier_id"];
    let line = json!({ "kitchen_id": kitchen_id, "item_id": dish["item_id"], "quantity": 1, "modifiers": [hot] });
    let order = json!({
        "basket": { "court_id": court_id, "fulfilment": "delivery", "lines": [line], "dropoff": { "lat": 6.43, "lon": 3.43 } },
        "payment_method": "pm_ok", "contact": { "name": "Mia", "phone": "+234 801 234 5678", "address": "Awolowo Road 7" }
    });
    let placed = mia.once("/v1/orders", &order).await.good(201);
    assert_eq!(placed["totals"]["total"]["currency"], "NGN");
    let order_id: OrderId = placed["order_id"].as_str().unwrap().parse().unwrap();
    let ticket = ticket_of(&cook, &placed).await;
    let stranger = world.sign_in(&staff_of(kitchens()[0].opened.kitchen_id)).await;
    stranger.post(&format!("{ticket}/acceptance"), &json!({})).await.problem(404, "not-found");
    cook.post(&format!("{ticket}/acceptance"), &json!({})).await.good(200);
    mia.until(&format!("/v1/orders/{order_id}"), |order| order["status"] != "placed").await;

    let shift = json!({ "vehicle": "scooter", "capacity": 1 });
    put(&rider, "/v1/riders/me/shift", &shift, &[]).await.good(200);
    offer_to(&world, &rider, order_id).await;
    let me = rider.until("/v1/riders/me", |me| !me["offers"].as_array().unwrap().is_empty()).await;
    let offer = me["offers"][0]["offer_id"].as_str().unwrap().to_owned();
    let delivery = rider.post(&format!("/v1/offers/{offer}/acceptance"), &json!({})).await.good(200);
    let path = format!("/v1/deliveries/{}", delivery["delivery_id"].as_str().unwrap());
    for step in ["enroute_to_pickup", "arrived_at_pickup"] {
        rider.post(&format!("{path}/{step}"), &json!({})).await.good(200);
    }
    cook.post(&format!("{ticket}/ready"), &json!({})).await.good(200);
    rider.until(&path, |delivery| delivery["ready"] == true).await;
    let nothing = json!({ "roles": [] });
    let kept = put(&admin, &roles_of(&rider), &nothing, &[]).await;
    assert!(kept.problem(409, "not-acceptable-now")["detail"].as_str().unwrap().contains("held: 1"), "{}", kept.json());
    for step in ["picked_up", "enroute_to_dropoff", "arrived_at_dropoff"] {
        rider.post(&format!("{path}/{step}"), &json!({})).await.good(200);
    }
    rider.post(&format!("{path}/delivered"), &json!({})).await.problem(409, "proof-needed");
    let pin = mia.get(&format!("/v1/orders/{order_id}/pin")).await.good(200);
    rider.post(&format!("{path}/delivered"), &pin).await.good(200);
    mia.until(&format!("/v1/orders/{order_id}"), |order| order["status"] == "delivered").await;
    // Brought, and over: who brought it forgets the door, on the stream of events too.
    rider.get(&format!("/v1/orders/{order_id}/events")).await.problem(404, "not-found");
    rider.until("/v1/riders/me", |me| me["deliveries"].as_array().is_none_or(Vec::is_empty)).await;
    put(&admin, &roles_of(&rider), &nothing, &[]).await.good(200);
}

#[actix_rt::test]
async fn a_court_is_opened_once_and_changed_by_who_has_seen_it() {
    let world = World::new().await;
    let admin = world.sign_in("admin@demo").await;
    let first = admin.keyed("/v1/courts", "c", &court_of("Marina")).await;
    let court_id = first.good(201)["court_id"].as_str().unwrap().to_owned();
    assert_eq!(admin.keyed("/v1/courts", "c", &court_of("Marina")).await.bytes, first.bytes);
    admin.keyed("/v1/courts", "c", &court_of("Other")).await.problem(422, "key-reused");
    admin.post("/v1/courts", &court_of("Marina")).await.problem(400, "idempotency-key-missing");

    let path = format!("/v1/courts/{court_id}");
    let seen = world.call(Method::GET, &path, &[], None).await;
    assert_eq!((seen.header("etag"), first.header("etag")), ("\"1\"".to_owned(), "\"1\"".to_owned()));
    let kitchen = json!({ "name": "Grill", "hours": { "spans": { "1": [{ "from_min": 600, "to_min": 1320 }] } } });
    let kitchen = admin.once(&format!("{path}/kitchens"), &kitchen).await.good(201);
    assert_eq!((&kitchen["hours"]["time_zone"], &kitchen["prep_min"]), (&json!("Africa/Lagos"), &json!(10)));

    let mut moved = court_of("Harbour");
    moved["time_zone"] = json!("Europe/Lisbon");
    let changed = put(&admin, &path, &moved, &[("if-match", "\"1\"")]).await;
    assert_eq!((changed.header("etag"), changed.good(200)["name"].clone()), ("\"2\"".to_owned(), json!("Harbour")));
    assert_eq!(changed.json()["kitchens"], json!([kitchen["kitchen_id"]]), "its kitchens stay");
    // The same again is how a first try that was cut off is finished; anything else must have seen the change.
    let again = put(&admin, &path, &moved, &[("if-match", "\"1\"")]).await;
    assert_eq!((again.header("etag"), again.good(200)), ("\"2\"".to_owned(), changed.json()));
    put(&admin, &path, &court_of("Marina"), &[("if-match", "\"1\"")]).await.problem(412, "version-mismatch");
    let settings = format!("/v1/kitchens/{}/settings", kitchen["kitchen_id"].as_str().unwrap());
    let now = admin.get(&settings).await.good(200);
    assert_eq!(now["hours"]["time_zone"], "Europe/Lisbon", "hours are read in the court's time zone");
    assert_eq!(now["hours"]["spans"], kitchen["hours"]["spans"]);
}

#[actix_rt::test]
async fn what_cannot_be_is_named() {
    let world = World::new().await;
    let admin = world.sign_in("admin@demo").await;
    let (court_id, kitchen_id) = opened(&admin, "Marina").await;
    let pointer = |answer: &Answer| answer.problem(422, "invalid-field")["errors"][0]["pointer"].clone();
    for (field, value) in [
        ("name", json!(" ")),
        ("position", json!({ "lat": 91, "lon": 0 })),
        ("time_zone", json!("Lagos")),
        ("currency", json!("naira")),
        ("delivery_fee", json!(-1)),
        ("delivery_radius_m", json!(10)),
        ("proof", json!("word")),
        ("colour", json!("red")),
    ] {
        let mut court = court_of("Marina");
        court[field] = value;
        assert_eq!(pointer(&admin.once("/v1/courts", &court).await), format!("/{field}"));
    }
    let mut euro = court_of("Marina");
    euro["currency"] = json!("EUR");
    assert_eq!(pointer(&put(&admin, &format!("/v1/courts/{court_id}"), &euro, &[]).await), "/currency");
    for (body, expected) in [
        (json!({}), "/name"),
        (json!({ "name": "Grill", "prep_min": 0 }), "/prep_min"),
        (json!({ "name": "Grill", "hours": { "time_zone": "UTC", "spans": {} } }), "/hours/time_zone"),
        (json!({ "name": "Grill", "hours": { "spans": { "8": [] } } }), "/hours/spans/8"),
        (
            json!({ "name": "Grill", "hours": { "spans": { "1": [{ "from_min": 600, "to_min": 600 }] } } }),
            "/hours/spans/1/0",
        ),
    ] {
        assert_eq!(pointer(&admin.once(&format!("/v1/courts/{court_id}/kitchens"), &body).await), expected);
        assert_eq!(pointer(&put(&admin, &format!("/v1/kitchens/{kitchen_id}/settings"), &body, &[]).await), expected);
    }
    let mut card = menu();
    card["items"][0]["price"]["currency"] = json!("EUR");
    card["items"][0]["modifier_groups"] = json!([]);
    let path = format!("/v1/kitchens/{kitchen_id}/menu");
    assert_eq!(pointer(&put(&admin, &path, &card, &[]).await), "/items/0/price/currency");

    let mia = world.newcomer("mia").await;
    for (body, expected) in [
        (json!({ "roles": ["cook"] }), "/roles/0"),
        (json!({ "roles": ["rider"], "kitchens": [kitchen_id] }), "/kitchens"),
        (json!({ "roles": ["vendor_staff"] }), "/kitchens"),
        (json!({ "roles": ["vendor_staff"], "kitchens": [kitchen_id, random()] }), "/kitchens/1"),
        (json!({ "roles": ["vendor_staff"], "courts": [random()] }), "/courts/0"),
    ] {
        assert_eq!(pointer(&put(&admin, &roles_of(&mia), &body, &[]).await), expected);
    }
    admin
        .once(&format!("/v1/courts/{}/kitchens", random()), &json!({ "name": "Grill" }))
        .await
        .problem(404, "not-found");
    let nobody = format!("/v1/admin/accounts/{}", random());
    admin.get(&nobody).await.problem(404, "not-found");
    put(&admin, &format!("{nobody}/roles"), &json!({ "roles": [] }), &[]).await.problem(404, "not-found");
}

#[actix_rt::test]
async fn a_role_is_given_and_taken_away_at_once() {
    let world = World::new().await;
    let admin = world.sign_in("admin@demo").await;
    let mia = world.newcomer("mia").await;
    let both = json!({ "roles": ["customer", "rider"] });
    put(&mia, &roles_of(&mia), &both, &[]).await.problem(403, "forbidden");
    let given = put(&admin, &roles_of(&mia), &both, &[("if-match", "\"1\"")]).await;
    assert_eq!((given.header("etag"), given.good(200)["version"].clone()), ("\"2\"".to_owned(), json!(2)));
    put(&admin, &roles_of(&mia), &both, &[("if-match", "\"1\"")]).await.problem(412, "version-mismatch");
    // Given: the same token can do more.
    let shift = json!({ "vehicle": "bicycle", "capacity": 2 });
    put(&mia, "/v1/riders/me/shift", &shift, &[]).await.good(200);
    // Taken: the session ends, here at once and elsewhere with the next reading of ended sessions; so does the shift.
    put(&admin, &roles_of(&mia), &json!({ "roles": ["customer"] }), &[]).await.good(200);
    mia.get("/v1/riders/me").await.problem(401, "unauthenticated");
    assert!(world.services.riders.look(mia.id().0).await.unwrap().state.shift.is_none());
    let again = world.sign_in_with("mia@example.org", "correct horse").await;
    again.get("/v1/riders/me").await.problem(403, "forbidden");
    let refresh = json!({ "refresh_token": mia.session["refresh_token"] }).to_string();
    world.call(Method::POST, "/v1/auth/refresh", &[], Some(&refresh)).await.problem(401, "unauthenticated");
    // Nobody locks everybody out by mistake.
    let none = put(&admin, &roles_of(&admin), &json!({ "roles": [] }), &[]).await;
    none.problem(409, "not-acceptable-now");

    let stored = world.services.accounts.by_email(Email::parse("mia@example.org").unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.0.roles, [Role::Customer]);
    // A change by another hand is heard of, too.
    let other = world.sign_in("rider1@demo").await;
    let sql = "update account set roles = array['customer'] where email = 'rider1@demo'";
    world.database.database().execute(sql, &[]).await.unwrap();
    world.services.identities.refresh().await.unwrap();
    other.get("/v1/riders/me").await.problem(403, "forbidden");
}

#[actix_rt::test]
async fn accounts_are_listed_by_address_page_by_page() {
    let world = World::new().await;
    let admin = world.sign_in("admin@demo").await;
    let (mut path, mut seen) = ("/v1/admin/accounts?limit=4".to_owned(), vec![]);
    loop {
        let page = admin.get(&path).await.good(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 4);
        seen.extend(items.iter().map(|item| item["email"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/admin/accounts?limit=4&cursor={cursor}");
    }
    let mut expected: Vec<_> = foodcourt_actors::demo::accounts().into_iter().map(|account| account.email).collect();
    expected.sort();
    assert_eq!(seen, expected);
    let riders = admin.get("/v1/admin/accounts?email=rider").await.good(200);
    assert_eq!(riders["items"].as_array().unwrap().len(), 5);
    admin.get("/v1/admin/accounts?cursor=%21").await.problem(400, "bad-request");
    admin.get("/v1/admin/accounts?limit=1000").await.problem(422, "invalid-field");
    assert!(admin.get("/v1/admin/accounts?email=nobody").await.good(200)["items"].as_array().unwrap().is_empty());
    world.sign_in("customer@demo").await.get("/v1/admin/accounts").await.problem(403, "forbidden");
}

#[actix_rt::test]
async fn nobody_is_given_more_kitchens_than_an_account_holds() {
    let world = World::new().await;
    let admin = world.sign_in("admin@demo").await;
    // Two courts of 101 kitchens each: one fits an account, both do not.
    let mut courts = vec![];
    for name in ["Marina Food Hall", "Quay Food Hall"] {
        let court = admin.once("/v1/courts", &court_of(name)).await.good(201);
        let court_id = court["court_id"].as_str().unwrap().to_owned();
        for number in 1..=101 {
            let kitchen = json!({ "name": format!("Stall {number}"), "cuisine": "Suya" });
            admin.once(&format!("/v1/courts/{court_id}/kitchens"), &kitchen).await.good(201);
        }
        courts.push(court_id);
    }
    let cook = world.newcomer("cook").await;
    let both = json!({ "roles": ["vendor_staff"], "courts": courts });
    let refused = put(&admin, &roles_of(&cook), &both, &[]).await.problem(422, "invalid-field");
    assert_eq!(refused["errors"][0]["pointer"], "/courts", "{refused}");
    assert_eq!(cook.get("/v1/me").await.good(200)["roles"], json!(["customer"]), "nothing of it was done");
    let one = json!({ "roles": ["vendor_staff"], "courts": [courts[0]] });
    let given = put(&admin, &roles_of(&cook), &one, &[]).await.good(200);
    assert_eq!(given["kitchens"].as_array().unwrap().len(), 101);
}
