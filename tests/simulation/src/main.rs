//! `sealwire-simulation`: many seeds, on every core, with what they found.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command's output"
)]

use clap::Parser;
use sealwire_simulation::{Ended, Plan, Planted, Run, Template, run, shortest};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Runs seeds, and shows how those that fail do.
#[derive(Parser)]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// Steps of each, before it becomes calm.
    #[arg(long, default_value_t = 1_000)]
    steps: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Nothing goes wrong.
    #[arg(long)]
    no_faults: bool,
    /// A bug that every engine has: to see after how many seeds it is found.
    #[arg(long, value_name = "NAME", value_parser = planted)]
    planted: Option<Planted>,
    /// The story of each failure as it comes.
    #[arg(long)]
    tell: bool,
    /// Failures are counted, and none is made short.
    #[arg(long)]
    no_shrinking: bool,
    /// Ends at the first failure.
    #[arg(long)]
    until_one_fails: bool,
    /// Threads; as many as there are cores without it.
    #[arg(long)]
    threads: Option<usize>,
}

#[derive(Default)]
struct Sum {
    runs: u64,
    steps: u64,
    messages: u64,
    devices: u64,
    processes: u64,
    lasted_ms: u64,
    /// Over the hashes of all runs, in whatever order they ended.
    hash: u64,
    failed: Vec<(u64, String)>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let template = match Template::make() {
        Ok(template) => template,
        Err(broken) => {
            eprintln!("{broken}");
            return ExitCode::FAILURE;
        }
    };
    let threads = args
        .threads
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1);
    let (next, sum) = (AtomicU64::new(args.from), Mutex::new(Sum::default()));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| soak(&args, &template, &next, &sum, begun));
        }
    });
    let sum = sum
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    println!("{}", words(&sum, begun.elapsed()));
    if sum.failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    for (seed, invariant) in &sum.failed {
        println!("seed {seed}: {invariant}");
    }
    if !args.no_shrinking {
        let plan = plan(&args, sum.failed[0].0);
        println!("\n{}", shortest(&template, &plan));
    }
    ExitCode::FAILURE
}

fn planted(name: &str) -> Result<Planted, String> {
    let all = Planted::ALL.iter().copied();
    let names = || all.clone().map(Planted::as_str).collect::<Vec<_>>();
    let named = all.clone().find(|bug| bug.as_str() == name);
    named.ok_or_else(|| format!("one of {}", names().join(", ")))
}

fn plan(args: &Args, seed: u64) -> Plan {
    Plan {
        faults: !args.no_faults,
        tells: args.tell,
        planted: args.planted,
        ..Plan::new(seed, args.steps)
    }
}

fn soak(args: &Args, template: &Template, next: &AtomicU64, sum: &Mutex<Sum>, begun: Instant) {
    const TOLD_EVERY: u64 = 100;
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= args.from.saturating_add(args.seeds) {
            return;
        }
        let Run {
            hash,
            steps,
            messages,
            devices,
            processes,
            lasted_ms,
            ended,
            ..
        } = run(template, &plan(args, seed));
        if args.tell
            && let Ended::Broken { story, .. } = &ended
        {
            println!("{story}");
        }
        let mut sum = sum.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        sum.runs += 1;
        sum.steps += steps;
        sum.messages += messages;
        sum.devices += devices;
        sum.processes += processes;
        sum.lasted_ms += lasted_ms;
        sum.hash = sum.hash.wrapping_add(hash);
        if let Ended::Broken { broken, step, .. } = ended {
            println!("seed {seed}, step {step}: {broken}");
            sum.failed.push((seed, broken.invariant.to_owned()));
            sum.failed.sort();
            if args.until_one_fails {
                next.store(u64::MAX / 2, Ordering::Relaxed);
            }
        }
        if sum.runs.is_multiple_of(TOLD_EVERY) {
            println!("{}", words(&sum, begun.elapsed()));
        }
    }
}

fn words(sum: &Sum, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    format!(
        "{} seeds, {} failed; {} steps, {} messages, {} devices, {} processes, {:.1} days of their time; {:.1} s, {:.0} steps a second; hash {:016x}",
        sum.runs,
        sum.failed.len(),
        sum.steps,
        sum.messages,
        sum.devices,
        sum.processes,
        sum.lasted_ms as f64 / 86_400_000.0,
        seconds,
        sum.steps as f64 / seconds,
        sum.hash,
    )
}
