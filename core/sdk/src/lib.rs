//! End-to-end encrypted messaging: the async client.
//!
//! A [`Client`] is one device of one user. It keeps its keys and messages in an encrypted file, speaks to a relay that can
//! read none of them, and tells what happens as a [`Stream`](EventStream) of [`Event`]s.
//!
//! ```
#![doc = include_str!("../../../examples/quickstart.rs")]
//! ```
//!
//! - **Errors** are one type, [`Error`], with a stable [`code`](Error::code), and whether and when to try again.
//! - **Sending** is durable when [`Client::send_text`] returns. The client sends, repeats and repairs by itself from then
//!   on, also after a restart of the app.
//! - **Events only notify.** What they say can be read with [`Client::messages`], [`Client::threads`] and
//!   [`Client::search`] as well, also by whoever missed them.
//! - **No executor is needed**: the client runs on threads of its own. Its futures may be awaited, or dropped, anywhere.
//! - **A device is never made silently.** A store whose key is gone, or a key whose store is gone, is an error.
#![forbid(unsafe_code)]

pub mod attachments;
mod bounds;
mod builder;
mod client;
mod driver;
mod errors;
mod events;
pub mod key_store;
mod network_role;
mod open;
mod queries;
pub mod runtime;
#[cfg(all(feature = "testing", not(target_family = "wasm")))]
pub mod testing;
pub mod transport;

pub use attachments::{Attachment, Progress};
pub use bounds::{BoxFuture, BoxSink, BoxStream, MaybeSend, MaybeSync};
pub use builder::ClientBuilder;
pub use client::{
    AddDevice, Client, InboxCursor, InboxPage, InboxThread, JoinAccount, Linking, SendOptions,
    Thread,
};
pub use errors::{Error, ErrorFields, ErrorGroup, ErrorInfo, Field};
pub use events::{EVENT_BUFFER, EventStream};
#[cfg(not(target_family = "wasm"))]
pub use key_store::FileKeyStore;
pub use key_store::{KeyStore, MemoryKeyStore};
pub use network_role::NetworkRole;
pub use sealwire_engine::{
    ConnectionState, EngineError, Event, Message, MessageContent, MessageState, SessionPolicy,
    UnreadableReason,
};
pub use sealwire_store::OpenError;
pub use sealwire_wire::content::{AttachmentPointer, MediaFacts};
pub use sealwire_wire::contract::{
    AccountSettings, DirectMessages, FailureReason, Notifications, OwnDevice, Receipt,
    RecipientState, ThreadPreferences,
};
pub use sealwire_wire::{
    AttachmentId, ClientSeq, DeviceId, MessageId, ParseIdError, ThreadId, Timestamp, UserId,
};
