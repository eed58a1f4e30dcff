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
