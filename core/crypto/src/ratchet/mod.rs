//! The Double Ratchet over the sessions with one peer device, as values.
//!
//! Every operation takes a [`SessionRecord`] and gives a new one; the caller stores it (together with the rows that the
//! operation names) before anything leaves the device, and throws it away if it cannot. An operation that fails has changed
//! nothing.
//!
//! | to | call | then store |
//! |---|---|---|
//! | begin a session from a bundle | [`begin`] | the record |
//! | encrypt | [`seal`] | the record, with the message |
//! | decrypt | [`open`] | what [`Opened`] holds, with the message |
//! | decrypt the first messages of a session that the peer began | [`accept`] | the same, and the prekeys it used up |

mod accept;
mod begin;
mod beginning;
mod chain_key;
mod message;
mod message_key;
mod open;
mod policy;
mod prekey_message;
mod record;
mod root_key;
mod seal;
mod session;
mod skipped_key;
mod stored;
mod version;

pub use accept::{KemPreKey, PreKeys, Sender, accept, open_repeated};
pub use begin::{AgreementError, begin};
pub use chain_key::{MAX_FORWARD_JUMP, MAX_SKIPPED_KEYS, MAX_STEPS_PER_MESSAGE};
pub use message::RatchetMessage;
pub use open::{BeganSession, OpenError, Opened, open};
pub use policy::SessionPolicy;
pub use prekey_message::PreKeyMessage;
pub use record::{MAX_ARCHIVED_SESSIONS, SessionRecord, UNACKNOWLEDGED_LIFETIME_MS};
pub(crate) use root_key::RootKey;
pub use seal::{MessageKind, SealError, SealedMessage, seal};
pub use session::MAX_RECEIVER_CHAINS;
pub use skipped_key::SkippedKey;
pub use stored::RecordError;
pub use version::{ParseError, Version};

#[cfg(test)]
mod tests;
