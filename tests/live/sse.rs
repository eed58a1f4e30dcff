//! Server-sent events over plain HTTP: the same facts and the same guarantee.

use std::time::Duration;

use foodcourt::live::LiveLimits;

use crate::world::{PATIENCE, World, order, principal};

/// A listener that reads event by event.
struct Listener {
    response: reqwest::Response,
    held: String,
}

impl Listener {
    async fn open(world: &World, number: u128, last_event_id: Option<u64>) -> Self {
        let foodcourt::live::Topic::Order(id) = order(number) else { unreachable!() };
        let mut request = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .get(format!("http://{}/v1/orders/{id}/events", world.address));
        if let Some(last) = last_event_id {
            request = request.header("last-event-id", last);
        }
        Self { response: request.send().await.unwrap(), held: String::new() }
    }
    /// The next event as (id, event, data); a comment is an event without a name. `None`: the end.
    async fn next(&mut self) -> Option<(Option<u64>, String, String)> {
        loop {
            if let Some((event, rest)) = self.held.split_once("\n\n") {
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
                let parsed = (field("id: ").parse().ok(), field("event: "), field("data: ") + &field("retry: "));
                self.held = rest.to_owned();
                return Some(parsed);
            }
            let chunk =
                tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("nothing was heard").unwrap()?;
            self.held.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[actix_web::test]
async fn a_stream_begins_with_a_snapshot_and_resumes_after_the_last_event_id() {
    let world = World::start(LiveLimits::default(), 2);
    for _ in 0..4 {
        world.source.publish(order(1), 0);
    }
    let mut listener = Listener::open(&world, 1, None).await;
    assert_eq!(listener.response.headers()["content-type"], "text/event-stream");
    let (id, name, _) = listener.next().await.unwrap();
    assert_eq!((id, name.as_str()), (Some(4), "snapshot"));
    for seq in 5..=40 {
        world.source.publish(order(1), 0);
        let (id, name, data) = listener.next().await.unwrap();
        assert_eq!(id, Some(seq));
        assert_eq!(name, if seq % 7 == 3 { "redacted" } else { "order.noted" });
        assert!(data.contains(&format!(r#""seq":{seq}"#)), "{data}");
    }
    let mut again = Listener::open(&world, 1, Some(2)).await;
    for seq in 3..=40 {
        assert_eq!(again.next().await.unwrap().0, Some(seq));
    }
    assert_eq!(world.hub.open(), 2);
}

#[actix_web::test]
async fn a_listener_hears_that_the_clock_runs_faster() {
    let world = World::start(LiveLimits { tick: Duration::from_millis(10), ..LiveLimits::default() }, 1);
    world.source.publish(order(1), 0);
    let mut listener = Listener::open(&world, 1, None).await;
    assert_eq!(listener.next().await.unwrap().1, "snapshot");
    world.source.faster.store(19, std::sync::atomic::Ordering::Relaxed);
    let (id, name, data) = listener.next().await.unwrap();
    assert_eq!((id, name.as_str()), (None, "clock"));
    assert_eq!(data, r#"{"type":"clock","server_time":"2026-03-01T12:00:00Z","business_speed":20.0}"#);
    world.source.publish(order(1), 0);
    assert_eq!(listener.next().await.unwrap().0, Some(2), "facts go on");
}

#[actix_web::test]
async fn a_listener_that_stalls_misses_nothing() {
    let world = World::start(LiveLimits { recent_facts_max: 20, ..LiveLimits::default() }, 1);
    world.source.publish(order(1), 0);
    let mut listener = Listener::open(&world, 1, Some(1)).await;
    for _ in 2..=2_000 {
        world.source.publish(order(1), 5_000);
    }
    for seq in 2..=2_000 {
        assert_eq!(listener.next().await.unwrap().0, Some(seq));
    }
}

#[actix_web::test]
async fn foreign_orders_do_not_exist_and_comments_keep_the_stream_open() {
    let limits = LiveLimits { sse_heartbeat_every: Duration::from_millis(20), ..LiveLimits::default() };
    let world = World::start(limits, 1);
    world.source.publish(order(1), 0);
    world.source.publish(order(2), 0);
    world.source.foreign.lock().unwrap().insert(order(2));
    for number in [2, 3] {
        assert_eq!(Listener::open(&world, number, None).await.response.status(), 404);
    }
    let mut listener = Listener::open(&world, 1, Some(1)).await;
    assert_eq!(listener.next().await.unwrap(), (None, String::new(), String::new()));
}

#[actix_web::test]
async fn a_drain_says_bye_with_a_hint_and_a_revocation_without() {
    let world = World::start(LiveLimits::default(), 1);
    world.source.publish(order(1), 0);
    let mut listener = Listener::open(&world, 1, Some(1)).await;
    world.hub.close_user(principal(1, false).user_id);
    assert_eq!(listener.next().await.unwrap(), (None, "bye".into(), "{}".into()));
    assert_eq!(listener.next().await, None);
    let mut listener = Listener::open(&world, 1, Some(1)).await;
    let drained = actix_web::rt::spawn({
        let hub = world.hub.clone();
        async move { hub.drain(Duration::from_millis(3_000), PATIENCE).await }
    });
    assert_eq!(listener.next().await.unwrap(), (None, "bye".into(), "{}3000".into()));
    assert_eq!(listener.next().await, None);
    assert_eq!(drained.await.unwrap(), 0);
    assert_eq!(Listener::open(&world, 1, Some(1)).await.response.status(), 503);
}
