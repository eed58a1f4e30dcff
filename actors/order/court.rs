//! A court: a site with kitchens, one hand-off point, one currency and its fees. Values only.

use serde::{Deserialize, Serialize};

use crate::{
    ids::CourtId,
    money::{Currency, Money},
    place::Position,
    proof::ProofRequired,
};

/// A court, as orders see it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Court {
    /// Which court.
    pub court_id: CourtId,
    /// Its name.
    pub name: String,
    /// The hand-off point: where riders and guests fetch the food.
    pub position: Position,
    /// IANA name, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Every price of the court is in it.
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// For the way to the door.
    pub delivery_fee: Money,
    /// The court's share on top of the items, in ten-thousandths (250 is 2.5 %).
    pub service_fee_basis_points: u32,
    /// Tax contained in both fees, in ten-thousandths.
    pub fee_tax_basis_points: u32,
    /// How far it delivers, metres as the crow flies.
    pub delivery_radius_m: u32,
    /// What every hand-over at a door must be shown by; guests may ask for more.
    #[serde(default)]
    pub proof: ProofRequired,
}
