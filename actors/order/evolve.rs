//! How each fact changes an order. Total: a recorded fact is never refused.

use std::sync::Arc;

use super::{
    event::{Delayed, EndReason, OrderEvent, Placed},
    state::{Ending, Eta, Known, OrderState, OrderStatus, PaidFor, PartAnswer, PartStage, PartState, Rider, Timeline},
};
use crate::{ids::KitchenId, time::Timestamp};

/// Folds one fact.
pub fn evolve(state: &mut OrderState, event: &OrderEvent, at: Timestamp) {
    if let OrderEvent::Placed(placed) = event {
        state.order.get_or_insert_with(|| Box::new(begin(placed, at)));
    } else if let Some(order) = state.order.as_deref_mut() {
        advance(order, event, at);
    }
}

fn begin(placed: &Placed, at: Timestamp) -> Known {
    Known {
        placed: Arc::new(placed.clone()),
        status: OrderStatus::Placed,
        paid: None,
        parts: placed.parts.iter().map(|part| PartState::open(part.kitchen_id)).collect(),
        plan: None,
        rider: None,
        had_rider: false,
        ending: None,
        refunded: None,
        escalations: 0,
        escalated_at: None,
        eta: None,
        imminent: false,
        timeline: Timeline {
            placed_at: at,
            paid_at: None,
            accepted_at: None,
            preparation_started_at: None,
            ready_at: None,
            picked_up_at: None,
            courier_arrived_at: None,
            ending_at: None,
            ended_at: None,
        },
    }
}

/// Folds one fact into an order that exists.
pub fn advance(order: &mut Known, event: &OrderEvent, at: Timestamp) {
    match event {
        OrderEvent::Placed(_) => {}
        OrderEvent::Paid(fact) => {
            order.paid = Some(PaidFor { payment_id: fact.payment_id, amount: fact.amount, answer_by: fact.answer_by });
            order.timeline.paid_at = Some(at);
        }
        OrderEvent::PartAccepted(fact) => {
            answer(order, fact.kitchen_id, PartAnswer::Accepted { prep_min: fact.prep_min });
            for part in order.parts.iter_mut().filter(|part| part.kitchen_id == fact.kitchen_id) {
                part.number = fact.number;
            }
        }
        OrderEvent::PartDelayed(fact) => {
            for part in order.parts.iter_mut().filter(|part| part.kitchen_id == fact.kitchen_id) {
                part.delay_min = part.delay_min.saturating_add(fact.by_min);
                part.delayed_to = Some(fact.ready_at);
            }
        }
        OrderEvent::PartRejected(fact) => {
            answer(order, fact.kitchen_id, PartAnswer::Rejected { reason: fact.reason });
        }
        OrderEvent::Accepted(fact) => {
            order.plan = Some(Arc::new(fact.clone()));
            order.timeline.accepted_at = Some(at);
            // A kitchen may have begun before the others answered.
            order.status = if order.has_begun() { OrderStatus::InPreparation } else { OrderStatus::Accepted };
        }
        OrderEvent::PreparationStarted(fact) => {
            reach(order, fact.kitchen_id, PartStage::InKitchen);
            order.timeline.preparation_started_at = Some(at);
            if order.status == OrderStatus::Accepted {
                order.status = OrderStatus::InPreparation;
            }
        }
        OrderEvent::PartStarted(fact) => reach(order, fact.kitchen_id, PartStage::InKitchen),
        OrderEvent::Delayed(fact) => delay(order, fact),
        OrderEvent::PartReady(fact) => reach(order, fact.kitchen_id, PartStage::ReadyForCollection),
        OrderEvent::Ready(_) => {
            order.status = OrderStatus::ReadyForPickup;
            order.timeline.ready_at = Some(at);
        }
        OrderEvent::PartCollected(fact) => reach(order, fact.kitchen_id, PartStage::Collected),
        OrderEvent::RiderAssigned(fact) => {
            order.rider = Some(Rider { rider_id: fact.rider_id, delivery_id: fact.delivery_id });
            order.had_rider = true;
        }
        OrderEvent::RiderUnassigned(_) => (order.rider, order.eta) = (None, None),
        OrderEvent::EtaMoved(fact) => {
            order.eta = Some(Eta {
                rider_id: fact.rider_id,
                pickup_at: fact.pickup_eta_at,
                dropoff_at: fact.dropoff_eta_at,
                estimated_at: fact.estimated_at,
            });
        }
        OrderEvent::CourierImminent(_) => order.imminent = true,
        OrderEvent::CourierArrived(_) => order.timeline.courier_arrived_at = Some(at),
        OrderEvent::PickedUp(_) => {
            order.status = OrderStatus::PickedUp;
            order.timeline.picked_up_at = Some(at);
            collect_all(order);
        }
        OrderEvent::Delivered(_) => end(order, OrderStatus::Delivered, at),
        OrderEvent::Completed(_) => {
            collect_all(order);
            end(order, OrderStatus::Completed, at);
        }
        OrderEvent::Rejecting(fact) => begin_end(order, OrderStatus::Rejected, fact.reason, at),
        OrderEvent::CancelRequested(fact) => begin_end(order, OrderStatus::Cancelled, fact.reason, at),
        OrderEvent::Rejected(fact) => {
            order.refunded = Some(fact.refunded);
            end(order, OrderStatus::Rejected, at);
        }
        OrderEvent::Cancelled(fact) => {
            order.refunded = Some(fact.refunded);
            end(order, OrderStatus::Cancelled, at);
        }
        OrderEvent::Expired(_) => {
            order.ending = Some(Ending { into: OrderStatus::Expired, reason: EndReason::NotPaid });
            end(order, OrderStatus::Expired, at);
        }
        OrderEvent::Overdue(fact) => {
            order.escalations = fact.times;
            order.escalated_at = Some(at);
        }
    }
}

fn answer(order: &mut Known, kitchen: KitchenId, answer: PartAnswer) {
    for part in order.parts.iter_mut().filter(|part| part.kitchen_id == kitchen) {
        part.answer = answer;
    }
}

fn reach(order: &mut Known, kitchen: KitchenId, stage: PartStage) {
    for part in order.parts.iter_mut().filter(|part| part.kitchen_id == kitchen) {
        part.stage = part.stage.max(stage);
    }
}

fn collect_all(order: &mut Known) {
    for part in order.parts.iter_mut().filter(|part| part.is_accepted()) {
        part.stage = PartStage::Collected;
    }
}

fn delay(order: &mut Known, fact: &Delayed) {
    if let Some(plan) = &mut order.plan {
        let plan = Arc::make_mut(plan);
        plan.ready_at = fact.ready_at;
        plan.promised_at = fact.promised_at;
    }
}

fn begin_end(order: &mut Known, into: OrderStatus, reason: EndReason, at: Timestamp) {
    order.ending = Some(Ending { into, reason });
    order.escalations = 0;
    order.escalated_at = None;
    order.timeline.ending_at = Some(at);
}

fn end(order: &mut Known, status: OrderStatus, at: Timestamp) {
    order.status = status;
    order.timeline.ended_at = Some(at);
}
