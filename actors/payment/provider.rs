//! The payment provider as a port: Stripe, Paystack, a drawer of cash or the sandbox. One door, four calls, each safe to
//! repeat by its key. Refused for certain and *unclear* are different things, and only the first may end anything.

use futures_util::future::BoxFuture;

use super::{event::PaymentEvent, state::CallKind};
use crate::{ids::PaymentId, money::Money, ports::BoxError, time::Timestamp};

/// A call to the provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderRequest {
    /// The same for every try of the call: the provider does it at most once.
    pub key: String,
    /// Which call.
    pub call: ProviderCall,
}

/// What a provider can be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProviderCall {
    /// Hold this much of the customer's money.
    Authorize {
        /// How much.
        amount: Money,
        /// The provider's token for the card or wallet.
        payment_method: String,
    },
    /// Take this much of what is held and let go of the rest.
    Capture {
        /// What is held.
        provider_ref: String,
        /// How much.
        amount: Money,
    },
    /// Let go of what is held.
    Void {
        /// What is held.
        provider_ref: String,
    },
    /// Pay back this much of what was taken.
    Refund {
        /// What was held and taken.
        provider_ref: String,
        /// How much.
        amount: Money,
    },
}

impl ProviderCall {
    /// Which of the four.
    #[must_use]
    pub const fn kind(&self) -> CallKind {
        match self {
            Self::Authorize { .. } => CallKind::Authorize,
            Self::Capture { .. } => CallKind::Capture,
            Self::Void { .. } => CallKind::Void,
            Self::Refund { .. } => CallKind::Refund,
        }
    }
}

impl ProviderRequest {
    /// The call that a recorded intent asks for, and which try it is; `None` for facts that ask nothing of a provider.
    #[must_use]
    pub fn of(event: &PaymentEvent) -> Option<(PaymentId, u32, Self)> {
        let (payment_id, attempt, call) = match event {
            PaymentEvent::AuthorizationRequested(fact) => {
                let (amount, payment_method) = (fact.amount, fact.payment_method.clone());
                (fact.payment_id, fact.attempt, ProviderCall::Authorize { amount, payment_method })
            }
            PaymentEvent::CaptureRequested(fact) => {
                let (provider_ref, amount) = (fact.provider_ref.clone(), fact.amount);
                (fact.payment_id, fact.attempt, ProviderCall::Capture { provider_ref, amount })
            }
            PaymentEvent::VoidRequested(fact) => {
                (fact.payment_id, fact.attempt, ProviderCall::Void { provider_ref: fact.provider_ref.clone() })
            }
            PaymentEvent::RefundRequested(fact) => {
                let (provider_ref, amount) = (fact.provider_ref.clone(), fact.amount);
                (fact.payment_id, fact.attempt, ProviderCall::Refund { provider_ref, amount })
            }
            _ => return None,
        };
        Some((payment_id, attempt, Self { key: format!("{payment_id}/{}", call.kind()), call }))
    }
}

/// What a provider said, for certain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProviderAnswer {
    /// It is done (now, or at an earlier try of the same key).
    Done {
        /// The provider's own reference.
        provider_ref: String,
        /// When a hold ends by itself, if it is one and the provider says so.
        expires_at: Option<Timestamp>,
    },
    /// It was not done and will not be.
    Refused {
        /// The provider's code, such as `card_declined`.
        code: String,
    },
}

/// A provider's answer, and how often it was told: many also call back by webhook, so the same thing is heard twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderReply {
    /// What.
    pub answer: ProviderAnswer,
    /// How often, at least once.
    pub told: u32,
}

/// Why nothing is certain: the call may have taken effect or not. It is made again with the same key.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Nothing was heard.
    #[error("the payment provider did not answer")]
    NoAnswer,
    /// Not reached, or an answer that is no answer.
    #[error("the payment provider cannot be reached now")]
    Unavailable(#[source] BoxError),
}

/// A payment provider. Tokens come in and references go out; no card number ever does.
pub trait PaymentProvider: Send + Sync + 'static {
    /// Makes a call. Dropping the future does not undo it.
    fn call(&self, request: ProviderRequest) -> BoxFuture<'static, Result<ProviderReply, ProviderError>>;
    /// Whether `payment_method` can be one of its tokens. A provider that cannot tell without a call says yes.
    ///
    /// # Errors
    /// What it takes, in words that follow the field's name.
    fn knows(&self, payment_method: &str) -> Result<(), String> {
        let _ = payment_method;
        Ok(())
    }
}
