//! Which couriers are worth asking for an order: those near its shop. A small fleet is asked whole; of a large one an
//! R-tree over where each will be free gives the nearest, so that a tick costs orders × near couriers, not the city.

use rstar::{RTree, primitives::GeomWithData};

use super::{
    model::{Courier, Order, Place, Seconds, Travel},
    route::paced,
};

/// Points by nearness.
pub struct Nearest {
    count: usize,
    tree: RTree<GeomWithData<[f64; 2], usize>>,
}

impl Nearest {
    /// Points, numbered as they come.
    pub fn of(points: impl Iterator<Item = Place>) -> Self {
        let points: Vec<_> = points.zip(0..).map(|(at, number)| GeomWithData::new([at.x, at.y], number)).collect();
        Self { count: points.len(), tree: RTree::bulk_load(points) }
    }
    /// The numbers of the `most` points nearest to a place, in no order of meaning; all of them if they are no more.
    pub fn few(&self, place: Place, most: usize) -> Vec<usize> {
        if self.count <= most {
            return (0..self.count).collect();
        }
        self.tree.nearest_neighbor_iter(&[place.x, place.y]).take(most).map(|point| point.data).collect()
    }
}

/// Orders of one shop for which further couriers are looked at, at most: a tick over a crowd costs its square.
pub const CROWD_MAX: usize = 384;

/// How many couriers to look at around a shop with so many open orders, where `most` are enough for a few of them: in a
/// crowd each order can have one of its own.
pub fn enough(most: usize, open: usize) -> usize {
    most.max(most / 2 + open.min(CROWD_MAX))
}

/// A courier worth asking for a shop.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Near {
    /// Its number.
    pub courier: u32,
    /// When it can be there at the soonest.
    pub arrival: Seconds,
}

/// For each shop with an open order the couriers to ask, `most` or [`enough`] for a crowd, soonest there first, and who has
/// one of its orders already; empty for other shops. Couriers stand in the order of their keys.
pub fn lists<T: Travel>(
    shops: &[Place],
    orders: &[Order],
    couriers: &[Courier],
    most: usize,
    travel: &T,
) -> Vec<Vec<Near>> {
    let mut lists = vec![Vec::new(); shops.len()];
    let mut open = vec![0; shops.len()];
    orders.iter().for_each(|order| open[order.shop] += 1);
    let tree = Nearest::of(couriers.iter().map(|courier| courier.at));
    for order in orders {
        let arrival = |courier: &Courier| match courier.shop {
            Some(number) if number == order.shop => courier.arrived,
            _ => courier.free + paced(courier, travel.seconds(courier.at, shops[order.shop])),
        };
        let near = |number: usize| Near {
            courier: u32::try_from(number).expect("couriers are fewer than 2^32"),
            arrival: arrival(&couriers[number]),
        };
        let has = order.bearer.and_then(|has| couriers.binary_search_by_key(&has.courier, |courier| courier.key).ok());
        if let Some(has) = has.map(near)
            && !lists[order.shop].is_empty()
            && !lists[order.shop].contains(&has)
        {
            let place =
                lists[order.shop].partition_point(|one| (one.arrival, one.courier) < (has.arrival, has.courier));
            lists[order.shop].insert(place, has);
        }
        if !lists[order.shop].is_empty() {
            continue;
        }
        let few = tree.few(shops[order.shop], enough(most, open[order.shop]));
        let mut list: Vec<Near> = few.into_iter().map(near).collect();
        if let Some(has) = has.map(near).filter(|has| !list.contains(has)) {
            list.push(has);
        }
        list.sort_unstable_by_key(|near| (near.arrival, near.courier));
        lists[order.shop] = list;
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_has_riders_of_its_own_and_a_few_have_as_many_as_ever() {
        assert_eq!([0, 1, 24, 25, 500, 5_000].map(|open| enough(48, open)), [48, 48, 48, 49, 408, 408]);
    }
}
