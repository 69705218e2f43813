//! Whole engines against a relay that answers at once and can be made to lie.
#![allow(clippy::unwrap_used, clippy::panic)]

mod account;
mod crashes;
mod device;
mod history;
mod lies;
mod receiving;
mod recipients;
mod relay;
mod sending;
mod time;
mod trust;
