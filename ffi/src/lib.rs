//! The SDK for other languages: it translates, and decides nothing.
//!
//! What an app developer sees is the hand-written layer of each language, in `bindings/`. Below it lie, generated from
//! this crate: [`ClientHandle`] with every operation of the SDK under its own name, [`records`] (plain values),
//! [`CallError`] (one error with a code), and the few things that the app hands in ([`KeyStore`], [`ProgressListener`],
//! [`Logger`], and who answers when a device is linked).
//!
//! - Work runs in tasks of the library's own threads: **a cancelled call stops waiting, the work goes on**. What only reads or
//!   waits, and a download, ends with its call, or through its [`CancelHandle`].
//! - **No panic crosses**: it becomes the error `internal`, which names the place and not the words, and the process lives. Nor can the app's callbacks panic the SDK.
//! - **Children hold no client.** [`EventReader`] and [`LinkingHandle`] end with it and keep nothing open.
#![forbid(unsafe_code)]
#![allow(
    clippy::result_large_err,
    reason = "an error crosses as a plain record"
)]

mod callbacks;
mod client;
mod error;
mod events;
mod faults;
mod init;
mod log;
mod place;
pub mod records;
mod running;

pub use callbacks::{
    AddDeviceListener, Answer, CallbackError, JoinAccountListener, KeyStore, ProgressListener,
    file_key_store, memory_key_store,
};
pub use client::{AttachmentSource, ClientHandle, LinkingHandle, live_clients};
pub use error::{CallError, error_table};
pub use events::EventReader;
pub use init::{InitOptions, init, version};
pub use log::{LogField, LogLevel, LogLine, Logger};
pub use running::CancelHandle;

uniffi::setup_scaffolding!("sealwire");
