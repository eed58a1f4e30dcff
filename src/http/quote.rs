//! Quotes: a basket's price, kept and honoured for ten minutes.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use foodcourt_actors::{
    ids::QuoteId,
    order::{
        Quote,
        event::Totals,
        pricing::{BasketRequest, PricedPart},
    },
    time::Timestamp,
};
use serde::Serialize;

use super::{
    body::RawBody,
    idempotency::Once,
    placing::{self, Refused},
    principal::Principal,
    problem::Problem,
    state::Services,
};

/// A quote.
#[derive(Serialize, utoipa::ToSchema)]
pub struct QuoteBody {
    /// To order by.
    quote_id: QuoteId,
    /// One part a kitchen.
    parts: Vec<PricedPart>,
    /// What is to be paid.
    totals: Totals,
    /// The earliest it should be there.
    promised_from: Timestamp,
    /// The latest it should be there.
    promised_to: Timestamp,
    /// Honoured until then.
    expires_at: Timestamp,
}

impl From<Quote> for QuoteBody {
    fn from(quote: Quote) -> Self {
        Self {
            quote_id: quote.quote_id,
            parts: quote.priced.parts,
            totals: quote.priced.totals,
            promised_from: quote.priced.promised_from,
            promised_to: quote.priced.promised_to,
            expires_at: quote.expires_at,
        }
    }
}

/// `POST /v1/quotes`
///
/// # Errors
/// 400 without a key, 409 for what cannot be ordered now, 422 for fields.
pub async fn create(
    request: HttpRequest,
    services: Data<Services>,
    principal: Principal,
    body: RawBody,
) -> Result<HttpResponse, Problem> {
    let once = Once::of(&request, &principal, body.sha256)?;
    if let Some(answer) = once.replay(&services).await? {
        return Ok(answer);
    }
    let basket: BasketRequest = body.parse()?.value;
    let now = services.clock.now();
    let priced = match placing::price(&services, &basket, "").await? {
        Ok(priced) => priced,
        Err(refused) => return Err(refuse(&services, &principal, &basket, refused).await),
    };
    let quote = Quote::new(QuoteId(services.ids.next()), principal.user_id(), basket, priced, now);
    let answer = once.write(201, vec![], &QuoteBody::from(quote.clone()));
    once.answer(services.quotes.keep(quote, answer).await?)
}

/// The refusal of a basket; where the rest of it can be ordered, with a quote for that.
pub async fn refuse(services: &Services, principal: &Principal, basket: &BasketRequest, refused: Refused) -> Problem {
    let Some(rest) = refused.rest(basket) else { return refused.into() };
    let Ok(Ok(priced)) = placing::price(services, &rest, "").await else { return refused.into() };
    let id = QuoteId(services.ids.next());
    let quote = Quote::new(id, principal.user_id(), rest, priced, services.clock.now());
    match services.quotes.keep_alone(quote.clone()).await {
        Ok(()) => Problem::from(refused).with("quote", serde_json::json!(QuoteBody::from(quote))),
        Err(_) => refused.into(),
    }
}
