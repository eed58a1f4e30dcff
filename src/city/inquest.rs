//! Asks the server, once all is over, what it has of everything the clients were told.

use std::{collections::BTreeSet, sync::Arc};

use foodcourt_actors::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{
    client::{Call, CallError},
    log::{Evidence, Placement},
    person::Person,
    verdict::{HistoryFact, ServerOrder, ServerSide},
    wire::Page,
    world::World,
};

/// Pages of one list; far more than a run fills.
const PAGES_MAX: usize = 5_000;

#[derive(Deserialize)]
struct ListedOrder {
    order_id: String,
}

#[derive(Deserialize)]
struct ListedFact {
    seq: u64,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    at: Option<Timestamp>,
}

/// A list, whether it comes in pages or bare.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed<T> {
    Page(Page<T>),
    Bare(Vec<T>),
}

/// Reads orders, histories and lists. What cannot be read is a trouble, and is not held against the server as lost.
pub async fn ask(world: &World, admin: Option<&Person>, evidence: &Evidence) -> ServerSide {
    let mut side = ServerSide::default();
    let mut seen = BTreeSet::new();
    for placement in &evidence.placements {
        let Ok(person) = world.customer(placement.customer).await else { continue };
        if let Some(order_id) = placement.order_id() {
            match order(&person, order_id).await {
                Ok(order) => {
                    side.orders.insert(order_id.to_owned(), order);
                }
                Err(error) => world.log.trouble(format!("order {order_id} cannot be read at the end: {error}")),
            }
        }
        if seen.insert(Arc::as_ptr(&person) as usize) {
            match all::<ListedOrder>(&person, "/v1/orders?limit=100").await {
                Ok(orders) => side.listed.extend(orders.into_iter().map(|order| order.order_id)),
                Err(error) => world.log.trouble(format!("a customer's orders cannot be listed: {error}")),
            }
        }
    }
    if let Some(admin) = admin {
        match all::<ListedOrder>(admin, "/v1/admin/orders?limit=100").await {
            Ok(orders) => side.admin_listed = Some(orders.into_iter().map(|order| order.order_id).collect()),
            Err(error) => world.log.trouble(format!("the operator's list cannot be read: {error}")),
        }
    }
    not_answered(evidence, &side, world);
    side
}

async fn order(person: &Person, order_id: &str) -> Result<ServerOrder, CallError> {
    let answer = person.call(&Call::get(format!("/v1/orders/{order_id}"))).await?;
    if answer.status == 404 {
        return Ok(ServerOrder::default());
    }
    let order = answer.read()?;
    let mut facts: Vec<ListedFact> = all(person, &format!("/v1/orders/{order_id}/events")).await?;
    facts.sort_by_key(|fact| fact.seq);
    let history = facts
        .into_iter()
        .map(|ListedFact { seq, kind, data, at }| HistoryFact { seq, kind, data, at })
        .collect::<Vec<_>>();
    Ok(ServerOrder { order: Some(order), history: Some(history) })
}

async fn all<T: serde::de::DeserializeOwned>(person: &Person, path: &str) -> Result<Vec<T>, CallError> {
    let mut items = Vec::new();
    let mut next = path.to_owned();
    for _ in 0..PAGES_MAX {
        match person.get::<Listed<T>>(next).await? {
            Listed::Bare(all) => {
                items.extend(all);
                break;
            }
            Listed::Page(page) => {
                items.extend(page.items);
                match page.next_cursor {
                    Some(cursor) => {
                        next = {
                            let joint = if path.contains('?') { '&' } else { '?' };
                            format!("{path}{joint}cursor={cursor}")
                        }
                    }
                    None => break,
                }
            }
        }
    }
    Ok(items)
}

/// An order that could not be read at all is neither lost nor fine; say so.
fn not_answered(evidence: &Evidence, side: &ServerSide, world: &World) {
    let asked = evidence.placements.iter().filter_map(Placement::order_id);
    let count = asked.filter(|order_id| !side.orders.contains_key(*order_id)).count();
    if count > 0 {
        world.log.trouble(format!("{count} orders could not be compared"));
    }
}
