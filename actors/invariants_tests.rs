//! What the checker says of deliveries and riders whose rules were broken: each promise must bite.

use super::*;
use crate::{
    dispatch::event::{
        Assigned, HeldBack, OfferDeclined, OfferRevoked, Offered, Requested, RevokeReason, SearchStarted,
        UnassignReason, Unassigned,
    },
    event::Event,
    ids::{CourtId, UserId},
    kitchen::event::TicketDelayed,
    place::Position,
    proof::ProofRequired,
    rider::event::{OfferAccepted, OfferReceived, ShiftStarted, Vehicle},
    testing::NOON,
};

fn rider(n: u128) -> RiderId {
    UserId(Uuid::from_u128(n))
}
fn delivery() -> DeliveryId {
    DeliveryId(Uuid::from_u128(100))
}
fn offer(n: u128) -> OfferId {
    OfferId::of(delivery(), rider(n), 1)
}
fn court() -> Position {
    Position::new(52.52, 13.40).unwrap()
}

/// The next fact of a stream.
fn take(checker: &mut Checker, stream: StreamId, version: Version, event: &impl Event) {
    checker.take(&Recorded {
        position: 1,
        stream,
        version,
        event_id: Uuid::from_u128(u128::from(version)),
        kind: event.kind().into(),
        body: event.encode().into(),
        at: NOON,
        cause: None,
        correlation: Uuid::nil(),
    });
}
fn names(checker: &Checker) -> Vec<&'static str> {
    checker.broken().iter().map(|one| one.invariant).collect()
}

/// What is broken by `events` of one stream, by name.
fn broken<E: Event>(category: Category, id: Uuid, events: &[E]) -> Vec<&'static str> {
    let mut checker = Checker::new();
    for (version, event) in (1..).zip(events) {
        take(&mut checker, StreamId::new(category, id), version, event);
    }
    names(&checker)
}

/// A fact as the samples of the published shapes have it: everything of it is of number one, and at noon.
fn sample<E: Event>(kind: &str) -> E {
    let samples = include_str!("tests/golden/events.jsonl");
    let body = samples.lines().find_map(|line| line.strip_prefix(&format!("{{\"kind\":\"{kind}\",\"body\":"))).unwrap();
    E::decode(kind, body.strip_suffix('}').unwrap()).unwrap()
}

fn requested() -> Vec<DeliveryEvent> {
    let (order_id, court_id) = (OrderId(Uuid::from_u128(7)), CourtId(Uuid::nil()));
    let asked = Requested {
        delivery_id: delivery(),
        order_id,
        court_id,
        pickup: court(),
        dropoff: court(),
        ready_at: NOON,
        promised_at: NOON.plus_min(30),
        assign_by: NOON.plus_min(20),
        proof: ProofRequired::Nothing,
    };
    let search = SearchStarted {
        delivery_id: delivery(),
        court_id,
        round: 1,
        radius_m: 1_000,
        pickup: court(),
        not: vec![],
        deadline_at: NOON.plus_s(15),
    };
    vec![DeliveryEvent::Requested(asked), DeliveryEvent::SearchStarted(search)]
}
fn offered(n: u128) -> DeliveryEvent {
    DeliveryEvent::Offered(Offered {
        delivery_id: delivery(),
        order_id: OrderId(Uuid::from_u128(7)),
        offer_id: offer(n),
        rider_id: rider(n),
        round: 1,
        distance_m: 90,
        pickup: court(),
        dropoff_coarse: court(),
        ready_at: NOON,
        expires_at: NOON.plus_s(40),
        considered: vec![],
        bundle: None,
        instead_of: None,
    })
}
/// To rider `n` by the offer that was made to `by`.
fn assigned(n: u128, by: u128) -> DeliveryEvent {
    DeliveryEvent::Assigned(Assigned {
        delivery_id: delivery(),
        order_id: OrderId(Uuid::from_u128(7)),
        rider_id: rider(n),
        offer_id: offer(by),
        pickup: court(),
        dropoff: court(),
        ready_at: NOON,
    })
}
fn of_delivery(events: impl IntoIterator<Item = DeliveryEvent>) -> Vec<&'static str> {
    let events: Vec<_> = requested().into_iter().chain(events).collect();
    broken(Category::Delivery, delivery().0, &events)
}

#[test]
fn a_delivery_goes_to_who_is_being_asked() {
    assert_eq!(of_delivery([offered(1), offered(2), assigned(2, 2)]), [""; 0]);
    assert_eq!(of_delivery([assigned(1, 1)]), ["I12"], "nobody was asked");
    assert_eq!(of_delivery([offered(1), assigned(2, 1)]), ["I12"], "somebody else was");
    let no = DeliveryEvent::OfferDeclined(OfferDeclined { offer_id: offer(1), rider_id: rider(1) });
    assert_eq!(of_delivery([offered(1), no, assigned(1, 1)]), ["I12"]);
    let reason = RevokeReason::Taken;
    let back = DeliveryEvent::OfferRevoked(OfferRevoked { offer_id: offer(1), rider_id: rider(1), reason });
    assert_eq!(of_delivery([offered(1), back, assigned(1, 1)]), ["I12"]);
}

#[test]
fn a_delivery_has_one_rider() {
    let off = DeliveryEvent::Unassigned(Unassigned {
        delivery_id: delivery(),
        order_id: OrderId(Uuid::from_u128(7)),
        rider_id: rider(1),
        offer_id: offer(1),
        reason: UnassignReason::Better,
    });
    let both = [offered(1), offered(2)];
    assert_eq!(of_delivery(both.clone().into_iter().chain([assigned(1, 1), assigned(2, 2)])), ["I5"]);
    assert_eq!(of_delivery(both.into_iter().chain([assigned(1, 1), off, assigned(2, 2)])), [""; 0]);
}

#[test]
fn a_delivery_is_held_back_within_its_bound() {
    let held = |until, latest_at| DeliveryEvent::HeldBack(HeldBack { round: 1, until, latest_at });
    assert_eq!(of_delivery([held(NOON.plus_s(Rules::HOLD_S), NOON.plus_min(15))]), [""; 0]);
    assert_eq!(of_delivery([held(NOON.plus_s(Rules::HOLD_S + 1), NOON.plus_min(15))]), ["I10"]);
    assert_eq!(of_delivery([held(NOON.plus_s(60), NOON.plus_s(59))]), ["I10"]);
}

#[test]
fn a_bag_holds_what_fits() {
    let shift = ShiftStarted { rider_id: rider(1), vehicle: Vehicle::Bicycle, capacity: 1, until: None };
    let asked_and_yes = |n: u128| {
        let (offer_id, delivery_id) = (OfferId(Uuid::from_u128(n)), DeliveryId(Uuid::from_u128(n)));
        let asked = OfferReceived {
            offer_id,
            delivery_id,
            rider_id: rider(1),
            pickup: court(),
            dropoff_coarse: court(),
            distance_m: 90,
            ready_at: NOON,
            expires_at: NOON.plus_s(40),
            bundle: None,
        };
        let yes = OfferAccepted { offer_id, delivery_id, rider_id: rider(1) };
        [RiderEvent::OfferReceived(asked), RiderEvent::OfferAccepted(yes)]
    };
    let day = |many: u128| -> Vec<RiderEvent> {
        std::iter::once(RiderEvent::ShiftStarted(shift.clone())).chain((1..=many).flat_map(asked_and_yes)).collect()
    };
    assert_eq!(broken(Category::Rider, rider(1).0, &day(1)), [""; 0]);
    assert_eq!(broken(Category::Rider, rider(1).0, &day(2)), ["I5"]);
}

#[test]
fn no_order_is_promised_before_a_delay_has_passed() {
    let OrderEvent::Placed(placed) = sample("order.placed") else { unreachable!() };
    let KitchenEvent::TicketDelayed(delayed) = sample("ticket.delayed") else { unreachable!() };
    let (order_id, kitchen_id) = (placed.order_id, placed.parts[0].kitchen_id);
    let ticket_id = TicketId::of(order_id, kitchen_id);
    let order = StreamId::new(Category::Order, order_id.0);
    let after = |ready_min: i64, is_fetched: bool| {
        let mut checker = Checker::new();
        for (version, kind) in [(1, "order.placed"), (2, "order.accepted")] {
            take(&mut checker, order, version, &sample::<OrderEvent>(kind));
        }
        let ready_at = NOON.plus_min(ready_min);
        let told = KitchenEvent::TicketDelayed(TicketDelayed { ticket_id, ready_at, ..delayed.clone() });
        take(&mut checker, StreamId::new(Category::Kitchen, kitchen_id.0), 1, &told);
        if is_fetched {
            let delivery = StreamId::new(Category::Delivery, DeliveryId::of(order_id).0);
            for (version, kind) in [(1, "delivery.requested"), (2, "delivery.picked_up")] {
                take(&mut checker, delivery, version, &sample::<DeliveryEvent>(kind));
            }
        }
        take(&mut checker, order, 3, &sample::<OrderEvent>("order.part_ready"));
        names(&checker)
    };
    assert_eq!(after(5, false), ["I11"], "accepted for noon, and never moved");
    assert_eq!(after(0, false), [""; 0], "noon was counted on");
    assert_eq!(after(5, true), [""; 0], "who has the food needs no promise of it");
}
