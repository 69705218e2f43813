//! Whole engines against a relay that answers at once and can be made to lie.
#![allow(clippy::unwrap_used, clippy::panic)]

mod device;
mod recipients;
mod relay;
