//! Several deliveries in one route, as dispatch offers it and the rider takes or leaves it.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{BundleId, DeliveryId},
    place::Position,
    time::Timestamp,
};

/// Deliveries of one court that are offered to one rider as one route: taken, or left, as a whole.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Bundle {
    /// The same in each of their offers.
    pub bundle_id: BundleId,
    /// All of them, in the sequence of their doors.
    pub stops: Vec<BundleStop>,
}

/// One door of a route that is offered.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BundleStop {
    /// Whose door.
    pub delivery_id: DeliveryId,
    /// About where it is; the door itself only once it is assigned.
    pub dropoff_coarse: Position,
    /// When its food should be ready.
    pub ready_at: Timestamp,
}
