//! What happens to an order, as anybody may read it. Amounts, times, ids and reasons; no personal data.
//! The stream `order:{id}` is also what its customer watches: one fact, one sequence number.

use serde::{Deserialize, Serialize};

pub use super::reason::{EndReason, RejectReason};

use crate::{
    events,
    ids::{
        ContactId, CourtId, DeliveryId, ItemId, KitchenId, ModifierId, OrderId, PaymentId, QuoteId, RiderId, TicketId,
        UserId,
    },
    money::Money,
    place::Position,
    proof::ProofRequired,
    time::Timestamp,
};

events! {
    /// Facts of one order.
    pub enum OrderEvent {
        /// A customer asked for it and it was priced.
        Placed(Box<Placed>) = "order.placed",
        /// The money is authorised; the kitchens are asked now.
        Paid(Paid) = "order.paid",
        /// One kitchen said yes to its part.
        PartAccepted(PartAccepted) = "order.part_accepted",
        /// A kitchen that has said yes needs longer, while another one has not answered: the plan will count it in.
        PartDelayed(PartDelayed) = "order.part_delayed",
        /// One kitchen said no, or said nothing until its deadline.
        PartRejected(PartRejected) = "order.part_rejected",
        /// Every kitchen has answered and at least one said yes.
        Accepted(Accepted) = "order.accepted",
        /// The first kitchen has begun to cook.
        PreparationStarted(PreparationStarted) = "order.preparation_started",
        /// Another kitchen has begun to cook.
        PartStarted(PartStarted) = "order.part_started",
        /// A kitchen needs longer; what was promised moves.
        Delayed(Delayed) = "order.delayed",
        /// One kitchen's part stands at the hand-off point.
        PartReady(PartReady) = "order.part_ready",
        /// All parts stand at the hand-off point.
        Ready(Ready) = "order.ready_for_pickup",
        /// One kitchen's part was fetched at the counter, others are still to come.
        PartCollected(PartCollected) = "order.part_collected",
        /// A rider is on the way to the court.
        RiderAssigned(RiderAssigned) = "order.rider_assigned",
        /// The rider is no longer coming; another one comes instead, or is sought.
        RiderUnassigned(RiderUnassigned) = "order.rider_unassigned",
        /// When it is expected has moved by more than a little.
        EtaMoved(EtaMoved) = "order.eta_moved",
        /// The rider has the food.
        PickedUp(PickedUp) = "order.picked_up",
        /// The rider is about to reach the door.
        CourierImminent(CourierImminent) = "order.courier_imminent",
        /// The rider stands at the door.
        CourierArrived(CourierArrived) = "order.courier_arrived",
        /// At the door: the end of a delivery order.
        Delivered(Delivered) = "order.delivered",
        /// Handed over at the counter: the end of a pickup order.
        Completed(Completed) = "order.completed",
        /// The order is coming to a bad end; money is on its way back.
        Rejecting(Rejecting) = "order.rejecting",
        /// Its customer or staff called it off; money is on its way back.
        CancelRequested(CancelRequested) = "order.cancel_requested",
        /// Refused for good, money settled.
        Rejected(Closed) = "order.rejected",
        /// Called off for good, money settled.
        Cancelled(Closed) = "order.cancelled",
        /// Nobody paid in time.
        Expired(Expired) = "order.expired",
        /// It has been waiting for longer than it should, and only a person can help.
        Overdue(Overdue) = "order.overdue",
    }
}

/// How the food reaches its eater.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fulfilment {
    /// Fetched at the counter.
    Pickup,
    /// Brought to the door.
    Delivery,
}

/// One chosen option of a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChosenModifier {
    /// Which option.
    pub modifier_id: ModifierId,
    /// Its name when it was priced.
    pub name: String,
    /// What one of it adds to the unit price.
    pub price: Money,
}

/// One line of a priced basket.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Line {
    /// Which dish.
    pub item_id: ItemId,
    /// Its name when it was priced.
    pub name: String,
    /// How many, 1 to 99.
    pub quantity: u32,
    /// Chosen options.
    pub modifiers: Vec<ChosenModifier>,
    /// Wish to the cook, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// One of it with its options.
    pub unit_price: Money,
    /// `unit_price` times `quantity`, tax included.
    pub total: Money,
}

/// What one kitchen is asked to cook.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Part {
    /// Who cooks.
    pub kitchen_id: KitchenId,
    /// The kitchen's name when it was priced.
    pub kitchen_name: String,
    /// The kitchen's ticket for it.
    pub ticket_id: TicketId,
    /// What.
    pub lines: Vec<Line>,
    /// Sum of the lines.
    pub subtotal: Money,
    /// How long the kitchen expects to need, minutes.
    pub prep_min: u32,
}

/// What is to be paid, part by part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Totals {
    /// Sum of all lines, tax included.
    pub items: Money,
    /// For the way to the door; zero for pickup.
    pub delivery_fee: Money,
    /// The court's fee.
    pub service_fee: Money,
    /// Tax contained in the sum of items and fees.
    pub tax: Money,
    /// For the rider or the crew.
    pub tip: Money,
    /// items + delivery_fee + service_fee + tip.
    pub total: Money,
}

/// Body of `order.placed`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Placed {
    /// Which order.
    pub order_id: OrderId,
    /// Where it is cooked and handed off.
    pub court_id: CourtId,
    /// Who ordered.
    pub customer_id: UserId,
    /// The quote it honours, if it was placed from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote_id: Option<QuoteId>,
    /// Pickup or delivery.
    pub fulfilment: Fulfilment,
    /// One part a kitchen, at least one, each kitchen once.
    pub parts: Vec<Part>,
    /// What is to be paid.
    pub totals: Totals,
    /// Where the rider fetches it.
    pub handoff: Position,
    /// Where it goes; `None` for pickup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Position>,
    /// Address, phone and notes, kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<ContactId>,
    /// The provider's token for the customer's card or wallet (never a card number).
    pub payment_method: String,
    /// When the customer wants it; `None`: as soon as possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_at: Option<Timestamp>,
    /// Unpaid until then, it expires.
    pub pay_by: Timestamp,
    /// What the hand-over at the door must be shown by.
    #[serde(default, skip_serializing_if = "ProofRequired::is_nothing")]
    pub proof: ProofRequired,
}

/// Body of `order.paid`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Paid {
    /// By which payment.
    pub payment_id: PaymentId,
    /// Authorised amount.
    pub amount: Money,
    /// The kitchens must have answered by then.
    pub answer_by: Timestamp,
    /// When the customer wants it; absent: as soon as possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_at: Option<Timestamp>,
    /// What each kitchen is asked to cook.
    pub parts: Vec<Part>,
    /// Pickup or delivery.
    pub fulfilment: Fulfilment,
    /// Who ordered.
    pub customer_id: UserId,
    /// The court.
    pub court_id: CourtId,
}

/// Body of `order.part_accepted`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PartAccepted {
    /// Which kitchen.
    pub kitchen_id: KitchenId,
    /// Minutes of work it promised.
    pub prep_min: u32,
    /// The number that its pass calls out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

/// Body of `order.part_delayed`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PartDelayed {
    /// Which kitchen.
    pub kitchen_id: KitchenId,
    /// Minutes more.
    pub by_min: u32,
    /// When its part would be ready now, begun at once: a delay that is told again is not later.
    pub ready_at: Timestamp,
}

/// Body of `order.part_rejected`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PartRejected {
    /// Which kitchen.
    pub kitchen_id: KitchenId,
    /// Why.
    pub reason: RejectReason,
}

/// When a kitchen begins, so that all parts are ready together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FirePlan {
    /// Which kitchen.
    pub kitchen_id: KitchenId,
    /// Its ticket.
    pub ticket_id: TicketId,
    /// When it begins to cook.
    pub fire_at: Timestamp,
}

/// Body of `order.accepted`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// Kitchens that cook, each with its staggered start.
    pub fires: Vec<FirePlan>,
    /// What the accepted parts, fees and tip come to: the amount to capture.
    pub total: Money,
    /// When all parts should be ready.
    pub ready_at: Timestamp,
    /// When it should be at the door or the counter.
    pub promised_at: Timestamp,
    /// Pickup or delivery.
    pub fulfilment: Fulfilment,
    /// Who ordered.
    pub customer_id: UserId,
    /// The court.
    pub court_id: CourtId,
    /// Where the rider fetches it.
    pub handoff: Position,
    /// Where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Position>,
    /// What the hand-over at the door must be shown by.
    #[serde(default, skip_serializing_if = "ProofRequired::is_nothing")]
    pub proof: ProofRequired,
}

/// Body of `order.preparation_started`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PreparationStarted {
    /// Which kitchen began.
    pub kitchen_id: KitchenId,
}

/// Body of `order.part_started`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PartStarted {
    /// Which kitchen began.
    pub kitchen_id: KitchenId,
}

/// Body of `order.delayed`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Delayed {
    /// Who needs longer.
    pub kitchen_id: KitchenId,
    /// When all parts should be ready now.
    pub ready_at: Timestamp,
    /// When it should be at the door or the counter now.
    pub promised_at: Timestamp,
    /// Who ordered.
    pub customer_id: UserId,
}

/// Body of `order.part_collected`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PartCollected {
    /// Whose part.
    pub kitchen_id: KitchenId,
}

/// Body of `order.part_ready`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PartReady {
    /// Whose part.
    pub kitchen_id: KitchenId,
}

/// Body of `order.ready_for_pickup`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Ready {
    /// Pickup or delivery.
    pub fulfilment: Fulfilment,
    /// Who ordered.
    pub customer_id: UserId,
}

/// Body of `order.rider_assigned`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RiderAssigned {
    /// Whose bag.
    pub rider_id: RiderId,
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Who ordered.
    pub customer_id: UserId,
    /// Another rider was on the way before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub takes_over: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_false(it: &bool) -> bool {
    !*it
}

/// Body of `order.rider_unassigned`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RiderUnassigned {
    /// Who is not coming.
    pub rider_id: RiderId,
    /// Another rider comes instead, with the next fact.
    #[serde(default, skip_serializing_if = "is_false")]
    pub taken_over: bool,
}

/// Body of `order.eta_moved`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EtaMoved {
    /// Who brings it.
    pub rider_id: RiderId,
    /// When they should be at the court; absent once they have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_eta_at: Option<Timestamp>,
    /// When it should be handed over at the door.
    pub dropoff_eta_at: Timestamp,
    /// When that was estimated: an older word never replaces a newer one.
    pub estimated_at: Timestamp,
    /// Who ordered.
    pub customer_id: UserId,
}

/// Body of `order.courier_imminent`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CourierImminent {
    /// Who brings it.
    pub rider_id: RiderId,
    /// When it should be handed over at the door.
    pub dropoff_eta_at: Timestamp,
    /// Who ordered.
    pub customer_id: UserId,
}

/// Body of `order.courier_arrived`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CourierArrived {
    /// Who brings it.
    pub rider_id: RiderId,
    /// Who ordered.
    pub customer_id: UserId,
}

/// Body of `order.picked_up`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PickedUp {
    /// Who has it.
    pub rider_id: RiderId,
    /// Who ordered.
    pub customer_id: UserId,
    /// Kitchens whose parts left with the rider.
    #[serde(default)]
    pub kitchens: Vec<KitchenId>,
}

/// Body of `order.delivered`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Delivered {
    /// Who brought it.
    pub rider_id: RiderId,
    /// Who ordered.
    pub customer_id: UserId,
}

/// Body of `order.completed`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Completed {
    /// Who ordered.
    pub customer_id: UserId,
}

/// Body of `order.rejecting`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rejecting {
    /// Why.
    pub reason: EndReason,
    /// Who ordered.
    pub customer_id: UserId,
    /// Kitchens that may hold a ticket for it.
    pub kitchens: Vec<KitchenId>,
}

/// Who asks for a cancellation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    /// The customer.
    Customer,
    /// The court's staff or an admin.
    Staff,
}

/// Body of `order.cancel_requested`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CancelRequested {
    /// Who.
    pub by: CancelledBy,
    /// Why.
    pub reason: EndReason,
    /// Who ordered.
    pub customer_id: UserId,
    /// Kitchens that may hold a ticket for it.
    pub kitchens: Vec<KitchenId>,
}

/// Body of `order.rejected` and `order.cancelled`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Closed {
    /// Why.
    pub reason: EndReason,
    /// What went back to the customer after it had been captured; zero if the authorisation was only let go.
    pub refunded: Money,
    /// Who ordered.
    pub customer_id: UserId,
}

/// Body of `order.expired`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Expired {
    /// Who ordered.
    pub customer_id: UserId,
}

/// What an overdue order waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// The rider has the food and is silent.
    Delivery,
    /// The money has not come back yet.
    Settlement,
}

/// Body of `order.overdue`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Overdue {
    /// For what.
    pub waiting_for: WaitingFor,
    /// 1 for the first call for help.
    pub times: u32,
    /// Who ordered.
    pub customer_id: UserId,
}
