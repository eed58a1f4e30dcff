//! Who is asked, and what happens when that is lost on the way.

use foodcourt_actors::{decider::Decider, memory::Weather};

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
