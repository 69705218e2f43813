//! One conversation of devices that are programs in four languages: what its story needs.
//!
//! A [`Peer`] is one device. The one in Rust lives in the test; those on the JVM, in Python and in a browser are processes of
//! their own, small drivers beside the tests of their languages. All are asked the same, [`Request`] by [`Request`].
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

mod door;
mod here;
mod peer;
mod picture;
mod process;
mod relay;
mod request;

pub use door::Door;
pub use peer::Peer;
pub use picture::{Picture, digest};
pub use relay::Relay;
pub use request::{History, Request, Row};

use std::time::Duration;

/// Far longer than anything takes on a slow machine: a peer that waits for longer says what it waited for.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A peer that does not even say that is ended.
const LAST_PATIENCE: Duration = Duration::from_secs(150);
