//! What the journal promises while all is well.

use std::time::Duration;

use foodcourt::postgres::{
    answers::{forget_expired, stored_answer},
    contacts::{contact, erase_contact},
    dead_letters::{dead_letters, put_aside},
    journal::JournalLimits,
    migrate::{MigrateError, migrate},
    testing::TestDatabase,
};
use foodcourt_actors::{
    ids::ContactId,
    ports::{Appended, Contact, Due, Journal, Snapshot, StoredAnswer},
    stream::{Category, StreamId},
};
use futures_util::future::join_all;

use crate::support::{NOON, append, event, feed, node, node_with, stream, uuid};

#[tokio::test]
async fn what_was_appended_is_read_back() {
    let database = TestDatabase::fresh().await;
    let journal = node(&database).await;
    let stream = stream();
    let mut wish = append(stream, 0, 2);
    wish.events[1].cause = Some(wish.events[0].event_id);
    wish.events[1].body = r#"{"text": "naïve 🍜", "n": 12345678901234567890, "list": [1, null, true]}"#.to_owned();
    assert_eq!(journal.append(wish.clone()).await, Appended::Committed);

    let facts = journal.read(stream, 0, 10).await.unwrap();
    assert_eq!(facts.iter().map(|fact| fact.version).collect::<Vec<_>>(), [1, 2]);
    for (fact, event) in facts.iter().zip(&wish.events) {
        assert_eq!((fact.event_id, &*fact.kind, fact.at), (event.event_id, event.kind, event.at));
        assert_eq!((fact.cause, fact.correlation, fact.stream), (event.cause, event.correlation, stream));
        let (kept, said): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(&fact.body).unwrap(), serde_json::from_str(&event.body).unwrap());
        assert_eq!(kept, said);
    }
    assert_eq!(journal.read(stream, 1, 10).await.unwrap(), facts[1..]);
    assert_eq!(journal.read(stream, 0, 1).await.unwrap(), facts[..1]);
    assert_eq!(feed(&journal, 1).await, facts);
    assert_eq!(journal.end().await.unwrap(), facts[1].position);
    assert!(journal.holds(stream, wish.events[1].event_id).await.unwrap());
    assert!(!journal.holds(stream, uuid()).await.unwrap());
}

#[tokio::test]
async fn the_gate_wants_the_expected_version() {
    let database = TestDatabase::fresh().await;
    let journal = node(&database).await;
    let stream = stream();
    assert_eq!(journal.append(append(stream, 1, 1)).await, Appended::Conflict, "created in the middle");
    assert_eq!(journal.append(append(stream, 0, 3)).await, Appended::Committed);
    assert_eq!(journal.append(append(stream, 0, 1)).await, Appended::Conflict, "created twice");
    assert_eq!(journal.append(append(stream, 2, 1)).await, Appended::Conflict, "behind");
    assert_eq!(journal.append(append(stream, 4, 1)).await, Appended::Conflict, "ahead");
    assert_eq!(journal.append(append(stream, 3, 2)).await, Appended::Committed);
    let versions: Vec<_> = journal.read(stream, 0, 10).await.unwrap().iter().map(|fact| fact.version).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5]);
    assert!(matches!(journal.append(append(stream, 5, 0)).await, Appended::Invalid { .. }), "an empty append");
}

#[tokio::test]
async fn two_nodes_lose_and_double_nothing() {
    const STREAMS: usize = 100;
    const WISHES: usize = 2_000;
    let database = TestDatabase::fresh().await;
    let nodes = [node(&database).await, node(&database).await];
    let streams: Vec<StreamId> = (0..STREAMS).map(|_| stream()).collect();
    let wishes = (0..WISHES).map(|n| {
        let (journal, stream) = (nodes[n % 2].clone(), streams[n / 2 % STREAMS]);
        async move {
            let mut wish = append(stream, 0, 1 + n % 3);
            let mut conflicts = 0;
            loop {
                match journal.append(wish.clone()).await {
                    Appended::Committed => return (wish.events, conflicts),
                    Appended::Conflict => conflicts += 1,
                    other => panic!("{other:?}"),
                }
                let tail = journal.read(stream, wish.expected, 1_000).await.unwrap();
                wish.expected = tail.last().map_or(wish.expected, |fact| fact.version);
            }
        }
    });
    let written = join_all(wishes).await;
    let conflicts: u32 = written.iter().map(|(_, conflicts)| conflicts).sum();
    assert!(conflicts > 0, "the two never met");

    let mut acknowledged: Vec<_> = written.into_iter().flat_map(|(events, _)| events).map(|e| e.event_id).collect();
    let facts = feed(&nodes[0], 500).await;
    let mut kept: Vec<_> = facts.iter().map(|fact| fact.event_id).collect();
    acknowledged.sort_unstable();
    kept.sort_unstable();
    assert_eq!(kept, acknowledged);
    for stream in streams {
        let versions: Vec<_> = facts.iter().filter(|fact| fact.stream == stream).map(|fact| fact.version).collect();
        assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>(), "{stream} in the feed");
    }
}

#[tokio::test]
async fn what_a_node_remembers_of_its_own_facts_is_what_the_database_holds() {
    let database = TestDatabase::fresh().await;
    let nodes = [node(&database).await, node(&database).await];
    let contested = stream();
    for round in 0..20_usize {
        // Batches of several streams and facts, some refused at the gate, on two nodes at once.
        let wishes = (0..24_usize).map(|number| {
            let wish = if number % 6 == 0 {
                append(contested, round as u64, 1)
            } else {
                append(stream(), 0, 1 + (number + round) % 3)
            };
            nodes[usize::from(round % 4 == 0 && number % 2 == 0)].append(wish)
        });
        let outcomes = join_all(wishes).await;
        assert!(outcomes.contains(&Appended::Committed) && outcomes.contains(&Appended::Conflict));
    }
    let stranger = node(&database).await;
    let all = feed(&stranger, 1_000).await;
    assert!(all.windows(2).all(|two| two[0].position < two[1].position));
    for node in &nodes {
        for page in [1_000, 7] {
            assert_eq!(feed(node, page).await, all);
        }
        // From anywhere: where it remembers, where it does not, and where the two meet.
        for (index, fact) in all.iter().enumerate() {
            let after = node.feed(fact.position, 1_000).await.unwrap();
            assert_eq!(after[..], all[index + 1..][..after.len()]);
            assert_eq!(after.is_empty(), index + 1 == all.len());
        }
    }
}

#[tokio::test]
async fn a_bad_append_stands_alone() {
    let database = TestDatabase::fresh().await;
    let journal = node(&database).await;
    let bodies = ["\"fine\"", r#""half a \u12""#, "\"fine\"", "no json", "\"raw \0\"", "\"fine\"", "\"fine\""];
    let wishes: Vec<_> = bodies
        .iter()
        .map(|body| {
            let mut wish = append(stream(), 0, 1);
            wish.events.push(event(body));
            wish
        })
        .collect();
    let outcomes = join_all(wishes.iter().map(|wish| journal.append(wish.clone()))).await;
    for ((wish, body), outcome) in wishes.iter().zip(bodies).zip(outcomes) {
        let kept = journal.read(wish.stream, 0, 10).await.unwrap().len();
        match outcome {
            Appended::Committed => assert_eq!((body, kept), ("\"fine\"", 2)),
            Appended::Invalid { reason } => assert!(body != "\"fine\"" && kept == 0 && !reason.is_empty(), "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
}

fn answer(scope: &str, status: u16) -> StoredAnswer {
    StoredAnswer {
        scope: scope.to_owned(),
        request_sha256: [7; 32],
        status,
        headers: vec![("location".to_owned(), "/v1/orders/1".to_owned()), ("etag".to_owned(), "\"1\"".to_owned())],
        body: b"{\"raw\":\xff}".to_vec(),
    }
}

#[tokio::test]
async fn answer_and_contact_are_kept_iff_the_facts_are() {
    kept_iff_the_facts_are(1).await; // the statement for one fact alone
    kept_iff_the_facts_are(2).await; // the one for batches
}

async fn kept_iff_the_facts_are(facts: usize) {
    let database = TestDatabase::fresh().await;
    let version = |appends: usize| u64::try_from(appends * facts).unwrap();
    let journal = node(&database).await;
    let pool = database.database();
    let stream = stream();
    let person = Contact { contact_id: ContactId(uuid()), body: r#"{"name":"Ana"}"#.to_owned() };
    let mut wish = append(stream, 0, facts);
    wish.answers = vec![answer("first", 201)];
    wish.contacts = vec![person.clone()];
    assert_eq!(journal.append(wish).await, Appended::Committed);
    assert_eq!(stored_answer(pool, "first").await.unwrap(), Some(answer("first", 201)));
    let kept = contact(pool, person.contact_id).await.unwrap().unwrap();
    assert_eq!(kept.body.replace(' ', ""), person.body);

    // The loser of a conflict leaves nothing, and cannot replace what is kept.
    let stranger = Contact { contact_id: ContactId(uuid()), body: "{}".to_owned() };
    let mut late = append(stream, 0, facts);
    late.answers = vec![answer("second", 409)];
    late.contacts = vec![stranger.clone()];
    assert_eq!(journal.append(late).await, Appended::Conflict);
    assert_eq!(stored_answer(pool, "second").await.unwrap(), None);
    assert_eq!(contact(pool, stranger.contact_id).await.unwrap(), None);
    // Nor does one that would begin a stream in its middle, or has fallen behind.
    assert_eq!(journal.append(append(self::stream(), 1, facts)).await, Appended::Conflict);
    let mut again = append(stream, version(1), facts);
    again.answers = vec![answer("first", 500)];
    assert_eq!(journal.append(again).await, Appended::Committed);
    assert_eq!(stored_answer(pool, "first").await.unwrap(), Some(answer("first", 201)), "the first answer stays");

    let mut behind = append(stream, version(1), facts);
    behind.answers = vec![answer("third", 409)];
    assert_eq!(journal.append(behind).await, Appended::Conflict);
    assert_eq!(stored_answer(pool, "third").await.unwrap(), None);

    assert!(erase_contact(pool, person.contact_id).await.unwrap());
    assert!(!erase_contact(pool, person.contact_id).await.unwrap());
    let mut back = append(stream, version(2), facts);
    back.contacts = vec![person.clone()];
    assert_eq!(journal.append(back).await, Appended::Committed);
    assert_eq!(contact(pool, person.contact_id).await.unwrap(), None, "erased for good");
}

#[tokio::test]
async fn an_expired_answer_is_no_answer() {
    let database = TestDatabase::fresh().await;
    let limits = JournalLimits { answers_kept: Duration::ZERO, ..JournalLimits::default() };
    let (journal, pool) = (node_with(&database, limits).await, database.database());
    let mut wish = append(stream(), 0, 1);
    wish.answers = vec![answer("scope", 201)];
    assert_eq!(journal.append(wish).await, Appended::Committed);
    assert_eq!(stored_answer(pool, "scope").await.unwrap(), None);
    assert_eq!(forget_expired(pool).await.unwrap(), 1);
}

#[tokio::test]
async fn overdue_streams_are_claimed_by_one_node_and_come_back_after_the_lease() {
    let database = TestDatabase::fresh().await;
    let nodes = [node(&database).await, node(&database).await];
    let overdue: Vec<StreamId> = (0..40).map(|_| stream()).collect();
    for (stream, minute) in overdue.iter().zip(1..) {
        let mut wish = append(*stream, 0, 1);
        wish.deadline_at = Some(NOON.plus_min(minute));
        assert_eq!(nodes[0].append(wish).await, Appended::Committed);
    }
    let now = NOON.plus_min(40);
    assert_eq!(nodes[0].claim_due(vec![Category::Order], NOON, 60, 99).await.unwrap(), [], "none is due yet");
    assert_eq!(nodes[0].claim_due(vec![Category::Rider], now, 60, 99).await.unwrap(), [], "not those asked for");

    let claims = (0..8).map(|n| nodes[n % 2].claim_due(vec![Category::Order, Category::Payment], now, 60, 5));
    let mut claimed: Vec<Due> = join_all(claims).await.into_iter().flat_map(Result::unwrap).collect();
    claimed.extend(nodes[1].claim_due(vec![Category::Order], now, 60, 99).await.unwrap());
    claimed.sort_by_key(|due| due.deadline_at);
    let expected: Vec<Due> =
        overdue.iter().zip(1..).map(|(s, minute)| Due { stream: *s, deadline_at: NOON.plus_min(minute) }).collect();
    assert_eq!(claimed, expected, "each exactly once");

    // Business time does not run the lease out; an append ends it, and so does the database's clock.
    assert_eq!(nodes[1].claim_due(vec![Category::Order], now.plus_min(600), 60, 99).await.unwrap(), []);
    let mut moved = append(overdue[0], 1, 1);
    moved.deadline_at = Some(NOON);
    assert_eq!(nodes[0].append(moved).await, Appended::Committed);
    let back = [Due { stream: overdue[0], deadline_at: NOON }];
    assert_eq!(nodes[1].claim_due(vec![Category::Order], now, 60, 99).await.unwrap(), back);
    let lapse = "update stream_head set claimed_until = now() where stream = $1";
    database.database().execute(lapse, &[&overdue[1].to_string()]).await.unwrap();
    assert_eq!(nodes[0].claim_due(vec![Category::Order], now, 60, 99).await.unwrap(), expected[1..2]);
    // Without a deadline there is nothing to wake for.
    assert_eq!(nodes[0].append(append(overdue[0], 2, 1)).await, Appended::Committed);
    assert_eq!(nodes[1].claim_due(vec![Category::Order], now, 60, 99).await.unwrap(), []);
}

#[tokio::test]
async fn the_newest_snapshot_stays() {
    let database = TestDatabase::fresh().await;
    let journal = node(&database).await;
    let stream = stream();
    assert!(journal.snapshot(stream).await.unwrap().is_none());
    for (version, body) in [(5, "five"), (9, "nine"), (7, "seven")] {
        journal.keep_snapshot(stream, Snapshot { version, body: body.to_owned() }).await;
    }
    let kept = journal.snapshot(stream).await.unwrap().unwrap();
    assert_eq!((kept.version, kept.body.as_str()), (9, "nine"));
}

#[tokio::test]
async fn the_bell_rings_for_own_and_foreign_facts() {
    let database = TestDatabase::fresh().await;
    let (here, there) = (node(&database).await, node(&database).await);
    let (mut near, mut far) = (here.bell(), there.bell());
    assert_eq!(here.append(append(stream(), 0, 1)).await, Appended::Committed);
    assert!(near.has_changed().unwrap(), "own facts ring before the answer");
    near.mark_unchanged();
    tokio::time::timeout(Duration::from_secs(5), far.changed()).await.expect("the other node notices").unwrap();
    let mut lost = append(stream(), 1, 1);
    lost.deadline_at = Some(NOON);
    assert_eq!(here.append(lost).await, Appended::Conflict);
    assert!(!near.has_changed().unwrap(), "a conflict is no news");
}

#[tokio::test]
async fn dead_letters_are_kept_once() {
    let database = TestDatabase::fresh().await;
    let (journal, pool) = (node(&database).await, database.database());
    assert_eq!(journal.end().await.unwrap(), 0);
    assert_eq!(journal.append(append(stream(), 0, 2)).await, Appended::Committed);
    let facts = feed(&journal, 10).await;
    for (fact, reason) in [(&facts[0], "nul \0"), (&facts[0], "again"), (&facts[1], "other")] {
        put_aside(pool, "payment", fact, reason).await.unwrap();
    }
    let letters = dead_letters(pool, 0, 10).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.reason.as_str()).collect::<Vec<_>>(), ["nul \u{fffd}", "other"]);
    assert_eq!(letters[0].event_id, facts[0].event_id);
    assert_eq!(dead_letters(pool, letters[0].dead_letter_id, 10).await.unwrap(), letters[1..]);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_two_nodes_may_migrate_at_once() {
    let database = TestDatabase::empty().await;
    let settings = database.settings();
    let (one, two) = tokio::join!(migrate(settings), migrate(settings));
    let applied = [one.unwrap(), two.unwrap()];
    assert!(applied.contains(&0) && applied.iter().sum::<usize>() >= 2, "{applied:?}");
    let newer =
        "insert into schema_history (version, name, applied_on, checksum) values (9999, 'x', '2030-01-01', '1')";
    database.database().execute(newer, &[]).await.unwrap();
    let error = migrate(settings).await.unwrap_err();
    assert!(matches!(error, MigrateError::Newer { database: 9999, .. }), "{error}");
}
