//! The rider's way: which step may follow which, what a position adds to what the rider says, and what is told of when
//! to expect them. Pure; who gets a delivery stands in `decide`.

use super::{
    DeliveryRejection,
    event::{CourierImminent, DeliveryEvent, EtaMoved, NotedBy, Requested, Step},
    handover,
    state::{DeliveryState, DeliveryStatus as Status, Eta, Phase},
};
use crate::{ids::RiderId, time::Timestamp};

/// What a rider reports. The two *enroute* steps may be left out: arriving implies having been on the way, and no
/// event is made up for them. All others must come in order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RiderStep {
    /// On the way to the court.
    EnrouteToPickup,
    /// At the hand-off point.
    ArrivedAtPickup,
    /// The food is in the bag; only once it stands ready.
    PickedUp,
    /// On the way to the door.
    EnrouteToDropoff,
    /// At the door.
    ArrivedAtDropoff,
    /// Handed over.
    Delivered,
}

impl RiderStep {
    /// The status it leads to.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::EnrouteToPickup => Status::EnrouteToPickup,
            Self::ArrivedAtPickup => Status::ArrivedAtPickup,
            Self::PickedUp => Status::PickedUp,
            Self::EnrouteToDropoff => Status::EnrouteToDropoff,
            Self::ArrivedAtDropoff => Status::ArrivedAtDropoff,
            Self::Delivered => Status::Delivered,
        }
    }
    /// Whether it may be taken straight from `leg`.
    const fn follows(self, leg: Status) -> bool {
        match self {
            Self::EnrouteToPickup => matches!(leg, Status::Confirmed),
            Self::ArrivedAtPickup => matches!(leg, Status::Confirmed | Status::EnrouteToPickup),
            Self::PickedUp => matches!(leg, Status::ArrivedAtPickup),
            Self::EnrouteToDropoff => matches!(leg, Status::PickedUp),
            Self::ArrivedAtDropoff => matches!(leg, Status::PickedUp | Status::EnrouteToDropoff),
            Self::Delivered => matches!(leg, Status::ArrivedAtDropoff),
        }
    }
    fn event(self, step: Step) -> DeliveryEvent {
        match self {
            Self::EnrouteToPickup => DeliveryEvent::EnrouteToPickup(step),
            Self::ArrivedAtPickup => DeliveryEvent::ArrivedAtPickup(step),
            Self::PickedUp => DeliveryEvent::PickedUp(step),
            Self::EnrouteToDropoff => DeliveryEvent::EnrouteToDropoff(step),
            Self::ArrivedAtDropoff => DeliveryEvent::ArrivedAtDropoff(step),
            Self::Delivered => DeliveryEvent::Delivered(step),
        }
    }
}

pub(super) const fn step_of(asked: &Requested, rider_id: RiderId, noted_by: NotedBy) -> Step {
    Step { delivery_id: asked.delivery_id, order_id: asked.order_id, rider_id, noted_by, proof: None }
}

/// The leg of a delivery that `rider_id` brings now.
pub(super) fn leg_of(state: &DeliveryState, rider_id: RiderId) -> Option<Status> {
    match state.phase {
        Phase::Riding { leg, .. } if state.is_brought_by(rider_id) => Some(leg),
        _ => None,
    }
}

pub(super) fn note_eta(
    state: &DeliveryState,
    asked: &Requested,
    rider_id: RiderId,
    eta: Eta,
    moved_by_s: u32,
) -> Vec<DeliveryEvent> {
    let Some(leg) = leg_of(state, rider_id) else { return vec![] };
    // The court lies behind them, whatever an estimate of a moment ago says.
    let eta = Eta { pickup_at: eta.pickup_at.filter(|_| leg < Status::ArrivedAtPickup), ..eta };
    if !eta.is_news(state.eta, moved_by_s) {
        return vec![];
    }
    vec![DeliveryEvent::EtaMoved(EtaMoved {
        delivery_id: asked.delivery_id,
        order_id: asked.order_id,
        rider_id,
        pickup_eta_at: eta.pickup_at,
        dropoff_eta_at: eta.dropoff_at,
    })]
}

pub(super) fn note_imminent(
    state: &DeliveryState,
    asked: &Requested,
    rider_id: RiderId,
    dropoff_at: Timestamp,
) -> Vec<DeliveryEvent> {
    let riding = matches!(leg_of(state, rider_id), Some(Status::PickedUp | Status::EnrouteToDropoff));
    if state.imminent || !riding {
        return vec![];
    }
    vec![DeliveryEvent::CourierImminent(CourierImminent {
        delivery_id: asked.delivery_id,
        order_id: asked.order_id,
        rider_id,
        dropoff_eta_at: dropoff_at,
    })]
}

pub(super) fn take_step(
    state: &DeliveryState,
    asked: &Requested,
    rider_id: RiderId,
    step: RiderStep,
    noted_by: NotedBy,
) -> Result<Vec<DeliveryEvent>, DeliveryRejection> {
    let is_theirs = state.bearer.is_some_and(|bearer| bearer.rider_id == rider_id);
    let leg = match state.phase {
        Phase::Over { end: Status::Delivered } if is_theirs => return Ok(vec![]),
        Phase::Over { end } => return Err(DeliveryRejection::Over { status: end }),
        Phase::Riding { leg, .. } if is_theirs => leg,
        _ => return Err(DeliveryRejection::NotYours),
    };
    if step.status() <= leg {
        return Ok(vec![]); // said again, or a skipped step said late
    }
    if !step.follows(leg) {
        return Err(DeliveryRejection::OutOfOrder { status: leg });
    }
    if step == RiderStep::PickedUp && !state.ready {
        return Err(DeliveryRejection::FoodNotReady);
    }
    let proof = if step == RiderStep::Delivered { handover::given(state, asked)? } else { None };
    Ok(vec![step.event(Step { proof, ..step_of(asked, rider_id, noted_by) })])
}

#[cfg(test)]
pub(super) mod testing {
    //! A delivery at its stations, for the tests of this folder.
    use uuid::Uuid;

    use super::*;
    use crate::{
        dispatch::{
            Delivery, DeliveryCommand as Command,
            event::{Assigned, SearchStarted},
        },
        ids::{CourtId, DeliveryId, OfferId, OrderId, UserId},
        place::Position,
        proof::ProofRequired,
        testing::{Given, NOON, given},
    };

    pub const ME: RiderId = UserId(Uuid::from_u128(1));

    /// On the way to a court that has the food ready.
    pub fn assigned(proof: ProofRequired) -> Given<Delivery> {
        let (court, door) = (Position::new(52.52, 13.40).unwrap(), Position::new(52.53, 13.41).unwrap());
        let (delivery_id, order_id) = (DeliveryId(Uuid::from_u128(3)), OrderId(Uuid::from_u128(4)));
        let (ready_at, offer_id) = (NOON, OfferId(Uuid::from_u128(5)));
        let requested = Requested {
            delivery_id,
            order_id,
            court_id: CourtId(Uuid::from_u128(6)),
            pickup: court,
            dropoff: door,
            ready_at,
            promised_at: NOON.plus_min(30),
            assign_by: NOON.plus_min(20),
            proof,
        };
        let yes = Assigned { delivery_id, order_id, rider_id: ME, offer_id, pickup: court, dropoff: door, ready_at };
        let search = SearchStarted {
            delivery_id,
            court_id: CourtId(Uuid::from_u128(6)),
            round: 1,
            radius_m: 1_000,
            pickup: court,
            not: vec![],
            deadline_at: NOON,
        };
        let facts = [DeliveryEvent::Requested(requested), DeliveryEvent::SearchStarted(search)];
        given(facts).and(DeliveryEvent::Assigned(yes))
    }
    fn step(step: RiderStep) -> Command {
        Command::Step { rider_id: ME, step }
    }
    /// With the food.
    pub fn riding(proof: ProofRequired) -> Given<Delivery> {
        assigned(proof)
            .when(step(RiderStep::ArrivedAtPickup))
            .then_kinds(&["delivery.arrived_at_pickup"])
            .when(Command::NoteReady)
            .then_kinds(&["delivery.ready_noted"])
            .when(step(RiderStep::PickedUp))
            .then_kinds(&["delivery.picked_up"])
    }
    /// At the door.
    pub fn at_door(proof: ProofRequired) -> Given<Delivery> {
        riding(proof).when(step(RiderStep::ArrivedAtDropoff)).then_kinds(&["delivery.arrived_at_dropoff"])
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{testing::ME, *};
    use crate::{
        decider::Decider,
        dispatch::{Delivery, DeliveryCommand as Command},
        ids::UserId,
        proof::ProofRequired,
        testing::{Given, NOON},
    };

    fn step(step: RiderStep) -> Command {
        Command::Step { rider_id: ME, step }
    }
    fn notice(step: RiderStep) -> Command {
        Command::NoticeArrival { rider_id: ME, step }
    }
    fn eta(pickup_min: Option<i64>, dropoff_min: i64) -> Command {
        let pickup_at = pickup_min.map(|minutes| NOON.plus_min(minutes));
        let eta = Eta { pickup_at, dropoff_at: NOON.plus_min(dropoff_min) };
        Command::NoteEta { rider_id: ME, eta, moved_by_s: 120 }
    }
    fn assigned() -> Given<Delivery> {
        testing::assigned(ProofRequired::Nothing)
    }
    /// With the food, on the way to the door.
    fn at_door() -> Given<Delivery> {
        testing::riding(ProofRequired::Nothing)
    }

    #[test]
    fn a_position_tells_of_arrivals_and_the_riders_own_word_adds_nothing() {
        let arrived = assigned().when(notice(RiderStep::ArrivedAtPickup));
        let given = arrived.then_kinds(&["delivery.arrived_at_pickup"]);
        let given =
            given.when(step(RiderStep::ArrivedAtPickup)).nothing().when(step(RiderStep::EnrouteToPickup)).nothing();
        given.when(notice(RiderStep::ArrivedAtPickup)).nothing();
        at_door()
            .when(notice(RiderStep::ArrivedAtDropoff))
            .then_kinds(&["delivery.arrived_at_dropoff"])
            .when(step(RiderStep::ArrivedAtDropoff))
            .nothing()
            .when(step(RiderStep::Delivered))
            .then_kinds(&["delivery.delivered"]);
    }

    #[test]
    fn a_position_that_does_not_fit_is_no_wish() {
        assigned().when(notice(RiderStep::ArrivedAtDropoff)).nothing();
        let other = UserId(Uuid::from_u128(9));
        assigned().when(Command::NoticeArrival { rider_id: other, step: RiderStep::ArrivedAtPickup }).nothing();
        let over = at_door().when(step(RiderStep::ArrivedAtDropoff)).then_kinds(&["delivery.arrived_at_dropoff"]);
        let over = over.when(step(RiderStep::Delivered)).then_kinds(&["delivery.delivered"]);
        over.when(notice(RiderStep::ArrivedAtDropoff)).nothing().when(eta(None, 3)).nothing();
    }

    #[test]
    fn how_an_arrival_became_known_is_written_down() {
        let events = |command| Delivery::decide(&assigned().state, &command, NOON).unwrap();
        let noted = |command: Command| match &events(command)[0] {
            DeliveryEvent::ArrivedAtPickup(step) => step.noted_by,
            other => panic!("{other:?}"),
        };
        assert_eq!(noted(notice(RiderStep::ArrivedAtPickup)), NotedBy::Position);
        assert_eq!(noted(step(RiderStep::ArrivedAtPickup)), NotedBy::Rider);
    }

    #[test]
    fn only_a_moved_estimate_is_told() {
        let told = assigned().when(eta(Some(5), 15)).then_kinds(&["delivery.eta_moved"]);
        let told = told.when(eta(Some(6), 16)).nothing().when(eta(Some(7), 16)).then_kinds(&["delivery.eta_moved"]);
        let told = told.when(eta(Some(7), 14)).then_kinds(&["delivery.eta_moved"]);
        assert_eq!(told.state.eta, Some(Eta { pickup_at: Some(NOON.plus_min(7)), dropoff_at: NOON.plus_min(14) }));
        // At the court there is no time of arriving there any more, and that alone is no news.
        let at_court = told.when(step(RiderStep::ArrivedAtPickup)).then_kinds(&["delivery.arrived_at_pickup"]);
        let at_court =
            at_court.when(eta(Some(1), 15)).nothing().when(eta(None, 17)).then_kinds(&["delivery.eta_moved"]);
        assert_eq!(at_court.state.eta.unwrap().pickup_at, None);
    }

    #[test]
    fn a_new_rider_is_a_new_estimate() {
        let told = assigned().when(eta(Some(5), 15)).then_kinds(&["delivery.eta_moved"]);
        let reason = crate::dispatch::event::UnassignReason::GaveBack;
        let gone = told.when(Command::Unassign { rider_id: ME, reason });
        let gone = gone.then_kinds(&["delivery.unassigned", "delivery.search_started"]);
        assert_eq!(gone.state.eta, None);
        gone.when(eta(Some(5), 15)).nothing();
    }

    #[test]
    fn the_customer_is_told_once_that_the_rider_is_about_to_come() {
        let imminent = || Command::NoteImminent { rider_id: ME, dropoff_at: NOON.plus_min(2) };
        assigned().when(imminent()).nothing();
        at_door().when(imminent()).then_kinds(&["delivery.courier_imminent"]).when(imminent()).nothing();
        let there = at_door().when(step(RiderStep::ArrivedAtDropoff)).then_kinds(&["delivery.arrived_at_dropoff"]);
        there.when(imminent()).nothing();
    }
}
