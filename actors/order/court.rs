//! A court: a site with kitchens, one hand-off point, one currency and its fees. Values only.

use serde::{Deserialize, Serialize};

use crate::{
    ids::CourtId,
    money::{Currency, Money},
    place::Position,
    proof::ProofRequired,
};

/// A court, as orders see it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Court {
    /// Which court.
    pub court_id: CourtId,
    /// Its name.
    pub name: String,
    /// The hand-off point: where riders and guests fetch the food.
    pub position: Position,
    /// IANA name, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Every price of the court is in it.
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// For the way to the door.
    pub delivery_fee: Money,
    /// The court's share on top of the items, in ten-thousandths (250 is 2.5 %).
    pub service_fee_basis_points: u32,
    /// Tax contained in both fees, in ten-thousandths.
    pub fee_tax_basis_points: u32,
    /// How far it delivers, metres as the crow flies.
    pub delivery_radius_m: u32,
    /// What every hand-over at a door must be shown by; guests may ask for more.
    #[serde(default)]
    pub proof: ProofRequired,
}

/// Bytes of a court's name at most.
const NAME_MAX: usize = 200;

impl Court {
    /// What cannot be: a JSON pointer into the court, and what would be right. `None`: nothing.
    #[must_use]
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        let fee = self.delivery_fee;
        if self.name.trim().is_empty() || self.name.len() > NAME_MAX {
            return Some(("/name", "must be 1 to 200 characters long"));
        }
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Some(("/time_zone", "must be an IANA time zone such as Europe/Berlin"));
        }
        if fee.currency != self.currency {
            return Some(("/delivery_fee/currency", "must be the court's currency"));
        }
        if !(0..=Money::MAX_MINOR).contains(&fee.amount) {
            return Some(("/delivery_fee/amount", "must be 0 to 1000000000 minor units"));
        }
        if self.service_fee_basis_points > 10_000 {
            return Some(("/service_fee_basis_points", "must be 0 to 10000"));
        }
        if self.fee_tax_basis_points > 10_000 {
            return Some(("/fee_tax_basis_points", "must be 0 to 10000"));
        }
        if !(100..=50_000).contains(&self.delivery_radius_m) {
            return Some(("/delivery_radius_m", "must be 100 to 50000 metres"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_cannot_be() {
        let good = crate::demo::courts().remove(0);
        assert_eq!(good.problem(), None);
        let change = |change: fn(&mut Court)| {
            let mut court = good.clone();
            change(&mut court);
            court.problem().map(|(pointer, _)| pointer)
        };
        assert_eq!(change(|court| court.name = " ".to_owned()), Some("/name"));
        assert_eq!(change(|court| court.time_zone = "Mars/Olympus".to_owned()), Some("/time_zone"));
        assert_eq!(change(|court| court.delivery_fee.amount = -1), Some("/delivery_fee/amount"));
        assert_eq!(change(|court| court.delivery_radius_m = 0), Some("/delivery_radius_m"));
        assert_eq!(change(|court| court.service_fee_basis_points = 10_001), Some("/service_fee_basis_points"));
    }
}
