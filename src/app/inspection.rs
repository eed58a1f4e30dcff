//! The one check of all invariants on this node, shared by everybody who looks: it folds the whole history, so it is
//! not done anew for each open page.

use std::sync::Arc;

use foodcourt_actors::{
    invariants::{Checker, INVARIANTS, Report},
    ports::{Journal, ReadError},
    time::{Clock, Timestamp},
};
use tokio::sync::Mutex;

use crate::ports::InvariantReport;

/// Facts read from the feed in one go.
const PAGE: u32 = 2_000;
/// A report is shown for so long at least, seconds.
const SHOWN_S: i64 = 15;
/// And for so many times what it took: a check has a tenth of the time at most, however long history grows.
const REST: i64 = 9;

/// Runs the invariants over every fact of `journal`, as of `now` (business time). O(facts), memory O(streams).
///
/// # Errors
/// When the journal cannot be read.
pub async fn check(journal: &dyn Journal, now: Timestamp) -> Result<Report, ReadError> {
    let (mut checker, mut after) = (Checker::new(), 0);
    loop {
        let facts = journal.feed(after, PAGE).await?;
        let Some(last) = facts.last() else { return Ok(checker.finish(now, false)) };
        after = last.position;
        facts.iter().for_each(|fact| checker.take(fact));
    }
}

/// The last report, and until when it stands.
#[derive(Default)]
struct Shown {
    reports: Vec<InvariantReport>,
    until: Timestamp,
}

/// Checks for everybody at once. Cheap to clone.
#[derive(Clone)]
pub struct Inspection {
    journal: Arc<dyn Journal>,
    business: Arc<dyn Clock>,
    wall: Arc<dyn Clock>,
    /// Held while a check runs: whoever comes meanwhile gets its report.
    shown: Arc<Mutex<Shown>>,
}

impl Inspection {
    /// Nothing checked yet.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>, business: Arc<dyn Clock>, wall: Arc<dyn Clock>) -> Self {
        Self { journal, business, wall, shown: Arc::default() }
    }

    /// How every invariant stands, as of a moment ago.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn reports(&self) -> Result<Vec<InvariantReport>, ReadError> {
        // Whoever hangs up does not end a check that others wait for.
        let this = self.clone();
        tokio::spawn(async move { this.shared().await }).await.unwrap_or_else(|died| Err(ReadError(died.into())))
    }

    async fn shared(&self) -> Result<Vec<InvariantReport>, ReadError> {
        let mut shown = self.shown.lock().await;
        let begun = self.wall.now();
        if begun < shown.until {
            return Ok(shown.reports.clone());
        }
        let report = check(self.journal.as_ref(), self.business.now()).await?;
        let took_s = self.wall.now().since(begun).as_secs();
        let rest_s = i64::try_from(took_s).unwrap_or(i64::MAX).saturating_mul(REST);
        *shown = Shown { reports: told(&report, begun), until: begun.plus_s(rest_s.max(SHOWN_S)) };
        Ok(shown.reports.clone())
    }
}

fn told(report: &Report, checked_at: Timestamp) -> Vec<InvariantReport> {
    let breaches = |id: &str| {
        let of = report.broken.iter().filter(|broken| broken.invariant == id);
        of.map(|broken| format!("{} {}", broken.stream, broken.sentence)).collect::<Vec<_>>()
    };
    let reports = INVARIANTS.iter().map(|(id, says)| {
        let breaches = breaches(id);
        let (id, says, holds) = ((*id).to_owned(), (*says).to_owned(), breaches.is_empty());
        InvariantReport { id, says, holds, breaches, checked_at }
    });
    reports.collect()
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicI64, Ordering},
        time::Duration,
    };

    use foodcourt_actors::memory::MemoryJournal;

    use super::*;

    #[derive(Default)]
    struct Hand(AtomicI64);
    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::Relaxed) * 1_000_000)
        }
        fn wall_until(&self, at: Timestamp) -> Duration {
            at.since(self.now())
        }
    }

    #[actix_rt::test]
    async fn a_report_stands_for_a_while_and_is_then_made_anew() {
        let hand = Arc::new(Hand(AtomicI64::new(1_000)));
        let inspection = Inspection::new(Arc::new(MemoryJournal::new(1)), hand.clone(), hand.clone());
        let first = inspection.reports().await.unwrap();
        assert_eq!(first.len(), INVARIANTS.len());
        hand.0.store(1_014, Ordering::Relaxed);
        assert_eq!(inspection.reports().await.unwrap(), first);
        hand.0.store(1_016, Ordering::Relaxed);
        assert_eq!(inspection.reports().await.unwrap()[0].checked_at, hand.now());
    }
}
