//! What crosses the network: the relay contract's types, the content that messages carry, and the ids of both.
//!
//! Client and relay share this one definition. Everything here is pure: no I/O, no clock, no randomness.
//! An id that exists is well formed: each parses once, at the edge, and cannot be malformed afterwards.
//!
//! - [`ids`]: users, devices, threads, messages, sequence numbers, idempotency keys
//! - [`contract`]: the JSON bodies and frames of the relay contract
//! - [`content`]: the protobuf body inside the ciphertext, which the relay never sees
//! - [`control`]: what two devices say to each other beside messages, in their own session
//! - [`limits`]: the sizes and windows both sides hold to
#![forbid(unsafe_code)]

pub mod content;
pub mod contract;
pub mod control;
pub mod ids;
pub mod limits;

mod encoding;
#[cfg(feature = "openapi")]
mod openapi;

pub use encoding::{Base64, Bytes32, Timestamp, hexadecimal};
pub use ids::{
    AttachmentId, ClientSeq, DeviceId, IdempotencyKey, MessageId, ParseIdError, ThreadId, UserId,
};
