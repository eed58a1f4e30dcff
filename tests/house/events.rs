//! `docs/events.md` is true: every fact is in it with the words of its type, and the services and effects named beside
//! it are those that react to it.

use std::collections::{BTreeMap, BTreeSet};

use foodcourt_actors::{
    dispatch::{DispatchPolicy, event::DeliveryEvent},
    kitchen::{event::KitchenEvent, policy::KitchenPolicy},
    notification::{InboxPolicy, event::InboxEvent},
    order::{OrderPolicy, event::OrderEvent},
    payment::{PaymentPolicy, event::PaymentEvent},
    reactor::Policy,
    rider::{RiderPolicy, event::RiderEvent},
};

use super::source;

/// The effects, with the file in which each says what it wants.
const EFFECTS: [(&str, &str); 2] =
    [("payment effect", "actors/payment/effect.rs"), ("dispatch effect", "actors/dispatch/effect.rs")];

/// `kind → who reacts`, as the code has it.
fn reactions() -> BTreeMap<String, BTreeSet<String>> {
    let all = [
        ("order", OrderEvent::KINDS),
        ("payment", PaymentEvent::KINDS),
        ("kitchen", KitchenEvent::KINDS),
        ("dispatch", DeliveryEvent::KINDS),
        ("rider", RiderEvent::KINDS),
        ("notification", InboxEvent::KINDS),
    ];
    let kinds = all.iter().flat_map(|(_, kinds)| kinds.iter());
    let mut found: BTreeMap<String, BTreeSet<String>> =
        kinds.map(|kind| ((*kind).to_owned(), BTreeSet::new())).collect();
    let mut react = |kind: &str, who: &str| {
        let known = found.get_mut(kind).unwrap_or_else(|| panic!("{who} reacts to {kind}, which nobody records"));
        known.insert(who.to_owned());
    };
    OrderPolicy::KINDS.iter().for_each(|kind| react(kind, "order"));
    PaymentPolicy::KINDS.iter().for_each(|kind| react(kind, "payment"));
    KitchenPolicy::KINDS.iter().for_each(|kind| react(kind, "kitchen"));
    DispatchPolicy::KINDS.iter().for_each(|kind| react(kind, "dispatch"));
    RiderPolicy::KINDS.iter().for_each(|kind| react(kind, "rider"));
    InboxPolicy::KINDS.iter().for_each(|kind| react(kind, "notification"));
    for (name, file) in EFFECTS {
        let text = source::read(file);
        let wants = text.split("fn wants(").nth(1).unwrap().split("\n    }").next().unwrap();
        wants.split('"').skip(1).step_by(2).for_each(|kind| react(kind, name));
    }
    found
}

/// `kind → who reacts`, as the tables of the document have it: the bold words of a row's last cell.
fn documented(document: &str) -> BTreeMap<String, BTreeSet<String>> {
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" |").map(|cell| cell.trim_matches(['|', ' '])).collect();
        let who = cells[2].split("**").skip(1).step_by(2).map(str::to_owned).collect();
        (cells[0].trim_matches('`').to_owned(), who)
    })
    .collect()
}

/// `kind → its doc comment`.
fn comments() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for service in ["order", "payment", "kitchen", "dispatch", "rider", "notification"] {
        let mut words: Vec<String> = Vec::new();
        for line in source::read(&format!("actors/{service}/event.rs")).lines().map(str::trim) {
            if let Some(comment) = line.strip_prefix("///") {
                words.push(comment.trim().to_owned());
                continue;
            }
            if let Some(kind) = line.split("= \"").nth(1).and_then(|rest| rest.strip_suffix("\",")) {
                found.insert(kind.to_owned(), words.join(" "));
            }
            words.clear();
        }
    }
    found
}

#[test]
fn the_table_of_reactions_is_true() {
    let document = source::read("docs/events.md");
    let (code, paper) = (reactions(), documented(&document));
    for (kind, who) in &code {
        assert_eq!(Some(who), paper.get(kind), "docs/events.md is wrong about {kind} (code left, document right)");
    }
    assert_eq!(code.len(), paper.len(), "docs/events.md lists facts that nobody records");
    for (kind, comment) in comments() {
        assert!(
            document.contains(&format!("| `{kind}` | {comment} |")),
            "docs/events.md should say of {kind}: {comment}"
        );
    }
}

#[test]
fn a_wrong_table_is_noticed() {
    let row =
        "| `order.placed` | A customer asked for it and it was priced. | **payment**: Authorize · **kitchen**: X |";
    let paper = documented(row);
    assert_eq!(paper["order.placed"].len(), 2);
    assert_ne!(Some(&reactions()["order.placed"]), paper.get("order.placed"));
}
