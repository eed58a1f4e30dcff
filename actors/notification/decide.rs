//! One inbox: what it holds, and the rule that each event is told once.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{
    decider::{Deadline, Decider},
    event::Version,
    ids::NotificationId,
    notification::event::{InboxEvent, Posted, ReadUpTo},
    stream::Category,
    time::Timestamp,
};

/// Messages an inbox shows; older ones stay in the journal.
pub const MESSAGES_MAX: usize = 100;
/// Ids remembered to tell each event once: more than a busy rider hears in the hours a fact may be repeated.
pub const REMEMBERED_MAX: usize = 1_000;

/// A wish to an inbox.
#[derive(Clone, PartialEq, Debug)]
pub enum InboxCommand {
    /// Tell this, unless it has been told.
    Post(Posted),
    /// The person has read everything up to this version of the inbox.
    ReadUpTo {
        /// Version of the newest message that was read.
        version: Version,
    },
}

/// Why a wish is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InboxRejection {
    /// Read what has not been written (422).
    #[error("the inbox is at version {actual}: nothing later can have been read")]
    Ahead {
        /// Where the inbox is.
        actual: Version,
    },
}

/// One message.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Its number in the inbox.
    pub version: Version,
    /// When it was told.
    pub at: Timestamp,
    /// What was told.
    pub posted: Posted,
}

/// What an inbox's facts amount to.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct InboxState {
    version: Version,
    read_up_to: Version,
    /// Oldest first.
    messages: VecDeque<Message>,
    told: BTreeSet<NotificationId>,
    told_order: VecDeque<NotificationId>,
    unread: usize,
}

impl InboxState {
    /// Messages, newest first.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().rev()
    }
    /// How many of them have not been read.
    #[must_use]
    pub const fn unread(&self) -> usize {
        self.unread
    }
    /// Everything up to this version has been read.
    #[must_use]
    pub const fn read_up_to(&self) -> Version {
        self.read_up_to
    }
    fn keep(&mut self, posted: &Posted, at: Timestamp) {
        self.messages.push_back(Message { version: self.version, at, posted: posted.clone() });
        self.unread += 1;
        if self.messages.len() > MESSAGES_MAX
            && let Some(oldest) = self.messages.pop_front()
            && oldest.version > self.read_up_to
        {
            self.unread -= 1;
        }
        if self.told.insert(posted.notification_id) {
            self.told_order.push_back(posted.notification_id);
        }
        if self.told_order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.told_order.pop_front()
        {
            self.told.remove(&oldest);
        }
    }
}

/// One person's inbox.
#[derive(Clone, Copy, Debug)]
pub struct Inbox;

impl Decider for Inbox {
    const CATEGORY: Category = Category::Inbox;
    type State = InboxState;
    type Command = InboxCommand;
    type Event = InboxEvent;
    type Rejection = InboxRejection;

    fn decide(state: &InboxState, command: &InboxCommand, _: Timestamp) -> Result<Vec<InboxEvent>, InboxRejection> {
        match command {
            InboxCommand::Post(posted) if state.told.contains(&posted.notification_id) => Ok(vec![]),
            InboxCommand::Post(posted) => Ok(vec![InboxEvent::Posted(posted.clone())]),
            InboxCommand::ReadUpTo { version } if *version > state.version => {
                Err(InboxRejection::Ahead { actual: state.version })
            }
            InboxCommand::ReadUpTo { version } if *version <= state.read_up_to => Ok(vec![]),
            InboxCommand::ReadUpTo { version } => Ok(vec![InboxEvent::ReadUpTo(ReadUpTo { version: *version })]),
        }
    }

    fn evolve(state: &mut InboxState, event: &InboxEvent, at: Timestamp) {
        state.version += 1;
        match event {
            InboxEvent::Posted(posted) => state.keep(posted, at),
            InboxEvent::ReadUpTo(read) => {
                state.read_up_to = read.version;
                state.unread = state.messages.iter().rev().take_while(|message| message.version > read.version).count();
            }
        }
    }

    fn deadline(_: &InboxState) -> Option<Deadline<InboxCommand>> {
        None // nobody is pressed to read
    }
}
