//! What the journal says when the database is away, slow or doubtful, and that what it says is so.

use std::time::Duration;

use foodcourt::ports::Answers as _;
use foodcourt::postgres::{
    DatabaseSettings,
    journal::{JournalLimits, PgJournal},
    quotes::PostgresQuotes,
    testing::TestDatabase,
};
use foodcourt_actors::ports::{Appended, Journal, StoredAnswer};
use futures_util::future::join_all;
use tokio_postgres::Transaction;

use crate::support::{Relay, append, node, node_with, stream};

/// The lock under which the journal draws positions, as `statement.rs` names it.
const POSITION_LOCK: i64 = 0x006a_6f75_726e_616c;

/// Keeps every batch in flight until the transaction ends.
async fn hold(holder: &Transaction<'_>) {
    holder.execute("select pg_advisory_xact_lock($1)", &[&POSITION_LOCK]).await.unwrap();
}

/// The backend of a batch that is in flight.
async fn in_flight(holder: &Transaction<'_>) -> i32 {
    let sql = "select l.pid from pg_locks l join pg_database d on d.oid = l.database \
               where locktype = 'advisory' and not granted and d.datname = current_database()";
    loop {
        if let Some(row) = holder.query_opt(sql, &[]).await.unwrap() {
            return row.get(0);
        }
        tokio::task::yield_now().await;
    }
}

/// Until somebody waits for what `holder` holds.
async fn somebody_waits(holder: &Transaction<'_>) {
    let sql = "select 1 from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))";
    while holder.query(sql, &[]).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_backend_killed_mid_flight_is_unknown_and_then_settled() {
    let database = TestDatabase::fresh().await;
    let journal = node(&database).await;
    let mut session = database.database().session().await.unwrap();
    let holder = session.client().transaction().await.unwrap();
    hold(&holder).await;
    let wish = append(stream(), 0, 1);
    let flying = tokio::spawn(journal.append(wish.clone()));
    let pid = in_flight(&holder).await;
    // The next one is sent right behind it, the one after that has to wait.
    let second = append(stream(), 0, 1);
    let behind = tokio::spawn(journal.append(second.clone()));
    tokio::task::yield_now().await;
    let waiting = tokio::spawn(journal.append(append(stream(), 0, 1)));
    tokio::task::yield_now().await;
    holder.execute("select pg_terminate_backend($1)", &[&pid]).await.unwrap();
    assert_eq!(flying.await.unwrap(), Appended::Unknown);
    assert_eq!(behind.await.unwrap(), Appended::Unknown);
    holder.rollback().await.unwrap();
    for wish in [&wish, &second] {
        assert!(!journal.holds(wish.stream, wish.events[0].event_id).await.unwrap());
    }
    // What had not been sent goes out on the next connection, and so may the wish itself.
    assert_eq!(waiting.await.unwrap(), Appended::Committed);
    assert_eq!(journal.append(wish.clone()).await, Appended::Committed);
    assert!(journal.holds(wish.stream, wish.events[0].event_id).await.unwrap());
}

#[tokio::test]
async fn what_was_settled_as_lost_never_appears() {
    let database = TestDatabase::fresh().await;
    let relay = Relay::to(database.dsn()).await;
    let limits = JournalLimits { transaction_timeout: Duration::from_secs(60), ..JournalLimits::default() };
    let settings = DatabaseSettings::new(relay.dsn());
    let journal = PgJournal::start(&settings, database.database().clone(), limits).await.unwrap();
    let mut session = database.database().session().await.unwrap();
    let holder = session.client().transaction().await.unwrap();
    hold(&holder).await;
    let wish = append(stream(), 0, 1);
    let flying = tokio::spawn(journal.append(wish.clone()));
    let pid = in_flight(&holder).await;
    // The client's side goes; the backend has been sent everything, waits for the lock only, and would commit.
    relay.cut_clients();
    assert_eq!(flying.await.unwrap(), Appended::Unknown);
    let alive = "select count(*) from pg_stat_activity where pid = $1";
    assert_eq!(holder.query_one(alive, &[&pid]).await.unwrap().get::<_, i64>(0), 1, "the backend went by itself");
    assert!(!journal.holds(wish.stream, wish.events[0].event_id).await.unwrap());
    holder.commit().await.unwrap();
    assert_eq!(journal.append(append(stream(), 0, 1)).await, Appended::Committed);
    assert_eq!(journal.read(wish.stream, 0, 10).await.unwrap(), [], "the dead batch came back");
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found() {
    let database = TestDatabase::fresh().await;
    let relay = Relay::to(database.dsn()).await;
    let settings = DatabaseSettings::new(relay.dsn());
    let limits = JournalLimits::default();
    let journal = PgJournal::start(&settings, database.database().clone(), limits).await.unwrap();
    relay.swallow_answers(true);
    let wish = append(stream(), 0, 2);
    let flying = tokio::spawn(journal.append(wish.clone()));
    while !journal.holds(wish.stream, wish.events[1].event_id).await.unwrap() {
        tokio::task::yield_now().await;
    }
    relay.cut_clients();
    assert_eq!(flying.await.unwrap(), Appended::Unknown);
    assert!(journal.holds(wish.stream, wish.events[0].event_id).await.unwrap());
    relay.swallow_answers(false);
    assert_eq!(journal.append(wish.clone()).await, Appended::Conflict);
}

#[tokio::test]
async fn a_database_that_is_away_is_unavailable_until_it_is_back() {
    let database = TestDatabase::fresh().await;
    let relay = Relay::to(database.dsn()).await;
    let settings = DatabaseSettings::new(relay.dsn());
    let limits = JournalLimits { reconnect_after: Duration::from_millis(5), ..JournalLimits::default() };
    let journal = PgJournal::start(&settings, database.database().clone(), limits).await.unwrap();
    relay.listen(false);
    relay.cut_clients();
    for _ in 0..3 {
        // The very first may be in flight while the connection goes.
        let outcome = journal.append(append(stream(), 0, 1)).await;
        assert!(matches!(outcome, Appended::Unavailable | Appended::Unknown), "{outcome:?}");
    }
    assert_eq!(journal.append(append(stream(), 0, 1)).await, Appended::Unavailable);
    assert!(!journal.is_writable());
    relay.listen(true);
    // By itself: who says that it cannot write is sent nothing to try it with.
    while !journal.is_writable() {
        tokio::task::yield_now().await;
    }
    assert_eq!(journal.append(append(stream(), 0, 1)).await, Appended::Committed);
    journal.flushed().await;
}

#[tokio::test]
async fn a_batch_that_takes_too_long_is_rolled_back() {
    let database = TestDatabase::fresh().await;
    let limits = JournalLimits { transaction_timeout: Duration::from_millis(50), ..JournalLimits::default() };
    let journal = node_with(&database, limits).await;
    let mut session = database.database().session().await.unwrap();
    let holder = session.client().transaction().await.unwrap();
    hold(&holder).await;
    let wish = append(stream(), 0, 1);
    assert_eq!(journal.append(wish.clone()).await, Appended::Unavailable);
    holder.rollback().await.unwrap();
    // On a busy machine the limit may be too short for an honest batch too.
    while journal.append(wish.clone()).await != Appended::Committed {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_that_warns_of_its_commit_leaves_it_unknown() {
    let database = TestDatabase::fresh().await;
    let journal = node(&database).await;
    // A cancelled wait for a synchronous standby looks like this: success, with a warning 01000.
    let mut session = database.database().session().await.unwrap();
    let doubt = "create function doubt() returns trigger language plpgsql as $$
                 begin raise warning 'may not have been replicated'; return null; end $$;
                 create trigger doubt after insert on journal execute function doubt()";
    session.client().batch_execute(doubt).await.unwrap();
    let wish = append(stream(), 0, 1);
    assert_eq!(journal.append(wish.clone()).await, Appended::Unknown);
    assert!(journal.holds(wish.stream, wish.events[0].event_id).await.unwrap());
    session.client().batch_execute("drop trigger doubt on journal").await.unwrap();
    assert_eq!(journal.append(append(wish.stream, 1, 1)).await, Appended::Committed);
}

#[tokio::test]
async fn what_no_standby_confirms_is_not_found() {
    let database = TestDatabase::fresh().await;
    let journal = node(&database).await;
    let mut session = database.database().session().await.unwrap();
    // No standby is there at all: whatever is committed is committed with that warning.
    let doubt = "create function doubt() returns trigger language plpgsql as $$
                 begin raise warning 'may not have been replicated'; return null; end $$;
                 create trigger doubt after insert on journal execute function doubt();
                 create trigger doubt after update on business_clock execute function doubt()";
    session.client().batch_execute(doubt).await.unwrap();
    let wish = append(stream(), 0, 1);
    assert_eq!(journal.append(wish.clone()).await, Appended::Unknown);
    let looked = journal.holds(wish.stream, wish.events[0].event_id).await;
    assert!(looked.is_err(), "acknowledged although a fail-over would take it back");
    let back = "drop trigger doubt on journal; drop trigger doubt on business_clock";
    session.client().batch_execute(back).await.unwrap();
    assert!(journal.holds(wish.stream, wish.events[0].event_id).await.unwrap());
}

#[tokio::test]
async fn hundreds_who_ask_the_standbys_at_once_share_two_questions() {
    let database = TestDatabase::fresh().await;
    let mut session = database.database().session().await.unwrap();
    let count = "create sequence questions;
                 create function counted() returns trigger language plpgsql as $$
                 begin perform nextval('questions'); return null; end $$;
                 create trigger counted after update on business_clock execute function counted()";
    session.client().batch_execute(count).await.unwrap();
    let asked = async || -> i64 {
        let row = database.database().query_opt("select last_value, is_called from questions", &[]).await.unwrap();
        let row = row.unwrap();
        if row.get(1) { row.get(0) } else { 0 }
    };
    let holder = session.client().transaction().await.unwrap();
    holder.execute("select from business_clock for update", &[]).await.unwrap();
    // All have asked before the first has its answer: one question is under way, and what was committed after it began
    // needs another one.
    let all = join_all((0..300).map(|_| database.database().vouches()));
    let (answers, ()) = tokio::join!(all, async move {
        somebody_waits(&holder).await;
        holder.rollback().await.unwrap();
    });
    assert!(answers.into_iter().all(|answer| answer.unwrap()));
    assert_eq!(asked().await, 2);
    assert!(database.database().vouches().await.unwrap());
    assert_eq!(asked().await, 3, "an answer stands for what was committed before its question only");
}

#[tokio::test]
async fn a_lost_answer_may_have_been_a_warning_and_so_may_a_repeated_one() {
    let database = TestDatabase::fresh().await;
    let relay = Relay::to(database.dsn()).await;
    let settings = DatabaseSettings::new(relay.dsn());
    let limits = JournalLimits::default();
    let journal = PgJournal::start(&settings, database.database().clone(), limits).await.unwrap();
    let mut session = database.database().session().await.unwrap();
    // No standby confirms anything.
    let doubt = "create function doubt() returns trigger language plpgsql as $$
                 begin raise warning 'may not have been replicated'; return null; end $$;
                 create trigger doubt after update on business_clock execute function doubt()";
    session.client().batch_execute(doubt).await.unwrap();
    relay.swallow_answers(true);
    let mut wish = append(stream(), 0, 1);
    wish.answers = vec![StoredAnswer {
        scope: "mia POST /v1/orders 1".to_owned(),
        request_sha256: [7; 32],
        status: 201,
        headers: vec![],
        body: b"{}".to_vec(),
    }];
    let flying = tokio::spawn(journal.append(wish.clone()));
    while database
        .database()
        .query("select 1 from journal where stream = $1", &[&wish.stream.to_string()])
        .await
        .unwrap()
        .is_empty()
    {
        tokio::task::yield_now().await;
    }
    relay.cut_clients();
    assert_eq!(flying.await.unwrap(), Appended::Unknown);
    let looked = journal.holds(wish.stream, wish.events[0].event_id).await;
    assert!(looked.is_err(), "acknowledged although a fail-over would take it back");
    // A node that never heard of it must not send the answer either.
    let answers = PostgresQuotes::new(database.database().clone(), 24);
    assert!(answers.find(wish.answers[0].scope.clone()).await.is_err());
    session.client().batch_execute("drop trigger doubt on business_clock").await.unwrap();
    assert!(journal.holds(wish.stream, wish.events[0].event_id).await.unwrap());
    assert_eq!(answers.find(wish.answers[0].scope.clone()).await.unwrap().as_ref(), wish.answers.first());
}

#[tokio::test]
async fn a_full_queue_says_so_at_once() {
    let database = TestDatabase::fresh().await;
    let limits = JournalLimits { queue_max: 4, batch_max: 1, ..JournalLimits::default() };
    let journal = node_with(&database, limits).await;
    let mut session = database.database().session().await.unwrap();
    let holder = session.client().transaction().await.unwrap();
    hold(&holder).await;
    let first = tokio::spawn(journal.append(append(stream(), 0, 1)));
    in_flight(&holder).await;
    let many = tokio::spawn(join_all((0..20).map(|_| journal.append(append(stream(), 0, 1)))));
    tokio::task::yield_now().await;
    holder.rollback().await.unwrap();
    assert_eq!(first.await.unwrap(), Appended::Committed);
    let outcomes = many.await.unwrap();
    let refused = outcomes.iter().filter(|outcome| **outcome == Appended::Unavailable).count();
    assert_eq!(refused, 16, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Appended::Committed | Appended::Unavailable)));
}
