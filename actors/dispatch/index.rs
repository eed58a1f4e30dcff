//! Where riders are, searchable: an R-tree over local metres. The only door to `rstar`.
//! Knows positions and nothing about riders; who may be asked is the caller's filter.

use rstar::{AABB, PointDistance, RTree, RTreeObject};

use crate::{
    ids::{IdMap, RiderId},
    place::{LocalMap, Position},
};

/// A move shorter than this is GPS noise (a phone's error is 3–10 m) and does not touch the tree.
const NOISE_M: f64 = 5.0;
/// After this many moves per rider the tree is packed anew (a search degrades by up to 45 % after a million moves of
/// 100,000 riders: measured); packing 100,000 takes 20–55 ms, so the cost stays under 5 µs a move.
const MOVES_PER_RIDER: usize = 10;
/// …but not before this many moves: a small tree does not degrade enough to notice.
const MOVES_MIN: usize = 10_000;

#[derive(Clone, Copy, PartialEq, Debug)]
struct Spot {
    rider_id: RiderId,
    at: [f64; 2],
}

impl RTreeObject for Spot {
    type Envelope = AABB<[f64; 2]>;
    fn envelope(&self) -> Self::Envelope {
        AABB::from_point(self.at)
    }
}

impl PointDistance for Spot {
    fn distance_2(&self, [x, y]: &[f64; 2]) -> f64 {
        let (east, north) = (self.at[0] - x, self.at[1] - y);
        east * east + north * north
    }
}

/// A rider found near a point.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Near {
    /// Who.
    pub rider_id: RiderId,
    /// How far away, metres.
    pub distance_m: f64,
}

/// Positions of riders.
#[derive(Debug)]
pub struct RiderIndex {
    map: LocalMap,
    tree: RTree<Spot>,
    /// Where each rider stands in the tree: `remove` needs the old place.
    spots: IdMap<RiderId, [f64; 2]>,
    moves: usize,
}

impl RiderIndex {
    /// An empty index on a flat map around `origin`, good for 50 km around it.
    #[must_use]
    pub fn around(origin: Position) -> Self {
        Self { map: LocalMap::around(origin), tree: RTree::new(), spots: IdMap::default(), moves: 0 }
    }
    /// Many riders at once, packed.
    #[must_use]
    pub fn load(origin: Position, riders: impl IntoIterator<Item = (RiderId, Position)>) -> Self {
        let map = LocalMap::around(origin);
        let spots: IdMap<RiderId, [f64; 2]> =
            riders.into_iter().map(|(rider_id, at)| (rider_id, map.to_metres(at))).collect();
        let mut index = Self { map, tree: RTree::new(), spots, moves: 0 };
        index.pack();
        index
    }
    /// Whether a search around `at` is exact.
    #[must_use]
    pub fn covers(&self, at: Position) -> bool {
        self.map.covers(at)
    }
    /// How many riders are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spots.len()
    }
    /// Whether nobody is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spots.is_empty()
    }
    /// Whether the rider is in it.
    #[must_use]
    pub fn contains(&self, rider_id: RiderId) -> bool {
        self.spots.contains_key(&rider_id)
    }
    /// Puts a rider at `position`, wherever they were before.
    pub fn place(&mut self, rider_id: RiderId, position: Position) {
        let at = self.map.to_metres(position);
        if let Some(old) = self.spots.get(&rider_id).copied() {
            if (Spot { rider_id, at: old }).distance_2(&at) < NOISE_M * NOISE_M {
                return;
            }
            self.tree.remove(&Spot { rider_id, at: old });
        }
        self.spots.insert(rider_id, at);
        self.tree.insert(Spot { rider_id, at });
        self.moves += 1;
        if self.moves >= MOVES_MIN.max(self.spots.len() * MOVES_PER_RIDER) {
            self.pack();
        }
    }
    /// Takes a rider out; nothing happens if they are not in it.
    pub fn remove(&mut self, rider_id: RiderId) {
        if let Some(at) = self.spots.remove(&rider_id) {
            self.tree.remove(&Spot { rider_id, at });
        }
    }
    /// At most `count` riders within `radius_m` of `around` that pass `wanted`, nearest first.
    #[must_use]
    pub fn nearest(
        &self,
        around: Position,
        radius_m: f64,
        count: usize,
        mut wanted: impl FnMut(RiderId) -> bool,
    ) -> Vec<Near> {
        let centre = self.map.to_metres(around);
        let mut near = Vec::with_capacity(count);
        if count == 0 {
            return near;
        }
        for (spot, squared) in self.tree.nearest_neighbor_iter_with_distance_2(&centre) {
            if squared > radius_m * radius_m {
                break;
            }
            if wanted(spot.rider_id) {
                near.push(Near { rider_id: spot.rider_id, distance_m: squared.sqrt() });
                if near.len() == count {
                    break;
                }
            }
        }
        near
    }

    fn pack(&mut self) {
        // Sorted, so that the same riders make the same tree on every run.
        let mut spots: Vec<Spot> =
            self.spots.iter().map(|(rider_id, at)| Spot { rider_id: *rider_id, at: *at }).collect();
        spots.sort_unstable_by_key(|spot| spot.rider_id);
        self.tree = RTree::bulk_load(spots);
        self.moves = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::ids::UserId;

    fn rider(n: u128) -> RiderId {
        UserId(Uuid::from_u128(n))
    }
    fn origin() -> Position {
        Position::new(52.52, 13.40).unwrap()
    }
    fn at(east_m: f64, north_m: f64) -> Position {
        LocalMap::around(origin()).to_position([east_m, north_m])
    }

    #[derive(Clone, Debug)]
    enum Move {
        Place(u128, f64, f64),
        Remove(u128),
        Find(f64, f64, f64, usize),
    }

    fn any_move() -> impl Strategy<Value = Move> {
        let metre = -3_000.0..3_000.0f64;
        prop_oneof![
            5 => (0..40u128, metre.clone(), metre.clone()).prop_map(|(n, x, y)| Move::Place(n, x, y)),
            1 => (0..40u128).prop_map(Move::Remove),
            3 => (metre.clone(), metre, 0.0..4_000.0f64, 0..6usize).prop_map(|(x, y, r, k)| Move::Find(x, y, r, k)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn finds_what_looking_at_everyone_finds(moves in proptest::collection::vec(any_move(), 0..200), pack in any::<bool>()) {
            let map = LocalMap::around(origin());
            let mut index = RiderIndex::around(origin());
            let mut plain: HashMap<RiderId, [f64; 2]> = HashMap::new();
            for step in moves {
                match step {
                    Move::Place(n, x, y) => {
                        let to = map.to_metres(at(x, y));
                        index.place(rider(n), at(x, y));
                        let noise = plain.get(&rider(n)).is_some_and(|old| (old[0] - to[0]).hypot(old[1] - to[1]) < NOISE_M);
                        if !noise {
                            plain.insert(rider(n), to);
                        }
                    }
                    Move::Remove(n) => {
                        index.remove(rider(n));
                        plain.remove(&rider(n));
                    }
                    Move::Find(x, y, radius_m, count) => {
                        if pack {
                            index.pack();
                        }
                        let centre = map.to_metres(at(x, y));
                        let even = |who: RiderId| who.0.as_u128().is_multiple_of(2);
                        let mut all: Vec<f64> = plain.iter().filter(|(who, _)| even(**who))
                            .map(|(_, spot)| (spot[0] - centre[0]).hypot(spot[1] - centre[1]))
                            .filter(|distance_m| *distance_m <= radius_m).collect();
                        all.sort_by(f64::total_cmp);
                        all.truncate(count);
                        let found = index.nearest(at(x, y), radius_m, count, even);
                        prop_assert_eq!(found.len(), all.len());
                        for (near, expected) in found.iter().zip(all) {
                            prop_assert!((near.distance_m - expected).abs() < 1e-6);
                        }
                    }
                }
                prop_assert_eq!(index.len(), plain.len());
                prop_assert_eq!(index.tree.size(), plain.len());
            }
        }
    }

    #[test]
    fn noise_does_not_touch_the_tree() {
        let mut index = RiderIndex::around(origin());
        index.place(rider(1), at(0.0, 0.0));
        index.place(rider(1), at(3.0, 3.0));
        assert_eq!(index.moves, 1);
        index.place(rider(1), at(30.0, 0.0));
        assert_eq!((index.moves, index.len()), (2, 1));
    }

    #[test]
    fn packs_itself_after_many_moves() {
        let mut index = RiderIndex::load(origin(), (0..10).map(|n| (rider(n), at(0.0, 100.0))));
        for n in 0..25_000u32 {
            index.place(rider(u128::from(n % 10)), at(f64::from(n % 977), f64::from(n % 89)));
        }
        assert!(index.moves < MOVES_MIN && index.len() == 10);
    }
}
