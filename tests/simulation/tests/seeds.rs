//! A share of the seeds, and what a run has to be for a seed to mean anything.
#![allow(clippy::unwrap_used, clippy::panic)]

use sealwire_simulation::{Ended, Plan, Planted, Template, run, shortest};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| Template::make().unwrap())
}

/// Every seed, on every core; the first that fails is told in full.
fn all_hold(seeds: std::ops::Range<u64>, steps: u64) {
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let failed = std::thread::scope(|scope| {
        let work = || {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return None;
                }
                let plan = Plan::new(seed, steps);
                if run(template(), &plan).ended != Ended::Well {
                    return Some(plan);
                }
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut ended = workers
            .into_iter()
            .filter_map(|worker| worker.join().unwrap());
        ended.next()
    });
    if let Some(plan) = failed {
        panic!("{}", shortest(template(), &plan));
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [3, 4] {
        let plan = Plan::new(seed, 700);
        let (first, second) = (run(template(), &plan), run(template(), &plan));
        assert_eq!(first, second);
        let other = Plan {
            seed: seed + 100,
            ..plan.clone()
        };
        assert_ne!(run(template(), &other).hash, first.hash);
    }
}

#[test]
fn the_same_seed_gives_the_same_run_over_another_template() {
    let plan = Plan::new(5, 300);
    let other = Template::make().unwrap();
    assert_eq!(run(template(), &plan), run(&other, &plan));
}

#[test]
fn where_nothing_goes_wrong_every_message_is_everywhere_once() {
    for seed in 1..6 {
        let plan = Plan {
            faults: false,
            tells: true,
            ..Plan::new(seed, 600)
        };
        let run = run(template(), &plan);
        assert_eq!(run.ended, Ended::Well, "seed {seed}");
    }
}

#[test]
fn whatever_goes_wrong_every_message_is_everywhere_once() {
    all_hold(1..301, 1_000);
}

/// Seeds that found something, each with what mended it in docs/testing.md. A new action or fault gives each another run: then they
/// are seeds as good as others, and what they found is held by the test that the table names.
const FOUND_SOMETHING: [u64; 23] = [
    202, 254, 528, 542, 1301, 1344, 1739, 1846, 2111, 2169, 5020, 5265, 8825, 9146, 10253, 11242,
    11571, 12237, 17079, 17198, 19996, 101421, 102001,
];

#[test]
fn what_a_seed_once_found_it_finds_no_more() {
    for seed in FOUND_SOMETHING {
        let plan = Plan::new(seed, 1_000);
        if run(template(), &plan).ended != Ended::Well {
            panic!("{}", shortest(template(), &plan));
        }
    }
}

/// Runs seeds from the first on until one fails.
fn first_to_fail(bug: Planted, seeds: u64) -> Option<u64> {
    (1..=seeds).find(|seed| {
        let planted = Some(bug);
        let plan = Plan {
            planted,
            ..Plan::new(*seed, 1_000)
        };
        run(template(), &plan).ended != Ended::Well
    })
}

/// The numbers of seeds are those of docs/testing.md.
#[test]
fn every_planted_bug_is_found_within_its_number_of_seeds() {
    for bug in Planted::ALL {
        let seeds = match bug {
            Planted::AckBeforeCommit => 30,
            Planted::NoDedup => 10,
            Planted::RetrySealsAgain => 5,
            Planted::ReorderAtCaughtUp => 10,
            Planted::RatchetStepNotKept => 2,
            Planted::SealedSendSurvivesRelink => 60,
            Planted::PrekeyDeletedEarly => 3,
            Planted::KeyReusedAfterCrash => 15,
            Planted::MarksGoBack => 40,
            Planted::DeviceListRollbackAccepted => 5,
            Planted::OldSocketRemovesNewOne => 10,
            Planted::CommitsNotSynced => 15,
        };
        assert!(first_to_fail(*bug, seeds).is_some(), "{}", bug.as_str());
    }
}
