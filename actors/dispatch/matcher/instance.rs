//! A day of the public meal delivery routing instances, out of its tables: tab-separated text with a heading, minutes and
//! metres. Reading the files is somebody else's.

use std::collections::HashMap;

use super::{
    Order, Place, Rules, Seconds, StraightLine,
    day::{Script, Shift},
};

/// The text of an instance's files.
#[derive(Clone, Copy, Debug)]
pub struct Tables<'a> {
    /// `instance_parameters.txt`.
    pub parameters: &'a str,
    /// `restaurants.txt`.
    pub restaurants: &'a str,
    /// `couriers.txt`.
    pub couriers: &'a str,
    /// `orders.txt`.
    pub orders: &'a str,
}

/// A day, and what its makers measure it by.
#[derive(Clone, PartialEq, Debug)]
pub struct Instance {
    /// The day.
    pub script: Script,
    /// How long ways take.
    pub travel: StraightLine,
    /// Click to door that is aimed at, seconds.
    pub target: Seconds,
    /// What a courier is paid for an order.
    pub pay_per_order: f64,
    /// What a courier is paid for an hour on duty at least.
    pub pay_per_hour: f64,
}

/// Why tables are no instance.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InstanceError {
    /// A table without a row.
    #[error("{table} has no rows")]
    Empty {
        /// Which.
        table: &'static str,
    },
    /// A field that is missing, or no number.
    #[error("{table}, row {row}: {column} should be a number, not {text:?}")]
    Field {
        /// In which table.
        table: &'static str,
        /// The row after the heading, from 1.
        row: usize,
        /// In which column.
        column: &'static str,
        /// What stands there.
        text: String,
    },
    /// An order from nowhere.
    #[error("orders.txt names the restaurant {0:?}, which restaurants.txt does not have")]
    Restaurant(String),
}

struct Table<'a> {
    name: &'static str,
    head: HashMap<&'a str, usize>,
    rows: Vec<Vec<&'a str>>,
}

struct Row<'t, 'a> {
    table: &'t Table<'a>,
    number: usize,
}

impl<'a> Table<'a> {
    fn of(name: &'static str, text: &'a str) -> Result<Self, InstanceError> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty()).map(|line| line.split('\t').map(str::trim));
        let head: HashMap<_, _> = lines.next().into_iter().flatten().zip(0..).collect();
        let rows: Vec<Vec<_>> = lines.map(Iterator::collect).collect();
        if rows.is_empty() { Err(InstanceError::Empty { table: name }) } else { Ok(Self { name, head, rows }) }
    }
    fn rows(&self) -> impl Iterator<Item = Row<'_, 'a>> {
        (0..self.rows.len()).map(|number| Row { table: self, number })
    }
}

impl<'a> Row<'_, 'a> {
    fn text(&self, column: &str) -> &'a str {
        let at = self.table.head.get(column);
        at.and_then(|at| self.table.rows[self.number].get(*at).copied()).unwrap_or_default()
    }
    fn real(&self, column: &'static str) -> Result<f64, InstanceError> {
        let text = self.text(column);
        text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| InstanceError::Field {
            table: self.table.name,
            row: self.number + 1,
            column,
            text: text.to_owned(),
        })
    }
    #[expect(clippy::cast_possible_truncation, reason = "minutes and metres of one day")]
    fn whole(&self, column: &'static str) -> Result<i64, InstanceError> {
        self.real(column).map(|number| number as i64)
    }
    fn place(&self) -> Result<Place, InstanceError> {
        Ok(Place { x: self.real("x")?.trunc(), y: self.real("y")?.trunc() })
    }
}

/// Another order of the names, so that ties fall differently.
fn name(id: &str, seed: u128) -> u128 {
    let n: u128 = id.get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    if seed == 0 { n } else { (n.wrapping_mul(2_654_435_761).wrapping_add(seed * 7_919)) % 1_000_003 * 10_000 + n }
}

/// The day in `tables`. Another `seed` renames everybody, so that ties fall differently and luck with them shows.
///
/// # Errors
/// [`InstanceError`] that names the table, the row and the column.
pub fn read(tables: &Tables<'_>, seed: u128) -> Result<Instance, InstanceError> {
    let table = Table::of("instance_parameters.txt", tables.parameters)?;
    let row = Row { table: &table, number: 0 };
    let rules = Rules {
        tick: 60,
        pickup_half: row.whole("pickup service minutes")? * 30,
        dropoff_half: row.whole("dropoff service minutes")? * 30,
        never: row.whole("maximum click-to-door")? * 120,
        bundle_max: 8,
        late_price: 0.0,
        turn_price: 0.0,
    };
    let travel = StraightLine { metres_per_step: row.real("meters_per_minute")?.trunc(), step: 60 };
    let (target, pay_per_order) = (row.whole("target click-to-door")? * 60, row.real("pay per order")?);
    let pay_per_hour = row.real("guaranteed pay per hour")?;

    let table = Table::of("restaurants.txt", tables.restaurants)?;
    let shops = table.rows().map(|row| row.place()).collect::<Result<Vec<_>, _>>()?;
    let numbers: HashMap<_, _> = table.rows().map(|row| row.text("restaurant")).zip(0..).collect();

    let table = Table::of("couriers.txt", tables.couriers)?;
    let shifts = table.rows().map(|row| {
        let (on, off) = (row.whole("on_time")? * 60, row.whole("off_time")? * 60);
        Ok(Shift { courier: name(row.text("courier"), seed), at: row.place()?, on, off, ..Shift::default() })
    });
    let shifts = shifts.collect::<Result<Vec<_>, _>>()?;

    let table = Table::of("orders.txt", tables.orders)?;
    let orders = table.rows().map(|row| {
        let shop = row.text("restaurant");
        Ok(Order {
            key: name(row.text("order"), seed),
            shop: *numbers.get(shop).ok_or_else(|| InstanceError::Restaurant(shop.to_owned()))?,
            door: row.place()?,
            placed: row.whole("placement_time")? * 60,
            ready: row.whole("ready_time")? * 60,
            size: 1,
            ..Order::default()
        })
    });
    let orders = orders.collect::<Result<Vec<_>, _>>()?;
    Ok(Instance { script: Script { shops, shifts, orders, rules }, travel, target, pay_per_order, pay_per_hour })
}
