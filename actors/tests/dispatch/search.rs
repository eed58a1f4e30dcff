//! Who is found: exactly wherever the courts are, and each rider once.

use foodcourt_actors::dispatch::zone::{Find, Finds as _};

use super::*;

#[test]
fn a_court_far_from_where_the_zone_began_is_searched_as_exactly() {
    on_virtual_time(async {
        let town = Town::new(11);
        let oslo = Position::new(59.91, 10.75).unwrap();
        let around_oslo = LocalMap::around(oslo);
        for n in 1..=2 {
            town.on_shift(n, 1).await;
        }
        // On a map around Berlin the first would seem to be 970 m away, and the farther one.
        town.fix(1, around_oslo.to_position([800.0, 0.0]));
        town.fix(2, around_oslo.to_position([0.0, 900.0]));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let find = async |pickup| {
            let find =
                Find { delivery_id: delivery_id(1), pickup, radius_m: 5_000, not: vec![], at_once: 1, around: 0 };
            let found = town.zone.find(find).await.unwrap();
            found.near.iter().map(|near| (near.rider_id, near.distance_m)).collect::<Vec<_>>()
        };
        let exact = [(rider_id(1), 800), (rider_id(2), 900)];
        assert_eq!(find(oslo).await, exact);
        assert_eq!(find(court()).await, [], "nobody is in Berlin");
        assert_eq!(find(oslo).await, exact, "and a search there does not pull the map away");
    });
}

#[test]
fn ten_deliveries_at_once_ask_ten_riders() {
    on_virtual_time(async {
        let town = Town::new(2);
        let still: Vec<(u128, f64)> = (1..=10).map(|n| (n, 40.0 * n as f64)).collect();
        for n in 1..=10 {
            town.on_shift(n, 1).await;
        }
        town.pass(2, &still).await;
        join_all((1..=10).map(|n| town.request(n))).await;
        town.pass(3, &still).await;
        assert_eq!(town.count("delivery.offered"), 10);
        assert_eq!(town.count("offer.received"), 10, "each rider is asked once and nobody is full");
        for n in 1..=10 {
            town.accept_all(n).await;
        }
        town.pass(3, &still).await;
        assert_eq!(town.count("delivery.assigned"), 10);
        assert_eq!(town.count("delivery.assignment_refused"), 0);
    });
}
