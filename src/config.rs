//! Settings: the compiled-in `config.toml`, a file over it, the environment over both; checked once, at the start,
//! with sentences that say what to do.

mod unreadable;

use std::{net::IpAddr, path::PathBuf, time::Duration};

use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use foodcourt_actors::{dispatch::live::PlanSettings, limits::Limits, travel::GreatCircle};
use serde::Deserialize;

use crate::travel::{Provider, RoutedSettings, check_address};

/// What can be set for calls in line for the provider.
const CALLS_WAITING_MAX: usize = 1_000_000;

/// The defaults, with a unit and a reason for each.
pub const DEFAULTS: &str = include_str!("../config.toml");

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each setting is documented in config.toml, its one place")]
pub struct Config {
    pub server: Server,
    pub data: Data,
    pub database: Database,
    pub redis: Redis,
    pub auth: Auth,
    pub http: Http,
    pub demo: Demo,
    pub kernel: Kernel,
    pub live: Live,
    pub payment: Payment,
    pub map: Map,
    pub travel: Travel,
    pub dispatch: Dispatch,
    pub arrivals: Arrivals,
    pub proof: Proof,
    pub log: Log,
    /// For benchmarks only, and therefore not in config.toml.
    #[serde(default)]
    pub bench: Bench,
}

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs, reason = "each setting is documented in config.toml, its one place")]
        pub struct $name { $(pub $field: $type),+ }
    )+};
}

sections! {
    /// `[server]`
    Server { host: IpAddr, port: u16, workers: usize, actor_threads: usize, drain_s: u64, public_url: String,
        hsts_subdomains: bool, trusted_proxies: Vec<IpAddr>,
    }
    /// `[data]`
    Data { dir: PathBuf }
    /// `[database]`
    Database {
        url: String, pool_max: u32, pool_wait_ms: u64, statement_timeout_ms: u64, journal_queue_max: usize,
        root_certificate: String, positions_every_ms: u64,
    }
    /// `[redis]`
    Redis { url: String, timeout_ms: u64 }
    /// `[auth]`
    Auth { access_token_s: u64, signing_key: String, refresh_token_days: u32, hashes_at_once: usize, hash_queue_max: usize }
    /// `[http]`
    Http { body_bytes_max: usize, requests_per_min: u32, sign_ins_per_min: u32 }
    /// `[demo]`
    Demo { mode: DemoMode }
    /// `[kernel]`
    Kernel {
        entity_queue_max: usize, conflict_retries_max: u32, idle_after_s: u64, snapshot_every: u64, panics_max: u32,
        panic_window_s: u64, partitions: u32, reactor_in_flight_max: usize, feed_page: u32, lease_s: u32, feed_lag_refuse_s: u64,
        feed_lag_resume_s: u64,
    }
    /// `[live]`
    Live { sockets_max: usize, origins: Vec<String> }
    /// `[payment]`
    Payment { call_timeout_ms: u64, calls_at_once: usize, calls_waiting_max: usize }
    /// `[map]`
    Map { tiles_url: String, tiles_attribution: String }
    /// `[travel]`
    Travel {
        provider: Provider, address: String, timeout_ms: u64, cache_max: u64, cache_age_s: u64, grid_m: u32, detour: f64,
        foot_kmh: f64, bicycle_kmh: f64, scooter_kmh: f64, car_kmh: f64,
    }
    /// `[dispatch]`
    Dispatch {
        policy: DispatchBy, tick_s: u16, ahead_s: u16, wait_max_s: u16, ask_at_once: u32, better_s: u16,
        work_weight: f64, late_weight: f64, decline_weight: f64, fairness_weight: f64, records_kept_days: u16,
    }
    /// `[arrivals]`
    Arrivals {
        look_every_ms: u64, moved_by_s: u32, counter_s: u64, door_s: u64, imminent_s: u64, imminent_m: u32, enter_m: u32,
        exit_m: u32, dwell_s: u64,
    }
    /// `[proof]`
    Proof { photo_bytes_max: usize, kept_days: u16 }
    /// `[log]`
    Log { filter: String, format: LogFormat }
}

/// `[bench]`: what no server in use may ever be told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bench {
    /// Off: orders are taken and kept, and nobody acts on them. For measuring the acceptance path alone.
    pub reactors: bool,
}

impl Default for Bench {
    fn default() -> Self {
        Self { reactors: true }
    }
}

/// When the demo is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DemoMode {
    /// With the private database, on loopback.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Whom a delivery is offered to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchBy {
    /// Whom one plan over all deliveries and riders means.
    Matcher,
    /// The nearest free rider.
    Nearest,
}

/// How a log line looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Sentences.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why the settings cannot be used; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No such file.
    #[error("there is no settings file {0}: name an existing one with --config, or leave --config out")]
    NoFile(PathBuf),
    /// A folder where a file is meant.
    #[error("{0} is a folder: name a settings file in it with --config")]
    Folder(PathBuf),
    /// A value does not parse or is unknown.
    #[error("{}", unreadable::sentence(.0, &std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect::<Vec<_>>()))]
    Unreadable(#[from] Box<figment::Error>),
    /// A value parses but makes no sense.
    #[error("the setting {name} is wrong: {why}")]
    Wrong {
        /// `section.name`.
        name: &'static str,
        /// What would be right.
        why: String,
    },
}

impl Config {
    /// Reads the defaults, `file` and the environment.
    ///
    /// # Errors
    /// [`ConfigError`] with a sentence for the person who starts the server.
    pub fn load(file: Option<&std::path::Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(file) = file {
            if file.is_dir() {
                return Err(ConfigError::Folder(file.to_owned()));
            }
            if !file.is_file() {
                return Err(ConfigError::NoFile(file.to_owned()));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment.merge(Env::prefixed("FOODCOURT_").split("__").ignore(&["url", "log"]));
        figment.extract().map_err(|error| ConfigError::Unreadable(Box::new(error)))
    }

    /// Looks for values that parse but make no sense.
    ///
    /// # Errors
    /// [`ConfigError::Wrong`] for the first one.
    pub fn check(&self) -> Result<(), ConfigError> {
        let positive = |name, value: u64| {
            if value == 0 { Err(ConfigError::Wrong { name, why: "it must be at least 1".to_owned() }) } else { Ok(()) }
        };
        positive("database.pool_max", u64::from(self.database.pool_max))?;
        positive("database.pool_wait_ms", self.database.pool_wait_ms)?;
        positive("database.journal_queue_max", self.database.journal_queue_max as u64)?;
        positive("database.positions_every_ms", self.database.positions_every_ms)?;
        positive("redis.timeout_ms", self.redis.timeout_ms)?;
        positive("kernel.entity_queue_max", self.kernel.entity_queue_max as u64)?;
        positive("kernel.idle_after_s", self.kernel.idle_after_s)?;
        positive("kernel.snapshot_every", self.kernel.snapshot_every)?;
        positive("kernel.feed_page", u64::from(self.kernel.feed_page))?;
        positive("kernel.partitions", u64::from(self.kernel.partitions))?;
        positive("kernel.reactor_in_flight_max", self.kernel.reactor_in_flight_max as u64)?;
        positive("auth.hashes_at_once", self.auth.hashes_at_once as u64)?;
        positive("payment.calls_at_once", self.payment.calls_at_once as u64)?;
        positive("payment.call_timeout_ms", self.payment.call_timeout_ms)?;
        if self.payment.calls_waiting_max > CALLS_WAITING_MAX {
            let why = format!("{CALLS_WAITING_MAX} at most: more would wait longer than any call's time");
            return Err(ConfigError::Wrong { name: "payment.calls_waiting_max", why });
        }
        positive("live.sockets_max", self.live.sockets_max as u64)?;
        if self.kernel.lease_s < 3 {
            return Err(ConfigError::Wrong {
                name: "kernel.lease_s",
                why: "it is renewed three times in its life, so at least 3".to_owned(),
            });
        }
        if self.kernel.feed_lag_refuse_s <= self.kernel.feed_lag_resume_s {
            return Err(ConfigError::Wrong {
                name: "kernel.feed_lag_refuse_s",
                why: "it must be more than kernel.feed_lag_resume_s, or the door for new orders would flap".to_owned(),
            });
        }
        if !(1_024..=1_048_576).contains(&self.http.body_bytes_max) {
            return Err(ConfigError::Wrong { name: "http.body_bytes_max", why: "1024 to 1048576 bytes".to_owned() });
        }
        if !(30..=300).contains(&self.auth.access_token_s) {
            return Err(ConfigError::Wrong { name: "auth.access_token_s", why: "30 to 300 seconds".to_owned() });
        }
        if !self.database.url.is_empty() {
            crate::postgres::connect::check_address(&self.database.url).map_err(|error| ConfigError::Wrong {
                name: "database.url",
                why: format!("{error}; it should look like postgres://user:password@host:5432/foodcourtdb"),
            })?;
        }
        if !self.redis.url.is_empty() && !self.redis.url.starts_with("redis") {
            return Err(ConfigError::Wrong {
                name: "redis.url",
                why: "it should look like redis://127.0.0.1:6379".to_owned(),
            });
        }
        self.check_travel()
    }

    fn check_travel(&self) -> Result<(), ConfigError> {
        let travel = &self.travel;
        if travel.provider != Provider::GreatCircle {
            let why = |error: crate::travel::SettingsError| error.to_string();
            check_address(&travel.address)
                .map_err(|error| ConfigError::Wrong { name: "travel.address", why: why(error) })?;
        }
        let within = |name, value: f64, least: f64, most: f64| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(ConfigError::Wrong { name, why: format!("{least} to {most}, not {value}") }),
        };
        within("travel.detour", travel.detour, 1.0, 3.0)?;
        within("travel.foot_kmh", travel.foot_kmh, 1.0, 150.0)?;
        within("travel.bicycle_kmh", travel.bicycle_kmh, 1.0, 150.0)?;
        within("travel.scooter_kmh", travel.scooter_kmh, 1.0, 150.0)?;
        within("travel.car_kmh", travel.car_kmh, 1.0, 150.0)?;
        let whole = |name, value: u64, least: u64, most: u64| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(ConfigError::Wrong { name, why: format!("{least} to {most}, not {value}") }),
        };
        whole("travel.timeout_ms", travel.timeout_ms, 1, 10_000)?;
        whole("travel.cache_max", travel.cache_max, 1, 100_000_000)?;
        whole("travel.cache_age_s", travel.cache_age_s, 1, 86_400)?;
        whole("travel.grid_m", u64::from(travel.grid_m), 1, 1_000)?;
        whole("dispatch.tick_s", u64::from(self.dispatch.tick_s), 1, 60)?;
        whole("dispatch.ahead_s", u64::from(self.dispatch.ahead_s), 0, 600)?;
        whole("dispatch.wait_max_s", u64::from(self.dispatch.wait_max_s), 0, 900)?;
        whole("dispatch.ask_at_once", u64::from(self.dispatch.ask_at_once), 1, 5)?;
        whole("dispatch.better_s", u64::from(self.dispatch.better_s), 0, 3_600)?;
        whole("dispatch.records_kept_days", u64::from(self.dispatch.records_kept_days), 0, 365)?;
        within("dispatch.work_weight", self.dispatch.work_weight, 0.0, 10.0)?;
        within("dispatch.late_weight", self.dispatch.late_weight, 0.0, 10.0)?;
        within("dispatch.decline_weight", self.dispatch.decline_weight, 0.0, 600.0)?;
        within("dispatch.fairness_weight", self.dispatch.fairness_weight, 0.0, 1.0)?;
        let arrivals = &self.arrivals;
        whole("proof.photo_bytes_max", self.proof.photo_bytes_max as u64, 65_536, 16_777_216)?;
        whole("proof.kept_days", u64::from(self.proof.kept_days), 1, 3_650)?;
        whole("arrivals.look_every_ms", arrivals.look_every_ms, 100, 60_000)?;
        whole("arrivals.moved_by_s", u64::from(arrivals.moved_by_s), 10, 3_600)?;
        whole("arrivals.counter_s", arrivals.counter_s, 0, 3_600)?;
        whole("arrivals.door_s", arrivals.door_s, 0, 3_600)?;
        whole("arrivals.enter_m", u64::from(arrivals.enter_m), 10, 500)?;
        whole("arrivals.dwell_s", arrivals.dwell_s, 0, 600)?;
        if arrivals.exit_m <= arrivals.enter_m {
            let why = "it must be more than arrivals.enter_m, or every wobble of the GPS is a leaving".to_owned();
            return Err(ConfigError::Wrong { name: "arrivals.exit_m", why });
        }
        Ok(())
    }

    /// How riders are planned; `None`: the nearest is asked.
    #[must_use]
    pub fn plan(&self) -> Option<PlanSettings> {
        (self.dispatch.policy == DispatchBy::Matcher).then(|| self.plan_settings())
    }

    /// The numbers of a plan, whether one is made or not.
    #[must_use]
    pub fn plan_settings(&self) -> PlanSettings {
        let dispatch = &self.dispatch;
        PlanSettings {
            tick_s: dispatch.tick_s.into(),
            ahead_s: dispatch.ahead_s.into(),
            wait_max_s: dispatch.wait_max_s.into(),
            late_price: dispatch.late_weight,
            work_price: dispatch.work_weight,
            no_price: dispatch.decline_weight,
            fairness: dispatch.fairness_weight,
            counter_s: i64::try_from(self.arrivals.counter_s).unwrap_or(i64::MAX),
            door_s: i64::try_from(self.arrivals.door_s).unwrap_or(i64::MAX),
            ask_at_once: dispatch.ask_at_once,
            better_s: dispatch.better_s.into(),
            estimate: self.travel().estimate,
        }
    }

    /// Who tells travel times, and how.
    #[must_use]
    pub fn travel(&self) -> crate::travel::Settings {
        let Travel { provider, address, timeout_ms, cache_max, cache_age_s, grid_m, detour, .. } = &self.travel;
        let mps = |kmh: f64| kmh / 3.6;
        crate::travel::Settings {
            provider: *provider,
            address: address.clone(),
            routed: RoutedSettings {
                timeout: Duration::from_millis(*timeout_ms),
                cache_max: *cache_max,
                cache_age: Duration::from_secs(*cache_age_s),
                grid_m: *grid_m,
            },
            estimate: GreatCircle {
                detour: *detour,
                foot_mps: mps(self.travel.foot_kmh),
                bicycle_mps: mps(self.travel.bicycle_kmh),
                scooter_mps: mps(self.travel.scooter_kmh),
                car_mps: mps(self.travel.car_kmh),
            },
        }
    }

    /// Whether the demo is on.
    #[must_use]
    pub fn demo_on(&self) -> bool {
        match self.demo.mode {
            DemoMode::On => true,
            DemoMode::Off => false,
            DemoMode::Auto => self.database.url.is_empty() && self.server.host.is_loopback(),
        }
    }

    /// The kernel's limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            entity_queue_max: self.kernel.entity_queue_max,
            conflict_retries_max: self.kernel.conflict_retries_max,
            idle_after: Duration::from_secs(self.kernel.idle_after_s),
            snapshot_every: self.kernel.snapshot_every,
            panics_max: self.kernel.panics_max,
            panic_window: Duration::from_secs(self.kernel.panic_window_s),
            partitions: self.kernel.partitions,
            reactor_in_flight_max: self.kernel.reactor_in_flight_max,
            feed_page: self.kernel.feed_page,
            lease_s: self.kernel.lease_s,
            ..Limits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_complete_and_make_sense() {
        let config: Config = Figment::from(Toml::string(DEFAULTS)).extract().unwrap();
        config.check().unwrap();
        assert!(config.demo_on());
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let error = Figment::from(Toml::string(DEFAULTS))
            .merge(Toml::string("[server]\nprot = 1"))
            .extract::<Config>()
            .unwrap_err();
        assert!(error.to_string().contains("prot"), "{error}");
    }

    #[test]
    fn a_senseless_value_is_explained() {
        let mut config: Config = Figment::from(Toml::string(DEFAULTS)).extract().unwrap();
        config.database.url = "mysql:/x".to_owned();
        assert!(config.check().unwrap_err().to_string().contains("database.url"));
    }

    #[test]
    fn a_router_needs_an_address_and_speeds_are_speeds() {
        let mut config: Config = Figment::from(Toml::string(DEFAULTS)).extract().unwrap();
        assert_eq!(config.travel().estimate, GreatCircle::USUAL, "the defaults are the usual estimate");
        config.travel.provider = Provider::Osrm;
        for address in ["", "router:5000", "https://router", "http://router/?a=b", "http://"] {
            config.travel.address = address.to_owned();
            assert!(config.check().unwrap_err().to_string().contains("travel.address"), "{address}");
        }
        config.travel.address = "http://127.0.0.1:5000".to_owned();
        config.check().unwrap();
        config.travel.foot_kmh = 0.0;
        assert!(config.check().unwrap_err().to_string().contains("travel.foot_kmh"));
    }
}
