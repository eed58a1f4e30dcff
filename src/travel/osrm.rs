//! OSRM's table service, version 1 of its HTTP API (docs/http.md of osrm-backend).
//!
//! An `osrm-routed` serves the one profile its data was prepared for and ignores the word in the address; to tell
//! vehicles apart put one process a profile behind a proxy that routes by `/table/v1/{profile}/`.

use std::{fmt::Write as _, time::Duration};

use foodcourt_actors::travel::{Table, Trips, Vehicle};
use futures_util::{FutureExt as _, future::BoxFuture};
use serde::Deserialize;

use super::{
    SettingsError, check_address,
    router::{Router, RouterError, answer, shaped},
};

/// An OSRM.
pub struct Osrm {
    address: String,
    client: reqwest::Client,
}

/// What it says, as far as it is read.
#[derive(Deserialize)]
struct Said {
    code: String,
    #[serde(default)]
    message: Option<String>,
    /// Seconds; `null`: no way.
    #[serde(default)]
    durations: Option<Vec<Vec<Option<f64>>>>,
}

impl Osrm {
    /// The OSRM at `address`.
    ///
    /// # Errors
    /// [`SettingsError::Address`].
    pub fn new(address: &str, client: reqwest::Client) -> Result<Self, SettingsError> {
        check_address(address)?;
        Ok(Self { address: address.trim_end_matches('/').to_owned(), client })
    }
}

/// The supplied profiles' usual names. There is none for scooters: they ride where cars do.
const fn profile(vehicle: Vehicle) -> &'static str {
    match vehicle {
        Vehicle::Foot => "foot",
        Vehicle::Bicycle => "bike",
        Vehicle::Scooter | Vehicle::Car => "car",
    }
}

/// `…/table/v1/{profile}/{lon},{lat};…?sources=0;1&destinations=2&annotations=duration`
fn address_of(base: &str, trips: &Trips) -> String {
    let mut address = format!("{base}/table/v1/{}/", profile(trips.vehicle));
    for (index, place) in trips.from.iter().chain(&trips.to).enumerate() {
        let separator = if index == 0 { "" } else { ";" };
        // Six decimals are OSRM's own precision. Writing to a string cannot fail.
        let _written = write!(address, "{separator}{:.6},{:.6}", place.lon(), place.lat());
    }
    let list = |range: std::ops::Range<usize>| range.map(|index| index.to_string()).collect::<Vec<_>>().join(";");
    let (from, all) = (trips.from.len(), trips.from.len() + trips.to.len());
    let _written = write!(address, "?sources={}&destinations={}&annotations=duration", list(0..from), list(from..all));
    address
}

fn read(status: u16, body: &[u8]) -> Result<Table, RouterError> {
    let said: Said = serde_json::from_slice(body)
        .map_err(|error| RouterError::Malformed(format!("status {status}, and {error}")))?;
    if said.code != "Ok" {
        let message = said.message.unwrap_or_default();
        return Err(RouterError::Refused(format!("{} {message}", said.code)));
    }
    let durations = said.durations.ok_or_else(|| RouterError::Malformed("Ok without durations".to_owned()))?;
    let cell = |cell: Option<f64>| match cell {
        None => Ok(None),
        Some(seconds) => Duration::try_from_secs_f64(seconds)
            .map(Some)
            .map_err(|_| RouterError::Malformed(format!("a duration of {seconds} s"))),
    };
    let row = |row: Vec<Option<f64>>| row.into_iter().map(cell).collect::<Result<Vec<_>, _>>();
    Ok(Table { rows: durations.into_iter().map(row).collect::<Result<_, _>>()? })
}

impl Router for Osrm {
    fn name(&self) -> &'static str {
        "OSRM"
    }
    fn ask(&self, trips: Trips) -> BoxFuture<'static, Result<Table, RouterError>> {
        let request = self.client.get(address_of(&self.address, &trips));
        async move {
            let (status, body) = answer(request).await?;
            shaped(read(status, &body)?, &trips)
        }
        .boxed()
    }
}
