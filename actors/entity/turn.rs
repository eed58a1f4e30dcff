//! One turn of an entity: everything that waits is decided in order against the evolving state. A refusal (and a wish
//! that is already true) would not be caught by the journal on a stale state, so it counts only when the batch it
//! stands in commits, or when the stream was read after it arrived.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tracing::error;

use super::Entity;
use crate::{
    ask::{Answer, AskError, Asked, Seen, SeenTo, Task},
    decider::Decider,
    event::{Event, Version},
    ports::{Contact, NewEvent, StoredAnswer},
    time::Timestamp,
};

/// Facts of one append at most; a longer queue takes several.
const EVENTS_MAX: usize = 256;

/// What a turn came to.
pub(super) enum Turn<D: Decider> {
    /// Facts to append.
    Batch(Batch<D>),
    /// Only refusals: the stream's tail must be read before they count.
    Doubt,
    /// A rule panicked; memory must come back from the journal.
    Crashed,
    /// Nothing to do.
    Nothing,
}

/// One decided wish.
struct Decided<D: Decider> {
    asked: Asked<D>,
    result: Result<Answer<D>, AskError<D::Rejection>>,
}

/// The facts of one append and everybody who waits for them.
pub(super) struct Batch<D: Decider> {
    pub events: Vec<NewEvent>,
    pub answers: Vec<StoredAnswer>,
    pub contacts: Vec<Contact>,
    decided: Vec<Decided<D>>,
    looks: Vec<SeenTo<D>>,
    version: Version,
}

impl<D: Decider> Turn<D> {
    /// Decides what waits in `entity`'s queue at `now`.
    pub fn over(entity: &mut Entity<D>, now: Timestamp) -> Self {
        let mut batch = Batch {
            events: Vec::new(),
            answers: Vec::new(),
            contacts: Vec::new(),
            decided: Vec::new(),
            looks: Vec::new(),
            version: entity.version.get(),
        };
        while batch.events.len() < EVENTS_MAX {
            let asked = match entity.queue.pop_front() {
                None => break,
                Some(Task::Wake) => match entity.due(now) {
                    Some(asked) => asked,
                    None => continue,
                },
                Some(Task::Look(reply)) => {
                    batch.looks.push(reply);
                    continue;
                }
                // A deadline that met a conflict or a doubt: perhaps somebody has moved it since.
                Some(Task::Ask(asked)) if asked.reply.is_none() => match entity.due(now) {
                    Some(due) => Asked { wish: due.wish, ..*asked },
                    None => continue,
                },
                Some(Task::Ask(asked)) => *asked,
            };
            if asked.alone && !batch.events.is_empty() {
                entity.queue.push_front(Task::Ask(Box::new(asked)));
                break;
            }
            let alone = asked.alone;
            if !batch.take(entity, asked, now) {
                batch.requeue(entity, |_| ());
                return Self::Crashed;
            }
            // A refusal takes no room in an append: whoever waits behind it is not left waiting.
            if alone && !batch.events.is_empty() {
                break;
            }
        }
        if !batch.events.is_empty() {
            return Self::Batch(batch);
        }
        batch.look(&entity.state);
        if batch.decided.is_empty() {
            return Self::Nothing;
        }
        batch.requeue(entity, |_| ());
        Self::Doubt
    }
}

impl<D: Decider> Batch<D> {
    /// Decides one wish and folds its facts. False when a rule panicked: the wish is answered, the rest must start over.
    fn take(&mut self, entity: &mut Entity<D>, asked: Asked<D>, now: Timestamp) -> bool {
        let decided = match asked.wish.expected {
            Some(expected) if expected != self.version => Ok(Err(AskError::Stale { actual: self.version })),
            _ => catch_unwind(AssertUnwindSafe(|| D::decide(&entity.state, &asked.wish.command, now)))
                .map(|decided| decided.map_err(AskError::Rejected)),
        };
        let events = match decided {
            Ok(Ok(events)) if !events.is_empty() => events,
            Ok(refused) => {
                let result = refused.map(|events| Answer { version: self.version, events, stored: None });
                if asked.checked && self.events.is_empty() {
                    asked.answer(result);
                } else {
                    self.decided.push(Decided { asked, result });
                }
                return true;
            }
            Err(_panic) => return crashed(entity, asked, now),
        };
        for event in &events {
            if !evolve::<D>(&mut entity.state, event, now) {
                return crashed(entity, asked, now);
            }
        }
        let version = self.version + events.len() as Version;
        let stored = match catch_unwind(AssertUnwindSafe(|| {
            asked.wish.answer.as_ref().map(|write| write(&entity.state, version))
        })) {
            Ok(stored) => stored,
            Err(_panic) => return crashed(entity, asked, now),
        };
        self.version = version;
        self.events.extend(events.iter().map(|event| NewEvent {
            event_id: entity.kernel.ids.next(),
            kind: event.kind(),
            body: event.encode(),
            at: now,
            cause: asked.wish.origin.cause,
            correlation: asked.wish.origin.correlation,
        }));
        self.answers.extend(stored.clone());
        self.contacts.extend(asked.wish.contact.clone());
        self.decided.push(Decided { asked, result: Ok(Answer { version, events, stored }) });
        true
    }

    /// Whether the append carries one wish only, so that its failure is that wish's own.
    pub fn is_single(&self) -> bool {
        self.decided
            .iter()
            .filter(|decided| decided.result.as_ref().is_ok_and(|answer| !answer.events.is_empty()))
            .count()
            <= 1
    }

    /// The facts are durable: everybody is answered.
    pub fn committed(mut self, state: &Arc<D::State>) {
        self.look(state);
        for Decided { asked, result } in self.decided {
            asked.answer(result);
        }
    }

    fn look(&mut self, state: &Arc<D::State>) {
        for reply in self.looks.drain(..) {
            drop(reply.send(Ok(Seen { version: self.version, state: Arc::clone(state) })));
        }
    }

    /// Nothing was written and nothing will be: everybody is told.
    pub fn fail(self, why: AskError<D::Rejection>) {
        for Decided { asked, .. } in self.decided {
            asked.answer(Err(why.clone()));
        }
        for reply in self.looks {
            drop(reply.send(Err(AskError::Unavailable)));
        }
    }

    /// The one wish with facts can never be stored; who only stood beside it is decided again.
    pub fn fail_what_wrote(mut self, entity: &mut Entity<D>) {
        let writes = |decided: &Decided<D>| decided.result.as_ref().is_ok_and(|answer| !answer.events.is_empty());
        let (wrote, beside): (Vec<_>, Vec<_>) = self.decided.into_iter().partition(writes);
        for Decided { asked, .. } in wrote {
            asked.answer(Err(AskError::Invalid));
        }
        self.decided = beside;
        self.requeue(entity, |_| ());
    }

    /// Puts everything back at the head of the queue, in order; who has tried too often is told to come back.
    /// Returns the largest number of conflicts met.
    pub fn requeue(self, entity: &mut Entity<D>, mark: impl Fn(&mut Asked<D>)) -> u32 {
        let mut most = 0;
        for reply in self.looks.into_iter().rev() {
            entity.queue.push_front(Task::Look(reply));
        }
        for Decided { mut asked, .. } in self.decided.into_iter().rev() {
            asked.checked = false;
            mark(&mut asked);
            most = most.max(asked.conflicts);
            if asked.conflicts > entity.kernel.limits.conflict_retries_max {
                asked.answer(Err(AskError::Busy));
            } else {
                entity.queue.push_front(Task::Ask(Box::new(asked)));
            }
        }
        most
    }
}

/// A rule panicked over `asked`: that one message fails.
fn crashed<D: Decider>(entity: &mut Entity<D>, asked: Asked<D>, now: Timestamp) -> bool {
    error!(stream = %entity.id, command = ?asked.wish.command, "a rule of {} panicked; the actor comes back from the journal", entity.id);
    entity.note_panic(now);
    asked.answer(Err(AskError::Crashed));
    false
}

/// Folds one fact; false when the fold panicked (the state must not be used any more).
pub(super) fn evolve<D: Decider>(state: &mut Arc<D::State>, event: &D::Event, at: Timestamp) -> bool {
    catch_unwind(AssertUnwindSafe(|| D::evolve(Arc::make_mut(state), event, at))).is_ok()
}
