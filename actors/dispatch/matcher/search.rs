//! The tentative schedule of every courier, and the search that improves it: each open order stands in some courier's
//! chain of routes, or is left out at the price of never. Only the beginning of a chain is ever carried out.

use super::{
    assign::assign,
    dice::Dice,
    model::{Courier, Order, Travel},
    near::Near,
    route::{Measure, ROUTE_MAX, Route, Walk},
};

const NOBODY: u32 = u32::MAX;
/// Improvements below this many seconds are noise of the arithmetic.
const NOISE: f64 = 1e-6;

/// Steps of the search per open order: with few orders more steps only repeat themselves.
const ROUNDS_PER_ORDER: u64 = 60;
/// Steps between two exact exchanges, which cost about as much as so many steps.
const ROUNDS_PER_EXCHANGE: u64 = 64;
/// Most tails dealt in one exchange: exactness over a whole metropolis would cost the square of it, and a tail does not
/// travel that far.
const EXCHANGED_MAX: usize = 256;

/// A schedule under improvement.
pub struct Search<'a, T> {
    /// How routes are measured.
    pub measure: Measure<'a, T>,
    /// Who may ride, in the numbering of the chains.
    pub couriers: &'a [Courier],
    /// For each shop the couriers worth asking, best first; the cost of a tick grows with their number.
    pub near: &'a [Vec<Near>],
    /// What each courier does one after the other.
    pub chains: Vec<Vec<Route>>,
    cost: Vec<f64>,
    /// Whose chain each order stands in.
    owner: Vec<u32>,
    /// Chains measured so far: the budget's unit.
    pub measured: u64,
    dice: Dice,
}

/// Where an order fits best.
#[derive(Clone, Copy)]
struct Fit {
    added: f64,
    courier: u32,
    /// The place in the chain, and whether the route there is replaced (joined) or pushed back.
    at: usize,
    joins: bool,
    route: Route,
}

impl<'a, T: Travel> Search<'a, T> {
    /// A schedule that serves nobody.
    pub fn new(measure: Measure<'a, T>, couriers: &'a [Courier], near: &'a [Vec<Near>], seed: u64) -> Self {
        Self {
            measure,
            couriers,
            near,
            chains: vec![Vec::new(); couriers.len()],
            cost: vec![0.0; couriers.len()],
            owner: vec![NOBODY; measure.orders.len()],
            measured: 0,
            dice: Dice::new(seed),
        }
    }

    /// Gives a courier the routes it had in an earlier plan, as far as they are still possible.
    pub fn restore(&mut self, courier: usize, routes: &[Vec<u32>]) {
        let mut walk = Walk::of(&self.couriers[courier]);
        for sequence in routes.iter().filter(|sequence| !sequence.is_empty()) {
            let route = self.measure.route(sequence);
            if let Some(next) = self.measure.step(&self.couriers[courier], &walk, &route) {
                walk = next;
                self.chains[courier].push(route);
                self.own(courier, &route);
            }
        }
        self.cost[courier] = walk.cost;
    }

    /// Orders in nobody's chain.
    pub fn left_out(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.owner).filter(|(_, owner)| **owner == NOBODY).map(|(order, _)| order)
    }

    /// Puts every order that is left out where it fits best, if that costs less than never.
    pub fn insert_all(&mut self) {
        let mut orders: Vec<u32> = self.left_out().collect();
        // What somebody has already goes first: it finds its place there as long as there is one.
        orders.sort_by_key(|order| (self.order(*order).bearer.is_none(), self.order(*order).ready));
        for order in orders {
            self.insert(order);
        }
    }

    /// Improves until `budget` more chains are measured, or long after nothing more can be expected. The schedule is
    /// never worse than before, so it may be stopped at any moment.
    pub fn improve(&mut self, budget: u64) {
        if self.measure.orders.is_empty() || self.couriers.is_empty() {
            return;
        }
        self.exchange(0);
        let end = self.measured + budget;
        let orders = self.measure.orders.len() as u64;
        for round in 1..=ROUNDS_PER_ORDER * orders {
            if self.measured >= end {
                break;
            }
            self.ruin_and_recreate();
            if round.is_multiple_of(ROUNDS_PER_EXCHANGE) {
                self.exchange(usize::from(round.is_multiple_of(2 * ROUNDS_PER_EXCHANGE)));
            }
        }
        self.exchange(0);
    }

    fn order(&self, number: u32) -> &Order {
        &self.measure.orders[number as usize]
    }

    fn own(&mut self, courier: usize, route: &Route) {
        for order in route.orders() {
            self.owner[*order as usize] = u32::try_from(courier).expect("couriers are fewer than 2^32");
        }
    }

    fn chain_cost<'r>(&mut self, courier: usize, routes: impl IntoIterator<Item = &'r Route>) -> Option<f64> {
        self.measured += 1;
        let who = &self.couriers[courier];
        let mut walk = Walk::of(who);
        for route in routes {
            walk = self.measure.step(who, &walk, route)?;
        }
        Some(walk.cost)
    }

    #[expect(clippy::cast_precision_loss, reason = "spans of a day are far below 2^52 seconds")]
    fn never(&self) -> f64 {
        self.measure.rules.never as f64
    }

    fn insert(&mut self, order: u32) {
        let Some(fit) = self.best_fit(order) else { return };
        if fit.added >= self.never() {
            return;
        }
        self.place(order, &fit);
    }

    fn best_fit(&mut self, order: u32) -> Option<Fit> {
        let shop = self.order(order).shop;
        let single = self.measure.route(&[order]);
        let mut best: Option<Fit> = None;
        let near = self.near;
        for near in &near[shop] {
            let least =
                self.measure.least(&self.couriers[near.courier as usize], self.order(order), &single, near.arrival);
            // Whoever comes later cannot do better: an order put in only ever delays the others.
            if best.is_some_and(|fit| least > fit.added) {
                break;
            }
            self.fit_into(near.courier, order, &single, &mut best);
        }
        best
    }

    fn fit_into(&mut self, number: u32, order: u32, single: &Route, best: &mut Option<Fit>) {
        let courier = number as usize;
        let who = &self.couriers[courier];
        let old = self.cost[courier];
        let mut walk = Walk::of(who);
        let count = self.chains[courier].len();
        for at in 0..=count {
            // A route of its own, before the one that stands here.
            self.measured += 1;
            if let Some(added) = self.finish(who, &walk, single, &self.chains[courier][at..]).map(|cost| cost - old)
                && best.is_none_or(|fit| added < fit.added - NOISE)
            {
                *best = Some(Fit { added, courier: number, at, joins: false, route: *single });
            }
            let Some(here) = self.chains[courier].get(at).copied() else { break };
            if here.shop == single.shop && here.count() < self.measure.rules.bundle_max {
                for place in 0..=here.count() {
                    let route = self.joined(&here, order, place);
                    self.measured += 1;
                    let cost = self.finish(who, &walk, &route, &self.chains[courier][at + 1..]);
                    if let Some(added) = cost.map(|cost| cost - old)
                        && best.is_none_or(|fit| added < fit.added - NOISE)
                    {
                        *best = Some(Fit { added, courier: number, at, joins: true, route });
                    }
                }
            }
            let Some(next) = self.measure.step(who, &walk, &here) else { break };
            walk = next;
            let least = self.measure.least(who, self.order(order), single, walk.free);
            if best.is_some_and(|fit| least > fit.added) {
                break;
            }
        }
    }

    fn finish(&self, who: &Courier, walk: &Walk, first: &Route, rest: &[Route]) -> Option<f64> {
        let mut walk = self.measure.step(who, walk, first)?;
        for route in rest {
            walk = self.measure.step(who, &walk, route)?;
        }
        Some(walk.cost)
    }

    fn joined(&self, route: &Route, order: u32, place: usize) -> Route {
        let mut sequence = [0; ROUTE_MAX];
        let old = route.orders();
        sequence[..place].copy_from_slice(&old[..place]);
        sequence[place] = order;
        sequence[place + 1..=old.len()].copy_from_slice(&old[place..]);
        self.measure.route(&sequence[..=old.len()])
    }

    /// Takes an order out of its chain.
    fn take_out(&mut self, order: u32) {
        let courier = std::mem::replace(&mut self.owner[order as usize], NOBODY);
        if courier == NOBODY {
            return;
        }
        let courier = courier as usize;
        let chain = &mut self.chains[courier];
        let at = chain.iter().position(|route| route.orders().contains(&order)).expect("the owner has the order");
        let left: Vec<u32> = chain[at].orders().iter().copied().filter(|other| *other != order).collect();
        if left.is_empty() {
            chain.remove(at);
        } else {
            chain[at] = self.measure.route(&left);
        }
    }

    fn recost(&mut self, courier: usize) {
        let chain = std::mem::take(&mut self.chains[courier]);
        let cost = self.chain_cost(courier, &chain);
        self.chains[courier] = chain;
        // Taking an order out never makes a courier later.
        self.cost[courier] = cost.expect("a chain with less in it stays possible");
    }

    /// Takes a handful of related orders out and puts them back one by one where each fits best; keeps the better.
    fn ruin_and_recreate(&mut self) {
        let count = self.measure.orders.len();
        let seed = u32::try_from(self.dice.below(count)).expect("orders are fewer than 2^32");
        let mut out = self.related(seed);
        let mut touched: Vec<u32> = out.iter().map(|order| self.owner[*order as usize]).collect();
        touched.sort_unstable();
        touched.dedup();
        touched.retain(|courier| *courier != NOBODY);
        let before_out = out.iter().filter(|order| self.owner[**order as usize] == NOBODY).count();
        let mut kept: Vec<(u32, Vec<Route>, f64)> =
            touched.iter().map(|c| (*c, self.chains[*c as usize].clone(), self.cost[*c as usize])).collect();
        for order in &out {
            self.take_out(*order);
        }
        for courier in &touched {
            self.recost(*courier as usize);
        }
        match self.dice.below(4) {
            0 => out.sort_by_key(|order| self.order(*order).ready),
            1 => out.sort_by_key(|order| std::cmp::Reverse(self.order(*order).ready)),
            _ => {
                for at in (1..out.len()).rev() {
                    out.swap(at, self.dice.below(at + 1));
                }
            }
        }
        let mut after_out = 0_usize;
        for order in &out {
            if let Some(fit) = self.best_fit(*order).filter(|fit| fit.added < self.never()) {
                if !kept.iter().any(|(courier, ..)| *courier == fit.courier) {
                    let at = fit.courier as usize;
                    kept.push((fit.courier, self.chains[at].clone(), self.cost[at]));
                }
                self.place(*order, &fit);
            } else {
                after_out += 1;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a handful of orders")]
        let missing = (after_out as f64 - before_out as f64) * self.never();
        let change: f64 =
            kept.iter().map(|(courier, _, cost)| self.cost[*courier as usize] - cost).sum::<f64>() + missing;
        if change > NOISE {
            for order in &out {
                self.owner[*order as usize] = NOBODY;
            }
            for (courier, chain, cost) in kept {
                for route in &chain {
                    self.own(courier as usize, route);
                }
                self.chains[courier as usize] = chain;
                self.cost[courier as usize] = cost;
            }
        }
    }

    fn place(&mut self, order: u32, fit: &Fit) {
        let courier = fit.courier as usize;
        if fit.joins {
            self.chains[courier][fit.at] = fit.route;
        } else {
            self.chains[courier].insert(fit.at, fit.route);
        }
        self.cost[courier] += fit.added;
        self.owner[order as usize] = fit.courier;
    }

    /// A few orders that might change places with `seed`: those of its own chain, or of couriers near its shop.
    fn related(&mut self, seed: u32) -> Vec<u32> {
        let mut out = vec![seed];
        let wanted = 2 + self.dice.below(5);
        let near = &self.near[self.order(seed).shop];
        let own = self.owner[seed as usize];
        if own != NOBODY && self.dice.below(2) == 0 {
            out.extend(self.chains[own as usize].iter().flat_map(|route| route.orders().to_vec()));
        }
        for _ in 0..3 * wanted {
            if out.len() >= wanted || near.is_empty() {
                break;
            }
            // Nearer couriers are drawn more often: the lower of two throws.
            let pick = self.dice.below(near.len()).min(self.dice.below(near.len()));
            let chain = &self.chains[near[pick].courier as usize];
            if !chain.is_empty() {
                let route = chain[self.dice.below(chain.len())];
                out.extend_from_slice(route.orders());
            }
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Cuts every chain after its first `kept` routes and deals the tails to the couriers anew, exactly.
    fn exchange(&mut self, kept: usize) {
        let couriers = self.couriers.len();
        let givers = self.neighbours(kept);
        if givers.is_empty() {
            return;
        }
        let heads: Vec<Walk> = (0..couriers).map(|courier| self.head(courier, kept)).collect();
        let mut rows = Vec::with_capacity(givers.len());
        for giver in &givers {
            let tail = &self.chains[*giver][kept..];
            let near = &self.near[tail[0].shop as usize];
            let own = u32::try_from(*giver).expect("couriers are fewer than 2^32");
            let mut row = Vec::with_capacity(near.len() + 1);
            // Whoever keeps its own tail cannot take another.
            let takes = |courier: usize| self.chains[courier].len() <= kept || givers.binary_search(&courier).is_ok();
            let others = near.iter().map(|near| near.courier).filter(|other| *other != own && takes(*other as usize));
            for courier in others.chain([own]) {
                let (who, head) = (&self.couriers[courier as usize], &heads[courier as usize]);
                if let Some(cost) = self.finish(who, head, &tail[0], &tail[1..]) {
                    row.push((courier, cost - head.cost));
                }
            }
            rows.push(row);
        }
        let dealt = assign(&rows, couriers);
        let tails: Vec<Vec<Route>> = givers.iter().map(|giver| self.chains[*giver].split_off(kept)).collect();
        for giver in &givers {
            self.cost[*giver] = heads[*giver].cost;
        }
        for (tail, to) in tails.into_iter().zip(dealt) {
            let to = to.expect("everybody can keep its own tail") as usize;
            for route in &tail {
                self.own(to, route);
            }
            self.chains[to].extend(tail);
            self.recost(to);
        }
    }

    /// Couriers with more than `kept` routes: all of them, or so many around some order.
    fn neighbours(&mut self, kept: usize) -> Vec<usize> {
        let all: Vec<usize> = (0..self.couriers.len()).filter(|courier| self.chains[*courier].len() > kept).collect();
        if all.len() <= EXCHANGED_MAX {
            return all;
        }
        let mut shops = vec![self.measure.orders[self.dice.below(self.measure.orders.len())].shop];
        let mut found = Vec::new();
        let mut at = 0;
        while at < shops.len() && found.len() < EXCHANGED_MAX {
            for near in &self.near[shops[at]] {
                let courier = near.courier as usize;
                if self.chains[courier].len() > kept && !found.contains(&courier) {
                    found.push(courier);
                    let further = self.chains[courier][kept].shop as usize;
                    if !shops.contains(&further) {
                        shops.push(further);
                    }
                }
            }
            at += 1;
        }
        found.sort_unstable();
        found
    }

    /// Where a courier is after its first `kept` routes.
    pub fn head(&self, courier: usize, kept: usize) -> Walk {
        let who = &self.couriers[courier];
        let mut walk = Walk::of(who);
        for route in self.chains[courier].iter().take(kept) {
            walk = self.measure.step(who, &walk, route).expect("chains are possible");
        }
        walk
    }
}
