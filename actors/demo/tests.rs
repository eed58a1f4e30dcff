//! Claims about the demo world.

use std::collections::BTreeSet;

use super::{accounts, courts, district, kitchens};
use crate::{
    decider::Decider,
    kitchen::{Kitchen, KitchenCommand, KitchenState},
    testing::NOON,
};

#[test]
fn every_kitchen_opens_and_seeding_twice_changes_nothing() {
    for kitchen in kitchens() {
        let mut state = KitchenState::default();
        for (round, expected) in [(1, 1), (2, 0)] {
            for command in kitchen.commands() {
                let facts = Kitchen::decide(&state, &command, NOON).unwrap();
                assert_eq!(facts.len(), expected, "{} in round {round}", kitchen.word);
                facts.iter().for_each(|fact| Kitchen::evolve(&mut state, fact, NOON));
            }
        }
        assert!(state.is_open(NOON) && (6..=10).contains(&kitchen.menu.items.len()));
        assert!((4..=15).contains(&kitchen.opened.prep_min));
        assert!(courts().iter().any(|court| court.court_id == kitchen.opened.court_id));
    }
    let ids: BTreeSet<_> = accounts().iter().map(|account| account.user_id).collect();
    assert_eq!(ids.len(), 3 + 7 + 5);
}

#[test]
fn a_restart_leaves_the_staffs_own_menu_alone() {
    let kitchen = kitchens().remove(0);
    let (mut state, mut version) = (KitchenState::default(), 0);
    let mut dearer = kitchen.menu.clone();
    dearer.items[0].price.amount += 100;
    let own = KitchenCommand::PublishMenu { menu: dearer.clone() };
    for command in kitchen.missing(version).chain([own]).collect::<Vec<_>>() {
        for fact in Kitchen::decide(&state, &command, NOON).unwrap() {
            Kitchen::evolve(&mut state, &fact, NOON);
            version += 1;
        }
    }
    assert_eq!(kitchen.missing(version).count(), 0);
    assert_eq!(**state.menu(), dearer);
    assert_eq!(kitchen.missing(1).count(), 1, "a start that was cut short is made up for");
}

#[test]
fn every_door_can_be_reached_along_streets() {
    for court in courts() {
        for n in 0..300 {
            let door = district::address(n);
            let way = district::route(court.position, door.position);
            assert_eq!((way.first(), way.last()).0.map(|at| at.distance_m(court.position) < 1.0), Some(true));
            assert!(way[way.len() - 1].distance_m(door.position) < 1.0);
            let (length, crow) = (district::length_m(&way), court.position.distance_m(door.position));
            assert!(
                length + 1.0 >= crow && length < 3.0 * crow + 900.0,
                "{} is {length} m away, {crow} m as the crow",
                door.line
            );
            assert!(crow < f64::from(court.delivery_radius_m), "{} is out of reach", door.line);
            assert!(district::snap(door.position).distance_m(door.position) < 10.0);
            for pair in way[1..way.len() - 1].windows(2) {
                let half = crate::place::Position::new(
                    f64::midpoint(pair[0].lat(), pair[1].lat()),
                    f64::midpoint(pair[0].lon(), pair[1].lon()),
                );
                let half = half.unwrap();
                assert!(district::snap(half).distance_m(half) < 1.0, "a way leaves the streets");
            }
        }
    }
}

#[test]
fn the_map_is_a_town() {
    let map = district::geojson();
    let features = map["features"].as_array().unwrap();
    let count = |kind: &str| features.iter().filter(|feature| feature["properties"]["kind"] == kind).count();
    assert_eq!((count("river"), count("park"), count("court")), (1, 1, 2));
    assert!(count("street") > 60 && count("block") > 180, "{} streets, {} blocks", count("street"), count("block"));
    assert_eq!(map, district::geojson());
    assert!(map.to_string().len() < 200_000, "a page loads it in one go: {}", map.to_string().len());
}
