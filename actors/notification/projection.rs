//! What a person sees of the own inbox. Nobody else sees anything of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    event::{Recorded, Version},
    ids::{NotificationId, OrderId, UserId},
    notification::{InboxState, Message, event::Topic},
    time::Timestamp,
};

/// One message.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct MessageView {
    /// Which message.
    pub notification_id: NotificationId,
    /// Its number in the inbox.
    pub version: Version,
    /// When it was told.
    pub at: Timestamp,
    /// What about.
    pub topic: Topic,
    /// One plain sentence.
    pub text: String,
    /// Which order, if it is about one.
    pub order_id: Option<OrderId>,
    /// The fact it tells.
    pub about_event: Uuid,
    /// Whether it has been read.
    pub read: bool,
}

/// What a subscriber of `inbox` starts from.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct InboxView {
    /// The newest hundred, newest first.
    pub messages: Vec<MessageView>,
    /// How many of them have not been read.
    pub unread: usize,
    /// Everything up to this version has been read.
    pub read_up_to: Version,
}

/// The inbox.
#[must_use]
pub fn inbox(state: &InboxState) -> InboxView {
    let view = |message: &Message| MessageView {
        notification_id: message.posted.notification_id,
        version: message.version,
        at: message.at,
        topic: message.posted.topic,
        text: message.posted.text.clone(),
        order_id: message.posted.order_id,
        about_event: message.posted.about_event,
        read: message.version <= state.read_up_to(),
    };
    InboxView { messages: state.messages().map(view).collect(), unread: state.unread(), read_up_to: state.read_up_to() }
}

/// What `reader` sees of a fact; `None`: nothing, unless it is the reader's own inbox.
#[must_use]
pub fn event_for(reader: UserId, fact: &Recorded) -> Option<Value> {
    (fact.stream.id == reader.0).then(|| serde_json::from_str(&fact.body).ok()).flatten()
}
