//! The run as it goes, on stderr: a line that changes on a terminal, a sentence now and then elsewhere.

use std::{
    io::IsTerminal,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::log::Log;

/// How often a terminal is redrawn.
const REDRAW: Duration = Duration::from_millis(250);
/// How often a file gets a sentence.
const SENTENCE: Duration = Duration::from_secs(10);

/// Shows the counters until dropped.
pub struct Progress {
    task: tokio::task::JoinHandle<()>,
    bar: ProgressBar,
}

impl Progress {
    /// Starts to show a run of so many orders.
    pub fn start(log: Arc<Log>, orders: u32) -> Self {
        let bar = ProgressBar::new(u64::from(orders));
        let style = ProgressStyle::with_template("{spinner} [{elapsed_precise}] {bar:30} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let terminal = std::io::stderr().is_terminal();
        let shown = bar.clone();
        let task = tokio::spawn(async move {
            let started = Instant::now();
            let mut tick = tokio::time::interval(if terminal { REDRAW } else { SENTENCE });
            loop {
                tick.tick().await;
                let line = line(&log, orders, started.elapsed());
                if terminal {
                    shown.set_position(log.counters.done.load(Ordering::Relaxed));
                    shown.set_message(line);
                } else {
                    eprintln!("[{:>4} s] {line}", started.elapsed().as_secs());
                }
            }
        });
        Self { task, bar }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}

fn line(log: &Log, orders: u32, since: Duration) -> String {
    let counters = &log.counters;
    let now = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let (placed, done) = (now(&counters.placed), now(&counters.done));
    #[expect(clippy::cast_precision_loss, reason = "orders of one run")]
    let rate = placed as f64 / since.as_secs_f64().max(0.001);
    format!(
        "{placed}/{orders} placed · {} cooking · {} riding · {done} done · {rate:.1} orders/s · {} declined · {} \
         reconnects · {} retries",
        now(&counters.cooking),
        now(&counters.riding),
        now(&counters.declined_offers),
        now(&counters.reconnects),
        now(&counters.retries)
    )
}
