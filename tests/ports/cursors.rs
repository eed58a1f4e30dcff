//! What the reactor's cursors promise.

use foodcourt::postgres::{cursors::PgCursors, testing::TestDatabase};
use foodcourt_actors::ports::{Cursors, OwnedPartition};
use futures_util::future::join_all;

use crate::support::uuid;

fn node(database: &TestDatabase) -> PgCursors {
    PgCursors::new(database.database().clone(), uuid())
}

/// Runs every lease out, as the database's clock would.
async fn lapse(database: &TestDatabase) {
    database.database().execute("update reactor_cursor set lease_until = now()", &[]).await.unwrap();
}

#[tokio::test]
async fn one_node_owns_all_and_keeps_its_token() {
    let database = TestDatabase::fresh().await;
    let (here, there) = (node(&database), node(&database));
    let owned = here.lease("payment", 8, 60).await.unwrap();
    assert_eq!(owned.iter().map(|owned| owned.partition).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    assert!(owned.iter().all(|owned| owned.position == 0));
    assert_eq!(there.lease("payment", 8, 60).await.unwrap(), []);
    assert_eq!(there.lease("order", 2, 60).await.unwrap().len(), 2, "another service is another matter");
    assert_eq!(here.lease("payment", 8, 60).await.unwrap(), owned, "renewed");
    lapse(&database).await;
    assert_eq!(here.lease("payment", 8, 60).await.unwrap(), owned, "late, but nobody was in between");
}

#[tokio::test]
async fn a_stale_owner_is_fenced() {
    let database = TestDatabase::fresh().await;
    let (old, new) = (node(&database), node(&database));
    let before = old.lease("payment", 4, 60).await.unwrap();
    assert_eq!(old.advance("payment", vec![(before[0], 10), (before[1], 20)]).await.unwrap().len(), 2);
    lapse(&database).await;
    let after = new.lease("payment", 4, 60).await.unwrap();
    assert_eq!(after.iter().map(|owned| owned.position).collect::<Vec<_>>(), [10, 20, 0, 0]);
    assert!(before.iter().zip(&after).all(|(before, after)| before.token < after.token));
    let stale = before.iter().map(|owned| (*owned, 99)).collect();
    assert_eq!(old.advance("payment", stale).await.unwrap(), Vec::<u32>::new());
    let forged = after.iter().map(|owned| (*owned, 99)).collect();
    assert_eq!(old.advance("payment", forged).await.unwrap(), Vec::<u32>::new(), "a token is not an owner");
    assert_eq!(new.advance("payment", vec![(after[0], 30), (after[1], 5)]).await.unwrap().len(), 2);
    let now: Vec<_> = new.lease("payment", 4, 60).await.unwrap().iter().map(|owned| owned.position).collect();
    assert_eq!(now, [30, 20, 0, 0], "never backwards");
}

#[tokio::test]
async fn what_is_given_back_is_free_at_once() {
    let database = TestDatabase::fresh().await;
    let (here, there) = (node(&database), node(&database));
    let before = here.lease("payment", 3, 60).await.unwrap();
    here.release().await;
    let after = there.lease("payment", 3, 60).await.unwrap();
    assert_eq!(after.len(), 3);
    assert!(before.iter().zip(&after).all(|(before, after)| before.token < after.token));
    assert_eq!(here.advance("payment", vec![(before[0], 1)]).await.unwrap(), Vec::<u32>::new());
}

#[tokio::test]
async fn a_partition_has_one_owner_whoever_asks_at_once() {
    let database = TestDatabase::fresh().await;
    let nodes: Vec<PgCursors> = (0..6).map(|_| node(&database)).collect();
    for _ in 0..5 {
        let owned: Vec<Vec<OwnedPartition>> = join_all(nodes.iter().map(|node| node.lease("dispatch", 64, 60)))
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let mut partitions: Vec<u32> = owned.iter().flatten().map(|owned| owned.partition).collect();
        partitions.sort_unstable();
        assert_eq!(partitions, (0..64).collect::<Vec<_>>());
        let moves = nodes.iter().zip(&owned).map(|(node, owned)| {
            node.advance("dispatch", owned.iter().rev().map(|owned| (*owned, owned.position + 1)).collect())
        });
        let (moved, _) =
            tokio::join!(join_all(moves), join_all(nodes.iter().map(|node| node.lease("dispatch", 64, 60))));
        assert_eq!(moved.into_iter().map(|moved| moved.unwrap().len()).sum::<usize>(), 64);
        lapse(&database).await;
    }
}
