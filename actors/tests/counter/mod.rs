//! The smallest decider that can do everything the kernel must cope with: add, refuse, panic, ring.

use std::cell::Cell;

use foodcourt_actors::{
    decider::{Deadline, Decider},
    event::{DecodeError, Event},
    stream::Category,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub struct Counter;

thread_local! {
    static FOLDS_BREAK: Cell<bool> = const { Cell::new(false) };
}

/// From now on every fold on this thread panics half-way, or none does.
#[allow(dead_code, reason = "not every test breaks folds")]
pub fn break_folds(broken: bool) {
    FOLDS_BREAK.set(broken);
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub total: i64,
    once: Vec<Uuid>,
    ring_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
#[allow(dead_code, reason = "not every test needs every command")]
pub enum Command {
    Add(i64),
    AddOnce(Uuid),
    Take(i64),
    Say(String),
    RingAt(Timestamp),
    Ring,
    PanicInDecide,
    PanicInEvolve,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Happened {
    Added(i64),
    AddedOnce(Uuid),
    Said(String),
    Armed(Timestamp),
    Rang,
    Bomb,
}

impl Event for Happened {
    fn kind(&self) -> &'static str {
        "counter.happened"
    }
    fn encode(&self) -> String {
        serde_json::to_string(self).unwrap()
    }
    fn decode(kind: &str, body: &str) -> Result<Self, DecodeError> {
        serde_json::from_str(body).map_err(|source| DecodeError::Malformed { kind: kind.to_owned(), source })
    }
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("there is not so much")]
    NotEnough,
}

impl Decider for Counter {
    const CATEGORY: Category = Category::Order;
    type State = State;
    type Command = Command;
    type Event = Happened;
    type Rejection = Refusal;
    // So that everything the kernel promises is promised of shown states too.
    const SHOWN: bool = true;

    fn decide(state: &State, command: &Command, _: Timestamp) -> Result<Vec<Happened>, Refusal> {
        Ok(match command {
            Command::Add(amount) => vec![Happened::Added(*amount)],
            Command::AddOnce(id) if state.once.contains(id) => vec![],
            Command::AddOnce(id) => vec![Happened::AddedOnce(*id)],
            Command::Take(amount) if state.total < *amount => return Err(Refusal::NotEnough),
            Command::Take(amount) => vec![Happened::Added(-amount)],
            Command::Say(text) => vec![Happened::Said(text.clone())],
            Command::RingAt(at) => vec![Happened::Armed(*at)],
            Command::Ring => vec![Happened::Rang],
            Command::PanicInDecide => panic!("a rule's mistake"),
            Command::PanicInEvolve => vec![Happened::Bomb],
        })
    }

    fn evolve(state: &mut State, event: &Happened, _: Timestamp) {
        match event {
            Happened::Added(amount) => {
                state.total += amount;
                assert!(!FOLDS_BREAK.get(), "a fold's mistake, half-way");
            }
            Happened::AddedOnce(id) => {
                state.once.push(*id);
                state.total += 1;
            }
            Happened::Said(_) => {}
            Happened::Armed(at) => state.ring_at = Some(*at),
            Happened::Rang => {
                state.ring_at = None;
                state.total += 1_000;
            }
            Happened::Bomb => panic!("a fold's mistake"),
        }
    }

    fn deadline(state: &State) -> Option<Deadline<Command>> {
        state.ring_at.map(|at| Deadline { at, command: Command::Ring })
    }
}
