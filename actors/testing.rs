//! Given facts, when a command, then facts or a refusal: the form of every rule's test.
//! Also checks on the way that the state survives being written to a snapshot and read back.

use std::fmt::Debug;

use crate::{decider::Decider, time::Timestamp};

/// Sunday 2026-03-01 12:00:00 UTC: the hour at which tests begin.
pub const NOON: Timestamp = Timestamp::from_micros(1_772_366_400_000_000);

/// An entity with a past.
pub struct Given<D: Decider> {
    /// What its facts amount to.
    pub state: D::State,
    now: Timestamp,
}

/// What a command came to.
pub struct Then<D: Decider> {
    given: Given<D>,
    outcome: Result<Vec<D::Event>, D::Rejection>,
}

/// An entity whose `facts` all happened at [`NOON`]; commands come at [`NOON`] too, unless moved by [`Given::at`].
pub fn given<D: Decider>(facts: impl IntoIterator<Item = D::Event>) -> Given<D> {
    let mut given = Given { state: D::State::default(), now: NOON };
    for fact in facts {
        given.fold(&fact);
    }
    given
}

impl<D: Decider> Given<D> {
    /// Moves the clock.
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }
    /// One more fact, now.
    pub fn and(mut self, fact: D::Event) -> Self {
        self.fold(&fact);
        self
    }
    /// Sends a command.
    pub fn when(self, command: D::Command) -> Then<D> {
        let outcome = D::decide(&self.state, &command, self.now);
        Then { given: self, outcome }
    }
    /// Sends what the deadline says, when it says it.
    pub fn when_due(mut self) -> Then<D> {
        let deadline = D::deadline(&self.state).expect("nothing is waited for");
        self.now = self.now.max(deadline.at);
        self.when(deadline.command)
    }
    fn fold(&mut self, fact: &D::Event) {
        D::evolve(&mut self.state, fact, self.now);
        let text = serde_json::to_string(&self.state).expect("a state can be written to a snapshot");
        self.state = serde_json::from_str(&text).expect("a snapshot can be read back");
    }
}

impl<D: Decider> Then<D> {
    /// Exactly these facts; goes on from there.
    pub fn then(self, expected: impl IntoIterator<Item = D::Event>) -> Given<D>
    where
        D::Event: PartialEq,
    {
        let events = self.outcome.unwrap_or_else(|refusal| panic!("refused: {refusal}"));
        assert_eq!(events, expected.into_iter().collect::<Vec<_>>());
        events.into_iter().fold(self.given, Given::and)
    }
    /// Facts of exactly these kinds; goes on from there.
    pub fn then_kinds(self, expected: &[&str]) -> Given<D> {
        use crate::event::Event;
        let events = self.outcome.unwrap_or_else(|refusal| panic!("refused: {refusal}"));
        assert_eq!(events.iter().map(Event::kind).collect::<Vec<_>>(), expected);
        events.into_iter().fold(self.given, Given::and)
    }
    /// No facts and no refusal: it was already true.
    pub fn nothing(self) -> Given<D> {
        self.then_kinds(&[])
    }
    /// Refused with exactly this.
    pub fn refused(self, expected: D::Rejection) -> Given<D>
    where
        D::Rejection: PartialEq + Debug,
    {
        match self.outcome {
            Ok(events) => panic!("not refused: {events:?}"),
            Err(refusal) => assert_eq!(refusal, expected),
        }
        self.given
    }
}
