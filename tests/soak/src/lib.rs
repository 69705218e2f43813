//! The long soak: many clients of the real SDK, with stores on disk and the real transport, and a relay as a process of its own.
//!
//! People write, read, type, send files, go offline, close their app; the relay is restarted and killed. Meanwhile the figures
//! of both processes are taken, and afterwards everything that was sent has to stand where it belongs, once.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a step that fails here is the soak failing; its figures are its output"
)]

mod act;
mod chance;
mod check;
mod device;
mod figures;
mod flat;
mod run;
mod sent;
mod warnings;

pub use run::{Plan, soak};
