//! What a basket costs: a pure function from fees, menus and wishes to priced parts, or to what is wrong with each
//! field. All prices contain their tax. Promises of time stand in `planning`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    court::Court,
    event::{ChosenModifier, Fulfilment, Line, Part, Totals},
    planning,
};
use crate::{
    ids::{CourtId, ItemId, KitchenId, ModifierId, OrderId, TicketId},
    kitchen::{
        event::EightySix,
        menu::{Menu, MenuItem},
    },
    money::Money,
    place::Position,
    proof::ProofRequired,
    time::Timestamp,
};

/// Lines of one basket: more than a large family orders, few enough to read at the pass.
pub const LINES_MAX: usize = 50;
/// Of one dish.
pub const QUANTITY_MAX: i64 = 99;
/// Characters of a wish to the cook.
pub const NOTE_CHARS_MAX: usize = 200;
/// The largest tip, minor units: 500.00 of a currency with two decimals; more is a slip of the finger.
pub const TIP_MAX_MINOR: i64 = 50_000;
/// How far ahead an order may be wanted: as long as card providers hold money, less a day.
pub const WANTED_AHEAD_MAX_S: i64 = 6 * 24 * 3_600;

/// A basket as a customer sends it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BasketRequest {
    /// From which court.
    pub court_id: CourtId,
    /// Pickup or delivery.
    pub fulfilment: Fulfilment,
    /// What; 1 to 50 lines, over one or several kitchens of the court.
    #[schema(min_items = 1, max_items = 50)]
    pub lines: Vec<LineRequest>,
    /// For the rider or the crew; nothing by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip: Option<Money>,
    /// Where it goes; required for a delivery, absent for a pickup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Position>,
    /// When it should be there; absent: as soon as possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_at: Option<Timestamp>,
    /// What the hand-over at the door must be shown by, if more than the court asks for.
    #[serde(default)]
    pub proof: Option<ProofRequired>,
}

/// One line of a basket as a customer sends it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineRequest {
    /// Who cooks it.
    pub kitchen_id: KitchenId,
    /// Which dish.
    pub item_id: ItemId,
    /// How many.
    #[schema(minimum = 1, maximum = 99)]
    pub quantity: i64,
    /// Chosen options.
    #[serde(default)]
    pub modifiers: Vec<ModifierId>,
    /// Wish to the cook, at most 200 characters on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub note: Option<String>,
}

/// A kitchen of the court as an order sees it, at the time for which the basket is priced.
#[derive(Clone, PartialEq, Debug)]
pub struct Offering {
    /// Which kitchen.
    pub kitchen_id: KitchenId,
    /// Its name.
    pub name: String,
    /// What it offers.
    pub menu: Arc<Menu>,
    /// What of it is off now.
    pub sold_out: BTreeSet<EightySix>,
    /// Whether its hours cover the wanted time (or now).
    pub open_now: bool,
    /// When it opens next, where its hours do not cover the wanted time.
    pub opens_at: Option<Timestamp>,
    /// No new tickets until then.
    pub paused_until: Option<Timestamp>,
    /// It has as many tickets open as it can take.
    pub full: bool,
    /// Minutes it usually needs.
    pub prep_min: u32,
}

/// What is wrong with one field of a basket.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer into the request (RFC 6901).
    pub pointer: String,
    /// What kind of wrong; stable.
    pub problem: BasketProblem,
    /// What is wrong, and what would be right.
    pub detail: String,
}

/// Kinds of wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BasketProblem {
    /// A value outside what is allowed.
    Invalid,
    /// The kitchen is not one of the court's.
    OtherCourt,
    /// Not on the kitchen's menu.
    Unknown,
    /// On the menu, but off now.
    SoldOut,
    /// Outside the kitchen's hours, or paused.
    Closed,
    /// The kitchen has no hands free.
    Full,
    /// The door is too far away.
    TooFar,
}

impl BasketProblem {
    /// Whether the basket was fine in itself and only the kitchens' state forbids it now: 409 rather than 422.
    #[must_use]
    pub const fn is_conflict(self) -> bool {
        matches!(self, Self::SoldOut | Self::Closed | Self::Full)
    }
}

/// A priced basket.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Priced {
    /// One part a kitchen, in the order in which the basket names them.
    pub parts: Vec<PricedPart>,
    /// What is to be paid.
    pub totals: Totals,
    /// Where the food is fetched.
    pub handoff: Position,
    /// The earliest it should be there.
    pub promised_from: Timestamp,
    /// The latest it should be there.
    pub promised_to: Timestamp,
    /// What the hand-over at the door must be shown by.
    #[serde(default)]
    pub proof: ProofRequired,
}

/// What one kitchen would be asked to cook.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PricedPart {
    /// Who cooks.
    pub kitchen_id: KitchenId,
    /// The kitchen's name.
    pub kitchen_name: String,
    /// What.
    pub lines: Vec<Line>,
    /// Sum of the lines.
    pub subtotal: Money,
    /// Minutes it usually needs.
    pub prep_min: u32,
}

impl PricedPart {
    /// The part as it stands in an order.
    #[must_use]
    pub fn of_order(self, order_id: OrderId) -> Part {
        Part {
            ticket_id: TicketId::of(order_id, self.kitchen_id),
            kitchen_id: self.kitchen_id,
            kitchen_name: self.kitchen_name,
            lines: self.lines,
            subtotal: self.subtotal,
            prep_min: self.prep_min,
        }
    }
}

/// A promise's window: a quarter of an hour, as platforms print it.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Prices a basket.
///
/// # Errors
/// Everything that is wrong with it, field by field, in the order of the request.
pub fn price(
    court: &Court,
    offerings: &[Offering],
    basket: &BasketRequest,
    now: Timestamp,
) -> Result<Priced, Vec<FieldError>> {
    let mut errors = Errors(vec![]);
    check_header(court, basket, now, &mut errors);
    let mut parts: Vec<PricedPart> = vec![];
    let mut tax = Money::zero(court.currency);
    for (index, wish) in basket.lines.iter().enumerate().take(LINES_MAX) {
        let Some((offering, line, line_tax)) = price_line(court, offerings, basket, index, wish, now, &mut errors)
        else {
            continue;
        };
        tax = tax.plus(line_tax);
        match parts.iter_mut().find(|part| part.kitchen_id == offering.kitchen_id) {
            Some(part) => {
                part.subtotal = part.subtotal.plus(line.total);
                part.lines.push(line);
            }
            None => parts.push(PricedPart {
                kitchen_id: offering.kitchen_id,
                kitchen_name: offering.name.clone(),
                subtotal: line.total,
                lines: vec![line],
                prep_min: offering.prep_min,
            }),
        }
    }
    let totals = total_up(court, basket, &parts, tax);
    if totals.total.amount > Money::MAX_MINOR {
        errors.add("/lines", BasketProblem::Invalid, "the basket costs more than one order may".to_owned());
    }
    if !errors.0.is_empty() {
        return Err(errors.0);
    }
    let prep_min = parts.iter().map(|part| part.prep_min).max().unwrap_or(0);
    let (_, from) = planning::promise(now, prep_min, court.position, basket.dropoff, basket.wanted_at);
    let proof = match basket.fulfilment {
        Fulfilment::Delivery => court.proof.or(basket.proof),
        Fulfilment::Pickup => ProofRequired::Nothing,
    };
    Ok(Priced { parts, totals, handoff: court.position, promised_from: from, promised_to: from.plus(WINDOW), proof })
}

struct Errors(Vec<FieldError>);

impl Errors {
    fn add(&mut self, pointer: impl Into<String>, problem: BasketProblem, detail: String) {
        self.0.push(FieldError { pointer: pointer.into(), problem, detail });
    }
}

fn check_header(court: &Court, basket: &BasketRequest, now: Timestamp, errors: &mut Errors) {
    use BasketProblem::{Invalid, OtherCourt, TooFar};
    if basket.court_id != court.court_id {
        errors.add("/court_id", OtherCourt, "the basket is priced by another court".to_owned());
    }
    if basket.lines.is_empty() || basket.lines.len() > LINES_MAX {
        let count = basket.lines.len();
        errors.add("/lines", Invalid, format!("must have 1 to {LINES_MAX} lines, not {count}"));
    }
    if let Some(tip) = basket.tip {
        if tip.currency != court.currency {
            errors.add("/tip/currency", Invalid, format!("must be the court's, {}", court.currency));
        }
        if !(0..=TIP_MAX_MINOR).contains(&tip.amount) {
            errors.add("/tip/amount", Invalid, format!("must be 0 to {TIP_MAX_MINOR} minor units"));
        }
    }
    match (basket.fulfilment, basket.dropoff) {
        (Fulfilment::Delivery, None) => {
            errors.add("/dropoff", Invalid, "is needed for a delivery: where it goes".to_owned());
        }
        (Fulfilment::Pickup, Some(_)) => {
            errors.add("/dropoff", Invalid, "must be left out of a pickup order".to_owned());
        }
        (Fulfilment::Delivery, Some(door)) if court.position.distance_m(door) > f64::from(court.delivery_radius_m) => {
            let radius_m = court.delivery_radius_m;
            errors.add(
                "/dropoff",
                TooFar,
                format!("{} delivers within {radius_m} m; this is farther away", court.name),
            );
        }
        _ => {}
    }
    if basket.fulfilment == Fulfilment::Pickup && basket.proof.is_some_and(|proof| !proof.is_nothing()) {
        let detail =
            "must be left out of a pickup order, or say nothing: it is fetched at the counter, without a PIN or photo";
        errors.add("/proof", Invalid, detail.to_owned());
    }
    if let Some(wanted_at) = basket.wanted_at
        && !(now..=now.plus_s(WANTED_AHEAD_MAX_S)).contains(&wanted_at)
    {
        let days = WANTED_AHEAD_MAX_S / 86_400;
        errors.add("/wanted_at", Invalid, format!("must lie between now and {days} days ahead"));
    }
}

/// The kitchen, the priced line and the tax in it; `None` when something is wrong with it.
fn price_line<'a>(
    court: &Court,
    offerings: &'a [Offering],
    basket: &BasketRequest,
    index: usize,
    wish: &LineRequest,
    now: Timestamp,
    errors: &mut Errors,
) -> Option<(&'a Offering, Line, Money)> {
    use BasketProblem::{Closed, Full, Invalid, OtherCourt, SoldOut, Unknown};
    let before = errors.0.len();
    let at = |field: &str| format!("/lines/{index}/{field}");
    let quantity = u32::try_from(wish.quantity).ok().filter(|_| (1..=QUANTITY_MAX).contains(&wish.quantity));
    if quantity.is_none() {
        errors.add(at("quantity"), Invalid, format!("must be 1 to {QUANTITY_MAX}, not {}", wish.quantity));
    }
    if let Some(note) = &wish.note
        && (note.chars().count() > NOTE_CHARS_MAX || note.chars().any(char::is_control))
    {
        errors.add(at("note"), Invalid, format!("must be one line of at most {NOTE_CHARS_MAX} characters"));
    }
    let Some(offering) = offerings.iter().find(|offering| offering.kitchen_id == wish.kitchen_id) else {
        errors.add(
            at("kitchen_id"),
            OtherCourt,
            "this kitchen belongs to another court; one order, one court".to_owned(),
        );
        return None;
    };
    let name = &offering.name;
    let wanted_at = basket.wanted_at.unwrap_or(now);
    if !offering.open_now {
        let opens = offering.opens_at.map_or_else(String::new, |at| format!("; it opens {}", when(court, at, now)));
        let then = if basket.wanted_at.is_some() { " at that time" } else { "" };
        errors.add(at("kitchen_id"), Closed, format!("{name} is closed{then}{opens}"));
    } else if let Some(until) = offering.paused_until.filter(|until| wanted_at < *until) {
        let until = when(court, until, now);
        errors.add(at("kitchen_id"), Closed, format!("{name} takes a break and no orders until {until}"));
    } else if offering.full && basket.wanted_at.is_none() {
        errors.add(at("kitchen_id"), Full, format!("{name} has its hands full, try again in some minutes"));
    }
    let Some(item) = offering.menu.items.iter().find(|item| item.item_id == wish.item_id) else {
        errors.add(at("item_id"), Unknown, format!("{name} has no such item"));
        return None;
    };
    if offering.sold_out.contains(&EightySix::Item(item.item_id)) {
        errors.add(at("item_id"), SoldOut, format!("{} is sold out", item.name));
    }
    let modifiers = choose(offering, item, wish, index, errors);
    let foreign = item.price.currency != court.currency
        || modifiers.iter().any(|modifier| modifier.price.currency != court.currency);
    if foreign {
        errors.add(at("item_id"), Unknown, format!("{} has no price in {}", item.name, court.currency));
    }
    if errors.0.len() > before {
        return None;
    }
    let unit_price = modifiers.iter().fold(item.price, |sum, modifier| sum.plus(modifier.price));
    let total = unit_price.times(quantity?);
    let line = Line {
        item_id: item.item_id,
        name: item.name.clone(),
        quantity: quantity?,
        modifiers,
        note: wish.note.clone().filter(|note| !note.is_empty()),
        unit_price,
        total,
    };
    Some((offering, line, tax_within(total, item.tax_basis_points)))
}

/// A time as guests of the court read it on their clock: with its day where that is another one than today.
fn when(court: &Court, at: Timestamp, now: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::get(&court.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let (at, now) = (at.to_jiff().to_zoned(zone.clone()), now.to_jiff().to_zoned(zone));
    let days = now.date().until(at.date()).map_or(i32::MAX, |span| span.get_days());
    let form = match days {
        0 => "%H:%M",
        1..=6 => "%A %H:%M",
        _ => "%Y-%m-%d %H:%M",
    };
    at.strftime(form).to_string()
}

/// The chosen options, checked against the item's questions.
fn choose(
    offering: &Offering,
    item: &MenuItem,
    wish: &LineRequest,
    index: usize,
    errors: &mut Errors,
) -> Vec<ChosenModifier> {
    use BasketProblem::{Invalid, SoldOut, Unknown};
    let mut chosen = vec![];
    let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (place, modifier_id) in wish.modifiers.iter().enumerate() {
        let pointer = format!("/lines/{index}/modifiers/{place}");
        let options = item.modifier_groups.iter().enumerate();
        let found = options
            .flat_map(|(group, question)| question.modifiers.iter().map(move |option| (group, option)))
            .find(|(_, option)| option.modifier_id == *modifier_id);
        let Some((group, option)) = found else {
            errors.add(pointer, Unknown, format!("{} has no such option", item.name));
            continue;
        };
        if !seen.insert(*modifier_id) {
            errors.add(pointer, Invalid, format!("{} is chosen twice", option.name));
        } else if offering.sold_out.contains(&EightySix::Modifier(*modifier_id)) {
            errors.add(pointer, SoldOut, format!("{} is sold out", option.name));
        }
        *counts.entry(group).or_default() += 1;
        chosen.push(ChosenModifier { modifier_id: *modifier_id, name: option.name.clone(), price: option.price });
    }
    for (group, question) in item.modifier_groups.iter().enumerate() {
        let count = counts.get(&group).copied().unwrap_or(0);
        if !(question.min..=question.max).contains(&count) {
            let (min, max, name) = (question.min, question.max, &question.name);
            let pointer = format!("/lines/{index}/modifiers");
            let takes = match (min, max) {
                (1, 1) => "exactly one option".to_owned(),
                (min, max) if min == max => format!("exactly {min} options"),
                (0, 1) => "one option at most".to_owned(),
                (0, max) => format!("{max} options at most"),
                (min, max) => format!("{min} to {max} options"),
            };
            errors.add(pointer, Invalid, format!("must fit the question \"{name}\", which takes {takes}, not {count}"));
        }
    }
    chosen
}

fn total_up(court: &Court, basket: &BasketRequest, parts: &[PricedPart], items_tax: Money) -> Totals {
    let nothing = Money::zero(court.currency);
    let items = parts.iter().fold(nothing, |sum, part| sum.plus(part.subtotal));
    let delivery_fee = match basket.fulfilment {
        Fulfilment::Delivery => court.delivery_fee,
        Fulfilment::Pickup => nothing,
    };
    let service_fee = items.share(court.service_fee_basis_points);
    let tax = [delivery_fee, service_fee]
        .into_iter()
        .fold(items_tax, |sum, fee| sum.plus(tax_within(fee, court.fee_tax_basis_points)));
    let tip = basket.tip.filter(|tip| tip.currency == court.currency).unwrap_or(nothing);
    Totals { items, delivery_fee, service_fee, tax, tip, total: items.plus(delivery_fee).plus(service_fee).plus(tip) }
}

/// The tax contained in a gross amount: `gross · r / (1 + r)`, rounded half away from zero, line by line as German
/// and EU invoices allow (Directive 2006/112/EC, art. 226).
#[must_use]
pub fn tax_within(gross: Money, basis_points: u32) -> Money {
    let (rate, whole) = (i128::from(basis_points), 10_000 + i128::from(basis_points));
    let scaled = i128::from(gross.amount) * rate;
    let rounded = (2 * scaled.abs() + whole) / (2 * whole) * scaled.signum();
    Money::new(i64::try_from(rounded).unwrap_or(i64::MAX), gross.currency)
}

/// The totals of an order that keeps only parts with these `subtotals`. Fees and tip stay: the way is as long and the
/// court's work as much. The tax shrinks with what is taxed: `tax · (items' + fees) / (items + fees)`, rounded half up.
#[must_use]
pub fn reprice(totals: &Totals, subtotals: impl Iterator<Item = Money>) -> Totals {
    let items = subtotals.fold(Money::zero(totals.items.currency), Money::plus);
    let fees = totals.delivery_fee.plus(totals.service_fee);
    let (taxed, was_taxed) = (i128::from(items.plus(fees).amount), i128::from(totals.items.plus(fees).amount));
    let tax =
        if was_taxed == 0 { 0 } else { (2 * i128::from(totals.tax.amount) * taxed + was_taxed) / (2 * was_taxed) };
    Totals {
        items,
        tax: Money::new(i64::try_from(tax).unwrap_or(i64::MAX), items.currency),
        total: items.plus(fees).plus(totals.tip),
        ..*totals
    }
}

/// Whether parts and totals add up: nothing negative, one currency, every sum exact.
#[must_use]
pub fn is_consistent(totals: &Totals, parts: &[Part]) -> bool {
    let Totals { items, delivery_fee, service_fee, tax, tip, total } = *totals;
    let amounts = [items, delivery_fee, service_fee, tax, tip, total];
    let lines = || parts.iter().flat_map(|part| &part.lines);
    let one_currency = |amount: &Money| amount.currency == total.currency && amount.amount >= 0;
    amounts
        .iter()
        .chain(lines().map(|line| &line.total))
        .chain(parts.iter().map(|part| &part.subtotal))
        .all(one_currency)
        && lines().all(|line| line.total == line.unit_price.times(line.quantity))
        && parts.iter().all(|part| part.subtotal.amount == part.lines.iter().map(|line| line.total.amount).sum::<i64>())
        && items.amount == parts.iter().map(|part| part.subtotal.amount).sum::<i64>()
        && total == items.plus(delivery_fee).plus(service_fee).plus(tip)
        && total.amount <= Money::MAX_MINOR
}
