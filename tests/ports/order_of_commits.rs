//! Position order is commit order: who pages by position alone misses nothing.

use foodcourt::postgres::testing::TestDatabase;
use foodcourt_actors::ports::{Appended, Journal};
use futures_util::future::join_all;

use crate::support::{append, feed, node, stream};

/// The lock under which the journal draws positions, as `statement.rs` names it.
const POSITION_LOCK: i64 = 0x006a_6f75_726e_616c;

#[tokio::test]
async fn a_batch_held_open_holds_back_the_positions_after_it() {
    let database = TestDatabase::fresh().await;
    let journal = node(&database).await;
    // Another node's batch, as the journal writes it: lock, draw a position, and then its commit takes its time.
    let mut slow = database.database().session().await.unwrap();
    let slow = slow.client().transaction().await.unwrap();
    slow.execute("select pg_advisory_xact_lock($1)", &[&POSITION_LOCK]).await.unwrap();
    let late = stream();
    let sql = "insert into journal (stream, version, event_id, kind, body, at, correlation) \
               values ($1, 1, gen_random_uuid(), 'order.placed', '{}', now(), gen_random_uuid()) returning position";
    let early_position: i64 = slow.query_one(sql, &[&late.to_string()]).await.unwrap().get(0);

    let fast = tokio::spawn(journal.append(append(stream(), 0, 1)));
    // Once the fast one waits for the lock, it has had every chance to overtake.
    let waits = "select count(*) from pg_locks where locktype = 'advisory' and not granted";
    while !fast.is_finished() && slow.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(journal.feed(0, 10).await.unwrap(), [], "nothing is visible before what comes first");
    slow.commit().await.unwrap();
    assert_eq!(fast.await.unwrap(), Appended::Committed);
    let positions: Vec<_> = feed(&journal, 10).await.iter().map(|fact| (fact.position, fact.stream == late)).collect();
    assert_eq!(positions[0], (early_position, true));
    assert!(positions.len() == 2 && positions[1].0 > early_position);
}

#[tokio::test]
async fn a_reader_that_follows_three_writers_misses_nothing() {
    const WISHES: usize = 1_500;
    let database = TestDatabase::fresh().await;
    let nodes = [node(&database).await, node(&database).await, node(&database).await];
    let reader = nodes[0].clone();
    let following = tokio::spawn(async move {
        let mut seen = Vec::new();
        while seen.len() < WISHES * 2 {
            let after = seen.last().map_or(0, |(position, _)| *position);
            let page = reader.feed(after, 100).await.unwrap();
            seen.extend(page.iter().map(|fact| (fact.position, fact.event_id)));
        }
        seen
    });
    let wishes = (0..WISHES).map(|n| nodes[n % 3].append(append(stream(), 0, 2)));
    assert!(join_all(wishes).await.into_iter().all(|outcome| outcome == Appended::Committed));
    let seen = following.await.unwrap();
    let all: Vec<_> = feed(&nodes[1], 1_000).await.iter().map(|fact| (fact.position, fact.event_id)).collect();
    assert_eq!(seen, all);
}
