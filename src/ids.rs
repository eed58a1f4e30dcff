//! Fresh ids from the machine's randomness: the one place where they are made.

use foodcourt_actors::ports::Ids;
use uuid::Uuid;

/// UUIDv7: ordered by time, so that an index grows at one end.
pub struct RandomIds;

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is where ids are made")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
    fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { rand::Rng::random_range(&mut rand::rng(), 0..bound) }
    }
}
