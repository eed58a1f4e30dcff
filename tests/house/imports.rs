//! Who may name whom. A rule says: within these files, none of these paths, and why.

use super::{
    hold,
    source::{self, Source},
};

/// One line of the table. Files may carry `*` (within a folder) and `**` (any depth); paths mean all below them.
pub struct Rule {
    pub within: &'static [&'static str],
    pub except: &'static [&'static str],
    pub never: &'static [&'static str],
    pub unless: &'static [&'static str],
    pub why: &'static str,
    /// A file and a line in it that breaks the rule.
    pub planted: (&'static str, &'static str),
}

/// The services: each is a folder of `actors/`.
const SERVICES: [&str; 7] = ["order", "payment", "kitchen", "dispatch", "rider", "notification", "user"];

const RULES: &[Rule] = &[
    Rule {
        within: &[
            "actors/gini.rs",
            "actors/ids.rs",
            "actors/limits.rs",
            "actors/money.rs",
            "actors/place.rs",
            "actors/time.rs",
            "actors/stream.rs",
        ],
        except: &[],
        never: &["crate", "actix", "tokio", "tracing", "async"],
        unless: &[],
        why: "a value is parsed once and then trusted: it knows nothing of ours and does nothing by itself",
        planted: ("actors/money.rs", "use crate::order::Order;"),
    },
    Rule {
        within: &["actors/decider.rs", "actors/event.rs", "actors/ports.rs"],
        except: &[],
        never: &["crate"],
        unless: &[
            "crate::event",
            "crate::ids",
            "crate::limits",
            "crate::money",
            "crate::place",
            "crate::stream",
            "crate::time",
        ],
        why: "the kernel's words are made of values alone, so that every service can speak them",
        planted: ("actors/ports.rs", "use crate::{time::Timestamp, directory::Directory};"),
    },
    Rule {
        within: &["actors/ask.rs", "actors/directory.rs", "actors/entity/**", "actors/reactor/**"],
        except: &[],
        never: &[
            "crate::order",
            "crate::payment",
            "crate::kitchen",
            "crate::dispatch",
            "crate::rider",
            "crate::notification",
            "crate::user",
            "crate::memory",
            "crate::demo",
        ],
        unless: &[],
        why: "the shell holds no rule: it runs any decider and knows none",
        planted: ("actors/entity/turn.rs", "fn f() { crate::order::Order::default(); }"),
    },
    Rule {
        within: &[
            "actors/order/*",
            "actors/payment/*",
            "actors/kitchen/*",
            "actors/dispatch/*",
            "actors/rider/*",
            "actors/notification/*",
            "actors/user/*",
        ],
        except: &[
            "actors/payment/effect.rs",
            "actors/payment/provider.rs",
            "actors/payment/sandbox.rs",
            "actors/dispatch/effect.rs",
            "actors/dispatch/known.rs",
            "actors/dispatch/planner.rs",
            "actors/dispatch/survey.rs",
            "actors/dispatch/zone.rs",
            "actors/user/revocation.rs",
            "actors/user/accounts.rs",
        ],
        never: &["async", "await", "actix", "tokio", "tracing", "futures_util", "crate::directory", "crate::entity"],
        unless: &[],
        why: "rules are pure functions; only effects, the zone, what lives in memory and the services' own ports touch the machinery",
        planted: ("actors/order/decide.rs", "pub async fn decide() {}"),
    },
    Rule {
        within: &["actors/**"],
        except: &["actors/time.rs", "actors/memory/**", "actors/tests/**"],
        never: &["std::time::SystemTime", "std::time::Instant", "jiff::Timestamp::now", "rand"],
        unless: &[],
        why: "clocks and dice come in through ports, or no seed can be played again",
        planted: ("actors/kitchen/decide.rs", "use std::time::Instant;"),
    },
    Rule {
        within: &["actors/**"],
        except: &["actors/tests/**"],
        never: &["std::fs", "std::net", "std::process", "std::env", "tokio::net", "tokio::fs"],
        unless: &[],
        why: "the domain does no IO: what it needs of the outside stands in its ports",
        planted: ("actors/payment/effect.rs", "use tokio::{net::TcpStream, sync::Mutex};"),
    },
    Rule {
        within: &["src/http/**", "src/live/**"],
        except: &[],
        never: &[
            "tokio_postgres",
            "bb8",
            "fred",
            "crate::postgres",
            "crate::redis",
            "crate::outbound",
            "crate::travel",
        ],
        unless: &[],
        why: "the front knows directories, views and ports; which database answers is not its business",
        planted: ("src/http/order.rs", "use crate::{http::problem::Problem, postgres::pool::Database};"),
    },
    Rule {
        within: &[
            "src/postgres/**",
            "src/postgres.rs",
            "src/redis/**",
            "src/redis.rs",
            "src/outbound/**",
            "src/outbound.rs",
            "src/travel/**",
        ],
        except: &[],
        never: &["actix_web", "actix_http", "actix_web_actors", "crate::http", "crate::live"],
        unless: &[],
        why: "an adapter of a port never knows who asks",
        planted: ("src/postgres/journal.rs", "use crate::http::problem::Problem;"),
    },
    Rule {
        within: &["src/city/**"],
        except: &[],
        never: &["crate", "foodcourt_actors"],
        unless: &["crate::city", "foodcourt_actors::gini", "foodcourt_actors::place", "foodcourt_actors::time"],
        why: "the city is a client of the public API: what it knows of the server it was told over the wire",
        planted: ("src/city/customer.rs", "use foodcourt_actors::order::Order;"),
    },
    Rule {
        within: &["src/**"],
        except: &["src/main.rs", "src/check.rs", "src/app/**"],
        never: &["crate::app"],
        unless: &[],
        why: "the composition root knows everybody and nobody knows it",
        planted: ("src/http/court.rs", "use crate::app::Node;"),
    },
];

/// What one service may name of another outside its policy: `(files, path, why)`. A line nobody uses fails.
const SHARED_WORDS: &[(&str, &str, &str)] = &[
    ("actors/kitchen/*", "crate::order::event::Line", "a ticket lists the order's lines in the order's words"),
    ("actors/kitchen/*", "crate::order::event::Fulfilment", "the kitchen packs for a bag or for the counter"),
    (
        "actors/kitchen/*",
        "crate::order::event::RejectReason",
        "why a kitchen refused is told to the customer as it was said",
    ),
    ("actors/order/pricing.rs", "crate::kitchen::menu", "a basket is priced and checked against the kitchens' menus"),
    ("actors/order/pricing.rs", "crate::kitchen::event::EightySix", "and against what is sold out"),
    (
        "actors/dispatch/zone.rs",
        "crate::rider",
        "the zone follows who is on shift, free and where: riders are what it indexes",
    ),
    ("actors/dispatch/known.rs", "crate::rider", "what a zone knows of a rider is who is on shift, and the bag"),
    ("actors/dispatch/survey.rs", "crate::rider", "a plan is told who is near, on what and with what in the bag"),
    ("actors/dispatch/live.rs", "crate::rider::CAPACITY_MAX", "a bundle is never larger than what a rider may carry"),
];

/// Whether `path` is the name `of` or stands below it.
pub fn below(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether a file's name fits a pattern.
pub fn fits(pattern: &str, file: &str) -> bool {
    if let Some(folder) = pattern.strip_suffix("**") {
        return file.starts_with(folder);
    }
    match pattern.strip_suffix('*') {
        Some(folder) => file.strip_prefix(folder).is_some_and(|rest| !rest.contains('/')),
        None => file == pattern,
    }
}

fn any(patterns: &[&str], file: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern, file))
}

fn is_test(file: &str) -> bool {
    file.contains("/tests/") || file.ends_with("/tests.rs") || file.ends_with("/testing.rs")
}

fn check(rule: &Rule, file: &Source) -> Vec<String> {
    if !any(rule.within, &file.path) || any(rule.except, &file.path) || is_test(&file.path) {
        return Vec::new();
    }
    let forbidden = |path: &str| {
        rule.never.iter().any(|never| below(path, never)) && !rule.unless.iter().any(|unless| below(path, unless))
    };
    let say = |line: usize, path: &str| format!("{}:{line} names {path}: {}", file.path, rule.why);
    file.names().iter().filter(|named| forbidden(&named.path)).map(|named| say(named.line, &named.path)).collect()
}

/// A service speaks only for itself: of another it sees `event`, and only from its policy.
fn check_service(service: &str, file: &Source) -> Vec<String> {
    let mut breaches = Vec::new();
    if !file.path.starts_with(&format!("actors/{service}/")) || is_test(&file.path) {
        return breaches;
    }
    for named in file.names() {
        let Some(other) =
            SERVICES.iter().find(|other| **other != service && below(&named.path, &format!("crate::{other}")))
        else {
            continue;
        };
        let published = below(&named.path, &format!("crate::{other}::event"));
        let by_policy = file.path.ends_with("/policy.rs") && published;
        let shared = SHARED_WORDS.iter().any(|(files, path, _)| fits(files, &file.path) && below(&named.path, path));
        if !by_policy && !shared {
            breaches.push(format!(
                "{}:{} names {}: of another service only `event` is visible, and only from `policy`",
                file.path, named.line, named.path
            ));
        }
    }
    breaches
}

fn all() -> Vec<Source> {
    source::files("actors", "rs").into_iter().chain(source::files("src", "rs")).collect()
}

#[test]
fn nobody_names_what_is_not_theirs() {
    let files = all();
    assert!(files.len() > 100, "the sources were not found");
    hold(&RULES.iter().flat_map(|rule| files.iter().flat_map(|file| check(rule, file))).collect::<Vec<_>>());
}

#[test]
fn every_import_rule_bites_and_has_files_to_watch() {
    let files = all();
    for rule in RULES {
        let planted = Source::planted(rule.planted.0, rule.planted.1);
        assert!(!check(rule, &planted).is_empty(), "blind: {}", rule.why);
        let watched = files.iter().any(|file| any(rule.within, &file.path) && !any(rule.except, &file.path));
        assert!(watched, "watches nothing: {}", rule.why);
        for name in rule.within.iter().chain(rule.except).filter(|name| name.ends_with(".rs")) {
            let planned = name.starts_with("src/");
            assert!(planned || files.iter().any(|file| file.path == **name), "{name} of a rule does not exist");
        }
    }
}

#[test]
fn a_service_sees_only_the_events_of_others() {
    let files = all();
    hold(&SERVICES.iter().flat_map(|name| files.iter().flat_map(|file| check_service(name, file))).collect::<Vec<_>>());
    for (pattern, path, _) in SHARED_WORDS {
        let used =
            files.iter().any(|file| fits(pattern, &file.path) && file.names().iter().any(|n| below(&n.path, path)));
        assert!(used, "nobody needs the exception {pattern} -> {path} any more");
    }
}

#[test]
fn the_service_rule_bites() {
    let caught = |path, text| check_service("order", &Source::planted(path, text)).len();
    assert_eq!(caught("actors/order/decide.rs", "use crate::payment::event::PaymentEvent;"), 1, "event outside policy");
    assert_eq!(caught("actors/order/policy.rs", "use crate::payment::PaymentState;"), 1, "more than event from policy");
    assert_eq!(caught("actors/order/decide.rs", "fn f() { super::super::rider::Rider; }"), 1, "by the back door");
    assert_eq!(caught("actors/order/policy.rs", "use crate::payment::event::PaymentEvent;"), 0);
    assert_eq!(caught("actors/order/decide.rs", "use super::event::OrderEvent;"), 0);
}
