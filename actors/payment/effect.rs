//! Calls to the provider. A recorded intent becomes a call, its answer a wish to the payment. An unclear call becomes
//! nothing: the payment's own deadline repeats the intent, with the same key.

use std::time::Duration;

use tracing::warn;

use super::{
    command::PaymentCommand,
    provider::{PaymentProvider, ProviderAnswer, ProviderReply, ProviderRequest},
    state::CallKind,
};

/// How many calls may be under way, and for how long (wall time).
#[derive(Clone, Copy, Debug)]
pub struct CallLimits {
    /// Calls at once; one more is left to its payment's deadline.
    pub in_flight_max: usize,
    /// An unanswered call is dropped after this long; it is unclear then.
    pub timeout: Duration,
}

impl Default for CallLimits {
    fn default() -> Self {
        // 64 calls of 30 s each are what Stripe's own default of 100 calls a second leaves room for.
        Self { in_flight_max: 64, timeout: Duration::from_secs(30) }
    }
}

/// Makes one call and says what the payment should hear of it: nothing if it is unclear, twice if it was told twice.
pub async fn perform(
    provider: &dyn PaymentProvider,
    request: ProviderRequest,
    timeout: Duration,
) -> Vec<PaymentCommand> {
    let (kind, key) = (request.call.kind(), request.key.clone());
    match tokio::time::timeout(timeout, provider.call(request)).await {
        Ok(Ok(reply)) => heard(kind, reply),
        Ok(Err(error)) => {
            warn!(%error, provider.key = key, "call {key} is unclear and will be repeated");
            vec![]
        }
        Err(_) => {
            let after_ms = timeout.as_millis();
            warn!(provider.key = key, after_ms, "call {key} was not answered and will be repeated");
            vec![]
        }
    }
}

/// What the payment hears of an answer; also the way in for verified webhooks.
#[must_use]
pub fn heard(kind: CallKind, reply: ProviderReply) -> Vec<PaymentCommand> {
    let command = match (kind, reply.answer) {
        (CallKind::Authorize, ProviderAnswer::Done { provider_ref, expires_at }) => {
            PaymentCommand::NoteAuthorized { provider_ref, expires_at }
        }
        (CallKind::Authorize, ProviderAnswer::Refused { code }) => PaymentCommand::NoteDeclined { reason: code },
        (CallKind::Capture, ProviderAnswer::Done { .. }) => PaymentCommand::NoteCaptured,
        (CallKind::Capture, ProviderAnswer::Refused { code }) => PaymentCommand::NoteCaptureFailed { reason: code },
        (CallKind::Void, ProviderAnswer::Done { .. }) => PaymentCommand::NoteVoided,
        (CallKind::Refund, ProviderAnswer::Done { .. }) => PaymentCommand::NoteRefunded,
        (CallKind::Void | CallKind::Refund, ProviderAnswer::Refused { code }) => {
            PaymentCommand::NoteReverseRefused { reason: code }
        }
    };
    vec![command; usize::try_from(reply.told.max(1)).unwrap_or(1)]
}
