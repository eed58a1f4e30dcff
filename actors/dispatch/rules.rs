//! The numbers of dispatch, each with its reason. Seconds and minutes are business time.
//! The larger ones are guesses of the trade: to be measured on recorded days (`foodcourt city`).

use crate::time::Timestamp;

/// How riders are sought, asked and waited for.
#[derive(Clone, Copy, Debug)]
pub struct DispatchRules;

impl DispatchRules {
    /// The search starts so long before the food is ready: about the time to find a rider and for them to come.
    pub const LEAD_MIN: i64 = 10;
    /// The first search looks this far: four minutes by bicycle.
    pub const RADIUS_FIRST_M: f64 = 1_000.0;
    /// Each further round looks this much farther: the area grows by about 2.5.
    pub const RADIUS_GROWTH: f64 = 1.6;
    /// No search looks farther: half an hour by bicycle, after which the food is cold anyway.
    pub const RADIUS_MAX_M: f64 = 8_000.0;
    /// A search unanswered for so long starts anew: the answer needs one tick of the plan, a dead zone seconds to come
    /// back.
    pub const SEARCH_S: i64 = 15;
    /// A delivery whose rider need not be asked yet looks again after this at the latest: so long a plan that died with
    /// its node can be missed.
    pub const HOLD_S: i64 = 120;
    /// No setting holds a delivery back longer than this after its food is ready: it gets cold.
    pub const HOLD_AFTER_READY_MAX_S: i64 = 900;
    /// Nobody near: so long until the next, wider search.
    pub const WIDEN_S: i64 = 3;
    /// Nobody within the widest radius: so long until the next look; a rider's round trip takes minutes.
    pub const RETRY_S: i64 = 15;
    /// Everyone near said no: so long until they may be asked again; asking at once would be nagging.
    pub const ASK_AGAIN_S: i64 = 60;
    /// A rider may think so long about an offer: enough to stop at the kerb and read.
    pub const OFFER_S: i64 = 40;
    /// The delivery waits this much longer than the rider was told, so that a yes of the last moment still counts.
    pub const OFFER_GRACE_S: i64 = 3;
    /// Without a rider so long after the food is ready, there will be none: it is cold.
    pub const ASSIGN_WITHIN_MIN: i64 = 20;
    /// After an unassignment the search gets at least so long, even if the first window is over.
    pub const REASSIGN_WITHIN_MIN: i64 = 10;
    /// An assigned rider has at least so long to come to the court (the widest radius, half by luck, half by wheel).
    pub const ARRIVE_WITHIN_MIN: i64 = 25;
    /// …and may be this much later than the food.
    pub const ARRIVE_AFTER_READY_MIN: i64 = 10;
    /// A rider at the court takes the ready food within this, or somebody else is sent.
    pub const PICK_UP_WITHIN_MIN: i64 = 15;
    /// A rider waits at most so long at the court for food that is not ready before staff are told.
    pub const WAIT_FOR_FOOD_MIN: i64 = 45;
    /// Food on the way this long, and this long after the promise, is overdue: staff are told.
    pub const DELIVER_WITHIN_MIN: i64 = 45;
    /// Staff are told again after this; each further time the pause doubles, up to a day.
    pub const REMIND_MIN: i64 = 30;
    /// Who said no to a delivery is remembered up to this many; then the oldest no is forgotten.
    pub const DECLINED_MAX: usize = 256;
    /// Answered acceptances a delivery remembers, so that one read again is not answered again; and offers that ended
    /// without one, so that a late yes is told how.
    pub const SETTLED_MAX: usize = 256;
    /// Candidates a search returns: the first is asked, the others explain the choice.
    pub const CANDIDATES: usize = 5;
    /// Riders asked at once at most: beyond that an offer is a lottery ticket, and nobody reads the next one.
    pub const AT_ONCE_MAX: usize = 5;
    /// So often another rider is asked in the place of one on the way: each time costs an offer, and trust.
    pub const BETTER_MAX: u32 = 1;
    /// Whoever is nearer to the court than this, seconds, keeps the delivery: the answer to an offer may take 43, and
    /// nobody is sent away from the counter.
    pub const BETTER_NOT_WITHIN_S: i64 = 90;
    /// What an answer usually takes, and turning towards the court, seconds: another rider is so much later.
    pub const BETTER_ANSWER_S: i64 = 20;
    /// How long a rider found by one search is hidden from others: until the offer shows in the rider's own facts.
    pub const RESERVE_S: i64 = 8;
    /// An assigned rider without a fix for so long before pickup is replaced. Apps send one every few seconds;
    /// two minutes is a long tunnel.
    pub const SILENT_AFTER_S: i64 = 120;
    /// A rider without a fix for so long is not offered anything.
    pub const STALE_AFTER_S: i64 = 60;

    /// How far round `round` (1, 2, 3, …) looks, metres.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1,000 and 8,000")]
    pub fn radius_m(round: u32) -> u32 {
        let rounds = i32::try_from(round.saturating_sub(1).min(30)).unwrap_or(30);
        (Self::RADIUS_FIRST_M * Self::RADIUS_GROWTH.powi(rounds)).min(Self::RADIUS_MAX_M) as u32
    }
    /// Whether a search over `radius_m` cannot grow any more.
    #[must_use]
    pub fn is_widest(radius_m: u32) -> bool {
        f64::from(radius_m) >= Self::RADIUS_MAX_M
    }
    /// When the search for food that is ready at `ready_at` starts, asked at `now`: the rider should arrive with it.
    #[must_use]
    pub fn search_at(ready_at: Timestamp, now: Timestamp) -> Timestamp {
        now.max(ready_at.plus_min(-Self::LEAD_MIN))
    }
    /// Until when an order accepted at `now` may wait for a rider.
    #[must_use]
    pub fn assign_by(ready_at: Timestamp, now: Timestamp) -> Timestamp {
        now.max(ready_at).plus_min(Self::ASSIGN_WITHIN_MIN)
    }
    /// When staff are told again, after having been told `times` times, last at `now`.
    #[must_use]
    pub fn remind_at(times: u32, now: Timestamp) -> Timestamp {
        let doubled = Self::REMIND_MIN << times.saturating_sub(1).min(6);
        now.plus_min(doubled.min(24 * 60))
    }
}
