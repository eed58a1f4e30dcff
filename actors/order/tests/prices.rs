//! What baskets cost, and what is wrong with them.

use proptest::prelude::*;

use super::*;
use crate::{
    kitchen::event::EightySix,
    order::pricing::{BasketProblem, FieldError, is_consistent, price, reprice, tax_within},
};

/// The pointers and problems of a basket that is not fine.
fn wrong(basket: &BasketRequest, offerings: &[Offering]) -> Vec<(String, BasketProblem)> {
    let errors = price(&court(), offerings, basket, NOON).expect_err("the basket is wrong");
    errors.into_iter().map(|FieldError { pointer, problem, .. }| (pointer, problem)).collect()
}
fn pickup(change: impl FnOnce(&mut BasketRequest)) -> Vec<(String, BasketProblem)> {
    let mut basket = basket(2, Fulfilment::Pickup);
    change(&mut basket);
    wrong(&basket, &offerings())
}
fn at(pointer: &str, problem: BasketProblem) -> Vec<(String, BasketProblem)> {
    vec![(pointer.to_owned(), problem)]
}

#[test]
fn a_basket_over_two_kitchens_costs_its_items_fees_and_tip() {
    let mut wish = basket(2, Fulfilment::Delivery);
    wish.lines[1].quantity = 2;
    wish.lines[1].modifiers = vec![broth(2), extra(1), extra(3)];
    let priced = priced(&wish);
    let totals = priced.totals;
    assert_eq!(totals.items, eur(1_000 + 2 * 1_300));
    assert_eq!((totals.delivery_fee, totals.service_fee, totals.tip), (eur(290), eur(90), eur(100)));
    assert_eq!(totals.total, eur(3_600 + 290 + 90 + 100));
    // 1000·7/107 = 65.42, 2600·7/107 = 170.09, 290·19/119 = 46.30, 90·19/119 = 14.37
    assert_eq!(totals.tax, eur(65 + 170 + 46 + 14));
    assert_eq!(priced.parts.iter().map(|part| part.prep_min).collect::<Vec<_>>(), [10, 20]);
    assert!(priced.promised_from > NOON.plus_min(20));
    assert!(is_consistent(&totals, &placed_from(&wish).parts));
}

#[test]
fn a_closed_kitchen_and_one_that_takes_a_break_say_until_when() {
    let said = |change: fn(&mut Offering)| {
        let mut offerings = offerings();
        change(&mut offerings[0]);
        let errors = price(&court(), &offerings, &basket(1, Fulfilment::Pickup), NOON).expect_err("it takes no orders");
        errors.into_iter().map(|error| error.detail).collect::<Vec<_>>().join("; ")
    };
    let clock = |at: crate::time::Timestamp| {
        let zone = jiff::tz::TimeZone::get(&court().time_zone).unwrap();
        at.to_jiff().to_zoned(zone).strftime("%H:%M").to_string()
    };
    let soon = NOON.plus_min(30);
    assert_eq!(
        said(|one| one.paused_until = Some(NOON.plus_min(30))),
        format!("Kitchen 1 takes a break and no orders until {}", clock(soon))
    );
    let closed = |one: &mut Offering| {
        one.open_now = false;
        one.opens_at = Some(NOON.plus_min(30));
    };
    assert_eq!(said(closed), format!("Kitchen 1 is closed; it opens {}", clock(soon)));
    assert_eq!(said(|one| one.open_now = false), "Kitchen 1 is closed");
}

#[test]
fn each_wrong_field_is_named() {
    use BasketProblem::{Invalid, OtherCourt, TooFar, Unknown};
    assert_eq!(pickup(|basket| basket.lines.clear()), at("/lines", Invalid));
    assert_eq!(pickup(|basket| basket.lines = vec![line(1, 1); 51]), at("/lines", Invalid));
    assert_eq!(pickup(|basket| basket.lines[1].quantity = 0), at("/lines/1/quantity", Invalid));
    assert_eq!(pickup(|basket| basket.lines[1].quantity = -3), at("/lines/1/quantity", Invalid));
    assert_eq!(pickup(|basket| basket.lines[1].quantity = 100), at("/lines/1/quantity", Invalid));
    assert_eq!(pickup(|basket| basket.lines[1].kitchen_id = kitchen(9)), at("/lines/1/kitchen_id", OtherCourt));
    assert_eq!(pickup(|basket| basket.lines[1].item_id = ramen(1)), at("/lines/1/item_id", Unknown));
    assert_eq!(pickup(|basket| basket.lines[0].note = Some("x".repeat(201))), at("/lines/0/note", Invalid));
    assert_eq!(pickup(|basket| basket.lines[0].note = Some("a\0b".to_owned())), at("/lines/0/note", Invalid));
    assert_eq!(pickup(|basket| basket.lines[0].modifiers.clear()), at("/lines/0/modifiers", Invalid));
    assert_eq!(
        pickup(|basket| basket.lines[0].modifiers = vec![broth(1), broth(2)]),
        at("/lines/0/modifiers", Invalid)
    );
    assert_eq!(
        pickup(|basket| basket.lines[0].modifiers = vec![broth(1), broth(9)]),
        at("/lines/0/modifiers/1", Unknown)
    );
    assert_eq!(
        pickup(|basket| basket.lines[0].modifiers = vec![broth(1), extra(1), extra(1)]),
        at("/lines/0/modifiers/2", Invalid)
    );
    assert_eq!(pickup(|basket| basket.tip = Some(eur(-1))), at("/tip/amount", Invalid));
    assert_eq!(pickup(|basket| basket.tip = Some(eur(50_001))), at("/tip/amount", Invalid));
    let dollars = Currency::try_from("USD".to_owned()).unwrap();
    assert_eq!(pickup(|basket| basket.tip = Some(Money::new(1, dollars))), at("/tip/currency", Invalid));
    assert_eq!(pickup(|basket| basket.dropoff = Some(court().position)), at("/dropoff", Invalid));
    assert_eq!(pickup(|basket| basket.fulfilment = Fulfilment::Delivery), at("/dropoff", Invalid));
    let far = Position::new(52.6, 13.4).unwrap();
    let deliver_far = |basket: &mut BasketRequest| {
        basket.fulfilment = Fulfilment::Delivery;
        basket.dropoff = Some(far);
    };
    assert_eq!(pickup(deliver_far), at("/dropoff", TooFar));
    assert_eq!(pickup(|basket| basket.wanted_at = Some(NOON.plus_s(-1))), at("/wanted_at", Invalid));
    assert_eq!(pickup(|basket| basket.wanted_at = Some(NOON.plus_min(7 * 24 * 60))), at("/wanted_at", Invalid));
    assert_eq!(pickup(|basket| basket.court_id = CourtId(Uuid::nil())), at("/court_id", OtherCourt));
}

#[test]
fn all_wrong_fields_are_named_at_once() {
    let errors = pickup(|basket| {
        basket.lines[0].quantity = 0;
        basket.lines[1].modifiers = vec![];
    });
    assert_eq!(errors.len(), 2);
}

#[test]
fn what_the_kitchen_cannot_do_now_is_a_conflict() {
    use BasketProblem::{Closed, Full, SoldOut};
    let with = |change: fn(&mut Offering)| {
        let mut offerings = offerings();
        change(&mut offerings[1]);
        wrong(&basket(2, Fulfilment::Pickup), &offerings)
    };
    let sold_out = with(|kitchen| assert!(kitchen.sold_out.insert(EightySix::Item(ramen(2)))));
    assert_eq!(sold_out, at("/lines/1/item_id", SoldOut));
    let option = with(|kitchen| assert!(kitchen.sold_out.insert(EightySix::Modifier(broth(1)))));
    assert_eq!(option, at("/lines/1/modifiers/0", SoldOut));
    assert_eq!(with(|kitchen| kitchen.open_now = false), at("/lines/1/kitchen_id", Closed));
    assert_eq!(with(|kitchen| kitchen.paused_until = Some(NOON.plus_min(5))), at("/lines/1/kitchen_id", Closed));
    assert_eq!(with(|kitchen| kitchen.full = true), at("/lines/1/kitchen_id", Full));
    assert!([sold_out, option].concat().iter().all(|(_, problem)| problem.is_conflict()));
    assert!(!BasketProblem::Unknown.is_conflict());
}

#[test]
fn a_request_with_an_unknown_field_is_refused() {
    let mut json = serde_json::to_value(basket(1, Fulfilment::Pickup)).unwrap();
    json["colour"] = "red".into();
    assert!(serde_json::from_value::<BasketRequest>(json).is_err());
}

#[test]
fn a_quote_is_honoured_for_ten_minutes_and_reads_back() {
    use crate::{ids::QuoteId, order::Quote};
    let wish = basket(2, Fulfilment::Delivery);
    let quote = Quote::new(QuoteId(Uuid::from_u128(9)), customer(), wish.clone(), priced(&wish), NOON);
    assert!(quote.is_valid(NOON.plus_min(10).plus_s(-1)) && !quote.is_valid(NOON.plus_min(10)));
    let text = serde_json::to_string(&quote).unwrap();
    assert_eq!(serde_json::from_str::<Quote>(&text).unwrap(), quote);
    let who = Customer { customer_id: customer(), contact_id: None, payment_method: "pm_ok".to_owned() };
    let placed = quote.clone().place(order_id(), who, NOON.plus_min(9));
    assert_eq!((placed.quote_id, placed.totals), (Some(quote.quote_id), quote.priced.totals));
    assert_eq!(placed.pay_by, NOON.plus_min(14));
}

proptest! {
    #[test]
    fn every_price_adds_up(
        quantities in prop::collection::vec((1..=3_u32, 1..=99_i64, 0..=2_usize), 1..20),
        tip in 0..=50_000_i64,
        delivery: bool,
        kept in 0..8_u32,
    ) {
        let fulfilment = if delivery { Fulfilment::Delivery } else { Fulfilment::Pickup };
        let mut wish = basket(1, fulfilment);
        wish.tip = Some(eur(tip));
        wish.lines = quantities.iter().map(|&(n, quantity, extras)| {
            let mut line = line(n, quantity);
            line.modifiers.extend((1..=2).take(extras).map(extra));
            line
        }).collect();
        let placed = placed_from(&wish);
        let totals = placed.totals;
        prop_assert!(is_consistent(&totals, &placed.parts));
        prop_assert!(totals.tax.amount >= 0 && totals.tax < totals.total);
        // Repricing to everything changes nothing; to a part of it, nothing grows and the sum stays exact.
        prop_assert_eq!(reprice(&totals, placed.parts.iter().map(|part| part.subtotal)), totals);
        let kept: Vec<_> = placed.parts.iter().enumerate().filter(|(n, _)| kept >> n & 1 == 1).map(|(_, part)| part.clone()).collect();
        let less = reprice(&totals, kept.iter().map(|part| part.subtotal));
        prop_assert!(is_consistent(&less, &kept));
        prop_assert!(less.total <= totals.total && less.tax <= totals.tax);
    }

    #[test]
    fn contained_tax_is_the_nearest_cent(gross in 0..10_000_000_i64, rate in 0..10_000_u32) {
        let tax = tax_within(eur(gross), rate).amount as f64;
        let exact = gross as f64 * f64::from(rate) / (10_000.0 + f64::from(rate));
        prop_assert!((tax - exact).abs() <= 0.5 + 1e-6);
    }
}
