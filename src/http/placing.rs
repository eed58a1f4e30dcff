//! From a basket to a price: gathers what the kitchens offer now and asks the order service's pure pricing.

use std::sync::Arc;

use foodcourt_actors::{
    kitchen::KitchenState,
    order::pricing::{self, BasketProblem, BasketRequest, FieldError as Wrong, Offering, Priced},
    time::Timestamp,
};
use futures_util::future::try_join_all;

use super::{
    kitchen::look,
    problem::{FieldError, ITEM_UNAVAILABLE, Problem},
    state::Services,
};

/// Why a basket has no price.
#[derive(Debug)]
pub struct Refused {
    wrong: Vec<Wrong>,
    /// Where the basket stands in the request.
    prefix: &'static str,
}

impl Refused {
    /// Whether only the kitchens' state forbids it now.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.wrong.iter().all(|wrong| wrong.problem.is_conflict())
    }
    /// Only what the kitchens' state forbids; `None`: nothing.
    #[must_use]
    pub fn conflicts(mut self) -> Option<Self> {
        self.wrong.retain(|wrong| wrong.problem.is_conflict());
        (!self.wrong.is_empty()).then_some(self)
    }
    /// The basket without the lines that cannot be ordered now; `None`: nothing would be left, or more is wrong.
    #[must_use]
    pub fn rest(&self, basket: &BasketRequest) -> Option<BasketRequest> {
        if !self.is_conflict() {
            return None;
        }
        let line = |wrong: &Wrong| wrong.pointer.split('/').nth(2).and_then(|index| index.parse::<usize>().ok());
        let off: Vec<_> = self.wrong.iter().filter_map(line).collect();
        let mut rest = basket.clone();
        let mut index = 0;
        rest.lines.retain(|_| {
            index += 1;
            !off.contains(&(index - 1))
        });
        (!rest.lines.is_empty() && rest.lines.len() < basket.lines.len()).then_some(rest)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let conflict = refused.is_conflict();
        let errors: Vec<_> = refused
            .wrong
            .into_iter()
            .map(|wrong| FieldError { pointer: format!("{}{}", refused.prefix, wrong.pointer), detail: wrong.detail })
            .collect();
        if !conflict {
            return Self::fields(errors);
        }
        let details: Vec<_> = errors.iter().map(|error| error.detail.as_str()).collect();
        Self::new(ITEM_UNAVAILABLE, details.join("; ")).with_errors(errors)
    }
}

/// Prices `basket`, which stands at `prefix` of the request.
///
/// # Errors
/// 503 when courts or kitchens cannot be asked; the inner error says what is wrong with the basket.
pub async fn price(
    services: &Services,
    basket: &BasketRequest,
    prefix: &'static str,
) -> Result<Result<Priced, Refused>, Problem> {
    let courts = services.courts.all().await?;
    let Some(entry) = courts.iter().find(|entry| entry.court.court_id == basket.court_id) else {
        let wrong = Wrong {
            pointer: "/court_id".to_owned(),
            problem: BasketProblem::Unknown,
            detail: "there is no such court; GET /v1/courts lists them".to_owned(),
        };
        return Ok(Err(Refused { wrong: vec![wrong], prefix }));
    };
    let now = services.clock.now();
    let asked = entry.kitchens.iter().filter(|id| basket.lines.iter().any(|line| line.kitchen_id == **id));
    let kitchens = try_join_all(asked.map(|kitchen_id| look(services, *kitchen_id))).await?;
    let offerings: Vec<_> = kitchens.iter().filter_map(|seen| offering(&seen.state, basket.wanted_at, now)).collect();
    let priced = pricing::price(&entry.court, &offerings, basket, now);
    Ok(priced.map_err(|mut wrong| {
        // Pricing sees this court alone, and takes every other kitchen for another court's.
        for wrong in wrong.iter_mut().filter(|wrong| wrong.problem == BasketProblem::OtherCourt) {
            let line = wrong.pointer.split('/').nth(2).and_then(|index| basket.lines.get(index.parse::<usize>().ok()?));
            let known = |line: &pricing::LineRequest| courts.iter().any(|one| one.kitchens.contains(&line.kitchen_id));
            if line.is_some_and(|line| !known(line)) {
                wrong.problem = BasketProblem::Unknown;
                wrong.detail = "there is no such kitchen; GET /v1/kitchens lists them".to_owned();
            }
        }
        Refused { wrong, prefix }
    }))
}

/// What a kitchen offers for an order that is wanted then.
fn offering(state: &KitchenState, wanted_at: Option<Timestamp>, now: Timestamp) -> Option<Offering> {
    let info = state.info()?;
    let wanted = wanted_at.unwrap_or(now);
    let open_now = state.is_open(wanted);
    Some(Offering {
        kitchen_id: info.kitchen_id,
        name: info.name.clone(),
        menu: Arc::clone(state.menu()),
        sold_out: state.sold_out(now).collect(),
        open_now,
        // Asked for of a closed kitchen only: a calendar costs more than a price.
        opens_at: if open_now { None } else { info.hours.opens_after(wanted) },
        paused_until: state.paused_until(now),
        full: state.is_full(),
        prep_min: state.prep_min(),
    })
}
