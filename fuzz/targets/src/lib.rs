//! The fuzz targets: what is done with an input, and what must hold whatever it is.
//!
//! A target is a function that takes bytes, panics when something does not hold, and says how much of the heap the parsing
//! of them took at its worst moment; its [`Bound`] says how much that may be. The fuzzers in the folder above run these
//! functions, and so do the tests here over the whole corpus, without any fuzzer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is what a fuzzer finds"
)]

pub mod memory;

mod device;
mod target;

use std::cell::Cell;

pub use target::ALL;

/// One target.
pub struct Target {
    /// Its fuzzer, and the folder of its corpus.
    pub name: &'static str,
    /// What parsing one input may take.
    pub bound: Bound,
    /// Takes an input and gives the bytes of heap that parsing it took; panics when something does not hold.
    pub run: fn(&[u8]) -> usize,
    /// Inputs to begin with, made from real messages: the same at every call.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// The most heap that parsing an input of a length may hold at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Whatever the length.
    pub base: usize,
    /// And for each byte of the input.
    pub per_byte: usize,
}

impl Bound {
    const fn new(base: usize, per_byte: usize) -> Self {
        Self { base, per_byte }
    }

    /// In bytes, for an input of this length.
    pub fn of(self, length: usize) -> usize {
        self.base + self.per_byte * length
    }
}

impl Target {
    /// Runs one input and holds it to the bound. Gives the bytes of heap that it took.
    pub fn check(&self, input: &[u8]) -> usize {
        let allowed = self.bound.of(input.len());
        let first = (self.run)(input);
        // What is made once for all inputs counts for none.
        let peak = if first > allowed {
            (self.run)(input)
        } else {
            first
        };
        assert!(
            peak <= allowed,
            "{}: {peak} bytes of heap for an input of {}, {allowed} are allowed",
            self.name,
            input.len()
        );
        peak
    }

    /// The same under a fuzzer: whenever the worst gets worse, a line on stderr says so.
    #[allow(clippy::print_stderr, reason = "the fuzzer's own output")]
    pub fn fuzz(&self, input: &[u8]) {
        thread_local! {
            static WORST: Cell<Option<usize>> = const { Cell::new(None) };
        }
        let peak = self.check(input);
        match WORST.get() {
            // The first input makes what all inputs share.
            None => WORST.set(Some(0)),
            Some(worst) if peak > worst => {
                WORST.set(Some(peak));
                eprintln!(
                    "heap: {peak} bytes for an input of {}, {} are allowed",
                    input.len(),
                    self.bound.of(input.len())
                );
            }
            Some(_) => {}
        }
    }
}

/// The target of this name.
///
/// # Panics
/// When there is none.
pub fn named(name: &str) -> &'static Target {
    let found = ALL.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("there is no target {name}"))
}
