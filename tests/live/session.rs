//! A conversation as `docs/protocol.md` tells it.

use std::time::Duration;

use foodcourt::live::{LiveLimits, Topic};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::world::{World, order, principal};

#[actix_web::test]
async fn a_snapshot_at_n_is_followed_by_n_plus_1() {
    let world = World::start(LiveLimits::default(), 1);
    for _ in 0..5 {
        world.source.publish(order(1), 0);
    }
    let mut client = world.enter(principal(1, false)).await;
    assert_eq!(client.subscribe(order(1), None).await, 5);
    for seq in 6..12 {
        world.source.publish(order(1), 0);
        let fact = client.hear().await;
        assert_eq!((&fact["seq"], &fact["topic"]), (&json!(seq), &json!(order(1).to_string())));
        if seq % 7 == 3 {
            assert_eq!(fact, json!({"type": "redacted", "topic": order(1).to_string(), "seq": seq}));
        } else {
            assert_eq!((&fact["type"], &fact["data"]["version"]), (&json!("order.noted"), &json!(seq)));
        }
    }
}

#[actix_web::test]
async fn a_fact_that_cannot_be_shown_is_hidden_and_the_rest_goes_on() {
    let world = World::start(LiveLimits::default(), 1);
    world.source.publish(order(1), 0);
    world.source.poison.store(2, std::sync::atomic::Ordering::Relaxed);
    let mut client = world.enter(principal(1, false)).await;
    client.subscribe(order(1), None).await;
    for _ in 2..=4 {
        world.source.publish(order(1), 0);
    }
    assert_eq!(client.hear().await, json!({"type": "redacted", "topic": order(1).to_string(), "seq": 2}));
    assert_eq!(client.hear().await["seq"], 3);
    assert_eq!(client.hear().await["type"], "order.noted");
}

#[actix_web::test]
async fn a_topic_is_spelled_as_the_client_spelled_it() {
    let world = World::start(LiveLimits::default(), 1);
    let me = principal(9, true);
    world.source.publish(Topic::Rider(me.user_id.0), 0);
    let mut client = world.enter(me).await;
    client.subscribe(Topic::RiderMe, None).await;
    world.source.publish(Topic::Rider(me.user_id.0), 0);
    assert_eq!(client.hear().await["topic"], "rider:me");
}

#[actix_web::test]
async fn who_only_listens_hears_that_the_clock_runs_faster() {
    let world = World::start(LiveLimits { tick: Duration::from_millis(10), ..LiveLimits::default() }, 1);
    let (mut first, mut second) = (world.enter(principal(1, true)).await, world.enter(principal(2, false)).await);
    world.source.faster.store(19, std::sync::atomic::Ordering::Relaxed);
    let clock = json!({"type": "clock", "server_time": "2026-03-01T12:00:00Z", "business_speed": 20.0});
    assert_eq!((first.hear().await, second.hear().await), (clock.clone(), clock));
    first.say(json!({"type": "ping", "id": 1})).await;
    assert_eq!(first.hear().await, json!({"type": "pong", "id": 1}), "once");
}

#[actix_web::test]
async fn requests_are_answered_with_their_id() {
    let world = World::start(LiveLimits::default(), 1);
    world.source.publish(order(1), 0);
    world.source.publish(order(2), 0);
    world.source.foreign.lock().unwrap().insert(order(2));
    let mut client = world.enter(principal(1, false)).await;
    client.say(json!({"type": "ping", "id": 4})).await;
    assert_eq!(client.hear().await, json!({"type": "pong", "id": 4}));
    let mut refusals = Vec::new();
    for (id, topic) in [(5, order(2)), (6, order(3))] {
        client.say(json!({"type": "subscribe", "id": id, "topic": topic.to_string()})).await;
        let mut answer = client.hear().await;
        assert_eq!((&answer["id"], &answer["problem"]["status"]), (&json!(id), &json!(404)));
        refusals.push(answer["problem"].take());
    }
    assert_eq!(refusals[0], refusals[1], "foreign and absent cannot be told apart");
    client.subscribe(order(1), None).await;
    assert_eq!(client.subscribe(order(1), Some(1)).await, 1, "subscribing again begins again");
    client.say(json!({"type": "unsubscribe", "id": 8, "topic": order(1).to_string()})).await;
    assert_eq!(client.hear().await, json!({"type": "unsubscribed", "id": 8, "topic": order(1).to_string()}));
    client.say(json!({"type": "unsubscribe", "id": 8, "topic": order(1).to_string()})).await;
    assert_eq!(client.hear().await["problem"]["type"], "/problems/not-subscribed");
    world.source.publish(order(1), 0);
    for after in [3, 4, 7] {
        client.say(json!({"type": "subscribe", "id": 9, "topic": order(1).to_string(), "after": after})).await;
        assert_eq!(client.hear().await["problem"]["type"], "/problems/cursor-ahead", "{after}");
    }
    client.say(json!({"type": "subscribe", "id": 9, "topic": "payment:1"})).await;
    assert_eq!(client.hear().await["problem"]["status"], 422);
    client.say(json!({"type": "fixes", "id": 10, "fixes": [fix(1)]})).await;
    assert_eq!(client.hear().await["problem"]["status"], 403, "a customer sends no fixes");
}

#[actix_web::test]
async fn a_topic_that_may_no_longer_be_watched_is_ended_for_that_person_only() {
    let world = World::start(LiveLimits::default(), 2);
    world.source.publish(order(1), 0);
    let (mut former, mut other) = (world.enter(principal(1, true)).await, world.enter(principal(2, true)).await);
    former.subscribe(order(1), None).await;
    other.subscribe(order(1), None).await;
    world.hub.close_topic(principal(1, true).user_id, order(1));
    let ended = former.hear().await;
    assert_eq!((&ended["type"], &ended["problem"]["status"]), (&json!("unsubscribed"), &json!(404)));
    world.source.publish(order(1), 0);
    assert_eq!(other.hear().await["seq"], 2);
    former.say(json!({"type": "ping", "id": 1})).await;
    assert_eq!(former.hear().await["type"], "pong", "nothing more of the topic, and the socket lives");
}

fn fix(seq: u64) -> serde_json::Value {
    json!({"seq": seq, "at": "2026-03-01T12:00:00Z", "lat": 50.1, "lon": 8.6, "accuracy_m": 8})
}

#[actix_web::test]
async fn a_riders_fixes_reach_the_customer_at_most_once_a_period_and_latest_wins() {
    let every = Duration::from_millis(200);
    let world = World::start(LiveLimits { position_every: every, tick: every / 4, ..LiveLimits::default() }, 2);
    world.source.publish(order(1), 0);
    let mut customer = world.enter(principal(1, false)).await;
    customer.subscribe(order(1), None).await;
    let mut rider = world.enter(principal(2, true)).await;
    for seq in 1..=50 {
        rider.say(json!({"type": "fixes", "id": seq, "fixes": [fix(2 * seq - 1), fix(2 * seq)]})).await;
        let taken = rider.hear().await;
        let expected =
            json!({"type": "fixes_taken", "id": seq, "accepted": 2, "late": 0, "quarantined": 0, "fix_seq": 2 * seq});
        assert_eq!(taken, expected);
    }
    let mut heard = Vec::new();
    while heard.last() != Some(&100) {
        let position = customer.hear().await;
        assert_eq!((&position["type"], &position["data"]["lat"]), (&json!("position"), &json!(50.1)));
        heard.push(position["fix_seq"].as_u64().unwrap());
    }
    assert!(heard.len() < 50 && heard.is_sorted(), "{heard:?}");
}

#[actix_web::test]
async fn the_city_shows_every_rider_and_holds_none_back_for_another() {
    let world = World::start(LiveLimits::default(), 1);
    let mut admin = world.enter(principal(1, false)).await;
    assert_eq!(admin.subscribe(Topic::City, None).await, 0);
    for rider in 1..=30_u128 {
        world.hub.position(Topic::City, Uuid::from_u128(rider), 5, json!({"rider_id": rider.to_string()}));
    }
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 30 {
        let position = admin.hear().await;
        assert_eq!((&position["type"], &position["topic"]), (&json!("position"), &json!("city")));
        assert!(seen.insert(position["data"]["rider_id"].as_str().unwrap().to_owned()), "{position} came twice");
    }
}

#[actix_web::test]
async fn a_native_client_is_known_by_its_token_and_frames_sent_with_the_upgrade_are_read() {
    let world = World::start(LiveLimits::default(), 1);
    let mut socket = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let mut upgrade = format!(
        "GET /v1/live HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: foodcourt.v1\r\nAuthorization: Bearer good\r\n\r\n",
        world.address
    )
    .into_bytes();
    upgrade.extend_from_slice(&crate::guards::masked(0x81, br#"{"type":"ping","id":1}"#));
    socket.write_all(&upgrade).await.unwrap();
    let mut heard = String::new();
    while !heard.contains(r#"{"type":"pong","id":1}"#) {
        let mut bytes = [0; 4096];
        let read = tokio::time::timeout(crate::world::PATIENCE, socket.read(&mut bytes)).await.unwrap().unwrap();
        assert!(read > 0, "closed after {heard}");
        heard.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    assert!(heard.starts_with("HTTP/1.1 101") && heard.contains(r#"{"type":"welcome""#), "{heard}");
}
