//! The order service's tests, and the court in which they play.

mod prices;
mod properties;
mod rules;
mod views;

use std::{collections::BTreeSet, sync::Arc};

use uuid::Uuid;

use super::{
    court::Court,
    event::{Fulfilment, OrderEvent, Paid, Placed},
    pricing::{self, BasketRequest, LineRequest, Offering, Priced},
    quote::{self, Customer},
    rules as waits,
};
use crate::{
    ids::{CourtId, ItemId, KitchenId, ModifierId, OrderId, PaymentId, UserId},
    kitchen::menu::{Menu, MenuItem, Modifier, ModifierGroup},
    money::{Currency, Money},
    place::Position,
    testing::NOON,
};

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}
fn order_id() -> OrderId {
    OrderId(Uuid::from_u128(1))
}
fn customer() -> UserId {
    UserId(Uuid::from_u128(2))
}
fn rider(n: u128) -> UserId {
    UserId(Uuid::from_u128(100 + n))
}
fn kitchen(n: u32) -> KitchenId {
    KitchenId(Uuid::from_u128(10 + u128::from(n)))
}
/// A dish at 10.00 with 7 % tax, asking for one of two broths and up to two extras at 1.50 each.
fn ramen(n: u32) -> ItemId {
    ItemId(Uuid::from_u128(1_000 + u128::from(n)))
}
fn broth(n: u128) -> ModifierId {
    ModifierId(Uuid::from_u128(2_000 + n))
}
fn extra(n: u128) -> ModifierId {
    ModifierId(Uuid::from_u128(3_000 + n))
}

fn court() -> Court {
    Court {
        court_id: CourtId(Uuid::from_u128(5)),
        name: "Markthalle".to_owned(),
        position: Position::new(52.52, 13.40).unwrap(),
        time_zone: "Europe/Berlin".to_owned(),
        currency: Currency::EUR,
        delivery_fee: eur(290),
        service_fee_basis_points: 250,
        fee_tax_basis_points: 1_900,
        delivery_radius_m: 5_000,
        proof: Default::default(),
    }
}

/// Kitchen `n` needs `10 · n` minutes.
fn offering(n: u32) -> Offering {
    let option = |modifier_id, name: &str, price| Modifier { modifier_id, name: name.to_owned(), price: eur(price) };
    let item = MenuItem {
        item_id: ramen(n),
        name: "Ramen".to_owned(),
        description: "Noodles in broth".to_owned(),
        section: "Soups".to_owned(),
        price: eur(1_000),
        tax_basis_points: 700,
        modifier_groups: vec![
            ModifierGroup {
                name: "Broth".to_owned(),
                min: 1,
                max: 1,
                modifiers: vec![option(broth(1), "Miso", 0), option(broth(2), "Shoyu", 0)],
            },
            ModifierGroup {
                name: "Extras".to_owned(),
                min: 0,
                max: 2,
                modifiers: (1..=3).map(|n| option(extra(n), "Egg", 150)).collect(),
            },
        ],
    };
    Offering {
        kitchen_id: kitchen(n),
        name: format!("Kitchen {n}"),
        menu: Arc::new(Menu { items: vec![item] }),
        sold_out: BTreeSet::new(),
        open_now: true,
        opens_at: None,
        paused_until: None,
        full: false,
        prep_min: 10 * n,
    }
}

fn offerings() -> Vec<Offering> {
    (1..=3).map(offering).collect()
}

fn line(n: u32, quantity: i64) -> LineRequest {
    LineRequest { kitchen_id: kitchen(n), item_id: ramen(n), quantity, modifiers: vec![broth(1)], note: None }
}

/// One dish of each of kitchens `1..=kitchens`, a tip of 1.00, about 1.5 km away.
fn basket(kitchens: u32, fulfilment: Fulfilment) -> BasketRequest {
    BasketRequest {
        court_id: court().court_id,
        fulfilment,
        lines: (1..=kitchens).map(|n| line(n, 1)).collect(),
        tip: Some(eur(100)),
        dropoff: (fulfilment == Fulfilment::Delivery).then(|| Position::new(52.53, 13.42).unwrap()),
        wanted_at: None,
        proof: None,
    }
}

fn priced(basket: &BasketRequest) -> Priced {
    pricing::price(&court(), &offerings(), basket, NOON).expect("the basket is fine")
}

fn placed_from(basket: &BasketRequest) -> Placed {
    let customer = Customer { customer_id: customer(), contact_id: None, payment_method: "pm_ok".to_owned() };
    quote::place(order_id(), basket, priced(basket), customer, NOON)
}

fn placed(kitchens: u32, fulfilment: Fulfilment) -> Placed {
    placed_from(&basket(kitchens, fulfilment))
}

fn paid_fact(placed: &Placed) -> OrderEvent {
    OrderEvent::Paid(Paid {
        payment_id: PaymentId::of(placed.order_id),
        amount: placed.totals.total,
        answer_by: NOON.plus(waits::ANSWER_WITHIN),
        wanted_at: placed.wanted_at,
        parts: placed.parts.clone(),
        fulfilment: placed.fulfilment,
        customer_id: placed.customer_id,
        court_id: placed.court_id,
    })
}
