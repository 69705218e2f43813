//! Who has got and who has read what: one mark a thread and user, and the moves that brought it there.

use super::Pending;
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};

/// How far a mark is, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The newest message that it covers.
    pub up_to: MessageId,
    /// When it moved there.
    pub at: Timestamp,
}

/// How far one user is in one thread. Nothing of it ever falls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Who.
    pub user_id: UserId,
    /// Rises with each change.
    pub version: u64,
    /// Rises with each change that others may know of.
    pub shown_version: u64,
    /// What a device of theirs has acknowledged.
    pub delivered: Option<Reached>,
    /// What they have read; for their own devices.
    pub read: Option<Reached>,
    /// What they have read and let others know of.
    pub shown_read: Option<Reached>,
}

impl Mark {
    /// The mark of somebody who has got nothing yet.
    pub(super) fn none(user_id: UserId) -> Self {
        Self {
            user_id,
            version: 0,
            shown_version: 0,
            delivered: None,
            read: None,
            shown_read: None,
        }
    }
}

/// A mark that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Where.
    pub thread_id: ThreadId,
    /// Everybody in the thread, in byte order.
    pub participants: Vec<UserId>,
    /// Where it stands now.
    pub mark: Mark,
    /// Which parts of it moved.
    pub raised: Raised,
}

/// Which parts of a mark moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Raised {
    /// Delivered.
    pub delivered: bool,
    /// Read.
    pub read: bool,
    /// Read, as others may know.
    pub shown_read: bool,
}

impl Raised {
    /// An acknowledgement raises delivered alone.
    pub(super) const DELIVERED: Self = Self {
        delivered: true,
        read: false,
        shown_read: false,
    };
}

/// Somebody read up to a message.
#[derive(Debug, Clone)]
pub struct RaiseRead {
    /// Where.
    pub thread_id: ThreadId,
    /// Who.
    pub user_id: UserId,
    /// A message of that thread.
    pub up_to: MessageId,
    /// Whether others may know of it.
    pub shown: bool,
    /// The relay's clock.
    pub at: Timestamp,
}

/// Marks that changed, of all threads of one user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangedMarks {
    /// In the order in which they changed last, those of others as far as others may know of it.
    pub marks: Vec<(ThreadId, Mark)>,
    /// What they changed after, for the next question.
    pub up_to: u64,
    /// Whether there were more.
    pub has_more: bool,
}

/// When the first moves of one user's mark that cover a message were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstMoves {
    /// Whose.
    pub user_id: UserId,
    /// Delivered.
    pub delivered_at: Option<Timestamp>,
    /// Read; for their own devices.
    pub read_at: Option<Timestamp>,
    /// Read, for others.
    pub shown_read_at: Option<Timestamp>,
}

/// Steps within one thread's marks. The delivered mark is raised by [`super::Queues::acknowledge`].
pub trait Marks {
    /// Raises the read mark, and delivered with it; none if neither moved.
    fn raise_read(&self, step: RaiseRead) -> Pending<'_, Option<Moved>>;

    /// The marks of a thread, by user.
    fn marks(&self, thread: ThreadId) -> Pending<'_, Vec<Mark>>;

    /// Marks of the user's threads that changed after a number (0: ever), the user's own among them.
    fn marks_changed(&self, user: UserId, after: u64, limit: u32) -> Pending<'_, ChangedMarks>;

    /// The first moves that cover a message, of every user who has a mark in the thread.
    fn first_moves(&self, thread: ThreadId, id: MessageId) -> Pending<'_, Vec<FirstMoves>>;
}
