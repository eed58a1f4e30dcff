//! A payment against the sandbox, whatever is wished, lost, repeated or late: what always holds for the money.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    decider::Decider,
    payment::{
        Payment, PaymentState,
        effect::perform,
        ledger::{Account, balances, book},
        provider::ProviderRequest,
        sandbox::{METHODS, MemoryStore, Sandbox, balance},
        state::{CallKind, Phase},
    },
    time::Timestamp,
};

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// The order's policy wishes something.
    Wish(Wish),
    /// The call under way reaches the provider; its answer comes back, is lost, or comes back twice.
    Call { lost: bool, twice: bool },
    /// An old call reaches the provider late.
    OldCall(usize),
    /// The deadline passes.
    Due,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Wish(Wish::Capture { amount: eur(1_500) })),
        1 => Just(Step::Wish(reverse())),
        6 => (prop::bool::weighted(0.3), any::<bool>()).prop_map(|(lost, twice)| Step::Call { lost, twice }),
        1 => (0..20_usize).prop_map(Step::OldCall),
        3 => Just(Step::Due),
    ]
}

struct World {
    state: PaymentState,
    facts: Vec<(PaymentEvent, Timestamp)>,
    now: Timestamp,
    store: Arc<MemoryStore>,
    sandbox: Sandbox<MemoryStore>,
}

impl World {
    fn wish(&mut self, wish: &Wish) -> Result<(), TestCaseError> {
        let was = self.state.clone();
        let Ok(events) = Payment::decide(&self.state, wish, self.now) else { return Ok(()) };
        for event in events {
            Payment::evolve(&mut self.state, &event, self.now);
            self.facts.push((event, self.now));
        }
        prop_assert_eq!(Payment::decide(&self.state, wish, self.now).unwrap_or_default(), vec![], "{:?} twice", wish);
        prop_assert!(!was.is_final() || was.net() == self.state.net(), "money moved after the end");
        self.holds()
    }

    /// Makes the call that the fact number `index` asks for.
    async fn call(&self, index: usize) -> Vec<Wish> {
        match self.facts.get(index).and_then(|(fact, _)| ProviderRequest::of(fact)) {
            Some((_, _, request)) => perform(&self.sandbox, request, Duration::from_secs(30)).await,
            None => vec![],
        }
    }

    fn holds(&self) -> Result<(), TestCaseError> {
        let state = &self.state;
        let waits = state.call.is_some() || matches!(state.phase, Phase::Held | Phase::CaptureRefused);
        prop_assert_eq!(Payment::deadline(state).is_some(), waits);
        prop_assert!(waits || state.is_final() || state.phase == Phase::Captured || state.of.is_none());
        // At the provider: each kind of call had its effect at most once.
        let lines = self.store.lines();
        for kind in [CallKind::Authorize, CallKind::Capture, CallKind::Void, CallKind::Refund] {
            let done = lines.iter().filter(|line| line.kind == kind && line.refused.is_none()).count();
            prop_assert!(done <= 1, "{kind} took effect {done} times");
        }
        // We never claim what did not happen there.
        let truth = balance(&lines);
        let (captured, refunded) = (state.captured.map_or(0, |m| m.amount), state.refunded.map_or(0, |m| m.amount));
        prop_assert!(truth.captured >= captured && truth.refunded >= refunded);
        let books = book(self.facts.iter().map(|(fact, at)| (fact, *at)));
        prop_assert!(books.iter().all(|one| one.entries.iter().map(|entry| entry.amount.amount).sum::<i64>() == 0));
        let sales = -balances(&books).get(&Account::Sales).copied().unwrap_or(0);
        prop_assert_eq!(sales, captured - refunded);
        Ok(())
    }

    async fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Wish(wish) => self.wish(&wish)?,
            Step::Call { lost, twice } => {
                let intent = self.facts.iter().rposition(|(fact, _)| ProviderRequest::of(fact).is_some());
                let heard = self.call(intent.unwrap_or(usize::MAX)).await;
                for wish in heard.iter().filter(|_| !lost) {
                    self.wish(wish)?;
                    if twice {
                        self.wish(wish)?;
                    }
                }
            }
            Step::OldCall(index) => {
                for wish in self.call(index).await {
                    self.wish(&wish)?;
                }
            }
            Step::Due => {
                if let Some(deadline) = Payment::deadline(&self.state) {
                    self.now = self.now.max(deadline.at);
                    self.wish(&deadline.command)?;
                }
            }
        }
        Ok(())
    }
}

async fn run(method: &str, steps: Vec<Step>, reversed: bool) -> Result<(), TestCaseError> {
    let store = Arc::new(MemoryStore::default());
    let sandbox = Sandbox::new(Arc::clone(&store));
    let mut world = World { state: PaymentState::default(), facts: vec![], now: NOON, store, sandbox };
    world.wish(&Wish::Authorize { order_id: order_id(), amount: eur(2_000), payment_method: method.to_owned() })?;
    for step in steps {
        world.step(step).await?;
    }
    // The faults stop, and the order comes to one end or the other: the money must settle.
    if reversed {
        world.wish(&reverse())?;
    }
    for _ in 0..12 {
        world.step(Step::Call { lost: false, twice: false }).await?;
        if world.state.call.is_some() {
            world.step(Step::Due).await?;
        } else if !world.state.reverse_wished {
            world.wish(&Wish::Capture { amount: eur(1_500) })?;
        }
    }
    prop_assert!(world.state.call.is_none(), "still calling: {:?}", world.state.call);
    let truth = balance(&world.store.lines());
    let owed = if world.state.phase == Phase::Captured { 1_500 } else { 0 };
    prop_assert_eq!(truth.captured - truth.refunded, owed);
    prop_assert_eq!(world.state.net().map_or(0, |net| net.amount), owed);
    prop_assert!(truth.held == 0 || world.state.phase == Phase::CaptureRefused, "a hold was forgotten");
    prop_assert!(!world.state.reverse_wished || owed == 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn no_money_is_taken_twice_lost_or_forgotten(
        method in prop::sample::select(METHODS.map(|(name, _)| name).to_vec()),
        steps in prop::collection::vec(step(), 0..40),
        reversed: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(method, steps, reversed))?;
    }
}
