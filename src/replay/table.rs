//! Policies side by side, as text.

use foodcourt_actors::dispatch::what_if::Outcome;

use super::Column;

/// A figure: what it is called, how it is written, and whether less of it is better (`None`: neither is).
pub struct Figure {
    /// In words, with its unit.
    pub says: &'static str,
    /// As text.
    pub tell: fn(&Outcome) -> String,
}

/// The figures in the order in which they are told.
pub const FIGURES: [Figure; 12] = [
    Figure { says: "orders", tell: |one| one.orders.to_string() },
    Figure { says: "never delivered", tell: |one| one.undelivered.to_string() },
    Figure { says: "click to door, mean, min", tell: |one| format!("{:.2}", one.click_to_door_mean_min) },
    Figure { says: "click to door, half within, min", tell: |one| format!("{:.1}", one.click_to_door_p50_min) },
    Figure { says: "click to door, 9 of 10 within, min", tell: |one| format!("{:.1}", one.click_to_door_p90_min) },
    Figure { says: "later than promised", tell: |one| format!("{:.1} %", one.late_share * 100.0) },
    Figure { says: "how late those are, mean, min", tell: |one| format!("{:.1}", one.late_mean_min) },
    Figure { says: "riders idle or waiting", tell: |one| known(one.idle_share.map(|part| part * 100.0), 1, " %") },
    Figure { says: "ridden, km", tell: |one| known(one.kilometres, 0, "") },
    Figure { says: "riders' pay", tell: |one| format!("{:.0}", one.pay) },
    Figure { says: "offers an order", tell: |one| known(one.offers_per_order, 2, "") },
    Figure { says: "unevenness of deliveries (Gini)", tell: |one| format!("{:.2}", one.deliveries_gini) },
];

/// A figure that is not known everywhere.
fn known(figure: Option<f64>, digits: usize, unit: &str) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.digits$}{unit}"))
}

/// The table, and where there are several days a line for each.
pub fn text(days: &[&str], columns: &[Column]) -> String {
    let outcomes: Vec<Outcome> = columns.iter().map(|column| column.all.outcome()).collect();
    let mut rows = vec![std::iter::once(title(days)).chain(columns.iter().map(|one| one.name.clone())).collect()];
    rows.extend(FIGURES.iter().map(|figure| {
        std::iter::once(figure.says.to_owned()).chain(outcomes.iter().map(figure.tell)).collect::<Vec<_>>()
    }));
    if days.len() > 1 {
        rows.push(
            std::iter::once("mean of each day, min".to_owned()).chain(columns.iter().map(|_| String::new())).collect(),
        );
        rows.extend(days.iter().enumerate().map(|(number, day)| {
            let means = columns.iter().map(|column| format!("{:.2}", column.means_min[number]));
            std::iter::once(format!("  {day}")).chain(means).collect()
        }));
    }
    let width = |at: usize| rows.iter().map(|row: &Vec<String>| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..=columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| match at {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// What was played, in a few words.
pub fn title(days: &[&str]) -> String {
    match days {
        [day] => (*day).to_owned(),
        days => format!("{} days", days.len()),
    }
}
