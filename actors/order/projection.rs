//! What people see of an order: the whole of it as a view, and each fact as a live frame's data. Readers differ by role;
//! a fact hidden from a role is sent as redacted with its number, so that numbering is equal for all.
//! The payment method's token leaves this service in no direction but the provider's.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    event::{EndReason, Fulfilment, Line, OrderEvent, Part, RejectReason, Totals},
    state::{Known, OrderState, OrderStatus, PartAnswer, PartStage, Timeline},
};
use crate::{
    event::Version,
    ids::{CourtId, DeliveryId, KitchenId, OrderId, PaymentId, QuoteId, RiderId, TicketId, UserId},
    money::Money,
    place::Position,
    proof::ProofRequired,
    time::Timestamp,
};

/// As whom somebody looks at an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// Its customer.
    Customer,
    /// Staff of these kitchens: their parts only, no address and no money.
    KitchenStaff(BTreeSet<KitchenId>),
    /// Its rider: where from and where to, nothing of the basket's price.
    Rider,
    /// Everything but the payment method.
    Admin,
}

/// An order as a client reads it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderView {
    /// Which order.
    pub order_id: OrderId,
    /// How many facts it holds: its `ETag`, and the sequence number of its last live frame.
    pub version: Version,
    /// At which court.
    pub court_id: CourtId,
    /// Where it stands.
    pub status: OrderStatus,
    /// Whether the money is held.
    pub paid: bool,
    /// Set while it is coming to a bad end and the money is on its way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<OrderStatus>,
    /// Why it ended badly, or is about to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
    /// Pickup or delivery.
    pub fulfilment: Fulfilment,
    /// When it was asked for.
    pub placed_at: Timestamp,
    /// One part a kitchen.
    pub parts: Vec<PartView>,
    /// As placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    /// What the accepted parts, fees and tip come to; once the kitchens have answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_total: Option<Money>,
    /// What went back after it had been captured; once it has ended badly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Money>,
    /// Who ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<UserId>,
    /// The quote it honours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote_id: Option<QuoteId>,
    /// Its payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// Where it is fetched.
    pub handoff: Position,
    /// Where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Position>,
    /// Who brings it, while it is being brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rider_id: Option<RiderId>,
    /// On which delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<DeliveryId>,
    /// When the customer wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_at: Option<Timestamp>,
    /// When all parts should be ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
    /// When it should be at the door or the counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised_at: Option<Timestamp>,
    /// When its rider should be at the court; absent once they have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_eta_at: Option<Timestamp>,
    /// When its rider should hand it over at the door, by where they are and what is still to be cooked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff_eta_at: Option<Timestamp>,
    /// What the hand-over at the door must be shown by; absent: nothing.
    #[serde(default, skip_serializing_if = "ProofRequired::is_nothing")]
    pub proof: ProofRequired,
    /// When what happened.
    pub timeline: Timeline,
}

/// One kitchen's part as a client reads it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PartView {
    /// Who cooks.
    pub kitchen_id: KitchenId,
    /// The kitchen's name.
    pub kitchen_name: String,
    /// The kitchen's ticket.
    pub ticket_id: TicketId,
    /// The number that its pass calls out; once the kitchen has said yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_number: Option<u64>,
    /// What the kitchen said, and how far it is.
    pub stage: StageView,
    /// Why not, if it said no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RejectReason>,
    /// Minutes of work: promised, or usual while the kitchen has not answered.
    pub prep_min: u32,
    /// Minutes it has added before all kitchens had answered; absent: none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_min: u32,
    /// When the kitchen begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fire_at: Option<Timestamp>,
    /// What.
    pub lines: Vec<Line>,
    /// Sum of the lines.
    pub subtotal: Money,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(minutes: &u32) -> bool {
    *minutes == 0
}

/// How a kitchen's part stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageView {
    /// The kitchen has not answered.
    Waiting,
    /// It said yes and has not begun.
    Accepted,
    /// Being cooked.
    InKitchen,
    /// At the hand-off point.
    ReadyForCollection,
    /// Gone with its rider or eater.
    Collected,
    /// The kitchen said no, or nothing in time.
    Rejected,
}

impl StageView {
    const fn of(stage: PartStage) -> Self {
        match stage {
            PartStage::Waiting => Self::Accepted,
            PartStage::InKitchen => Self::InKitchen,
            PartStage::ReadyForCollection => Self::ReadyForCollection,
            PartStage::Collected => Self::Collected,
        }
    }
}

/// The order as `role` may see it; `None` if there is none, or nothing of it concerns this reader.
#[must_use]
pub fn view(role: &Role, state: &OrderState, version: Version) -> Option<OrderView> {
    let order = state.order()?;
    let mut full = full_view(order, version);
    Some(match role {
        // Its search begins with the acceptance, and is looked at also where it has found nobody, or is over.
        Role::Admin => OrderView { delivery_id: full.delivery_id.or_else(|| delivery_of(order)), ..full },
        Role::Customer => OrderView { customer_id: None, ..full },
        Role::KitchenStaff(kitchens) => {
            full.parts.retain(|part| kitchens.contains(&part.kitchen_id));
            if full.parts.is_empty() {
                return None;
            }
            // The way to the door is nothing to a kitchen.
            full.timeline.courier_arrived_at = None;
            OrderView { dropoff: None, dropoff_eta_at: None, ..without_money(full) }
        }
        Role::Rider => OrderView { parts: vec![], ..without_money(full) },
    })
}

/// The delivery that was asked for once the kitchens had answered.
fn delivery_of(order: &Known) -> Option<DeliveryId> {
    let is_brought = order.placed.fulfilment == Fulfilment::Delivery && order.plan.is_some();
    is_brought.then(|| DeliveryId::of(order.placed.order_id))
}

fn without_money(view: OrderView) -> OrderView {
    OrderView {
        totals: None,
        accepted_total: None,
        refunded: None,
        customer_id: None,
        quote_id: None,
        payment_id: None,
        ..view
    }
}

fn full_view(order: &Known, version: Version) -> OrderView {
    let placed = &order.placed;
    let rider = order.rider.filter(|_| !order.status.is_final());
    let eta = order.eta.filter(|_| rider.is_some());
    OrderView {
        order_id: placed.order_id,
        version,
        court_id: placed.court_id,
        status: order.status,
        paid: order.paid.is_some(),
        ending: order.ending.filter(|_| !order.status.is_final()).map(|ending| ending.into),
        end_reason: order.ending.map(|ending| ending.reason),
        fulfilment: placed.fulfilment,
        placed_at: order.timeline.placed_at,
        parts: placed.parts.iter().map(|part| part_view(order, part)).collect(),
        totals: Some(placed.totals),
        accepted_total: order.plan.as_ref().map(|plan| plan.total),
        refunded: order.refunded,
        customer_id: Some(placed.customer_id),
        quote_id: placed.quote_id,
        payment_id: order.paid.map(|paid| paid.payment_id),
        handoff: placed.handoff,
        dropoff: placed.dropoff,
        rider_id: rider.map(|rider| rider.rider_id),
        delivery_id: rider.map(|rider| rider.delivery_id),
        wanted_at: placed.wanted_at,
        ready_at: order.ready_at(),
        promised_at: order.plan.as_ref().map(|plan| plan.promised_at),
        pickup_eta_at: eta.and_then(|eta| eta.pickup_at).filter(|_| order.status != OrderStatus::PickedUp),
        dropoff_eta_at: eta.map(|eta| eta.dropoff_at),
        proof: placed.proof,
        timeline: order.timeline,
    }
}

fn part_view(order: &Known, part: &Part) -> PartView {
    let state = order.part(part.kitchen_id);
    let (stage, reason, prep_min) = match state.map(|state| (state.answer, state.stage)) {
        None | Some((PartAnswer::Open, _)) => (StageView::Waiting, None, part.prep_min),
        Some((PartAnswer::Rejected { reason }, _)) => (StageView::Rejected, Some(reason), part.prep_min),
        Some((PartAnswer::Accepted { prep_min }, stage)) => (StageView::of(stage), None, prep_min),
    };
    let fire = order.plan.as_ref().and_then(|plan| plan.fires.iter().find(|fire| fire.kitchen_id == part.kitchen_id));
    PartView {
        kitchen_id: part.kitchen_id,
        kitchen_name: part.kitchen_name.clone(),
        ticket_id: part.ticket_id,
        ticket_number: state.and_then(|state| state.number),
        stage,
        reason,
        prep_min,
        delay_min: state.map_or(0, |state| state.delay_min),
        fire_at: fire.map(|fire| fire.fire_at),
        lines: part.lines.clone(),
        subtotal: part.subtotal,
    }
}

/// The data of one fact's live frame as `role` may see it; `None`: redacted, only its number is sent.
#[must_use]
pub fn event_for(role: &Role, event: &OrderEvent) -> Option<Value> {
    let mut data = body(event);
    let fields = data.as_object_mut()?;
    fields.remove("payment_method");
    fields.remove("contact_id");
    match role {
        Role::Admin => {}
        Role::Customer => {
            fields.remove("customer_id");
        }
        Role::Rider => return for_rider(event),
        Role::KitchenStaff(kitchens) => return for_kitchens(kitchens, event),
    }
    Some(data)
}

fn body(event: &OrderEvent) -> Value {
    use crate::event::Event;
    serde_json::from_str(&event.encode()).expect("an event's body is JSON")
}

/// A rider reads when, where from and where to.
fn for_rider(event: &OrderEvent) -> Option<Value> {
    Some(match event {
        OrderEvent::Accepted(fact) => json!({
            "ready_at": fact.ready_at, "promised_at": fact.promised_at, "handoff": fact.handoff, "dropoff": fact.dropoff,
        }),
        OrderEvent::Delayed(fact) => json!({"ready_at": fact.ready_at, "promised_at": fact.promised_at}),
        _ => return on_the_way(event),
    })
}

/// Staff read what concerns their own kitchens, and where the order as a whole stands.
fn for_kitchens(kitchens: &BTreeSet<KitchenId>, event: &OrderEvent) -> Option<Value> {
    let own = |kitchen_id: KitchenId| kitchens.contains(&kitchen_id);
    let kitchen_id = match event {
        OrderEvent::Paid(fact) => {
            let parts: Vec<_> = fact.parts.iter().filter(|part| own(part.kitchen_id)).collect();
            let (answer_by, wanted_at) = (fact.answer_by, fact.wanted_at);
            let data =
                json!({"parts": parts, "answer_by": answer_by, "fulfilment": fact.fulfilment, "wanted_at": wanted_at});
            return (!parts.is_empty()).then_some(data);
        }
        OrderEvent::Accepted(fact) => {
            let fires: Vec<_> = fact.fires.iter().filter(|fire| own(fire.kitchen_id)).collect();
            let data = json!({"fires": fires, "ready_at": fact.ready_at, "fulfilment": fact.fulfilment});
            return (!fires.is_empty()).then_some(data);
        }
        OrderEvent::PartAccepted(fact) => fact.kitchen_id,
        OrderEvent::PartDelayed(fact) => fact.kitchen_id,
        OrderEvent::PartRejected(fact) => fact.kitchen_id,
        OrderEvent::PreparationStarted(fact) => fact.kitchen_id,
        OrderEvent::PartStarted(fact) => fact.kitchen_id,
        OrderEvent::PartReady(fact) => fact.kitchen_id,
        OrderEvent::PartCollected(fact) => fact.kitchen_id,
        OrderEvent::Delayed(fact) => return Some(json!({"ready_at": fact.ready_at})),
        // When the rider stands at the pass.
        OrderEvent::EtaMoved(fact) => return fact.pickup_eta_at.map(|at| json!({"pickup_eta_at": at})),
        OrderEvent::CourierImminent(_) | OrderEvent::CourierArrived(_) => return None,
        _ => return on_the_way(event),
    };
    own(kitchen_id).then(|| body(event))
}

/// What everybody who has a hand in the order reads of its way and its end.
fn on_the_way(event: &OrderEvent) -> Option<Value> {
    Some(match event {
        OrderEvent::Ready(fact) => json!({"fulfilment": fact.fulfilment}),
        OrderEvent::RiderAssigned(fact) => {
            json!({"rider_id": fact.rider_id, "delivery_id": fact.delivery_id, "takes_over": fact.takes_over})
        }
        OrderEvent::RiderUnassigned(fact) => json!({"rider_id": fact.rider_id, "taken_over": fact.taken_over}),
        OrderEvent::EtaMoved(fact) => json!({
            "rider_id": fact.rider_id, "pickup_eta_at": fact.pickup_eta_at, "dropoff_eta_at": fact.dropoff_eta_at,
        }),
        OrderEvent::CourierImminent(fact) => {
            json!({"rider_id": fact.rider_id, "dropoff_eta_at": fact.dropoff_eta_at})
        }
        OrderEvent::PickedUp(fact) => json!({"rider_id": fact.rider_id}),
        OrderEvent::CourierArrived(fact) => json!({"rider_id": fact.rider_id}),
        OrderEvent::Delivered(fact) => json!({"rider_id": fact.rider_id}),
        OrderEvent::Completed(_) => json!({}),
        OrderEvent::Rejecting(fact) => json!({"reason": fact.reason}),
        OrderEvent::CancelRequested(fact) => json!({"by": fact.by, "reason": fact.reason}),
        OrderEvent::Rejected(fact) | OrderEvent::Cancelled(fact) => json!({"reason": fact.reason}),
        _ => return None,
    })
}
