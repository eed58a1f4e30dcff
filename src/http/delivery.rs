//! Deliveries and the rider's steps. Door, contact and what to collect are shown only to the rider who brings it now.

use actix_web::{HttpResponse, web::Data};
use foodcourt_actors::{
    ask::{Seen, Wish},
    dispatch::{DeliveryCommand, DeliveryRejection, DeliveryState, DeliveryStatus, RiderStep, event::UnassignReason},
    ids::{ContactId, DeliveryId, KitchenId, OrderId, RiderId},
    order::{
        event::{Line, Part},
        state::{Known, PartStage, PartState},
    },
    place::Position,
    time::Timestamp,
    user::Role,
};
use serde::Serialize;
use serde_json::Value;

use super::{
    authorization::brings,
    order,
    principal::{PathId, Principal},
    problem::{self, NOT_ACCEPTABLE_NOW, PROOF_NEEDED, Problem},
    proof::{ProofBody, asks_for_proof},
    state::Services,
};

/// A delivery.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DeliveryBody {
    /// Which delivery.
    delivery_id: DeliveryId,
    /// Of which order.
    order_id: OrderId,
    /// Where it is.
    state: DeliveryStatus,
    /// Who brings it.
    rider_id: Option<RiderId>,
    /// The court's hand-off point.
    pickup: Position,
    /// The door: for the rider it is assigned to, and its customer.
    dropoff: Option<Position>,
    /// Whether the food stands ready.
    ready: bool,
    /// When the food should be ready.
    ready_at: Timestamp,
    /// When the rider should be at the court; absent once they have been.
    pickup_eta_at: Option<Timestamp>,
    /// When it should be handed over at the door.
    dropoff_eta_at: Option<Timestamp>,
    /// How the hand-over's proof stands; absent where none is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<ProofBody>,
    /// What to fetch at the passes: for the rider it is assigned to.
    #[serde(skip_serializing_if = "Option::is_none")]
    collect: Option<Vec<CollectBody>>,
    /// Name, phone, address, note: for the rider it is assigned to.
    #[schema(value_type = Option<Object>)]
    contact: Option<Value>,
}

/// What a rider fetches at one kitchen's pass.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CollectBody {
    /// Where.
    kitchen_id: KitchenId,
    /// The kitchen's name.
    kitchen_name: String,
    /// The number that its pass calls out.
    ticket_number: Option<u64>,
    /// Whether it stands at the pass.
    ready: bool,
    /// What should be in the bag.
    dishes: Vec<DishBody>,
}

/// A dish in the bag.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DishBody {
    /// Its name.
    name: String,
    /// How many.
    quantity: u32,
}

/// The accepted parts of an order as its rider fetches them: no prices, no wishes to the cook.
fn collect(order: &Known) -> Vec<CollectBody> {
    let dish = |line: &Line| DishBody { name: line.name.clone(), quantity: line.quantity };
    let parts = order.placed.parts.iter().zip(&order.parts).filter(|(_, state)| state.is_accepted());
    let fetch = |(part, state): (&Part, &PartState)| CollectBody {
        kitchen_id: part.kitchen_id,
        kitchen_name: part.kitchen_name.clone(),
        ticket_number: state.number,
        ready: state.stage >= PartStage::ReadyForCollection,
        dishes: part.lines.iter().map(dish).collect(),
    };
    parts.map(fetch).collect()
}

/// `GET /v1/deliveries/{id}`
///
/// # Errors
/// 404.
pub async fn show(services: Data<Services>, principal: Principal, PathId(id): PathId) -> Result<HttpResponse, Problem> {
    answer(&services, &principal, DeliveryId(id)).await
}

macro_rules! steps {
    ($($name:ident: $step:ident),+ $(,)?) => {$(
        /// The step of this name.
        ///
        /// # Errors
        /// 404 for a delivery that is not mine, 409 when it cannot follow the last step.
        pub async fn $name(
            services: Data<Services>,
            principal: Principal,
            PathId(id): PathId,
        ) -> Result<HttpResponse, Problem> {
            step(&services, &principal, DeliveryId(id), RiderStep::$step).await
        }
    )+};
}

steps! {
    enroute_to_pickup: EnrouteToPickup,
    arrived_at_pickup: ArrivedAtPickup,
    picked_up: PickedUp,
    enroute_to_dropoff: EnrouteToDropoff,
    arrived_at_dropoff: ArrivedAtDropoff,
}

/// `POST /v1/deliveries/{id}/unassignment`
///
/// # Errors
/// 404, 409 once the food is picked up.
pub async fn unassign(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<HttpResponse, Problem> {
    let delivery_id = DeliveryId(id);
    let state = look(&services, delivery_id).await?.state;
    let bearer = state.bearer.ok_or_else(Problem::not_found)?;
    let own = bearer.rider_id == principal.user_id();
    let reason = match own {
        true => UnassignReason::GaveBack,
        false if principal.is(Role::Admin) => UnassignReason::Staff,
        false => return Err(Problem::not_found()),
    };
    wish(&services, delivery_id, DeliveryCommand::Unassign { rider_id: bearer.rider_id, reason }).await?;
    let state = look(&services, delivery_id).await?.state;
    Ok(HttpResponse::Ok().json(body(delivery_id, &state, None, None).ok_or_else(Problem::not_found)?))
}

async fn step(
    services: &Services,
    principal: &Principal,
    delivery_id: DeliveryId,
    step: RiderStep,
) -> Result<HttpResponse, Problem> {
    let rider_id = principal.user_id();
    // Whose it is comes before where it stands: somebody else's delivery tells nothing, not even that it is over.
    let state = look(services, delivery_id).await?.state;
    state.bearer.filter(|bearer| bearer.rider_id == rider_id).ok_or_else(Problem::not_found)?;
    wish(services, delivery_id, DeliveryCommand::Step { rider_id, step }).await?;
    answer(services, principal, delivery_id).await
}

/// The answer that shows the delivery to `principal`.
///
/// # Errors
/// 404, 503.
pub async fn answer(
    services: &Services,
    principal: &Principal,
    delivery_id: DeliveryId,
) -> Result<HttpResponse, Problem> {
    let body = body_for(services, principal, delivery_id).await?.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().json(body))
}

/// The delivery as `principal` may see it; `None`: not at all.
///
/// # Errors
/// 503.
pub async fn body_for(
    services: &Services,
    principal: &Principal,
    delivery_id: DeliveryId,
) -> Result<Option<DeliveryBody>, Problem> {
    let state = look(services, delivery_id).await?.state;
    let Some(asked) = &state.request else { return Ok(None) };
    if brings(principal, &state) {
        let contact = services.contacts.find(ContactId::of(asked.order_id)).await?;
        let contact = contact.and_then(|text| serde_json::from_str(&text).ok());
        let order = order::look(services, asked.order_id).await?.state;
        let body = body(delivery_id, &state, Some(asked.dropoff), contact);
        return Ok(body.map(|body| DeliveryBody { collect: order.order().map(collect), ..body }));
    }
    if state.bearer.is_some_and(|bearer| bearer.rider_id == principal.user_id()) {
        return Ok(body(delivery_id, &state, None, None)); // brought, and over: the door is forgotten
    }
    let order = order::look(services, asked.order_id).await?.state;
    let own = order.order().is_some_and(|order| order.placed.customer_id == principal.user_id());
    let may = own || principal.is(Role::Admin);
    Ok(may.then(|| body(delivery_id, &state, Some(asked.dropoff), None)).flatten())
}

fn body(
    delivery_id: DeliveryId,
    state: &DeliveryState,
    dropoff: Option<Position>,
    contact: Option<Value>,
) -> Option<DeliveryBody> {
    let asked = state.request.as_ref()?;
    Some(DeliveryBody {
        delivery_id,
        order_id: asked.order_id,
        state: state.status()?,
        rider_id: state.bearer.map(|bearer| bearer.rider_id),
        pickup: asked.pickup,
        dropoff,
        ready: state.ready,
        ready_at: asked.ready_at,
        pickup_eta_at: state.eta.and_then(|eta| eta.pickup_at),
        dropoff_eta_at: state.eta.map(|eta| eta.dropoff_at),
        proof: ProofBody::of(state),
        collect: None,
        contact,
    })
}

/// A delivery's committed state.
///
/// # Errors
/// 503.
pub async fn look(services: &Services, delivery_id: DeliveryId) -> Result<Seen<DeliveryState>, Problem> {
    services.deliveries.look(delivery_id.0).await.map_err(|error| problem::of_ask(error, |never| match never {}))
}

/// Wishes something of a delivery.
///
/// # Errors
/// What its refusal means.
pub async fn wish(services: &Services, delivery_id: DeliveryId, command: DeliveryCommand) -> Result<(), Problem> {
    let wish = Wish::new(command, services.origin());
    services.deliveries.ask(delivery_id.0, wish).await.map_err(|error| problem::of_ask(error, rejected))?;
    Ok(())
}

/// What a delivery's refusal means.
#[must_use]
pub fn rejected(rejection: DeliveryRejection) -> Problem {
    match rejection {
        proof if asks_for_proof(proof) => Problem::new(PROOF_NEEDED, proof.to_string()),
        DeliveryRejection::Unknown | DeliveryRejection::NotYours => Problem::not_found(),
        DeliveryRejection::FoodNotReady
        | DeliveryRejection::OutOfOrder { .. }
        | DeliveryRejection::AlreadyPickedUp
        | DeliveryRejection::Over { .. }
        | DeliveryRejection::PinMissing
        | DeliveryRejection::PinSpent
        | DeliveryRejection::PhotoMissing => Problem::new(NOT_ACCEPTABLE_NOW, rejection.to_string()),
    }
}
