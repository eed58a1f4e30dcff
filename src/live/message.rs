//! The messages of `foodcourt.v1` as they stand on the wire; `docs/protocol.md` explains each. What a client sends
//! is parsed here once; what the server sends is framed here once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use foodcourt_actors::{
    event::{Recorded, Version},
    ids::UserId,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    frame::Framed,
    source::{Access, Fix, LiveSource, Problem, Taken},
    topic::Topic,
};

/// The sub-protocol, negotiated at the upgrade.
pub const SUB_PROTOCOL: &str = "foodcourt.v1";

/// Fixes of one batch.
pub const FIXES_MAX: usize = 100;

/// What a client may say.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// Who I am.
    Hello {
        /// Single use, 30 s.
        ticket: String,
    },
    /// Tell me about a topic, from after a fact on or from a snapshot.
    Subscribe {
        /// Echoed.
        id: u64,
        /// Which.
        topic: String,
        /// The last `seq` seen.
        after: Option<Version>,
    },
    /// No more of it.
    Unsubscribe {
        /// Echoed.
        id: u64,
        /// Which.
        topic: String,
    },
    /// Where I was.
    Fixes {
        /// Echoed.
        id: u64,
        /// At most [`FIXES_MAX`].
        fixes: Vec<Fix>,
    },
    /// Are you there? For clients whose library hides pings.
    Ping {
        /// Echoed.
        id: u64,
    },
}

/// Why a text is no request.
#[derive(Debug, PartialEq)]
pub enum Unreadable {
    /// Not a message of this protocol: the socket closes with 4400.
    Foreign(&'static str),
    /// A known message with wrong fields: answered with an error.
    Malformed {
        /// As far as it could be read.
        id: Option<u64>,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// Reads a request.
///
/// # Errors
/// [`Unreadable`].
pub fn parse(text: &str) -> Result<Request, Unreadable> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
    }
    #[derive(Deserialize)]
    struct Hello {
        ticket: String,
    }
    #[derive(Deserialize)]
    struct Subscribe {
        id: u64,
        topic: String,
        after: Option<Version>,
    }
    #[derive(Deserialize)]
    struct Fixes {
        id: u64,
        fixes: Vec<Fix>,
    }
    #[derive(Deserialize)]
    struct Ping {
        id: u64,
    }
    fn body<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Unreadable> {
        serde_json::from_str(text).map_err(|error| {
            #[derive(Deserialize)]
            struct Id {
                id: u64,
            }
            let id = serde_json::from_str::<Id>(text).ok().map(|id| id.id);
            Unreadable::Malformed { id, problem: invalid(error.to_string()) }
        })
    }
    let envelope: Envelope<'_> =
        serde_json::from_str(text).map_err(|_| Unreadable::Foreign("not a JSON object with a type"))?;
    Ok(match envelope.kind.as_ref() {
        "hello" => body(text).map(|Hello { ticket }| Request::Hello { ticket })?,
        "subscribe" => body(text).map(|Subscribe { id, topic, after }| Request::Subscribe { id, topic, after })?,
        "unsubscribe" => body(text).map(|Subscribe { id, topic, .. }| Request::Unsubscribe { id, topic })?,
        "ping" => body(text).map(|Ping { id }| Request::Ping { id })?,
        "fixes" => {
            let Fixes { id, fixes } = body(text)?;
            if fixes.is_empty() || fixes.len() > FIXES_MAX {
                let problem = invalid(format!("a batch holds 1 to {FIXES_MAX} fixes, this one {}", fixes.len()));
                return Err(Unreadable::Malformed { id: Some(id), problem });
            }
            Request::Fixes { id, fixes }
        }
        _ => return Err(Unreadable::Foreign("unknown type")),
    })
}

/// A message with wrong fields.
pub fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new("/problems/invalid-message", "Message is not valid", 422, detail)
}

/// What the server says, besides facts.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply<'a> {
    /// You are known.
    Welcome {
        /// Names this socket, for support.
        session: Uuid,
        /// Who you are.
        user_id: UserId,
        /// Business time now.
        server_time: Timestamp,
        /// How many times faster than the wall it runs.
        business_speed: f64,
    },
    /// Business time runs at another speed from now on.
    Clock {
        /// Business time now.
        server_time: Timestamp,
        /// How many times faster than the wall it runs.
        business_speed: f64,
    },
    /// You watch the topic; the next fact is `seq` + 1.
    Subscribed {
        /// Of the request.
        id: u64,
        /// As asked.
        topic: &'a str,
        /// Facts before the next.
        seq: Version,
    },
    /// You no longer watch the topic.
    Unsubscribed {
        /// Of the request; none if nobody asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// As asked.
        topic: &'a str,
        /// Why, if nobody asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<Problem>,
    },
    /// The topic as it stands at `seq`.
    Snapshot {
        /// Which.
        topic: &'a str,
        /// Facts folded in.
        seq: Version,
        /// By role.
        data: serde_json::Value,
    },
    /// A fact that you may not see.
    Redacted {
        /// Which.
        topic: &'a str,
        /// Its number.
        seq: Version,
    },
    /// Where a rider is.
    Position {
        /// Which.
        topic: &'a str,
        /// Grows; never a `seq`.
        fix_seq: u64,
        /// By topic.
        data: &'a serde_json::Value,
    },
    /// What became of your fixes.
    FixesTaken {
        /// Of the request.
        id: u64,
        /// By outcome.
        #[serde(flatten)]
        taken: Taken,
    },
    /// A request was refused.
    Error {
        /// Of the request, where it could be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// Why.
        problem: Problem,
    },
    /// Yes.
    Pong {
        /// Of the request.
        id: u64,
    },
}

/// A fact as `access` may see it.
pub fn fact(source: &dyn LiveSource, access: &Access, fact: &Recorded) -> Framed {
    #[derive(Serialize)]
    struct Fact<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        topic: &'a str,
        seq: Version,
        at: Timestamp,
        data: serde_json::Value,
    }
    let topic = access.topic.to_string();
    // A fact that cannot be shown must not take its watchers' sockets with it: it is hidden and reported.
    let shown = catch_unwind(AssertUnwindSafe(|| source.project(access.view, fact))).unwrap_or_else(|_| {
        tracing::error!(event.id = %fact.event_id, "live: showing {} of {} panicked", fact.kind, fact.stream);
        None
    });
    match shown {
        Some(data) => Framed::json(&Fact { kind: &fact.kind, topic: &topic, seq: fact.version, at: fact.at, data }),
        None => Framed::json(&Reply::Redacted { topic: &topic, seq: fact.version }),
    }
}

/// A rider's position on a topic.
pub fn position(topic: Topic, fix_seq: u64, data: &serde_json::Value) -> Framed {
    Framed::json(&Reply::Position { topic: &topic.to_string(), fix_seq, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_documentation_shows() {
        let topic = "inbox".to_owned();
        for (text, request) in [
            (r#"{"type":"hello","ticket":"t"}"#, Request::Hello { ticket: "t".into() }),
            (
                r#"{"id":1,"type":"subscribe","topic":"inbox","after":3}"#,
                Request::Subscribe { id: 1, topic: topic.clone(), after: Some(3) },
            ),
            (r#"{"type":"unsubscribe","id":2,"topic":"inbox"}"#, Request::Unsubscribe { id: 2, topic }),
            (r#"{"type":"ping","id":4}"#, Request::Ping { id: 4 }),
        ] {
            assert_eq!(parse(text), Ok(request));
        }
        let fixes = r#"{"type":"fixes","id":3,"fixes":[{"seq":1,"at":"2026-03-01T12:00:00Z","lat":50.1,"lon":8.6,"accuracy_m":8,"speed_mps":4.2}]}"#;
        let Request::Fixes { id: 3, fixes } = parse(fixes).unwrap() else { panic!("not fixes") };
        assert_eq!((fixes[0].position.lat(), fixes[0].speed_mps, fixes[0].heading_deg), (50.1, Some(4.2), None));
    }

    #[test]
    fn tells_foreign_texts_from_malformed_messages() {
        for text in ["", "7", "[]", "{}", r#"{"type":"shout"}"#, r#"{"type":7}"#] {
            assert!(matches!(parse(text), Err(Unreadable::Foreign(_))), "{text}");
        }
        for text in [r#"{"type":"ping"}"#, r#"{"type":"subscribe","id":1}"#, r#"{"type":"fixes","id":1,"fixes":[]}"#] {
            assert!(matches!(parse(text), Err(Unreadable::Malformed { .. })), "{text}");
        }
        let off = r#"{"type":"fixes","id":9,"fixes":[{"seq":1,"at":"2026-03-01T12:00:00Z","lat":150.1,"lon":8.6,"accuracy_m":8}]}"#;
        assert!(matches!(parse(off), Err(Unreadable::Malformed { id: Some(9), .. })));
    }
}
