//! Positions between nodes.

use std::time::Duration;

use foodcourt::redis::Settings;
use fred::interfaces::{ClientLike, HashesInterface, KeysInterface, PubsubInterface, SortedSetsInterface};

use crate::{
    node::{Node, TIMEOUT, fix, rider},
    server::{Redis, in_time, until},
};

#[actix_rt::test]
async fn positions_go_between_nodes_in_order_and_never_come_home() {
    let redis = Redis::start();
    let (a, b) = (Node::start(&redis.url(), 1), Node::start(&redis.url(), 2));
    for step in 1..=200 {
        (0..10).for_each(|n| a.moves(rider(n), step));
        b.moves(rider(100), step);
        tokio::task::yield_now().await;
    }
    until("each node knows the other's riders", || async {
        (0..10).all(|n| b.heard.newest(rider(n)) == 200) && a.heard.newest(rider(100)) == 200
    })
    .await;
    a.heard.check();
    b.heard.check();
    assert_eq!(a.heard.newest(rider(0)), 0, "a node hears nothing of its own riders");
    assert_eq!(b.heard.newest(rider(100)), 0);
}

#[actix_rt::test]
async fn a_node_that_starts_anew_knows_where_riders_are() {
    let redis = Redis::start();
    let first = Node::start(&redis.url(), 1);
    (0..600).for_each(|n| first.moves(rider(n), 40));
    let raw = redis.raw().await;
    until("all are kept", || async { raw.zcard::<u64, _>("foodcourt:riders:seen").await.unwrap() == 600 }).await;
    first.side.stop().await;
    let again = Node::start(&redis.url(), 2);
    until("all are known", || async { (0..600).all(|n| again.heard.newest(rider(n)) == 40) }).await;
    again.heard.check();
    // An older position from anywhere moves nobody back, neither there nor here.
    let late = Node::start(&redis.url(), 3);
    late.moves(rider(1), 39);
    late.moves(rider(2), 41);
    until("the newer one has come", || async { again.heard.newest(rider(2)) == 41 }).await;
    again.heard.check();
    let kept: String = raw.hget(format!("foodcourt:rider:{}", rider(1)), "fix_seq").await.unwrap();
    assert_eq!(kept, "40");
    let ttl: i64 = raw.ttl(format!("foodcourt:rider:{}", rider(1))).await.unwrap();
    assert!((1..=300).contains(&ttl), "a silent rider is forgotten: {ttl}");
}

#[actix_rt::test]
async fn positions_resume_after_redis_was_killed_and_emptied() {
    let mut redis = Redis::start();
    let (a, b) = (Node::start(&redis.url(), 1), Node::start(&redis.url(), 2));
    a.moves(rider(1), 1);
    until("positions flow", || async { b.heard.newest(rider(1)) == 1 }).await;
    redis.kill();
    until("it is noticed", || async { !a.side.is_up() && !b.side.is_up() }).await;
    in_time("moving ten thousand riders without Redis", async { (0..10_000).for_each(|n| a.moves(rider(n), 5)) }).await;
    redis.restart();
    until("what waited arrives", || async { (0..10_000).all(|n| b.heard.newest(rider(n)) == 5) }).await;
    a.moves(rider(1), 6);
    until("positions flow again", || async { b.heard.newest(rider(1)) == 6 }).await;
    b.heard.check();
}

#[actix_rt::test]
async fn a_subscriber_that_is_overrun_reads_what_is_kept() {
    let redis = Redis::start();
    let listener = Node::with(Settings { messages_max: 1, ..Settings::new(&redis.url(), TIMEOUT) }, 1);
    let speaker = Node::start(&redis.url(), 2);
    speaker.moves(rider(1), 1);
    until("positions flow", || async { listener.heard.newest(rider(1)) == 1 }).await;
    let raw = redis.raw().await;
    let step = std::cell::Cell::new(1);
    // Noise in bursts, until some of it has pushed messages out.
    until("messages were missed", || async {
        step.set(step.get() + 1);
        speaker.moves(rider(1), step.get());
        let noise = raw.pipeline();
        for _ in 0..500 {
            let () = noise.publish("foodcourt:positions", "noise").await.unwrap();
        }
        let () = noise.all().await.unwrap();
        listener.side.missed_messages() > 0
    })
    .await;
    until("the newest is known all the same", || async { listener.heard.newest(rider(1)) == step.get() }).await;
    listener.heard.check();
}

#[actix_rt::test]
async fn off_duty_nothing_is_kept_and_poles_do_no_harm() {
    use foodcourt_actors::rider::trackers::PositionSink;
    let redis = Redis::start();
    let node = Node::start(&redis.url(), 1);
    let mut pole = fix(1);
    pole.position = foodcourt_actors::place::Position::new(89.9, 0.0).unwrap();
    let sink: std::sync::Arc<dyn PositionSink> = node.side.sink();
    sink.moved(rider(1), 1, &pole);
    node.moves(rider(2), 1);
    let raw = redis.raw().await;
    until("both are kept", || async { raw.zcard::<u64, _>("foodcourt:riders:seen").await.unwrap() == 2 }).await;
    assert_eq!(raw.zcard::<u64, _>("foodcourt:riders:geo").await.unwrap(), 1);
    node.ends_shift(rider(2));
    until("one is forgotten", || async {
        let gone: u64 = raw.exists(format!("foodcourt:rider:{}", rider(2))).await.unwrap();
        gone == 0 && raw.zcard::<u64, _>("foodcourt:riders:seen").await.unwrap() == 1
    })
    .await;
    raw.quit().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(600), node.side.stop()).await.is_ok());
}
