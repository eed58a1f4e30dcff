//! The cache of open orders and menus.

use std::time::Duration;

use foodcourt_actors::{
    ids::{KitchenId, PaymentId},
    kitchen::{KitchenCommand, event::EightySix},
    money::{Currency, Money},
    order::{
        OrderCommand, OrderStatus,
        event::{CancelledBy, EndReason},
    },
};
use fred::interfaces::{HashesInterface, KeysInterface, SortedSetsInterface};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::{
    node::{COURT, Node},
    server::{Redis, in_time, until},
};

#[actix_rt::test]
async fn open_orders_and_menus_are_kept_and_follow_their_facts() {
    let redis = Redis::start();
    let node = Node::start(&redis.url(), 1);
    let cache = node.side.cache();
    let (first, second) = (node.place(1).await, node.place(2).await);
    until("both orders are kept", || async { cache.open_orders(COURT).await.is_some_and(|open| open.len() == 2) })
        .await;
    let raw = redis.raw().await;
    let ttl: i64 = raw.ttl(format!("foodcourt:order:{first}")).await.unwrap();
    assert!((80_000..=86_400).contains(&ttl), "{ttl}");
    let cancel = OrderCommand::Cancel { by: CancelledBy::Customer, reason: EndReason::CustomerCancelled };
    node.order(first, cancel).await;
    let version = node.order(first, OrderCommand::Close { refunded: None }).await;
    until("the ended one has left", || async {
        cache.open_orders(COURT).await.is_some_and(|open| open.iter().all(|order| order.order_id == second))
    })
    .await;
    let ended = cache.order(first).await.unwrap();
    assert_eq!((ended.status, ended.version), (OrderStatus::Cancelled, version));
    let ttl: i64 = raw.ttl(format!("foodcourt:order:{first}")).await.unwrap();
    assert!((1..=600).contains(&ttl), "{ttl}");

    let kitchen = node.open_kitchen().await;
    until("the card is kept", || async { cache.menu(kitchen).await.is_some_and(|card| card.version == 2) }).await;
    let item = cache.menu(kitchen).await.unwrap().menu.items[0].item_id;
    node.kitchen(kitchen, KitchenCommand::EightySix { what: EightySix::Item(item), until: None }).await;
    until("the dish is off", || async { cache.menu(kitchen).await.is_some_and(|card| card.menu.items[0].sold_out) })
        .await;
    // A card that has expired is there again for the next one who asks.
    let () = raw.del(format!("foodcourt:menu:{kitchen}")).await.unwrap();
    assert_eq!(cache.menu(kitchen).await, None);
    until("it is back", || async { cache.menu(kitchen).await.is_some_and(|card| card.version == 3) }).await;
    assert_eq!(cache.menu(KitchenId(Uuid::nil())).await, None);
}

#[actix_rt::test]
async fn an_older_version_never_overwrites_a_newer_one() {
    let redis = Redis::start();
    let (ahead, behind) = (Node::start(&redis.url(), 1), Node::start(&redis.url(), 2));
    // Two worlds with the same ids: the second one is behind.
    let order_id = ahead.place(1).await;
    let payment_id = PaymentId(Uuid::from_u128(9));
    let paid = OrderCommand::MarkPaid { payment_id, amount: Money::new(1_000, Currency::EUR) };
    let newest = ahead.order(order_id, paid).await;
    assert!(newest > 1);
    let cache = ahead.side.cache();
    let version = || async { cache.order(order_id).await.map(|order| order.version) };
    until("the newer one is kept", || async { version().await == Some(newest) }).await;
    behind.place(1).await;
    let marker = behind.place(2).await; // queued after it, so that its arrival says that the older one was tried
    until("the other node has written", || async { cache.order(marker).await.is_some() }).await;
    assert_eq!(version().await, Some(newest));
}

#[actix_rt::test]
async fn a_killed_and_emptied_redis_is_filled_again_and_nobody_waits() {
    let mut redis = Redis::start();
    let node = Node::start(&redis.url(), 1);
    let cache = node.side.cache();
    let kept = node.place(1).await;
    let kitchen = node.open_kitchen().await;
    until("they are kept", || async { cache.order(kept).await.is_some() && cache.menu(kitchen).await.is_some() }).await;
    redis.kill();
    for _ in 0..20 {
        assert_eq!(in_time("an order without Redis", cache.order(kept)).await, None);
        assert_eq!(in_time("a menu without Redis", cache.menu(kitchen)).await, None);
        assert_eq!(in_time("open orders without Redis", cache.open_orders(COURT)).await, None);
    }
    let placed_meanwhile = in_time("an order placed without Redis", node.place(2)).await;
    redis.restart();
    until("it is filled again", || async {
        cache.order(placed_meanwhile).await.is_some()
            && cache.menu(kitchen).await.is_some()
            && cache.open_orders(COURT).await.is_some_and(|open| open.len() == 2)
    })
    .await;
}

#[actix_rt::test]
async fn a_frozen_redis_costs_no_more_than_its_time() {
    let redis = Redis::start();
    let node = Node::start(&redis.url(), 1);
    let cache = node.side.cache();
    let first = node.place(1).await;
    until("it is kept", || async { cache.order(first).await.is_some() }).await;
    redis.freeze();
    for n in 2..12 {
        assert_eq!(in_time("an order in the ice", cache.order(first)).await, None);
        in_time("placing an order", node.place(n)).await;
    }
    // Soon it is known to be away, and then nobody waits at all.
    until("it is known to be away", || async { !node.side.is_up() }).await;
    let asked = tokio::time::timeout(Duration::from_millis(50), cache.order(first)).await;
    assert_eq!(asked.unwrap(), None);
    redis.thaw();
    until("all is there", || async { cache.open_orders(COURT).await.is_some_and(|open| open.len() == 11) }).await;
}

#[actix_rt::test]
async fn a_black_hole_costs_nothing_from_the_start() {
    let hole = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", hole.local_addr().unwrap());
    let swallowing = actix_rt::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((socket, _)) = hole.accept().await {
            kept.push(socket);
        }
    });
    let node = Node::start(&url, 1);
    let cache = node.side.cache();
    for n in 0..20 {
        let id = in_time("placing an order", node.place(n)).await;
        assert_eq!(in_time("reading an order", cache.order(id)).await, None);
        assert_eq!(in_time("reading open orders", cache.open_orders(COURT)).await, None);
        node.moves(crate::node::rider(n), 1);
    }
    assert!(node.heard.is_empty());
    in_time("stopping", node.side.stop()).await;
    swallowing.abort();
}

#[actix_rt::test]
async fn one_view_that_redis_refuses_keeps_no_other_back() {
    let redis = Redis::start();
    let raw = redis.raw().await;
    let node = Node::start(&redis.url(), 1);
    let refused = foodcourt_actors::ids::OrderId(Uuid::from_u128(0x0d01));
    // Somebody else's list stands where a hash should.
    let () = raw.zadd(format!("foodcourt:order:{refused}"), None, None, false, false, (1.0, "x")).await.unwrap();
    node.place(1).await;
    let other = node.place(2).await;
    until("the other one is kept", || async { node.side.cache().order(other).await.is_some() }).await;
    let known: Option<String> = raw.hget(format!("foodcourt:order:{other}"), "version").await.unwrap();
    assert_eq!(known.as_deref(), Some("1"));
}
