//! Who sees what of an order.

use super::*;
use crate::{
    decider::Decider,
    order::{
        Order, OrderCommand, OrderState, OrderStatus,
        calibration::Expectation,
        event::{Accepted, CourierArrived, Delivered, EtaMoved, FirePlan, PickedUp, RiderAssigned},
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
        proof: Default::default(),
    };
    let delivery_id = crate::ids::DeliveryId::of(order_id());
    let assigned = RiderAssigned { rider_id: rider(1), delivery_id, customer_id: customer(), takes_over: false };
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

#[test]
fn a_part_carries_the_number_that_its_pass_calls_out() {
    let mut state = OrderState::default();
    Order::evolve(&mut state, &OrderEvent::Placed(Box::new(placed(2, Fulfilment::Pickup))), NOON);
    Order::evolve(&mut state, &paid_fact(&placed(2, Fulfilment::Pickup)), NOON);
    let yes = OrderCommand::NoteTicketAccepted { kitchen_id: kitchen(2), prep_min: 5, number: Some(41) };
    for fact in Order::decide(&state, &yes, NOON).expect("never refused") {
        Order::evolve(&mut state, &fact, NOON);
    }
    let numbers = |role: &Role| -> Vec<_> {
        let seen = view(role, &state, 3).expect("placed");
        seen.parts.iter().map(|part| part.ticket_number).collect()
    };
    assert_eq!(numbers(&Role::Customer), [None, Some(41)]);
    assert_eq!(numbers(&Role::KitchenStaff(BTreeSet::from([kitchen(2)]))), [Some(41)]);
    assert!(numbers(&Role::Rider).is_empty(), "a rider reads the parts in the delivery");
}

/// What a delivery order lives through, a minute a fact.
fn ridden() -> Vec<OrderEvent> {
    let mut facts = facts();
    facts.rotate_right(1);
    let eta = |pickup_min: Option<i64>, dropoff_min: i64, estimated_min: i64| {
        OrderEvent::EtaMoved(EtaMoved {
            rider_id: rider(1),
            pickup_eta_at: pickup_min.map(|minutes| NOON.plus_min(minutes)),
            dropoff_eta_at: NOON.plus_min(dropoff_min),
            estimated_at: NOON.plus_min(estimated_min),
            customer_id: customer(),
        })
    };
    facts.extend([eta(Some(10), 35, 4), eta(None, 45, 6)]);
    facts.push(OrderEvent::PickedUp(PickedUp { rider_id: rider(1), customer_id: customer(), kitchens: vec![] }));
    facts.push(eta(None, 50, 8));
    facts
}

#[test]
fn what_is_expected_is_shown_to_those_it_concerns() {
    let mut state = OrderState::default();
    ridden()[..5].iter().for_each(|fact| Order::evolve(&mut state, fact, NOON));
    let etas =
        |role: &Role| view(role, &state, 5).map(|seen| (seen.pickup_eta_at, seen.dropoff_eta_at)).expect("placed");
    let both = (Some(NOON.plus_min(10)), Some(NOON.plus_min(35)));
    let [customer_role, kitchen_role, rider_role, _] = roles();
    assert_eq!((etas(&customer_role), etas(&rider_role)), (both, both));
    assert_eq!(etas(&kitchen_role), (both.0, None));
    let frame = event_for(&kitchen_role, &ridden()[4]).expect("kitchens may know when the rider comes");
    assert_eq!(frame, serde_json::json!({ "pickup_eta_at": NOON.plus_min(10) }));
    assert_eq!(event_for(&kitchen_role, &ridden()[5]), None);
}

#[test]
fn an_older_estimate_never_replaces_a_newer_one_and_a_strangers_none() {
    let mut state = OrderState::default();
    ridden()[..6].iter().for_each(|fact| Order::evolve(&mut state, fact, NOON));
    let note = |rider_id, estimated_min| {
        let estimated_at = NOON.plus_min(estimated_min);
        let command =
            OrderCommand::NoteEta { rider_id, pickup_eta_at: None, dropoff_eta_at: NOON.plus_min(60), estimated_at };
        Order::decide(&state, &command, NOON).expect("never refused").len()
    };
    assert_eq!((note(rider(1), 5), note(rider(1), 6), note(rider(2), 7), note(rider(1), 7)), (0, 0, 0, 1));
    let imminent = OrderCommand::NoteImminent { rider_id: rider(1), dropoff_eta_at: NOON };
    assert_eq!(Order::decide(&state, &imminent, NOON).expect("never refused"), [], "not before the pickup");
    ridden()[6..].iter().for_each(|fact| Order::evolve(&mut state, fact, NOON));
    let told = Order::decide(&state, &imminent, NOON).expect("never refused");
    assert_eq!(told.len(), 1);
    told.iter().for_each(|fact| Order::evolve(&mut state, fact, NOON));
    assert_eq!(Order::decide(&state, &imminent, NOON).expect("never refused"), [], "told once");
}

#[test]
fn the_rider_at_the_door_is_told_once_and_not_to_kitchens() {
    let (mut state, mut facts) = (OrderState::default(), ridden());
    let arrival = OrderCommand::NoteArrival { rider_id: rider(1) };
    let ask = |state: &mut OrderState, minute: i64| {
        let told = Order::decide(state, &arrival, NOON.plus_min(minute)).expect("never refused");
        told.iter().for_each(|fact| Order::evolve(state, fact, NOON.plus_min(minute)));
        told.len()
    };
    facts.drain(..).for_each(|fact| Order::evolve(&mut state, &fact, NOON));
    assert_eq!((ask(&mut state, 9), ask(&mut state, 10)), (1, 0));
    let since = |role: &Role| view(role, &state, 9).expect("placed").timeline.courier_arrived_at;
    let [customer_role, kitchen_role, rider_role, admin_role] = roles();
    assert_eq!([customer_role, rider_role, admin_role].map(|role| since(&role)), [Some(NOON.plus_min(9)); 3]);
    assert_eq!(since(&kitchen_role), None);
    let told = OrderEvent::CourierArrived(CourierArrived { rider_id: rider(1), customer_id: customer() });
    assert_eq!(event_for(&roles()[0], &told), Some(serde_json::json!({ "rider_id": rider(1) })));
    assert_eq!(event_for(&kitchen_role, &told), None);
    let after = [OrderEvent::Delivered(Delivered { rider_id: rider(1), customer_id: customer() })];
    after.iter().for_each(|fact| Order::evolve(&mut state, fact, NOON.plus_min(12)));
    assert_eq!(ask(&mut state, 13), 0, "too late to matter");
}

#[test]
fn promises_and_estimates_are_held_against_what_happened() {
    let delivered = OrderEvent::Delivered(Delivered { rider_id: rider(1), customer_id: customer() });
    let after = |minutes: i64| {
        let mut expectation = Expectation::default();
        assert!(ridden().iter().all(|fact| expectation.follow(fact, NOON).is_none()));
        expectation.follow(&delivered, NOON.plus_min(minutes)).expect("it has ended")
    };
    let told = after(48);
    assert_eq!((told.promise_kept, told.late_s), (true, 8 * 60));
    assert_eq!((told.after_first_eta_s, told.after_pickup_eta_s), (Some(13 * 60), Some(3 * 60)));
    assert!(!after(56).promise_kept && after(55).promise_kept);
    assert_eq!(after(30).late_s, -10 * 60);
}
