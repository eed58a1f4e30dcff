//! Whatever is wished in whatever order: what always holds for an order.

use proptest::prelude::*;

use super::*;
use crate::{
    decider::Decider,
    ids::DeliveryId,
    order::{
        Order, OrderCommand as Wish, OrderState, OrderStatus,
        event::{CancelledBy, EndReason, RejectReason},
    },
};

fn wish(fulfilment: Fulfilment) -> impl Strategy<Value = Wish> {
    let kitchens = || (1..=4_u32).prop_map(kitchen);
    let riders = || (1..=2_u128).prop_map(rider);
    let total = placed(3, fulfilment).totals.total;
    prop_oneof![
        3 => Just(Wish::MarkPaid { payment_id: PaymentId::of(order_id()), amount: total }),
        6 => (kitchens(), 1..40_u32).prop_map(|(kitchen_id, prep_min)| Wish::NoteTicketAccepted { kitchen_id, prep_min, number: Some(7) }),
        2 => kitchens().prop_map(|kitchen_id| Wish::NoteTicketRejected { kitchen_id, reason: RejectReason::TooBusy }),
        2 => kitchens().prop_map(|kitchen_id| Wish::NotePreparation { kitchen_id }),
        1 => (kitchens(), 1..90_i64).prop_map(|(kitchen_id, min)| Wish::NoteDelay { kitchen_id, by_min: 5, ready_at: NOON.plus_min(min) }),
        3 => kitchens().prop_map(|kitchen_id| Wish::NoteReady { kitchen_id }),
        2 => riders().prop_map(|rider_id| Wish::NoteRider { rider_id, delivery_id: DeliveryId::of(order_id()) }),
        1 => riders().prop_map(|rider_id| Wish::NoteRiderGone { rider_id }),
        2 => riders().prop_map(|rider_id| Wish::NotePickup { rider_id }),
        1 => riders().prop_map(|rider_id| Wish::Deliver { rider_id }),
        2 => kitchens().prop_map(|kitchen_id| Wish::NoteCollected { kitchen_id }),
        1 => prop_oneof![Just(EndReason::NoRider), Just(EndReason::NotHandedOver)].prop_map(|reason| Wish::Reject { reason }),
        1 => prop_oneof![Just(CancelledBy::Customer), Just(CancelledBy::Staff)]
            .prop_map(|by| Wish::Cancel { by, reason: EndReason::StaffCancelled }),
        1 => Just(Wish::Close { refunded: Some(eur(1)) }),
        2 => prop_oneof![Just(Wish::Expire), Just(Wish::CountSilentAsNo), Just(Wish::FailKitchens), Just(Wish::FailHandover), Just(Wish::Escalate)],
    ]
}

/// How far along its way a status is; a bad end is the furthest.
fn progress(status: OrderStatus) -> u32 {
    match status {
        OrderStatus::Placed => 0,
        OrderStatus::Accepted => 1,
        OrderStatus::InPreparation => 2,
        OrderStatus::ReadyForPickup => 3,
        OrderStatus::PickedUp => 4,
        _ => 5,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn an_order_never_goes_back_never_sticks_and_always_adds_up(
        (fulfilment, steps) in prop_oneof![Just(Fulfilment::Pickup), Just(Fulfilment::Delivery)].prop_flat_map(|fulfilment| {
            (Just(fulfilment), prop::collection::vec((wish(fulfilment), 0..400_i64, prop::bool::weighted(0.1)), 0..60))
        }),
    ) {
        let mut state = OrderState::default();
        let mut now = NOON;
        let place = Wish::Place(Box::new(placed(3, fulfilment)));
        let first = std::iter::once((place, 0, false));
        // After whatever happened, only the clock goes on: every order must come to an end or call for people.
        let clock = std::iter::repeat_n((Wish::Escalate, 0, true), 40);
        for (mut command, later_s, due) in first.chain(steps).chain(clock) {
            now = now.plus_s(later_s);
            if due && let Some(deadline) = Order::deadline(&state) {
                now = now.max(deadline.at);
                command = deadline.command;
            }
            let before = state.clone();
            let Ok(events) = Order::decide(&state, &command, now) else {
                continue;
            };
            if due && Order::deadline(&before).is_some() {
                prop_assert!(!events.is_empty(), "a deadline that moves nothing would fire for ever: {:?}", command);
            }
            for event in &events {
                Order::evolve(&mut state, event, now);
            }
            // Said twice is said once.
            prop_assert_eq!(Order::decide(&state, &command, now).unwrap_or_default(), vec![], "{:?} twice", command);
            let order = state.order().expect("placed");
            let was = before.order();
            if let Some(was) = was {
                prop_assert!(progress(order.status) >= progress(was.status), "{} to {}", was.status, order.status);
                prop_assert!(!was.status.is_final() || was == order, "a final order changed");
            }
            prop_assert_eq!(Order::deadline(&state).is_none(), order.status.is_final());
            let live: Vec<_> = order.live_parts().cloned().collect();
            if order.plan.is_some() {
                prop_assert!(pricing::is_consistent(&order.totals(), &live));
                prop_assert_eq!(order.plan.as_ref().map(|plan| plan.total), Some(order.totals().total));
                prop_assert!(order.accepted_parts().count() > 0);
            }
            prop_assert!(order.status != OrderStatus::Expired || order.paid.is_none());
            let good = matches!(order.status, OrderStatus::Delivered | OrderStatus::Completed);
            prop_assert!(!good || (order.plan.is_some() && !order.is_ending()));
            let text = serde_json::to_string(&state).unwrap();
            prop_assert_eq!(&serde_json::from_str::<OrderState>(&text).unwrap(), &state);
        }
        let order = state.order().expect("placed");
        prop_assert!(order.status.is_final() || order.is_ending(), "stuck in {}", order.status);
    }
}
