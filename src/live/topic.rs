//! Topics: what a socket can watch. Parsed once here; a topic's text is the same coming in and going out.

use std::{fmt, str::FromStr};

use foodcourt_actors::stream::{Category, StreamId};
use uuid::Uuid;

/// What can be watched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Topic {
    /// `order:{id}`: one order's facts, and its rider's position while the delivery runs.
    Order(Uuid),
    /// `kitchen:{id}`: menu, pauses and tickets of one kitchen.
    Kitchen(Uuid),
    /// `rider:{id}`: shifts, offers and deliveries of one rider.
    Rider(Uuid),
    /// `rider:me`: the rider behind this socket.
    RiderMe,
    /// `inbox`: the messages of the person behind this socket.
    Inbox,
    /// `city`: the positions of all riders; no facts.
    City,
}

impl Topic {
    /// The stream behind the topic for `user`, if it has one.
    #[must_use]
    pub const fn stream(self, user: Uuid) -> Option<StreamId> {
        match self {
            Self::Order(id) => Some(StreamId::new(Category::Order, id)),
            Self::Kitchen(id) => Some(StreamId::new(Category::Kitchen, id)),
            Self::Rider(id) => Some(StreamId::new(Category::Rider, id)),
            Self::RiderMe => Some(StreamId::new(Category::Rider, user)),
            Self::Inbox => Some(StreamId::new(Category::Inbox, user)),
            Self::City => None,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(id) => write!(f, "order:{id}"),
            Self::Kitchen(id) => write!(f, "kitchen:{id}"),
            Self::Rider(id) => write!(f, "rider:{id}"),
            Self::RiderMe => f.write_str("rider:me"),
            Self::Inbox => f.write_str("inbox"),
            Self::City => f.write_str("city"),
        }
    }
}

/// Why a text names no topic.
#[derive(Debug, thiserror::Error)]
#[error("not a topic: expected order:, kitchen: or rider: with a lower-case uuid, rider:me, inbox or city")]
pub struct NotATopic;

impl FromStr for Topic {
    type Err = NotATopic;
    fn from_str(text: &str) -> Result<Self, NotATopic> {
        let topic = match text.split_once(':') {
            None if text == "inbox" => Self::Inbox,
            None if text == "city" => Self::City,
            Some(("rider", "me")) => Self::RiderMe,
            Some((noun, id)) => {
                // Only the hyphenated lower-case form: a topic has one spelling.
                let id = Uuid::try_parse(id).ok().filter(|parsed| parsed.to_string() == id).ok_or(NotATopic)?;
                match noun {
                    "order" => Self::Order(id),
                    "kitchen" => Self::Kitchen(id),
                    "rider" => Self::Rider(id),
                    _ => return Err(NotATopic),
                }
            }
            None => return Err(NotATopic),
        };
        Ok(topic)
    }
}

/// Who hears what is said on a topic: the subscribers of a stream, or of the city.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Channel {
    /// Of one stream.
    Stream(StreamId),
    /// Of the city.
    City,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_has_one_spelling() {
        let id = "0190a5c0-0000-7000-8000-0000000000ab";
        for text in
            [&format!("order:{id}"), &format!("kitchen:{id}"), &format!("rider:{id}"), "rider:me", "inbox", "city"]
        {
            assert_eq!(text.parse::<Topic>().unwrap().to_string(), *text);
        }
        for text in
            ["", "order", "order:", "order:x", "payment:0190a5c0-0000-7000-8000-0000000000ab", "city:1", "inbox:me"]
        {
            assert!(text.parse::<Topic>().is_err(), "{text}");
        }
        assert!(format!("order:{}", id.to_uppercase()).parse::<Topic>().is_err());
        assert!(format!("order:{}", id.replace('-', "")).parse::<Topic>().is_err());
    }
}
