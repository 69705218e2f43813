//! The whole corpus, and the seeds that it grew from, through the targets: what a fuzzer once found stays found, without a fuzzer.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use sealwire_fuzz_targets::{ALL, Target};

/// What the repository may carry of it.
const MAX_CORPUS_BYTES: u64 = 1024 * 1024;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

fn inputs(target: &Target) -> Vec<PathBuf> {
    let folder = corpus().join(target.name);
    let entries = folder.read_dir().unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_input_of_the_corpus_holds() {
    for target in ALL {
        let inputs = inputs(target);
        assert!(!inputs.is_empty(), "{} has no corpus", target.name);
        for input in inputs {
            println!("{}", input.display());
            target.check(&std::fs::read(&input).unwrap());
        }
    }
}

#[test]
fn every_seed_holds_and_is_the_same_each_time() {
    for target in ALL {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{}", target.name);
        assert!((target.seeds)() == seeds, "{}", target.name);
        let heap = seeds
            .iter()
            .map(|seed| (target.check(seed), seed.len()))
            .max();
        println!("{}: (bytes of heap, length) {heap:?}", target.name);
    }
}

/// Every cut and every changed byte of every seed: what a fuzzer does first, where there is none.
#[test]
fn every_seed_holds_when_it_is_cut_or_a_byte_of_it_changes() {
    for target in ALL {
        for seed in (target.seeds)() {
            let step = (seed.len() / 12).max(1);
            for at in (0..seed.len()).step_by(step) {
                target.check(&seed[..at]);
                for change in [0x01, 0x80, 0xff] {
                    let mut changed = seed.clone();
                    changed[at] ^= change;
                    target.check(&changed);
                }
            }
        }
    }
}

#[test]
fn each_target_has_a_fuzzer_of_its_name_and_the_corpus_is_small() {
    let fuzzers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz_targets");
    let mut bytes = 0;
    for target in ALL {
        assert!(fuzzers.join(target.name).with_extension("rs").exists());
        let inputs = inputs(target);
        bytes += inputs
            .iter()
            .map(|input| input.metadata().unwrap().len())
            .sum::<u64>();
    }
    assert_eq!(fuzzers.read_dir().unwrap().count(), ALL.len());
    assert!(bytes < MAX_CORPUS_BYTES, "{bytes} bytes");
}
