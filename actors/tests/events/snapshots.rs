//! The shapes of snapshots: every path in the states that the sample facts fold to, held against
//! `tests/golden/snapshots.txt` beside the number of the build that writes them. A state that keeps more under the same
//! number would be read back from a snapshot that lacks it (`entity/snapshot`).

use std::{collections::BTreeSet, fs};

use foodcourt_actors::{
    decider::Decider, dispatch::Delivery, event::Event as _, kitchen::Kitchen, notification::Inbox, order::Order,
    payment::Payment, rider::Rider, time::Timestamp,
};
use serde_json::Value;

use super::HERE;

/// The number behind the version of the build.
fn number() -> String {
    let source = fs::read_to_string(format!("{HERE}/entity/snapshot.rs")).unwrap();
    let build = source.split("concat!(env!(\"CARGO_PKG_VERSION\"), \"+").nth(1).expect("BUILD is where it was");
    build.split('"').next().unwrap().to_owned()
}

fn paths(at: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                // A map by id has one shape, whatever the ids.
                let name = if name.len() == 36 && name.contains("-7000-") { "{}" } else { name };
                paths(&format!("{at}.{name}"), inner, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(&format!("{at}[]"), item, found)),
        Value::Null => {}
        Value::Bool(_) => drop(found.insert(format!("{at}: bool"))),
        Value::Number(_) => drop(found.insert(format!("{at}: number"))),
        Value::String(_) => drop(found.insert(format!("{at}: text"))),
    }
}

/// Every path in the states of `D` after each of the sample facts, in the order of their kinds.
fn shape<D: Decider>(facts: &[(String, String)], found: &mut BTreeSet<String>) {
    let noon = Timestamp::from_micros(1_772_366_400_000_000);
    let (name, mut state) = (format!("{:?}", D::CATEGORY).to_lowercase(), D::State::default());
    for (kind, body) in facts {
        let Ok(event) = D::Event::decode(kind, body) else { continue };
        D::evolve(&mut state, &event, noon);
        paths(&name, &serde_json::to_value(&state).unwrap(), found);
    }
}

fn today() -> String {
    let golden = fs::read_to_string(format!("{HERE}/tests/golden/events.jsonl")).unwrap();
    let fact = |line: &str| {
        let (kind, body) = line.strip_prefix("{\"kind\":\"")?.strip_suffix('}')?.split_once("\",\"body\":")?;
        Some((kind.to_owned(), body.to_owned()))
    };
    let facts: Vec<(String, String)> = golden.lines().filter_map(fact).collect();
    let mut found = BTreeSet::new();
    shape::<Order>(&facts, &mut found);
    shape::<Payment>(&facts, &mut found);
    shape::<Kitchen>(&facts, &mut found);
    shape::<Delivery>(&facts, &mut found);
    shape::<Rider>(&facts, &mut found);
    shape::<Inbox>(&facts, &mut found);
    let lines: Vec<String> = found.into_iter().collect();
    format!("number {}\n{}\n", number(), lines.join("\n"))
}

/// Whether `today` may be written in the place of `golden`: what changed has a new number.
fn has_new_number(golden: &str, today: &str) -> bool {
    golden == today || golden.lines().next() != today.lines().next()
}

#[test]
fn a_snapshots_shape_changes_with_its_number() {
    let (path, today) = (format!("{HERE}/tests/golden/snapshots.txt"), today());
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        has_new_number(&golden, &today),
        "a state keeps something else than before: raise the number in actors/entity/snapshot.rs, then BLESS=1\n{}",
        today.lines().filter(|line| !golden.contains(line)).collect::<Vec<_>>().join("\n")
    );
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &today).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), today, "BLESS=1 cargo test -p foodcourt-actors --test events");
    assert!(today.lines().count() > 150 && today.contains("\nrider.held[].job.ready_at: text\n"), "{today}");
}

#[test]
fn an_old_number_with_another_shape_is_noticed() {
    assert!(has_new_number("number 1\na\n", "number 1\na\n") && has_new_number("number 1\na\n", "number 2\na\nb\n"));
    assert!(!has_new_number("number 1\na\n", "number 1\na\nb\n") && !has_new_number("number 1\na\n", "number 1\n"));
}
