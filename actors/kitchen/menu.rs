//! A kitchen's menu and opening hours as values, and the question whether something can be ordered now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{ItemId, ModifierId},
    kitchen::event::EightySix,
    money::Money,
    time::Timestamp,
};

/// What a kitchen offers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Menu {
    /// In the order of the card.
    pub items: Vec<MenuItem>,
}

impl Menu {
    /// Whether the item or modifier is on it.
    #[must_use]
    pub fn has(&self, what: EightySix) -> bool {
        self.items.iter().any(|item| match what {
            EightySix::Item(id) => item.item_id == id,
            EightySix::Modifier(id) => item.modifiers().any(|modifier| modifier.modifier_id == id),
        })
    }

    /// What contradicts itself: a JSON pointer into the menu, and what would be right. `None`: nothing.
    /// A modifier may stand in several groups ("extra cheese"), but only once in each.
    #[must_use]
    pub fn problem(&self) -> Option<(String, &'static str)> {
        let bad_price = |price: Money| {
            !(0..=Money::MAX_MINOR).contains(&price.amount)
                || self.items.first().is_some_and(|first| first.price.currency != price.currency)
        };
        if self.items.len() > ITEMS_MAX {
            return Some(("/items".to_owned(), "must have 300 dishes at most"));
        }
        for (i, item) in self.items.iter().enumerate() {
            let at = |field: &str| format!("/items/{i}{field}");
            if self.items.iter().take(i).any(|other| other.item_id == item.item_id) {
                return Some((at("/item_id"), "stands on the menu twice; each dish once"));
            }
            if item.name.trim().is_empty() || item.name.len() > TEXT_MAX || item.section.len() > TEXT_MAX {
                return Some((at("/name"), "must have 1 to 200 characters"));
            }
            if item.description.len() > 5 * TEXT_MAX {
                return Some((at("/description"), "must have 1,000 characters at most"));
            }
            if bad_price(item.price) {
                return Some((
                    at("/price"),
                    "must be 0 to 1000000000 minor units, and all of the menu in one currency",
                ));
            }
            if item.tax_basis_points > 10_000 {
                return Some((at("/tax_basis_points"), "must be 0 to 10000 (hundredths of a percent)"));
            }
            if item.modifier_groups.len() > GROUPS_MAX {
                return Some((at("/modifier_groups"), "must have 20 groups at most"));
            }
            for (g, group) in item.modifier_groups.iter().enumerate() {
                let at = |field: &str| format!("/items/{i}/modifier_groups/{g}{field}");
                let count = u32::try_from(group.modifiers.len()).unwrap_or(u32::MAX);
                if count == 0 || group.modifiers.len() > OPTIONS_MAX {
                    return Some((at("/modifiers"), "must have 1 to 50 options"));
                }
                if group.min > group.max || group.max == 0 || group.min > count {
                    return Some((
                        at("/min"),
                        "must not be over max nor over the number of options, and max must be over 0",
                    ));
                }
                for (m, modifier) in group.modifiers.iter().enumerate() {
                    if group.modifiers.iter().take(m).any(|other| other.modifier_id == modifier.modifier_id) {
                        return Some((
                            at(&format!("/modifiers/{m}/modifier_id")),
                            "stands in this group twice; each option once",
                        ));
                    }
                    if modifier.name.trim().is_empty() || modifier.name.len() > TEXT_MAX {
                        return Some((at(&format!("/modifiers/{m}/name")), "must have 1 to 200 characters"));
                    }
                    if bad_price(modifier.price) {
                        return Some((
                            at(&format!("/modifiers/{m}/price")),
                            "must be 0 to 1000000000 minor units, and all of the menu in one currency",
                        ));
                    }
                }
            }
        }
        None
    }
}

// Far above any card we have seen (a guess); they bound the state, which carries the menu in each snapshot.
const ITEMS_MAX: usize = 300;
const GROUPS_MAX: usize = 20;
const OPTIONS_MAX: usize = 50;
/// Opening spans of a day.
const SPANS_MAX: usize = 10;
/// Bytes of a name.
const TEXT_MAX: usize = 200;

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

impl MenuItem {
    /// All options of all its groups.
    pub fn modifiers(&self) -> impl Iterator<Item = &Modifier> {
        self.modifier_groups.iter().flat_map(|group| &group.modifiers)
    }
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

    /// What cannot be: a JSON pointer into the hours, and what would be right. `None`: nothing.
    #[must_use]
    pub fn problem(&self) -> Option<(String, &'static str)> {
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Some(("/time_zone".to_owned(), "must be an IANA time zone such as Europe/Berlin"));
        }
        for (weekday, spans) in &self.spans {
            if !(1..=7).contains(weekday) {
                return Some((format!("/spans/{weekday}"), "must be a weekday, 1 (Monday) to 7 (Sunday)"));
            }
            if spans.len() > SPANS_MAX {
                return Some((format!("/spans/{weekday}"), "must have 10 spans at most"));
            }
            let wrong = |span: &Span| span.from_min >= 1_440 || span.to_min <= span.from_min || span.to_min > 2_880;
            if let Some(at) = spans.iter().position(wrong) {
                return Some((
                    format!("/spans/{weekday}/{at}"),
                    "must begin (from_min) 0 to 1439 minutes after midnight and end (to_min) later, 2880 at most",
                ));
            }
        }
        None
    }

    /// When a kitchen with these hours opens next, after `at`; `None`: never.
    #[must_use]
    pub fn opens_after(&self, at: Timestamp) -> Option<Timestamp> {
        let zone = jiff::tz::TimeZone::get(&self.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let today = at.to_jiff().to_zoned(zone.clone()).date();
        // A day more than a week: today's own weekday may be over.
        (0..=7).find_map(|ahead| {
            let date = today.checked_add(jiff::Span::new().days(ahead)).ok()?;
            let weekday = u8::try_from(date.weekday().to_monday_one_offset()).ok()?;
            let begins = |span: &Span| {
                let (hour, minute) = (i8::try_from(span.from_min / 60).ok()?, i8::try_from(span.from_min % 60).ok()?);
                let local = date.at(hour, minute, 0, 0).to_zoned(zone.clone()).ok()?;
                Some(Timestamp::from(local.timestamp())).filter(|begins| *begins > at)
            };
            self.spans.get(&weekday)?.iter().filter_map(begins).min()
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_when_it_opens_next() {
        let at = |text: &str| Timestamp::from(text.parse::<jiff::Timestamp>().unwrap());
        // 2026-03-02 is a Monday; Lagos is an hour ahead of UTC.
        let span = |from_min, to_min| vec![Span { from_min, to_min }];
        let spans = [(1, span(600, 840)), (3, span(1_080, 1_560))].into();
        let hours = Hours { time_zone: "Africa/Lagos".to_owned(), spans };
        for (now, opens) in [
            ("2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z"),
            ("2026-03-02T09:00:00Z", "2026-03-04T17:00:00Z"),
            ("2026-03-04T18:00:00Z", "2026-03-09T09:00:00Z"),
        ] {
            assert_eq!(hours.opens_after(at(now)), Some(at(opens)), "{now}");
        }
        let only_mondays = Hours { spans: [(1, span(600, 840))].into(), ..hours };
        assert_eq!(only_mondays.opens_after(at("2026-03-02T20:00:00Z")), Some(at("2026-03-09T09:00:00Z")));
        let never = Hours { spans: BTreeMap::new(), ..only_mondays };
        assert_eq!(never.opens_after(at("2026-03-02T20:00:00Z")), None);
    }
}
