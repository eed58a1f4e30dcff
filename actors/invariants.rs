//! What must always hold, checked over the facts themselves. One checker for simulation, fault tests, `foodcourt check`
//! and the metric: it folds every stream with the real deciders and compares the streams with each other.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;
use uuid::Uuid;

use crate::{
    decider::Decider,
    dispatch::{Delivery, event::DeliveryEvent, rules::DispatchRules as Rules},
    event::{Recorded, Version},
    ids::{DeliveryId, OfferId, OrderId, PaymentId, RiderId, TicketId},
    kitchen::{Kitchen, event::KitchenEvent},
    notification::{Inbox, event::InboxEvent},
    order::{Order, OrderStatus, event::OrderEvent},
    payment::{
        Payment,
        event::PaymentEvent,
        state::{PaymentState, Phase},
    },
    rider::{Rider, event::RiderEvent},
    stream::{Category, StreamId},
    time::Timestamp,
};

/// Seconds that a state may outlive its deadline once faults have stopped.
pub const OVERDUE_MAX_S: i64 = 60;

/// The invariants, with what each promises.
pub const INVARIANTS: [(&str, &str); 10] = [
    (
        "I2",
        "per payment one hold, one capture, one refund at most; what is kept is what the order's end owes, unless the \
         provider refused to hand it over",
    ),
    ("I3", "no state outlives its deadline by more than a minute"),
    ("I4", "each stream's versions are 1..n without gap or double, and every fact can be read"),
    ("I5", "one active rider per delivery, no rider over capacity, no kitchen over its open tickets"),
    ("I6", "a failed order leaves no hold, no money, no ticket, no rider"),
    ("I8", "a finished order is finished everywhere"),
    ("I9", "one inbox entry per event and person"),
    ("I10", "no delivery is held back from its riders beyond its bound"),
    ("I11", "no order is promised before its kitchens' delays have passed"),
    ("I12", "who gets a delivery was being asked for it, by an offer that nobody had answered or taken back"),
];

/// The invariants that facts alone cannot show, with what each promises and who watches over it.
pub const UNCHECKED: [(&str, &str, &str); 2] = [
    (
        "I1",
        "every acknowledged request is in the database as it was acknowledged",
        "only who was answered knows what was acknowledged: `foodcourt city` and the crash tests compare",
    ),
    ("I7", "a fenced-off owner changes nothing", "its refused writes leave no fact behind: the cluster tests try them"),
];

/// A promise that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Which promise.
    pub invariant: &'static str,
    /// Where.
    pub stream: String,
    /// What is wrong, in a sentence.
    pub sentence: String,
}

/// What the checker saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Facts read.
    pub facts: u64,
    /// Streams folded.
    pub streams: u64,
    /// How often each kind occurred.
    pub kinds: BTreeMap<String, u64>,
    /// What does not hold.
    pub broken: Vec<Broken>,
}

/// One stream, folded.
struct Folded<S> {
    version: Version,
    state: S,
}

type Streams<D> = HashMap<Uuid, Folded<<D as Decider>::State>>;

/// Reads facts in the order of the feed, then judges.
#[derive(Default)]
pub struct Checker {
    report: Report,
    orders: Streams<Order>,
    payments: Streams<Payment>,
    kitchens: Streams<Kitchen>,
    deliveries: Streams<Delivery>,
    riders: Streams<Rider>,
    inboxes: Streams<Inbox>,
    riders_of: HashMap<DeliveryId, Option<RiderId>>,
    /// Offers that wait for an answer, and whose.
    asked: HashMap<DeliveryId, HashMap<OfferId, RiderId>>,
    told: HashMap<(Uuid, Uuid), u32>,
    moved: HashMap<PaymentId, [u32; 4]>,
    /// When delayed tickets should be ready, until their orders hear that they are.
    delayed: HashMap<TicketId, Timestamp>,
    /// The provider refused to hand the money over. It may say so only after the food is eaten: a debt, not a mistake.
    refused: HashSet<PaymentId>,
}

impl Checker {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next fact.
    pub fn take(&mut self, fact: &Recorded) {
        self.report.facts += 1;
        *self.report.kinds.entry(fact.kind.to_string()).or_default() += 1;
        match fact.stream.category {
            Category::Order => {
                fold::<Order>(&mut self.report, &mut self.orders, fact);
                self.order(fact);
            }
            Category::Payment => {
                fold::<Payment>(&mut self.report, &mut self.payments, fact);
                self.payment(fact);
            }
            Category::Kitchen => {
                fold::<Kitchen>(&mut self.report, &mut self.kitchens, fact);
                self.kitchen(fact);
            }
            Category::Delivery => {
                fold::<Delivery>(&mut self.report, &mut self.deliveries, fact);
                self.delivery(fact);
            }
            Category::Rider => {
                fold::<Rider>(&mut self.report, &mut self.riders, fact);
                self.rider(fact);
            }
            Category::Inbox => {
                fold::<Inbox>(&mut self.report, &mut self.inboxes, fact);
                self.inbox(fact);
            }
        }
    }

    /// What was found broken so far: the promises that hold at every step, faults or not.
    #[must_use]
    pub fn broken(&self) -> &[Broken] {
        &self.report.broken
    }

    fn breach(&mut self, invariant: &'static str, stream: StreamId, sentence: impl Into<String>) {
        self.report.broken.push(Broken { invariant, stream: stream.to_string(), sentence: sentence.into() });
    }

    /// An order hears its kitchen's facts in their order: with `ticket.ready` it has heard every delay, and counted it.
    /// Food that a rider has already taken is ready without the kitchen's word.
    fn order(&mut self, fact: &Recorded) {
        if &*fact.kind != "order.part_ready" {
            return;
        }
        let Ok(OrderEvent::PartReady(ready)) = fact.typed() else { return };
        let order_id = OrderId(fact.stream.id);
        let ticket_id = TicketId::of(order_id, ready.kitchen_id);
        let Some(delayed_to) = self.delayed.remove(&ticket_id) else { return };
        let delivery = self.deliveries.get(&DeliveryId::of(order_id).0).and_then(|folded| folded.state.status());
        let taken = delivery.is_some_and(|status| status.has_food() || status.is_over());
        let ready_at = self.orders.get(&order_id.0).and_then(|folded| folded.state.order()?.ready_at());
        if !taken && ready_at.is_some_and(|ready_at| ready_at < delayed_to) {
            let kitchen_id = ready.kitchen_id;
            self.breach("I11", fact.stream, format!("ignores that kitchen {kitchen_id} needed until {delayed_to}"));
        }
    }

    fn payment(&mut self, fact: &Recorded) {
        let (slot, what) = match fact.typed() {
            Ok(PaymentEvent::Authorized(_)) => (0, "authorised"),
            Ok(PaymentEvent::Captured(_)) => (1, "captured"),
            Ok(PaymentEvent::Voided(_)) => (2, "voided"),
            Ok(PaymentEvent::Refunded(_)) => (3, "refunded"),
            Ok(PaymentEvent::CaptureFailed(_)) => {
                self.refused.insert(PaymentId(fact.stream.id));
                return;
            }
            _ => return,
        };
        let times = self.moved.entry(PaymentId(fact.stream.id)).or_default();
        times[slot] += 1;
        if times[slot] > 1 {
            self.breach(
                "I2",
                fact.stream,
                format!("was {what} {} times", self.moved[&PaymentId(fact.stream.id)][slot]),
            );
        }
    }

    fn kitchen(&mut self, fact: &Recorded) {
        if let (true, Ok(KitchenEvent::TicketDelayed(delayed))) = (&*fact.kind == "ticket.delayed", fact.typed()) {
            self.delayed.insert(delayed.ticket_id, delayed.ready_at);
        }
        let Some(folded) = self.kitchens.get(&fact.stream.id) else { return };
        let (open, cap) =
            (folded.state.open_count(), folded.state.info().map_or(0, |info| info.open_tickets_max as usize));
        if &*fact.kind == "ticket.opened" && open > cap {
            self.breach("I5", fact.stream, format!("has {open} open tickets and hands for {cap}"));
        }
    }

    fn delivery(&mut self, fact: &Recorded) {
        let id = DeliveryId(fact.stream.id);
        match fact.typed() {
            Ok(DeliveryEvent::HeldBack(held)) => {
                let ready_at = self.deliveries.get(&id.0).and_then(|folded| folded.state.request.as_ref());
                let bound = ready_at.map(|asked| asked.ready_at.plus_s(Rules::HOLD_AFTER_READY_MAX_S));
                let last = bound.map(|bound| bound.min(held.latest_at).min(fact.at.plus_s(Rules::HOLD_S)));
                if last.is_none_or(|last| held.until > last) {
                    self.breach("I10", fact.stream, format!("was held back until {}, past its bound", held.until));
                }
            }
            Ok(DeliveryEvent::Offered(offered)) => {
                self.asked.entry(id).or_default().insert(offered.offer_id, offered.rider_id);
            }
            Ok(DeliveryEvent::OfferDeclined(no)) => self.no_longer_asked(id, no.offer_id),
            Ok(DeliveryEvent::OfferExpired(silence)) => self.no_longer_asked(id, silence.offer_id),
            Ok(DeliveryEvent::OfferRevoked(revoked)) => self.no_longer_asked(id, revoked.offer_id),
            Ok(DeliveryEvent::Assigned(assigned)) => {
                let (rider_id, offer_id) = (assigned.rider_id, assigned.offer_id);
                if self.asked.get_mut(&id).and_then(|open| open.remove(&offer_id)) != Some(rider_id) {
                    self.breach(
                        "I12",
                        fact.stream,
                        format!("was given to {rider_id} by offer {offer_id}, which was over or another's"),
                    );
                }
                if let Some(Some(other)) = self.riders_of.insert(id, Some(assigned.rider_id)) {
                    self.breach("I5", fact.stream, format!("was given to {} while {other} had it", assigned.rider_id));
                }
            }
            Ok(DeliveryEvent::Unassigned(_) | DeliveryEvent::Cancelled(_) | DeliveryEvent::Delivered(_)) => {
                self.riders_of.insert(id, None);
            }
            _ => {}
        }
    }

    fn no_longer_asked(&mut self, id: DeliveryId, offer_id: OfferId) {
        if let Some(open) = self.asked.get_mut(&id) {
            open.remove(&offer_id);
        }
    }

    fn rider(&mut self, fact: &Recorded) {
        let Some(folded) = self.riders.get(&fact.stream.id) else { return };
        let held = folded.state.held.len();
        if let (Ok(RiderEvent::OfferAccepted(_)), Some(shift)) = (fact.typed(), &folded.state.shift)
            && held > shift.capacity as usize
        {
            let capacity = shift.capacity;
            self.breach("I5", fact.stream, format!("holds {held} deliveries and has room for {capacity}"));
        }
    }

    fn inbox(&mut self, fact: &Recorded) {
        if let Ok(InboxEvent::Posted(posted)) = fact.typed() {
            let times = self.told.entry((posted.about_event, posted.user_id.0)).or_default();
            *times += 1;
            if *times > 1 {
                self.breach("I9", fact.stream, format!("was told twice about event {}", posted.about_event));
            }
        }
    }

    /// Judges what was seen, at `now` (business time). `quiet`: faults have stopped and every deadline due more than a
    /// minute ago has had its chance, so that nothing may still be on its way.
    #[must_use]
    pub fn finish(mut self, now: Timestamp, quiet: bool) -> Report {
        overdue::<Order>(&mut self.report, &self.orders, now);
        overdue::<Payment>(&mut self.report, &self.payments, now);
        overdue::<Kitchen>(&mut self.report, &self.kitchens, now);
        overdue::<Delivery>(&mut self.report, &self.deliveries, now);
        overdue::<Rider>(&mut self.report, &self.riders, now);
        let mut orders: Vec<Uuid> = self.orders.keys().copied().collect();
        orders.sort_unstable();
        if quiet {
            for id in orders {
                self.ended_everywhere(OrderId(id));
            }
        }
        self.report.streams = (self.orders.len()
            + self.payments.len()
            + self.kitchens.len()
            + self.deliveries.len()
            + self.riders.len()
            + self.inboxes.len()) as u64;
        self.report
    }

    /// Holds a finished order against its payment, its tickets and its delivery.
    fn ended_everywhere(&mut self, order_id: OrderId) {
        let Some(order) = self.orders.get(&order_id.0).and_then(|folded| folded.state.order()) else { return };
        if !order.status.is_final() {
            return;
        }
        let fed = matches!(order.status, OrderStatus::Delivered | OrderStatus::Completed);
        let (status, owed) = (order.status, if fed { order.totals().total.amount } else { 0 });
        let kitchens: Vec<_> = order.placed.parts.iter().map(|part| (part.kitchen_id, part.ticket_id)).collect();
        let stream = StreamId::new(Category::Order, order_id.0);

        let payment = self.payments.get(&PaymentId::of(order_id).0).map(|folded| &folded.state);
        let kept = payment.and_then(PaymentState::net).map_or(0, |net| net.amount);
        let unsettled = payment.is_some_and(|payment| payment.phase != Phase::New && !payment.is_final());
        let is_debt = fed && kept == 0 && self.refused.contains(&PaymentId::of(order_id));
        if kept != owed && !is_debt {
            self.breach("I2", stream, format!("is {status}: {kept} minor units were kept and {owed} are owed"));
        }
        if !fed && unsettled {
            self.breach("I6", stream, format!("is {status} and its money is still held or taken"));
        }
        for (kitchen_id, ticket_id) in kitchens {
            let open = self
                .kitchens
                .get(&kitchen_id.0)
                .is_some_and(|folded| folded.state.open_tickets().any(|ticket| ticket.asked.ticket_id == ticket_id));
            if open {
                let invariant = if fed { "I8" } else { "I6" };
                self.breach(
                    invariant,
                    stream,
                    format!("is {status} and kitchen {kitchen_id} still has its ticket open"),
                );
            }
        }
        let delivery_id = DeliveryId::of(order_id);
        let running = self
            .deliveries
            .get(&delivery_id.0)
            .and_then(|folded| folded.state.status())
            .is_some_and(|status| !status.is_over());
        if running {
            self.breach(if fed { "I8" } else { "I6" }, stream, format!("is {status} and its delivery still runs"));
        }
        if self.riders.values().any(|folded| folded.state.held.iter().any(|held| held.delivery_id == delivery_id)) {
            self.breach(
                if fed { "I8" } else { "I6" },
                stream,
                format!("is {status} and a rider still holds its delivery"),
            );
        }
    }
}

/// Folds one fact into its stream, as the entity's actor does.
fn fold<D: Decider>(report: &mut Report, streams: &mut Streams<D>, fact: &Recorded) {
    let folded = streams.entry(fact.stream.id).or_insert_with(|| Folded { version: 0, state: D::State::default() });
    let mut breach = |sentence: String| {
        report.broken.push(Broken { invariant: "I4", stream: fact.stream.to_string(), sentence });
    };
    if fact.version != folded.version + 1 {
        breach(format!("goes from version {} to {}", folded.version, fact.version));
    }
    folded.version = fact.version;
    match fact.typed::<D::Event>() {
        Ok(event) => D::evolve(&mut folded.state, &event, fact.at),
        Err(error) => breach(format!("version {} cannot be read: {error}", fact.version)),
    }
}

fn overdue<D: Decider>(report: &mut Report, streams: &Streams<D>, now: Timestamp) {
    let mut late: Vec<(Uuid, Timestamp)> = streams
        .iter()
        .filter_map(|(id, folded)| D::deadline(&folded.state).map(|deadline| (*id, deadline.at)))
        .filter(|(_, at)| at.plus_s(OVERDUE_MAX_S) < now)
        .collect();
    late.sort_unstable();
    for (id, at) in late {
        let stream = StreamId::new(D::CATEGORY, id).to_string();
        report.broken.push(Broken {
            invariant: "I3",
            stream,
            sentence: format!("should have moved at {at} and it is {now}"),
        });
    }
}

#[cfg(test)]
#[path = "invariants_tests.rs"]
mod tests;
