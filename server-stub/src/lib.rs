//! The ciphertext-only relay: REST for state, WebSocket for delivery.
//!
//! A [`Relay`] is started from a [`RelayConfig`], as the binary `sealwire-relay` does it, or inside another program:
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), sealwire_relay::StartError> {
//! use sealwire_relay::{Relay, RelayConfig, RelayData};
//!
//! let relay = Relay::start(RelayConfig::new(RelayData::Memory)).await?;
//! println!("{}", relay.url());
//! relay.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! Three floors: `api` (HTTP and WebSocket, thin) over [`service`] (the contract's rules) over [`storage`].
#![forbid(unsafe_code)]

pub mod newest;
#[cfg(feature = "planted")]
pub mod planted;
pub mod service;
pub mod storage;

mod api;
mod blobs;
mod config;
mod door;
mod measure;
mod patient;
mod relay;
mod serve;
mod start_error;
mod tokens;

pub use config::{CallerPace, Connections, Pace, Paces, RelayConfig, RelayData, Timings};
pub use relay::Relay;
pub use start_error::StartError;
