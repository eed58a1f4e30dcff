//! Who is asked, and what happens when that is lost on the way.

use foodcourt_actors::{
    ask::AskError,
    decider::Decider,
    ids::OfferId,
    memory::Weather,
    rider::{Outcome, RiderRejection},
};

use super::*;

#[test]
fn a_planned_rider_whose_offer_was_lost_is_asked_again_at_once() {
    on_virtual_time(async {
        let town = Town::planned(31, Some(PlanSettings::default()));
        town.on_shift(1, 1).await;
        town.on_shift(2, 1).await;
        let both = [(1, 300.0), (2, 3_000.0)];
        town.pass(2, &both).await;
        town.request_for(1, 540).await;
        town.pass(18, &both).await;
        assert_eq!(
            (town.count("delivery.offered"), town.count("delivery.held_back")),
            (0, 1),
            "the near one is planned"
        );
        let held_until = Delivery::deadline(&*town.delivery(1).await).unwrap().at;
        town.riders.ask(rider_id(1).0, Wish::new(RiderCommand::EndShift, ORIGIN)).await.unwrap();
        // Only the far one is left, who must leave now; and the journal takes nothing.
        town.world.journal.set_weather(Weather { unavailable: 1_000, ..Weather::default() });
        town.pass(12, &both).await;
        let asks = |town: &Town| {
            let decisions = town.decisions(1);
            decisions.iter().filter(|(_, one)| matches!(one.said, Said::Ask { .. })).count()
        };
        assert_eq!((asks(&town), town.count("delivery.offered")), (1, 0), "the answer is lost");
        town.world.journal.set_weather(Weather::default());
        town.pass(16, &both).await;
        assert_eq!(asked(&town), [rider_id(2)]);
        assert!(town.now() < held_until, "not by its own look");
        town.pass(30, &both).await;
        assert_eq!(town.count("delivery.offered"), 1, "what is heard is not asked again");
    });
}

async fn says_yes(town: &Town, n: u128, offer_id: OfferId) -> Result<(), RiderRejection> {
    let yes = Wish::new(RiderCommand::AcceptOffer { offer_id }, ORIGIN);
    match town.riders.ask(rider_id(n).0, yes).await {
        Ok(_) => Ok(()),
        Err(AskError::Rejected(rejection)) => Err(rejection),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn of_several_who_are_asked_at_once_the_first_yes_has_it() {
    for settings in [None, Some(PlanSettings::default())] {
        on_virtual_time(async {
            let town = Town::asking(32, settings, 3);
            for n in 1..=4 {
                town.on_shift(n, 1).await;
            }
            let still = [(1, 100.0), (2, 200.0), (3, 300.0), (4, 400.0)];
            town.pass(2, &still).await;
            town.request(1).await;
            town.pass(8, &still).await;
            let mut riders = asked(&town);
            riders.sort_unstable();
            assert_eq!(riders, [rider_id(1), rider_id(2), rider_id(3)]);
            let (_, decision) = town.decisions(1).pop().unwrap();
            assert_eq!(
                (decision.said, decision.also),
                (Said::Ask { rider_id: rider_id(1) }, vec![rider_id(2), rider_id(3)])
            );
            let first = town.rider(1).await.offers[0].offer_id;
            let third = town.rider(3).await.offers[0].offer_id;
            // Both yeses before either is heard of; the delivery takes one, whichever it reads first.
            let (one, two) = tokio::join!(says_yes(&town, 3, third), says_yes(&town, 1, first));
            assert_eq!((one, two), (Ok(()), Ok(())));
            town.pass(2, &still).await;
            assert_eq!((town.count("delivery.assigned"), town.count("delivery.offer_revoked")), (1, 2));
            assert_eq!(town.count("delivery.assignment_refused"), 1);
            let bearer = town.delivery(1).await.bearer.unwrap().rider_id;
            let (held, free): (Vec<u128>, Vec<u128>) = (1..=3).partition(|n| rider_id(*n) == bearer);
            assert_eq!(town.rider(held[0]).await.held.len(), 1);
            for n in free {
                let rider = town.rider(n).await;
                assert!(rider.held.is_empty() && rider.offers.is_empty(), "{n} is free again: {rider:?}");
            }
            // The second heard that somebody was first, and a late yes is told so.
            let second = OfferId::of(delivery_id(1), rider_id(2), 1);
            assert_eq!(town.rider(2).await.outcome(second), Some(Outcome::Taken));
            assert_eq!(says_yes(&town, 2, second).await, Err(RiderRejection::OfferOver { outcome: Outcome::Taken }));
            town.request(2).await;
            town.pass(8, &still).await;
            assert!(asked(&town)[3..].iter().all(|rider| *rider != bearer), "the others may be asked for more");
            assert!(asked(&town).len() >= 5);
        });
    }
}

#[test]
fn the_next_riders_are_asked_when_all_have_said_no() {
    on_virtual_time(async {
        let town = Town::asking(33, None, 2);
        for n in 1..=3 {
            town.on_shift(n, 1).await;
        }
        let still = [(1, 100.0), (2, 200.0), (3, 300.0)];
        town.pass(2, &still).await;
        town.request(1).await;
        town.pass(3, &still).await;
        let no = RiderCommand::DeclineOffer { offer_id: town.rider(1).await.offers[0].offer_id };
        town.riders.ask(rider_id(1).0, Wish::new(no, ORIGIN)).await.unwrap();
        town.pass(3, &still).await;
        assert_eq!(asked(&town), [rider_id(1), rider_id(2)], "the other is still thinking");
        town.pass(42, &still).await;
        assert_eq!(asked(&town), [rider_id(1), rider_id(2), rider_id(3)]);
        assert_eq!((town.count("delivery.offer_declined"), town.count("delivery.offer_expired")), (1, 1));
    });
}

#[test]
fn who_has_said_no_does_not_stand_in_the_way_of_a_better_rider() {
    on_virtual_time(async {
        let town = Town::planned(35, Some(PlanSettings { better_s: 120, ..PlanSettings::default() }));
        town.on_shift(1, 1).await;
        town.on_shift(2, 1).await;
        let both = [(1, 2_500.0), (2, 100.0)];
        town.pass(2, &both).await;
        town.request(1).await;
        town.pass(8, &both).await;
        let no = RiderCommand::DeclineOffer { offer_id: town.rider(2).await.offers[0].offer_id };
        town.riders.ask(rider_id(2).0, Wish::new(no, ORIGIN)).await.unwrap();
        town.pass(8, &both).await;
        town.accept_all(1).await;
        town.pass(8, &both).await;
        assert!(town.delivery(1).await.is_brought_by(rider_id(1)));
        // The nearest is still who said no.
        town.on_shift(3, 1).await;
        town.pass(12, &[(1, 2_500.0), (2, 100.0), (3, 400.0)]).await;
        assert_eq!(asked(&town), [rider_id(2), rider_id(1), rider_id(3)]);
    });
}

#[test]
fn a_rider_who_comes_free_nearer_is_asked_while_the_first_keeps_it() {
    on_virtual_time(async {
        let town = Town::planned(34, Some(PlanSettings { better_s: 120, ..PlanSettings::default() }));
        town.on_shift(1, 1).await;
        let far = [(1, 2_500.0)];
        town.pass(2, &far).await;
        town.request(1).await;
        town.pass(8, &far).await;
        town.accept_all(1).await;
        town.pass(3, &far).await;
        assert!(town.delivery(1).await.is_brought_by(rider_id(1)));
        town.on_shift(2, 1).await;
        let both = [(1, 2_500.0), (2, 200.0)];
        town.pass(12, &both).await;
        assert_eq!(asked(&town), [rider_id(1), rider_id(2)]);
        assert!(town.delivery(1).await.is_brought_by(rider_id(1)), "who has it keeps it meanwhile");
        town.accept_all(2).await;
        town.pass(3, &both).await;
        assert!(town.delivery(1).await.is_brought_by(rider_id(2)));
        let first = town.rider(1).await;
        assert!(first.held.is_empty() && first.offers.is_empty());
        let facts = town.world.journal.facts();
        let gone = facts.iter().find(|fact| &*fact.kind == "rider.delivery_released").unwrap();
        assert!(gone.body.contains("replaced"), "{}", gone.body);
        assert_eq!(town.delivery(1).await.declined, []);
        // Somebody nearer still comes; it is not passed on again.
        town.on_shift(3, 1).await;
        town.pass(60, &[(1, 2_500.0), (2, 200.0), (3, 10.0)]).await;
        assert_eq!(town.count("delivery.offered"), 2);
    });
}
