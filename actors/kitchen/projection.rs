//! What people may see of a kitchen. Everybody sees card, hours, pauses and 86; tickets are for its staff.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    event::Recorded,
    ids::{CourtId, ItemId, KitchenId, ModifierId, OrderId, TicketId},
    kitchen::{
        KitchenState, Stage, Ticket,
        event::EightySix,
        menu::{Hours, MenuItem},
    },
    money::Money,
    order::event::{Fulfilment, Line, RejectReason},
    time::Timestamp,
};

/// Who looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    /// The kitchen's staff, or an admin.
    Staff,
    /// Everybody else.
    Public,
}

/// One kitchen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct KitchenView {
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
    /// Whether it takes orders now: within its hours, not paused, hands free.
    pub open_now: bool,
    /// The end of its pause, if it is paused.
    pub paused_until: Option<Timestamp>,
    /// Whether all hands are busy.
    pub busy: bool,
    /// Minutes it usually needs.
    pub prep_min: u32,
}

/// A kitchen's card.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct MenuView {
    /// In the order of the card.
    pub items: Vec<MenuItemView>,
}

/// A dish or drink on the card.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct MenuItemView {
    /// Its id, stable over menus.
    pub item_id: ItemId,
    /// Its name.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// Heading on the card.
    pub section: String,
    /// Price of one, tax included.
    pub price: Money,
    /// Tax contained in the price, in ten-thousandths (700 is 7 %).
    pub tax_basis_points: u32,
    /// Questions the guest answers.
    pub modifier_groups: Vec<ModifierGroupView>,
    /// Whether it is off the menu.
    pub sold_out: bool,
    /// When it returns by itself, if it does.
    pub sold_out_until: Option<Timestamp>,
}

/// Options of which `min` to `max` are chosen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct ModifierGroupView {
    /// The question.
    pub name: String,
    /// At least so many.
    pub min: u32,
    /// At most so many.
    pub max: u32,
    /// The options.
    pub modifiers: Vec<ModifierView>,
}

/// One option.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct ModifierView {
    /// Its id, stable over menus.
    pub modifier_id: ModifierId,
    /// Its name.
    pub name: String,
    /// What it adds.
    pub price: Money,
    /// Whether it is off the menu.
    pub sold_out: bool,
}

/// One ticket on the board.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct TicketView {
    /// Which ticket.
    pub ticket_id: TicketId,
    /// Of which order.
    pub order_id: OrderId,
    /// The number called out at the pass.
    pub number: u64,
    /// Where it stands.
    pub stage: Stage,
    /// Pickup or delivery.
    pub fulfilment: Fulfilment,
    /// What to cook.
    pub lines: Vec<Line>,
    /// When it was asked.
    pub opened_at: Timestamp,
    /// Silence until then is a rejection.
    pub answer_by: Timestamp,
    /// When the customer wants it; absent: as soon as possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_at: Option<Timestamp>,
    /// Minutes of work.
    pub prep_min: u32,
    /// Minutes added by delays.
    pub delay_min: u32,
    /// When to begin, once all kitchens have answered.
    pub fire_at: Option<Timestamp>,
    /// When it should be ready.
    pub ready_at: Option<Timestamp>,
    /// Why it was rejected.
    pub reason: Option<RejectReason>,
}

/// What a subscriber of `kitchen:{id}` starts from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct BoardView {
    /// The kitchen.
    pub kitchen: KitchenView,
    /// Its card.
    pub menu: MenuView,
    /// Open tickets by number; only for staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tickets: Option<Vec<TicketView>>,
}

/// The kitchen at `now`; `None` if it does not exist.
#[must_use]
pub fn kitchen(state: &KitchenState, now: Timestamp) -> Option<KitchenView> {
    let info = state.info()?;
    let (paused_until, busy) = (state.paused_until(now), state.is_full());
    Some(KitchenView {
        kitchen_id: info.kitchen_id,
        court_id: info.court_id,
        name: info.name.clone(),
        cuisine: info.cuisine.clone(),
        hours: info.hours.clone(),
        open_now: state.is_open(now) && paused_until.is_none() && !busy,
        paused_until,
        busy,
        prep_min: info.prep_min,
    })
}

/// The card at `now`.
#[must_use]
pub fn menu(state: &KitchenState, now: Timestamp) -> MenuView {
    MenuView { items: state.menu().items.iter().map(|item| menu_item(state, item, now)).collect() }
}

fn menu_item(state: &KitchenState, item: &MenuItem, now: Timestamp) -> MenuItemView {
    let what = EightySix::Item(item.item_id);
    let sold_out = state.is_sold_out(what, now);
    let groups = item.modifier_groups.iter().map(|group| ModifierGroupView {
        name: group.name.clone(),
        min: group.min,
        max: group.max,
        modifiers: group
            .modifiers
            .iter()
            .map(|modifier| ModifierView {
                modifier_id: modifier.modifier_id,
                name: modifier.name.clone(),
                price: modifier.price,
                sold_out: state.is_sold_out(EightySix::Modifier(modifier.modifier_id), now),
            })
            .collect(),
    });
    MenuItemView {
        item_id: item.item_id,
        name: item.name.clone(),
        description: item.description.clone(),
        section: item.section.clone(),
        price: item.price,
        tax_basis_points: item.tax_basis_points,
        modifier_groups: groups.collect(),
        sold_out,
        sold_out_until: state.off_menu(what).flatten().filter(|_| sold_out),
    }
}

/// One ticket.
#[must_use]
pub fn ticket(ticket: &Ticket) -> TicketView {
    TicketView {
        ticket_id: ticket.asked.ticket_id,
        order_id: ticket.asked.order_id,
        number: ticket.asked.number,
        stage: ticket.stage,
        fulfilment: ticket.asked.fulfilment,
        lines: ticket.asked.lines.clone(),
        opened_at: ticket.opened_at,
        answer_by: ticket.asked.answer_by,
        wanted_at: ticket.asked.wanted_at,
        prep_min: ticket.prep_min,
        delay_min: ticket.delay_min,
        fire_at: ticket.fire_at,
        ready_at: ticket.ready_at,
        reason: ticket.reason,
    }
}

/// The topic's snapshot; `None` if the kitchen does not exist.
#[must_use]
pub fn board(reader: Reader, state: &KitchenState, now: Timestamp) -> Option<BoardView> {
    let tickets = (reader == Reader::Staff).then(|| {
        let mut tickets: Vec<_> = state.open_tickets().map(ticket).collect();
        tickets.sort_by_key(|ticket| ticket.number);
        tickets
    });
    Some(BoardView { kitchen: kitchen(state, now)?, menu: menu(state, now), tickets })
}

/// What `reader` sees of a fact; `None`: only that there was one (`redacted`, with its number).
#[must_use]
pub fn event_for(reader: Reader, fact: &Recorded) -> Option<Value> {
    // By name, so that a new kind stays hidden from strangers until somebody lists it.
    const PUBLIC: [&str; 6] = [
        "kitchen.opened",
        "kitchen.menu_published",
        "kitchen.sold_out",
        "kitchen.back_on_menu",
        "kitchen.paused",
        "kitchen.resumed",
    ];
    let may = reader == Reader::Staff || PUBLIC.contains(&&*fact.kind);
    may.then(|| serde_json::from_str(&fact.body).ok()).flatten()
}
