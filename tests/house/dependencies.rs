//! What we depend on is known: `docs/dependencies.md` has every crate of our manifests with its licence, and no crate of
//! the whole tree has a licence that `deny.toml` does not allow.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

use super::{doors::dependencies, source};

/// `crate → licences`, of every package that is built for this machine or another one.
fn tree() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(source::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let text = |key: &str| package[key].as_str().unwrap_or("none").to_owned();
        found.entry(text("name")).or_default().push(text("license"));
    }
    found
}

/// Whether somebody who accepts `allowed` may use what is under `licence` (SPDX, without precedence beyond brackets:
/// every `AND` must hold, one of each `OR`).
fn acceptable(licence: &str, allowed: &[String]) -> bool {
    let spaced = licence.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (value, rest) = any_of(&words, allowed);
    value && rest.is_empty()
}

fn any_of<'a>(words: &'a [&'a str], allowed: &[String]) -> (bool, &'a [&'a str]) {
    let (mut value, mut rest) = all_of(words, allowed);
    while let Some(("OR", more)) = rest.split_first().map(|(first, more)| (*first, more)) {
        let (next, after) = all_of(more, allowed);
        (value, rest) = (value || next, after);
    }
    (value, rest)
}

fn all_of<'a>(words: &'a [&'a str], allowed: &[String]) -> (bool, &'a [&'a str]) {
    let (mut value, mut rest) = one(words, allowed);
    while let Some(("AND", more)) = rest.split_first().map(|(first, more)| (*first, more)) {
        let (next, after) = one(more, allowed);
        (value, rest) = (value && next, after);
    }
    (value, rest)
}

fn one<'a>(words: &'a [&'a str], allowed: &[String]) -> (bool, &'a [&'a str]) {
    match words {
        ["(", inner @ ..] => {
            let (value, rest) = any_of(inner, allowed);
            (value, rest.strip_prefix(&[")"]).unwrap_or(rest))
        }
        [name, "WITH", exception, rest @ ..] => (allowed.contains(&format!("{name} WITH {exception}")), rest),
        [name, rest @ ..] => (allowed.iter().any(|known| known == name), rest),
        [] => (false, words),
    }
}

fn allowed() -> Vec<String> {
    let deny = source::read("deny.toml");
    let list = deny.split("allow = [").nth(1).unwrap().split(']').next().unwrap().to_owned();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_licence_in_the_tree_is_one_that_we_accept() {
    let allowed = allowed();
    for (name, licences) in tree() {
        for licence in licences {
            assert!(acceptable(&licence, &allowed), "{name} is under {licence}");
        }
    }
}

#[test]
fn licences_are_read_as_they_are_meant() {
    let allowed = ["MIT".to_owned(), "ISC".to_owned()];
    assert!(acceptable("MIT OR GPL-3.0", &allowed) && acceptable("GPL-3.0/MIT", &allowed));
    assert!(acceptable("ISC AND (MIT OR GPL-3.0)", &allowed));
    assert!(!acceptable("GPL-3.0", &allowed) && !acceptable("MIT AND GPL-3.0", &allowed));
    assert!(!acceptable("(GPL-3.0 OR AGPL-3.0) AND MIT", &allowed) && !acceptable("none", &allowed));
}

#[test]
fn every_dependency_is_explained() {
    let (document, tree) = (source::read("docs/dependencies.md"), tree());
    let rows: BTreeMap<&str, Vec<&str>> = document
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| crate"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>())
        .map(|cells| (cells[0], cells))
        .collect();
    let mut named: Vec<String> = Vec::new();
    for manifest in ["Cargo.toml", "actors/Cargo.toml"] {
        let text = source::read(manifest);
        named.extend(dependencies(&text, "dependencies"));
        named.extend(dependencies(&text, "dev-dependencies"));
    }
    named.retain(|name| !name.starts_with("foodcourt"));
    for name in &named {
        let row =
            rows.get(name.as_str()).unwrap_or_else(|| panic!("docs/dependencies.md does not say what {name} is for"));
        assert!(
            row.len() == 5 && row[3..].iter().all(|cell| !cell.is_empty()),
            "{name} needs a reason and a runner-up"
        );
        assert!(tree[name].iter().any(|licence| licence == row[2]), "{name} is under {:?}, not {}", tree[name], row[2]);
    }
    for name in rows.keys() {
        assert!(named.iter().any(|known| known == name), "{name} is explained but no dependency of ours");
    }
}
