//! The rules of a rider: given facts, when a command, then facts or a refusal.

use uuid::Uuid;

use super::{
    Outcome, Rider, RiderCommand as Command, RiderRejection as Rejection, RiderState, event::*, presence::Presence,
};
use crate::{
    bundle::{Bundle, BundleStop},
    decider::Decider,
    ids::{BundleId, DeliveryId, OfferId, OrderId, RiderId},
    place::Position,
    testing::{Given, NOON, given},
};

fn me() -> RiderId {
    crate::ids::UserId(Uuid::from_u128(1))
}
fn delivery(n: u128) -> DeliveryId {
    DeliveryId(Uuid::from_u128(n))
}
fn offer_id(n: u128) -> OfferId {
    OfferId::of(delivery(n), me(), 1)
}
fn here() -> Position {
    Position::new(52.52, 13.40).unwrap()
}
fn offer(n: u128) -> OfferReceived {
    OfferReceived {
        offer_id: offer_id(n),
        delivery_id: delivery(n),
        rider_id: me(),
        pickup: here(),
        dropoff_coarse: here().coarse(),
        distance_m: 300,
        ready_at: NOON.plus_min(10),
        expires_at: NOON.plus_s(40),
        bundle: None,
    }
}
fn start(capacity: u32) -> Command {
    Command::StartShift { rider_id: me(), vehicle: Vehicle::Bicycle, capacity, until: None }
}
fn confirm(n: u128) -> Command {
    let delivery = DeliveryConfirmed {
        delivery_id: delivery(n),
        order_id: OrderId(Uuid::from_u128(9)),
        rider_id: me(),
        pickup: here(),
        dropoff: here(),
        ready_at: NOON.plus_min(10),
    };
    Command::ConfirmDelivery { offer_id: offer_id(n), delivery }
}
fn release(n: u128, by: Option<OfferId>, reason: ReleaseReason) -> Command {
    Command::ReleaseDelivery { delivery_id: delivery(n), offer_id: by, reason, refused: None }
}
fn accept(n: u128) -> Command {
    Command::AcceptOffer { offer_id: offer_id(n) }
}
fn on_shift(capacity: u32) -> Given<Rider> {
    given([]).when(start(capacity)).then_kinds(&["shift.started"])
}
fn asked() -> Given<Rider> {
    on_shift(1).when(Command::NoteOffer(offer(1))).then_kinds(&["offer.received"])
}
fn said_yes() -> Given<Rider> {
    asked().when(accept(1)).then_kinds(&["offer.accepted"])
}

#[test]
fn a_shift_may_have_an_end_that_offers_keep_to() {
    let until = |minutes: i64| {
        let until = Some(NOON.plus_min(minutes));
        Command::StartShift { rider_id: me(), vehicle: Vehicle::Bicycle, capacity: 2, until }
    };
    for minutes in [-1, 0, 24 * 60 + 1] {
        given::<Rider>([]).when(until(minutes)).refused(Rejection::UntilOutOfRange);
    }
    let shift = || given::<Rider>([]).when(until(20)).then_kinds(&["shift.started"]);
    shift().when(until(20)).nothing().when(start(2)).nothing().when(until(30)).refused(Rejection::ShiftRunning);
    let ready = |minutes: i64| Command::NoteOffer(OfferReceived { ready_at: NOON.plus_min(minutes), ..offer(1) });
    shift().when(ready(20)).then_kinds(&["offer.received"]);
    let refused = shift().when(ready(21)).then_kinds(&["offer.declined"]);
    assert_eq!(refused.state.duty.habit, on_shift(2).state.duty.habit, "nobody was asked, so nobody said no");
    let worked = on_shift(1).at(NOON.plus_min(30)).when(Command::EndShift).then_kinds(&["shift.ended"]).state.duty;
    assert_eq!(worked.worked(NOON.plus_min(30)).idle_s, 1_800);
}

#[test]
fn a_running_shifts_end_can_be_moved() {
    let to = |minutes: i64| Command::MoveEnd { until: Some(NOON.plus_min(minutes)) };
    let open = Command::MoveEnd { until: None };
    given::<Rider>([]).when(to(20)).refused(Rejection::OffShift);
    let ready = |minutes: i64| Command::NoteOffer(OfferReceived { ready_at: NOON.plus_min(minutes), ..offer(1) });
    let moved = || on_shift(2).when(open.clone()).nothing().when(to(20)).then_kinds(&["shift.end_moved"]);
    moved().when(to(20)).nothing().when(to(-1)).refused(Rejection::UntilOutOfRange);
    moved().when(to(24 * 60 + 1)).refused(Rejection::UntilOutOfRange);
    moved().when(ready(21)).then_kinds(&["offer.declined"]);
    moved().when(to(30)).then_kinds(&["shift.end_moved"]).when(ready(21)).then_kinds(&["offer.received"]);
    let again = moved().when(open.clone()).then_kinds(&["shift.end_moved"]).when(ready(600));
    let again = again.then_kinds(&["offer.received"]);
    assert_eq!(again.state.duty.since, NOON, "it is the same shift");
}

#[test]
fn a_presence_that_was_followed_is_the_one_looked_up() {
    let yes_to = |n| Command::ReleaseDelivery {
        delivery_id: delivery(n),
        offer_id: None,
        reason: ReleaseReason::Delivered,
        refused: None,
    };
    let commands = [
        start(3),
        Command::MoveEnd { until: Some(NOON.plus_min(90)) },
        Command::NoteOffer(offer(1)),
        Command::NoteOffer(offer(2)),
        Command::NoteOffer(offer(3)),
        accept(1),
        confirm(1),
        Command::DeclineOffer { offer_id: offer_id(2) },
        Command::LapseOffer { offer_id: offer_id(3), reason: LapseReason::Expired },
        yes_to(1),
        Command::EndShift,
    ];
    let (mut state, mut followed, mut version) = (RiderState::default(), Presence::default(), 0);
    for (minute, command) in (0..).zip(&commands) {
        let now = NOON.plus_s(minute);
        let events = Rider::decide(&state, command, now).unwrap();
        assert!(!events.is_empty(), "{command:?}");
        for event in events {
            version += 1;
            Rider::evolve(&mut state, &event, now);
            followed.follow(&event, version, now);
            assert_eq!(followed, Presence::of(&state, version), "after {event:?}");
            assert_eq!((followed.places_free(), followed.is_asked()), (state.places_free(), !state.offers.is_empty()));
        }
    }
    assert_eq!(state.closed.len(), 3, "what is over is not carried along");
}

#[test]
fn a_shift_starts_once_and_within_capacity() {
    given::<Rider>([]).when(start(0)).refused(Rejection::CapacityOutOfRange);
    given::<Rider>([]).when(start(6)).refused(Rejection::CapacityOutOfRange);
    on_shift(2).when(start(2)).nothing().when(start(3)).refused(Rejection::ShiftRunning);
    given::<Rider>([]).when(Command::EndShift).nothing();
}

#[test]
fn a_shift_ends_with_an_empty_bag_and_declines_what_is_open() {
    said_yes().when(Command::EndShift).refused(Rejection::StillHolding { held: 1 });
    asked()
        .when(Command::EndShift)
        .then_kinds(&["offer.declined", "shift.ended"])
        .when(Command::EndShift)
        .nothing()
        .when(accept(1))
        .refused(Rejection::OffShift);
}

#[test]
fn a_refused_yes_remembers_how_its_offer_was_over() {
    let refused = |how: Option<LapseReason>, reason| {
        let offer_id = Some(offer_id(1));
        said_yes()
            .when(Command::ReleaseDelivery { delivery_id: delivery(1), offer_id, reason, refused: how })
            .then_kinds(&["rider.delivery_released"])
            .when(accept(1))
    };
    let over = |outcome| Rejection::OfferOver { outcome };
    refused(Some(LapseReason::Expired), ReleaseReason::Refused).refused(Rejection::OfferExpired);
    refused(Some(LapseReason::Revoked), ReleaseReason::Refused).refused(over(Outcome::Revoked));
    refused(Some(LapseReason::Taken), ReleaseReason::Refused).refused(over(Outcome::Taken));
    refused(None, ReleaseReason::Refused).refused(over(Outcome::Taken)); // of an older build
    refused(None, ReleaseReason::Cancelled).refused(over(Outcome::Revoked));
}

#[test]
fn off_shift_or_full_is_a_no_at_once() {
    given::<Rider>([])
        .when(Command::NoteOffer(offer(1)))
        .then_kinds(&["offer.declined"])
        .when(Command::NoteOffer(offer(1)))
        .nothing();
    asked().when(Command::NoteOffer(offer(2))).then_kinds(&["offer.declined"]);
    said_yes().when(Command::NoteOffer(offer(2))).then_kinds(&["offer.declined"]);
    on_shift(1).at(NOON.plus_s(40)).when(Command::NoteOffer(offer(1))).nothing(); // too late to ask
}

#[test]
fn a_yes_takes_a_place_and_waits_for_the_delivery() {
    said_yes()
        .when(accept(1))
        .nothing()
        .when(Command::NoteOffer(offer(1))) // read again
        .nothing()
        .when(Command::DeclineOffer { offer_id: offer_id(1) })
        .refused(Rejection::AlreadyAccepted)
        .when(Command::LapseOffer { offer_id: offer_id(1), reason: LapseReason::Expired }) // crossed on the way
        .nothing()
        .when(confirm(1))
        .then_kinds(&["rider.delivery_confirmed"])
        .when(confirm(1))
        .nothing();
    assert_eq!(Rider::deadline(&said_yes().state), None, "the delivery will answer");
}

#[test]
fn a_refused_yes_frees_the_place() {
    said_yes()
        .when(release(1, Some(offer_id(1)), ReleaseReason::Refused))
        .then_kinds(&["rider.delivery_released"])
        .when(release(1, Some(offer_id(1)), ReleaseReason::Refused))
        .nothing()
        .when(accept(1))
        .refused(Rejection::OfferOver { outcome: Outcome::Taken })
        .when(confirm(1)) // an old fact, read again
        .nothing()
        .when(Command::NoteOffer(offer(2)))
        .then_kinds(&["offer.received"]);
}

#[test]
fn an_old_release_does_not_undo_a_newer_assignment() {
    let other = OfferId::of(delivery(1), me(), 9);
    said_yes()
        .when(release(1, Some(other), ReleaseReason::Unassigned))
        .nothing()
        .when(release(1, None, ReleaseReason::Cancelled))
        .then_kinds(&["rider.delivery_released"]);
}

#[test]
fn an_offer_lapses_by_itself() {
    asked()
        .at(NOON.plus_s(40))
        .when(accept(1))
        .refused(Rejection::OfferExpired)
        .when_due()
        .then_kinds(&["offer.lapsed"])
        .when(accept(1))
        .refused(Rejection::OfferExpired)
        .when(Command::DeclineOffer { offer_id: offer_id(1) })
        .nothing();
    asked()
        .when(Command::LapseOffer { offer_id: offer_id(1), reason: LapseReason::Revoked })
        .then_kinds(&["offer.lapsed"]);
}

#[test]
fn says_no_once() {
    asked()
        .when(Command::DeclineOffer { offer_id: offer_id(1) })
        .then_kinds(&["offer.declined"])
        .when(Command::DeclineOffer { offer_id: offer_id(1) })
        .nothing();
    on_shift(1)
        .when(Command::DeclineOffer { offer_id: offer_id(1) })
        .refused(Rejection::UnknownOffer)
        .when(accept(1))
        .refused(Rejection::UnknownOffer);
}

/// Offers `first..=last` as one route.
fn route(numbers: &[u128]) -> Vec<OfferReceived> {
    let stops = numbers.iter().map(|n| {
        let OfferReceived { delivery_id, dropoff_coarse, ready_at, .. } = offer(*n);
        BundleStop { delivery_id, dropoff_coarse, ready_at }
    });
    let bundle = Bundle { bundle_id: BundleId::of(offer_id(numbers[0])), stops: stops.collect() };
    numbers.iter().map(|n| OfferReceived { bundle: Some(bundle.clone()), ..offer(*n) }).collect()
}
fn note(offer: &OfferReceived) -> Command {
    Command::NoteOffer(offer.clone())
}

#[test]
fn a_route_is_taken_or_left_as_a_whole() {
    let route = route(&[1, 2]);
    let both = || {
        let one = on_shift(2).when(note(&route[0])).then_kinds(&["offer.received"]);
        one.when(note(&route[1])).then_kinds(&["offer.received"])
    };
    let taken = both().when(accept(2)).then_kinds(&["offer.accepted", "offer.accepted"]);
    assert_eq!(taken.state.held.len(), 2);
    taken.when(Command::DeclineOffer { offer_id: offer_id(1) }).refused(Rejection::AlreadyAccepted);
    let left = both().when(Command::DeclineOffer { offer_id: offer_id(1) });
    left.then_kinds(&["offer.declined", "offer.declined"])
        .when(accept(2))
        .refused(Rejection::OfferOver { outcome: Outcome::Declined });
}

#[test]
fn an_answer_to_a_route_holds_for_what_comes_later_of_it() {
    let route = route(&[1, 2]);
    let first = || on_shift(2).when(note(&route[0])).then_kinds(&["offer.received"]);
    let yes = first().when(accept(1)).then_kinds(&["offer.accepted"]);
    let both = yes.when(note(&route[1])).then_kinds(&["offer.received", "offer.accepted"]);
    assert_eq!(both.state.held.len(), 2);
    let no = first().when(Command::DeclineOffer { offer_id: offer_id(1) }).then_kinds(&["offer.declined"]);
    no.when(note(&route[1])).then_kinds(&["offer.declined"]);
}

#[test]
fn a_route_that_does_not_fit_whole_is_a_no_at_once() {
    let route = route(&[1, 2]);
    let full = on_shift(1).when(note(&route[0])).then_kinds(&["offer.declined"]);
    full.when(note(&route[1])).then_kinds(&["offer.declined"]);
    let one_held = on_shift(2).when(Command::NoteOffer(offer(3))).then_kinds(&["offer.received"]);
    let one_held = one_held.when(accept(3)).then_kinds(&["offer.accepted"]);
    one_held.when(note(&route[1])).then_kinds(&["offer.declined"]);
}

#[test]
fn forgets_what_is_long_over() {
    let mut rider = on_shift(1);
    for n in 0..400 {
        rider = rider.when(Command::NoteOffer(offer(n))).then_kinds(&["offer.received"]);
        rider = rider.when(Command::DeclineOffer { offer_id: offer_id(n) }).then_kinds(&["offer.declined"]);
    }
    assert_eq!(rider.state.closed.len(), 256);
    let later = rider.at(NOON.plus_min(7 * 60)).when(Command::EndShift).then_kinds(&["shift.ended"]);
    assert!(later.state.closed.is_empty());
}

#[test]
fn the_app_reads_where_an_offer_stands() {
    use super::projection::{OfferStatus as Status, offer_view, view};
    let status = |given: &Given<Rider>| offer_view(&given.state, offer_id(1)).map(|offer| offer.status);
    assert_eq!(status(&on_shift(1)), None);
    assert_eq!(status(&asked()), Some(Status::Offered));
    assert_eq!(status(&said_yes()), Some(Status::Accepted));
    let mine = said_yes().when(confirm(1)).then_kinds(&["rider.delivery_confirmed"]);
    assert_eq!(status(&mine), Some(Status::Assigned));
    let taken = release(1, Some(offer_id(1)), ReleaseReason::Refused);
    assert_eq!(status(&said_yes().when(taken).then_kinds(&["rider.delivery_released"])), Some(Status::Taken));
    let seen = view(me(), &said_yes().state, 3);
    assert!(!seen.deliveries[0].confirmed && seen.deliveries[0].dropoff.is_none() && seen.offers.is_empty());
    assert!(view(me(), &mine.state, 4).deliveries[0].dropoff.is_some());
}
