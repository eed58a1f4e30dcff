//! What the day has shown so far of where orders come from and how long they cook, and where idle couriers should stand
//! so that the next order waits least.

use std::collections::{BTreeMap, HashSet};

use super::{
    model::{Courier, Key, Move, Order, Place, Plan, Reason, Seconds, Standing, Travel},
    near::Nearest,
    route::paced,
    search::Search,
};

/// A shop before its first order counts as this share of an order: it is there to sell.
const PRIOR: f64 = 0.5;
/// Couriers that count for a shop: the first, and who steps in when it is busy, and who steps in for that one.
const DEEP: usize = 3;
/// The steps in which the shelf time is tabled, and how many there are: whoever is further away than that does not
/// count, for somebody else will be free by then.
const GRAIN: Seconds = 60;
const FAR: usize = 60;
/// Shops that an idle courier considers going to, and shops around it whose waits it compares.
const CHOICES: usize = 16;
const AROUND: usize = 128;
/// Couriers that are considered at one tick; the rest have their turn at the next ones.
const TURNS: usize = 64;
/// Couriers nearest to a shop in metres, of which the soonest count.
const ASKED: usize = 64;

/// What was learned today.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    seen: HashSet<Key>,
    /// Orders seen per shop.
    shops: Vec<u32>,
    /// How many orders had so many seconds between being placed and being ready.
    cooking: BTreeMap<Seconds, u32>,
    /// Ticks of couriers on duty, and of those delivering.
    duty: u64,
    busy: u64,
    /// Whose turn it is to be considered.
    turn: usize,
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
            self.busy += u64::from(courier.standing == Standing::Busy);
        }
    }

    /// How long an order waits on the shelf, on average, if a courier needs so many grains to be there.
    #[expect(clippy::cast_precision_loss, reason = "a day's orders and seconds")]
    fn shelf(&self, half: Seconds) -> Vec<f64> {
        let total = f64::from(self.cooking.values().sum::<u32>().max(1));
        if self.cooking.is_empty() {
            // Nothing is known of kitchens yet: every second of a courier's way may be one on the shelf.
            return (0..=FAR as i64).map(|grains| (grains * GRAIN + half) as f64).collect();
        }
        let wait = |away: Seconds| -> i64 {
            self.cooking.range(..away + half).map(|(cooks, count)| (away + half - cooks) * i64::from(*count)).sum()
        };
        (0..=FAR as i64).map(|grains| wait(grains * GRAIN) as f64 / total).collect()
    }

    /// Moves for couriers that have nothing to do: to where the next order, wherever it comes from, is expected to wait
    /// least while they stand there for `dwell`. The expected wait of an order at a shop is that for the nearest
    /// courier, or if it is busy the next one (Daskin's maximum expected covering, 1983, with waits for coverage).
    #[expect(clippy::cast_precision_loss, reason = "a day's orders and seconds")]
    pub fn positions<T: Travel>(&mut self, search: &Search<'_, T>, plan: &Plan, dwell: Seconds) -> Vec<Move> {
        let measure = &search.measure;
        let assigned = plan.assignments.iter().map(|task| task.courier);
        let told: HashSet<Key> = assigned.chain(plan.moves.iter().map(|sent| sent.courier)).collect();
        let mut free: Vec<Free> = Vec::new();
        let mut idle = Vec::new();
        for (number, courier) in search.couriers.iter().enumerate() {
            let end = search.head(number, usize::MAX);
            if end.free > (measure.now + dwell).min(courier.off) {
                continue;
            }
            if courier.standing == Standing::Idle && search.chains[number].is_empty() && !told.contains(&courier.key) {
                idle.push((free.len(), courier));
            }
            free.push(Free { wait: end.free - measure.now, at: end.at });
        }
        if idle.is_empty() {
            return Vec::new();
        }
        let mut view = View {
            shelf: self.shelf(measure.rules.pickup_half),
            busy: self.busy as f64 / self.duty.max(1) as f64,
            nearest: nearest(&free, measure.shops, measure.travel),
        };
        let first = self.turn % idle.len();
        self.turn = if idle.len() > TURNS { first + TURNS } else { 0 };
        idle.rotate_left(first);
        let mut moves = Vec::new();
        for (number, courier) in idle.into_iter().take(TURNS) {
            let mut around: Vec<(Seconds, usize)> = measure
                .shops
                .iter()
                .map(|shop| paced(courier, measure.travel.seconds(courier.at, *shop)))
                .zip(0..)
                .collect();
            around.sort_unstable();
            around.truncate(AROUND);
            let local: Vec<Local> = around
                .iter()
                .map(|(_, shop)| Local {
                    waits: view.others(*shop, number),
                    weight: f64::from(self.shops[*shop]) + PRIOR,
                })
                .collect();
            let rides = |from: Place| -> Vec<Seconds> {
                around
                    .iter()
                    .map(|(_, shop)| paced(courier, measure.travel.seconds(from, measure.shops[*shop])))
                    .collect()
            };
            let stay = view.cost(&local, &rides(courier.at), 0) * dwell as f64;
            let mut best: Option<(f64, usize)> = None;
            for (trip, shop) in around.iter().copied().filter(|(_, shop)| courier.shop != Some(*shop)).take(CHOICES) {
                if measure.now + trip + measure.rules.pickup_half > courier.off || trip >= dwell || trip == 0 {
                    continue;
                }
                // Under way it can only be bound to orders there, so to all other shops it is that much further.
                let there = rides(measure.shops[shop]);
                let total = view.cost(&local, &there, 0) * (dwell - trip) as f64
                    + view.cost(&local, &there, trip) * trip as f64;
                if total < best.map_or(stay, |(least, _)| least) * (1.0 - 1e-9) {
                    best = Some((total, shop));
                }
            }
            if let Some((_, shop)) = best {
                let at = measure.shops[shop];
                view.moved(number, &around, &rides(at), measure.travel.seconds(courier.at, at));
                moves.push(Move { courier: courier.key, shop, reason: Reason::Coverage });
            }
        }
        moves
    }
}

/// A courier with nothing to do after so many seconds, and where.
struct Free {
    wait: Seconds,
    at: Place,
}

/// A shop near a courier: the expected waits for the nearest others, soonest first, and how many orders it may have.
struct Local {
    waits: [f64; DEEP],
    weight: f64,
}

/// What a tick's positions are judged by.
struct View {
    shelf: Vec<f64>,
    busy: f64,
    /// For each shop the nearest free couriers: how far, and who.
    nearest: Vec<Vec<(Seconds, usize)>>,
}

impl View {
    /// The expected waits at a shop for the nearest couriers but one.
    fn others(&self, shop: usize, but: usize) -> [f64; DEEP] {
        let mut waits = [self.shelf[FAR]; DEEP];
        let others = self.nearest[shop].iter().filter(|(_, courier)| *courier != but);
        for (slot, (away, _)) in waits.iter_mut().zip(others) {
            *slot = self.waited(*away);
        }
        waits
    }

    /// The expected wait of an order from around, with one more courier so far away from each shop, `late`.
    fn cost(&self, local: &[Local], rides: &[Seconds], late: Seconds) -> f64 {
        let (last, free) = (self.shelf[FAR], 1.0 - self.busy);
        let expected = |(shop, ride): (&Local, &Seconds)| {
            let mine = self.waited(late + ride);
            let mut waits = shop.waits;
            if let Some(at) = waits.iter().position(|other| mine < *other) {
                waits[at..].rotate_right(1);
                waits[at] = mine;
            }
            shop.weight * waits.iter().rev().fold(last, |later, wait| free * wait + self.busy * later)
        };
        local.iter().zip(rides).map(expected).sum()
    }

    /// A courier will be `trip` seconds later at a place from where the shops around are so far.
    fn moved(&mut self, courier: usize, around: &[(Seconds, usize)], rides: &[Seconds], trip: Seconds) {
        for ((_, shop), ride) in around.iter().zip(rides) {
            let list = &mut self.nearest[*shop];
            list.retain(|(_, other)| *other != courier);
            list.push((trip + ride, courier));
            list.sort_unstable();
        }
    }

    fn waited(&self, away: Seconds) -> f64 {
        let grains = usize::try_from((away.max(0).saturating_add(GRAIN - 1)) / GRAIN).unwrap_or(FAR);
        self.shelf[grains.min(FAR)]
    }
}

/// For each shop the nearest free couriers, one more than count, for one may be asking.
fn nearest<T: Travel>(free: &[Free], shops: &[Place], travel: &T) -> Vec<Vec<(Seconds, usize)>> {
    let tree = Nearest::of(free.iter().map(|courier| courier.at));
    let list = |shop: &Place| {
        let asked = tree.few(*shop, ASKED).into_iter();
        let mut list: Vec<(Seconds, usize)> =
            asked.map(|number| (free[number].wait + travel.seconds(free[number].at, *shop), number)).collect();
        list.sort_unstable();
        list.truncate(DEEP + 1);
        list
    };
    shops.iter().map(list).collect()
}
