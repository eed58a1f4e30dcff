//! Claims about a kitchen, each by facts, wish and outcome; and by random days.

use proptest::prelude::*;
use uuid::Uuid;

use super::{
    Kitchen, KitchenCommand as C, KitchenRejection as No, KitchenState, Stage,
    event::{EightySix, KitchenEvent as E, Opened},
    menu::{Hours, Menu, MenuItem},
    projection::{self, Reader},
    state::{CLOSED_MAX, FORGET_AFTER},
};
use crate::{
    decider::Decider,
    event::{Event, Recorded},
    ids::{CommandId, CourtId, ItemId, KitchenId, OrderId, TicketId},
    kitchen::KitchenPolicy,
    money::{Currency, Money},
    order::event::{Fulfilment, Line, OrderEvent, PartRejected, PickedUp, RejectReason},
    reactor::Policy,
    stream::{Category, StreamId},
    testing::{NOON, given},
    time::Timestamp,
};

const KITCHEN: KitchenId = KitchenId(Uuid::from_u128(7));
const RAMEN: ItemId = ItemId(Uuid::from_u128(8));

fn order(n: u128) -> OrderId {
    OrderId(Uuid::from_u128(1_000 + n))
}
fn ticket(n: u128) -> TicketId {
    TicketId::of(order(n), KITCHEN)
}
fn line() -> Line {
    let price = Money::new(1_250, Currency::EUR);
    let (name, modifiers) = ("Ramen".to_owned(), vec![]);
    Line { item_id: RAMEN, name, quantity: 1, modifiers, note: None, unit_price: price, total: price }
}
fn kitchen(open_tickets_max: u32) -> Opened {
    Opened {
        kitchen_id: KITCHEN,
        court_id: CourtId(Uuid::from_u128(6)),
        name: "Ramen".to_owned(),
        cuisine: "Japanese".to_owned(),
        hours: Hours::always("Europe/Berlin"),
        prep_min: 10,
        answer_within_s: 120,
        open_tickets_max,
    }
}
fn menu() -> Menu {
    let (name, section, price) = ("Ramen".to_owned(), "Bowls".to_owned(), Money::new(1_250, Currency::EUR));
    let (description, modifier_groups) = (String::new(), vec![]);
    Menu {
        items: vec![MenuItem {
            item_id: RAMEN,
            name,
            description,
            section,
            price,
            tax_basis_points: 700,
            modifier_groups,
        }],
    }
}
fn ask(n: u128) -> C {
    let answer_by = NOON.plus_s(86_400 * 30);
    C::OpenTicket {
        order_id: order(n),
        ticket_id: ticket(n),
        lines: vec![line()],
        fulfilment: Fulfilment::Delivery,
        answer_by,
        wanted_at: None,
    }
}
fn accept(n: u128) -> C {
    C::AcceptTicket { ticket_id: ticket(n), prep_min: None }
}
fn void(n: u128) -> C {
    C::VoidTicket { order_id: order(n), ticket_id: ticket(n) }
}

fn recorded(event: &impl Event) -> Recorded {
    Recorded {
        position: 1,
        stream: StreamId::new(Category::Order, order(1).0),
        version: 1,
        event_id: Uuid::nil(),
        kind: event.kind().into(),
        body: event.encode().into(),
        at: NOON,
        cause: None,
        correlation: Uuid::nil(),
    }
}

/// One kitchen at work: each wish is decided, and its facts folded, at the time of the hands.
struct Day {
    state: KitchenState,
    now: Timestamp,
}

impl Day {
    fn new() -> Self {
        let mut day = Self { state: KitchenState::default(), now: NOON };
        day.does(C::Open(kitchen(3)));
        day.does(C::PublishMenu { menu: menu() });
        day
    }
    fn wish(&mut self, command: &C) -> Result<Vec<E>, No> {
        let facts = Kitchen::decide(&self.state, command, self.now)?;
        facts.iter().for_each(|fact| Kitchen::evolve(&mut self.state, fact, self.now));
        Ok(facts)
    }
    fn does(&mut self, command: C) -> Vec<&'static str> {
        self.wish(&command).unwrap().iter().map(Event::kind).collect()
    }
    fn refused(&mut self, command: C) -> No {
        self.wish(&command).unwrap_err()
    }
    fn later_s(&mut self, seconds: i64) -> &mut Self {
        self.now = self.now.plus_s(seconds);
        self
    }
    fn stage(&self, n: u128) -> Stage {
        self.state.stage(ticket(n)).unwrap()
    }
}
/// The plan's start, in an order that has time enough.
fn start(n: u128, fire_at: Timestamp) -> C {
    C::ScheduleFire { ticket_id: ticket(n), fire_at, ready_by: fire_at.plus_min(500) }
}

#[test]
fn a_ticket_goes_from_the_pass_to_the_rider() {
    let mut day = Day::new();
    assert_eq!(day.does(ask(1)), ["ticket.opened"]);
    assert_eq!(day.does(ask(1)), [""; 0]);
    assert_eq!(day.does(accept(1)), ["ticket.accepted"]);
    assert_eq!(day.does(accept(1)), [""; 0]);
    assert_eq!(day.refused(C::FireTicket { ticket_id: ticket(1) }), No::WaitsForOthers);
    let fire_at = day.now.plus_s(60);
    assert_eq!(day.does(start(1, fire_at)), ["ticket.fire_scheduled"]);
    assert_eq!(day.does(C::Tick), [""; 0], "not due yet");
    assert_eq!(Kitchen::deadline(&day.state).unwrap().at, fire_at);
    assert_eq!(day.later_s(60).does(C::Tick), ["ticket.fired"]);
    assert_eq!(day.state.ticket(ticket(1)).unwrap().ready_at, Some(day.now.plus_min(10)));
    assert_eq!(day.does(C::ReadyTicket { ticket_id: ticket(1) }), ["ticket.ready"]);
    assert_eq!(day.does(C::CollectTicket { ticket_id: ticket(1) }), ["ticket.collected"]);
    assert_eq!(day.does(C::CollectTicket { ticket_id: ticket(1) }), [""; 0]);
    assert_eq!((day.stage(1), day.state.open_count()), (Stage::Collected, 0));
    assert!(Kitchen::deadline(&day.state).is_none());
}

#[test]
fn a_start_in_the_past_is_a_start_at_once() {
    let mut day = Day::new();
    day.does(ask(1));
    day.does(accept(1));
    let fire_at = day.now;
    let both = ["ticket.fire_scheduled", "ticket.fired"];
    assert_eq!(day.does(start(1, fire_at)), both);
    assert_eq!(day.stage(1), Stage::InKitchen);
}

#[test]
fn silence_is_a_rejection_and_an_answer_after_it_is_refused() {
    let mut day = Day::new();
    day.does(ask(1));
    day.later_s(120);
    assert_eq!(day.refused(accept(1)), No::Expired, "even before the clock has said so");
    assert_eq!(day.does(C::Tick), ["ticket.expired"]);
    assert_eq!(day.does(C::Tick), [""; 0]);
    assert_eq!(day.refused(accept(1)), No::Expired);
    assert_eq!(day.does(ask(1)), [""; 0], "the order's fact again opens nothing");
}

#[test]
fn a_void_that_overtakes_its_ticket_is_remembered() {
    let mut day = Day::new();
    assert_eq!(day.does(void(1)), ["ticket.voided"]);
    assert_eq!(day.does(ask(1)), [""; 0]);
    assert_eq!(day.refused(accept(1)), No::Voided);
    assert_eq!(day.does(void(1)), [""; 0]);
}

#[test]
fn a_kitchen_that_cannot_take_a_ticket_says_so_as_a_fact() {
    let why = |day: &mut Day, n| match day.wish(&ask(n)).unwrap().as_slice() {
        [E::TicketRejected(rejected)] => rejected.reason,
        other => panic!("expected a rejection, got {other:?}"),
    };
    let mut day = Day::new();
    let (what, until) = (EightySix::Item(RAMEN), NOON.plus_min(30));
    day.does(C::EightySix { what, until: Some(until) });
    assert_eq!(why(&mut day, 1), RejectReason::SoldOut);
    day.does(C::Pause { until });
    assert_eq!(why(&mut day, 2), RejectReason::Closed);
    day.now = until;
    assert_eq!(day.does(C::Tick), ["kitchen.back_on_menu", "kitchen.resumed"]);
    (3..6).for_each(|n| assert_eq!(day.does(ask(n)), ["ticket.opened"]));
    assert_eq!(why(&mut day, 6), RejectReason::TooBusy);
    assert_eq!(day.does(ask(6)), [""; 0], "a refusal is given once");
    let mut closed = kitchen(3);
    closed.hours.spans.clear();
    day.does(C::Open(closed));
    assert_eq!(why(&mut day, 7), RejectReason::Closed);
}

#[test]
fn a_clock_is_moved_without_touching_what_else_was_set() {
    let mut day = Day::new();
    let mut longer = kitchen(3);
    longer.prep_min = 17;
    day.does(C::Open(longer));
    let lisbon = || C::MoveClock { time_zone: "Europe/Lisbon".to_owned() };
    assert_eq!(day.does(lisbon()), ["kitchen.opened"]);
    assert_eq!(day.does(lisbon()), [""; 0]);
    let info = day.state.info().unwrap();
    assert_eq!((info.hours.time_zone.as_str(), info.prep_min), ("Europe/Lisbon", 17));
    assert!(matches!(day.refused(C::MoveClock { time_zone: "Lisbon".to_owned() }), No::BadHours { .. }));
}

#[test]
fn a_ticket_wanted_later_says_so_and_may_be_answered_as_long_as_its_order_waits() {
    let mut day = Day::new();
    let C::OpenTicket { order_id, ticket_id, lines, fulfilment, .. } = ask(1) else { unreachable!() };
    let (answer_by, wanted_at) = (NOON.plus_min(45), Some(NOON.plus_min(300)));
    day.does(C::OpenTicket { order_id, ticket_id, lines, fulfilment, answer_by, wanted_at });
    let asked = &day.state.ticket(ticket(1)).unwrap().asked;
    assert_eq!((asked.answer_by, asked.wanted_at), (answer_by, wanted_at));
}

#[test]
fn a_repeat_of_a_forgotten_ticket_cooks_nothing() {
    let mut day = Day::new();
    let C::OpenTicket { order_id, ticket_id, lines, fulfilment, .. } = ask(1) else { unreachable!() };
    let ask = C::OpenTicket { order_id, ticket_id, lines, fulfilment, answer_by: NOON.plus_s(90), wanted_at: None };
    day.does(ask.clone());
    assert_eq!(day.state.ticket(ticket(1)).unwrap().asked.answer_by, NOON.plus_s(90), "the order waits no longer");
    day.later_s(90).does(C::Tick);
    day.now = day.now.plus(FORGET_AFTER);
    day.does(void(2));
    assert_eq!(day.state.stage(ticket(1)), None, "forgotten");
    assert_eq!(day.does(ask), ["ticket.rejected"]);
}

#[test]
fn a_delay_counts_once_by_its_id() {
    let mut day = Day::new();
    day.does(ask(1));
    let delay = |n| C::DelayTicket { ticket_id: ticket(1), by_min: 5, command_id: CommandId(Uuid::from_u128(n)) };
    assert_eq!(day.refused(delay(1)), No::WrongStage { stage: Stage::Waiting });
    day.does(accept(1));
    assert_eq!(day.does(delay(1)), ["ticket.delayed"]);
    assert_eq!(day.does(delay(1)), [""; 0]);
    assert_eq!(day.does(delay(2)), ["ticket.delayed"]);
    let fire_at = day.now;
    day.does(start(1, fire_at));
    assert_eq!(day.state.ticket(ticket(1)).unwrap().ready_at, Some(NOON.plus_min(20)));
    (3..11).for_each(|n| assert_eq!(day.does(delay(n)), ["ticket.delayed"]));
    assert_eq!(day.refused(delay(11)), No::TooManyDelays);
}

/// The order planned ten minutes of work for half past; what was added meanwhile is begun as much earlier.
#[test]
fn a_delay_that_the_plan_missed_begins_earlier() {
    for (by_min, begins_min) in [(0, 20), (5, 15), (20, 0), (30, 0)] {
        let mut day = Day::new();
        day.does(ask(1));
        day.does(accept(1));
        if by_min > 0 {
            day.does(C::DelayTicket { ticket_id: ticket(1), by_min, command_id: CommandId(Uuid::nil()) });
        }
        let noon = day.now;
        let (fire_at, ready_by) = (noon.plus_min(20), noon.plus_min(30));
        let plan = C::ScheduleFire { ticket_id: ticket(1), fire_at, ready_by };
        day.does(plan.clone());
        let seen = day.state.ticket(ticket(1)).unwrap();
        let begins = seen.fire_at.unwrap().max(noon);
        assert_eq!(
            (begins, seen.ready_at),
            (noon.plus_min(begins_min), Some(noon.plus_min(30.max(10 + i64::from(by_min)))))
        );
        assert_eq!(day.does(plan), [""; 0]);
    }
}

#[test]
fn only_the_counter_needs_a_ticket_to_be_ready() {
    let mut day = Day::new();
    for (n, fulfilment) in [(1, Fulfilment::Pickup), (2, Fulfilment::Delivery)] {
        let C::OpenTicket { order_id, ticket_id, lines, answer_by, .. } = ask(n) else { unreachable!() };
        day.does(C::OpenTicket { order_id, ticket_id, lines, fulfilment, answer_by, wanted_at: None });
        day.does(accept(n));
    }
    let accepted = No::WrongStage { stage: Stage::Accepted };
    assert_eq!(day.refused(C::CollectTicket { ticket_id: ticket(1) }), accepted);
    assert_eq!(day.does(C::CollectTicket { ticket_id: ticket(2) }), ["ticket.collected"]);
}

#[test]
fn a_new_card_drops_the_86_of_what_is_gone() {
    let mut day = Day::new();
    assert_eq!(day.refused(C::EightySix { what: EightySix::Item(ItemId(Uuid::nil())), until: None }), No::NotOnMenu);
    let out = No::OutOfRange { field: "/until", range: "in the future, within 31 days" };
    assert_eq!(day.refused(C::EightySix { what: EightySix::Item(RAMEN), until: Some(NOON) }), out);
    day.does(C::EightySix { what: EightySix::Item(RAMEN), until: Some(NOON.plus_min(1)) });
    day.does(C::PublishMenu { menu: Menu::default() });
    assert_eq!((day.state.sold_out(NOON).count(), Kitchen::deadline(&day.state)), (0, None));
    let mut doubled = menu();
    doubled.items.extend(menu().items);
    let pointer = "/items/1/item_id".to_owned();
    assert_eq!(
        day.refused(C::PublishMenu { menu: doubled }),
        No::BadMenu { pointer, problem: "stands on the menu twice; each dish once" }
    );
}

#[test]
fn strangers_see_the_card_but_no_ticket() {
    let mut day = Day::new();
    let opened = recorded(&day.wish(&ask(1)).unwrap()[0]);
    assert!(projection::event_for(Reader::Public, &opened).is_none());
    assert_eq!(projection::event_for(Reader::Staff, &opened).unwrap()["number"], 1);
    let paused = recorded(&day.wish(&C::Pause { until: NOON.plus_min(5) }).unwrap()[0]);
    assert!(projection::event_for(Reader::Public, &paused).is_some());
    let board = projection::board(Reader::Public, &day.state, day.now).unwrap();
    assert!(board.tickets.is_none() && !board.kitchen.open_now && board.menu.items.len() == 1);
    assert_eq!(projection::board(Reader::Staff, &day.state, day.now).unwrap().tickets.unwrap().len(), 1);
}

#[test]
fn a_picked_up_order_and_a_silent_kitchen_close_their_tickets() {
    let react = |event: OrderEvent| {
        assert!(KitchenPolicy::KINDS.contains(&event.kind()));
        KitchenPolicy::react(&recorded(&event)).unwrap()
    };
    let user = crate::ids::UserId(Uuid::nil());
    let gone = OrderEvent::PickedUp(PickedUp { rider_id: user, customer_id: user, kitchens: vec![KITCHEN] });
    assert_eq!(react(gone), [(KITCHEN.0, C::CollectTicket { ticket_id: ticket(1) })]);
    let silent = PartRejected { kitchen_id: KITCHEN, reason: RejectReason::NoAnswer };
    assert_eq!(react(OrderEvent::PartRejected(silent)), [(KITCHEN.0, void(1))]);
    let busy = PartRejected { kitchen_id: KITCHEN, reason: RejectReason::TooBusy };
    assert_eq!(react(OrderEvent::PartRejected(busy)), []);
}

#[test]
fn a_very_busy_kitchen_stays_small_and_quick() {
    let mut day = Day::new();
    day.does(C::Open(kitchen(100_000)));
    for n in 0..20_000 {
        day.does(ask(n));
        day.does(accept(n));
        if n >= 2_000 {
            day.does(C::CollectTicket { ticket_id: ticket(n - 2_000) });
        }
    }
    assert_eq!((day.state.open_count(), day.state.closed_count()), (2_000, CLOSED_MAX));
    let recalled = (0..20_000).filter(|n| day.state.stage(ticket(*n)) == Some(Stage::Collected));
    assert_eq!(recalled.filter(|n| day.state.ticket(ticket(*n)).is_some()).count(), 64, "older ones lost their lines");
}

fn any_wish() -> impl Strategy<Value = C> {
    let what = EightySix::Item(RAMEN);
    (0u128..6, 1u32..10, 0u128..4, -100i64..1_000, 0u8..16).prop_map(move |(n, min, id, s, pick)| {
        let (ticket_id, at) = (ticket(n), NOON.plus_s(s));
        match pick {
            0..=3 => ask(n),
            4..=5 => C::AcceptTicket { ticket_id, prep_min: Some(min) },
            6 => C::RejectTicket { ticket_id, reason: RejectReason::Other },
            7 => C::DelayTicket { ticket_id, by_min: min, command_id: CommandId(Uuid::from_u128(id)) },
            8 => start(n, at),
            9 => C::FireTicket { ticket_id },
            10 => C::ReadyTicket { ticket_id },
            11 => C::CollectTicket { ticket_id },
            12 => void(n),
            13 => C::EightySix { what, until: (min > 5).then_some(at) },
            14 => C::Pause { until: at },
            _ => [C::Tick, C::Resume, C::BringBack { what }][usize::try_from(min % 3).unwrap()].clone(),
        }
    })
}

proptest! {
    #[test]
    fn any_day_keeps_its_promises(wishes in prop::collection::vec((any_wish(), 0i64..90), 1..120)) {
        let mut day = Day::new();
        let mut facts: Vec<(E, Timestamp)> = Vec::new();
        let mut over = std::collections::BTreeMap::new();
        for (wish, pause_s) in wishes {
            day.later_s(pause_s);
            let new = day.wish(&wish).unwrap_or_default();
            prop_assert_eq!(day.wish(&wish).unwrap_or_default(), vec![], "twice is once: {:?}", wish);
            for fact in &new {
                match fact {
                    E::TicketAccepted(body) => prop_assert!(!over.contains_key(&body.ticket_id)),
                    E::TicketVoided(body) => prop_assert!(over.insert(body.ticket_id, Stage::Voided).is_none()),
                    E::TicketExpired(body) => prop_assert!(over.insert(body.ticket_id, Stage::Expired).is_none()),
                    E::TicketRejected(body) => prop_assert!(over.insert(body.ticket_id, Stage::Rejected).is_none()),
                    E::TicketCollected(body) => prop_assert!(over.insert(body.ticket_id, Stage::Collected).is_none()),
                    _ => {}
                }
                let kept: E = E::decode(fact.kind(), &fact.encode()).unwrap();
                prop_assert_eq!(&kept, fact);
            }
            facts.extend(new.into_iter().map(|fact| (fact, day.now)));
            for (id, stage) in &over {
                prop_assert_eq!(day.state.stage(*id), Some(*stage));
            }
            // The index of due times and the count against a plain look at everything.
            let tickets = day.state.open_tickets().filter_map(|ticket| match ticket.stage {
                Stage::Waiting => Some(ticket.asked.answer_by),
                Stage::Accepted => ticket.fire_at,
                _ => None,
            });
            let back = day.state.off_menu(EightySix::Item(RAMEN)).flatten();
            let earliest = tickets.chain(back).chain(day.state.pause_recorded()).min();
            prop_assert_eq!(Kitchen::deadline(&day.state).map(|deadline| deadline.at), earliest);
            prop_assert!(day.state.open_count() <= 3);
            let opened = facts.iter().filter(|(fact, _)| matches!(fact, E::TicketOpened(_))).count();
            let closed = over.keys().filter(|id| facts.iter().any(|(fact, _)| matches!(fact, E::TicketOpened(body) if body.ticket_id == **id))).count();
            prop_assert_eq!(day.state.open_count(), opened - closed);
        }
        let text = serde_json::to_string(&day.state).unwrap();
        prop_assert_eq!(&serde_json::from_str::<KitchenState>(&text).unwrap(), &day.state, "a snapshot is the state");
        let mut again = KitchenState::default();
        for (fact, at) in [E::Opened(kitchen(3)), E::MenuPublished(super::event::MenuPublished { menu: menu() })].map(|fact| (fact, NOON)).iter().chain(&facts) {
            Kitchen::evolve(&mut again, fact, *at);
        }
        prop_assert_eq!(&again, &day.state, "a replay is the state");
    }
}

#[test]
fn a_kitchen_that_is_always_late_is_expected_late() {
    let mut state = given::<Kitchen>([E::Opened(kitchen(50))]).state;
    let mut now = NOON;
    let say = |state: &mut KitchenState, command: C, now: Timestamp| {
        for event in Kitchen::decide(state, &command, now).unwrap() {
            Kitchen::evolve(state, &event, now);
        }
    };
    let open = |n: u128, now: Timestamp| C::OpenTicket {
        order_id: order(n),
        ticket_id: ticket(n),
        lines: vec![line()],
        fulfilment: Fulfilment::Pickup,
        answer_by: now.plus_min(5),
        wanted_at: None,
    };
    say(&mut state, C::PublishMenu { menu: menu() }, now);
    for n in 0..60 {
        say(&mut state, open(n, now), now);
        say(&mut state, C::AcceptTicket { ticket_id: ticket(n), prep_min: None }, now);
        say(&mut state, start(n, now), now);
        if n == 0 {
            assert_eq!(state.ready_estimate(ticket(0), now).map(|at| at.since(now).as_secs().div_ceil(60)), Some(10));
        }
        now = now.plus_min(18); // ten were promised
        say(&mut state, C::ReadyTicket { ticket_id: ticket(n) }, now);
        assert_eq!(state.ready_estimate(ticket(n), now), None);
        say(&mut state, C::CollectTicket { ticket_id: ticket(n) }, now);
    }
    say(&mut state, open(99, now), now);
    let estimate = |state: &KitchenState, now: Timestamp, from: Timestamp| {
        state.ready_estimate(ticket(99), now).unwrap().since(from).as_secs_f64() / 60.0
    };
    assert!((estimate(&state, now, now) - 18.0).abs() < 2.0, "{}", estimate(&state, now, now));
    say(&mut state, C::AcceptTicket { ticket_id: ticket(99), prep_min: None }, now);
    say(&mut state, start(99, now.plus_min(7)), now);
    assert!((estimate(&state, now, now) - 25.0).abs() < 2.0, "not begun before its time");
    let delay = C::DelayTicket { ticket_id: ticket(99), by_min: 30, command_id: CommandId(Uuid::nil()) };
    say(&mut state, delay, now);
    assert!((estimate(&state, now, now) - 47.0).abs() < 1.0, "an announced delay is believed");
}
