//! What is known of attachments; their bytes lie elsewhere.

use super::Pending;
use sealwire_wire::contract::DeviceName;
use sealwire_wire::{AttachmentId, ThreadId, Timestamp, UserId};

/// One attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentRecord {
    /// Its id.
    pub id: AttachmentId,
    /// Who made it.
    pub owner: DeviceName,
    /// The exact size in bytes.
    pub size: u64,
    /// When.
    pub created_at: Timestamp,
    /// SHA-256 of the bytes, once they are all there.
    pub digest: Option<[u8; 32]>,
}

/// What became of [`Attachments::complete_attachment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// It is complete with these bytes, now or from before.
    Completed,
    /// It was completed with other bytes.
    Conflict,
    /// There is none with this id.
    Unknown,
}

/// Steps within one attachment.
pub trait Attachments {
    /// Makes room for one.
    fn create_attachment(&self, record: AttachmentRecord) -> Pending<'_, ()>;

    /// The announced sizes of all that an account's devices made, together.
    fn attachment_bytes(&self, owner: UserId) -> Pending<'_, u64>;

    /// One attachment.
    fn attachment(&self, id: AttachmentId) -> Pending<'_, Option<AttachmentRecord>>;

    /// All bytes are there.
    fn complete_attachment(&self, id: AttachmentId, digest: [u8; 32]) -> Pending<'_, Completed>;

    /// A message of this thread is about to name it. Done before the message is accepted: a message whose attachment
    /// nobody may read would be a loss, a binding without a message is none.
    fn bind_attachment(&self, id: AttachmentId, thread: ThreadId) -> Pending<'_, ()>;

    /// Whether it is bound to a thread that the user is in.
    fn attachment_shared_with(&self, id: AttachmentId, user: UserId) -> Pending<'_, bool>;
}
