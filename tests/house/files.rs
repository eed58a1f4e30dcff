//! What a file owes its reader: its length, its opening, its name, a reason for each silenced lint, and nothing about
//! the machine it was written on.

use super::{
    hold,
    source::{self, Source, blanked},
};

/// Past 300 lines look for the seam; this is the wall.
const LINES_MAX: usize = 500;
/// Names of things that are not understood yet.
const NAMELESS: [&str; 9] = ["util", "utils", "helper", "helpers", "common", "manager", "types", "misc", "shared"];
/// Traces of somebody's machine.
const TRACES: [&str; 4] = ["/work/", "/home/", "/Users/", "../shared"];

fn rust() -> Vec<Source> {
    ["actors", "src", "tests", "benches"].iter().flat_map(|folder| source::files(folder, "rs")).collect()
}

fn too_long(file: &Source) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > LINES_MAX).then(|| format!("{} has {lines} lines; the wall is {LINES_MAX}", file.path))
}

fn unopened(file: &Source) -> Option<String> {
    (!file.text.starts_with("//! ")).then(|| format!("{} does not open with what lives here (//!)", file.path))
}

fn nameless(file: &Source) -> Option<String> {
    let found = file.path.split(['/', '.']).find(|part| NAMELESS.contains(part))?;
    Some(format!("{}: {found:?} is no name; what is it?", file.path))
}

/// Every `#[allow(…)]` and `#[expect(…)]` without a reason.
fn unreasoned(file: &Source) -> Vec<String> {
    let text = blanked(&file.text);
    let mut found = Vec::new();
    for mark in ["allow(", "expect("] {
        for opening in ["#[", "#!["] {
            let start = format!("{opening}{mark}");
            for (at, _) in text.match_indices(&start) {
                let attribute = text[at..].split(")]").next().unwrap_or_default();
                if !attribute.contains("reason") {
                    let line = text[..at].lines().count().max(1);
                    found.push(format!("{}:{line} silences a lint without a reason", file.path));
                }
            }
        }
    }
    found
}

fn traces(file: &Source) -> Vec<String> {
    // A page of our own may well live below /home/.
    let known = |trace: &&str| !(file.path.starts_with("static/") && **trace == *"/home/");
    let speaks_of = |line: &str| TRACES.into_iter().filter(known).find(|trace| line.contains(trace));
    let found = file.text.lines().enumerate().filter_map(|(n, line)| speaks_of(line).map(|trace| (n + 1, trace)));
    found.map(|(line, trace)| format!("{}:{line} speaks of somebody's machine ({trace})", file.path)).collect()
}

#[test]
fn files_are_short_opened_and_named() {
    let files = rust();
    let breaches = files.iter().flat_map(|file| [too_long(file), unopened(file), nameless(file)]).flatten();
    hold(&breaches.collect::<Vec<_>>());
}

#[test]
fn silenced_lints_have_reasons() {
    hold(&rust().iter().flat_map(unreasoned).collect::<Vec<_>>());
}

#[test]
fn nothing_speaks_of_a_machine() {
    let mut files: Vec<Source> = Vec::new();
    for (folder, extensions) in [
        ("actors", &["rs", "toml", "json", "jsonl"][..]),
        ("src", &["rs"]),
        ("tests", &["rs", "mjs", "js"]),
        ("benches", &["rs"]),
        ("migrations", &["sql"]),
        ("static", &["html", "css", "js", "svg"]),
        ("docs", &["md", "json"]),
        ("deploy", &["cfg", "conf", "service", "md"]),
        (".ci", &["sh"]),
    ] {
        files.extend(extensions.iter().flat_map(|extension| source::files(folder, extension)));
    }
    for name in [
        "Cargo.toml",
        "config.toml",
        "clippy.toml",
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "test.sh",
        ".ci/run",
    ] {
        files.push(Source::planted(name, &source::read(name)));
    }
    files.retain(|file| file.path != "tests/house/files.rs");
    hold(&files.iter().flat_map(traces).collect::<Vec<_>>());
}

/// Numbers that two migrations carry: a database would take one of them and refuse the other.
fn numbered_twice(files: &[Source]) -> Vec<String> {
    let number = |file: &Source| {
        file.path.rsplit('/').next().unwrap_or_default().split("__").next().unwrap_or_default().to_owned()
    };
    let mut seen = std::collections::BTreeMap::new();
    let twice = files.iter().filter_map(|file| seen.insert(number(file), &file.path).map(|other| (other, &file.path)));
    twice.map(|(one, two)| format!("{one} and {two} have the same number")).collect()
}

#[test]
fn every_migration_has_a_number_of_its_own() {
    hold(&numbered_twice(&source::files("migrations", "sql")));
    let planted = |path: &str| Source::planted(path, "");
    assert_eq!(numbered_twice(&[planted("migrations/V1__a.sql"), planted("migrations/V1__b.sql")]).len(), 1);
}

#[test]
fn unsafe_code_is_forbidden_and_a_panic_costs_one_message() {
    let root = source::read("Cargo.toml");
    assert!(root.contains("unsafe_code = \"forbid\""));
    assert!(!root.lines().any(|line| line.trim_start().starts_with("panic =")), "a panic must stay one message's loss");
    for manifest in ["Cargo.toml", "actors/Cargo.toml"] {
        assert!(source::read(manifest).contains("[lints]\nworkspace = true"), "{manifest} does not take the lints");
    }
}

#[test]
fn the_rules_about_files_bite() {
    let file = |path: &str, text: &str| Source::planted(path, text);
    assert!(too_long(&file("src/a.rs", &"x\n".repeat(LINES_MAX + 1))).is_some());
    assert!(unopened(&file("src/a.rs", "use std::fs;")).is_some());
    assert!(nameless(&file("src/http/utils.rs", "")).is_some());
    assert!(nameless(&file("actors/common/mod.rs", "")).is_some());
    assert!(nameless(&file("src/http/order.rs", "")).is_none());
    assert_eq!(unreasoned(&file("a.rs", "#[allow(dead_code)]\nfn f() {}\n#[expect(\n  unused,\n)]")).len(), 2);
    assert_eq!(unreasoned(&file("a.rs", "#[allow(dead_code, reason = \"of (course)\")]")).len(), 0);
    assert_eq!(traces(&file("a.md", "see /home/me/notes")).len(), 1);
}
