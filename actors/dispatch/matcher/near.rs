//! Which couriers are worth asking for an order: those near its shop. A small fleet is asked whole; of a large one an
//! R-tree over where each will be free gives the nearest, so that a tick costs orders × near couriers, not the city.

use rstar::{RTree, primitives::GeomWithData};

use super::model::{Courier, Order, Place, Travel};

/// For each shop with an open order the numbers of the couriers to ask, soonest there first; empty for other shops.
pub fn lists<T: Travel>(
    shops: &[Place],
    orders: &[Order],
    couriers: &[Courier],
    most: usize,
    travel: &T,
) -> Vec<Vec<u32>> {
    let mut lists = vec![Vec::new(); shops.len()];
    let tree = (couriers.len() > most).then(|| {
        let points =
            (0..).zip(couriers).map(|(number, courier)| GeomWithData::new([courier.at.x, courier.at.y], number));
        RTree::bulk_load(points.collect())
    });
    for order in orders {
        if !lists[order.shop].is_empty() {
            continue;
        }
        let shop = shops[order.shop];
        let mut list: Vec<u32> = match &tree {
            Some(tree) => tree.nearest_neighbor_iter(&[shop.x, shop.y]).take(most).map(|point| point.data).collect(),
            None => (0..).take(couriers.len()).collect(),
        };
        list.sort_by_cached_key(|number| {
            let courier = &couriers[*number as usize];
            (courier.free + travel.seconds(courier.at, shop), *number)
        });
        lists[order.shop] = list;
    }
    lists
}
