//! What a payment is, folded from its facts: what is held, what was taken, what went back, and the one call to the
//! provider that is under way. The rules stand in `decide`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::event::PaymentEvent;
use crate::{
    ids::{OrderId, PaymentId},
    money::Money,
    time::Timestamp,
};

/// Stripe's words for where a payment stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Not begun, or declined: another method is needed.
    RequiresPaymentMethod,
    /// The customer has not confirmed yet (providers that ask them to).
    RequiresConfirmation,
    /// The customer has to do something at the bank.
    RequiresAction,
    /// The provider is being asked.
    Processing,
    /// The money is held.
    RequiresCapture,
    /// Nothing was taken, and nothing will be.
    Canceled,
    /// The money was taken (and may have been paid back since).
    Succeeded,
}

/// A call to the provider.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// Hold the money.
    Authorize,
    /// Take it.
    Capture,
    /// Let go of it.
    Void,
    /// Pay it back.
    Refund,
}

impl CallKind {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }
}

impl fmt::Display for CallKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The call under way: made again with the same key until it is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Which.
    pub kind: CallKind,
    /// How much it moves.
    pub amount: Money,
    /// Tries so far.
    pub attempt: u32,
    /// When the first try was made.
    pub since: Timestamp,
    /// Unanswered until then, something follows.
    pub deadline_at: Timestamp,
    /// A person was called; the deadline is when it is tried again.
    pub stuck: bool,
}

/// Where the money is when no call is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Phase {
    /// Nobody asked for it yet.
    #[default]
    New,
    /// With the customer; the provider is asked to hold it.
    Authorizing,
    /// Held.
    Held,
    /// Held, and the provider refuses to hand it over.
    CaptureRefused,
    /// Ours.
    Captured,
    /// With the customer for good: the provider said no.
    Declined,
    /// With the customer for good: it was let go.
    Voided,
    /// With the customer for good: it was paid back.
    Refunded,
    /// With the customer for good: it had never moved.
    Untouched,
}

/// A payment, or nothing yet.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaymentState {
    /// Which payment, and which order it pays; `None` before the first fact.
    pub of: Option<(PaymentId, OrderId)>,
    /// Where the money is.
    pub phase: Phase,
    /// How much the order costs.
    pub amount: Option<Money>,
    /// The provider's token for the card or wallet.
    pub payment_method: String,
    /// The call under way.
    pub call: Option<Call>,
    /// The money shall go back, whatever comes.
    pub reverse_wished: bool,
    /// The order has been told that the money will not come.
    pub declined: bool,
    /// The provider's own reference.
    pub provider_ref: Option<String>,
    /// The hold ends by itself then.
    pub expires_at: Option<Timestamp>,
    /// How much was taken.
    pub captured: Option<Money>,
    /// How much went back.
    pub refunded: Option<Money>,
}

impl PaymentState {
    /// Whether the answer to this try of a call would still tell something.
    #[must_use]
    pub fn awaits(&self, kind: CallKind, attempt: u32) -> bool {
        self.call.is_some_and(|call| call.kind == kind && call.attempt <= attempt)
    }

    /// In Stripe's words.
    #[must_use]
    pub fn status(&self) -> PaymentStatus {
        match (self.phase, self.call.map(|call| call.kind)) {
            (Phase::Refunded | Phase::Captured, _) => PaymentStatus::Succeeded,
            (_, Some(_)) => PaymentStatus::Processing,
            (Phase::New | Phase::Declined | Phase::Authorizing, None) => PaymentStatus::RequiresPaymentMethod,
            (Phase::Held | Phase::CaptureRefused, None) => PaymentStatus::RequiresCapture,
            (Phase::Voided | Phase::Untouched, None) => PaymentStatus::Canceled,
        }
    }
    /// Whether no money will move any more.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self.phase, Phase::Declined | Phase::Voided | Phase::Refunded | Phase::Untouched)
    }
    /// Whether a call of this kind is under way.
    #[must_use]
    pub fn is_calling(&self, kind: CallKind) -> bool {
        self.call.is_some_and(|call| call.kind == kind)
    }
    /// What we have taken and not given back: what the order's final state must owe.
    #[must_use]
    pub fn net(&self) -> Option<Money> {
        Some(match (self.captured?, self.refunded) {
            (captured, Some(refunded)) => captured.minus(refunded),
            (captured, None) => captured,
        })
    }
}

/// Folds one fact.
pub(super) fn evolve(state: &mut PaymentState, event: &PaymentEvent, at: Timestamp) {
    match event {
        PaymentEvent::AuthorizationRequested(fact) => {
            state.of = Some((fact.payment_id, fact.order_id));
            state.phase = Phase::Authorizing;
            state.amount = Some(fact.amount);
            state.payment_method.clone_from(&fact.payment_method);
            call(state, CallKind::Authorize, fact.amount, fact.attempt, fact.deadline_at, at);
        }
        PaymentEvent::Authorized(fact) => {
            state.phase = Phase::Held;
            state.call = None;
            state.provider_ref = Some(fact.provider_ref.clone());
            state.expires_at = Some(fact.expires_at);
        }
        PaymentEvent::Declined(fact) => {
            state.declined = true;
            // Giving up is a no to the order only: the provider's own answer is still to come.
            if fact.reason != NO_ANSWER {
                state.phase = Phase::Declined;
                state.call = None;
            }
        }
        PaymentEvent::CaptureRequested(fact) => {
            call(state, CallKind::Capture, fact.amount, fact.attempt, fact.deadline_at, at);
        }
        PaymentEvent::Captured(fact) => {
            state.phase = Phase::Captured;
            state.call = None;
            state.captured = Some(fact.amount);
        }
        PaymentEvent::CaptureFailed(_) => {
            state.phase = Phase::CaptureRefused;
            state.call = None;
        }
        PaymentEvent::ReverseWished(_) => state.reverse_wished = true,
        PaymentEvent::VoidRequested(fact) => {
            state.reverse_wished = true;
            if let Some(amount) = state.amount {
                call(state, CallKind::Void, amount, fact.attempt, fact.deadline_at, at);
            }
        }
        PaymentEvent::Voided(_) => {
            state.phase = Phase::Voided;
            state.call = None;
        }
        PaymentEvent::RefundRequested(fact) => {
            state.reverse_wished = true;
            call(state, CallKind::Refund, fact.amount, fact.attempt, fact.deadline_at, at);
        }
        PaymentEvent::Refunded(fact) => {
            state.phase = Phase::Refunded;
            state.call = None;
            state.refunded = Some(fact.amount);
        }
        PaymentEvent::NothingToReverse(fact) => {
            state.of = Some((fact.payment_id, fact.order_id));
            state.phase = Phase::Untouched;
            state.call = None;
            state.reverse_wished = true;
        }
        PaymentEvent::Stuck(fact) => {
            if let Some(call) = &mut state.call {
                call.deadline_at = fact.retry_at;
                call.stuck = true;
            }
        }
    }
}

/// The reason of a no that is ours, not the provider's.
pub const NO_ANSWER: &str = "no_answer";

fn call(state: &mut PaymentState, kind: CallKind, amount: Money, attempt: u32, deadline_at: Timestamp, at: Timestamp) {
    let since = state.call.filter(|call| call.kind == kind).map_or(at, |call| call.since);
    state.call = Some(Call { kind, amount, attempt, since, deadline_at, stuck: false });
}
