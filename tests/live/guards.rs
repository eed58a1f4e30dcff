//! What hostile, silent and unwelcome clients meet.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use foodcourt::live::{LiveLimits, Topic};
use futures_util::SinkExt;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::world::{PATIENCE, World, order, principal};

/// A client's frame.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 77, 177, 17];
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A request by hand; answers the connection and what came up to the end of the head.
async fn ask(world: &World, path: &str, headers: &str) -> (TcpStream, String) {
    let mut socket = TcpStream::connect(world.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", world.address);
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, socket.read_u8()).await.unwrap().unwrap());
    }
    (socket, String::from_utf8(head).unwrap())
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: foodcourt.v1\r\n";

/// A socket by hand; anonymous, or known by its token.
async fn raw(world: &World, known: bool) -> TcpStream {
    let token = if known { "Authorization: Bearer good\r\n" } else { "" };
    let (socket, head) = ask(world, "/v1/live", &format!("{UPGRADE}{token}")).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    socket
}

/// Reads short server frames up to the close frame and answers its code.
async fn close_code(socket: &mut TcpStream) -> u16 {
    let reading = async {
        loop {
            let [first, length] = [socket.read_u8().await.unwrap(), socket.read_u8().await.unwrap()];
            let length = if length == 126 { usize::from(socket.read_u16().await.unwrap()) } else { length.into() };
            let mut payload = vec![0; length];
            socket.read_exact(&mut payload).await.unwrap();
            if first == 0x88 {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    };
    timeout(PATIENCE, reading).await.expect("no close frame came")
}

fn resident_kib() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4
}

#[actix_web::test]
async fn a_flood_of_seven_byte_frames_is_held_back_and_memory_stays_flat() {
    let world = World::start(LiveLimits::default(), 1);
    world.source.publish(order(1), 0);
    let mut flood = raw(&world, true).await;
    let mut other = world.enter(principal(1, false)).await;
    other.subscribe(order(1), None).await;
    let before = resident_kib();
    let frames = masked(0x89, b"x").repeat(9_000);
    let mut sent = 0;
    let flooding = async {
        loop {
            sent += flood.write(&frames).await.unwrap();
        }
    };
    timeout(Duration::from_secs(2), flooding).await.unwrap_err(); // as long as it likes: TCP pushes back
    for seq in 2..50 {
        world.source.publish(order(1), 0);
        assert_eq!(other.hear().await["seq"], seq);
    }
    let grown = resident_kib().saturating_sub(before);
    let stats = world.hub.stats();
    let taken = stats.frames_in.load(Relaxed);
    assert!(sent > 7 * 9_000 && stats.throttled.load(Relaxed) > 0, "{sent} bytes were no flood");
    assert!(taken < 10_000, "{taken} frames were taken in two seconds");
    assert!(grown < 32 * 1024, "memory grew by {grown} KiB");
}

#[actix_web::test]
async fn a_flood_that_does_not_end_is_closed() {
    let limits = LiveLimits { flood_closes_after: Duration::from_millis(100), ..LiveLimits::default() };
    let world = World::start(limits, 1);
    let (mut reader, mut writer) = raw(&world, true).await.into_split();
    let flood = actix_web::rt::spawn(async move {
        let frames = masked(0x8A, b"x").repeat(9_000); // pongs: nothing comes back but the welcome
        while writer.write_all(&frames).await.is_ok() {}
    });
    let mut heard = Vec::new();
    let reading = timeout(PATIENCE, reader.read_to_end(&mut heard)).await.expect("it was closed");
    reading.unwrap_or_else(|error| panic!("reset before the goodbye: {error}"));
    let goodbye =
        [&[0x88_u8][..], &[u8::try_from(2 + "too many messages for too long".len()).unwrap()], &4429_u16.to_be_bytes()]
            .concat();
    assert!(heard.windows(4).any(|bytes| bytes == goodbye), "{heard:?}");
    flood.await.unwrap();
}

#[actix_web::test]
async fn what_breaks_the_protocol_is_closed_with_its_code() {
    let world = World::start(LiveLimits::default(), 1);
    let gigabyte = [0x81, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0];
    let kilobyte = masked(0x81, &[b' '; 1_100]);
    for (known, bytes, code) in [
        (false, &gigabyte[..], 1009),
        (true, &gigabyte[..], 1009),
        (false, &kilobyte[..], 1009),
        (true, &[0x81, 0x01, b'x'], 1002),
        (true, &masked(0x81, &[0xC3, 0x28]), 1007),
        (true, &masked(0x82, b"bytes"), 1003),
        (true, &masked(0x81, br#"{"type":"shout","id":1}"#), 4400),
        (true, &masked(0x81, b"no json"), 4400),
        (false, &masked(0x81, br#"{"type":"ping","id":1}"#), 4401),
        (false, &masked(0x81, br#"{"type":"hello","ticket":"forged"}"#), 4401),
        (true, &masked(0x88, &1000_u16.to_be_bytes()), 1000),
    ] {
        let mut socket = raw(&world, known).await;
        socket.write_all(bytes).await.unwrap();
        assert_eq!(close_code(&mut socket).await, code, "{:?}", &bytes[..bytes.len().min(40)]);
    }
    world.until("all are gone", |world| world.hub.open() == 0).await;
}

#[actix_web::test]
async fn messages_in_pieces_are_put_together() {
    let world = World::start(LiveLimits::default(), 1);
    let mut client = world.enter(principal(1, false)).await;
    for (payload, opcode, last) in [
        (&br#"{"type":"#[..], Data::Text, false),
        (br#""ping","#, Data::Continue, false),
        (br#""id":5}"#, Data::Continue, true),
    ] {
        let piece = Frame::message(payload.to_vec(), OpCode::Data(opcode), last);
        client.0.send(Message::Frame(piece)).await.unwrap();
    }
    assert_eq!(client.hear().await, json!({"type": "pong", "id": 5}));
    let mut socket = raw(&world, true).await;
    for byte in [masked(0x81, br#"{"type":"ping","id":6}"#), masked(0x88, b"")].concat() {
        socket.write_all(&[byte]).await.unwrap();
        socket.flush().await.unwrap();
    }
    let mut heard = String::new();
    while !heard.contains(r#"{"type":"pong","id":6}"#) {
        let mut bytes = [0; 4096];
        let read = timeout(PATIENCE, socket.read(&mut bytes)).await.unwrap().unwrap();
        assert!(read > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
}

#[actix_web::test]
async fn a_ticket_serves_once_and_silence_is_closed() {
    let limits = LiveLimits {
        hello_within: Duration::from_millis(60),
        tick: Duration::from_millis(20),
        ..LiveLimits::default()
    };
    let world = World::start(limits, 1);
    world.source.ticket("once", principal(1, false));
    let mut first = world.connect().await;
    first.say(json!({"type": "hello", "ticket": "once"})).await;
    assert_eq!(first.hear().await["user_id"], principal(1, false).user_id.to_string());
    let mut second = world.connect().await;
    second.say(json!({"type": "hello", "ticket": "once"})).await;
    assert_eq!(second.closed().await.0, 4401);
    let mut silent = world.connect().await;
    assert_eq!(silent.closed().await, (4401, "no hello in time".into()));
    first.say(json!({"type": "ping", "id": 1})).await;
    assert_eq!(first.hear().await["type"], "pong", "who said hello stays");
}

#[actix_web::test]
async fn a_revoked_log_in_is_closed_and_others_stay() {
    let world = World::start(LiveLimits::default(), 2);
    let (mut gone, mut stays) = (world.enter(principal(1, false)).await, world.enter(principal(2, false)).await);
    world.hub.close_session(principal(1, false).session_id);
    assert_eq!(timeout(Duration::from_secs(1), gone.closed()).await.unwrap().0, 4403);
    stays.say(json!({"type": "ping", "id": 1})).await;
    assert_eq!(stays.hear().await["type"], "pong");
    world.hub.close_user(principal(2, false).user_id);
    assert_eq!(stays.closed().await.0, 4403);
}

#[actix_web::test]
async fn half_open_sockets_are_found_and_answering_ones_stay() {
    let limits =
        LiveLimits { ping_every: Duration::from_millis(100), tick: Duration::from_millis(10), ..LiveLimits::default() };
    let world = World::start(limits, 1);
    let silent = raw(&world, true).await;
    let mut alive = world.enter(principal(1, false)).await;
    assert_eq!(world.hub.open(), 2);
    let gone = world.until("the silent one is gone", |world| world.hub.open() == 1);
    tokio::select! {
        () = gone => {}
        said = alive.next() => panic!("the answering one heard {said:?}"),
    }
    for id in 0..5 {
        alive.say(json!({"type": "ping", "id": id})).await;
        assert_eq!(alive.hear().await["id"], id);
    }
    drop(silent);
}

#[actix_web::test]
async fn a_drain_closes_all_with_a_hint_and_takes_nobody_new() {
    let world = World::start(LiveLimits::default(), 2);
    world.source.publish(order(1), 0);
    let mut clients = Vec::new();
    for number in 0..20 {
        let mut client = world.enter(principal(number, false)).await;
        client.subscribe(order(1), None).await;
        clients.push(client);
    }
    clients.push(world.connect().await); // has not said hello
    let hub = world.hub.clone();
    let drained = actix_web::rt::spawn(async move { hub.drain(Duration::from_secs(4), PATIENCE).await });
    let hint = r#"{"reason":"restart, back in 4000 ms","retry_after_ms":4000}"#;
    for client in &mut clients {
        assert_eq!(client.closed().await, (1012, hint.into()));
    }
    assert_eq!(drained.await.unwrap(), 0);
    assert_eq!(world.hub.open(), 0);
    let (_, head) = ask(&world, "/v1/live", UPGRADE).await;
    assert!(head.starts_with("HTTP/1.1 503") && head.contains("retry-after: 5"), "{head}");
    world.server.stop(true).await;
}

#[actix_web::test]
async fn a_drain_cuts_who_does_not_answer() {
    let world = World::start(LiveLimits { close_within: PATIENCE, ..LiveLimits::default() }, 1);
    let _deaf = raw(&world, true).await;
    assert_eq!(world.hub.drain(Duration::from_secs(1), Duration::from_millis(50)).await, 1);
    world.until("it was cut", |world| world.hub.open() == 0).await;
}

#[actix_web::test]
async fn refused_upgrades_are_answered_and_closed_while_plain_http_is_kept_alive() {
    let world = World::start(LiveLimits { sockets_max: 1, ..LiveLimits::default() }, 1);
    let (mut kept, head) = ask(&world, "/echo", "").await;
    assert!(head.starts_with("HTTP/1.1 200") && !head.contains("connection: close"), "{head}");
    let mut body = [0; 5];
    kept.read_exact(&mut body).await.unwrap();
    kept.write_all(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(timeout(PATIENCE, kept.read_u8()).await.unwrap().unwrap(), b'H');

    let rest = async |mut socket: TcpStream| {
        let mut body = String::new();
        timeout(PATIENCE, socket.read_to_string(&mut body)).await.expect("closed").unwrap();
        body
    };
    let (socket, head) = ask(&world, "/echo", UPGRADE).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("connection: close"), "{head}");
    assert_eq!(rest(socket).await, "hello", "another route simply answers");
    for (headers, status) in [
        (format!("{UPGRADE}Origin: https://evil.example\r\n"), 403),
        (format!("{UPGRADE}Authorization: Bearer bad\r\n"), 401),
        (UPGRADE.replace("foodcourt.v1", "chat"), 400),
        (UPGRADE.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400),
        ("Sec-WebSocket-Protocol: foodcourt.v1\r\nConnection: close\r\n".to_owned(), 426),
    ] {
        let (socket, head) = ask(&world, "/v1/live", &headers).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{headers} {head}");
        assert!(head.contains("application/problem+json"), "{head}");
        assert!(rest(socket).await.contains(&format!(r#""status":{status}"#)));
    }
    let own = format!("{UPGRADE}Origin: http://{}\r\n", world.address);
    let (first, head) = ask(&world, "/v1/live", &own).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(ask(&world, "/v1/live", UPGRADE).await.1.starts_with("HTTP/1.1 503"), "the only place is taken");
    drop(first);
    world.until("the place is free", |world| world.hub.open() == 0).await;
    raw(&world, false).await;
}

#[actix_web::test]
async fn a_socket_watches_so_many_topics_and_no_more() {
    let world = World::start(LiveLimits { topics_max: 3, ..LiveLimits::default() }, 1);
    for number in 0..4 {
        world.source.publish(order(number), 0);
    }
    let mut client = world.enter(principal(1, false)).await;
    for number in 0..3 {
        client.subscribe(order(number), None).await;
    }
    client.say(json!({"type": "subscribe", "id": 9, "topic": Topic::City.to_string()})).await;
    assert_eq!(client.hear().await["problem"]["status"], 429);
}

/// Idle sockets by hand: the clients hold next to nothing. Measured at 2.5 KB each in a debug build, both ends together.
#[actix_web::test]
async fn an_idle_socket_costs_a_few_kilobytes() {
    const SOCKETS: usize = 400;
    let world = World::start(LiveLimits::default(), 1);
    let _first = raw(&world, true).await; // the worker's own buffers
    let before = resident_kib();
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        sockets.push(raw(&world, true).await);
    }
    world.until("all are in", |world| world.hub.open() == SOCKETS + 1).await;
    let each = resident_kib().saturating_sub(before) * 1024 / SOCKETS;
    assert!(each < 8 * 1024, "an idle socket costs {each} bytes");
}
