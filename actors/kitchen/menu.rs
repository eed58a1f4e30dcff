//! A kitchen's menu and opening hours as values, and the question whether something can be ordered now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{ItemId, ModifierId},
    money::Money,
    time::Timestamp,
};

/// What a kitchen offers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Menu {
    /// In the order of the card.
    pub items: Vec<MenuItem>,
}

/// A dish or drink.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MenuItem {
    /// Its id, stable over menus.
    pub item_id: ItemId,
    /// Its name.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// Heading on the card.
    pub section: String,
    /// Price of one, tax included.
    pub price: Money,
    /// Tax contained in the price, in ten-thousandths (700 is 7 %).
    pub tax_basis_points: u32,
    /// Questions the guest answers.
    pub modifier_groups: Vec<ModifierGroup>,
}

/// "Choose your broth": options of which `min` to `max` are chosen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ModifierGroup {
    /// The question.
    pub name: String,
    /// At least so many.
    pub min: u32,
    /// At most so many.
    pub max: u32,
    /// The options.
    pub modifiers: Vec<Modifier>,
}

/// One option.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Modifier {
    /// Its id, stable over menus.
    pub modifier_id: ModifierId,
    /// Its name.
    pub name: String,
    /// What it adds.
    pub price: Money,
}

/// Weekly opening hours in the court's own time zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hours {
    /// IANA name, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Opening spans by weekday, Monday is 1 and Sunday is 7, in minutes since local midnight. A span may run past
    /// midnight (its end is then over 1440). No entry: closed that day.
    pub spans: BTreeMap<u8, Vec<Span>>,
}

/// From when to when, minutes since local midnight.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Span {
    /// First minute.
    pub from_min: u32,
    /// First minute no longer open.
    pub to_min: u32,
}

impl Hours {
    /// Open around the clock, every day.
    #[must_use]
    pub fn always(time_zone: &str) -> Self {
        let day = vec![Span { from_min: 0, to_min: 1_440 }];
        Self { time_zone: time_zone.to_owned(), spans: (1..=7).map(|weekday| (weekday, day.clone())).collect() }
    }

    /// Whether a kitchen with these hours is open at `at`. An unknown time zone counts as UTC.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        let zone = jiff::tz::TimeZone::get(&self.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let local = at.to_jiff().to_zoned(zone);
        let minute = u32::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
        let today = u8::try_from(local.weekday().to_monday_one_offset()).unwrap_or(1);
        let yesterday = if today == 1 { 7 } else { today - 1 };
        let within = |weekday: u8, minute: u32| {
            self.spans
                .get(&weekday)
                .is_some_and(|spans| spans.iter().any(|span| (span.from_min..span.to_min).contains(&minute)))
        };
        within(today, minute) || within(yesterday, minute + 1_440)
    }
}
