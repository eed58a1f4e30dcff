//! Why a part is not cooked, and why an order comes to a bad end.

use serde::{Deserialize, Serialize};

/// Why a kitchen's part is not cooked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Something on it is off the menu.
    SoldOut,
    /// No hands free.
    TooBusy,
    /// Outside its hours or paused.
    Closed,
    /// The kitchen did not answer in time.
    NoAnswer,
    /// Anything else.
    Other,
}

/// Why an order comes to a bad end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The provider said no.
    PaymentDeclined,
    /// The money could not be captured.
    CaptureFailed,
    /// No kitchen took its part.
    KitchensRejected,
    /// No rider could be found.
    NoRider,
    /// The customer changed their mind.
    CustomerCancelled,
    /// Staff called it off.
    StaffCancelled,
    /// A kitchen stopped cooking or never finished.
    KitchenFailed,
    /// Nobody came for it, or it could not be handed over.
    NotHandedOver,
    /// Nobody paid in time.
    NotPaid,
}
