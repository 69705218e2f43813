//! What crosses into another language: plain values, the same in all of them.
//!
//! Ids of users, threads, messages and attachments are texts; numbers of devices, counts, sizes and times (`…_ms`, milliseconds
//! since the Unix epoch) are `i64`, which every language has as its own kind of number. No record holds a key.
//!
//! The crate for the web includes this folder too: with its feature `serde`, records are plain objects in camelCase, enums
//! with fields are told apart by `type`, and those without are texts.

mod attachment;
mod device;
mod error;
mod event;
mod inbox;
mod message;
mod options;
mod settings;

pub use attachment::{AttachmentFacts, AttachmentOptions, MediaFacts, Progress};
pub use device::{Account, AddDevice, JoinAccount, NetworkRole, OwnDevice};
pub use error::{ErrorFields, ErrorGroup, ErrorInfo};
pub use event::{ConnectionState, Event};
pub use inbox::{FailureReason, InboxPage, InboxThread, Receipt, RecipientState, Thread};
pub use message::{Message, MessageContent, MessageState, UnreadableReason};
pub use options::{OpenOptions, SendOptions, SessionPolicy, StoreLocation};
pub use settings::{AccountSettings, DirectMessages, Notifications, ThreadPreferences};

use sealwire::Timestamp;

/// Larger ones than this kind of number holds do not occur; they would stop at its end.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn time(value: Timestamp) -> i64 {
    number(value.0)
}

/// A count that the SDK takes; below zero is zero.
fn count(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
