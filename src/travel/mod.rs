//! Travel times from a router over HTTP (OSRM or Valhalla), behind the domain's port: asked many at once, cached by a
//! grid, given up early, and estimated where no answer comes. Which router is asked knows only this folder.

mod breaker;
mod counts;
mod grid;
mod osrm;
mod routed;
mod router;
mod valhalla;

use std::{sync::Arc, time::Duration};

use foodcourt_actors::travel::{GreatCircle, TravelTimes};

pub use counts::TravelCounts;
pub use osrm::Osrm;
pub use routed::{Routed, RoutedSettings};
pub use router::{Router, RouterError};
pub use valhalla::Valhalla;

/// Who is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Nobody: the great circle, a detour factor, and the vehicle's speed.
    GreatCircle,
    /// OSRM's table service.
    Osrm,
    /// Valhalla's sources_to_targets.
    Valhalla,
}

/// What is configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who is asked.
    pub provider: Provider,
    /// Where the router listens: `http://host:port`, with a path where it has one.
    pub address: String,
    /// How cells, cache and patience are cut.
    pub routed: RoutedSettings,
    /// The estimate, alone or behind the router.
    pub estimate: GreatCircle,
}

/// Why a router cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The address is none.
    #[error(
        "{0:?} is no address of a router; it should look like http://127.0.0.1:5000 (TLS ends at a proxy beside it)"
    )]
    Address(String),
    /// The HTTP client cannot be made.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
}

/// Looks whether `address` can be a router's.
///
/// # Errors
/// [`SettingsError::Address`].
pub fn check_address(address: &str) -> Result<(), SettingsError> {
    let parsed = reqwest::Url::parse(address).ok().filter(|url| url.scheme() == "http" && url.has_host());
    let plain = parsed.is_some_and(|url| url.query().is_none() && url.fragment().is_none());
    if plain { Ok(()) } else { Err(SettingsError::Address(address.to_owned())) }
}

/// The travel times of `settings`, counted in `counts`.
///
/// # Errors
/// [`SettingsError`].
pub fn start(settings: &Settings, counts: TravelCounts) -> Result<Arc<dyn TravelTimes>, SettingsError> {
    let router: Arc<dyn Router> = match settings.provider {
        Provider::GreatCircle => return Ok(Arc::new(settings.estimate)),
        Provider::Osrm => Arc::new(Osrm::new(&settings.address, client(settings.routed.timeout)?)?),
        Provider::Valhalla => Arc::new(Valhalla::new(&settings.address, client(settings.routed.timeout)?)?),
    };
    Ok(Arc::new(Routed::new(router, settings.estimate, settings.routed, counts)))
}

/// A client for one router.
///
/// # Errors
/// [`SettingsError::Client`].
pub fn client(timeout: Duration) -> Result<reqwest::Client, SettingsError> {
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(SettingsError::Client)
}
