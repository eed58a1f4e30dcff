//! Claims about inboxes.

use uuid::Uuid;

use super::{
    Inbox, InboxCommand as C, InboxPolicy, InboxRejection, InboxState,
    decide::{MESSAGES_MAX, REMEMBERED_MAX},
    event::{InboxEvent, Posted, ReadUpTo, Topic},
    projection,
};
use crate::{
    decider::Decider,
    event::{Event, Recorded},
    ids::{NotificationId, OfferId, OrderId, UserId},
    money::{Currency, Money},
    order::event::{Closed, EndReason, Fulfilment, OrderEvent, Ready, RiderAssigned},
    reactor::Policy,
    rider::event::{DeliveryReleased, OfferReceived, ReleaseReason, RiderEvent},
    stream::{Category, StreamId},
    testing::{NOON, given},
};

const MIA: UserId = UserId(Uuid::from_u128(1));

fn posted(n: u128) -> Posted {
    Posted {
        notification_id: NotificationId::of(Uuid::from_u128(n), MIA),
        user_id: MIA,
        topic: Topic::OrderReady,
        text: "Your order is ready.".to_owned(),
        order_id: Some(OrderId(Uuid::from_u128(n))),
        about_event: Uuid::from_u128(n),
    }
}
fn fact(category: Category, id: Uuid, event: &impl Event) -> Recorded {
    Recorded {
        position: 1,
        stream: StreamId::new(category, id),
        version: 1,
        event_id: Uuid::from_u128(77),
        kind: event.kind().into(),
        body: event.encode().into(),
        at: NOON,
        cause: None,
        correlation: Uuid::nil(),
    }
}
fn told(category: Category, id: Uuid, event: &impl Event) -> Vec<(Uuid, String)> {
    let commands = InboxPolicy::react(&fact(category, id, event)).unwrap();
    let text = |command| match command {
        C::Post(posted) => posted.text,
        C::ReadUpTo { .. } => unreachable!(),
    };
    commands.into_iter().map(|(inbox, command)| (inbox, text(command))).collect()
}

#[test]
fn tells_each_event_once() {
    given::<Inbox>([])
        .when(C::Post(posted(1)))
        .then([InboxEvent::Posted(posted(1))])
        .when(C::Post(posted(1)))
        .nothing()
        .when(C::Post(posted(2)))
        .then([InboxEvent::Posted(posted(2))]);
}

#[test]
fn reads_up_to_a_message_and_not_beyond() {
    let inbox = given::<Inbox>([1, 2, 3].map(|n| InboxEvent::Posted(posted(n))))
        .when(C::ReadUpTo { version: 4 })
        .refused(InboxRejection::Ahead { actual: 3 })
        .when(C::ReadUpTo { version: 2 })
        .then([InboxEvent::ReadUpTo(ReadUpTo { version: 2 })])
        .when(C::ReadUpTo { version: 1 })
        .nothing();
    let view = projection::inbox(&inbox.state);
    assert_eq!((view.unread, view.read_up_to), (1, 2));
    assert_eq!(view.messages.iter().map(|message| message.read).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn stays_small() {
    let mut state = InboxState::default();
    for n in 0..3_000 {
        Inbox::evolve(&mut state, &InboxEvent::Posted(posted(n)), NOON);
    }
    assert_eq!((state.messages().count(), state.unread()), (MESSAGES_MAX, MESSAGES_MAX));
    let oldest_known = 3_000 - u128::try_from(REMEMBERED_MAX).unwrap();
    assert_eq!(Inbox::decide(&state, &C::Post(posted(oldest_known)), NOON).unwrap(), []);
    assert_eq!(Inbox::decide(&state, &C::Post(posted(oldest_known - 1)), NOON).unwrap().len(), 1);
    Inbox::evolve(&mut state, &InboxEvent::ReadUpTo(ReadUpTo { version: 10 }), NOON);
    assert_eq!(state.unread(), MESSAGES_MAX);
}

#[test]
fn says_where_the_money_is() {
    let closed = |refunded| {
        let refunded = Money::new(refunded, Currency::EUR);
        OrderEvent::Cancelled(Closed { reason: EndReason::NoRider, refunded, customer_id: MIA })
    };
    let order = Uuid::from_u128(9);
    assert_eq!(
        told(Category::Order, order, &closed(1_250)),
        [(MIA.0, "Your order was cancelled: no rider was free. 12.50 EUR is on its way back to you.".to_owned())]
    );
    assert_eq!(
        told(Category::Order, order, &closed(0)),
        [(MIA.0, "Your order was cancelled: no rider was free. Nothing was charged.".to_owned())]
    );
}

#[test]
fn only_a_guest_at_the_counter_hears_that_it_is_ready() {
    let ready = |fulfilment| OrderEvent::Ready(Ready { fulfilment, customer_id: MIA });
    assert_eq!(told(Category::Order, Uuid::nil(), &ready(Fulfilment::Pickup)).len(), 1);
    assert_eq!(told(Category::Order, Uuid::nil(), &ready(Fulfilment::Delivery)), []);
}

#[test]
fn a_rider_hears_of_an_offer() {
    let here = crate::place::Position::new(52.5, 13.4).unwrap();
    let offer = RiderEvent::OfferReceived(OfferReceived {
        offer_id: OfferId(Uuid::nil()),
        delivery_id: crate::ids::DeliveryId(Uuid::nil()),
        rider_id: MIA,
        pickup: here,
        dropoff_coarse: here,
        distance_m: 420,
        ready_at: NOON,
        expires_at: NOON.plus_s(30),
        bundle: None,
    });
    let text = "New delivery, 420 m away. You have 30 seconds to take it.".to_owned();
    assert_eq!(told(Category::Rider, MIA.0, &offer), [(MIA.0, text)]);
    let gone = |reason| {
        let delivery_id = crate::ids::DeliveryId(Uuid::nil());
        told(
            Category::Rider,
            MIA.0,
            &RiderEvent::DeliveryReleased(DeliveryReleased { delivery_id, rider_id: MIA, reason, refused: None }),
        )
    };
    assert!(gone(ReleaseReason::Replaced)[0].1.contains("Nothing counts against you"));
    let (rider_id, customer_id) = (UserId(Uuid::from_u128(9)), MIA);
    let comes = |takes_over| {
        let delivery_id = crate::ids::DeliveryId(Uuid::nil());
        let assigned = RiderAssigned { rider_id, delivery_id, customer_id, takes_over };
        told(Category::Order, Uuid::nil(), &OrderEvent::RiderAssigned(assigned))[0].1.clone()
    };
    assert_ne!(comes(true), comes(false), "it is not said twice that a rider is on the way");
    assert!(comes(true).starts_with("Another rider takes over"), "{}", comes(true));
    assert_eq!(gone(ReleaseReason::Delivered), []);
}

#[test]
fn nobody_reads_a_foreign_inbox() {
    let fact = fact(Category::Inbox, MIA.0, &InboxEvent::Posted(posted(1)));
    assert!(projection::event_for(UserId(Uuid::nil()), &fact).is_none());
    assert!(projection::event_for(MIA, &fact).is_some());
}
