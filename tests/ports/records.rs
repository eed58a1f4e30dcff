//! What keeping dispatch's records promises: groups, a partition a day, days made ahead and dropped, and that nobody waits.

use std::sync::Arc;

use foodcourt::{
    app::records::{RecordCounts, queue},
    ids::RandomIds,
    ports::{After, Decisions as _, PageRequest},
    postgres::{records::PostgresRecords, testing::TestDatabase},
};
use foodcourt_actors::{
    dispatch::{
        live::{Decided, PlanSettings, Verdict, Waiting, Weighed},
        record::{Policy, Records as _, Said, Sought, Tick},
        recorded::RecordedDay,
        survey::{Around, Seen},
    },
    ids::{DeliveryId, RiderId, UserId},
    place::Position,
    rider::duty::Duty,
    time::Timestamp,
    travel::Vehicle,
};
use tokio::sync::watch;

use crate::support::{NOON, uuid};

fn rider() -> RiderId {
    UserId(uuid())
}

/// A tick in which `rider_id` is asked for `delivery_id`.
fn tick(at: Timestamp, delivery_id: DeliveryId, rider_id: RiderId, round: u32) -> Tick {
    let (pickup, dropoff) = (Position::new(52.52, 13.4).unwrap(), Position::new(52.53, 13.41).unwrap());
    let (ready_at, promised_at) = (NOON.plus_min(8), NOON.plus_min(30));
    let waiting =
        Waiting { delivery_id, pickup, dropoff, since: NOON, ready_at, likely: None, promised_at, not: vec![] };
    let seen =
        Seen { rider_id, position: pickup, vehicle: Vehicle::Scooter, capacity: 2, bag: vec![], duty: Duty::default() };
    let weighed = Weighed {
        rider_id,
        distance_m: 10,
        busy_s: 0,
        to_pickup_s: 4,
        wait_s: 400,
        shelf_s: 0,
        to_dropoff_s: 200,
        late_s: 0,
        handicap_s: 0,
        declined: false,
    };
    Tick {
        at,
        policy: Policy::Matcher,
        settings: PlanSettings::default(),
        open: vec![Sought { waiting, round, radius_m: 1_000, deadline_at: at.plus_s(15) }],
        around: Around { seen: vec![seen], left_out: vec![] },
        decided: vec![Decided {
            delivery_id,
            verdict: Verdict::Ask(rider_id),
            weighed: vec![weighed],
            route: vec![],
            also: vec![],
        }],
    }
}

/// Days of which there is a partition of `dispatch_tick`.
async fn days(database: &TestDatabase) -> Vec<String> {
    const SQL: &str = "
select right(child.relname, 8)
  from pg_inherits
  join pg_class as child on child.oid = inhrelid
 where inhparent = 'dispatch_tick'::regclass
 order by 1";
    let rows = database.database().query(SQL, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn ticks_and_decisions_are_written_in_groups_and_read_again() {
    let database = TestDatabase::fresh().await;
    let store = PostgresRecords::new(database.database().clone());
    let (records, writer) = queue(store.clone(), Arc::new(RandomIds), RecordCounts::default());
    let (_going, stop) = watch::channel(false);
    let writing = tokio::spawn(writer.run(stop));
    let (delivery_id, first, second) = (DeliveryId(uuid()), rider(), rider());
    records.ticked(tick(NOON, delivery_id, first, 1));
    records.ticked(tick(NOON.plus_s(5), delivery_id, first, 1)); // says the same
    records.ticked(tick(NOON.plus_s(10), delivery_id, second, 2));
    drop(records);
    writing.await.unwrap();

    let page = |limit, after| PageRequest { limit, after };
    let told = store.of(delivery_id, page(50, None)).await.unwrap();
    let said: Vec<_> = told.iter().map(|one| (one.at, one.decision.said)).collect();
    let ask = |rider_id| Said::Ask { rider_id };
    assert_eq!(said, [(NOON, ask(first)), (NOON.plus_s(10), ask(second))]);
    let after = After { at: told[0].at, id: told[0].decision_id };
    assert_eq!(store.of(delivery_id, page(1, Some(after))).await.unwrap(), told[1..]);
    assert!(store.of(DeliveryId(uuid()), page(50, None)).await.unwrap().is_empty());

    let mut day = RecordedDay::default();
    for (at, body) in store.ticks(NOON, NOON.plus_min(1)).await.unwrap() {
        day.add(at, &body);
    }
    assert_eq!((day.ticks, day.orders.len(), day.duties.len()), ([0, 3], 1, 2));
    assert_eq!(day.orders[&delivery_id].ready_at, NOON.plus_min(8));
    assert_eq!(store.last_tick_at().await.unwrap(), Some(NOON.plus_s(10)));
}

#[tokio::test]
async fn days_are_made_ahead_and_dropped_when_they_are_old() {
    let database = TestDatabase::fresh().await;
    let store = PostgresRecords::new(database.database().clone());
    let fresh = days(&database).await;
    assert_eq!(fresh.len(), 3, "today and two days ahead: {fresh:?}");
    assert_eq!(store.tend(30).await.unwrap(), 0, "nothing is old");
    assert_eq!(days(&database).await, fresh, "made once");
    // As if some weeks had passed; two nodes tend at once.
    const LATER: &str = "select tend_dispatch_days($1, (now() at time zone 'UTC')::date + $2::integer)";
    let later = async |days: i32| database.database().query(LATER, &[&30, &days]).await;
    let (a, b) = tokio::join!(later(29), later(29));
    assert_eq!((a.unwrap()[0].get::<_, i32>(0), b.unwrap()[0].get::<_, i32>(0)), (0, 0));
    assert_eq!(days(&database).await.len(), 6);
    let dropped: i32 = later(31).await.unwrap()[0].get(0);
    assert_eq!(dropped, 2, "the first day, of both tables");
    assert_eq!(days(&database).await.first(), fresh.get(1));
}

#[tokio::test]
async fn a_full_queue_or_a_database_away_loses_records_and_counts_them() {
    let database = TestDatabase::fresh().await;
    let store = PostgresRecords::new(database.database().clone());
    let counts = RecordCounts::default();
    let (records, writer) = queue(store.clone(), Arc::new(RandomIds), counts.clone());
    let (delivery_id, rider_id) = (DeliveryId(uuid()), rider());
    for n in 0..1_030 {
        records.ticked(tick(NOON.plus_s(n), delivery_id, rider_id, 1)); // nobody writes yet, and nobody waits
    }
    assert_eq!(counts.lost(), 6);
    database.database().execute("drop table dispatch_tick", &[]).await.unwrap();
    let (_going, stop) = watch::channel(false);
    drop(records);
    writer.run(stop).await;
    assert_eq!(counts.lost(), 1_030);
}
