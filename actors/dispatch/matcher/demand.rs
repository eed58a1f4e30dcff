//! What the day has shown so far of where orders come from and how long they cook, and where idle couriers should stand
//! so that the next order waits least.

use std::collections::{BTreeMap, HashSet};

use super::{
    model::{Courier, Key, Move, Order, Place, Plan, Reason, Seconds, Standing, Travel},
    search::Search,
};

/// A shop before its first order counts as this share of an order: it is there to sell.
const PRIOR: f64 = 0.5;
/// Couriers that count for a shop: the first, and who steps in when it is busy, and who steps in for that one.
const DEEP: usize = 3;
/// The steps in which the shelf time is tabled.
const GRAIN: Seconds = 60;
/// Beyond this an order's wait is counted as this: somebody else will be free by then.
const FAR: usize = 60;
/// Shops that an idle courier considers, and couriers that are considered at one tick: the rest have their turn later.
const CHOICES: usize = 16;
const TURNS: usize = 64;

/// What was learned today.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    seen: HashSet<Key>,
    /// Orders seen per shop.
    shops: Vec<u32>,
    /// How many orders had so many seconds between being placed and being ready.
    cooking: BTreeMap<Seconds, u32>,
    /// Ticks of couriers on duty, and of those with something to do.
    duty: u64,
    busy: u64,
}

impl Demand {
    /// Takes in what a tick shows.
    pub fn learn(&mut self, shops: &[Place], orders: &[Order], couriers: &[Courier]) {
        self.shops.resize(shops.len(), 0);
        for order in orders {
            if self.seen.insert(order.key) {
                self.shops[order.shop] += 1;
                *self.cooking.entry((order.ready - order.placed).max(0)).or_default() += 1;
            }
        }
        for courier in couriers.iter().filter(|courier| courier.standing != Standing::Later) {
            self.duty += 1;
            self.busy += u64::from(courier.standing != Standing::Idle);
        }
    }

    /// How long an order waits on the shelf, on average, if a courier needs so many grains to be there.
    #[expect(clippy::cast_precision_loss, reason = "a day's orders and seconds")]
    fn shelf(&self, half: Seconds) -> Vec<f64> {
        let total = f64::from(self.cooking.values().sum::<u32>().max(1));
        let wait = |away: Seconds| -> i64 {
            self.cooking.range(..away + half).map(|(cooks, count)| (away + half - cooks) * i64::from(*count)).sum()
        };
        (0..=FAR as i64).map(|grains| wait(grains * GRAIN) as f64 / total).collect()
    }

    /// Moves for couriers that have nothing to do: to where the next order, wherever it comes from, is expected to wait
    /// least. The expected wait of an order at a shop is that for the nearest courier, or if it is busy the next one
    /// (Daskin's maximum expected covering, 1983, with time instead of coverage).
    #[expect(clippy::cast_precision_loss, reason = "a day's orders and seconds")]
    pub fn positions<T: Travel>(&self, search: &Search<'_, T>, plan: &Plan, dwell: Seconds) -> Vec<Move> {
        let measure = &search.measure;
        let told = |key: Key| {
            plan.assignments.iter().any(|task| task.courier == key) || plan.moves.iter().any(|sent| sent.courier == key)
        };
        let free: Vec<&Courier> = search
            .couriers
            .iter()
            .zip(&search.chains)
            .filter(|(courier, chain)| chain.is_empty() && courier.free <= measure.now + dwell && !told(courier.key))
            .map(|(courier, _)| courier)
            .collect();
        let idle: Vec<usize> = (0..free.len()).filter(|number| free[*number].standing == Standing::Idle).collect();
        if idle.is_empty() || self.seen.is_empty() {
            return Vec::new();
        }
        let shelf = self.shelf(measure.rules.pickup_half);
        let busy = self.busy as f64 / self.duty.max(1) as f64;
        let mut away: Vec<Vec<Seconds>> = free
            .iter()
            .map(|courier| {
                let wait = courier.free - measure.now;
                measure.shops.iter().map(|shop| wait + measure.travel.seconds(courier.at, *shop)).collect()
            })
            .collect();
        let mut moves = Vec::new();
        for number in idle.into_iter().take(TURNS) {
            let courier = free[number];
            let others: Vec<[f64; DEEP]> = (0..measure.shops.len())
                .map(|shop| {
                    let mut best = [Seconds::MAX; DEEP];
                    for (other, list) in away.iter().enumerate() {
                        if other != number && list[shop] < best[DEEP - 1] {
                            best[DEEP - 1] = list[shop];
                            best.sort_unstable();
                        }
                    }
                    best.map(|away| waited(&shelf, away))
                })
                .collect();
            let cost = |from: &dyn Fn(usize) -> Seconds| -> f64 {
                let expected = |shop: usize| {
                    let mine = waited(&shelf, from(shop));
                    let mut list = others[shop];
                    if let Some(at) = list.iter().position(|other| mine < *other) {
                        list[at..].rotate_right(1);
                        list[at] = mine;
                    }
                    let last = waited(&shelf, Seconds::MAX);
                    (f64::from(self.shops[shop]) + PRIOR)
                        * list.iter().rev().fold(last, |later, wait| (1.0 - busy) * wait + busy * later)
                };
                (0..measure.shops.len()).map(expected).sum()
            };
            let stay = cost(&|shop| away[number][shop]) * dwell as f64;
            let mut near: Vec<usize> = (0..measure.shops.len()).filter(|shop| courier.shop != Some(*shop)).collect();
            near.sort_by_key(|shop| (away[number][*shop], *shop));
            let mut best: Option<(f64, usize)> = None;
            for shop in near.into_iter().take(CHOICES) {
                let trip = away[number][shop];
                if measure.now + trip + measure.rules.pickup_half > courier.off || trip >= dwell || trip == 0 {
                    continue;
                }
                let at = measure.shops[shop];
                let after = cost(&|other| measure.travel.seconds(at, measure.shops[other]));
                let during = cost(&|other| trip + measure.travel.seconds(at, measure.shops[other]));
                let total = after * (dwell - trip) as f64 + during * trip as f64;
                if total < best.map_or(stay, |(least, _)| least) * (1.0 - 1e-9) {
                    best = Some((total, shop));
                }
            }
            if let Some((_, shop)) = best {
                let (trip, at) = (away[number][shop], measure.shops[shop]);
                away[number] = measure.shops.iter().map(|other| trip + measure.travel.seconds(at, *other)).collect();
                moves.push(Move { courier: courier.key, shop, reason: Reason::Coverage });
            }
        }
        moves
    }
}

fn waited(shelf: &[f64], away: Seconds) -> f64 {
    let grains = usize::try_from((away.max(0).saturating_add(GRAIN - 1)) / GRAIN).unwrap_or(FAR);
    shelf[grains.min(FAR)]
}
