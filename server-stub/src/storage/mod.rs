//! What must survive: traits whose operations are whole steps of the contract, each atomic within one conversation, one
//! account or one device, never across. So an engine without transactions between partitions can stand in.
//!
//! - [`Accounts`]: devices, grants, signed lists · [`Prekeys`] · [`Messages`]: threads and their rows
//! - [`Controls`]: messages to single devices, outside of threads
//! - [`Failures`]: messages that did not reach a recipient, and those whose time is over
//! - [`Queues`]: what each device has yet to acknowledge, derived from rows
//! - [`Inbox`]: the threads of a user · [`Marks`]: who has got and read what · [`Privacy`]: settings and blocks
//! - [`Mailboxes`]: linking · [`Attachments`] · [`Upkeep`]: the relay's own keys, spent nonces, the sweeper
//!
//! Two implementations: [`sqlite`], and [`memory`], which gives no order that the contract does not promise.

mod accounts;
mod attachments;
mod controls;
mod failures;
mod inbox;
mod mailboxes;
mod marks;
pub mod memory;
mod messages;
mod prekeys;
mod privacy;
mod queues;
pub mod sqlite;
mod upkeep;

#[cfg(test)]
mod conformance;

pub use accounts::{
    Account, Accounts, AdmitDevice, Admitted, AppendList, Appended, DeviceRecord, DeviceState,
    ListRecord, OpenAccount, Opened,
};
pub use attachments::{AttachmentRecord, Attachments, Completed};
pub use controls::{AcceptControl, ControlAccepted, Controls};
pub use failures::{Ended, FailUndelivered, Failure, Failures, Requeue, Requeued};
pub use inbox::{Inbox, InboxRecord};
pub use mailboxes::{Mailboxes, SlotPut, SlotTaken};
pub use marks::{ChangedMarks, FirstMoves, Mark, Marks, Moved, RaiseRead, Raised, Reached};
pub use messages::{AcceptMessage, Accepted, EarlierSend, Messages, SendName, ThreadRecord};
pub use prekeys::{Prekeys, PrekeysStored, RepeatedPrekeys, TakenPrekeys};
pub use privacy::{BlockAdded, Privacy, PrivacyRecord};
pub use queues::{QueueEntry, QueuePlace, QueueSource, Queued, Queues};
pub use upkeep::{SweepBounds, SweptRows, Upkeep};

use std::future::Future;
use std::pin::Pin;

/// Why a step was not done. Nothing of it was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// No room left to write.
    #[error("the disk is full")]
    Full,
    /// The engine failed; the text is for the log.
    #[error("storage failed: {0}")]
    Unavailable(String),
}

/// A step under way. Needs no runtime: any executor drives it.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// Everything the relay keeps.
pub trait Storage:
    Accounts
    + Prekeys
    + Messages
    + Controls
    + Failures
    + Queues
    + Marks
    + Privacy
    + Inbox
    + Mailboxes
    + Attachments
    + Upkeep
    + Send
    + Sync
{
}

impl<T> Storage for T where
    T: Accounts
        + Prekeys
        + Messages
        + Controls
        + Failures
        + Queues
        + Marks
        + Privacy
        + Inbox
        + Mailboxes
        + Attachments
        + Upkeep
        + Send
        + Sync
{
}
