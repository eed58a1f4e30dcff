//! Money: whole minor units of one currency, so that no cent is ever made or lost by rounding.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Three upper-case letters (ISO 4217).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro, currency of the demo court.
    pub const EUR: Self = Self(*b"EUR");

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is made of ASCII letters only")
    }
}

/// Why a text is no currency.
#[derive(Debug, thiserror::Error)]
#[error("must be three upper-case letters (ISO 4217), not {0:?}")]
pub struct NotACurrency(String);

impl TryFrom<String> for Currency {
    type Error = NotACurrency;
    fn try_from(text: String) -> Result<Self, NotACurrency> {
        match text.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|letter| letter.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(NotACurrency(text)),
        }
    }
}
impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}
impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in minor units (cents), signed; sums saturate, and every amount that enters is checked against
/// [`Money::MAX_MINOR`], so that a sum over a basket cannot reach the edge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Money {
    /// Minor units: 1250 is 12.50 of a currency with two decimals.
    pub amount: i64,
    /// ISO 4217 code.
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
}

impl Money {
    /// The largest amount that may enter: ten million of a currency with two decimals.
    pub const MAX_MINOR: i64 = 1_000_000_000;

    /// `amount` minor units.
    #[must_use]
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }
    /// Nothing, in `currency`.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }
    /// The sum; the currency is the left one's (an order has one currency, checked when it is quoted).
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        debug_assert_eq!(self.currency, other.currency, "sum over two currencies");
        Self { amount: self.amount.saturating_add(other.amount), ..self }
    }
    /// The difference.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.plus(Self { amount: -other.amount, ..other })
    }
    /// `count` times the amount.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self { amount: self.amount.saturating_mul(i64::from(count)), ..self }
    }
    /// `basis_points` ten-thousandths of the amount, rounded half away from zero (the usual commercial rounding).
    #[must_use]
    pub fn share(self, basis_points: u32) -> Self {
        let scaled = i128::from(self.amount) * i128::from(basis_points);
        let rounded = (scaled.abs() + 5_000) / 10_000 * scaled.signum();
        Self { amount: i64::try_from(rounded).unwrap_or(i64::MAX), ..self }
    }
    /// Whether there is nothing to pay.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.amount == 0
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.amount < 0 { "-" } else { "" };
        let minor = self.amount.unsigned_abs();
        write!(f, "{sign}{}.{:02} {}", minor / 100, minor % 100, self.currency)
    }
}
