//! Whole clients against a whole relay: what an app sees, through faults, and what is there after a cold reopen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attachments;
mod bad_network;
mod lifecycle;
mod linking;
mod messages;
mod relay_faults;
mod stores;
mod suspending;
mod world;
