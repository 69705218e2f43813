//! The Signal protocol and Sealwire's content, media, device-list and linking ciphers. Pure: no I/O, no clock, no storage.
//!
//! Randomness and time are handed in; state machines are values that a caller stores.
//! The reading order for an audit is in the crate's README.

mod agreement;
pub mod attachment;
#[cfg(feature = "audit")]
pub mod audit;
pub mod bundle;
pub mod challenge;
pub mod content;
pub mod device;
pub mod envelope;
pub mod keys;
pub mod linking;
mod padme;
pub mod primitives;
pub mod protobuf;
pub mod ratchet;
pub mod safety_number;
pub mod signature;
pub mod transcript;

#[cfg(test)]
mod proto_reference;
