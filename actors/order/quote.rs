//! A quote: a priced basket, stored, and honoured for ten minutes even if the menu changes meanwhile.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    event::Placed,
    pricing::{BasketRequest, Priced},
    rules,
};
use crate::{
    ids::{ContactId, OrderId, QuoteId, UserId},
    time::Timestamp,
};

/// How long a quote is honoured.
pub const VALID_FOR: Duration = Duration::from_secs(10 * 60);

/// A stored, priced basket.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Quote {
    /// Which quote.
    pub quote_id: QuoteId,
    /// Who asked; only this person can order by it.
    pub customer_id: UserId,
    /// What was asked for.
    pub basket: BasketRequest,
    /// What it costs and when it would be there.
    #[serde(flatten)]
    pub priced: Priced,
    /// Honoured until then.
    pub expires_at: Timestamp,
}

/// Who orders, and how it is paid.
#[derive(Clone, PartialEq, Debug)]
pub struct Customer {
    /// Who.
    pub customer_id: UserId,
    /// Address, phone and notes, kept apart.
    pub contact_id: Option<ContactId>,
    /// The provider's token for the card or wallet.
    pub payment_method: String,
}

impl Quote {
    /// A quote that begins now.
    #[must_use]
    pub fn new(quote_id: QuoteId, customer_id: UserId, basket: BasketRequest, priced: Priced, now: Timestamp) -> Self {
        Self { quote_id, customer_id, basket, priced, expires_at: now.plus(VALID_FOR) }
    }
    /// Whether it is still honoured.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
    /// The order that honours it.
    #[must_use]
    pub fn place(self, order_id: OrderId, customer: Customer, now: Timestamp) -> Placed {
        Placed { quote_id: Some(self.quote_id), ..place(order_id, &self.basket, self.priced, customer, now) }
    }
}

/// The order of a basket that was priced just now.
#[must_use]
pub fn place(order_id: OrderId, basket: &BasketRequest, priced: Priced, customer: Customer, now: Timestamp) -> Placed {
    Placed {
        order_id,
        court_id: basket.court_id,
        customer_id: customer.customer_id,
        quote_id: None,
        fulfilment: basket.fulfilment,
        parts: priced.parts.into_iter().map(|part| part.of_order(order_id)).collect(),
        totals: priced.totals,
        handoff: priced.handoff,
        dropoff: basket.dropoff,
        contact_id: customer.contact_id,
        payment_method: customer.payment_method,
        wanted_at: basket.wanted_at,
        pay_by: now.plus(rules::PAY_WITHIN),
        proof: priced.proof,
    }
}
