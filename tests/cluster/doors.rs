//! The door for new orders: closed by a node that drains and by services that lag, and what was taken goes on.

use std::time::Duration;

use serde_json::json;

use crate::{
    nodes::{Cluster, PATIENCE},
    outside::Balancer,
    person::{Person, delivery_order},
};

fn metric(text: &str, name: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("there is no {name}")).parse().unwrap()
}

#[actix::test]
async fn a_draining_node_refuses_new_orders_and_the_balancer_takes_them_elsewhere() {
    let cluster = Cluster::new(&[]).await;
    let [first, second] = cluster.two().await;
    let balancer = Balancer::before([first.port, second.port]);
    cluster.served_by(&balancer).await;
    let (leaving, url) = (first.url(""), balancer.url.clone());
    let mia = Person::sign_in(&leaving, "customer@demo").await;
    let order = delivery_order(&mia, &leaving).await;
    let before = mia.once(&leaving, "/v1/orders", "before", &order).await.good();
    // Somebody who never says goodbye holds the drain open for as long as it may take.
    let _silent = mia.watch(&leaving, "inbox").await;
    first.terminate();
    let refused = async {
        for number in 0.. {
            let answer = mia.once(&leaving, "/v1/orders", &format!("leaving-{number}"), &order).await;
            if answer.status != 201 {
                return answer;
            }
        }
        unreachable!("numbers do not end")
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.expect("a draining node refuses");
    assert_eq!((refused.status, refused.problem()), (503, "unavailable"), "{refused:?}");
    assert!(
        refused.retry_after.is_some() && refused.body["detail"].as_str().unwrap().contains("going down"),
        "{refused:?}"
    );
    assert_eq!(mia.get(&leaving, "/readyz").await.status, 503);
    assert_eq!(metric(mia.get(&leaving, "/metrics").await.body.as_str().unwrap(), "foodcourt_orders_refused"), 1.0);
    // What was taken is answered, byte for byte, and read; and through the balancer nobody notices anything.
    assert_eq!(mia.once(&leaving, "/v1/orders", "before", &order).await.good(), before);
    mia.get(&leaving, &format!("/v1/orders/{}", before["order_id"].as_str().unwrap())).await.good();
    for number in 0..20 {
        mia.once(&url, "/v1/orders", &format!("through-{number}"), &order).await.good();
    }
    assert_eq!(first.ended().await, Some(0), "{}", cluster.log());
    mia.once(&url, "/v1/orders", "after", &order).await.good();
}

#[actix::test]
async fn services_that_lag_close_the_door_and_open_it_again() {
    let settings = [("KERNEL__LEASE_S", "3"), ("KERNEL__FEED_LAG_REFUSE_S", "3"), ("KERNEL__FEED_LAG_RESUME_S", "2")];
    let cluster = Cluster::new(&settings).await;
    let nodes = cluster.two().await;
    let bases = nodes.each_ref().map(|node| node.url(""));
    let mia = Person::sign_in(&bases[0], "customer@demo").await;
    let order = delivery_order(&mia, &bases[0]).await;
    let before = mia.once(&bases[0], "/v1/orders", "before", &order).await.good();
    // Whoever holds the cursors lets no service write where it stands.
    let mut session = cluster.database.database().session().await.unwrap();
    let held = session.client().transaction().await.unwrap();
    held.batch_execute("select * from reactor_cursor for update").await.unwrap();
    for (number, base) in bases.iter().enumerate() {
        let refused = async {
            for attempt in 0.. {
                let answer = mia.once(base, "/v1/orders", &format!("lag-{number}-{attempt}"), &order).await;
                if answer.status != 201 {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            unreachable!("numbers do not end")
        };
        let refused = tokio::time::timeout(PATIENCE, refused).await.expect("a lagging cluster refuses");
        assert_eq!((refused.status, refused.problem()), (503, "unavailable"), "{refused:?}");
        assert!(
            refused.retry_after.is_some() && refused.body["detail"].as_str().unwrap().contains("behind"),
            "{refused:?}"
        );
        assert_eq!(mia.get(base, "/readyz").await.status, 503);
        let metrics = mia.get(base, "/metrics").await.body;
        assert_eq!(metric(metrics.as_str().unwrap(), "foodcourt_orders_refused"), 1.0);
        assert!(metric(metrics.as_str().unwrap(), "foodcourt_feed_lag_seconds") >= 3.0);
        assert_eq!(mia.once(base, "/v1/orders", "before", &order).await.good(), before, "a repeat is no new order");
    }
    held.rollback().await.unwrap();
    for (number, base) in bases.iter().enumerate() {
        mia.until(base, "/readyz", "the services have caught up", |ready| ready["status"] == json!("ok")).await;
        mia.once(base, "/v1/orders", &format!("again-{number}"), &order).await.good();
    }
}
