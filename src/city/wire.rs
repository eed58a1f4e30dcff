//! The answers of the API as far as the city reads them. Unknown fields are skipped: shapes only grow.

use foodcourt_actors::{place::Position, time::Timestamp};
use serde::Deserialize;

/// A list's page.
#[derive(Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// `GET /v1/demo`.
#[derive(Deserialize)]
pub struct Demo {
    pub accounts: Vec<DemoAccount>,
    #[serde(default)]
    pub business_speed: Option<f64>,
    #[serde(default)]
    pub business_now: Option<Timestamp>,
}

/// An account of the demo.
#[derive(Clone, Deserialize)]
pub struct DemoAccount {
    pub email: String,
    pub password: String,
    #[serde(default)]
    pub role: String,
    #[serde(default)]
    pub kitchens: Vec<String>,
}

/// A court.
#[derive(Clone, Deserialize)]
pub struct Court {
    pub court_id: String,
    pub position: Position,
    pub currency: String,
    #[serde(default = "two_km")]
    pub delivery_radius_m: f64,
}

fn two_km() -> f64 {
    2_000.0
}

/// A kitchen of a court.
#[derive(Clone, Deserialize)]
pub struct Kitchen {
    pub kitchen_id: String,
    #[serde(default)]
    pub name: String,
    pub open_now: bool,
    #[serde(default)]
    pub paused_until: Option<Timestamp>,
    #[serde(default)]
    pub prep_min: u32,
}

/// A kitchen's menu.
#[derive(Deserialize)]
pub struct Menu {
    pub items: Vec<MenuItem>,
}

/// A dish.
#[derive(Deserialize)]
pub struct MenuItem {
    pub item_id: String,
    #[serde(default)]
    pub sold_out: bool,
    #[serde(default)]
    pub modifier_groups: Vec<ModifierGroup>,
}

/// What can be chosen with a dish.
#[derive(Deserialize)]
pub struct ModifierGroup {
    #[serde(default)]
    pub min: u32,
    #[serde(default)]
    pub max: u32,
    pub modifiers: Vec<Modifier>,
}

/// One choice.
#[derive(Deserialize)]
pub struct Modifier {
    pub modifier_id: String,
    #[serde(default)]
    pub sold_out: bool,
}

/// An order, as far as its customer acts on it.
#[derive(Clone, Deserialize)]
pub struct Order {
    pub order_id: String,
    pub status: String,
    pub parts: Vec<OrderPart>,
}

/// One kitchen's part of an order.
#[derive(Clone, Deserialize)]
pub struct OrderPart {
    pub kitchen_id: String,
    pub ticket_id: String,
    #[serde(default)]
    pub stage: String,
}

/// A ticket on a kitchen's board.
#[derive(Clone, Deserialize)]
pub struct Ticket {
    pub ticket_id: String,
    #[serde(default)]
    pub stage: String,
    #[serde(default)]
    pub answer_by: Option<Timestamp>,
    #[serde(default)]
    pub ready_at: Option<Timestamp>,
}

/// `GET /v1/riders/me`.
#[derive(Deserialize)]
pub struct Me {
    #[serde(default)]
    pub deliveries: Vec<Delivery>,
    #[serde(default)]
    pub offers: Vec<Offer>,
}

/// An offer.
#[derive(Clone, Deserialize)]
pub struct Offer {
    pub offer_id: String,
    pub expires_at: Timestamp,
    #[serde(default)]
    pub bundle: Option<Bundle>,
}

/// The route an offer is part of.
#[derive(Clone, Deserialize)]
pub struct Bundle {
    pub bundle_id: String,
}

/// A delivery as its rider sees it.
#[derive(Clone, Deserialize)]
pub struct Delivery {
    pub delivery_id: String,
    pub order_id: String,
    #[serde(default)]
    pub state: String,
    pub pickup: Position,
    #[serde(default)]
    pub dropoff: Option<Position>,
    #[serde(default)]
    pub rider_id: Option<String>,
    #[serde(default)]
    pub ready: bool,
}

/// Whether an order goes on no more.
pub fn is_end(status: &str) -> bool {
    matches!(status, "delivered" | "completed" | "rejected" | "cancelled" | "expired")
}
