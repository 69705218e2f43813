//! A user's threads as a list, and what they want of each.

use super::{Mark, Pending, ThreadRecord};
use sealwire_wire::contract::ThreadPreferences;
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};

/// One thread as it stands in a user's inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxRecord {
    /// The thread.
    pub thread: ThreadRecord,
    /// Its newest message, reactions apart.
    pub last_message: Option<MessageId>,
    /// Messages of others above the user's read mark, reactions and tombstones apart.
    pub unread: u64,
    /// What the user wants of it.
    pub mine: ThreadPreferences,
    /// How far everybody is.
    pub marks: Vec<Mark>,
}

impl InboxRecord {
    /// Where it stands: by its newest message, or by when it was made.
    pub fn place(&self) -> MessageId {
        self.last_message
            .unwrap_or_else(|| empty_place(self.thread.id, self.thread.created_at))
    }
}

/// The place of a thread without a message: that of one sent when it was made. No two are alike.
pub(super) fn empty_place(thread: ThreadId, created_at: Timestamp) -> MessageId {
    MessageId::from_parts(created_at.0, u128::from_be_bytes(*thread.as_bytes()))
}

/// Steps within one user's inbox.
pub trait Inbox {
    /// The user's threads below a place, newest first.
    fn inbox(
        &self,
        user: UserId,
        before: Option<MessageId>,
        limit: u32,
    ) -> Pending<'_, Vec<InboxRecord>>;

    /// What the user wants of a thread; [`super::Queues::queue`] is to tell every device of theirs. The one that set it is told
    /// as well: another may have set it meanwhile, and which came last the queue alone says.
    fn put_preferences(
        &self,
        thread: ThreadId,
        user: UserId,
        mine: ThreadPreferences,
    ) -> Pending<'_, ()>;
}
