//! Why a delivery went the way it did: its own facts, and between them what dispatch weighed, in the order of time.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use foodcourt_actors::{
    dispatch::{
        event::DeliveryEvent,
        projection::{self, Role},
        record::Decision,
    },
    event::{Recorded, Version},
    ids::DeliveryId,
    stream::{Category, StreamId},
    time::Timestamp,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{
    cursor::{Page, page_of},
    principal::PathId,
    problem::Problem,
    state::Services,
};
use crate::ports::{After, StoredDecision};

/// Facts of one delivery that are read: far more than one has.
const FACTS_MAX: u32 = 1_000;
/// The type of an item that is no fact.
const DECISION: &str = "decision";

/// Answer of `GET /v1/admin/deliveries/{id}/decisions`.
pub type DecisionPage = Page<DecisionItem>;

/// One step of a delivery's story.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DecisionItem {
    /// When.
    pub at: Timestamp,
    /// The fact's type such as `delivery.offered`, or `decision`.
    pub r#type: String,
    /// A fact's number in the delivery's stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<Version>,
    /// A fact's data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub data: Option<Value>,
    /// What was weighed, and what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Its place among those of one instant.
    #[serde(skip)]
    key: Uuid,
}

/// `GET /v1/admin/deliveries/{id}/decisions`
///
/// # Errors
/// 400 and 422 for the page, 404 for a delivery that does not exist, 503.
pub async fn list(request: HttpRequest, services: Data<Services>, PathId(id): PathId) -> Result<HttpResponse, Problem> {
    let page = page_of(&request)?;
    let facts = services.journal.read(StreamId::new(Category::Delivery, id), 0, FACTS_MAX).await;
    let facts = facts.map_err(Problem::unavailable)?;
    if facts.is_empty() {
        return Err(Problem::not_found());
    }
    let stored = services.decisions.of(DeliveryId(id), page).await?;
    let mut items = facts.iter().map(told).collect::<Result<Vec<_>, _>>()?;
    items.retain(|item| page.after.is_none_or(|after| (item.at, item.key) > (after.at, after.id)));
    items.extend(stored.into_iter().map(weighed));
    items.sort_by_key(|item| (item.at, item.key));
    items.truncate(page.limit as usize + 1);
    Ok(HttpResponse::Ok().json(Page::cut(items, page.limit, |item| After { at: item.at, id: item.key })))
}

fn told(fact: &Recorded) -> Result<DecisionItem, Problem> {
    let event = fact.typed::<DeliveryEvent>().map_err(Problem::internal)?;
    Ok(DecisionItem {
        at: fact.at,
        r#type: fact.kind.to_string(),
        seq: Some(fact.version),
        data: projection::event_for(Role::Staff, &event),
        decision: None,
        // Facts of one instant stand in the order of their numbers, and before what was weighed then.
        key: Uuid::from_u128(fact.version.into()),
    })
}

fn weighed(stored: StoredDecision) -> DecisionItem {
    let StoredDecision { at, decision_id, decision } = stored;
    let (r#type, decision) = (DECISION.to_owned(), Some(decision));
    DecisionItem { at, r#type, seq: None, data: None, decision, key: decision_id }
}
