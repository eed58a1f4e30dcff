//! Mistakes planted on purpose. A simulation that does not find them would not find their likes either.

use std::sync::Arc;

use foodcourt_actors::{
    ask::Wish,
    decider::Origin,
    directory::Directory,
    event::Recorded,
    ids::NotificationId,
    memory::Planted,
    notification::{Inbox, InboxCommand, policy::InboxPolicy},
    reactor::{Choreography, Consumer, Policy, ReactError},
};
use futures_util::future::BoxFuture;
use uuid::Uuid;

/// A planted mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    /// A message is told again under another id, so that the inbox cannot know it.
    SkipDedupe,
    /// A yes is said before the facts are durable, and sometimes they get lost.
    AcknowledgeBeforeCommit,
    /// A late commit stands before the cursor and is never read.
    CursorPastALateCommit,
    /// A refusal is not checked against the stream's tail.
    NoTailCheck,
    /// Two writers write the same version.
    NoGate,
    /// A call to the provider is repeated with another key.
    NewProviderKey,
}

impl Bug {
    pub const ALL: [Self; 6] = [
        Self::SkipDedupe,
        Self::AcknowledgeBeforeCommit,
        Self::CursorPastALateCommit,
        Self::NoTailCheck,
        Self::NoGate,
        Self::NewProviderKey,
    ];
    /// What of it sits in the journal.
    pub fn in_journal(self) -> Planted {
        Planted {
            acknowledge_before_commit: self == Self::AcknowledgeBeforeCommit,
            positions_out_of_order: self == Self::CursorPastALateCommit,
            no_gate: self == Self::NoGate,
        }
    }
}

/// The inbox's policy, which tells some things twice.
pub struct Twice {
    once: Choreography<InboxPolicy>,
    inbox: Directory<Inbox>,
}

impl Twice {
    pub const fn new(once: Choreography<InboxPolicy>, inbox: Directory<Inbox>) -> Self {
        Self { once, inbox }
    }
}

impl Consumer for Twice {
    fn name(&self) -> &'static str {
        self.once.name()
    }
    fn wants(&self, kind: &str) -> bool {
        self.once.wants(kind)
    }
    fn react(&self, fact: Arc<Recorded>) -> BoxFuture<'static, Result<(), ReactError>> {
        let (once, inbox) = (self.once.react(Arc::clone(&fact)), self.inbox.clone());
        Box::pin(async move {
            once.await?;
            let origin = Origin { cause: Some(fact.event_id), correlation: fact.correlation };
            for (id, command) in InboxPolicy::react(&fact).unwrap_or_default() {
                if let InboxCommand::Post(mut posted) = command {
                    posted.notification_id = NotificationId(Uuid::new_v5(&fact.event_id, b"again"));
                    let _told = inbox.ask(id, Wish::new(InboxCommand::Post(posted), origin)).await;
                }
            }
            Ok(())
        })
    }
}
