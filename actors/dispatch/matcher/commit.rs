//! What of a schedule cannot wait for the next tick. Everything else stays free to be planned again.

use super::{
    model::{Assignment, Intent, Key, Move, Plan, Reason, Standing, Stop, Timing, Travel},
    route::{Route, Walk},
    search::Search,
};

/// The instructions that are due, and the rest of the schedule as intents.
///
/// A courier is sent off at the last tick at which it still comes in time, and is bound to orders only at the last tick
/// at which the pickup is not delayed by that: until then a better idea, or one more order of the same shop, may come.
pub fn due<T: Travel>(search: &Search<'_, T>) -> Plan {
    let mut plan = Plan::default();
    let measure = &search.measure;
    let next = measure.now + measure.rules.tick;
    for (courier, chain) in search.couriers.iter().zip(&search.chains) {
        let Some(first) = chain.first() else { continue };
        let mut rest = 0;
        let shop = first.shop as usize;
        let pickup = measure.pickup(courier, &Walk::of(courier), first);
        let bind =
            |plan: &mut Plan| plan.assignments.push(Assignment { courier: courier.key, route: stops(search, first) });
        // Going off duty before the next tick: what is not said now can never be said.
        let last = next > courier.off;
        match courier.standing {
            Standing::Idle | Standing::Moving if courier.shop == Some(shop) && (pickup.at < next || last) => {
                bind(&mut plan);
                rest = 1;
            }
            // Who stands at the shop is not sent to it again: that would count as arriving anew.
            Standing::Idle if courier.shop != Some(shop) && (pickup.leave < next || last) => {
                let arrival = pickup.at.min(measure.now + pickup.trip);
                if pickup.at < next || last || arrival > courier.off {
                    bind(&mut plan);
                    rest = 1;
                } else {
                    plan.moves.push(Move { courier: courier.key, shop, reason: Reason::Due });
                }
            }
            _ => {}
        }
        if chain.len() > rest {
            let routes = chain[rest..].iter().map(|route| keys(search, route)).collect();
            plan.intents.push(Intent { courier: courier.key, routes });
        }
    }
    plan.timings = timings(search);
    plan.given_up = search.left_out().map(|order| measure.orders[order as usize].key).collect();
    plan
}

fn timings<T: Travel>(search: &Search<'_, T>) -> Vec<Timing> {
    let mut timings = Vec::new();
    for (number, (courier, chain)) in search.couriers.iter().zip(&search.chains).enumerate() {
        for (place, route) in chain.iter().enumerate() {
            let pickup = search.measure.pickup(courier, &search.head(number, place), route);
            timings.extend(keys(search, route).into_iter().map(|order| Timing {
                order,
                courier: courier.key,
                first: place == 0,
                leave: pickup.leave,
                pickup: pickup.at,
            }));
        }
    }
    timings
}

fn keys<T: Travel>(search: &Search<'_, T>, route: &Route) -> Vec<Key> {
    route.orders().iter().map(|order| search.measure.orders[*order as usize].key).collect()
}

fn stops<T: Travel>(search: &Search<'_, T>, route: &Route) -> Vec<Stop> {
    let keys = keys(search, route);
    std::iter::once(Stop::Pickup(keys.clone())).chain(keys.into_iter().map(Stop::Dropoff)).collect()
}
