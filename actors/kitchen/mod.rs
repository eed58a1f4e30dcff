//! The kitchen service: one kitchen's menu, 86, pauses and tickets in one stream.
//! Wishes and refusals stand here; what they mean is in [`decide`], what the facts amount to in [`state`].

pub mod decide;
pub mod event;
pub mod menu;
pub mod pace;
pub mod policy;
pub mod projection;
pub mod state;
#[cfg(test)]
mod tests;
pub mod ticket;

pub use decide::Kitchen;
pub use policy::KitchenPolicy;
pub use state::KitchenState;
pub use ticket::{Stage, Ticket};

use crate::{
    ids::{CommandId, OrderId, TicketId},
    kitchen::{
        event::{EightySix, Opened},
        menu::Menu,
    },
    order::event::{Fulfilment, Line, RejectReason},
    time::Timestamp,
};

/// A wish to a kitchen.
#[derive(Clone, PartialEq, Debug)]
pub enum KitchenCommand {
    /// Make the kitchen, or change its name, hours and capacity. Kitchen and court stay what they were.
    Open(Opened),
    /// Read the opening hours in another time zone from now on; all else stays as it is by then.
    MoveClock {
        /// IANA name.
        time_zone: String,
    },
    /// Put a whole menu in place of the one before.
    PublishMenu {
        /// All of it.
        menu: Menu,
    },
    /// Take something off the menu.
    EightySix {
        /// What.
        what: EightySix,
        /// It returns by itself then; `None`: when somebody says so.
        until: Option<Timestamp>,
    },
    /// Put it back.
    BringBack {
        /// What.
        what: EightySix,
    },
    /// Take no new tickets for a while.
    Pause {
        /// It ends by itself then.
        until: Timestamp,
    },
    /// Take new tickets again.
    Resume,
    /// A paid order asks for this part. A kitchen that cannot take it says so as a fact (`ticket.rejected`).
    OpenTicket {
        /// Of which order.
        order_id: OrderId,
        /// Which ticket.
        ticket_id: TicketId,
        /// What to cook.
        lines: Vec<Line>,
        /// Pickup or delivery.
        fulfilment: Fulfilment,
        /// The order no longer counts on an answer after that; a repeat that comes later opens nothing.
        answer_by: Timestamp,
        /// When the customer wants it; `None`: as soon as possible.
        wanted_at: Option<Timestamp>,
    },
    /// The kitchen cooks it.
    AcceptTicket {
        /// Which ticket.
        ticket_id: TicketId,
        /// Minutes of work promised, 1 to 240; `None`: what the kitchen usually needs.
        prep_min: Option<u32>,
    },
    /// The kitchen does not.
    RejectTicket {
        /// Which ticket.
        ticket_id: TicketId,
        /// Why.
        reason: RejectReason,
    },
    /// It takes longer.
    DelayTicket {
        /// Which ticket.
        ticket_id: TicketId,
        /// Minutes more, 1 to 120.
        by_min: u32,
        /// Makes it safe to repeat.
        command_id: CommandId,
    },
    /// All kitchens have answered: this is when to begin.
    ScheduleFire {
        /// Which ticket.
        ticket_id: TicketId,
        /// When to begin; in the past: at once.
        fire_at: Timestamp,
        /// When all parts of the order are to be ready.
        ready_by: Timestamp,
    },
    /// Begin now.
    FireTicket {
        /// Which ticket.
        ticket_id: TicketId,
    },
    /// It stands at the hand-off point.
    ReadyTicket {
        /// Which ticket.
        ticket_id: TicketId,
    },
    /// It is gone with its rider or eater. A delivery's rider may take it before the pass has called it ready.
    CollectTicket {
        /// Which ticket.
        ticket_id: TicketId,
    },
    /// The order ended badly; stop cooking. Remembered if it comes before the ticket.
    VoidTicket {
        /// Of which order.
        order_id: OrderId,
        /// Which ticket.
        ticket_id: TicketId,
    },
    /// The kitchen's deadline: everything that is due now.
    Tick,
}

/// Why a wish is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KitchenRejection {
    /// Nobody has opened a kitchen here (404).
    #[error("there is no such kitchen")]
    NoKitchen,
    /// The kitchen belongs to another court, or is another kitchen (409).
    #[error("a kitchen cannot move to another court")]
    OtherCourt,
    /// A field of the kitchen is out of range (422).
    #[error("{field} must be {range}")]
    OutOfRange {
        /// JSON pointer within the body.
        field: &'static str,
        /// What would be right.
        range: &'static str,
    },
    /// The opening hours cannot be (422).
    #[error("/hours{pointer}: {problem}")]
    BadHours {
        /// JSON pointer within the hours.
        pointer: String,
        /// What is wrong and what would be right.
        problem: &'static str,
    },
    /// The menu contradicts itself (422).
    #[error("{pointer}: {problem}")]
    BadMenu {
        /// JSON pointer within the menu.
        pointer: String,
        /// What is wrong and what would be right.
        problem: &'static str,
    },
    /// 86 of something that is not on the menu (404).
    #[error("there is no such item or modifier on the menu")]
    NotOnMenu,
    /// No such ticket, or closed long ago (404).
    #[error("there is no such ticket")]
    NoTicket,
    /// Nobody answered in time, so the order went on without this kitchen (409).
    #[error("the ticket expired: nobody answered in time")]
    Expired,
    /// The order was called off (409).
    #[error("the ticket is void: its order was called off")]
    Voided,
    /// The ticket's stage forbids it (409).
    #[error("the ticket is {stage}")]
    WrongStage {
        /// Where it stands.
        stage: Stage,
    },
    /// The order's other kitchens have not all answered, so nobody may begin (409).
    #[error("the order's other kitchens have not answered yet")]
    WaitsForOthers,
    /// Delayed too often (409).
    #[error("a ticket can be delayed {} times at most", decide::DELAYS_MAX)]
    TooManyDelays,
}
