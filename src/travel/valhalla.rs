//! Valhalla's time-distance matrix, `sources_to_targets` (its api/matrix/api-reference.md). One server knows all
//! vehicles: the costing model is part of the question.

use std::time::Duration;

use foodcourt_actors::{
    place::Position,
    travel::{Table, Trips, Vehicle},
};
use futures_util::{FutureExt as _, future::BoxFuture};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    SettingsError, check_address,
    router::{Router, RouterError, answer, shaped},
};

/// A Valhalla.
pub struct Valhalla {
    address: String,
    client: reqwest::Client,
}

/// What it says, as far as it is read: the table, or why not.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    sources_to_targets: Option<Vec<Vec<Cell>>>,
    #[serde(default)]
    error_code: Option<u32>,
    #[serde(default)]
    error: Option<String>,
}

/// One trip. `time` is seconds, `null` where there is no way.
#[derive(Deserialize)]
struct Cell {
    time: Option<f64>,
    from_index: usize,
    to_index: usize,
}

impl Valhalla {
    /// The Valhalla at `address`.
    ///
    /// # Errors
    /// [`SettingsError::Address`].
    pub fn new(address: &str, client: reqwest::Client) -> Result<Self, SettingsError> {
        check_address(address)?;
        Ok(Self { address: format!("{}/sources_to_targets", address.trim_end_matches('/')), client })
    }
}

const fn costing(vehicle: Vehicle) -> &'static str {
    match vehicle {
        Vehicle::Foot => "pedestrian",
        Vehicle::Bicycle => "bicycle",
        Vehicle::Scooter => "motor_scooter",
        Vehicle::Car => "auto",
    }
}

fn question(trips: &Trips) -> Value {
    let place = |place: &Position| json!({ "lat": place.lat(), "lon": place.lon() });
    json!({
        "sources": trips.from.iter().map(place).collect::<Vec<_>>(),
        "targets": trips.to.iter().map(place).collect::<Vec<_>>(),
        "costing": costing(trips.vehicle),
    })
}

fn read(status: u16, body: &[u8]) -> Result<Table, RouterError> {
    let said: Said = serde_json::from_slice(body)
        .map_err(|error| RouterError::Malformed(format!("status {status}, and {error}")))?;
    let Some(cells) = said.sources_to_targets else {
        return Err(match said.error_code {
            Some(code) => RouterError::Refused(format!("{code} {}", said.error.unwrap_or_default())),
            None => RouterError::Malformed(format!("status {status} with neither table nor error")),
        });
    };
    let mut rows = Vec::with_capacity(cells.len());
    for (from, row) in cells.into_iter().enumerate() {
        let mut times = Vec::with_capacity(row.len());
        for (to, cell) in row.into_iter().enumerate() {
            if (cell.from_index, cell.to_index) != (from, to) {
                return Err(RouterError::Malformed(format!("the cell {from}, {to} is of another trip")));
            }
            let takes = cell.time.map(Duration::try_from_secs_f64).transpose();
            times.push(takes.map_err(|_| RouterError::Malformed(format!("the time of {from}, {to} is none")))?);
        }
        rows.push(times);
    }
    Ok(Table { rows })
}

impl Router for Valhalla {
    fn name(&self) -> &'static str {
        "Valhalla"
    }
    fn ask(&self, trips: Trips) -> BoxFuture<'static, Result<Table, RouterError>> {
        let request = self.client.post(&self.address).json(&question(&trips));
        async move {
            let (status, body) = answer(request).await?;
            shaped(read(status, &body)?, &trips)
        }
        .boxed()
    }
}
