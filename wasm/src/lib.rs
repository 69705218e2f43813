//! The SDK in a browser's dedicated worker: a facade for JavaScript, and the browser's own network, cipher, storage and tasks
//! behind the SDK's seams. It translates and decides nothing; app developers use the npm package `sealwire` on top of it.
//!
//! Natively this crate is empty.
#![cfg(target_family = "wasm")]

mod attachments;
mod cipher;
mod client;
mod error;
mod js;
mod key_store;
#[path = "../../ffi/src/place.rs"]
mod place;
mod pool;
mod promise;
#[path = "../../ffi/src/records/mod.rs"]
pub mod records;
mod runtime;
mod start;
mod transport;
