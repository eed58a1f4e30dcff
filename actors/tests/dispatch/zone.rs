//! What a zone knows of riders, and how it comes to know it again.

use foodcourt_actors::{
    dispatch::{
        survey::{Survey, Surveys as _},
        zone::{Find, Finds as _},
    },
    reactor::Tap as _,
};

use super::*;

#[test]
fn a_zone_that_has_lost_facts_looks_again() {
    on_virtual_time(async {
        let town = Town::new(6);
        town.on_shift(1, 1).await;
        town.pass(2, &[(1, 100.0)]).await;
        let find = |n| Find {
            delivery_id: delivery_id(n),
            pickup: court(),
            radius_m: 1_000,
            not: vec![],
            at_once: 1,
            around: 0,
        };
        assert_eq!(town.zone.find(find(1)).await.unwrap().near.len(), 1);
        assert_eq!(town.zone.find(find(1)).await.unwrap().near.len(), 1, "a repeated search finds the same rider");
        assert_eq!(town.zone.find(find(2)).await.unwrap().near.len(), 0, "hidden from others");
        let mut fact = (*town.world.journal.facts()[0]).clone();
        fact.version = 7; // as if six were lost
        town.zone.facts(&[Arc::new(fact)]);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(town.zone.find(find(2)).await.unwrap().near.len(), 0, "not known any more");
        town.pass(6, &[(1, 100.0)]).await;
        assert_eq!(town.zone.find(find(2)).await.unwrap().near.len(), 0, "what was heard of is not there yet");
        let end = RiderCommand::EndShift;
        town.riders.ask(rider_id(1).0, Wish::new(end, ORIGIN)).await.unwrap();
        town.pass(6, &[(1, 100.0)]).await;
        assert_eq!(town.zone.find(find(2)).await.unwrap().near.len(), 0, "off shift");
    });
}

#[test]
fn a_zone_that_comes_later_knows_who_is_on_the_road() {
    on_virtual_time(async {
        let town = Town::planned(7, Some(PlanSettings::default()));
        town.on_shift(1, 3).await;
        let still = [(1, 100.0)];
        town.pass(2, &still).await;
        town.request(1).await;
        town.pass(8, &still).await;
        town.accept_all(1).await;
        town.pass(2, &still).await;
        town.command(1, DeliveryCommand::NoteReady).await;
        for step in [RiderStep::ArrivedAtPickup, RiderStep::PickedUp] {
            town.command(1, DeliveryCommand::Step { rider_id: rider_id(1), step }).await;
        }
        // As after a restart: none of these facts was heard by it.
        let later = open_zone(&town.world.kernel, &town.deliveries, &town.riders);
        let at = town.now();
        let fix = Fix { seq: 1, at, position: east(900.0), accuracy_m: 5.0, speed_mps: None, heading_deg: None };
        later.moved(rider_id(1), 1, &fix);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let survey = Survey { pickups: vec![(court(), 5)], deliveries: Default::default() };
        let seen = later.survey(survey).await.unwrap().seen;
        let [rider] = &seen[..] else { panic!("{seen:?}") };
        assert!(rider.bag[0].has_food, "nothing is left to be fetched: {rider:?}");
    });
}

#[test]
fn who_is_there_first_is_hidden_in_the_place_of_who_is_nearest() {
    on_virtual_time(async {
        let town = Town::new(8);
        for n in 1..=3 {
            town.on_shift(n, 1).await;
        }
        town.pass(2, &[(1, 100.0), (2, 200.0), (3, 300.0)]).await;
        let find = async |n, at_once| {
            let (delivery_id, pickup) = (delivery_id(n), court());
            let find = Find { delivery_id, pickup, radius_m: 1_000, not: vec![], at_once, around: 0 };
            let near = town.zone.find(find).await.unwrap().near;
            near.into_iter().map(|one| one.rider_id).collect::<Vec<_>>()
        };
        let [one, two, three] = [1, 2, 3].map(rider_id);
        assert_eq!(find(1, 2).await, [one, two, three]);
        assert_eq!(find(2, 0).await, [three], "two are about to be asked");
        assert_eq!(find(3, 1).await, [three]);
        town.zone.prefer(delivery_id(1), vec![one, two], vec![two, three]);
        assert_eq!(find(2, 0).await, [one], "whoever is farther is there before");
        assert_eq!(find(1, 0).await, [one, two], "another delivery's rider stays hidden");
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(find(2, 0).await, [one, two, three], "nobody is hidden for long");
    });
}
