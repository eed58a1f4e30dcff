//! Every operation, called by everybody, with ids that are theirs, somebody else's, and nobody's. What is foreign
//! must answer exactly like what does not exist.

use foodcourt::http::{
    authorization::{Who, Whose},
    routes::{OPERATIONS, Operation},
};
use foodcourt_actors::{ids::OrderId, user::Role};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    ride::{offered, ticket_of},
    world::{Answer, Person, World, delivery_order, kitchens, method, random, staff_of},
};

/// A body that gets past the parser, so that the id is what is judged.
fn body_of(operation: &Operation) -> Value {
    match operation.id {
        "reject_ticket" => json!({ "reason": "other" }),
        "delay_ticket" => json!({ "by_min": 1 }),
        "publish_menu" => json!({ "items": [] }),
        "sell_out" => json!({ "item_id": Uuid::nil() }),
        "change_settings" => json!({ "name": "Grill" }),
        "pause_kitchen" => json!({ "until": "2027-01-16T00:00:00Z" }),
        _ => json!({}),
    }
}

async fn call(person: &Person<'_>, operation: &Operation, id: Uuid) -> Answer {
    let path = operation.path.replace("{id}", &id.to_string()).replace("{what}", &Uuid::nil().to_string());
    let key = person.world.services.ids.next().to_string();
    let body = (operation.verb.as_str() != "GET").then(|| body_of(operation).to_string());
    person.call(method(operation.verb), &path, &[("idempotency-key", &key)], body.as_deref()).await
}

/// A problem without what must differ: where it happened and its number in the log.
fn bare(answer: &Answer) -> Value {
    let mut body = answer.json();
    for field in ["instance", "error_id"] {
        body.as_object_mut().unwrap().remove(field);
    }
    body
}

fn may_call(operation: &Operation, role: Role) -> bool {
    match operation.who {
        Who::Anyone | Who::SignedIn => true,
        Who::Only(roles) => roles.contains(&role),
    }
}

#[actix_rt::test]
async fn foreign_is_absent_for_every_operation_and_everybody() {
    let world = World::new().await;
    // One of everything, none of it belonging to those who ask below.
    let mia = world.newcomer("mia").await;
    let placed = mia.once("/v1/orders", &delivery_order()).await.good(201);
    let order_id: OrderId = placed["order_id"].as_str().unwrap().parse().unwrap();
    let kitchen_id = kitchens()[0].opened.kitchen_id;
    let crew = world.sign_in(&staff_of(kitchen_id)).await;
    let ticket = ticket_of(&crew, &placed).await;
    crew.post(&format!("{ticket}/acceptance"), &json!({})).await.good(200);
    mia.until(&format!("/v1/orders/{order_id}"), |order| order["status"] != "placed").await;
    let (rider, offer) = offered(&world, "rider1@demo", order_id).await;
    let id_of = |value: &Value| Uuid::parse_str(value.as_str().unwrap()).unwrap();
    let delivery_id = id_of(&offer["delivery_id"]);

    let strangers = [
        (Role::Customer, world.sign_in("customer@demo").await),
        (Role::VendorStaff, world.sign_in(&staff_of(kitchens()[1].opened.kitchen_id)).await),
        (Role::Rider, world.sign_in("rider2@demo").await),
    ];
    let mut walked = 0;
    for operation in OPERATIONS {
        let foreign = match operation.whose {
            Whose::Nobodys => continue,
            Whose::Order => order_id.0,
            Whose::Kitchen => kitchen_id.0,
            Whose::Ticket => id_of(&placed["parts"][0]["ticket_id"]),
            Whose::Delivery => delivery_id,
            Whose::Offer => id_of(&offer["offer_id"]),
        };
        for (role, stranger) in &strangers {
            let (theirs, nobodys) =
                (call(stranger, operation, foreign).await, call(stranger, operation, random()).await);
            let expected = if may_call(operation, *role) { (404, "not-found") } else { (403, "forbidden") };
            theirs.problem(expected.0, expected.1);
            assert_eq!(
                (theirs.status, bare(&theirs)),
                (nobodys.status, bare(&nobodys)),
                "{} by {role:?}",
                operation.id
            );
            walked += 1;
        }
        let nobody = world.call(method(operation.verb), &operation.path.replace("{id}", "x"), &[], None).await;
        nobody.problem(401, "unauthenticated");
    }
    assert!(walked >= 60, "only {walked} were walked");
    // And those it belongs to see it: the walk above is no dead door.
    for (owner, path) in [
        (&mia, format!("/v1/orders/{order_id}")),
        (&mia, format!("/v1/deliveries/{delivery_id}")),
        (&crew, format!("/v1/orders/{order_id}")),
        (&crew, format!("/v1/kitchens/{kitchen_id}/tickets")),
        (&rider, "/v1/riders/me/offers".to_owned()),
    ] {
        owner.get(&path).await.good(200);
    }
    let seen_by_crew = crew.get(&format!("/v1/orders/{order_id}")).await.good(200);
    assert!(seen_by_crew["dropoff"].is_null() && seen_by_crew["totals"].is_null(), "{seen_by_crew}");
}

#[actix_rt::test]
async fn roles_open_what_their_row_says_and_nothing_else() {
    let world = World::new().await;
    let people = [
        (Role::Customer, world.sign_in("customer@demo").await),
        (Role::VendorStaff, world.sign_in("staff@demo").await),
        (Role::Rider, world.sign_in("rider1@demo").await),
        (Role::Admin, world.sign_in("admin@demo").await),
    ];
    for operation in OPERATIONS.iter().filter(|operation| operation.path.starts_with("/v1/")) {
        let anybody = world.call(method(operation.verb), operation.path, &[], Some("{}")).await;
        assert_eq!(
            anybody.status == 401,
            operation.who != Who::Anyone && !operation.path.contains("/auth/"),
            "{}",
            operation.id
        );
        for (role, person) in people.iter().filter(|_| operation.path != "/v1/auth/logout") {
            let answer = call(person, operation, random()).await;
            assert_eq!(
                answer.status != 403,
                may_call(operation, *role),
                "{} by {role:?}: {}",
                operation.id,
                answer.status
            );
        }
    }
}
