//! The published shapes: a sample of every event of every service, made from its type, held against
//! `tests/golden/events.jsonl`. Shapes only grow: what the golden file holds must stay readable, and a shape that
//! changed shows in its diff. `BLESS=1 cargo test -p foodcourt-actors --test events` writes the file anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod sampler;
mod snapshots;

use std::fs;

use foodcourt_actors::{
    dispatch::event::DeliveryEvent,
    event::{DecodeError, Event},
    kitchen::event::KitchenEvent,
    notification::event::InboxEvent,
    order::event::OrderEvent,
    payment::event::PaymentEvent,
    rider::event::RiderEvent,
};
use sampler::Words;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// Fields that need not be there, by the words of the sources.
fn optional_fields() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for service in ["order", "payment", "kitchen", "dispatch", "notification", "rider"] {
        for file in ["event.rs", "menu.rs"] {
            let text = fs::read_to_string(format!("{HERE}/{service}/{file}")).unwrap_or_default();
            let mut optional = false;
            for line in text.lines().map(str::trim) {
                if let Some((name, kind)) = line.strip_prefix("pub ").and_then(|field| field.split_once(": ")) {
                    if optional || kind.starts_with("Option<") {
                        found.push(name.to_owned());
                    }
                    optional = false;
                } else if line.starts_with("#[serde(default") {
                    optional = true;
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// A line a kind, then a line a set of words.
fn today() -> String {
    fn all<E: Event>(kinds: &[&str], optional: &[String], lines: &mut Vec<String>, words: &mut Words) {
        for kind in kinds {
            let body = sampler::sample(|json| E::decode(kind, json).map(|event| event.encode()), optional, words);
            lines.push(format!("{{\"kind\":\"{kind}\",\"body\":{body}}}"));
        }
    }
    let (optional, mut lines, mut words) = (optional_fields(), Vec::new(), Words::new());
    all::<OrderEvent>(OrderEvent::KINDS, &optional, &mut lines, &mut words);
    all::<PaymentEvent>(PaymentEvent::KINDS, &optional, &mut lines, &mut words);
    all::<KitchenEvent>(KitchenEvent::KINDS, &optional, &mut lines, &mut words);
    all::<DeliveryEvent>(DeliveryEvent::KINDS, &optional, &mut lines, &mut words);
    all::<RiderEvent>(RiderEvent::KINDS, &optional, &mut lines, &mut words);
    all::<InboxEvent>(InboxEvent::KINDS, &optional, &mut lines, &mut words);
    lines.extend(words.into_keys().map(|words| format!("{{\"one_of\":\"{words}\"}}")));
    lines.join("\n") + "\n"
}

#[test]
fn published_shapes_are_what_they_were() {
    let (path, today) = (format!("{HERE}/tests/golden/events.jsonl"), today());
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &today).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    for (then, now) in golden.lines().zip(today.lines()) {
        assert_eq!(then, now, "a published shape changed: shapes only grow (see this file's head)");
    }
    assert_eq!(golden.lines().count(), today.lines().count(), "events came or went");
}

#[test]
fn what_was_written_once_is_read_for_ever() {
    fn reads<E: Event>(kind: &str, body: &str) -> Option<Result<(), String>> {
        match E::decode(kind, body) {
            Err(DecodeError::UnknownKind(_)) => None,
            other => Some(other.map(drop).map_err(|error| error.to_string())),
        }
    }
    let golden = fs::read_to_string(format!("{HERE}/tests/golden/events.jsonl")).unwrap();
    let facts = golden.lines().filter_map(|line| line.strip_prefix("{\"kind\":\"")).collect::<Vec<_>>();
    assert!(facts.len() > 70, "the golden file is not what it should be");
    for fact in facts {
        let (kind, body) = fact.strip_suffix('}').unwrap().split_once("\",\"body\":").unwrap();
        let read = reads::<OrderEvent>(kind, body)
            .or_else(|| reads::<PaymentEvent>(kind, body))
            .or_else(|| reads::<KitchenEvent>(kind, body))
            .or_else(|| reads::<DeliveryEvent>(kind, body))
            .or_else(|| reads::<RiderEvent>(kind, body))
            .or_else(|| reads::<InboxEvent>(kind, body));
        assert_eq!(read, Some(Ok(())), "{kind} can no longer be read");
    }
}
