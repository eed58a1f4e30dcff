//! Every rule of an order as given, when, then.

use std::time::Duration;

use super::*;
use crate::{
    decider::Decider,
    dispatch::event::{DeliveryEvent, UnassignReason, Unassigned},
    event::{Event as _, Recorded},
    ids::{DeliveryId, OfferId},
    order::{
        Order, OrderCommand as Wish, OrderPolicy, OrderRejection as No, OrderStatus,
        event::{CancelledBy, EndReason, FirePlan, RejectReason, RiderAssigned, RiderUnassigned},
        planning,
    },
    reactor::Policy as _,
    stream::{Category, StreamId},
    testing::{Given, given},
};

fn at_placed(kitchens: u32, fulfilment: Fulfilment) -> Given<Order> {
    given([OrderEvent::Placed(Box::new(placed(kitchens, fulfilment)))])
}
fn at_paid(kitchens: u32, fulfilment: Fulfilment) -> Given<Order> {
    at_placed(kitchens, fulfilment).and(paid_fact(&placed(kitchens, fulfilment)))
}
fn yes(n: u32) -> Wish {
    Wish::NoteTicketAccepted { kitchen_id: kitchen(n), prep_min: 10 * n, number: Some(u64::from(n)) }
}
fn no(n: u32) -> Wish {
    Wish::NoteTicketRejected { kitchen_id: kitchen(n), reason: RejectReason::SoldOut }
}
fn at_accepted(fulfilment: Fulfilment) -> Given<Order> {
    at_paid(1, fulfilment).when(yes(1)).then_kinds(&["order.part_accepted", "order.accepted"])
}
fn at_cooking(fulfilment: Fulfilment) -> Given<Order> {
    at_accepted(fulfilment)
        .when(Wish::NotePreparation { kitchen_id: kitchen(1) })
        .then_kinds(&["order.preparation_started"])
}
fn at_ready(fulfilment: Fulfilment) -> Given<Order> {
    at_cooking(fulfilment)
        .when(Wish::NoteReady { kitchen_id: kitchen(1) })
        .then_kinds(&["order.part_ready", "order.ready_for_pickup"])
}
fn at_picked_up() -> Given<Order> {
    at_ready(Fulfilment::Delivery)
        .when(Wish::NoteRider { rider_id: rider(1), delivery_id: DeliveryId::of(order_id()) })
        .then_kinds(&["order.rider_assigned"])
        .when(Wish::NotePickup { rider_id: rider(1) })
        .then_kinds(&["order.picked_up"])
}
fn at_delivered() -> Given<Order> {
    at_picked_up().when(Wish::Deliver { rider_id: rider(1) }).then_kinds(&["order.delivered"])
}
fn cancel(by: CancelledBy) -> Wish {
    Wish::Cancel { by, reason: EndReason::CustomerCancelled }
}
fn status(given: &Given<Order>) -> OrderStatus {
    given.state.order().expect("placed").status
}

#[test]
fn placing_twice_is_placing_once() {
    let again = Wish::Place(Box::new(placed(1, Fulfilment::Pickup)));
    given::<Order>([]).when(again.clone()).then_kinds(&["order.placed"]).when(again).nothing();
}

#[test]
fn another_customers_order_is_not_placed_over_mine() {
    let theirs = Placed { customer_id: rider(9), ..placed(1, Fulfilment::Pickup) };
    at_placed(1, Fulfilment::Pickup).when(Wish::Place(Box::new(theirs))).refused(No::AlreadyPlaced);
}

#[test]
fn refuses_an_order_whose_sums_are_wrong() {
    let mut wrong = placed(1, Fulfilment::Pickup);
    wrong.totals.total = eur(1);
    given::<Order>([]).when(Wish::Place(Box::new(wrong))).refused(No::Malformed("its totals do not add up"));
}

#[test]
fn refuses_wishes_to_an_order_that_does_not_exist() {
    given::<Order>([]).when(cancel(CancelledBy::Customer)).refused(No::Unknown);
}

#[test]
fn paid_asks_the_kitchens_and_only_once() {
    let amount = placed(2, Fulfilment::Pickup).totals.total;
    let pay = Wish::MarkPaid { payment_id: PaymentId::of(order_id()), amount };
    at_placed(2, Fulfilment::Pickup)
        .when(pay.clone())
        .then([paid_fact(&placed(2, Fulfilment::Pickup))])
        .when(pay)
        .nothing();
}

#[test]
fn kitchens_have_longer_to_answer_the_longer_it_is_until_the_food_is_wanted() {
    for (wanted_in_min, answer_in_min) in [(None, 5), (Some(-10), 5), (Some(20), 5), (Some(60), 15), (Some(2_000), 60)]
    {
        let wanted_at = wanted_in_min.map(|minutes| NOON.plus_min(minutes));
        assert_eq!(waits::answer_by(NOON, wanted_at), NOON.plus_min(answer_in_min), "{wanted_in_min:?}");
    }
}

#[test]
fn refuses_a_payment_of_another_amount() {
    let owed = placed(1, Fulfilment::Pickup).totals.total;
    at_placed(1, Fulfilment::Pickup)
        .when(Wish::MarkPaid { payment_id: PaymentId::of(order_id()), amount: eur(1) })
        .refused(No::WrongAmount { held: eur(1), owed });
}

#[test]
fn unpaid_it_expires_and_a_late_payment_changes_nothing() {
    let amount = placed(1, Fulfilment::Pickup).totals.total;
    at_placed(1, Fulfilment::Pickup)
        .when(Wish::Expire)
        .nothing()
        .when_due()
        .then_kinds(&["order.expired"])
        .when(Wish::MarkPaid { payment_id: PaymentId::of(order_id()), amount })
        .nothing();
}

#[test]
fn kitchens_begin_staggered_so_that_all_is_ready_together() {
    let plan = at_paid(3, Fulfilment::Delivery).when(yes(1)).then_kinds(&["order.part_accepted"]);
    let plan = plan.when(yes(3)).then_kinds(&["order.part_accepted"]);
    let plan = plan.when(yes(2)).then_kinds(&["order.part_accepted", "order.accepted"]);
    let plan = plan.state.order().expect("placed").plan.clone().expect("accepted");
    assert_eq!(plan.ready_at, NOON.plus_min(30));
    let starts: Vec<_> = plan.fires.iter().map(|fire: &FirePlan| fire.fire_at).collect();
    assert_eq!(starts, [NOON.plus_min(20), NOON.plus_min(10), NOON]);
    let way = planning::ride(plan.handoff, plan.dropoff.expect("a delivery"));
    assert_eq!(plan.promised_at, plan.ready_at.plus(way));
    assert!(way > Duration::from_secs(300) && way < Duration::from_secs(1_500), "1.7 km take {way:?}");
}

#[test]
fn a_later_wish_moves_every_start() {
    let mut wanted = basket(1, Fulfilment::Pickup);
    wanted.wanted_at = Some(NOON.plus_min(120));
    let placed = placed_from(&wanted);
    let paid = paid_fact(&placed);
    let given = given::<Order>([OrderEvent::Placed(Box::new(placed)), paid]).when(yes(1));
    let given = given.then_kinds(&["order.part_accepted", "order.accepted"]);
    let plan = given.state.order().expect("placed").plan.clone().expect("accepted");
    assert_eq!((plan.ready_at, plan.fires[0].fire_at), (NOON.plus_min(120), NOON.plus_min(110)));
}

#[test]
fn a_rejected_part_is_priced_out_and_fees_stay() {
    let given = at_paid(2, Fulfilment::Delivery).when(no(1)).then_kinds(&["order.part_rejected"]);
    let given = given.when(yes(2)).then_kinds(&["order.part_accepted", "order.accepted"]);
    let order = given.state.order().expect("placed");
    let (before, after) = (order.placed.totals, order.totals());
    assert_eq!(after.items, eur(1_000));
    assert_eq!((after.delivery_fee, after.service_fee, after.tip), (before.delivery_fee, before.service_fee, eur(100)));
    assert_eq!(after.total, eur(1_000 + 290 + 50 + 100));
    assert_eq!(order.plan.as_ref().expect("accepted").total, after.total);
    assert!(after.tax < before.tax);
}

#[test]
fn no_kitchen_at_all_is_the_end() {
    at_paid(2, Fulfilment::Pickup)
        .when(no(1))
        .then_kinds(&["order.part_rejected"])
        .when(no(2))
        .then_kinds(&["order.part_rejected", "order.rejecting"])
        .when(Wish::Close { refunded: None })
        .then_kinds(&["order.rejected"])
        .when(Wish::Close { refunded: None })
        .nothing();
}

#[test]
fn the_first_answer_of_a_kitchen_counts() {
    at_paid(2, Fulfilment::Pickup).when(yes(1)).then_kinds(&["order.part_accepted"]).when(no(1)).nothing();
    at_paid(1, Fulfilment::Pickup)
        .when(Wish::NoteTicketAccepted { kitchen_id: kitchen(3), prep_min: 1, number: None })
        .refused(No::NotInBasket);
}

#[test]
fn silence_counts_as_a_no() {
    at_paid(2, Fulfilment::Pickup)
        .when(yes(1))
        .then_kinds(&["order.part_accepted"])
        .when(Wish::CountSilentAsNo)
        .nothing()
        .when_due()
        .then_kinds(&["order.part_rejected", "order.accepted"]);
    at_paid(1, Fulfilment::Pickup).when_due().then_kinds(&["order.part_rejected", "order.rejecting"]);
}

#[test]
fn a_kitchen_may_begin_before_the_others_answer() {
    let begun = at_paid(2, Fulfilment::Pickup).when(yes(1)).then_kinds(&["order.part_accepted"]);
    let begun = begun.when(Wish::NotePreparation { kitchen_id: kitchen(1) }).then_kinds(&["order.preparation_started"]);
    assert_eq!(status(&begun), OrderStatus::Placed);
    let begun = begun.when(Wish::NoteReady { kitchen_id: kitchen(1) }).then_kinds(&["order.part_ready"]);
    let all = begun.when(no(2)).then_kinds(&["order.part_rejected", "order.accepted", "order.ready_for_pickup"]);
    assert_eq!(status(&all), OrderStatus::ReadyForPickup);
}

#[test]
fn preparation_starts_once_for_all_kitchens() {
    let given = at_paid(2, Fulfilment::Pickup).when(yes(1)).then_kinds(&["order.part_accepted"]);
    let given = given.when(yes(2)).then_kinds(&["order.part_accepted", "order.accepted"]);
    let given = given.when(Wish::NotePreparation { kitchen_id: kitchen(2) }).then_kinds(&["order.preparation_started"]);
    let given = given.when(Wish::NotePreparation { kitchen_id: kitchen(1) }).then_kinds(&["order.part_started"]);
    given.when(Wish::NotePreparation { kitchen_id: kitchen(1) }).nothing();
}

#[test]
fn a_delay_moves_the_promise_and_the_deadline() {
    let late = Wish::NoteDelay { kitchen_id: kitchen(1), by_min: 15, ready_at: NOON.plus_min(25) };
    let before = Order::deadline(&at_cooking(Fulfilment::Pickup).state).expect("waiting").at;
    let given = at_cooking(Fulfilment::Pickup).when(late.clone()).then_kinds(&["order.delayed"]);
    assert_eq!(Order::deadline(&given.state).expect("waiting").at, before.plus_min(15));
    given.when(late).nothing();
}

/// Kitchen 1 needs 10 minutes and kitchen 2 needs 20: delays of the first in minutes, each said twice, then when all is
/// ready and when each begins, in minutes after noon.
#[test]
fn delays_told_before_the_last_answer_are_in_the_plan() {
    for (delays, ready, begins) in [
        (&[][..], 20, [10, 0]),
        (&[5], 20, [5, 0]),
        (&[10], 20, [0, 0]),
        (&[30], 40, [0, 20]),
        (&[30, 15], 55, [0, 35]),
    ] {
        let mut given = at_paid(2, Fulfilment::Delivery).when(yes(1)).then_kinds(&["order.part_accepted"]);
        let mut part_ready_at = NOON.plus_min(10);
        for by_min in delays {
            part_ready_at = part_ready_at.plus_min(i64::from(*by_min));
            let late = Wish::NoteDelay { kitchen_id: kitchen(1), by_min: *by_min, ready_at: part_ready_at };
            given = given.when(late.clone()).then_kinds(&["order.part_delayed"]).when(late).nothing();
        }
        let given = given.when(yes(2)).then_kinds(&["order.part_accepted", "order.accepted"]);
        let plan = given.state.order().expect("placed").plan.clone().expect("accepted");
        let starts: Vec<_> = plan.fires.iter().map(|fire: &FirePlan| fire.fire_at).collect();
        assert_eq!((plan.ready_at, starts), (NOON.plus_min(ready), begins.map(|min| NOON.plus_min(min)).into()));
        let way = planning::ride(plan.handoff, plan.dropoff.expect("a delivery"));
        assert_eq!(plan.promised_at, plan.ready_at.plus(way), "{delays:?}");
        // Told once more, and then a later one.
        let late = |by_min, minutes| Wish::NoteDelay {
            kitchen_id: kitchen(1),
            by_min,
            ready_at: plan.ready_at.plus_min(minutes),
        };
        given.when(late(5, 0)).nothing().when(late(7, 7)).then_kinds(&["order.delayed"]);
    }
}

#[test]
fn a_delay_of_a_kitchen_that_has_not_said_yes_changes_nothing() {
    let late = |n| Wish::NoteDelay { kitchen_id: kitchen(n), by_min: 5, ready_at: NOON.plus_min(25) };
    at_paid(2, Fulfilment::Pickup).when(late(1)).nothing().when(late(3)).refused(No::NotInBasket);
}

#[test]
fn food_that_never_gets_ready_is_refunded() {
    for given in [at_accepted(Fulfilment::Pickup), at_cooking(Fulfilment::Delivery)] {
        given
            .when_due()
            .then_kinds(&["order.rejecting"])
            .when(Wish::Close { refunded: Some(eur(700)) })
            .then_kinds(&["order.rejected"]);
    }
}

#[test]
fn a_pickup_order_is_completed_when_its_last_part_is_collected() {
    let given = at_paid(2, Fulfilment::Pickup).when(yes(1)).then_kinds(&["order.part_accepted"]);
    let given = given.when(yes(2)).then_kinds(&["order.part_accepted", "order.accepted"]);
    let given = given.when(Wish::NoteCollected { kitchen_id: kitchen(1) }).then_kinds(&[
        "order.preparation_started",
        "order.part_ready",
        "order.part_collected",
    ]);
    let given = given.when(Wish::NoteCollected { kitchen_id: kitchen(1) }).nothing();
    let given = given.when(Wish::NoteCollected { kitchen_id: kitchen(2) }).then_kinds(&[
        "order.part_ready",
        "order.ready_for_pickup",
        "order.completed",
    ]);
    given.when(Wish::NoteCollected { kitchen_id: kitchen(2) }).nothing();
}

#[test]
fn what_nobody_collects_is_not_handed_over() {
    at_ready(Fulfilment::Pickup).when_due().then_kinds(&["order.rejecting"]);
}

#[test]
fn another_rider_replaces_the_first() {
    let delivery_id = DeliveryId::of(order_id());
    at_accepted(Fulfilment::Delivery)
        .when(Wish::NoteRider { rider_id: rider(1), delivery_id })
        .then_kinds(&["order.rider_assigned"])
        .when(Wish::NoteRider { rider_id: rider(1), delivery_id })
        .nothing()
        .when(Wish::NoteRiderGone { rider_id: rider(2) })
        .nothing()
        .when(Wish::NoteRider { rider_id: rider(2), delivery_id })
        .then_kinds(&["order.rider_unassigned", "order.rider_assigned"])
        .when(Wish::NoteRiderGone { rider_id: rider(2) })
        .then_kinds(&["order.rider_unassigned"]);
}

#[test]
fn who_takes_over_is_told_from_who_comes_first() {
    let delivery_id = DeliveryId::of(order_id());
    let told = |n, takes_over| {
        let (rider_id, customer_id) = (rider(n), customer());
        OrderEvent::RiderAssigned(RiderAssigned { rider_id, delivery_id, customer_id, takes_over })
    };
    let gone = |n, taken_over| OrderEvent::RiderUnassigned(RiderUnassigned { rider_id: rider(n), taken_over });
    let comes = |n| Wish::NoteRider { rider_id: rider(n), delivery_id };
    at_accepted(Fulfilment::Delivery)
        .when(comes(1))
        .then([told(1, false)])
        .when(comes(2))
        .then([gone(1, true), told(2, true)])
        .when(Wish::NoteRiderGone { rider_id: rider(2) })
        .then([gone(2, false)])
        .when(comes(3))
        .then([told(3, true)]);
    let wishes = |reason| {
        let (rider_id, offer_id) = (rider(1), OfferId(Uuid::nil()));
        let off =
            DeliveryEvent::Unassigned(Unassigned { delivery_id, order_id: order_id(), rider_id, offer_id, reason });
        let fact = Recorded {
            position: 1,
            stream: StreamId::new(Category::Delivery, delivery_id.0),
            version: 1,
            event_id: Uuid::nil(),
            kind: off.kind().into(),
            body: off.encode().into(),
            at: NOON,
            cause: None,
            correlation: Uuid::nil(),
        };
        OrderPolicy::react(&fact).unwrap().len()
    };
    assert_eq!((wishes(UnassignReason::GaveBack), wishes(UnassignReason::Better)), (1, 0), "the next fact says who");
}

#[test]
fn food_that_has_left_was_ready() {
    at_accepted(Fulfilment::Delivery).when(Wish::Deliver { rider_id: rider(1) }).then_kinds(&[
        "order.rider_assigned",
        "order.preparation_started",
        "order.part_ready",
        "order.ready_for_pickup",
        "order.picked_up",
        "order.delivered",
    ]);
    at_accepted(Fulfilment::Pickup)
        .when(Wish::NotePickup { rider_id: rider(1) })
        .refused(No::WrongFulfilment(Fulfilment::Pickup));
}

#[test]
fn who_may_cancel_when() {
    use CancelledBy::{Customer, Staff};
    let requested = &["order.cancel_requested"];
    for by in [Customer, Staff] {
        at_placed(1, Fulfilment::Pickup).when(cancel(by)).then_kinds(requested);
        at_paid(1, Fulfilment::Pickup).when(cancel(by)).then_kinds(requested);
        at_accepted(Fulfilment::Pickup).when(cancel(by)).then_kinds(requested).when(cancel(by)).nothing();
        at_picked_up().when(cancel(by)).refused(No::AlreadyPickedUp);
        at_delivered().when(cancel(by)).refused(No::AlreadyEnded { status: OrderStatus::Delivered });
    }
    at_cooking(Fulfilment::Pickup).when(cancel(Customer)).refused(No::AlreadyCooking);
    at_ready(Fulfilment::Pickup).when(cancel(Customer)).refused(No::AlreadyCooking);
    at_cooking(Fulfilment::Pickup).when(cancel(Staff)).then_kinds(requested);
    at_ready(Fulfilment::Pickup).when(cancel(Staff)).then_kinds(requested);
}

#[test]
fn a_cancelled_order_closes_once_with_what_was_refunded() {
    let given = at_accepted(Fulfilment::Pickup).when(cancel(CancelledBy::Customer));
    let given = given.then_kinds(&["order.cancel_requested"]).when(yes(1)).nothing();
    let given = given.when(Wish::Close { refunded: Some(eur(1_125)) }).then_kinds(&["order.cancelled"]);
    assert_eq!(given.state.order().expect("placed").refunded, Some(eur(1_125)));
    given.when(cancel(CancelledBy::Customer)).nothing().when(Wish::Close { refunded: None }).nothing();
}

#[test]
fn nothing_is_closed_that_does_not_end() {
    at_accepted(Fulfilment::Pickup).when(Wish::Close { refunded: None }).refused(No::NotEnding);
}

#[test]
fn rejection_comes_too_late_for_food_that_has_left() {
    let reject = Wish::Reject { reason: EndReason::CaptureFailed };
    at_picked_up().when(reject.clone()).refused(No::AlreadyPickedUp);
    at_delivered().when(reject.clone()).refused(No::AlreadyEnded { status: OrderStatus::Delivered });
    at_ready(Fulfilment::Delivery).when(reject.clone()).then_kinds(&["order.rejecting"]).when(reject).nothing();
    at_picked_up().when(Wish::Reject { reason: EndReason::NotHandedOver }).then_kinds(&["order.rejecting"]);
}

#[test]
fn a_silent_rider_calls_for_people_and_after_a_day_the_customer_is_refunded() {
    let mut given = at_picked_up();
    for _ in 1..24 {
        given = given.when_due().then_kinds(&["order.overdue"]);
    }
    let given = given.when_due().then_kinds(&["order.rejecting"]);
    assert_eq!(given.state.order().expect("placed").ending.expect("ending").reason, EndReason::NotHandedOver);
}

#[test]
fn money_that_does_not_come_back_calls_for_people_ever_more_slowly() {
    let mut given =
        at_placed(1, Fulfilment::Pickup).when(cancel(CancelledBy::Staff)).then_kinds(&["order.cancel_requested"]);
    let mut before = NOON;
    let mut waits = vec![];
    for _ in 0..9 {
        let at = Order::deadline(&given.state).expect("waiting").at;
        waits.push(at.since(before).as_secs() / 60);
        before = at;
        given = given.when_due().then_kinds(&["order.overdue"]);
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1_440, 1_440, 1_440]);
}
