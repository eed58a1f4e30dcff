//! Every rule of a payment as given, when, then.

use super::*;
use crate::{
    decider::Decider,
    payment::{
        Payment, PaymentRejection as No, PaymentStatus,
        ledger::{Account, balances, book},
        provider::ProviderRequest,
        state::CallKind,
    },
    testing::{Given, given},
};

const AUTHORIZE: &str = "payment.authorization_requested";
const CAPTURE: &str = "payment.capture_requested";
const VOID: &str = "payment.void_requested";
const REFUND: &str = "payment.refund_requested";

fn at_asked() -> Given<Payment> {
    given([requested_fact()])
}
fn at_held() -> Given<Payment> {
    given([requested_fact(), authorized_fact()])
}
fn capture(amount: i64) -> Wish {
    Wish::Capture { amount: eur(amount) }
}
fn at_capturing() -> Given<Payment> {
    at_held().when(capture(1_500)).then_kinds(&[CAPTURE])
}
fn at_captured() -> Given<Payment> {
    at_capturing().when(Wish::NoteCaptured).then_kinds(&["payment.captured"])
}
fn refused(reason: &str) -> Wish {
    Wish::NoteCaptureFailed { reason: reason.to_owned() }
}
fn declined() -> Wish {
    Wish::NoteDeclined { reason: "card_declined".to_owned() }
}

#[test]
fn holds_the_money_once() {
    given::<Payment>([])
        .when(authorize())
        .then([requested_fact()])
        .when(authorize())
        .nothing()
        .when(authorized())
        .then([authorized_fact()])
        .when(authorized())
        .nothing();
}

#[test]
fn answers_to_calls_that_were_not_made_are_refused() {
    given::<Payment>([]).when(authorized()).refused(No::Unknown);
    at_held().when(Wish::NoteCaptured).refused(No::Unasked);
    at_held().when(Wish::NoteVoided).refused(No::Unasked);
    at_captured().when(Wish::NoteRefunded).refused(No::Unasked);
    let other = Wish::NoteAuthorized { provider_ref: "other".to_owned(), expires_at: None };
    at_held().when(other).refused(No::Unasked);
}

#[test]
fn takes_the_accepted_part_once() {
    at_capturing()
        .when(capture(1_500))
        .nothing()
        .when(capture(1_400))
        .refused(No::AlreadyCaptured)
        .when(Wish::NoteCaptured)
        .then_kinds(&["payment.captured"])
        .when(Wish::NoteCaptured)
        .nothing()
        .when(capture(1_500))
        .nothing();
    at_held().when(capture(2_001)).refused(No::OverCapture { asked: eur(2_001), held: eur(2_000) });
    at_held().when(capture(-1)).refused(No::OverCapture { asked: eur(-1), held: eur(2_000) });
    at_asked().when(capture(1)).refused(No::NotHeld);
}

#[test]
fn a_decline_ends_it_and_leaves_nothing_to_reverse() {
    let given = at_asked().when(declined()).then_kinds(&["payment.declined"]);
    assert_eq!(given.state.status(), PaymentStatus::RequiresPaymentMethod);
    given
        .when(declined())
        .nothing()
        .when(reverse())
        .then_kinds(&["payment.nothing_to_reverse"])
        .when(reverse())
        .nothing();
}

#[test]
fn every_try_carries_the_same_key_and_more_patience() {
    let mut given = at_asked();
    let mut keys = std::collections::BTreeSet::new();
    let mut before = NOON;
    for patience_s in [10, 20, 40] {
        let at = Payment::deadline(&given.state).expect("asked").at;
        assert_eq!(at.since(before).as_secs(), patience_s);
        before = at;
        let events = Payment::decide(&given.state, &Wish::RetryDue, at).expect("tried again");
        keys.extend(events.iter().filter_map(ProviderRequest::of).map(|(_, _, request)| request.key));
        given = given.when_due().then_kinds(&[AUTHORIZE]);
    }
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), [format!("{}/authorize", payment_id())]);
}

#[test]
fn only_the_newest_try_of_the_call_under_way_is_awaited() {
    let given = at_asked();
    assert!(given.state.awaits(CallKind::Authorize, 1));
    let given = given.when_due().then_kinds(&[AUTHORIZE]);
    assert!(!given.state.awaits(CallKind::Authorize, 1), "repeated while it stood in line");
    assert!(given.state.awaits(CallKind::Authorize, 2) && !given.state.awaits(CallKind::Capture, 2));
    let given = given.when(authorized()).then_kinds(&["payment.authorized"]);
    assert!(!given.state.awaits(CallKind::Authorize, 2), "answered");
}

fn given_up() -> Given<Payment> {
    let mut given = at_asked();
    for _ in 1..4 {
        given = given.when_due().then_kinds(&[AUTHORIZE]);
    }
    given.when_due().then_kinds(&["payment.declined", "payment.reverse_wished", AUTHORIZE])
}

#[test]
fn an_authorization_given_up_that_took_effect_is_voided() {
    given_up()
        .when(reverse())
        .nothing()
        .when(authorized())
        .then_kinds(&["payment.authorized", VOID])
        .when(Wish::NoteVoided)
        .then_kinds(&["payment.voided"]);
}

#[test]
fn an_authorization_given_up_that_was_declined_leaves_nothing() {
    given_up().when(declined()).then_kinds(&["payment.nothing_to_reverse"]).when(reverse()).nothing();
}

#[test]
fn an_authorization_never_answered_ends_when_any_hold_would_have() {
    let mut given = given_up();
    let mut asked = 0;
    while let Some(deadline) = Payment::deadline(&given.state) {
        let events = Payment::decide(&given.state, &deadline.command, deadline.at).expect("goes on");
        assert!(!events.is_empty());
        asked += 1;
        given = events.into_iter().fold(given.at(deadline.at), Given::and);
    }
    assert_eq!(given.state.status(), PaymentStatus::Canceled);
    assert!((20..200).contains(&asked), "asked {asked} times within a week");
}

#[test]
fn a_wish_to_reverse_waits_for_the_call_under_way() {
    at_asked()
        .when(reverse())
        .then_kinds(&["payment.reverse_wished"])
        .when(reverse())
        .nothing()
        .when(authorized())
        .then_kinds(&["payment.authorized", VOID]);
    at_asked()
        .when(reverse())
        .then_kinds(&["payment.reverse_wished"])
        .when(declined())
        .then_kinds(&["payment.declined", "payment.nothing_to_reverse"]);
    at_capturing()
        .when(reverse())
        .then_kinds(&["payment.reverse_wished"])
        .when(Wish::NoteCaptured)
        .then_kinds(&["payment.captured", REFUND]);
    at_capturing()
        .when(reverse())
        .then_kinds(&["payment.reverse_wished"])
        .when(refused("no"))
        .then_kinds(&["payment.capture_failed", VOID]);
}

#[test]
fn what_is_held_is_voided_and_what_was_taken_is_refunded() {
    at_held()
        .when(reverse())
        .then_kinds(&[VOID])
        .when(reverse())
        .nothing()
        .when(capture(1_500))
        .nothing()
        .when(Wish::NoteVoided)
        .then_kinds(&["payment.voided"])
        .when(Wish::NoteVoided)
        .nothing()
        .when(reverse())
        .nothing();
    let given = at_captured().when(reverse()).then_kinds(&[REFUND]).when(Wish::NoteRefunded);
    let given = given.then_kinds(&["payment.refunded"]).when(Wish::NoteRefunded).nothing().when(reverse()).nothing();
    assert_eq!(given.state.refunded, Some(eur(1_500)));
    assert_eq!(given.state.net(), Some(eur(0)));
}

#[test]
fn an_order_that_ended_before_its_payment_began_is_never_charged() {
    given::<Payment>([])
        .when(reverse())
        .then_kinds(&["payment.nothing_to_reverse"])
        .when(authorize())
        .nothing()
        .when(reverse())
        .nothing();
}

#[test]
fn a_refused_capture_keeps_the_hold_until_it_is_reversed_or_about_to_end() {
    let refused_capture = || at_capturing().when(refused("no")).then_kinds(&["payment.capture_failed"]);
    refused_capture().when(refused("no")).nothing().when(capture(1_500)).nothing().when(reverse()).then_kinds(&[VOID]);
    refused_capture().when_due().then_kinds(&[VOID]);
}

#[test]
fn a_hold_that_nobody_takes_is_let_go_before_it_ends() {
    at_held().when(Wish::HoldEnds).nothing().when_due().then_kinds(&["payment.capture_failed", VOID]);
}

#[test]
fn a_call_that_keeps_failing_calls_for_a_person_and_is_tried_again() {
    let mut given = at_captured().when(reverse()).then_kinds(&[REFUND]);
    for _ in 1..6 {
        given = given.when_due().then_kinds(&[REFUND]);
    }
    let given = given.when_due().then_kinds(&["payment.stuck"]).when_due().then_kinds(&[REFUND]);
    given.when_due().then_kinds(&["payment.stuck"]).when(Wish::NoteRefunded).then_kinds(&["payment.refunded"]);
    let refusal = Wish::NoteReverseRefused { reason: "no".to_owned() };
    let given = at_held().when(reverse()).then_kinds(&[VOID]).when(refusal.clone()).then_kinds(&["payment.stuck"]);
    given.when(refusal).nothing().when_due().then_kinds(&[VOID]);
}

#[test]
fn another_orders_wish_is_refused() {
    let other = Wish::Reverse { order_id: OrderId(Uuid::from_u128(9)) };
    at_held().when(other).refused(No::OtherOrder);
}

#[test]
fn the_books_balance_after_a_partial_capture_and_its_refund() {
    let mut facts = vec![requested_fact(), authorized_fact()];
    let mut given = at_held();
    for wish in [capture(1_500), Wish::NoteCaptured, reverse(), Wish::NoteRefunded] {
        let events = Payment::decide(&given.state, &wish, NOON).expect("accepted");
        facts.extend(events.clone());
        given = events.into_iter().fold(given, Given::and);
        let books = book(facts.iter().map(|fact| (fact, NOON)));
        assert!(books.iter().all(|one| one.entries.iter().map(|entry| entry.amount.amount).sum::<i64>() == 0));
        let sales = -balances(&books).get(&Account::Sales).copied().unwrap_or(0);
        assert_eq!(sales, given.state.net().map_or(0, |net| net.amount));
    }
    let balances = balances(&book(facts.iter().map(|fact| (fact, NOON))));
    assert!(balances.values().all(|amount| *amount == 0), "{balances:?}");
}
