//! A customer's eye on the order: a socket or an event stream, whichever the customer's app speaks.

use std::{sync::Arc, time::Duration};

use super::{
    live::{Heard, Live},
    person::Person,
    sse::Events,
    wire::Order,
    world::World,
};

/// How a customer watches.
pub enum Watching {
    /// Over a socket, from what there is.
    SocketFromSnapshot,
    /// Over a socket, from the first fact.
    SocketFromStart,
    /// Over an event stream, from the first fact.
    EventStream,
}

/// A customer's eye on the order.
pub enum Eye {
    Socket(Live),
    Events(Events),
}

impl Eye {
    /// Opens it on an order.
    pub fn open(world: &World, person: &Arc<Person>, order: &Order, by: &Watching) -> Self {
        let topic = format!("order:{}", order.order_id);
        let after = match by {
            Watching::EventStream => return Self::Events(Events::open(Arc::clone(person), &order.order_id)),
            Watching::SocketFromSnapshot => None,
            Watching::SocketFromStart => Some(0),
        };
        Self::Socket(Live::open(Arc::clone(person), Arc::clone(&world.clock), &[(topic, after)]))
    }
    /// The next thing seen; `None` once watching was given up.
    pub async fn next(&mut self) -> Option<Heard> {
        match self {
            Self::Socket(live) => live.next().await,
            Self::Events(events) => events.next().await,
        }
    }
    /// Loses the connection for `offline`.
    pub async fn drop_for(&self, offline: Duration) {
        match self {
            Self::Socket(live) => live.drop_for(offline).await,
            Self::Events(events) => events.drop_for(offline).await,
        }
    }
    /// Looks away, having stayed to the end or not.
    pub async fn close(self, stayed: bool) {
        match self {
            Self::Socket(live) => live.close(stayed).await,
            Self::Events(events) => events.close(stayed),
        }
    }
}

/// The status that a frame tells, if it tells one.
pub fn status_of(heard: &Heard) -> Option<String> {
    match heard {
        Heard::Snapshot { data, .. } => {
            // The order stands in the snapshot as it is or under its noun.
            let status = data.get("status").or_else(|| data.get("order")?.get("status"))?;
            status.as_str().map(str::to_owned)
        }
        Heard::Fact { kind, .. } => {
            let status = match kind.strip_prefix("order.")? {
                "preparation_started" => "in_preparation",
                status @ ("accepted" | "ready_for_pickup" | "picked_up" | "delivered" | "completed" | "rejected"
                | "cancelled" | "expired") => status,
                _ => return None,
            };
            Some(status.to_owned())
        }
        Heard::Connected | Heard::Refused(_) => None,
    }
}
