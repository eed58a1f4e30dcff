//! Proving a hand-over: the customer's PIN, the rider's photo, staff's word. A PIN is in one table and in one answer, to
//! its customer; it is in no fact, no list, no frame and no log.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{BytesMut, Data, Payload},
};
use foodcourt_actors::{
    ask::Wish,
    dispatch::{
        DeliveryCommand, DeliveryRejection, DeliveryState, DeliveryStatus, RiderStep,
        event::DeliveryEvent,
        handover::{PIN_TRIES_MAX, tries_left},
    },
    ids::{CommandId, DeliveryId, OrderId, PhotoId},
    ports::StoredAnswer,
    proof::{Pin, ProofRequired},
    user::Role,
};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    body::{RawBody, header},
    delivery,
    idempotency::Once,
    order, photo,
    principal::{PathId, Principal},
    problem::{self, BAD_REQUEST, BODY_TOO_LARGE, Problem, UNSUPPORTED_MEDIA_TYPE, WRONG_PIN},
    state::Services,
};
use crate::ports::{Photo, PhotoType};

/// Body of `POST /v1/deliveries/{id}/delivered`; empty where no PIN is needed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveredRequest {
    /// The customer's four digits, where the delivery needs them.
    #[serde(default)]
    #[schema(min_length = 4, max_length = 4, example = "4821")]
    pin: Option<String>,
}

/// Answer of `GET /v1/orders/{id}/pin`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PinBody {
    /// Four digits, to be told to the rider at the door.
    #[schema(example = "4821")]
    pin: String,
}

/// `POST /v1/deliveries/{id}/delivered`
///
/// # Errors
/// 404 for a delivery that is not mine, 409 for a wrong or missing PIN, a missing photo, or a step that cannot follow.
pub async fn delivered(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
    request: HttpRequest,
    body: RawBody,
) -> Result<HttpResponse, Problem> {
    let (delivery_id, rider_id) = (DeliveryId(id), principal.user_id());
    let state = own(&services, &principal, delivery_id).await?;
    let body = body.parse::<DeliveredRequest>()?;
    // A try whose answer was lost is asked for again with its key, and counts once.
    let once = match request.headers().contains_key("idempotency-key") {
        true => Some(Once::of(&request, &principal, body.sha256)?),
        false => None,
    };
    if let Some(once) = &once
        && let Some(stored) = once.find(&services).await?
    {
        return Err(wrong_pin(&stored));
    }
    let pin = body.value.pin;
    let needs_pin = state.request.as_ref().is_some_and(|asked| asked.proof == ProofRequired::Pin);
    let command = match pin.filter(|_| needs_pin) {
        None => DeliveryCommand::Step { rider_id, step: RiderStep::Delivered },
        Some(typed) => {
            let typed = Pin::typed(&typed).ok_or_else(|| Problem::field("/pin", "must be four digits"))?;
            // Three tries are all there are, so how long the comparison takes teaches nobody anything.
            let right = typed == services.proofs.pin(delivery_id, Pin::of_secret((services.secret)())).await?;
            DeliveryCommand::EnterPin {
                rider_id,
                right,
                command_id: once.as_ref().map(|once| CommandId::of_scope(&once.scope)),
            }
        }
    };
    let refusal = matches!(command, DeliveryCommand::EnterPin { right: false, .. });
    let mut wish = Wish::new(command, services.origin());
    if let (Some(once), true) = (once.clone(), refusal) {
        // Kept with the fact that counts the try, or not at all.
        wish = wish.answering(Box::new(move |state, _| once.write(409, vec![], &Refused::of(tries_left(state)))));
    }
    let asked = services.deliveries.ask(delivery_id.0, wish).await;
    let answer = asked.map_err(|error| problem::of_ask(error, delivery::rejected))?;
    if let Some(stored) = answer.stored {
        return Err(wrong_pin(&stored));
    }
    for event in &answer.events {
        if let DeliveryEvent::PinRefused(refused) = event {
            return Err(Refused::of(refused.tries_left).into());
        }
    }
    // Sent twice at once: the other one's answer is there by now.
    if let (Some(once), true, true) = (&once, refusal, answer.events.is_empty())
        && let Some(stored) = once.find(&services).await?
    {
        return Err(wrong_pin(&stored));
    }
    delivery::answer(&services, &principal, delivery_id).await
}

/// What is kept of a wrong try that has a key.
#[derive(Serialize, Deserialize)]
struct Refused {
    tries_left: u32,
}

impl Refused {
    const fn of(tries_left: u32) -> Self {
        Self { tries_left }
    }
}

impl From<Refused> for Problem {
    fn from(Refused { tries_left: left }: Refused) -> Self {
        let detail = format!("this is not the customer's PIN; {left} of {PIN_TRIES_MAX} tries are left");
        Self::new(WRONG_PIN, detail).with("tries_left", json!(left))
    }
}

fn wrong_pin(stored: &StoredAnswer) -> Problem {
    serde_json::from_slice::<Refused>(&stored.body).unwrap_or(Refused::of(0)).into()
}

/// `GET /v1/orders/{id}/pin`
///
/// # Errors
/// 404 for somebody else's order, and for one that needs no PIN or is over.
pub async fn pin(services: Data<Services>, principal: Principal, PathId(id): PathId) -> Result<HttpResponse, Problem> {
    let order_id = OrderId(id);
    let seen = order::look(&services, order_id).await?.state;
    let mine = seen.order().filter(|order| order.placed.customer_id == principal.user_id());
    let needed = mine.filter(|order| order.placed.proof == ProofRequired::Pin && !order.status.is_final());
    needed.ok_or_else(Problem::not_found)?;
    let pin = services.proofs.pin(DeliveryId::of(order_id), Pin::of_secret((services.secret)())).await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(PinBody { pin: pin.reveal() }))
}

/// `PUT /v1/deliveries/{id}/photo`
///
/// # Errors
/// 404 for a delivery that is not mine, 409 before the door, 413 and 415 for what is no picture that is taken here.
pub async fn take_photo(
    request: HttpRequest,
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let (delivery_id, rider_id) = (DeliveryId(id), principal.user_id());
    let state = own(&services, &principal, delivery_id).await?;
    // A picture that nobody will take is not kept either.
    if let Some(status) = state.status()
        && status != DeliveryStatus::ArrivedAtDropoff
        && state.photo_id.is_none()
    {
        let rejection =
            if status.is_over() { DeliveryRejection::NotYours } else { DeliveryRejection::OutOfOrder { status } };
        return Err(delivery::rejected(rejection));
    }
    let bytes = picture(&request, payload, services.photo_bytes_max).await?;
    // By what it is, not by what it is called: a page that calls itself a picture would run in the reader's browser.
    let no_picture = || {
        Problem::new(
            UNSUPPORTED_MEDIA_TYPE,
            "this is no picture that can be shown: take the photo again, or choose one in JPEG, PNG or WebP",
        )
    };
    let media_type = PhotoType::of(&bytes).ok_or_else(no_picture)?;
    // What the phone wrote into it beside the picture, such as where it was, is nobody's business here.
    let bytes = photo::bare(media_type, &bytes).ok_or_else(no_picture)?;
    let photo_id = PhotoId::of(delivery_id, Sha256::digest(&bytes).into());
    // The picture first: a fact never points at nothing. A picture without a fact is swept like any other.
    services.proofs.keep_photo(delivery_id, photo_id, Photo { media_type, bytes }).await?;
    delivery::wish(&services, delivery_id, DeliveryCommand::NotePhoto { rider_id, photo_id }).await?;
    delivery::answer(&services, &principal, delivery_id).await
}

/// `GET /v1/deliveries/{id}/photo`
///
/// # Errors
/// 404 for somebody else's delivery, without a photo, and when it is forgotten.
pub async fn show_photo(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<HttpResponse, Problem> {
    let state = delivery::look(&services, DeliveryId(id)).await?.state;
    let (Some(asked), Some(photo_id)) = (&state.request, state.photo_id) else { return Err(Problem::not_found()) };
    let took = state.bearer.is_some_and(|bearer| bearer.rider_id == principal.user_id());
    if !took && !principal.is(Role::Admin) {
        let order = order::look(&services, asked.order_id).await?.state;
        let mine = order.order().filter(|order| order.placed.customer_id == principal.user_id());
        mine.ok_or_else(Problem::not_found)?;
    }
    let photo = services.proofs.photo(photo_id).await?.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "private, no-store"))
        .insert_header(("content-disposition", "inline"))
        .content_type(photo.media_type.as_str())
        .body(photo.bytes))
}

/// `POST /v1/deliveries/{id}/proof_waiver`
///
/// # Errors
/// 404, 409 when it is over.
pub async fn waive(
    services: Data<Services>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<HttpResponse, Problem> {
    delivery::wish(&services, DeliveryId(id), DeliveryCommand::WaiveProof).await?;
    delivery::answer(&services, &principal, DeliveryId(id)).await
}

/// How a delivery's proof stands.
#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct ProofBody {
    /// What is required.
    required: ProofRequired,
    /// Tries of the PIN that are left, where one is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pin_tries_left: Option<u32>,
    /// Whether a photo was taken.
    photo_taken: bool,
    /// Whether staff vouch for it.
    waived: bool,
}

impl ProofBody {
    /// Of a delivery that requires something.
    #[must_use]
    pub fn of(state: &DeliveryState) -> Option<Self> {
        let required = state.request.as_ref()?.proof;
        let pin_tries_left = (required == ProofRequired::Pin).then(|| tries_left(state));
        let (photo_taken, waived) = (state.photo_id.is_some(), state.proof_waived);
        (!required.is_nothing()).then_some(Self { required, pin_tries_left, photo_taken, waived })
    }
}

/// The delivery, if `principal` brings or brought it.
async fn own(
    services: &Services,
    principal: &Principal,
    delivery_id: DeliveryId,
) -> Result<std::sync::Arc<DeliveryState>, Problem> {
    let state = delivery::look(services, delivery_id).await?.state;
    state.bearer.filter(|bearer| bearer.rider_id == principal.user_id()).ok_or_else(Problem::not_found)?;
    Ok(state)
}

async fn picture(request: &HttpRequest, mut payload: Payload, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        Problem::new(BODY_TOO_LARGE, format!("this photo is too large: it may have {} KB at most", bytes_max / 1024))
    };
    let announced = header(request, "content-length").and_then(|text| text.parse::<usize>().ok());
    if announced.is_some_and(|length| length > bytes_max) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(BAD_REQUEST, "the body broke off"))?;
        if bytes.len() + chunk.len() > bytes_max {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// Which refusals ask for a proof.
#[must_use]
pub const fn asks_for_proof(rejection: DeliveryRejection) -> bool {
    use DeliveryRejection as No;
    matches!(rejection, No::PinMissing | No::PinSpent | No::PhotoMissing)
}
