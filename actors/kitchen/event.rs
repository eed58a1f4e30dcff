//! What happens in one kitchen, as anybody may read it: its menu, its pauses, its tickets.
//! The stream `kitchen:{id}` is also what the kitchen's board watches.

use serde::{Deserialize, Serialize};

use crate::{
    events,
    ids::{CommandId, CourtId, ItemId, KitchenId, ModifierId, OrderId, TicketId},
    kitchen::menu::{Hours, Menu},
    order::event::{Fulfilment, Line, RejectReason},
    time::Timestamp,
};

events! {
    /// Facts of one kitchen.
    pub enum KitchenEvent {
        /// The kitchen exists.
        Opened(Opened) = "kitchen.opened",
        /// A whole menu, in place of the one before.
        MenuPublished(MenuPublished) = "kitchen.menu_published",
        /// 86: an item or a modifier is off until somebody or the clock brings it back.
        SoldOut(SoldOut) = "kitchen.sold_out",
        /// Back on the menu.
        BackOnMenu(BackOnMenu) = "kitchen.back_on_menu",
        /// No new tickets until then.
        Paused(Paused) = "kitchen.paused",
        /// New tickets again.
        Resumed(Resumed) = "kitchen.resumed",
        /// A paid order asks for this part.
        TicketOpened(TicketOpened) = "ticket.opened",
        /// The kitchen cooks it.
        TicketAccepted(TicketAccepted) = "ticket.accepted",
        /// The kitchen does not.
        TicketRejected(TicketRejected) = "ticket.rejected",
        /// Nobody answered until the deadline.
        TicketExpired(TicketExpired) = "ticket.expired",
        /// The other kitchens have answered too: this is when to begin.
        FireScheduled(FireScheduled) = "ticket.fire_scheduled",
        /// The kitchen begins: stage `in_kitchen`.
        Fired(Fired) = "ticket.fired",
        /// It takes longer.
        TicketDelayed(TicketDelayed) = "ticket.delayed",
        /// At the hand-off point: stage `ready_for_collection`.
        TicketReady(TicketReady) = "ticket.ready",
        /// Gone with its rider or eater.
        TicketCollected(TicketCollected) = "ticket.collected",
        /// The order ended badly; stop cooking.
        TicketVoided(TicketVoided) = "ticket.voided",
    }
}

/// Body of `kitchen.opened`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Opened {
    /// Which kitchen.
    pub kitchen_id: KitchenId,
    /// In which court.
    pub court_id: CourtId,
    /// Its name.
    pub name: String,
    /// What it cooks, a few words.
    pub cuisine: String,
    /// When it takes orders.
    pub hours: Hours,
    /// Minutes it usually needs for a ticket.
    pub prep_min: u32,
    /// Seconds it has to answer a ticket.
    pub answer_within_s: u32,
    /// Tickets it can have open at once.
    pub open_tickets_max: u32,
}

/// Body of `kitchen.menu_published`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MenuPublished {
    /// All of it.
    pub menu: Menu,
}

/// What can be sold out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EightySix {
    /// A dish.
    Item(ItemId),
    /// One option, wherever it is offered.
    Modifier(ModifierId),
}

/// Body of `kitchen.sold_out`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SoldOut {
    /// What.
    pub what: EightySix,
    /// It returns by itself then; `None`: when somebody says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Body of `kitchen.back_on_menu`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BackOnMenu {
    /// What.
    pub what: EightySix,
}

/// Body of `kitchen.paused`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Paused {
    /// It ends by itself then.
    pub until: Timestamp,
}

/// Body of `kitchen.resumed`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Resumed {}

/// Body of `ticket.opened`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TicketOpened {
    /// Which ticket.
    pub ticket_id: TicketId,
    /// Of which order.
    pub order_id: OrderId,
    /// The number called out at the pass, counted by the kitchen.
    pub number: u64,
    /// What to cook.
    pub lines: Vec<Line>,
    /// Pickup or delivery.
    pub fulfilment: Fulfilment,
    /// Silence until then is a rejection.
    pub answer_by: Timestamp,
    /// When the customer wants it; absent: as soon as possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_at: Option<Timestamp>,
}

/// Body of `ticket.accepted`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TicketAccepted {
    /// Which ticket.
    pub ticket_id: TicketId,
    /// Of which order.
    pub order_id: OrderId,
    /// Whose.
    pub kitchen_id: KitchenId,
    /// Minutes of work promised.
    pub prep_min: u32,
    /// The number called out at the pass, as when it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

/// Body of `ticket.rejected`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TicketRejected {
    /// Which ticket.
    pub ticket_id: TicketId,
    /// Of which order.
    pub order_id: OrderId,
    /// Whose.
    pub kitchen_id: KitchenId,
    /// Why.
    pub reason: RejectReason,
}

/// Body of `ticket.expired`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TicketExpired {
    /// Which ticket.
    pub ticket_id: TicketId,
    /// Of which order.
    pub order_id: OrderId,
    /// Whose.
    pub kitchen_id: KitchenId,
}

/// Body of `ticket.fire_scheduled`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FireScheduled {
    /// Which ticket.
    pub ticket_id: TicketId,
    /// When to begin.
    pub fire_at: Timestamp,
}

/// Body of `ticket.fired`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fired {
    /// Which ticket.
    pub ticket_id: TicketId,
    /// Of which order.
    pub order_id: OrderId,
    /// Whose.
    pub kitchen_id: KitchenId,
    /// When it should be ready.
    pub ready_at: Timestamp,
}

/// Body of `ticket.delayed`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TicketDelayed {
    /// Which ticket.
    pub ticket_id: TicketId,
    /// Of which order.
    pub order_id: OrderId,
    /// Minutes more.
    pub by_min: u32,
    /// When it should be ready now.
    pub ready_at: Timestamp,
    /// Makes the delay safe to repeat.
    pub command_id: CommandId,
}

/// Body of `ticket.ready`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TicketReady {
    /// Which ticket.
    pub ticket_id: TicketId,
    /// Of which order.
    pub order_id: OrderId,
    /// Whose.
    pub kitchen_id: KitchenId,
}

/// Body of `ticket.collected`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TicketCollected {
    /// Which ticket.
    pub ticket_id: TicketId,
    /// Of which order.
    pub order_id: OrderId,
    /// Whose.
    pub kitchen_id: KitchenId,
}

/// Body of `ticket.voided`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TicketVoided {
    /// Which ticket.
    pub ticket_id: TicketId,
    /// Of which order.
    pub order_id: OrderId,
}
