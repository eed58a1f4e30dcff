//! Documents that must stay true: the settings, and (see below) the map and the events.

use super::{hold, source};

/// Settings without a comment of their own: directly above, or above the run they stand in and naming them.
fn undocumented(config: &str) -> Vec<String> {
    let mut comment = String::new();
    let mut fresh = false;
    let mut found = Vec::new();
    for line in config.lines() {
        if let Some(text) = line.strip_prefix('#') {
            if !fresh {
                comment.clear();
            }
            comment.push_str(text);
            fresh = true;
        } else if let Some((name, _)) = line.split_once(" = ") {
            if !fresh && !comment.contains(name) {
                found.push(name.to_owned());
            }
            fresh = false;
        } else {
            comment.clear();
            fresh = false;
        }
    }
    found
}

#[test]
fn every_setting_says_why() {
    hold(&undocumented(&source::read("config.toml")));
    assert_eq!(undocumented("[a]\n# Why.\nb = 1\nc = 2\n\nd = 3"), ["c", "d"]);
}

#[test]
fn every_setting_is_taken_and_no_more() {
    // Unknown and missing names both fail in the reader of the settings.
    foodcourt::config::Config::load(None).unwrap().check().unwrap();
}

/// The paths in the map: the first word of each line of the block, nested by indentation; several words that end in
/// `/` or `.rs` share a line.
fn mapped(document: &str) -> Vec<String> {
    let map =
        document.split("## The map\n\n```\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    let mut folder = String::new();
    let mut found = Vec::new();
    for line in map.lines() {
        let nested = line.starts_with("  ");
        for word in line.split_whitespace().take_while(|word| word.ends_with('/') || word.ends_with(".rs")) {
            if nested {
                found.push(format!("{folder}{word}"));
            } else {
                folder = word.to_owned();
                found.push(word.to_owned());
            }
        }
    }
    found
}

#[test]
fn the_map_shows_what_is_there() {
    let map = mapped(&source::read("ARCHITECTURE.md"));
    assert!(map.len() > 30, "there is no map");
    for path in &map {
        assert!(source::root().join(path).exists(), "the map of ARCHITECTURE.md shows {path}, which is not there");
    }
    for parent in ["actors", "src"] {
        for entry in std::fs::read_dir(source::root().join(parent)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let name = if entry.path().is_dir() { format!("{parent}/{name}/") } else { format!("{parent}/{name}") };
            let shown = map.contains(&name) || !(name.ends_with('/') || name.ends_with(".rs"));
            assert!(shown || name.ends_with("/lib.rs") || name.ends_with("/target/"), "{name} is not on the map");
        }
    }
    assert_eq!(mapped("## The map\n\n```\nsrc/  x\n  http/ nope/  y\n```"), ["src/", "src/http/", "src/nope/"]);
}

#[test]
fn every_test_has_its_stage() {
    let script = source::read("test.sh");
    for entry in std::fs::read_dir(source::root().join("tests")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|kind| kind == "rs") || path.join("main.rs").exists() {
            assert!(script.contains(&format!("--test {name}")), "no stage of test.sh runs tests/{name}");
        }
    }
    // The domain's are found by the script itself, but for those that it runs elsewhere.
    assert!(script.contains("for path in actors/tests/*"));
    assert!(script.contains("--test simulation") && script.contains("--test events"));
}

/// Settings that are checked but not yet used, each with what holds instead. A line that is used by now fails.
const UNREAD: &[(&str, &str)] = &[];

/// A setting that nobody reads is a lie.
#[test]
fn every_setting_is_read() {
    let mut code: String = source::files("src", "rs").iter().map(|file| source::blanked(&file.text)).collect();
    let check = source::blanked(&source::read("src/config.rs"));
    let check = check.split("pub fn check(").nth(1).unwrap().split("\n    }").next().unwrap().to_owned();
    code = code.replace(&check, "");
    let names = |line: &str| line.split_once(" = ").filter(|_| !line.starts_with('#')).map(|(name, _)| name.to_owned());
    let read = |name: &str| code.contains(&format!(".{name}"));
    for name in source::read("config.toml").lines().filter_map(names) {
        let excused = UNREAD.iter().any(|(unread, _)| *unread == name);
        assert!(read(&name) || excused, "nobody reads {name}");
        assert!(!(read(&name) && excused), "{name} is read by now: take it out of UNREAD");
    }
}

/// `.env.example`: the settings with their comments, as variables.
fn environment(settings: &str) -> String {
    let mut text = "# Every setting as an environment variable, with its default: a commented copy of config.toml. Two underscores \
                    stand\n# between a section and a name. Written by BLESS=1 cargo test --test house.\n"
        .to_owned();
    let mut section = String::new();
    for line in settings.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_uppercase();
            text.push('\n');
        } else if line.starts_with('#') && !section.is_empty() {
            text.push_str(&format!("{line}\n"));
        } else if let Some((name, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            text.push_str(&format!("# FOODCOURT_{section}__{}={value}\n", name.to_uppercase()));
        }
    }
    text
}

#[test]
fn the_environment_is_a_copy_of_the_settings() {
    let expected = environment(&source::read("config.toml"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(source::root().join(".env.example"), &expected).unwrap();
    }
    for (copy, setting) in source::read(".env.example").lines().zip(expected.lines()) {
        assert_eq!(
            copy, setting,
            ".env.example differs from config.toml; BLESS=1 cargo test --test house writes it anew"
        );
    }
    assert_eq!(
        source::read(".env.example").lines().count(),
        expected.lines().count(),
        ".env.example is too short or long"
    );
}
