//! Slow readers cost their own patience only: bounded memory, no fact lost, others unaffected.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use foodcourt::live::LiveLimits;
use serde_json::json;
use tokio::net::TcpSocket;
use tokio_tungstenite::{MaybeTlsStream, client_async, tungstenite::client::IntoClientRequest};

use crate::world::{Client, World, order, principal};

const FACTS: u64 = 400;
/// With [`FACTS`] far more than every buffer between the two ends.
const FACT_BYTES: usize = 4_000;

/// A client whose kernel takes little, so that the server notices early that nobody reads.
async fn narrow(world: &World, number: u128) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(32 * 1024).unwrap();
    let stream = socket.connect(world.address).await.unwrap();
    let mut request = format!("ws://{}/v1/live", world.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "foodcourt.v1".parse().unwrap());
    let (socket, _) = client_async(request, MaybeTlsStream::Plain(stream)).await.unwrap();
    let mut client = Client(socket);
    let ticket = format!("narrow-{number}");
    world.source.ticket(&ticket, principal(number, false));
    client.say(json!({"type": "hello", "ticket": ticket})).await;
    assert_eq!(client.hear().await["type"], "welcome");
    client
}

#[actix_web::test]
async fn readers_that_stop_stay_bounded_and_miss_nothing_while_others_are_served() {
    let world = World::start(LiveLimits { recent_facts_max: 50, ..LiveLimits::default() }, 1);
    world.source.publish(order(1), 0);
    let (mut stalled, mut lively) = (Vec::new(), Vec::new());
    for number in 0..10 {
        let mut client = narrow(&world, number).await;
        client.subscribe(order(1), None).await;
        stalled.push(client);
        let mut client = world.enter(principal(100 + number, false)).await;
        client.subscribe(order(1), None).await;
        lively.push(client);
    }
    for seq in 2..=FACTS {
        world.source.publish(order(1), FACT_BYTES);
        for client in &mut lively {
            assert_eq!(client.hear().await["seq"], seq);
        }
    }
    let stats = world.hub.stats();
    let (peak, all) = (stats.backlog_bytes_peak.load(Relaxed), stats.backlog_bytes.load(Relaxed));
    assert!(all > 0, "nobody was slow");
    assert!(peak <= 64 * 1024, "one backlog came to {peak} bytes");
    for client in &mut stalled {
        for seq in 2..=FACTS {
            assert_eq!(client.hear().await["seq"], seq, "what was not queued comes from the journal");
        }
    }
    world.source.publish(order(1), 0);
    for client in &mut stalled {
        assert_eq!(client.hear().await["seq"], FACTS + 1, "and it is live again");
    }
    world.until("backlogs are gone", |world| world.hub.stats().backlog_bytes.load(Relaxed) == 0).await;
}

#[actix_web::test]
async fn a_reader_that_never_reads_again_is_given_up() {
    let limits =
        LiveLimits { ping_every: Duration::from_millis(200), tick: Duration::from_millis(20), ..LiveLimits::default() };
    let world = World::start(limits, 1);
    world.source.publish(order(1), 0);
    let mut client = narrow(&world, 1).await;
    client.subscribe(order(1), None).await;
    for _ in 0..FACTS {
        world.source.publish(order(1), FACT_BYTES);
    }
    world.until("the socket is gone", |world| world.hub.open() == 0).await;
    world.until("its backlog too", |world| world.hub.stats().backlog_bytes.load(Relaxed) == 0).await;
}
