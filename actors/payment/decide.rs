//! The rules of a payment. One call to the provider is under way at a time, and every try of a call carries the same
//! key (`{payment_id}/{call}`), so a call that was answered into the void is never made twice in effect.
//!
//! A call whose answer is lost is *unclear*: it may have taken effect. So an authorisation that is given up is still
//! asked for, ever more slowly and with its key, until the provider says what became of it; then it is voided. The
//! order hears `payment.declined` at once, and of the settled money when it is settled.

use std::time::Duration;

use super::{
    command::PaymentCommand,
    event::{
        AuthorizationRequested, Authorized, CaptureFailed, CaptureRequested, Captured, Declined, NothingToReverse,
        PaymentEvent, RefundRequested, Refunded, ReverseWished, Stuck, VoidRequested, Voided,
    },
    state::{self, Call, CallKind, NO_ANSWER, PaymentState, Phase},
};
use crate::{
    decider::{Deadline, Decider},
    ids::{OrderId, PaymentId},
    money::Money,
    stream::Category,
    time::Timestamp,
};

/// A provider answers in a second or two; ten are patience. Doubled with every try.
pub const FIRST_TRY: Duration = Duration::from_secs(10);
/// Tries of an authorisation before the customer is told no: 10 + 20 + 40 + 80 = 150 s.
pub const AUTHORIZE_TRIES: u32 = 4;
/// Tries of any call before a person is called: about ten minutes.
pub const STUCK_AFTER_TRIES: u32 = 6;
/// The first pause of a call that is stuck; doubled each time.
pub const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// The longest wait between two tries.
pub const PAUSE_MAX: Duration = Duration::from_secs(6 * 60 * 60);
/// How long card providers hold money (Stripe: 7 days for most cards).
pub const HOLD: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A hold that was not taken is voided this long before it ends.
pub const HOLD_MARGIN: Duration = Duration::from_secs(60 * 60);

/// The payment service's decider.
#[derive(Clone, Copy, Debug)]
pub struct Payment;

/// Why a payment refuses a wish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRejection {
    /// Nothing is known of this payment.
    #[error("there is no such payment")]
    Unknown,
    /// It pays another order.
    #[error("the payment belongs to another order")]
    OtherOrder,
    /// More than is held, less than nothing, or another currency.
    #[error("{asked} cannot be captured, {held} are held")]
    OverCapture {
        /// Asked for.
        asked: Money,
        /// Held.
        held: Money,
    },
    /// The money is not held.
    #[error("the money is not held, so it cannot be captured")]
    NotHeld,
    /// Another amount was captured before, or is being captured.
    #[error("the payment was already captured with another amount; a hold can be taken once only")]
    AlreadyCaptured,
    /// The provider's answer fits no call that was made.
    #[error("the provider answered a call that was not made")]
    Unasked,
}

type Decision = Result<Vec<PaymentEvent>, PaymentRejection>;

impl Decider for Payment {
    const CATEGORY: Category = Category::Payment;
    type State = PaymentState;
    type Command = PaymentCommand;
    type Event = PaymentEvent;
    type Rejection = PaymentRejection;

    fn decide(state: &PaymentState, command: &PaymentCommand, now: Timestamp) -> Decision {
        match command {
            PaymentCommand::Authorize { order_id, amount, payment_method } => {
                authorize(state, *order_id, *amount, payment_method, now)
            }
            PaymentCommand::Reverse { order_id } => reverse(state, *order_id, now),
            other => {
                let (payment_id, order_id) = state.of.ok_or(PaymentRejection::Unknown)?;
                Known { state, payment_id, order_id, now }.decide(other)
            }
        }
    }

    fn evolve(state: &mut PaymentState, event: &PaymentEvent, at: Timestamp) {
        state::evolve(state, event, at);
    }

    fn deadline(state: &PaymentState) -> Option<Deadline<PaymentCommand>> {
        if let Some(call) = state.call {
            return Some(Deadline { at: call.deadline_at, command: PaymentCommand::RetryDue });
        }
        match (state.phase, state.expires_at) {
            (Phase::Held | Phase::CaptureRefused, Some(expires_at)) => {
                Some(Deadline { at: expires_at.minus(HOLD_MARGIN), command: PaymentCommand::HoldEnds })
            }
            _ => None,
        }
    }
}

/// How long try number `attempt` may take.
#[must_use]
pub fn patience(attempt: u32) -> Duration {
    (FIRST_TRY * (1 << attempt.saturating_sub(1).min(12))).min(PAUSE_MAX)
}

/// How long a stuck call rests after try number `attempt`.
fn pause(attempt: u32) -> Duration {
    (FIRST_PAUSE * (1 << attempt.saturating_sub(STUCK_AFTER_TRIES).min(9))).min(PAUSE_MAX)
}

fn authorize(state: &PaymentState, order_id: OrderId, amount: Money, method: &str, now: Timestamp) -> Decision {
    match state.of {
        Some((_, other)) if other != order_id => Err(PaymentRejection::OtherOrder),
        // Begun already, or the order ended before its payment began.
        Some(_) => Ok(vec![]),
        None => Ok(vec![PaymentEvent::AuthorizationRequested(AuthorizationRequested {
            payment_id: PaymentId::of(order_id),
            order_id,
            amount,
            payment_method: method.to_owned(),
            attempt: 1,
            deadline_at: now.plus(patience(1)),
        })]),
    }
}

fn reverse(state: &PaymentState, order_id: OrderId, now: Timestamp) -> Decision {
    let Some((payment_id, own)) = state.of else {
        let payment_id = PaymentId::of(order_id);
        return Ok(vec![PaymentEvent::NothingToReverse(NothingToReverse { payment_id, order_id })]);
    };
    if own != order_id {
        return Err(PaymentRejection::OtherOrder);
    }
    Known { state, payment_id, order_id, now }.reverse()
}

/// A payment that has begun.
struct Known<'a> {
    state: &'a PaymentState,
    payment_id: PaymentId,
    order_id: OrderId,
    now: Timestamp,
}

impl Known<'_> {
    fn decide(&self, command: &PaymentCommand) -> Decision {
        match command {
            PaymentCommand::Authorize { .. } | PaymentCommand::Reverse { .. } => Ok(vec![]), // decided before
            PaymentCommand::Capture { amount } => self.capture(*amount),
            PaymentCommand::NoteAuthorized { provider_ref, expires_at } => {
                self.note_authorized(provider_ref, *expires_at)
            }
            PaymentCommand::NoteDeclined { reason } => self.note_declined(reason),
            PaymentCommand::NoteCaptured => self.note_captured(),
            PaymentCommand::NoteCaptureFailed { reason } => self.note_capture_failed(reason),
            PaymentCommand::NoteVoided => self.note_voided(),
            PaymentCommand::NoteRefunded => self.note_refunded(),
            PaymentCommand::NoteReverseRefused { reason: _ } => Ok(self.note_reverse_refused()),
            PaymentCommand::RetryDue => Ok(self.retry_due()),
            PaymentCommand::HoldEnds => Ok(self.hold_ends()),
        }
    }

    fn reverse(&self) -> Decision {
        let (payment_id, order_id) = (self.payment_id, self.order_id);
        Ok(match (self.state.call, self.state.phase) {
            _ if self.state.reverse_wished => vec![],
            // What the call comes to is not known yet; the wish is kept until it is.
            (Some(_), _) => vec![PaymentEvent::ReverseWished(ReverseWished { payment_id, order_id })],
            (None, Phase::Held | Phase::CaptureRefused) => vec![self.try_void(1)],
            (None, Phase::Captured) => vec![self.try_refund(1)],
            (None, Phase::New | Phase::Authorizing | Phase::Declined) => vec![self.nothing()],
            (None, Phase::Voided | Phase::Refunded | Phase::Untouched) => vec![],
        })
    }

    fn capture(&self, amount: Money) -> Decision {
        let state = self.state;
        let captured =
            state.captured.or(state.call.filter(|call| call.kind == CallKind::Capture).map(|call| call.amount));
        if let Some(captured) = captured {
            return if captured == amount { Ok(vec![]) } else { Err(PaymentRejection::AlreadyCaptured) };
        }
        // The wish to give it back came first and stands.
        if state.reverse_wished || state.phase == Phase::CaptureRefused || state.is_final() {
            return Ok(vec![]);
        }
        let held = state.amount.filter(|_| state.phase == Phase::Held).ok_or(PaymentRejection::NotHeld)?;
        if amount.currency != held.currency || !(0..=held.amount).contains(&amount.amount) {
            return Err(PaymentRejection::OverCapture { asked: amount, held });
        }
        Ok(vec![self.try_capture(amount, 1)])
    }

    fn note_authorized(&self, provider_ref: &str, expires_at: Option<Timestamp>) -> Decision {
        let state = self.state;
        if state.provider_ref.as_deref() == Some(provider_ref) {
            return Ok(vec![]);
        }
        let Some(call) = state.call.filter(|call| call.kind == CallKind::Authorize) else {
            return Err(PaymentRejection::Unasked);
        };
        let mut events = vec![PaymentEvent::Authorized(Authorized {
            payment_id: self.payment_id,
            order_id: self.order_id,
            amount: call.amount,
            provider_ref: provider_ref.to_owned(),
            expires_at: expires_at.unwrap_or(self.now.plus(HOLD)),
        })];
        if state.reverse_wished {
            events.push(self.void_by(provider_ref, 1));
        }
        Ok(events)
    }

    fn note_declined(&self, reason: &str) -> Decision {
        if self.state.is_final() {
            return Ok(vec![]);
        }
        if !self.state.is_calling(CallKind::Authorize) {
            return Err(PaymentRejection::Unasked);
        }
        // `no_answer` is our own word, kept apart from the provider's.
        let reason = if reason == NO_ANSWER { "declined" } else { reason };
        let mut events = vec![];
        if !self.state.declined {
            events.push(self.declined(reason));
        }
        if self.state.reverse_wished {
            events.push(self.nothing());
        }
        Ok(events)
    }

    fn note_captured(&self) -> Decision {
        let Some(call) = self.state.call.filter(|call| call.kind == CallKind::Capture) else {
            return if self.state.captured.is_some() { Ok(vec![]) } else { Err(PaymentRejection::Unasked) };
        };
        let (payment_id, order_id, amount) = (self.payment_id, self.order_id, call.amount);
        let mut events = vec![PaymentEvent::Captured(Captured { payment_id, order_id, amount })];
        if self.state.reverse_wished {
            events.push(self.refund_of(amount, 1));
        }
        Ok(events)
    }

    fn note_capture_failed(&self, reason: &str) -> Decision {
        if !self.state.is_calling(CallKind::Capture) {
            let known = self.state.phase == Phase::CaptureRefused || self.state.phase == Phase::Voided;
            return if known { Ok(vec![]) } else { Err(PaymentRejection::Unasked) };
        }
        let mut events = vec![self.capture_failed(reason)];
        if self.state.reverse_wished {
            events.push(self.try_void(1));
        }
        Ok(events)
    }

    fn note_voided(&self) -> Decision {
        let (payment_id, order_id) = (self.payment_id, self.order_id);
        match self.state.call {
            Some(Call { kind: CallKind::Void, amount, .. }) => {
                Ok(vec![PaymentEvent::Voided(Voided { payment_id, order_id, amount })])
            }
            _ if self.state.phase == Phase::Voided => Ok(vec![]),
            _ => Err(PaymentRejection::Unasked),
        }
    }

    fn note_refunded(&self) -> Decision {
        let (payment_id, order_id) = (self.payment_id, self.order_id);
        match self.state.call {
            Some(Call { kind: CallKind::Refund, amount, .. }) => {
                Ok(vec![PaymentEvent::Refunded(Refunded { payment_id, order_id, amount })])
            }
            _ if self.state.phase == Phase::Refunded => Ok(vec![]),
            _ => Err(PaymentRejection::Unasked),
        }
    }

    fn note_reverse_refused(&self) -> Vec<PaymentEvent> {
        match self.state.call {
            Some(call) if !call.stuck && matches!(call.kind, CallKind::Void | CallKind::Refund) => {
                vec![self.stuck(call)]
            }
            _ => vec![],
        }
    }

    fn retry_due(&self) -> Vec<PaymentEvent> {
        let Some(call) = self.state.call.filter(|call| self.now >= call.deadline_at) else { return vec![] };
        if !call.stuck && call.attempt >= STUCK_AFTER_TRIES {
            return vec![self.stuck(call)];
        }
        let next = call.attempt + 1;
        match call.kind {
            CallKind::Authorize => self.retry_authorize(call),
            CallKind::Capture => vec![self.try_capture(call.amount, next)],
            CallKind::Void => vec![self.try_void(next)],
            CallKind::Refund => vec![self.try_refund(next)],
        }
    }

    fn retry_authorize(&self, call: Call) -> Vec<PaymentEvent> {
        let (payment_id, order_id) = (self.payment_id, self.order_id);
        // Whatever the provider may have held without saying so has ended by itself.
        if self.now >= call.since.plus(HOLD) {
            return vec![self.nothing()];
        }
        let mut events = vec![];
        if call.attempt >= AUTHORIZE_TRIES && !self.state.declined {
            events.push(self.declined(NO_ANSWER));
            if !self.state.reverse_wished {
                events.push(PaymentEvent::ReverseWished(ReverseWished { payment_id, order_id }));
            }
        }
        let attempt = call.attempt + 1;
        events.push(PaymentEvent::AuthorizationRequested(AuthorizationRequested {
            payment_id,
            order_id,
            amount: call.amount,
            payment_method: self.state.payment_method.clone(),
            attempt,
            deadline_at: self.now.plus(patience(attempt)),
        }));
        events
    }

    fn hold_ends(&self) -> Vec<PaymentEvent> {
        let ends = self.state.expires_at.is_some_and(|expires_at| self.now >= expires_at.minus(HOLD_MARGIN));
        match (self.state.phase, self.state.call) {
            (Phase::Held, None) if ends => vec![self.capture_failed("authorization_expired"), self.try_void(1)],
            (Phase::CaptureRefused, None) if ends => vec![self.try_void(1)],
            _ => vec![],
        }
    }

    fn declined(&self, reason: &str) -> PaymentEvent {
        let (payment_id, order_id, reason) = (self.payment_id, self.order_id, reason.to_owned());
        PaymentEvent::Declined(Declined { payment_id, order_id, reason })
    }
    fn capture_failed(&self, reason: &str) -> PaymentEvent {
        let (payment_id, order_id, reason) = (self.payment_id, self.order_id, reason.to_owned());
        PaymentEvent::CaptureFailed(CaptureFailed { payment_id, order_id, reason })
    }
    fn nothing(&self) -> PaymentEvent {
        PaymentEvent::NothingToReverse(NothingToReverse { payment_id: self.payment_id, order_id: self.order_id })
    }
    fn stuck(&self, call: Call) -> PaymentEvent {
        PaymentEvent::Stuck(Stuck {
            payment_id: self.payment_id,
            order_id: self.order_id,
            call: call.kind.to_string(),
            retry_at: self.now.plus(pause(call.attempt)),
        })
    }
    /// Every call but the first is made on what the provider holds.
    fn reference(&self) -> String {
        self.state.provider_ref.clone().expect("held money has the provider's reference")
    }
    fn try_capture(&self, amount: Money, attempt: u32) -> PaymentEvent {
        PaymentEvent::CaptureRequested(CaptureRequested {
            payment_id: self.payment_id,
            provider_ref: self.reference(),
            amount,
            attempt,
            deadline_at: self.now.plus(patience(attempt)),
        })
    }
    fn try_void(&self, attempt: u32) -> PaymentEvent {
        self.void_by(&self.reference(), attempt)
    }
    fn void_by(&self, provider_ref: &str, attempt: u32) -> PaymentEvent {
        PaymentEvent::VoidRequested(VoidRequested {
            payment_id: self.payment_id,
            provider_ref: provider_ref.to_owned(),
            attempt,
            deadline_at: self.now.plus(patience(attempt)),
        })
    }
    fn try_refund(&self, attempt: u32) -> PaymentEvent {
        let amount = self.state.captured.expect("only what was captured is refunded");
        self.refund_of(amount, attempt)
    }
    fn refund_of(&self, amount: Money, attempt: u32) -> PaymentEvent {
        PaymentEvent::RefundRequested(RefundRequested {
            payment_id: self.payment_id,
            provider_ref: self.reference(),
            amount,
            attempt,
            deadline_at: self.now.plus(patience(attempt)),
        })
    }
}
