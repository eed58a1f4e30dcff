//! A socket that was cut comes back and resumes after the last number it saw.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use foodcourt::city::{
    clock::BusinessClock,
    live::{Fix, Heard, Live},
    log::Entry,
};
use foodcourt_actors::time::Timestamp;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use crate::fake::Fake;

async fn said(socket: &mut WebSocketStream<TcpStream>) -> Value {
    loop {
        let frame = socket.next().await.expect("an open socket").expect("a whole frame");
        if let Message::Text(text) = frame {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}

async fn say(socket: &mut WebSocketStream<TcpStream>, frame: Value) {
    socket.send(Message::text(frame.to_string())).await.expect("an open socket");
}

fn fact(seq: u64, kind: &str) -> Value {
    json!({"type": kind, "topic": "order:o", "seq": seq, "at": "2026-03-01T12:00:00Z", "data": {"n": seq}})
}

fn heard(kind: &str, seq: u64) -> Heard {
    Heard::Fact { topic: "order:o".to_owned(), kind: kind.to_owned(), data: json!({"n": seq}) }
}

fn fix(seq: u64) -> Fix {
    let at = Timestamp::default().plus_s(1);
    Fix { seq, at, lat: 50.0, lon: 8.0, accuracy_m: 5.0, speed_mps: 4.0, heading_deg: 90.0 }
}

#[tokio::test]
async fn resumes_after_the_last_fact_and_tells_no_fact_twice() {
    let (fake, person) = Fake::with_person().await;
    let clock = Arc::new(BusinessClock::new(Timestamp::default(), 1.0));
    let mut live = Live::open(Arc::clone(&person), clock, &[("order:o".to_owned(), None)]);

    let mut socket = fake.socket("t").await;
    assert_eq!(said(&mut socket).await, json!({"type": "subscribe", "id": 1, "topic": "order:o"}));
    say(&mut socket, json!({"type": "welcome", "server_time": "2026-03-01T12:00:00Z", "business_speed": 1.0})).await;
    say(&mut socket, json!({"type": "snapshot", "topic": "order:o", "seq": 2, "data": {"status": "placed"}})).await;
    say(&mut socket, fact(3, "order.accepted")).await;
    assert_eq!(live.next().await, Some(Heard::Connected));
    assert!(matches!(live.next().await, Some(Heard::Snapshot { .. })));
    assert_eq!(live.next().await, Some(heard("order.accepted", 3)));
    drop(socket); // no goodbye

    let mut socket = fake.socket("t").await;
    assert_eq!(said(&mut socket).await["after"], 3);
    say(&mut socket, fact(3, "order.accepted")).await; // a server that says it twice
    say(&mut socket, json!({"type": "something_new"})).await;
    say(&mut socket, fact(4, "order.ready_for_pickup")).await;
    assert_eq!(live.next().await, Some(Heard::Connected));
    assert_eq!(live.next().await, Some(heard("order.ready_for_pickup", 4)));
    live.close(true).await;

    let log = person.api().log();
    assert_eq!(log.counters.reconnects.load(Ordering::Relaxed), 1);
    let evidence = log.take();
    let seqs: Vec<u64> = evidence.watches[0]
        .entries
        .iter()
        .filter_map(|entry| if let Entry::Fact { seq, .. } = entry { Some(*seq) } else { None })
        .collect();
    assert_eq!(seqs, [3, 3, 4], "the log keeps what came, also what came twice");
}

#[tokio::test]
async fn fixes_that_were_not_acknowledged_are_sent_again() {
    let (fake, person) = Fake::with_person().await;
    let clock = Arc::new(BusinessClock::new(Timestamp::default(), 1.0));
    let mut live = Live::open(Arc::clone(&person), clock, &[]);
    let mut socket = fake.socket("t").await;
    assert_eq!(live.next().await, Some(Heard::Connected));

    live.push(vec![fix(1), fix(2)]);
    let frame = said(&mut socket).await;
    assert_eq!((frame["type"].as_str(), frame["fixes"][1]["seq"].as_u64()), (Some("fixes"), Some(2)));
    drop(socket);

    let mut socket = fake.socket("t").await;
    let again = said(&mut socket).await;
    assert_eq!(again["fixes"], frame["fixes"]);
    let taken =
        json!({"type": "fixes_taken", "id": again["id"], "accepted": 2, "late": 0, "quarantined": 0, "fix_seq": 2});
    say(&mut socket, taken).await;
    live.push(vec![fix(3)]);
    let next = said(&mut socket).await;
    assert_eq!(next["fixes"].as_array().map(Vec::len), Some(1));
    live.close(false).await;
}

#[tokio::test]
async fn a_rider_in_a_tunnel_keeps_fixes_and_comes_back() {
    let (fake, person) = Fake::with_person().await;
    let clock = Arc::new(BusinessClock::new(Timestamp::default(), 1.0));
    let mut live = Live::open(Arc::clone(&person), clock, &[("rider:r".to_owned(), Some(0))]);
    let mut socket = fake.socket("t").await;
    assert_eq!(said(&mut socket).await["after"], 0);
    assert_eq!(live.next().await, Some(Heard::Connected));

    live.drop_for(Duration::from_millis(1)).await;
    live.push(vec![fix(7)]);
    let mut socket = fake.socket("t").await;
    assert_eq!(said(&mut socket).await["type"], "subscribe");
    assert_eq!(said(&mut socket).await["fixes"][0]["seq"], 7);
    live.close(false).await;
}
