//! Who sees what of an order.

use super::*;
use crate::{
    decider::Decider,
    order::{
        Order, OrderState, OrderStatus,
        event::{Accepted, FirePlan, RiderAssigned},
        projection::{Role, event_for, view},
    },
};

fn facts() -> Vec<OrderEvent> {
    let mut placed = placed(2, Fulfilment::Delivery);
    placed.payment_method = "pm_secret".to_owned();
    placed.contact_id = Some(crate::ids::ContactId::of(order_id()));
    let fire = |n| FirePlan { kitchen_id: kitchen(n), ticket_id: placed.parts[0].ticket_id, fire_at: NOON };
    let accepted = Accepted {
        fires: vec![fire(1), fire(2)],
        total: placed.totals.total,
        ready_at: NOON.plus_min(20),
        promised_at: NOON.plus_min(40),
        fulfilment: placed.fulfilment,
        customer_id: customer(),
        court_id: placed.court_id,
        handoff: placed.handoff,
        dropoff: placed.dropoff,
    };
    let delivery_id = crate::ids::DeliveryId::of(order_id());
    let assigned = RiderAssigned { rider_id: rider(1), delivery_id, customer_id: customer() };
    vec![
        paid_fact(&placed),
        OrderEvent::Accepted(accepted),
        OrderEvent::RiderAssigned(assigned),
        OrderEvent::Placed(Box::new(placed)),
    ]
}
fn roles() -> [Role; 4] {
    [Role::Customer, Role::KitchenStaff(BTreeSet::from([kitchen(1)])), Role::Rider, Role::Admin]
}

#[test]
fn the_payment_method_leaves_in_no_direction() {
    let mut state = OrderState::default();
    let mut facts = facts();
    facts.rotate_right(1);
    for fact in &facts {
        Order::evolve(&mut state, fact, NOON);
        for role in roles() {
            let frame = event_for(&role, fact).map(|data| data.to_string()).unwrap_or_default();
            let view = serde_json::to_string(&view(&role, &state, 1)).unwrap();
            assert!(!frame.contains("pm_secret") && !view.contains("pm_secret"), "{role:?}");
        }
    }
}

#[test]
fn kitchens_and_riders_see_neither_money_nor_each_others_parts() {
    let [_, kitchen_role, rider_role, _] = roles();
    for fact in facts() {
        let seen = event_for(&kitchen_role, &fact).map(|data| data.to_string()).unwrap_or_default();
        assert!(!seen.contains(&kitchen(2).to_string()), "{seen}");
        for word in ["customer_id", "dropoff", "\"totals\"", "payment_id"] {
            assert!(!seen.contains(word), "{word} in {seen}");
        }
        let seen = event_for(&rider_role, &fact).map(|data| data.to_string()).unwrap_or_default();
        for word in ["customer_id", "total", "lines", "payment_id"] {
            assert!(!seen.contains(word), "{word} in {seen}");
        }
    }
    assert!(event_for(&rider_role, &facts()[0]).is_none(), "redacted");
}

#[test]
fn the_view_follows_the_facts() {
    let mut state = OrderState::default();
    let mut facts = facts();
    facts.rotate_right(1);
    facts.iter().for_each(|fact| Order::evolve(&mut state, fact, NOON));
    let seen = view(&Role::Customer, &state, 4).expect("placed");
    assert_eq!((seen.status, seen.version, seen.paid), (OrderStatus::Accepted, 4, true));
    assert_eq!(seen.rider_id, Some(rider(1)));
    assert_eq!(seen.promised_at, Some(NOON.plus_min(40)));
    assert_eq!(seen.customer_id, None);
    let staff = view(&Role::KitchenStaff(BTreeSet::from([kitchen(2)])), &state, 4).expect("placed");
    assert_eq!(staff.parts.len(), 1);
    assert!(staff.totals.is_none() && staff.dropoff.is_none());
    assert!(view(&Role::KitchenStaff(BTreeSet::from([kitchen(3)])), &state, 4).is_none());
}
