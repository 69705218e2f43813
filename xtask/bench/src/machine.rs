//! What it was measured on, and how much of the processor it took.

use std::fs;
use std::time::Duration;

/// Processor, cores, how busy they were, kernel, version and build.
pub(crate) fn line() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("an unknown processor", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let build = if cfg!(debug_assertions) {
        "a debug build, whose figures say nothing"
    } else {
        "release build"
    };
    // The mean of the last minute, this run in it: above 1 the processor was shared with other work.
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    format!(
        "Measured on {model}, {cores} cores at a load of {load}, {} {}, Sealwire {}, {build}.",
        std::env::consts::OS,
        kernel.trim(),
        env!("CARGO_PKG_VERSION")
    )
}

/// The processor time of this thread so far, where the system tells (Linux: schedstat(5), in nanoseconds).
pub(crate) fn cpu_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let on_cpu = stat.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(on_cpu))
}
