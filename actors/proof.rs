//! What shows that food was handed over to the right hands: values of an order, its delivery and those who ask for it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a hand-over at the door must be shown by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofRequired {
    /// The rider's word.
    #[default]
    Nothing,
    /// Four digits that only the customer knows. After three wrong tries a photo does.
    Pin,
    /// A photo of the food at the door.
    Photo,
}

impl ProofRequired {
    /// Whether nothing is required.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
    /// What `wished` comes to where the court asks for `self`: a guest may ask for more than the court, not for less.
    #[must_use]
    pub const fn or(self, wished: Option<Self>) -> Self {
        match (self, wished) {
            (Self::Nothing, Some(wished)) => wished,
            _ => self,
        }
    }
}

/// Four digits. Never printed: a log is not for secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 4]);

impl Pin {
    /// A PIN from a secret's first bytes; every PIN is as likely as any other, to one in 10¹⁵.
    #[must_use]
    pub fn of_secret(secret: [u8; 32]) -> Self {
        let mut number = [0; 8];
        number.copy_from_slice(&secret[..8]);
        let mut left = u64::from_le_bytes(number);
        let digits = [(); 4].map(|()| {
            let digit = u8::try_from(left % 10).unwrap_or(0);
            left /= 10;
            b'0' + digit
        });
        Self(digits)
    }
    /// Four digits as somebody typed them.
    #[must_use]
    pub fn typed(text: &str) -> Option<Self> {
        let digits: [u8; 4] = text.trim().as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits))
    }
    /// The digits, for the customer.
    #[must_use]
    pub fn reveal(&self) -> String {
        self.0.iter().map(|digit| char::from(*digit)).collect()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(****)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Dice;

    #[test]
    fn pins_are_four_digits_and_spread() {
        let (mut dice, mut first) = (Dice::new(1), [0_u32; 10]);
        for _ in 0..10_000 {
            let mut secret = [0; 32];
            secret[..8].copy_from_slice(&dice.roll().to_le_bytes());
            let pin = Pin::of_secret(secret);
            assert_eq!(Pin::typed(&pin.reveal()), Some(pin));
            first[usize::from(pin.0[0] - b'0')] += 1;
        }
        assert!(first.iter().all(|count| (850..1_150).contains(count)), "{first:?}");
        assert!(["", "123", "12345", "12a4", "１２"].iter().all(|text| Pin::typed(text).is_none()));
        assert_eq!(format!("{:?}", Pin::typed("0042").unwrap()), "Pin(****)");
    }

    #[test]
    fn a_guest_may_ask_for_more_than_the_court_not_for_less() {
        use ProofRequired::{Nothing, Photo, Pin};
        assert_eq!((Nothing.or(None), Nothing.or(Some(Pin)), Nothing.or(Some(Photo))), (Nothing, Pin, Photo));
        assert_eq!((Pin.or(None), Pin.or(Some(Nothing)), Pin.or(Some(Photo))), (Pin, Pin, Pin));
    }
}
