//! The dice of one person. Every person has their own, drawn from the city's seed, their role and their number, so
//! that what one does never depends on how fast another was answered.

use rand::{Rng, SeedableRng, rngs::StdRng};

/// A person's randomness.
pub struct Dice(StdRng);

impl Dice {
    /// The dice of the `index`th person in `role`.
    #[must_use]
    pub fn of(seed: u64, role: &str, index: u64) -> Self {
        let role = role.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3) // FNV-1a
        });
        Self(StdRng::seed_from_u64(mix(seed ^ mix(role ^ mix(index)))))
    }
    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.0.random_bool(p.clamp(0.0, 1.0))
    }
    /// A number in `low..high`; `low` where the range is empty.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        if low < high { self.0.random_range(low..high) } else { low }
    }
    /// A whole number from `low` to `high`, both included.
    pub fn whole(&mut self, low: u32, high: u32) -> u32 {
        if low < high { self.0.random_range(low..=high) } else { low }
    }
    /// One of them.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let last = u32::try_from(from.len().checked_sub(1)?).unwrap_or(u32::MAX);
        from.get(self.whole(0, last) as usize)
    }
    /// Puts them in a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.0.random_range(0..=last);
            items.swap(last, other);
        }
    }
    /// A waiting time of a Poisson process with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.0.random::<f64>()).ln()
    }
    /// A normal deviate (Box–Muller).
    pub fn normal(&mut self, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.0.random::<f64>()).ln()).sqrt();
        sigma * radius * (std::f64::consts::TAU * self.0.random::<f64>()).cos()
    }
}

/// Spreads a number over 64 bits (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_person_throws_the_same_and_others_do_not() {
        let throw = |role, index| {
            let mut dice = Dice::of(7, role, index);
            [dice.whole(0, u32::MAX), dice.whole(0, u32::MAX)]
        };
        assert_eq!(throw("rider", 3), throw("rider", 3));
        assert_ne!(throw("rider", 3), throw("rider", 4));
        assert_ne!(throw("rider", 3), throw("customer", 3));
    }

    #[test]
    fn a_shuffle_keeps_everything() {
        let mut items: Vec<u32> = (0..50).collect();
        Dice::of(1, "deck", 0).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
