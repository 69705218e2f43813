//! Content is encrypted once, under a key of its own that every recipient device gets in its envelope.
//!
//! Sealing commits the sender to what was said (message franking), binds the ciphertext to its place, and hides its length.

mod franking;
mod keys;
mod padding;
mod proto;
mod seal;

pub use franking::{ReportError, reported_body};
pub(crate) use keys::secret32;
pub use keys::{ContentKey, FrankingKey};
pub use seal::{OpenError, OpenedContent, SealError, SealedContent, open, seal};

/// The longest ciphertext that a relay takes.
pub const MAX_CIPHERTEXT_BYTES: usize = 65_536;

/// The longest body that can be sealed: the largest padded length that fits a ciphertext, less what surrounds the body.
pub const MAX_BODY_BYTES: usize =
    padding::largest_content(MAX_CIPHERTEXT_BYTES - seal::TAG_BYTES) - proto::MAX_OVERHEAD;

/// What a ciphertext is, as the relay sees it and the additional data holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ContentKind {
    /// A message of its own.
    Message = 1,
    /// A reaction to a message; an empty one takes it back.
    Reaction = 2,
    /// A new revision of a message.
    Edit = 3,
    /// A deletion for everyone.
    Delete = 4,
}

/// The one place where a ciphertext opens: the relay can move it nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position<'a> {
    /// The thread.
    pub thread_id: &'a [u8; 16],
    /// The sender's user id.
    pub sender: &'a str,
    /// The sender's device.
    pub device: u32,
    /// The number that the sender's device gave it in this thread.
    pub client_seq: u64,
    /// What it is.
    pub kind: ContentKind,
}

#[cfg(test)]
mod tests;
