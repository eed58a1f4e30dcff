//! The sandbox does what its tokens say, and each key has its effect once.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::payment::{
    effect::perform,
    provider::{PaymentProvider, ProviderAnswer, ProviderCall, ProviderRequest},
    sandbox::{Balance, METHODS, MemoryStore, SLOW, Sandbox, balance},
};

struct Desk {
    store: Arc<MemoryStore>,
    sandbox: Sandbox<MemoryStore>,
    method: &'static str,
}

impl Desk {
    fn of(method: &'static str) -> Self {
        let store = Arc::new(MemoryStore::default());
        Self { sandbox: Sandbox::new(Arc::clone(&store)), store, method }
    }
    async fn authorize(&self) -> Vec<Wish> {
        let call = ProviderCall::Authorize { amount: eur(2_000), payment_method: self.method.to_owned() };
        self.call("p/authorize", call).await
    }
    async fn capture(&self) -> Vec<Wish> {
        self.call("p/capture", ProviderCall::Capture { provider_ref: Self::reference(), amount: eur(1_500) }).await
    }
    async fn call(&self, key: &str, call: ProviderCall) -> Vec<Wish> {
        perform(&self.sandbox, ProviderRequest { key: key.to_owned(), call }, Duration::from_secs(10)).await
    }
    fn reference() -> String {
        "sandbox_p".to_owned()
    }
    fn balance(&self) -> Balance {
        balance(&self.store.lines())
    }
}

fn done() -> Wish {
    Wish::NoteAuthorized { provider_ref: Desk::reference(), expires_at: None }
}

#[test]
fn where_guests_order_only_the_card_that_works_is_taken() {
    let (bench, till) = (Desk::of("pm_ok").sandbox, Desk::of("pm_ok").sandbox.plain());
    for (method, _) in METHODS {
        assert!(bench.knows(method).is_ok(), "{method}");
        assert_eq!(till.knows(method).is_ok(), method == "pm_ok", "{method}");
    }
    assert!(till.knows("pm_twice").unwrap_err().contains("must be pm_ok: no payment provider is connected here"));
}

#[tokio::test(start_paused = true)]
async fn ok_holds_takes_and_pays_back_once() {
    let desk = Desk::of("pm_ok");
    for _ in 0..2 {
        assert_eq!(desk.authorize().await, [done()]);
    }
    assert_eq!(desk.balance(), Balance { held: 2_000, ..Balance::default() });
    for _ in 0..2 {
        assert_eq!(desk.capture().await, [Wish::NoteCaptured]);
    }
    assert_eq!(desk.balance(), Balance { captured: 1_500, ..Balance::default() });
    let void = || ProviderCall::Void { provider_ref: Desk::reference() };
    assert_eq!(desk.call("p/void", void()).await, [Wish::NoteReverseRefused { reason: "nothing_held".to_owned() }]);
    let refund = |amount| ProviderCall::Refund { provider_ref: Desk::reference(), amount: eur(amount) };
    assert_eq!(desk.call("p/refund", refund(1_500)).await, [Wish::NoteRefunded]);
    assert_eq!(desk.call("p/refund", refund(1_500)).await, [Wish::NoteRefunded]);
    let over = Wish::NoteReverseRefused { reason: "amount_not_captured".to_owned() };
    assert_eq!(desk.call("p/refund2", refund(1)).await, [over]);
    assert_eq!(desk.balance(), Balance { captured: 1_500, refunded: 1_500, held: 0 });
}

#[tokio::test(start_paused = true)]
async fn declined_and_unknown_methods_hold_nothing() {
    for (method, code) in [("pm_declined", "card_declined"), ("4242424242424242", "unknown_payment_method")] {
        let desk = Desk::of(method);
        assert_eq!(desk.authorize().await, [Wish::NoteDeclined { reason: code.to_owned() }]);
        assert_eq!(desk.balance(), Balance::default());
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_takes_no_effect_until_the_third_try() {
    let desk = Desk::of("pm_hangs");
    for _ in 0..2 {
        assert_eq!(desk.authorize().await, []);
        assert_eq!(desk.balance(), Balance::default());
    }
    assert_eq!(desk.authorize().await, [done()]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_took_effect_and_is_heard_at_the_next_try() {
    let desk = Desk::of("pm_timeout_after_effect");
    assert_eq!(desk.authorize().await, []);
    assert_eq!(desk.balance().held, 2_000);
    assert_eq!(desk.authorize().await, [done()]);
    assert_eq!(desk.balance().held, 2_000);
}

#[tokio::test(start_paused = true)]
async fn twice_is_told_twice_and_done_once() {
    let desk = Desk::of("pm_twice");
    assert_eq!(desk.authorize().await, [done(), done()]);
    assert_eq!(desk.balance().held, 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_refused_capture_keeps_the_hold() {
    let desk = Desk::of("pm_capture_fails");
    desk.authorize().await;
    assert_eq!(desk.capture().await, [Wish::NoteCaptureFailed { reason: "capture_refused".to_owned() }]);
    assert_eq!(desk.balance().held, 2_000);
}

#[tokio::test(start_paused = true)]
async fn slow_answers_after_its_time() {
    let desk = Desk::of("pm_slow");
    let before = tokio::time::Instant::now();
    assert_eq!(desk.authorize().await, [done()]);
    assert!(before.elapsed() >= SLOW);
}

#[tokio::test(start_paused = true)]
async fn the_same_key_answers_the_same_for_ever() {
    let desk = Desk::of("pm_ok");
    desk.authorize().await;
    let call = ProviderCall::Authorize { amount: eur(1), payment_method: "pm_declined".to_owned() };
    let reply = desk.sandbox.call(ProviderRequest { key: "p/authorize".to_owned(), call }).await.expect("answers");
    assert!(matches!(reply.answer, ProviderAnswer::Done { .. }));
    assert_eq!(desk.store.lines().len(), 1);
}
