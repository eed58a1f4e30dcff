//! The machine: what it is, and what each process has used of it.

use std::{fs, time::Duration};

/// One line about where the numbers come from.
pub fn line() -> String {
    let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        line.split(':').nth(1).unwrap_or("?").trim().to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory_kib: u64 =
        field(&file("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").trim().parse().unwrap_or_default();
    let load = file("/proc/loadavg").split(' ').next().unwrap_or("?").to_owned();
    let model = field(&file("/proc/cpuinfo"), "model name");
    let kernel = file("/proc/sys/kernel/osrelease").trim().to_owned();
    format!("{model}, {cores} cores, {} GiB, Linux {kernel}; load before the run: {load}", memory_kib / 1_048_576)
}

/// CPU time by process so far, or between two looks.
#[derive(Clone, Copy, Default, Debug)]
pub struct Cpu {
    pub server: Duration,
    pub postgres: Duration,
    pub client: Duration,
    /// Children of this program that have ended: pgbench.
    pub ended: Duration,
}

impl Cpu {
    /// Now, for a server process and its postmaster.
    pub fn now(server: Option<u32>, postmaster: u32) -> Self {
        let own = stat(std::process::id());
        let mut postgres = stat(postmaster).map_or(Duration::ZERO, |stat| stat.own + stat.ended);
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(stat) = stat(pid).filter(|stat| stat.parent == postmaster) {
                postgres += stat.own;
            }
        }
        Self {
            server: server.and_then(stat).map_or(Duration::ZERO, |stat| stat.own),
            postgres,
            client: own.as_ref().map_or(Duration::ZERO, |stat| stat.own),
            ended: own.map_or(Duration::ZERO, |stat| stat.ended),
        }
    }
    /// What was used since `before`.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            postgres: self.postgres.saturating_sub(before.postgres),
            client: self.client.saturating_sub(before.client),
            ended: self.ended.saturating_sub(before.ended),
        }
    }
}

struct Stat {
    parent: u32,
    own: Duration,
    ended: Duration,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; the numbers begin after it. Linux counts hundredths of a second.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    let time = |ticks: u64| Duration::from_millis(ticks * 10);
    let parent = u32::try_from(ticks(1)).ok()?;
    Some(Stat { parent, own: time(ticks(11) + ticks(12)), ended: time(ticks(13) + ticks(14)) })
}

/// CPU time of the living threads of a process so far, to the nanosecond: short measurements need it.
pub fn busy(pid: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// Bytes of a process in memory.
pub fn resident_bytes(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
}

/// The value below which `share` of the sorted values lie.
pub fn quantile(sorted: &[u32], share: f64) -> f64 {
    if sorted.is_empty() {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index within the list")]
    let index = ((sorted.len() - 1) as f64 * share).round() as usize;
    f64::from(sorted[index])
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Microseconds of CPU for each of `count`.
pub fn each_us(used: Duration, count: f64) -> f64 {
    if count > 0.0 { used.as_secs_f64() * 1e6 / count } else { 0.0 }
}
