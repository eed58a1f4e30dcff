//! Logs: sentences for people, or one JSON object a line for machines. Always on stderr; stdout belongs to answers.

use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Log, LogFormat};

/// Starts logging.
///
/// # Errors
/// When the filter cannot be read, with a sentence.
pub fn start(log: &Log) -> Result<(), String> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| {
        format!("the setting log.filter is wrong: {error}; it should look like \"info\" or \"info,foodcourt=debug\"")
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Started twice only by tests in one process; the first one stays.
    drop(tracing_subscriber::registry().with(filter).with(lines).try_init());
    Ok(())
}
