//! One door per outside thing: each weighty crate is named in one file or folder. And the wall between the crates: the
//! domain's manifest has no IO in it.

use super::{
    hold,
    imports::fits,
    source::{self, Source},
};

/// `(crate as code names it, files that may, why there)`.
const DOORS: &[(&str, &[&str], &str)] = &[
    (
        "rstar",
        &["actors/dispatch/index.rs", "actors/dispatch/matcher/near.rs"],
        "the R-tree is the index of dispatch and nothing else",
    ),
    ("geo", &["actors/place.rs"], "distances are computed in one place, in one unit"),
    ("jsonwebtoken", &["src/token.rs"], "what a token must carry is decided once"),
    ("actix_web_actors", &["src/live/**"], "the deprecated crate ends at the socket"),
    ("socket2", &["src/live/**"], "options of taken-over sockets"),
    ("fred", &["src/redis/**"], "Redis is a cache behind a port"),
    ("bb8", &["src/postgres/pool.rs"], "one pool, one set of time-outs"),
    ("tokio_postgres", &["src/postgres/**"], "SQL lives with its adapter"),
    ("tokio_postgres_rustls", &["src/postgres/**"], "as the database's"),
    ("refinery", &["src/postgres/migrate.rs"], "migrations run in one place, under one lock"),
    ("flate2", &["src/postgres/private/**"], "only a fetched PostgreSQL is unpacked"),
    ("tar", &["src/postgres/private/**"], "only a fetched PostgreSQL is unpacked"),
    ("argon2", &["src/password.rs"], "hashing has a bounded pool of its own"),
    ("figment", &["src/config.rs", "src/config/**"], "settings are read once"),
    ("governor", &["src/http/limits.rs"], "rates are limited at the entrance"),
    ("tokio_tungstenite", &["src/city/**"], "the city's sockets; the server's are its own"),
    ("indicatif", &["src/city/**"], "progress bars are the city's"),
];

/// What the product was asked to be made of. All of it does real work.
const ASKED_FOR: [&str; 9] =
    ["actix", "actix-web", "actix-web-actors", "tokio-postgres", "bb8", "serde", "jsonwebtoken", "geo", "rstar"];

/// What the domain must never depend on.
const NO_IO: [&str; 10] = [
    "actix-web",
    "actix-web-actors",
    "actix-http",
    "tokio-postgres",
    "bb8",
    "fred",
    "jsonwebtoken",
    "reqwest",
    "hyper",
    "rand",
];

fn check((name, doors, why): (&str, &[&str], &str), file: &Source) -> Vec<String> {
    if doors.iter().any(|door| fits(door, &file.path)) {
        return Vec::new();
    }
    let outside = |path: &str| path.strip_prefix(name).is_some_and(|rest| rest.starts_with("::"));
    let say = |line: usize| format!("{}:{line} names {name}, whose door is {}: {why}", file.path, doors.join(", "));
    file.names().iter().filter(|named| outside(&named.path)).map(|named| say(named.line)).collect()
}

/// The names in a manifest's section.
pub fn dependencies(manifest: &str, section: &str) -> Vec<String> {
    let heading = format!("[{section}]");
    let lines = manifest.lines().skip_while(|line| *line != heading).skip(1).take_while(|line| !line.starts_with('['));
    lines
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split(['=', '.']).next().map(str::trim).filter(|name| !name.is_empty()))
        .map(str::to_owned)
        .collect()
}

fn banned(manifest: &str) -> Vec<String> {
    dependencies(manifest, "dependencies").into_iter().filter(|name| NO_IO.contains(&name.as_str())).collect()
}

#[test]
fn weighty_crates_are_named_behind_their_doors() {
    let files: Vec<Source> = source::files("actors", "rs").into_iter().chain(source::files("src", "rs")).collect();
    hold(&DOORS.iter().flat_map(|door| files.iter().flat_map(|file| check(*door, file))).collect::<Vec<_>>());
}

#[test]
fn every_door_bites() {
    for door in DOORS {
        let used = Source::planted("src/elsewhere.rs", &format!("use {}::Anything;", door.0));
        let called = Source::planted("src/elsewhere.rs", &format!("fn f() {{ {}::anything() }}", door.0));
        assert_eq!((check(*door, &used).len(), check(*door, &called).len()), (1, 1), "{} goes unnoticed", door.0);
        let named = dependencies(&source::read("Cargo.toml"), "dependencies");
        let domain = dependencies(&source::read("actors/Cargo.toml"), "dependencies");
        let package = door.0.replace('_', "-");
        assert!(named.contains(&package) || domain.contains(&package), "{package} has a door but is no dependency");
    }
}

#[test]
fn the_domain_depends_on_no_io() {
    assert_eq!(banned(&source::read("actors/Cargo.toml")), Vec::<String>::new());
    assert_eq!(banned("[dependencies]\nactix.workspace = true\ntokio-postgres = \"0.7\"\n"), ["tokio-postgres"]);
}

#[test]
fn everything_asked_for_does_real_work() {
    let server = dependencies(&source::read("Cargo.toml"), "dependencies");
    let domain = dependencies(&source::read("actors/Cargo.toml"), "dependencies");
    let files: Vec<Source> = source::files("actors", "rs").into_iter().chain(source::files("src", "rs")).collect();
    for package in ASKED_FOR {
        assert!(server.iter().chain(&domain).any(|name| name == package), "{package} is no dependency");
        let name = package.replace('-', "_");
        let works = files.iter().any(|file| {
            file.names().iter().any(|named| named.path.strip_prefix(&name).is_some_and(|rest| rest.starts_with("::")))
        });
        assert!(works, "{package} is a dependency that no code names");
    }
}
