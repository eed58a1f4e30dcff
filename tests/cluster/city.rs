//! A city behind the balancer, while a node is killed, Redis goes away, and both come back.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::{
    nodes::{Cluster, PATIENCE, last_words},
    outside::Balancer,
    person::Person,
    redis::Redis,
};

/// Orders of the city; the second node is killed after a third of them, Redis after a half.
const ORDERS: usize = 24;

#[actix::test]
async fn a_city_behind_the_balancer_outlives_a_killed_node_and_a_lost_redis() {
    let mut redis = Redis::start();
    let cluster = Cluster::new(&[("REDIS__URL", &redis.url())]).await;
    let [first, second] = cluster.two().await;
    let balancer = Balancer::before([first.port, second.port]);
    cluster.served_by(&balancer).await;

    let count = ORDERS.to_string();
    let arguments = [
        "city",
        "--url",
        &balancer.url,
        "--orders",
        &count,
        "--riders",
        "10",
        "--seed",
        "11",
        "--speed",
        "60",
        "--json",
    ];
    let city = cluster.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let admin = Person::sign_in(&second.url(""), "admin@demo").await;
    let placed = async |base: &str, least: usize| {
        let enough = |orders: &Value| orders["items"].as_array().is_some_and(|orders| orders.len() >= least);
        let what = format!("{least} orders are placed");
        admin.until(base, "/v1/admin/orders?limit=100", &what, enough).await;
    };
    placed(&second.url(""), ORDERS / 3).await;
    // Both carry the city, and neither knows all of it.
    for node in [&first, &second] {
        let metrics = admin.get(&node.url(""), "/metrics").await.good();
        let sockets = metrics.as_str().unwrap().lines().find_map(|line| line.strip_prefix("foodcourt_live_sockets "));
        assert!(sockets.is_some_and(|open| open != "0"), "a node without any socket proves nothing");
    }
    // The first holds all leases: its death is the harder one.
    let first = cluster.crash_and_restart(first).await;
    placed(&second.url(""), ORDERS / 2).await;
    redis.kill();
    placed(&first.url(""), ORDERS * 2 / 3).await;
    redis.restart();

    let (fine, said) = last_words(city).await;
    let summary: Value = serde_json::from_str(said.lines().last().unwrap_or_default()).unwrap_or(Value::Null);
    assert!(fine, "{summary:#}\n{}", cluster.log());
    for bad in ["stuck", "lost", "duplicated", "gaps"] {
        assert_eq!(summary[bad], json!(0), "{bad}: {summary:#}");
    }
    let sum = |names: &[&str]| names.iter().map(|name| summary[*name].as_u64().unwrap()).sum::<u64>();
    let ended = sum(&["delivered", "completed", "cancelled", "rejected", "expired"]);
    assert_eq!((summary["placed"].as_u64(), ended), (Some(ORDERS as u64), ORDERS as u64), "{summary:#}");
    assert!(sum(&["delivered", "completed"]) * 10 >= ended * 7, "{summary:#}");
    assert!(sum(&["positions"]) > 0 && sum(&["reconnects"]) > 0, "{summary:#}");
    cluster.check();
    for node in [first, second] {
        node.terminate();
        let ended = tokio::time::timeout(PATIENCE, node.ended()).await.expect("a node does not end");
        assert_eq!(ended, Some(0), "{}", cluster.log());
    }
}
