//! The newest facts that this node has written itself, kept for whoever reads the feed near its end: the database need
//! not be asked for what it has just been sent.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use foodcourt_actors::{event::Recorded, ports::Append};

/// Facts kept: some seconds of a busy node, a few megabytes. Whoever is further behind asks the database.
const KEPT_MAX: usize = 4_096;

/// Facts at positions without a hole. Positions are drawn under one lock that is held until the commit, so where two
/// follow each other nothing can ever come to stand between them, whoever else writes.
#[derive(Default)]
pub(super) struct Recent(Mutex<VecDeque<Recorded>>);

impl Recent {
    /// Keeps what was committed from position `first` on, and what is kept already if nothing lies between.
    pub fn keep(&self, first: i64, appends: impl Iterator<Item = Append>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.back().is_some_and(|newest| newest.position + 1 != first) {
            kept.clear();
        }
        let facts = appends.flat_map(|append| {
            let (stream, versions) = (append.stream, append.expected + 1..);
            append.events.into_iter().zip(versions).map(move |(event, version)| (stream, version, event))
        });
        kept.extend(facts.zip(first..).map(|((stream, version, event), position)| Recorded {
            position,
            stream,
            version,
            event_id: event.event_id,
            kind: event.kind.into(),
            body: event.body.into(),
            at: event.at,
            cause: event.cause,
            correlation: event.correlation,
        }));
        let too_many = kept.len().saturating_sub(KEPT_MAX);
        kept.drain(..too_many);
    }

    /// The facts that follow position `after`, at most `limit`, where the next one is kept.
    pub fn after(&self, after: i64, limit: u32) -> Option<Vec<Recorded>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = usize::try_from(after + 1 - kept.front()?.position).ok().filter(|next| *next < kept.len())?;
        let end = kept.len().min(next.saturating_add(usize::try_from(limit).unwrap_or(usize::MAX)));
        Some(kept.range(next..end).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use foodcourt_actors::{
        ports::NewEvent,
        stream::{Category, StreamId},
        time::Timestamp,
    };
    use uuid::Uuid;

    use super::*;

    fn append(expected: u64, events: usize) -> Append {
        let event = NewEvent {
            event_id: Uuid::nil(),
            kind: "counter.counted",
            body: "{}".to_owned(),
            at: Timestamp::from_micros(1),
            cause: None,
            correlation: Uuid::nil(),
        };
        Append {
            stream: StreamId::new(Category::Order, Uuid::nil()),
            expected,
            events: vec![event; events],
            deadline_at: None,
            answers: Vec::new(),
            contacts: Vec::new(),
        }
    }

    fn positions(recent: &Recent, after: i64, limit: u32) -> Option<Vec<(i64, u64)>> {
        let facts = recent.after(after, limit)?;
        Some(facts.iter().map(|fact| (fact.position, fact.version)).collect())
    }

    #[test]
    fn answers_only_what_it_holds_without_a_hole() {
        let recent = Recent::default();
        assert_eq!(positions(&recent, 0, 10), None);
        recent.keep(11, [append(0, 2), append(5, 1)].into_iter());
        recent.keep(14, [append(2, 1)].into_iter());
        assert_eq!(positions(&recent, 10, 10), Some(vec![(11, 1), (12, 2), (13, 6), (14, 3)]));
        assert_eq!(positions(&recent, 12, 1), Some(vec![(13, 6)]));
        assert_eq!(positions(&recent, 9, 10), None, "10 may be somebody else's");
        assert_eq!(positions(&recent, 14, 10), None, "whether 15 is there only the database knows");
        recent.keep(16, [append(3, 1)].into_iter());
        assert_eq!(positions(&recent, 13, 10), None, "15 may be somebody else's");
        assert_eq!(positions(&recent, 15, 10), Some(vec![(16, 4)]));
    }

    #[test]
    fn forgets_the_oldest() {
        let recent = Recent::default();
        for first in 1..=i64::try_from(KEPT_MAX).unwrap() + 5 {
            recent.keep(first, std::iter::once(append(0, 1)));
        }
        assert_eq!(positions(&recent, 4, 1), None);
        assert_eq!(positions(&recent, 5, 1), Some(vec![(6, 1)]));
    }
}
