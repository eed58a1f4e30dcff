//! One ticket: its stage, its times, and what the clock does to it next.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{CommandId, TicketId},
    kitchen::{
        event::{EightySix, TicketOpened},
        pace::Load,
    },
    order::event::{Fulfilment, RejectReason},
    time::Timestamp,
};

/// Where a ticket stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// For the kitchen's answer.
    Waiting,
    /// The kitchen will cook it and waits for its start.
    Accepted,
    /// Being cooked.
    InKitchen,
    /// At the hand-off point.
    ReadyForCollection,
    /// Gone with its rider or eater.
    Collected,
    /// The kitchen said no.
    Rejected,
    /// The kitchen said nothing.
    Expired,
    /// The order was called off.
    Voided,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Accepted => "accepted",
            Self::InKitchen => "in_kitchen",
            Self::ReadyForCollection => "ready_for_collection",
            Self::Collected => "collected",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Voided => "voided",
        })
    }
}

/// A start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Begun {
    /// When.
    pub at: Timestamp,
    /// How busy the kitchen was.
    pub load: Load,
}

/// One kitchen's part of an order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// What was asked.
    pub asked: TicketOpened,
    /// When it was asked.
    pub opened_at: Timestamp,
    /// Where it stands.
    pub stage: Stage,
    /// Minutes of work promised; what the kitchen usually needs until it has answered.
    pub prep_min: u32,
    /// Minutes added by delays.
    pub delay_min: u32,
    /// When to begin, once all kitchens have answered.
    pub fire_at: Option<Timestamp>,
    /// When it should be ready, as far as one can tell.
    pub ready_at: Option<Timestamp>,
    /// When it was begun, and how busy the kitchen was then.
    #[serde(default)]
    pub begun: Option<Begun>,
    /// Why it was rejected.
    pub reason: Option<RejectReason>,
    /// Delays already counted.
    pub delays: Vec<CommandId>,
}

impl Ticket {
    /// What the clock does to it next.
    pub(super) fn due(&self) -> Option<(Timestamp, Due)> {
        match self.stage {
            Stage::Waiting => Some((self.asked.answer_by, Due::Answer(self.asked.ticket_id))),
            Stage::Accepted => self.fire_at.map(|at| (at, Due::Fire(self.asked.ticket_id))),
            _ => None,
        }
    }
    /// What the kitchen promised, without delays.
    pub(super) fn promised(&self) -> Duration {
        Duration::from_secs(u64::from(self.prep_min) * 60)
    }
    /// When it would be ready if begun at `start`.
    pub(super) fn ready_if_begun(&self, start: Timestamp) -> Timestamp {
        start.plus_min(i64::from(self.prep_min) + i64::from(self.delay_min))
    }
    /// When to begin to be ready at `ready_by`.
    pub(super) fn begin_to_be_ready_by(&self, ready_by: Timestamp) -> Timestamp {
        ready_by.minus(Duration::from_secs((u64::from(self.prep_min) + u64::from(self.delay_min)) * 60))
    }
    /// A delivery's rider may take it whatever the pass forgot to say; at the counter it must have been called.
    pub(super) fn taken_by_rider(&self) -> bool {
        self.asked.fulfilment == Fulfilment::Delivery
    }
}

/// Something the clock does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) enum Due {
    /// The kitchen has not answered.
    Answer(TicketId),
    /// Time to begin.
    Fire(TicketId),
    /// Sold out no longer.
    Back(EightySix),
    /// Paused no longer.
    Resume,
}
