//! What happens to the money of one order, as anybody may read it. Intents are facts too: each names its attempt,
//! so a call that was lost is made again with the same key.

use serde::{Deserialize, Serialize};

use crate::{
    events,
    ids::{OrderId, PaymentId},
    money::Money,
    time::Timestamp,
};

events! {
    /// Facts of one payment.
    pub enum PaymentEvent {
        /// The provider is to be asked to hold the money.
        AuthorizationRequested(AuthorizationRequested) = "payment.authorization_requested",
        /// The money is held.
        Authorized(Authorized) = "payment.authorized",
        /// The provider said no, or never answered within all attempts.
        Declined(Declined) = "payment.declined",
        /// The provider is to be asked to take the accepted amount.
        CaptureRequested(CaptureRequested) = "payment.capture_requested",
        /// The money is ours.
        Captured(Captured) = "payment.captured",
        /// The provider refuses to capture.
        CaptureFailed(CaptureFailed) = "payment.capture_failed",
        /// The money shall go back; kept as a wish while another call is under way.
        ReverseWished(ReverseWished) = "payment.reverse_wished",
        /// The provider is to be asked to let go of the held money.
        VoidRequested(VoidRequested) = "payment.void_requested",
        /// The hold is gone; nothing was taken.
        Voided(Voided) = "payment.voided",
        /// The provider is to be asked to pay back.
        RefundRequested(RefundRequested) = "payment.refund_requested",
        /// The money went back.
        Refunded(Refunded) = "payment.refunded",
        /// There was nothing to give back.
        NothingToReverse(NothingToReverse) = "payment.nothing_to_reverse",
        /// A call kept failing; a person must look. The wish stays and is tried again, ever more slowly.
        Stuck(Stuck) = "payment.stuck",
    }
}

/// Body of `payment.authorization_requested`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AuthorizationRequested {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Which order it pays.
    pub order_id: OrderId,
    /// How much is to be held.
    pub amount: Money,
    /// The provider's token for the customer's card or wallet.
    pub payment_method: String,
    /// 1 for the first try.
    pub attempt: u32,
    /// Unanswered until then, it is tried again or given up.
    pub deadline_at: Timestamp,
}

/// Body of `payment.authorized`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Authorized {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Which order it pays.
    pub order_id: OrderId,
    /// How much is held.
    pub amount: Money,
    /// The provider's own reference.
    pub provider_ref: String,
    /// The hold ends by itself then: captured or voided before.
    pub expires_at: Timestamp,
}

/// Body of `payment.declined`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Declined {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Which order it pays.
    pub order_id: OrderId,
    /// The provider's code, such as `card_declined`, or `no_answer`.
    pub reason: String,
}

/// Body of `payment.capture_requested`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CaptureRequested {
    /// Which payment.
    pub payment_id: PaymentId,
    /// The provider's own reference.
    pub provider_ref: String,
    /// How much is to be taken; the rest of the hold is let go.
    pub amount: Money,
    /// 1 for the first try.
    pub attempt: u32,
    /// Unanswered until then, it is tried again.
    pub deadline_at: Timestamp,
}

/// Body of `payment.captured`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Captured {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Which order it pays.
    pub order_id: OrderId,
    /// How much was taken.
    pub amount: Money,
}

/// Body of `payment.capture_failed`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CaptureFailed {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Which order it pays.
    pub order_id: OrderId,
    /// The provider's code.
    pub reason: String,
}

/// Body of `payment.reverse_wished`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReverseWished {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Which order it pays.
    pub order_id: OrderId,
}

/// Body of `payment.void_requested`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct VoidRequested {
    /// Which payment.
    pub payment_id: PaymentId,
    /// The provider's own reference.
    pub provider_ref: String,
    /// 1 for the first try.
    pub attempt: u32,
    /// Unanswered until then, it is tried again.
    pub deadline_at: Timestamp,
}

/// Body of `payment.voided`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Voided {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Which order it would have paid.
    pub order_id: OrderId,
    /// How much was let go.
    pub amount: Money,
}

/// Body of `payment.refund_requested`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RefundRequested {
    /// Which payment.
    pub payment_id: PaymentId,
    /// The provider's own reference.
    pub provider_ref: String,
    /// How much goes back.
    pub amount: Money,
    /// 1 for the first try.
    pub attempt: u32,
    /// Unanswered until then, it is tried again.
    pub deadline_at: Timestamp,
}

/// Body of `payment.refunded`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Refunded {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Which order it paid.
    pub order_id: OrderId,
    /// How much went back.
    pub amount: Money,
}

/// Body of `payment.nothing_to_reverse`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NothingToReverse {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Which order.
    pub order_id: OrderId,
}

/// Body of `payment.stuck`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Stuck {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Which order.
    pub order_id: OrderId,
    /// Which call keeps failing: `authorize` (given up, but not known to have failed), `capture`, `void` or `refund`.
    pub call: String,
    /// When it is tried again.
    pub retry_at: Timestamp,
}
