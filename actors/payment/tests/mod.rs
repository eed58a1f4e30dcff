//! The payment service's tests.

mod properties;
mod rules;
mod sandbox;

use uuid::Uuid;

use super::{
    PaymentCommand as Wish,
    event::{AuthorizationRequested, Authorized, PaymentEvent},
};
use crate::{
    ids::{OrderId, PaymentId},
    money::{Currency, Money},
    testing::NOON,
};

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}
fn order_id() -> OrderId {
    OrderId(Uuid::from_u128(1))
}
fn payment_id() -> PaymentId {
    PaymentId::of(order_id())
}
fn authorize() -> Wish {
    Wish::Authorize { order_id: order_id(), amount: eur(2_000), payment_method: "pm_ok".to_owned() }
}
fn reverse() -> Wish {
    Wish::Reverse { order_id: order_id() }
}
fn authorized() -> Wish {
    Wish::NoteAuthorized { provider_ref: "ref".to_owned(), expires_at: None }
}
fn requested_fact() -> PaymentEvent {
    PaymentEvent::AuthorizationRequested(AuthorizationRequested {
        payment_id: payment_id(),
        order_id: order_id(),
        amount: eur(2_000),
        payment_method: "pm_ok".to_owned(),
        attempt: 1,
        deadline_at: NOON.plus_s(10),
    })
}
fn authorized_fact() -> PaymentEvent {
    PaymentEvent::Authorized(Authorized {
        payment_id: payment_id(),
        order_id: order_id(),
        amount: eur(2_000),
        provider_ref: "ref".to_owned(),
        expires_at: NOON.plus(super::decide::HOLD),
    })
}
