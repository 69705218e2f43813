//! The encrypted store of one device: an SQLCipher file, its schema, one transaction type, search.
//!
//! - [`Store::open`] tells apart what can be wrong with a file ([`OpenError`]) and creates nothing that should exist already.
//! - [`Store::transaction`] is the only way to write: everything in it is durable together, or nothing of it is.
//! - [`Rows`] holds every read; a [`Store`], a [`Transaction`] and a [`Reader`] all lend it.
//!
//! Sessions, prekeys and device lists are opaque bytes here: their meaning belongs to the engine. Secrets come and go as
//! `Zeroizing` and lie in the file encrypted; the file's key is the app's to keep.
#![forbid(unsafe_code)]

mod account;
mod base_keys;
mod columns;
mod connection;
mod control;
#[doc(hidden)]
pub mod crash;
mod device_lists;
mod error;
mod facts;
#[cfg(not(target_family = "wasm"))]
mod header;
mod inbox;
mod kem_prekeys;
mod key;
mod marks;
mod messages;
mod migrations;
mod open_paths;
mod outbox;
mod parked;
mod prekeys;
mod removals;
mod resyncs;
mod search;
mod send_log;
mod sessions;
mod settings;
#[cfg(feature = "simulation")]
mod simulation;
mod skipped_keys;
mod store;
mod threads;
mod unread_rows;

pub use account::{Account, AccountState};
pub use connection::Location;
pub use control::{ControlLimit, NewControl, OutgoingControl};
pub use device_lists::{DeviceListRow, PinnedAccount};
pub use error::{OpenError, StoreError};
pub use inbox::{InboxCursor, InboxRow, ReadUpload, UNPLACED_PREFERENCES_MAX};
pub use kem_prekeys::KemPrekeyRow;
pub use key::StoreKey;
pub use marks::{MarkMove, Marks, NewMark, NewUnreached, UNPLACED_MARKS_MAX};
pub use messages::{
    HeldRange, Inserted, LocalId, Message, MessageKind, MessageState, NewMessage, PageCursor,
    Reached, Replaced,
};
pub use migrations::SCHEMA_VERSION;
pub use outbox::{
    NewOutboxEntry, OutboxEntry, OutboxEnvelope, OutboxHead, OutboxState, SealedSend,
};
pub use parked::{NewParkedFrame, ParkReason, ParkedFrame};
pub use prekeys::{PrekeyIds, PrekeyKind, SignedPrekeyRow};
pub use removals::{DeviceRemoval, RemovalState};
/// To be held by whoever reads a store outside of [`Store::transaction`], for as long as it does: a process ends, and forks, between
/// the uses of its stores alone.
pub use sealwire_exit::{Inside, inside};
pub use send_log::SendLogEntry;
pub use sessions::SessionRow;
pub use skipped_keys::{SKIPPED_KEYS_MAX, SkippedKeyRow};
pub use store::{Reader, Rows, Store, Transaction};
pub use threads::{ThreadKind, ThreadRow};
pub use unread_rows::{NewUnreadRow, UnreadRow};

/// Secret bytes of any length, wiped when dropped.
pub type SecretBytes = zeroize::Zeroizing<Vec<u8>>;
/// A secret of 32 bytes, wiped when dropped.
pub type Secret32 = zeroize::Zeroizing<[u8; 32]>;

#[cfg(test)]
mod testing;
