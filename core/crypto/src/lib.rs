//! The Signal protocol and Sealwire's content, media, device-list and linking ciphers. Pure: no I/O, no clock, no storage.
//!
//! Randomness and time are handed in; state machines are values that a caller stores.
//! The reading order for an audit is in the crate's README.

pub mod challenge;
pub mod device;
#[allow(
    dead_code,
    unused_imports,
    reason = "agreement and linking take these up"
)]
pub mod keys;
pub mod primitives;
pub mod signature;
pub mod transcript;
