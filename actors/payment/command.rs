//! What can be wished of a payment. `Authorize`, `Capture` and `Reverse` follow from the order's facts, `Note…` are the
//! provider's answers, and the last two come from the payment's own deadlines.

use crate::{ids::OrderId, money::Money, time::Timestamp};

/// A wish.
#[derive(Clone, Debug, PartialEq)]
pub enum PaymentCommand {
    /// Hold the money.
    Authorize {
        /// For which order.
        order_id: OrderId,
        /// How much.
        amount: Money,
        /// The provider's token for the card or wallet.
        payment_method: String,
    },
    /// Take the money that is held, or less of it.
    Capture {
        /// How much; the rest is let go.
        amount: Money,
    },
    /// Give the money back, wherever it is: void, refund, or nothing at all.
    Reverse {
        /// Of which order.
        order_id: OrderId,
    },
    /// The provider holds the money.
    NoteAuthorized {
        /// The provider's own reference.
        provider_ref: String,
        /// The hold ends by itself then; `None`: the provider did not say, seven days are assumed.
        expires_at: Option<Timestamp>,
    },
    /// The provider will not hold it.
    NoteDeclined {
        /// The provider's code.
        reason: String,
    },
    /// The provider took it.
    NoteCaptured,
    /// The provider will not take it.
    NoteCaptureFailed {
        /// The provider's code.
        reason: String,
    },
    /// The provider let go of it.
    NoteVoided,
    /// The provider paid it back.
    NoteRefunded,
    /// The provider refuses to void or to refund: a person must look, and it is tried again later.
    NoteReverseRefused {
        /// The provider's code.
        reason: String,
    },
    /// A call was not answered in time, or its pause is over.
    RetryDue,
    /// The hold is about to end by itself.
    HoldEnds,
}
