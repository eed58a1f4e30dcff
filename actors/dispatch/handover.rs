//! The rules of proving a hand-over: what suffices, how many tries a PIN has, and the ways out. Pure; the PIN itself is
//! not known here, only whether what the rider typed was it.

use super::{
    DeliveryRejection,
    event::{DeliveryEvent, NotedBy, PhotoTaken, PinRefused, ProofGiven, ProofWaived, Requested, Step},
    ride::{RiderStep, leg_of, take_step},
    state::{DeliveryState, DeliveryStatus as Status},
};
use crate::{
    ids::{CommandId, PhotoId, RiderId},
    proof::ProofRequired,
};

/// Wrong tries of one delivery's PIN: three guesses among ten thousand.
pub const PIN_TRIES_MAX: u32 = 3;

type Decided = Result<Vec<DeliveryEvent>, DeliveryRejection>;

/// What has been shown so far that suffices; `Ok(None)`: nothing was required.
///
/// # Errors
/// What is missing.
pub(super) fn given(state: &DeliveryState, asked: &Requested) -> Result<Option<ProofGiven>, DeliveryRejection> {
    let photo = state.photo_id.map(|photo_id| ProofGiven::Photo { photo_id });
    match asked.proof {
        ProofRequired::Nothing => Ok(photo),
        _ if state.proof_waived => Ok(Some(ProofGiven::Waived)),
        ProofRequired::Photo => photo.map(Some).ok_or(DeliveryRejection::PhotoMissing),
        ProofRequired::Pin if tries_left(state) == 0 => photo.map(Some).ok_or(DeliveryRejection::PinSpent),
        ProofRequired::Pin => Err(DeliveryRejection::PinMissing),
    }
}

/// Wrong tries that are left.
#[must_use]
pub const fn tries_left(state: &DeliveryState) -> u32 {
    PIN_TRIES_MAX.saturating_sub(state.pin_refusals)
}

/// The rider typed a PIN at the door, and it was right or wrong.
pub(super) fn enter_pin(
    state: &DeliveryState,
    asked: &Requested,
    rider_id: RiderId,
    right: bool,
    command_id: Option<CommandId>,
) -> Decided {
    if command_id.is_some_and(|command_id| state.pin_tries.contains(&command_id)) {
        return Ok(vec![]); // counted already
    }
    let leg = leg_of(state, rider_id);
    if asked.proof != ProofRequired::Pin || leg != Some(Status::ArrivedAtDropoff) {
        // Not asked for, or not now: the step says what is the matter, or nothing is.
        return take_step(state, asked, rider_id, RiderStep::Delivered, NotedBy::Rider);
    }
    if tries_left(state) == 0 {
        return Err(DeliveryRejection::PinSpent);
    }
    let (delivery_id, order_id) = (asked.delivery_id, asked.order_id);
    Ok(vec![if right {
        let (noted_by, proof) = (NotedBy::Rider, Some(ProofGiven::Pin));
        DeliveryEvent::Delivered(Step { delivery_id, order_id, rider_id, noted_by, proof })
    } else {
        let tries_left = tries_left(state) - 1;
        DeliveryEvent::PinRefused(PinRefused { delivery_id, order_id, rider_id, tries_left, command_id })
    }])
}

/// A photo was taken at the door; another one replaces it.
pub(super) fn note_photo(state: &DeliveryState, asked: &Requested, rider_id: RiderId, photo_id: PhotoId) -> Decided {
    match leg_of(state, rider_id) {
        None => Err(DeliveryRejection::NotYours),
        Some(_) if state.photo_id == Some(photo_id) => Ok(vec![]),
        Some(Status::ArrivedAtDropoff) => {
            let (delivery_id, order_id) = (asked.delivery_id, asked.order_id);
            Ok(vec![DeliveryEvent::PhotoTaken(PhotoTaken { delivery_id, order_id, rider_id, photo_id })])
        }
        Some(status) => Err(DeliveryRejection::OutOfOrder { status }),
    }
}

/// Staff vouch for the hand-over.
pub(super) fn waive(state: &DeliveryState, asked: &Requested) -> Decided {
    match state.status() {
        Some(status) if status.is_over() => Err(DeliveryRejection::Over { status }),
        _ if asked.proof.is_nothing() || state.proof_waived => Ok(vec![]),
        _ => {
            let (delivery_id, order_id) = (asked.delivery_id, asked.order_id);
            Ok(vec![DeliveryEvent::ProofWaived(ProofWaived { delivery_id, order_id })])
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        dispatch::{Delivery, DeliveryCommand as Command, ride::testing},
        ids::UserId,
        testing::Given,
    };

    fn photo(n: u128) -> PhotoId {
        PhotoId(Uuid::from_u128(n))
    }
    fn pin(right: bool) -> Command {
        Command::EnterPin { rider_id: testing::ME, right, command_id: None }
    }
    fn handed_over() -> Command {
        Command::Step { rider_id: testing::ME, step: RiderStep::Delivered }
    }
    fn take(n: u128) -> Command {
        Command::NotePhoto { rider_id: testing::ME, photo_id: photo(n) }
    }
    fn at_door(proof: ProofRequired) -> Given<Delivery> {
        testing::at_door(proof)
    }
    fn spent() -> Given<Delivery> {
        (0..3)
            .fold(at_door(ProofRequired::Pin), |given, _| given.when(pin(false)).then_kinds(&["delivery.pin_refused"]))
    }

    #[test]
    fn only_the_right_pin_hands_over() {
        let given = at_door(ProofRequired::Pin).when(handed_over()).refused(DeliveryRejection::PinMissing);
        let given = given.when(pin(false)).then_kinds(&["delivery.pin_refused"]);
        assert_eq!(tries_left(&given.state), 2);
        let given = given.when(pin(true)).then_kinds(&["delivery.delivered"]);
        given.when(pin(true)).nothing().when(handed_over()).nothing();
    }

    #[test]
    fn a_wrong_try_that_comes_twice_counts_once() {
        let try_of = |n: u128| {
            let command_id = Some(CommandId(Uuid::from_u128(n)));
            Command::EnterPin { rider_id: testing::ME, right: false, command_id }
        };
        let given = at_door(ProofRequired::Pin).when(try_of(1)).then_kinds(&["delivery.pin_refused"]);
        let given = given.when(try_of(1)).nothing().when(try_of(2)).then_kinds(&["delivery.pin_refused"]);
        let given = given.when(try_of(3)).then_kinds(&["delivery.pin_refused"]).when(try_of(2)).nothing();
        given.when(try_of(4)).refused(DeliveryRejection::PinSpent);
    }

    #[test]
    fn after_three_wrong_tries_even_the_right_one_is_too_late_and_a_photo_does() {
        let given = spent().when(pin(true)).refused(DeliveryRejection::PinSpent);
        let given = given.when(handed_over()).refused(DeliveryRejection::PinSpent);
        let given = given.when(take(1)).then_kinds(&["delivery.photo_taken"]);
        given.when(handed_over()).then_kinds(&["delivery.delivered"]);
        // Before that a photo is welcome and does not replace the PIN.
        let early = at_door(ProofRequired::Pin).when(take(1)).then_kinds(&["delivery.photo_taken"]);
        early.when(handed_over()).refused(DeliveryRejection::PinMissing);
    }

    #[test]
    fn staff_can_vouch() {
        for given in [spent(), at_door(ProofRequired::Photo)] {
            let waived = given.when(Command::WaiveProof).then_kinds(&["delivery.proof_waived"]);
            waived.when(Command::WaiveProof).nothing().when(handed_over()).then_kinds(&["delivery.delivered"]);
        }
        at_door(ProofRequired::Nothing).when(Command::WaiveProof).nothing();
    }

    #[test]
    fn a_photo_is_taken_at_the_door_by_its_rider() {
        let given = at_door(ProofRequired::Photo).when(handed_over()).refused(DeliveryRejection::PhotoMissing);
        let given = given.when(take(1)).then_kinds(&["delivery.photo_taken"]).when(take(1)).nothing();
        let given = given.when(take(2)).then_kinds(&["delivery.photo_taken"]);
        assert_eq!(given.state.photo_id, Some(photo(2)));
        let stranger = Command::NotePhoto { rider_id: UserId(Uuid::from_u128(99)), photo_id: photo(3) };
        let given = given.when(stranger).refused(DeliveryRejection::NotYours);
        given
            .when(handed_over())
            .then_kinds(&["delivery.delivered"])
            .when(take(4))
            .refused(DeliveryRejection::NotYours);
        testing::assigned(ProofRequired::Photo)
            .when(take(1))
            .refused(DeliveryRejection::OutOfOrder { status: Status::Confirmed });
    }

    #[test]
    fn what_was_shown_is_written_down_and_the_pin_is_not() {
        let proof_of = |given: Given<Delivery>, command: Command| {
            use crate::{decider::Decider, testing::NOON};
            match &Delivery::decide(&given.state, &command, NOON).unwrap()[0] {
                DeliveryEvent::Delivered(step) => step.proof,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(proof_of(at_door(ProofRequired::Nothing), handed_over()), None);
        assert_eq!(proof_of(at_door(ProofRequired::Nothing), pin(false)), None, "nobody asked for a PIN");
        assert_eq!(proof_of(at_door(ProofRequired::Pin), pin(true)), Some(ProofGiven::Pin));
        let taken = at_door(ProofRequired::Photo).when(take(1)).then_kinds(&["delivery.photo_taken"]);
        assert_eq!(proof_of(taken, handed_over()), Some(ProofGiven::Photo { photo_id: photo(1) }));
    }
}
