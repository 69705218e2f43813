//! The whole system in one thread: real engines over real stores, the relay's real service over its real storage, and one number
//! that decides on everything else: time, chance, who does what when, and what goes wrong.
//!
//! - `relay`: service and storage, driven by a bare executor; requests and sockets are handed in.
//! - `device`: an engine, its store, and the app above it. Its process may end between any two of its steps.
//! - `world`: what is due when; processes, apps, and the network between devices and relay.
//! - `people`: what people do. A new feature adds to that list. `faults`: what goes wrong.
//! - `truth`: what was typed, and everything that must be true of it; `rest`: what must be true at the end.
//! - `keys`: which message key sealed what left a device.
//! - `shrink`: a failing run made short; `left_out`: what it does without.
//! - `journal`: every step in words, and the hash over all of them: the same seed gives the same run.
//!
//! A step is one thing that happens: an input to an engine, a turn of the relay's tasks, an action of a person, a request or a
//! frame that arrives.
#![forbid(unsafe_code)]

mod chance;
mod cold;
mod device;
mod faults;
mod files;
mod journal;
mod keys;
mod left_out;
mod links;
mod people;
mod relay;
mod rest;
mod rows;
mod run;
mod secrets;
mod shrink;
mod template;
mod truth;
mod world;

pub use faults::Fault;
pub use left_out::LeftOut;
pub use run::{Ended, Failure, Plan, Run, run};
pub use sealwire_engine::planted::Planted;
pub use shrink::shortest;
pub use template::Template;

use std::fmt;

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which, as a sentence that should be true.
    pub invariant: &'static str,
    /// What was seen instead.
    pub detail: String,
    /// The number of the message that it is about, if it is about one.
    pub message: Option<u64>,
}

impl Broken {
    pub(crate) fn new(invariant: &'static str, detail: impl fmt::Display) -> Self {
        Self {
            invariant,
            detail: detail.to_string(),
            message: None,
        }
    }

    pub(crate) fn about(mut self, message: u64) -> Self {
        self.message = Some(message);
        self
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "not true: {}: {}", self.invariant, self.detail)
    }
}
