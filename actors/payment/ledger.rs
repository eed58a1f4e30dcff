//! The books: each fact that moves money is one double-entry transaction, and every transaction sums to zero. Debits
//! are positive, credits negative. Holds stand in memorandum accounts, since held money is still the customer's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{event::PaymentEvent, state::PaymentState};
use crate::{decider::Decider, event::Event, money::Money, time::Timestamp};

/// An account of the books.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// Memorandum: money held for us at the provider.
    Held,
    /// Memorandum, its counterpart: what customers have promised.
    Promised,
    /// What the provider owes us.
    Provider,
    /// What orders have earned.
    Sales,
}

/// One side of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Entry {
    /// Which account.
    pub account: Account,
    /// Debit if positive, credit if negative.
    pub amount: Money,
}

/// What one fact moved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Transaction {
    /// The fact's kind.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// Sums to zero.
    pub entries: Vec<Entry>,
}

/// What `event` moves, given the payment just before it; `None` if no money moves.
#[must_use]
pub fn transaction(before: &PaymentState, event: &PaymentEvent, at: Timestamp) -> Option<Transaction> {
    use Account::{Held, Promised, Provider, Sales};
    let entries = match event {
        PaymentEvent::Authorized(fact) => pair(Held, Promised, fact.amount),
        PaymentEvent::Voided(fact) => pair(Promised, Held, fact.amount),
        PaymentEvent::Captured(fact) => {
            // The whole hold ends with the capture, however little of it was taken.
            let held = before.amount.unwrap_or(fact.amount);
            [pair(Promised, Held, held), pair(Provider, Sales, fact.amount)].concat()
        }
        PaymentEvent::Refunded(fact) => pair(Sales, Provider, fact.amount),
        _ => return None,
    };
    Some(Transaction { kind: event.kind().to_owned(), at, entries })
}

fn pair(debit: Account, credit: Account, amount: Money) -> Vec<Entry> {
    let minus = Money::zero(amount.currency).minus(amount);
    vec![Entry { account: debit, amount }, Entry { account: credit, amount: minus }]
}

/// The books of one payment, from its facts.
#[must_use]
pub fn book<'a>(facts: impl IntoIterator<Item = (&'a PaymentEvent, Timestamp)>) -> Vec<Transaction> {
    let mut state = PaymentState::default();
    let mut transactions = vec![];
    for (fact, at) in facts {
        transactions.extend(transaction(&state, fact, at));
        super::Payment::evolve(&mut state, fact, at);
    }
    transactions
}

/// What stands on each account, minor units of the payment's one currency.
#[must_use]
pub fn balances(transactions: &[Transaction]) -> BTreeMap<Account, i64> {
    let mut balances = BTreeMap::new();
    for entry in transactions.iter().flat_map(|transaction| &transaction.entries) {
        *balances.entry(entry.account).or_default() += entry.amount.amount;
    }
    balances
}
