//! Seeded chance (SplitMix64, Steele, Lea & Flood 2014: one word of state, passes BigCrush), and ids made from it.

use std::sync::Mutex;

use uuid::Uuid;

use crate::ports::Ids;

/// A stream of numbers that one seed repeats.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice for `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }
    /// The next number.
    pub const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    /// A number below `bound`; 0 for a bound of 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.roll() % bound }
    }
    /// True `per_mille` times in a thousand.
    pub const fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1_000) < per_mille as u64
    }
    /// Dice of their own for one person or thing, so that one's rolls do not move another's.
    #[must_use]
    pub fn fork(&mut self, salt: u64) -> Self {
        Self(self.roll() ^ salt.wrapping_mul(0xD6E8_FEB8_6659_FD93))
    }
}

/// Ids from dice.
pub struct MemoryIds(Mutex<Dice>);

impl MemoryIds {
    /// Ids for `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Dice::new(seed ^ 0x1D5)))
    }
    fn dice(&self) -> std::sync::MutexGuard<'_, Dice> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Ids for MemoryIds {
    fn next(&self) -> Uuid {
        let mut dice = self.dice();
        let bits = u128::from(dice.roll()) << 64 | u128::from(dice.roll());
        uuid::Builder::from_u128(bits).with_version(uuid::Version::Random).into_uuid()
    }
    fn below(&self, bound: u64) -> u64 {
        self.dice().below(bound)
    }
}
