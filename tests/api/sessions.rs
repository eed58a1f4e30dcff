//! Signing up, in and out; tokens that are not ours.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use foodcourt::http::{identity::Identities, limits::Rates};
use foodcourt_actors::user::revocation::Revocations;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

/// What another node on the same database knows of who is signed in: nothing yet.
fn another_node(world: &World) -> Identities {
    let services = &world.services;
    Identities::new(services.tokens.clone(), services.accounts.clone(), Revocations::default(), services.wall.clone())
}

async fn refresh(world: &World, token: &Value) -> crate::world::Answer {
    let body = json!({ "refresh_token": token }).to_string();
    world.call(Method::POST, "/v1/auth/refresh", &[], Some(&body)).await
}

#[actix_rt::test]
async fn a_newcomer_registers_signs_in_and_is_known() {
    let world = World::new().await;
    let mia = world.newcomer("mia").await;
    let me = mia.get("/v1/me").await.good(200);
    assert_eq!((me["email"].as_str(), me["roles"][0].as_str()), (Some("mia@example.org"), Some("customer")));
    let again = json!({ "email": "MIA@example.org", "password": "correct horse", "display_name": "M" }).to_string();
    world.call(Method::POST, "/v1/auth/register", &[], Some(&again)).await.problem(409, "email-taken");
    let wrong = json!({ "email": "mia@example.org", "password": "wrong horse" }).to_string();
    world.call(Method::POST, "/v1/auth/token", &[], Some(&wrong)).await.problem(401, "wrong-credentials");
    let bad = json!({ "email": "x", "password": "short", "display_name": "" }).to_string();
    let bad = world.call(Method::POST, "/v1/auth/register", &[], Some(&bad)).await.problem(422, "invalid-field");
    assert_eq!(bad["errors"].as_array().unwrap().len(), 3, "{bad}");
}

#[actix_rt::test]
async fn tokens_that_are_not_ours_or_old_are_refused_and_say_what_to_do() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let token = mia.session["access_token"].as_str().unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let none = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#));
    let mut forged = token.to_owned();
    forged.replace_range(token.len() - 6..token.len() - 2, "AAAA");
    for bad in ["", "x", "a.b.c", none.as_str(), forged.as_str()] {
        let header = format!("Bearer {bad}");
        let answer = world.call(Method::GET, "/v1/me", &[("authorization", &header)], None).await;
        let detail = answer.problem(401, "unauthenticated")["detail"].clone();
        assert!(detail.as_str().unwrap().contains("POST /v1/auth/token"), "{bad}: {detail}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let nobody = world.call(Method::GET, "/v1/me", &[], None).await.problem(401, "unauthenticated");
    assert!(nobody["detail"].as_str().unwrap().starts_with("send an access token"), "{nobody}");
    world.wall.pass_s(304);
    assert_eq!(mia.get("/v1/me").await.status, 200);
    world.wall.pass_s(2);
    let old = mia.get("/v1/me").await.problem(401, "unauthenticated");
    assert_eq!(old["detail"], "the access token has expired; POST /v1/auth/refresh gives a new one");
}

#[actix_rt::test]
async fn a_used_refresh_token_ends_the_session_for_everybody() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let first = &mia.session["refresh_token"];
    let second = refresh(&world, first).await.good(200);
    assert_eq!(second["expires_in"], 300);
    let third = refresh(&world, &second["refresh_token"]).await.good(200);
    let bearer = format!("Bearer {}", third["access_token"].as_str().unwrap());
    assert_eq!(world.call(Method::GET, "/v1/me", &[("authorization", &bearer)], None).await.status, 200);
    refresh(&world, first).await.problem(401, "unauthenticated");
    refresh(&world, &third["refresh_token"]).await.problem(401, "unauthenticated");
    // The access token dies with its session, at once on this node.
    world.call(Method::GET, "/v1/me", &[("authorization", &bearer)], None).await.problem(401, "unauthenticated");
}

#[actix_rt::test]
async fn a_lost_reply_is_made_good_within_seconds_only() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let first = &mia.session["refresh_token"];
    let lost = refresh(&world, first).await.good(200);
    world.wall.pass_s(9);
    let retried = refresh(&world, first).await.good(200);
    let next = refresh(&world, &retried["refresh_token"]).await.good(200);
    // Whoever comes with the reply that was thought lost is a second holder.
    refresh(&world, &lost["refresh_token"]).await.problem(401, "unauthenticated");
    refresh(&world, &next["refresh_token"]).await.problem(401, "unauthenticated");
}

#[actix_rt::test]
async fn signing_out_ends_the_access_token_too_and_other_nodes_hear_of_it() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    assert_eq!(mia.get("/v1/me").await.status, 200);
    let body = json!({ "refresh_token": mia.session["refresh_token"] }).to_string();
    assert_eq!(world.call(Method::POST, "/v1/auth/logout", &[], Some(&body)).await.status, 204);
    mia.get("/v1/me").await.problem(401, "unauthenticated");
    let other = another_node(&world);
    let token = mia.session["access_token"].as_str().unwrap();
    assert!(other.principal(token).await.is_ok());
    other.refresh().await.unwrap();
    assert!(other.principal(token).await.is_err());
}

#[actix_rt::test]
async fn a_node_that_was_away_for_long_hears_of_every_session_that_ended_meanwhile() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let session = world.services.tokens.check(mia.session["access_token"].as_str().unwrap()).unwrap().sid;
    let node = another_node(&world);
    node.refresh().await.unwrap();
    let mut sockets = node.revocations().listen();
    let body = json!({ "refresh_token": mia.session["refresh_token"] }).to_string();
    world.call(Method::POST, "/v1/auth/logout", &[], Some(&body)).await.good(204);
    // Far beyond the life of any access token; a socket that was opened with one is open still.
    world.wall.pass_s(3_600);
    node.refresh().await.unwrap();
    assert_eq!(sockets.try_recv().unwrap(), session);
    // Heard once: nothing is closed again by the readings after it.
    node.refresh().await.unwrap();
    assert!(sockets.try_recv().is_err());
}

#[actix_rt::test]
async fn whoever_leaves_a_kitchen_is_out_of_it_with_the_next_reading_of_changes() {
    let world = World::new().await;
    let cook = world.sign_in("ramen@demo").await;
    let token = cook.session["access_token"].as_str().unwrap();
    let node = another_node(&world);
    node.refresh().await.unwrap();
    let before = node.principal(token).await.unwrap();
    assert!(!before.account.kitchens.is_empty());
    let leave = "delete from kitchen_member where user_id = $1";
    world.database.database().execute(leave, &[&before.user_id().0]).await.unwrap();
    // Remembered while nothing is heard, and no longer than that.
    assert_eq!(node.principal(token).await.unwrap().account.kitchens, before.account.kitchens);
    node.refresh().await.unwrap();
    assert!(node.principal(token).await.unwrap().account.kitchens.is_empty());
    // While the store says nothing, four seconds are the longest.
    let promote = "update account set roles = array['customer'] where user_id = $1";
    world.database.database().execute(promote, &[&before.user_id().0]).await.unwrap();
    world.wall.pass_s(5);
    assert_eq!(node.principal(token).await.unwrap().account.roles.len(), 1);
    assert!(node.principal(token).await.unwrap().is(foodcourt_actors::user::Role::Customer));
    // A reading hears of who is gone, too, although no row says when.
    node.refresh().await.unwrap();
    assert!(node.principal(token).await.is_ok());
    let pool = world.database.database();
    pool.execute(
        "delete from refresh_token where family_id in (select family_id from session where user_id = $1)",
        &[&before.user_id().0],
    )
    .await
    .unwrap();
    pool.execute("delete from session where user_id = $1", &[&before.user_id().0]).await.unwrap();
    pool.execute("delete from account where user_id = $1", &[&before.user_id().0]).await.unwrap();
    node.refresh().await.unwrap();
    node.principal(token).await.unwrap_err();
}

#[actix_rt::test]
async fn guessers_wait_and_the_owner_elsewhere_does_not() {
    let world = World::new().await;
    let wrong = json!({ "email": "customer@demo", "password": "wrong horse" }).to_string();
    for _ in 0..5 {
        world.call(Method::POST, "/v1/auth/token", &[], Some(&wrong)).await.problem(401, "wrong-credentials");
    }
    let slowed = world.call(Method::POST, "/v1/auth/token", &[], Some(&wrong)).await;
    slowed.problem(429, "too-many-requests");
    assert_eq!(slowed.header("retry-after"), "1");
    world.sign_in("rider1@demo").await; // the same address, another account
    world.wall.pass_s(1);
    world.sign_in("customer@demo").await;
}

#[actix_rt::test]
async fn limits_are_told_and_kept() {
    let world = World::with(Rates { read_per_min: 3, ..Rates::default() }).await;
    let mia = world.sign_in("customer@demo").await;
    let first = mia.get("/v1/me").await;
    assert_eq!(first.header("ratelimit-policy"), "\"read\";q=3;w=60");
    assert_eq!(first.header("ratelimit"), "\"read\";r=2");
    mia.get("/v1/me").await.good(200);
    mia.get("/v1/me").await.good(200);
    let over = mia.get("/v1/me").await;
    over.problem(429, "too-many-requests");
    assert!(over.header("retry-after").parse::<u32>().unwrap() >= 1);
}

#[actix_rt::test]
async fn a_live_ticket_works_once_and_for_half_a_minute() {
    let world = World::new().await;
    let mia = world.sign_in("customer@demo").await;
    let ticket = mia.post("/v1/live/ticket", &json!({})).await.good(201);
    let ticket = ticket["ticket"].as_str().unwrap();
    let services = &world.services;
    assert_eq!(foodcourt::http::live::redeem(services, ticket).await.unwrap().user_id(), mia.id());
    assert!(foodcourt::http::live::redeem(services, ticket).await.is_err());
}
