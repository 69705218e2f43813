//! The relay from outside: requests and sockets against a running one, with devices whose keys and signatures are real.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

mod attachments;
mod auth;
mod bad_input;
mod controls;
mod devices;
mod disabling;
mod every_route;
mod faults;
mod fuzzed;
mod inbox;
mod lifetimes;
mod marks;
mod messages;
mod openapi;
mod operations;
mod order;
mod prekeys;
mod presence;
mod privacy;
mod process;
mod provisioning;
mod queue;
mod realtime;
mod sample;
mod world;
