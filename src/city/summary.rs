//! What a run amounts to, as numbers for machines and as sentences for people.

use std::fmt;

use serde::Serialize;

use super::DispatchPolicy;

/// The summary of a run; with `--json` it is the last line.
#[derive(Clone, Default, Debug, Serialize)]
pub struct Summary {
    /// Of the city.
    pub seed: u64,
    /// How the city's own server found riders; absent where it was left to the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<DispatchPolicy>,
    /// Orders acknowledged with 201.
    pub placed: u64,
    /// …that were brought to the door.
    pub delivered: u64,
    /// …that were fetched at the counter.
    pub completed: u64,
    /// …that were called off.
    pub cancelled: u64,
    /// …that were refused.
    pub rejected: u64,
    /// …that nobody paid in time.
    pub expired: u64,
    /// …over more than one kitchen.
    pub multi_kitchen: u64,
    /// Offers that riders declined.
    pub declined_offers: u64,
    /// Connections made anew after a drop.
    pub reconnects: u64,
    /// Orders in no end state.
    pub stuck: u64,
    /// Acknowledged things the server does not have, or has otherwise.
    pub lost: u64,
    /// Orders or facts that came twice.
    pub duplicated: u64,
    /// Facts that never came.
    pub gaps: u64,
    /// Median of `POST /v1/orders`, milliseconds of the answered attempt.
    pub place_ms_p50: f64,
    /// 99 of 100 were answered within this.
    pub place_ms_p99: f64,
    /// How long the run took.
    pub wall_s: f64,
    /// Orders that were wanted.
    pub wanted: u64,
    /// Riders on shift.
    pub riders: u64,
    /// Kitchens that were staffed.
    pub kitchens: u64,
    /// How much faster than the wall business time ran.
    pub speed: f64,
    /// Offers that riders saw.
    pub offers: u64,
    /// Cancellations the server took.
    pub cancellations: u64,
    /// HTTP answers.
    pub answers: u64,
    /// Calls sent again.
    pub retries: u64,
    /// Answers of status 500.
    pub server_errors: u64,
    /// Frames that came over sockets and event streams.
    pub frames: u64,
    /// Positions customers saw.
    pub positions: u64,
    /// Fixes the server took.
    pub fixes: u64,
    /// Deliveries within the window that the kitchens' acceptance promised, in a hundred.
    pub promise_kept_pct: f64,
    /// Median error, either way, of the first time expected of the rider who brought it, business seconds.
    pub eta_error_s_at_assignment_p50: f64,
    /// Nine of ten were off by no more.
    pub eta_error_s_at_assignment_p90: f64,
    /// Median error of the time expected when the rider took the food, business seconds.
    pub eta_error_s_at_pickup_p50: f64,
    /// Nine of ten were off by no more.
    pub eta_error_s_at_pickup_p90: f64,
    /// From the order to the door at the median, business seconds; of what was delivered.
    pub click_to_door_s_p50: f64,
    /// …on average.
    pub click_to_door_s_mean: f64,
    /// Nine of ten waited no longer.
    pub click_to_door_s_p90: f64,
    /// From ready food to the hand-over, on average, business seconds: what dispatch can shorten.
    pub ready_to_door_s_mean: f64,
    /// Deliveries handed over after the promised instant, in a hundred.
    pub late_pct: f64,
    /// How much after it, on average over all deliveries, business seconds.
    pub late_s_mean: f64,
    /// Ridden with a delivery, to the court or to the door, a delivered order, kilometres.
    pub rider_km_per_order: f64,
    /// Riders' time without any delivery, in a hundred of the time from the first order to the last hand-over.
    pub rider_idle_pct: f64,
    /// How unevenly deliveries fell on riders: Gini's coefficient, 0 (all the same) to 1 (one has all).
    pub rider_deliveries_gini: f64,
    /// The same of their time with a delivery.
    pub rider_busy_gini: f64,
    /// What the verdict found and what went wrong on the way, in sentences; the first hundred.
    pub findings: Vec<String>,
}

impl Summary {
    /// Whether nothing was stuck, lost, duplicated or missed.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.stuck == 0 && self.lost == 0 && self.duplicated == 0 && self.gaps == 0
    }
}

/// The value below which `part` (0 to 1) of them lie, rounded to a tenth; 0 where there are none.
#[must_use]
pub fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let rank = ((values.len() as f64 * part).ceil() as usize).clamp(1, values.len().max(1));
    values.get(rank - 1).map_or(0.0, |value| (value * 10.0).round() / 10.0)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { placed, delivered, completed, cancelled, rejected, expired, .. } = self;
        writeln!(
            f,
            "{placed} of {} orders placed within {:.0} s: {delivered} delivered, {completed} fetched, {cancelled} \
             cancelled, {rejected} rejected, {expired} expired.",
            self.wanted, self.wall_s
        )?;
        writeln!(
            f,
            "{} over several kitchens; {} riders saw {} offers and declined {}; {} kitchens cooked.",
            self.multi_kitchen, self.riders, self.offers, self.declined_offers, self.kitchens
        )?;
        writeln!(
            f,
            "{} answers ({} calls were sent again), {} frames, {} fixes, {} connections made anew; placing took {} ms \
             at the median, {} ms at the 99th percentile.",
            self.answers, self.retries, self.frames, self.fixes, self.reconnects, self.place_ms_p50, self.place_ms_p99
        )?;
        writeln!(
            f,
            "{} % of promises kept (at the door at most a quarter of an hour after the promised instant); expected \
             times were off by {:.0} s at the median ({:.0} s for nine of ten) at assignment, by {:.0} s ({:.0} s) at \
             pickup.",
            self.promise_kept_pct,
            self.eta_error_s_at_assignment_p50,
            self.eta_error_s_at_assignment_p90,
            self.eta_error_s_at_pickup_p50,
            self.eta_error_s_at_pickup_p90
        )?;
        writeln!(
            f,
            "From click to door {:.1} min at the median, {:.1} on average, {:.1} for nine of ten ({:.1} on average from \
             ready food); {} % after the promised instant. Riders rode {} km an order and were idle {} % of the time; \
             deliveries fell on them with a Gini coefficient of {}, their busy time with {}.",
            self.click_to_door_s_p50 / 60.0,
            self.click_to_door_s_mean / 60.0,
            self.click_to_door_s_p90 / 60.0,
            self.ready_to_door_s_mean / 60.0,
            self.late_pct,
            self.rider_km_per_order,
            self.rider_idle_pct,
            self.rider_deliveries_gini,
            self.rider_busy_gini
        )?;
        for finding in &self.findings {
            writeln!(f, "  - {finding}")?;
        }
        if self.is_clean() {
            write!(f, "Nothing stuck, nothing lost, nothing duplicated, no fact missed.")
        } else {
            let Self { stuck, lost, duplicated, gaps, .. } = self;
            write!(f, "BROKEN: {stuck} stuck, {lost} lost, {duplicated} duplicated, {gaps} gaps.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_called_one() {
        let summary = Summary { promise_kept_pct: 100.0, ..Summary::default() };
        assert!(summary.to_string().contains("100 % of promises kept"), "{summary}");
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((percentile(&mut values, 0.5), percentile(&mut values, 0.99)), (50.0, 99.0));
        assert_eq!(percentile(&mut [], 0.5), 0.0);
        assert_eq!(percentile(&mut [7.0], 0.99), 7.0);
    }
}
