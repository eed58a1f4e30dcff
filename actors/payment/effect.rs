//! Calls to the provider. A recorded intent becomes a call, its answer a wish to the payment. An unclear call becomes
//! nothing: the payment's own deadline repeats the intent, with the same key.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::{
    command::PaymentCommand,
    decide::Payment,
    event::PaymentEvent,
    provider::{PaymentProvider, ProviderAnswer, ProviderReply, ProviderRequest},
    state::CallKind,
};
use crate::{
    ask::{AskError, Wish},
    decider::Origin,
    directory::Directory,
    event::Recorded,
    ids::PaymentId,
    reactor::{Consumer, ReactError},
};

/// How many calls may be under way, and for how long (wall time).
#[derive(Clone, Copy, Debug)]
pub struct CallLimits {
    /// Calls at once; the next ones wait in line.
    pub in_flight_max: usize,
    /// Calls in line at most; one more is left to its payment's deadline.
    pub waiting_max: usize,
    /// An unanswered call is dropped after this long; it is unclear then. So is one that stood in line as long.
    pub timeout: Duration,
}

impl Default for CallLimits {
    fn default() -> Self {
        // 64 calls of 30 s each are what Stripe's own default of 100 calls a second leaves room for.
        // In line: what a thousand orders a second want of a provider that is silent for some seconds.
        Self { in_flight_max: 64, waiting_max: 8_192, timeout: Duration::from_secs(30) }
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

/// Makes the calls that payments have recorded as wanted. Acknowledges at once, so that a provider that hangs holds
/// up no cursor; a call that was skipped, dropped or unclear is asked for again by its payment's deadline.
pub struct ProviderEffect {
    provider: Arc<dyn PaymentProvider>,
    payments: Directory<Payment>,
    limits: CallLimits,
    permits: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl ProviderEffect {
    /// Calls `provider` on behalf of `payments`.
    #[must_use]
    pub fn new(provider: Arc<dyn PaymentProvider>, payments: Directory<Payment>, limits: CallLimits) -> Self {
        let permits = Semaphore::new(limits.in_flight_max);
        let places = Semaphore::new(limits.in_flight_max.saturating_add(limits.waiting_max));
        Self { provider, payments, limits, permits: Arc::new(permits), places: Arc::new(places) }
    }

    fn begin(&self, fact: &Recorded) -> Result<(), ReactError> {
        let event: PaymentEvent = fact.typed().map_err(|error| ReactError::Poison(error.to_string()))?;
        let Some((payment_id, attempt, request)) = ProviderRequest::of(&event) else { return Ok(()) };
        let version = fact.version;
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            warn!(payment.id = %payment_id, "too many calls wait for the provider; this one is repeated later");
            return Ok(());
        };
        let origin = Origin { cause: Some(fact.event_id), correlation: fact.correlation };
        let (provider, payments, timeout) = (Arc::clone(&self.provider), self.payments.clone(), self.limits.timeout);
        let permits = Arc::clone(&self.permits);
        actix::spawn(async move {
            let permit = if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
                permit
            } else {
                let Ok(Ok(permit)) = tokio::time::timeout(timeout, permits.acquire_owned()).await else {
                    warn!(payment.id = %payment_id, "no room for a call in time; it is repeated later");
                    return;
                };
                // It may have been answered, or begun again, while it stood in line.
                let seen = payments.look(payment_id.0).await;
                if seen.is_ok_and(|seen| seen.version > version && !seen.state.awaits(request.call.kind(), attempt)) {
                    return;
                }
                permit
            };
            let commands = perform(provider.as_ref(), request, timeout).await;
            tell(&payments, payment_id, commands, origin).await;
            drop((permit, place));
        });
        Ok(())
    }
}

impl Consumer for ProviderEffect {
    fn name(&self) -> &'static str {
        "payment.provider"
    }
    fn wants(&self, kind: &str) -> bool {
        matches!(
            kind,
            "payment.authorization_requested"
                | "payment.capture_requested"
                | "payment.void_requested"
                | "payment.refund_requested"
        )
    }
    fn react(&self, fact: Arc<Recorded>) -> BoxFuture<'static, Result<(), ReactError>> {
        let outcome = self.begin(&fact);
        async move { outcome }.boxed()
    }
}

/// Tells a payment what the provider said. What cannot be told now is heard again with the next try of the call.
async fn tell(payments: &Directory<Payment>, payment_id: PaymentId, commands: Vec<PaymentCommand>, origin: Origin) {
    for command in commands {
        match payments.ask(payment_id.0, Wish::new(command, origin)).await {
            Ok(_) => {}
            Err(AskError::Rejected(rejection)) => {
                debug!(payment.id = %payment_id, "an answer of the provider changes nothing: {rejection}");
            }
            Err(error) => warn!(payment.id = %payment_id, %error, "an answer of the provider cannot be noted now"),
        }
    }
}
