//! What each worker remembers of the feed: the latest facts with the frames made of them. A storm of reconnects is
//! served from here, and one fact is framed once per view and spelling of its topic, not once per socket.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    rc::Rc,
    sync::Arc,
};

use foodcourt_actors::{
    event::{Recorded, Version},
    stream::StreamId,
};

use super::{
    frame::Framed,
    message,
    source::{Access, LiveSource, View},
    topic::Topic,
};

/// A fact and the frames made of it so far.
pub struct Told {
    fact: Arc<Recorded>,
    frames: RefCell<Vec<(View, Topic, Framed)>>,
}

impl Told {
    /// A fact of which no frame has been made.
    #[must_use]
    pub fn new(fact: Arc<Recorded>) -> Rc<Self> {
        Rc::new(Self { fact, frames: RefCell::default() })
    }
    /// Its number in its stream.
    #[must_use]
    pub fn version(&self) -> Version {
        self.fact.version
    }
    /// Whose fact it is.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        self.fact.stream
    }
    /// As `access` may see it.
    #[must_use]
    pub fn frame(&self, source: &dyn LiveSource, access: &Access) -> Framed {
        let mut frames = self.frames.borrow_mut();
        if let Some((.., frame)) = frames.iter().find(|(view, topic, _)| (*view, *topic) == (access.view, access.topic))
        {
            return frame.clone();
        }
        let frame = message::fact(source, access, &self.fact);
        frames.push((access.view, access.topic, frame.clone()));
        frame
    }
}

/// The latest facts, oldest out first.
pub struct Recent {
    streams: HashMap<StreamId, VecDeque<Rc<Told>>>,
    order: VecDeque<StreamId>,
    facts_max: usize,
}

impl Recent {
    /// Remembers `facts_max` facts.
    #[must_use]
    pub fn new(facts_max: usize) -> Self {
        Self { streams: HashMap::new(), order: VecDeque::new(), facts_max }
    }
    /// Remembers a fact of the feed.
    pub fn add(&mut self, told: Rc<Told>) {
        let stream = told.stream();
        let facts = self.streams.entry(stream).or_default();
        match facts.back().map(|last| last.version()) {
            Some(last) if told.version() <= last => return,            // heard twice
            Some(last) if told.version() != last + 1 => facts.clear(), // a hole: only what follows it is whole
            _ => {}
        }
        facts.push_back(told);
        self.order.push_back(stream);
        while self.order.len() > self.facts_max {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(facts) = self.streams.get_mut(&oldest) {
                facts.pop_front();
                if facts.is_empty() {
                    self.streams.remove(&oldest);
                }
            }
        }
    }
    /// All facts of `stream` after `after` that the feed has brought, or `None` when memory does not reach back.
    #[must_use]
    pub fn after(&self, stream: StreamId, after: Version) -> Option<Vec<Rc<Told>>> {
        let facts = self.streams.get(&stream)?;
        let (first, last) = (facts.front()?.version(), facts.back()?.version());
        if after + 1 < first || after > last {
            return None;
        }
        let skip = usize::try_from(after + 1 - first).ok()?;
        Some(facts.iter().skip(skip).cloned().collect())
    }
    /// Forgets everything: the feed had a hole.
    pub fn clear(&mut self) {
        self.streams.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use foodcourt_actors::{stream::Category, time::Timestamp};
    use uuid::Uuid;

    use super::*;

    fn told(id: u128, version: Version) -> Rc<Told> {
        Told::new(Arc::new(Recorded {
            position: 0,
            stream: StreamId::new(Category::Order, Uuid::from_u128(id)),
            version,
            event_id: Uuid::nil(),
            kind: "order.placed".into(),
            body: "{}".into(),
            at: Timestamp::default(),
            cause: None,
            correlation: Uuid::nil(),
        }))
    }
    fn after(recent: &Recent, id: u128, version: Version) -> Option<Vec<Version>> {
        let facts = recent.after(StreamId::new(Category::Order, Uuid::from_u128(id)), version)?;
        Some(facts.iter().map(|told| told.version()).collect())
    }

    #[test]
    fn answers_only_what_it_knows_without_a_hole() {
        let mut recent = Recent::new(4);
        for version in 3..=5 {
            recent.add(told(1, version));
        }
        assert_eq!(after(&recent, 1, 1), None);
        assert_eq!(after(&recent, 1, 2), Some(vec![3, 4, 5]));
        assert_eq!(after(&recent, 1, 5), Some(vec![]));
        assert_eq!(after(&recent, 1, 6), None);
        recent.add(told(1, 8));
        assert_eq!(after(&recent, 1, 5), None);
        assert_eq!(after(&recent, 1, 7), Some(vec![8]));
    }

    #[test]
    fn keeps_no_more_than_its_limit() {
        let mut recent = Recent::new(4);
        for version in 1..=10 {
            recent.add(told(1, version));
            recent.add(told(2, version));
        }
        assert_eq!(after(&recent, 1, 8), Some(vec![9, 10]));
        assert_eq!(after(&recent, 1, 7), None);
        assert!(recent.order.len() <= 4);
    }
}
