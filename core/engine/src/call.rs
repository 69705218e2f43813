//! What an app can ask for.

use sealwire_wire::content::{AttachmentPointer, Uid};
use sealwire_wire::contract::{
    AccountSettings, AttachmentDownload, AttachmentUpload, OwnDevice, ThreadPreferences,
};
use sealwire_wire::{AttachmentId, DeviceId, MessageId, ThreadId, UserId};

use crate::Message;

/// Names a call until it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// What an app can ask for.
pub enum Call {
    /// Make an account with this device as its first: [`Reply::Registered`].
    Register {
        /// The platform's id of the user.
        user_id: UserId,
        /// The platform's word that it is this user; a relay in dev mode gives one itself.
        platform_token: Option<String>,
    },
    /// Become a further device of an existing account: [`Reply::LinkCode`] at once, to be shown there.
    StartLinking,
    /// Wait until the linking begun by [`Call::StartLinking`] is through: [`Reply::Registered`].
    FinishLinking,
    /// Let the device that shows this code into the account: [`Reply::Linked`].
    LinkDevice {
        /// `sealwire://link?…`
        code: String,
    },
    /// Stop a linking under way on either side; not any more once the list is published that holds the new device.
    CancelLinking,
    /// The 1:1 thread with this user, remembered: [`Reply::Thread`].
    DirectThread {
        /// The other user; oneself is allowed.
        user_id: UserId,
    },
    /// Send words: [`Reply::Queued`] once they are durable here.
    SendText {
        /// A thread that this device knows.
        thread: ThreadId,
        /// Not empty; bounded by [`crate::EngineConfig::max_text_bytes`].
        text: String,
        /// Seconds until it disappears everywhere, from the relay's acceptance on; 1 to a year, or none.
        ttl_seconds: Option<u32>,
        /// Chosen by whoever may have to ask twice, and never used for another message: it becomes the message's uid, and a
        /// second call with it gives the message that the first one made.
        key: Option<Uid>,
    },
    /// Send an uploaded attachment: [`Reply::Queued`] once the message is durable here.
    SendAttachment {
        /// A thread that this device knows.
        thread: ThreadId,
        /// What was uploaded.
        attachment: Box<NewAttachment>,
    },
    /// Room for an encrypted attachment of this size: [`Reply::Upload`].
    CreateAttachment {
        /// Encrypted size in bytes.
        encrypted_size: u64,
    },
    /// Where to get an attachment: [`Reply::Download`].
    LocateAttachment {
        /// Which.
        id: AttachmentId,
    },
    /// Go through a thread's history from where this device left off: [`Reply::Synced`].
    SyncThread {
        /// Which.
        thread: ThreadId,
    },
    /// Everything in a thread up to a message is read: durable here when it is answered, told the relay as soon as it is
    /// heard. [`Reply::Nothing`] at once.
    MarkRead {
        /// Which.
        thread: ThreadId,
        /// A message of it; none for the newest.
        up_to: Option<MessageId>,
    },
    /// What this account wants of a thread: [`Reply::Preferences`].
    SetThreadPreferences {
        /// Which.
        thread: ThreadId,
        /// From now on.
        preferences: ThreadPreferences,
    },
    /// What this account lets others do and see: [`Reply::Settings`].
    SetSettings(AccountSettings),
    /// Take nothing more from a user, or take from them again: [`Reply::Nothing`].
    SetBlock {
        /// Whom.
        user_id: UserId,
        /// Whether they are blocked from now on.
        blocked: bool,
    },
    /// Whom this account blocks: [`Reply::Users`].
    BlockedUsers,
    /// The registered devices of this account, as the relay knows them: [`Reply::Devices`].
    OwnDevices,
    /// Let one of them do nothing any more, at once and for ever: [`Reply::Nothing`].
    DisableDevice {
        /// Which; this one too.
        device_id: DeviceId,
    },
    /// Take one of them out of the account's list: [`Reply::Nothing`].
    RemoveDevice {
        /// Which; not this one.
        device_id: DeviceId,
    },
    /// Try a message that failed once more, under the same number, or repeat one for recipients that it did not reach:
    /// [`Reply::Queued`].
    Retry {
        /// [`Message::local_id`].
        local_id: i64,
    },
    /// Do not send a message after all: [`Reply::Queued`], cancelled already where nothing of it ever left, else
    /// [`crate::MessageState::Cancelling`] until the relay has said whether it has it.
    Cancel {
        /// [`Message::local_id`].
        local_id: i64,
    },
    /// Believe the changed account key of a user: sending goes on. [`Reply::Nothing`].
    AcceptAccountKey {
        /// Whose.
        user_id: UserId,
        /// As [`crate::Event::AccountKeyChanged`] told it last.
        list_hash: String,
    },
    /// Be online from now on: connect, and stay connected. [`Reply::Nothing`] at once.
    Connect,
    /// Be offline from now on: nothing leaves, sends wait. [`Reply::Nothing`] at once.
    Disconnect,
    /// Take in everything that waits for this device at the relay, without a socket and also while offline by the app's
    /// wish: [`Reply::Fetched`] once it is here and acknowledged.
    FetchQueue,
    /// Be told who types and who is there in these threads, and in no others any more; at most
    /// [`sealwire_wire::limits::SUBSCRIPTIONS_MAX`]. [`Reply::Nothing`].
    WatchThreads {
        /// Which; none: no more of it.
        threads: Vec<ThreadId>,
    },
    /// Say that this user types, as often as they do; or that they stopped. [`Reply::Nothing`].
    SetTyping {
        /// Where.
        thread: ThreadId,
        /// Whether.
        typing: bool,
    },
    /// Say whether the app is in use on this device. [`Reply::Nothing`].
    SetPresence {
        /// Whether.
        online: bool,
    },
    /// The system has another network than before: what waits for its next try is tried now. [`Reply::Nothing`] at once.
    NetworkReturned,
}

/// An attachment whose bytes lie encrypted at the relay.
pub struct NewAttachment {
    /// Where and how it opens.
    pub pointer: AttachmentPointer,
    /// May be empty.
    pub caption: String,
    /// As with [`Call::SendText`].
    pub ttl_seconds: Option<u32>,
    /// As with [`Call::SendText`].
    pub key: Option<Uid>,
}

/// How a call ended well.
pub enum Reply {
    /// This device belongs to this account now.
    Registered {
        /// Whose.
        user_id: UserId,
        /// Which.
        device_id: DeviceId,
    },
    /// To be shown to the existing device.
    LinkCode(String),
    /// The new device stands in the published list.
    Linked {
        /// Which.
        device_id: DeviceId,
    },
    /// The thread.
    Thread(ThreadId),
    /// The message as it stands in the store.
    Queued(Box<Message>),
    /// Where to put the encrypted bytes.
    Upload(AttachmentUpload),
    /// Where to get them.
    Download(AttachmentDownload),
    /// How many rows of history were new.
    Synced {
        /// Messages added.
        added: u64,
    },
    /// The queue is empty.
    Fetched {
        /// Entries that it held.
        entries: u64,
    },
    /// What the relay holds of settings now.
    Settings(AccountSettings),
    /// What the relay holds of preferences now.
    Preferences(ThreadPreferences),
    /// Some users, in byte order.
    Users(Vec<UserId>),
    /// Own devices, by id.
    Devices(Vec<OwnDevice>),
    /// Nothing to tell.
    Nothing,
}
