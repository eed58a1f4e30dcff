//! The rules of an order: what each wish means in each state. Who may call it off when stands in `rules`.

use super::{
    command::OrderCommand,
    event::{
        CancelRequested, CancelledBy, Closed, Completed, CourierArrived, CourierImminent, Delayed, Delivered,
        EndReason, EtaMoved, Expired, Fulfilment, OrderEvent, Overdue, Paid, PartAccepted, PartCollected, PartDelayed,
        PartReady, PartRejected, PartStarted, PickedUp, Placed, PreparationStarted, Ready, RejectReason, Rejecting,
        RiderAssigned, RiderUnassigned,
    },
    evolve, planning, rules,
    state::{Eta, Known, OrderRejection, OrderState, OrderStatus, PartAnswer, PartStage},
};
use crate::{
    decider::{Deadline, Decider},
    ids::{DeliveryId, KitchenId, PaymentId, RiderId},
    money::Money,
    stream::Category,
    time::Timestamp,
};

/// The order service's decider.
#[derive(Clone, Copy, Debug)]
pub struct Order;

type Decision = Result<(), OrderRejection>;

impl Decider for Order {
    const CATEGORY: Category = Category::Order;
    type State = OrderState;
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Rejection = OrderRejection;

    fn decide(state: &OrderState, command: &OrderCommand, now: Timestamp) -> Result<Vec<OrderEvent>, OrderRejection> {
        if let OrderCommand::Place(placed) = command {
            return place(state, placed);
        }
        let mut draft = Draft { order: state.order.clone().ok_or(OrderRejection::Unknown)?, events: vec![], now };
        draft.decide(command)?;
        Ok(draft.events)
    }

    fn evolve(state: &mut OrderState, event: &OrderEvent, at: Timestamp) {
        evolve::evolve(state, event, at);
    }

    fn deadline(state: &OrderState) -> Option<Deadline<OrderCommand>> {
        let order = state.order()?;
        if order.status.is_final() {
            return None;
        }
        let (at, command) = waits_until(order);
        Some(Deadline { at, command })
    }
}

/// Every state that waits, until when, and what follows: no order can be stuck.
fn waits_until(order: &Known) -> (Timestamp, OrderCommand) {
    let timeline = &order.timeline;
    if let Some(what) = order.waiting_for() {
        let since = timeline.ending_at.or(timeline.picked_up_at).unwrap_or(timeline.placed_at);
        // Counted from the last call, so that a server that slept for a week calls once, not a hundred times.
        let call_at = order.escalated_at.unwrap_or(since).plus(rules::patience(what, order.escalations));
        let lost_at = since.plus(rules::LOST_AFTER);
        return if !order.is_ending() && call_at >= lost_at {
            (lost_at, OrderCommand::FailHandover)
        } else {
            (call_at, OrderCommand::Escalate)
        };
    }
    if let Some(ready_at) = timeline.ready_at {
        return (ready_at.plus(rules::COLLECT_WITHIN), OrderCommand::FailHandover);
    }
    if let Some(ready_at) = order.ready_at() {
        return (ready_at.plus(rules::KITCHEN_LATE), OrderCommand::FailKitchens);
    }
    match order.paid {
        Some(paid) => (paid.answer_by.plus(rules::ANSWER_GRACE), OrderCommand::CountSilentAsNo),
        None => (order.placed.pay_by, OrderCommand::Expire),
    }
}

fn place(state: &OrderState, placed: &Placed) -> Result<Vec<OrderEvent>, OrderRejection> {
    if let Some(order) = state.order() {
        let same = order.placed.order_id == placed.order_id && order.placed.customer_id == placed.customer_id;
        return if same { Ok(vec![]) } else { Err(OrderRejection::AlreadyPlaced) };
    }
    let kitchens: std::collections::BTreeSet<_> = placed.parts.iter().map(|part| part.kitchen_id).collect();
    if placed.parts.is_empty() || placed.parts.iter().any(|part| part.lines.is_empty()) {
        return Err(OrderRejection::Malformed("a basket needs at least one line"));
    }
    if kitchens.len() != placed.parts.len() {
        return Err(OrderRejection::Malformed("each kitchen must have one part only"));
    }
    if (placed.fulfilment == Fulfilment::Delivery) != placed.dropoff.is_some() {
        return Err(OrderRejection::Malformed("a delivery needs a drop-off point, and a pickup has none"));
    }
    if !super::pricing::is_consistent(&placed.totals, &placed.parts) {
        return Err(OrderRejection::Malformed("its totals do not add up"));
    }
    Ok(vec![OrderEvent::Placed(Box::new(placed.clone()))])
}

/// An order while it is being decided: each fact counts at once for what follows in the same decision.
struct Draft {
    order: Box<Known>,
    events: Vec<OrderEvent>,
    now: Timestamp,
}

impl Draft {
    fn push(&mut self, event: OrderEvent) {
        evolve::advance(&mut self.order, &event, self.now);
        self.events.push(event);
    }

    fn decide(&mut self, command: &OrderCommand) -> Decision {
        match *command {
            OrderCommand::Place(_) => Ok(()), // decided before a draft exists
            OrderCommand::Cancel { by, reason } => self.cancel(by, reason),
            OrderCommand::Reject { reason } => self.reject(reason),
            OrderCommand::Close { refunded } => self.close(refunded),
            OrderCommand::Escalate => self.escalate(),
            // Whatever else is said about an order that is over, or on its way there, comes too late to matter:
            // its money is going back, and every service hears of the end from the order's own facts.
            _ if self.order.status.is_final() || self.order.is_ending() => Ok(()),
            OrderCommand::MarkPaid { payment_id, amount } => self.mark_paid(payment_id, amount),
            OrderCommand::NoteTicketAccepted { kitchen_id, prep_min, number } => {
                self.answer(kitchen_id, OrderEvent::PartAccepted(PartAccepted { kitchen_id, prep_min, number }))
            }
            OrderCommand::NoteTicketRejected { kitchen_id, reason } => {
                self.answer(kitchen_id, OrderEvent::PartRejected(PartRejected { kitchen_id, reason }))
            }
            OrderCommand::NotePreparation { kitchen_id } => self.note_preparation(kitchen_id),
            OrderCommand::NoteDelay { kitchen_id, by_min, ready_at } => self.note_delay(kitchen_id, by_min, ready_at),
            OrderCommand::NoteReady { kitchen_id } => self.note_ready(kitchen_id),
            OrderCommand::NoteRider { rider_id, delivery_id } => self.note_rider(rider_id, delivery_id),
            OrderCommand::NoteRiderGone { rider_id } => self.note_rider_gone(rider_id),
            OrderCommand::NoteEta { rider_id, pickup_eta_at, dropoff_eta_at, estimated_at } => {
                self.note_eta(Eta { rider_id, pickup_at: pickup_eta_at, dropoff_at: dropoff_eta_at, estimated_at });
                Ok(())
            }
            OrderCommand::NoteImminent { rider_id, dropoff_eta_at } => {
                self.note_imminent(rider_id, dropoff_eta_at);
                Ok(())
            }
            OrderCommand::NoteArrival { rider_id } => self.note_arrival(rider_id),
            OrderCommand::NotePickup { rider_id } => self.note_pickup(rider_id),
            OrderCommand::Deliver { rider_id } => self.deliver(rider_id),
            OrderCommand::NoteCollected { kitchen_id } => self.note_collected(kitchen_id),
            OrderCommand::Expire => self.expire(),
            OrderCommand::CountSilentAsNo => self.count_silent_as_no(),
            OrderCommand::FailKitchens => self.fail_when_due(command, EndReason::KitchenFailed),
            OrderCommand::FailHandover => self.fail_when_due(command, EndReason::NotHandedOver),
        }
    }

    fn mark_paid(&mut self, payment_id: PaymentId, amount: Money) -> Decision {
        if self.order.paid.is_some() {
            return Ok(());
        }
        let placed = self.order.placed.clone();
        if amount != placed.totals.total {
            return Err(OrderRejection::WrongAmount { held: amount, owed: placed.totals.total });
        }
        self.push(OrderEvent::Paid(Paid {
            payment_id,
            amount,
            answer_by: rules::answer_by(self.now, placed.wanted_at),
            wanted_at: placed.wanted_at,
            parts: placed.parts.clone(),
            fulfilment: placed.fulfilment,
            customer_id: placed.customer_id,
            court_id: placed.court_id,
        }));
        Ok(())
    }

    fn answer(&mut self, kitchen_id: KitchenId, answer: OrderEvent) -> Decision {
        let part = *self.order.part(kitchen_id).ok_or(OrderRejection::NotInBasket)?;
        // The first answer counts. A yes that comes after the order has counted silence as a no is undone by the
        // kitchen itself, which hears of the no as `order.part_rejected`.
        if self.order.paid.is_none() || part.answer != PartAnswer::Open {
            return Ok(());
        }
        self.push(answer);
        self.conclude_answers();
        Ok(())
    }

    /// Once all kitchens have answered: one yes is enough, none is the end.
    fn conclude_answers(&mut self) {
        if !self.order.is_answered() || self.order.plan.is_some() {
            return;
        }
        if self.order.accepted_parts().next().is_none() {
            self.begin_rejection(EndReason::KitchensRejected);
            return;
        }
        let plan = planning::accept(&self.order, self.now);
        self.push(OrderEvent::Accepted(plan));
        self.conclude_ready();
    }

    fn count_silent_as_no(&mut self) -> Decision {
        let Some(paid) = self.order.paid else { return Ok(()) };
        if self.now < paid.answer_by.plus(rules::ANSWER_GRACE) {
            return Ok(());
        }
        let silent: Vec<_> = self.order.parts.iter().filter(|part| part.answer == PartAnswer::Open).copied().collect();
        for part in silent {
            self.push(OrderEvent::PartRejected(PartRejected {
                kitchen_id: part.kitchen_id,
                reason: RejectReason::NoAnswer,
            }));
        }
        self.conclude_answers();
        Ok(())
    }

    /// The stage of an accepted part; `None` when the kitchen does not cook, so that nothing it does matters.
    fn stage(&self, kitchen_id: KitchenId) -> Result<Option<PartStage>, OrderRejection> {
        let part = self.order.part(kitchen_id).ok_or(OrderRejection::NotInBasket)?;
        Ok(part.is_accepted().then_some(part.stage))
    }

    fn note_preparation(&mut self, kitchen_id: KitchenId) -> Decision {
        if self.stage(kitchen_id)? == Some(PartStage::Waiting) {
            self.push(if self.order.has_begun() {
                OrderEvent::PartStarted(PartStarted { kitchen_id })
            } else {
                OrderEvent::PreparationStarted(PreparationStarted { kitchen_id })
            });
        }
        Ok(())
    }

    fn note_delay(&mut self, kitchen_id: KitchenId, by_min: u32, part_ready_at: Timestamp) -> Decision {
        if self.stage(kitchen_id)?.is_none_or(|stage| stage >= PartStage::ReadyForCollection) {
            return Ok(());
        }
        let Some(plan) = self.order.plan.clone() else {
            // Nothing is promised yet: it is kept for the plan. Each delay of a ticket ends later than the one before.
            let known = self.order.part(kitchen_id).and_then(|part| part.delayed_to);
            if known.is_none_or(|known| known < part_ready_at) {
                self.push(OrderEvent::PartDelayed(PartDelayed { kitchen_id, by_min, ready_at: part_ready_at }));
            }
            return Ok(());
        };
        if part_ready_at <= plan.ready_at {
            return Ok(());
        }
        self.push(OrderEvent::Delayed(Delayed {
            kitchen_id,
            ready_at: part_ready_at,
            promised_at: part_ready_at.plus(plan.promised_at.since(plan.ready_at)),
            customer_id: plan.customer_id,
        }));
        Ok(())
    }

    fn note_ready(&mut self, kitchen_id: KitchenId) -> Decision {
        if self.stage(kitchen_id)?.is_some_and(|stage| stage < PartStage::ReadyForCollection) {
            if !self.order.has_begun() {
                self.push(OrderEvent::PreparationStarted(PreparationStarted { kitchen_id }));
            }
            self.push(OrderEvent::PartReady(PartReady { kitchen_id }));
            self.conclude_ready();
        }
        Ok(())
    }

    /// Once every accepted part stands at the hand-off point.
    fn conclude_ready(&mut self) {
        let cooking = matches!(self.order.status, OrderStatus::Accepted | OrderStatus::InPreparation);
        if cooking && self.order.accepted_parts().all(|part| part.stage >= PartStage::ReadyForCollection) {
            let (fulfilment, customer_id) = (self.order.fulfilment(), self.order.placed.customer_id);
            self.push(OrderEvent::Ready(Ready { fulfilment, customer_id }));
        }
    }

    /// Food that has left was ready, whatever the kitchens forgot to say.
    fn make_ready(&mut self) -> Decision {
        let accepted: Vec<_> = self.order.accepted_parts().map(|part| part.kitchen_id).collect();
        accepted.into_iter().try_for_each(|kitchen_id| self.note_ready(kitchen_id))
    }

    fn only(&self, fulfilment: Fulfilment) -> Decision {
        let actual = self.order.fulfilment();
        if actual == fulfilment { Ok(()) } else { Err(OrderRejection::WrongFulfilment(actual)) }
    }

    fn note_rider(&mut self, rider_id: RiderId, delivery_id: DeliveryId) -> Decision {
        self.only(Fulfilment::Delivery)?;
        let before = self.order.rider.map(|rider| rider.rider_id);
        if self.order.status == OrderStatus::PickedUp || self.order.plan.is_none() || before == Some(rider_id) {
            return Ok(());
        }
        if let Some(rider_id) = before {
            self.push(OrderEvent::RiderUnassigned(RiderUnassigned { rider_id, taken_over: true }));
        }
        let (customer_id, takes_over) = (self.order.placed.customer_id, self.order.had_rider);
        self.push(OrderEvent::RiderAssigned(RiderAssigned { rider_id, delivery_id, customer_id, takes_over }));
        Ok(())
    }

    fn note_rider_gone(&mut self, rider_id: RiderId) -> Decision {
        let coming = self.order.rider.is_some_and(|rider| rider.rider_id == rider_id);
        if coming && self.order.status != OrderStatus::PickedUp {
            self.push(OrderEvent::RiderUnassigned(RiderUnassigned { rider_id, taken_over: false }));
        }
        Ok(())
    }

    /// Only of the rider who brings it, and only what is newer than what is known.
    fn note_eta(&mut self, eta: Eta) {
        let theirs = self.order.rider.is_some_and(|rider| rider.rider_id == eta.rider_id);
        let newer = self.order.eta.is_none_or(|known| known.estimated_at < eta.estimated_at);
        if theirs && newer {
            self.push(OrderEvent::EtaMoved(EtaMoved {
                rider_id: eta.rider_id,
                pickup_eta_at: eta.pickup_at,
                dropoff_eta_at: eta.dropoff_at,
                estimated_at: eta.estimated_at,
                customer_id: self.order.placed.customer_id,
            }));
        }
    }

    fn note_imminent(&mut self, rider_id: RiderId, dropoff_eta_at: Timestamp) {
        if self.order.status == OrderStatus::PickedUp && !self.order.imminent {
            let customer_id = self.order.placed.customer_id;
            self.push(OrderEvent::CourierImminent(CourierImminent { rider_id, dropoff_eta_at, customer_id }));
        }
    }

    fn note_arrival(&mut self, rider_id: RiderId) -> Decision {
        self.note_pickup(rider_id)?;
        if self.order.status == OrderStatus::PickedUp && self.order.timeline.courier_arrived_at.is_none() {
            let customer_id = self.order.placed.customer_id;
            self.push(OrderEvent::CourierArrived(CourierArrived { rider_id, customer_id }));
        }
        Ok(())
    }

    fn note_pickup(&mut self, rider_id: RiderId) -> Decision {
        self.only(Fulfilment::Delivery)?;
        if self.order.status == OrderStatus::PickedUp || self.order.plan.is_none() {
            return Ok(());
        }
        self.note_rider(rider_id, DeliveryId::of(self.order.placed.order_id))?;
        self.make_ready()?;
        let kitchens = self.order.accepted_parts().map(|part| part.kitchen_id).collect();
        let customer_id = self.order.placed.customer_id;
        self.push(OrderEvent::PickedUp(PickedUp { rider_id, customer_id, kitchens }));
        Ok(())
    }

    fn deliver(&mut self, rider_id: RiderId) -> Decision {
        self.note_pickup(rider_id)?;
        if self.order.status == OrderStatus::PickedUp {
            let customer_id = self.order.placed.customer_id;
            self.push(OrderEvent::Delivered(Delivered { rider_id, customer_id }));
        }
        Ok(())
    }

    fn note_collected(&mut self, kitchen_id: KitchenId) -> Decision {
        let stage = self.stage(kitchen_id)?;
        // A rider's pickup is told by the delivery; the kitchen's word adds nothing.
        let waiting = stage.is_some_and(|stage| stage < PartStage::Collected);
        if self.order.fulfilment() == Fulfilment::Delivery || self.order.plan.is_none() || !waiting {
            return Ok(());
        }
        self.note_ready(kitchen_id)?;
        let others_left =
            self.order.accepted_parts().any(|part| part.kitchen_id != kitchen_id && part.stage < PartStage::Collected);
        if others_left {
            self.push(OrderEvent::PartCollected(PartCollected { kitchen_id }));
        } else {
            self.push(OrderEvent::Completed(Completed { customer_id: self.order.placed.customer_id }));
        }
        Ok(())
    }

    fn cancel(&mut self, by: CancelledBy, reason: EndReason) -> Decision {
        if self.order.status == OrderStatus::Cancelled || (self.order.is_ending() && !self.order.status.is_final()) {
            return Ok(()); // it is ending already, and the money with it
        }
        rules::may_cancel(&self.order, by)?;
        let (customer_id, kitchens) = (self.order.placed.customer_id, self.ticket_holders());
        self.push(OrderEvent::CancelRequested(CancelRequested { by, reason, customer_id, kitchens }));
        Ok(())
    }

    fn reject(&mut self, reason: EndReason) -> Decision {
        if self.order.is_ending() {
            return Ok(());
        }
        match self.order.status {
            status if status.is_final() => Err(OrderRejection::AlreadyEnded { status }),
            // With the rider gone only staff who know that it never arrived can still end it.
            OrderStatus::PickedUp if reason != EndReason::NotHandedOver => Err(OrderRejection::AlreadyPickedUp),
            _ => {
                self.begin_rejection(reason);
                Ok(())
            }
        }
    }

    fn begin_rejection(&mut self, reason: EndReason) {
        let (customer_id, kitchens) = (self.order.placed.customer_id, self.ticket_holders());
        self.push(OrderEvent::Rejecting(Rejecting { reason, customer_id, kitchens }));
    }

    /// Kitchens are asked once the order is paid; until then none has a ticket.
    fn ticket_holders(&self) -> Vec<KitchenId> {
        if self.order.paid.is_none() {
            return vec![];
        }
        self.order.parts.iter().map(|part| part.kitchen_id).collect()
    }

    fn close(&mut self, refunded: Option<Money>) -> Decision {
        if self.order.status.is_final() {
            return Ok(());
        }
        let ending = self.order.ending.ok_or(OrderRejection::NotEnding)?;
        let placed = &self.order.placed;
        let closed = Closed {
            reason: ending.reason,
            refunded: refunded.unwrap_or(Money::zero(placed.totals.total.currency)),
            customer_id: placed.customer_id,
        };
        self.push(match ending.into {
            OrderStatus::Cancelled => OrderEvent::Cancelled(closed),
            _ => OrderEvent::Rejected(closed),
        });
        Ok(())
    }

    fn expire(&mut self) -> Decision {
        if self.order.paid.is_none() && self.now >= self.order.placed.pay_by {
            self.push(OrderEvent::Expired(Expired { customer_id: self.order.placed.customer_id }));
        }
        Ok(())
    }

    /// A deadline may be told late or twice: it counts only while it is the one that has passed.
    fn fail_when_due(&mut self, command: &OrderCommand, reason: EndReason) -> Decision {
        let (at, due) = waits_until(&self.order);
        if due == *command && self.now >= at {
            self.begin_rejection(reason);
        }
        Ok(())
    }

    fn escalate(&mut self) -> Decision {
        let Some(waiting_for) = self.order.waiting_for() else { return Ok(()) };
        let (at, due) = waits_until(&self.order);
        if due == OrderCommand::Escalate && self.now >= at {
            let (times, customer_id) = (self.order.escalations + 1, self.order.placed.customer_id);
            self.push(OrderEvent::Overdue(Overdue { waiting_for, times, customer_id }));
        }
        Ok(())
    }
}
