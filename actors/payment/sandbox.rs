//! A provider to play with: it can decline, hang, lose its answer after taking effect, answer twice, refuse to capture,
//! and dawdle, as the payment method's token says. Its append-only ledger is the oracle for the invariants: it
//! remembers what really happened to the money, whatever we were told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{
    provider::{PaymentProvider, ProviderAnswer, ProviderCall, ProviderError, ProviderReply, ProviderRequest},
    state::CallKind,
};
use crate::{money::Money, ports::BoxError};

/// The payment methods of the sandbox, each with what it does.
pub const METHODS: [(&str, &str); 7] = [
    ("pm_ok", "holds, is taken and paid back at once"),
    ("pm_declined", "is declined (card_declined)"),
    ("pm_hangs", "never answers the first two tries of a call, which take no effect"),
    ("pm_timeout_after_effect", "takes effect, but the answer to the first try of each call is lost"),
    ("pm_twice", "answers everything twice"),
    ("pm_capture_fails", "holds, but refuses to be taken (capture_refused)"),
    ("pm_slow", "answers after three seconds"),
];

/// The one of them that simply works: where real guests order, they are not asked to try a provider out.
pub const PLAIN: &str = METHODS[0].0;

/// How long `pm_slow` takes.
pub const SLOW: Duration = Duration::from_secs(3);

/// One line of the sandbox's ledger: what became of one key, for ever.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LedgerLine {
    /// The caller's key; each stands once.
    pub key: String,
    /// Which call.
    pub kind: CallKind,
    /// The sandbox's reference: the same for a hold and all that follows from it.
    pub provider_ref: String,
    /// The token it was begun with.
    pub payment_method: String,
    /// How much was held, taken, let go or paid back.
    pub amount: Money,
    /// Refused with this code; nothing moved.
    pub refused: Option<String>,
}

/// Where the sandbox keeps its ledger.
pub trait SandboxStore: Send + Sync + 'static {
    /// Counts a try of `key` and answers its number: 1, 2, 3, …
    fn count_try(&self, key: String) -> BoxFuture<'static, Result<u32, BoxError>>;
    /// Every line of one reference, in the order in which they were written.
    fn lines_of(&self, provider_ref: String) -> BoxFuture<'static, Result<Vec<LedgerLine>, BoxError>>;
    /// Writes a line. The first line of a key stands: answers the one that does.
    fn append(&self, line: LedgerLine) -> BoxFuture<'static, Result<LedgerLine, BoxError>>;
}

/// Where one hold's money really is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Balance {
    /// Held and neither taken nor let go, minor units.
    pub held: i64,
    /// Taken, minor units.
    pub captured: i64,
    /// Paid back, minor units.
    pub refunded: i64,
}

/// Where the money of one reference really is, by its lines.
#[must_use]
pub fn balance(lines: &[LedgerLine]) -> Balance {
    let mut balance = Balance::default();
    for line in lines.iter().filter(|line| line.refused.is_none()) {
        match line.kind {
            CallKind::Authorize => balance.held += line.amount.amount,
            CallKind::Capture => {
                balance.captured += line.amount.amount;
                balance.held = 0;
            }
            CallKind::Void => balance.held = 0,
            CallKind::Refund => balance.refunded += line.amount.amount,
        }
    }
    balance
}

/// What becomes of a call, given the lines of its reference. Pure: the same call on the same lines is the same line.
#[must_use]
pub fn judge(request: &ProviderRequest, lines: &[LedgerLine]) -> LedgerLine {
    if let Some(line) = lines.iter().find(|line| line.key == request.key) {
        return line.clone();
    }
    let hold = lines.iter().find(|line| line.kind == CallKind::Authorize && line.refused.is_none());
    let now = balance(lines);
    let known = |method: &str| METHODS.iter().any(|(name, _)| *name == method);
    let method = method_of(request, lines);
    let (amount, refused) = match &request.call {
        ProviderCall::Authorize { amount, .. } => {
            let refused = match method.as_str() {
                "pm_declined" => Some("card_declined"),
                method if !known(method) => Some("unknown_payment_method"),
                _ => None,
            };
            (*amount, refused)
        }
        ProviderCall::Capture { amount, .. } => {
            let refused = match hold {
                None => Some("nothing_held"),
                Some(_) if method == "pm_capture_fails" => Some("capture_refused"),
                Some(hold) if is_over(lines) || hold.amount.amount < amount.amount => Some("amount_not_held"),
                Some(_) => None,
            };
            (*amount, refused)
        }
        ProviderCall::Void { .. } => {
            let amount = hold.map_or(zero(lines), |hold| hold.amount);
            (amount, (hold.is_none() || is_over(lines)).then_some("nothing_held"))
        }
        ProviderCall::Refund { amount, .. } => {
            (*amount, (now.refunded + amount.amount > now.captured).then_some("amount_not_captured"))
        }
    };
    LedgerLine {
        key: request.key.clone(),
        kind: request.call.kind(),
        provider_ref: reference_of(request),
        payment_method: method,
        amount,
        refused: refused.map(str::to_owned),
    }
}

/// Whether the hold was taken or let go.
fn is_over(lines: &[LedgerLine]) -> bool {
    lines.iter().any(|line| matches!(line.kind, CallKind::Capture | CallKind::Void) && line.refused.is_none())
}

fn zero(lines: &[LedgerLine]) -> Money {
    Money::zero(lines.first().map_or(crate::money::Currency::EUR, |line| line.amount.currency))
}

fn reference_of(request: &ProviderRequest) -> String {
    match &request.call {
        ProviderCall::Authorize { .. } => format!("sandbox_{}", request.key.split('/').next().unwrap_or_default()),
        ProviderCall::Capture { provider_ref, .. }
        | ProviderCall::Void { provider_ref }
        | ProviderCall::Refund { provider_ref, .. } => provider_ref.clone(),
    }
}

fn method_of(request: &ProviderRequest, lines: &[LedgerLine]) -> String {
    match &request.call {
        ProviderCall::Authorize { payment_method, .. } => payment_method.clone(),
        _ => lines.first().map(|line| line.payment_method.clone()).unwrap_or_default(),
    }
}

/// The sandbox as a provider, over a store.
pub struct Sandbox<S> {
    store: Arc<S>,
    plain: bool,
}

impl<S: SandboxStore> Sandbox<S> {
    /// A sandbox that keeps its ledger in `store`.
    #[must_use]
    pub const fn new(store: Arc<S>) -> Self {
        Self { store, plain: false }
    }
    /// The same, but it takes [`PLAIN`] only: for guests who do not want to play.
    #[must_use]
    pub fn plain(self) -> Self {
        Self { plain: true, ..self }
    }
}

impl<S: SandboxStore> PaymentProvider for Sandbox<S> {
    fn knows(&self, payment_method: &str) -> Result<(), String> {
        if self.plain {
            let no = || format!("must be {PLAIN}: no payment provider is connected here, and no money moves");
            return if payment_method == PLAIN { Ok(()) } else { Err(no()) };
        }
        if METHODS.iter().any(|(name, _)| *name == payment_method) {
            return Ok(());
        }
        Err(format!("must be one of the provider's: {}", METHODS.map(|(name, _)| name).join(", ")))
    }

    fn call(&self, request: ProviderRequest) -> BoxFuture<'static, Result<ProviderReply, ProviderError>> {
        let store = Arc::clone(&self.store);
        Box::pin(async move {
            // A hold depends on nothing that was before, but for the line of its own key, and that one stands anyway.
            let lines = match request.call {
                ProviderCall::Authorize { .. } => vec![],
                _ => store.lines_of(reference_of(&request)).await.map_err(ProviderError::Unavailable)?,
            };
            let method = method_of(&request, &lines);
            let tries = match method.as_str() {
                "pm_hangs" | "pm_timeout_after_effect" => {
                    store.count_try(request.key.clone()).await.map_err(ProviderError::Unavailable)?
                }
                _ => 1, // it is the same whatever the number
            };
            if method == "pm_hangs" && tries <= 2 {
                return futures_util::future::pending().await;
            }
            if method == "pm_slow" {
                tokio::time::sleep(SLOW).await;
            }
            let line = store.append(judge(&request, &lines)).await.map_err(ProviderError::Unavailable)?;
            if method == "pm_timeout_after_effect" && tries == 1 {
                return Err(ProviderError::NoAnswer);
            }
            let answer = match line.refused {
                Some(code) => ProviderAnswer::Refused { code },
                None => ProviderAnswer::Done { provider_ref: line.provider_ref, expires_at: None },
            };
            Ok(ProviderReply { answer, told: if method == "pm_twice" { 2 } else { 1 } })
        })
    }
}

/// A ledger in memory, for simulation and tests.
#[derive(Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    lines: Vec<LedgerLine>,
    tries: BTreeMap<String, u32>,
}

impl MemoryStore {
    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
    /// All lines, in the order in which they were written.
    #[must_use]
    pub fn lines(&self) -> Vec<LedgerLine> {
        self.with(|inner| inner.lines.clone())
    }
    /// How often each key was tried.
    #[must_use]
    pub fn tries(&self) -> BTreeMap<String, u32> {
        self.with(|inner| inner.tries.clone())
    }
}

impl SandboxStore for MemoryStore {
    fn count_try(&self, key: String) -> BoxFuture<'static, Result<u32, BoxError>> {
        let tries = self.with(|inner| {
            let tries = inner.tries.entry(key).or_default();
            *tries += 1;
            *tries
        });
        Box::pin(std::future::ready(Ok(tries)))
    }
    fn lines_of(&self, provider_ref: String) -> BoxFuture<'static, Result<Vec<LedgerLine>, BoxError>> {
        let own =
            |inner: &mut Inner| inner.lines.iter().filter(|line| line.provider_ref == provider_ref).cloned().collect();
        Box::pin(std::future::ready(Ok(self.with(own))))
    }
    fn append(&self, line: LedgerLine) -> BoxFuture<'static, Result<LedgerLine, BoxError>> {
        let standing = self.with(|inner| {
            if let Some(standing) = inner.lines.iter().find(|standing| standing.key == line.key) {
                return standing.clone();
            }
            inner.lines.push(line.clone());
            line
        });
        Box::pin(std::future::ready(Ok(standing)))
    }
}
