//! What a day came to.

use std::fmt;

use foodcourt_actors::{gini::gini, time::Timestamp};

use crate::biker::Book;

/// An order that is never brought counts as two hours of waiting.
const NEVER_S: f64 = 7_200.0;

/// One delivery's instants.
#[derive(Clone, Copy)]
pub struct Told {
    pub placed_at: Timestamp,
    pub ready_at: Timestamp,
    pub promised_at: Timestamp,
    pub delivered_at: Option<Timestamp>,
}

/// A day, or the mean of several.
#[derive(Clone, Copy, Default)]
pub struct Score {
    /// Parts of 1.
    pub delivered: f64,
    /// With never at its price, as the matcher sees it.
    pub felt_s: f64,
    pub click_to_door_s: f64,
    pub p90_s: f64,
    pub ready_to_door_s: f64,
    /// Parts of 1.
    pub late: f64,
    pub late_s: f64,
    pub km: f64,
    /// Riders' seconds with a delivery, an order.
    pub work_s: f64,
    /// Offers an order.
    pub offers: f64,
    /// How unevenly riders were busy: Gini's coefficient of their seconds with a delivery.
    pub uneven: f64,
}

impl Score {
    pub const HEAD: &str = "                     delivered  felt       click-door  p90   ready-door  late %  late s   km   work s  offers  uneven";

    pub fn of(orders: &[Told], books: &[Book], offers: usize) -> Self {
        let ridden_m: f64 = books.iter().map(|book| book.ridden_m).sum();
        let work_s: f64 = books.iter().map(|book| book.work_s).sum();
        let brought: Vec<(&Told, Timestamp)> =
            orders.iter().filter_map(|told| Some((told, told.delivered_at?))).collect();
        let count = brought.len().max(1) as f64;
        let sum =
            |span: &dyn Fn(&Told, Timestamp) -> f64| brought.iter().map(|(told, at)| span(told, *at)).sum::<f64>();
        let mut click: Vec<f64> = brought.iter().map(|(told, at)| at.since(told.placed_at).as_secs_f64()).collect();
        click.sort_by(f64::total_cmp);
        let late_s = |told: &Told, at: Timestamp| at.since(told.promised_at).as_secs_f64();
        Self {
            delivered: brought.len() as f64 / orders.len() as f64,
            felt_s: (click.iter().sum::<f64>() + NEVER_S * (orders.len() - brought.len()) as f64) / orders.len() as f64,
            click_to_door_s: click.iter().sum::<f64>() / count,
            p90_s: click.get(click.len() * 9 / 10).copied().unwrap_or(0.0),
            ready_to_door_s: sum(&|told, at| at.since(told.ready_at).as_secs_f64()) / count,
            late: sum(&|told, at| f64::from(late_s(told, at) > 0.0)) / count,
            late_s: sum(&late_s) / count,
            km: ridden_m / 1_000.0 / count,
            work_s: work_s / count,
            offers: offers as f64 / count,
            uneven: gini(books.iter().map(|book| book.work_s).collect()),
        }
    }
    pub fn mean(scores: &[Self]) -> Self {
        let mean = |field: fn(&Self) -> f64| scores.iter().map(field).sum::<f64>() / scores.len().max(1) as f64;
        Self {
            delivered: mean(|one| one.delivered),
            felt_s: mean(|one| one.felt_s),
            click_to_door_s: mean(|one| one.click_to_door_s),
            p90_s: mean(|one| one.p90_s),
            ready_to_door_s: mean(|one| one.ready_to_door_s),
            late: mean(|one| one.late),
            late_s: mean(|one| one.late_s),
            km: mean(|one| one.km),
            work_s: mean(|one| one.work_s),
            offers: mean(|one| one.offers),
            uneven: mean(|one| one.uneven),
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>8.1} % {:>7.2} min {:>7.2} min {:>6.2} {:>8.2} {:>10.1} {:>8.0} {:>6.2} {:>6.0} {:>6.2} {:>7.3}",
            self.delivered * 100.0,
            self.felt_s / 60.0,
            self.click_to_door_s / 60.0,
            self.p90_s / 60.0,
            self.ready_to_door_s / 60.0,
            self.late * 100.0,
            self.late_s,
            self.km,
            self.work_s,
            self.offers,
            self.uneven
        )
    }
}
