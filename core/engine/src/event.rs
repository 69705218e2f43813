//! What a client has to show. Events only notify: everything they say can be read from the store too.

use crate::Message;
use sealwire_wire::contract::{AccountSettings, ErrorCode};
use sealwire_wire::{ClientSeq, DeviceId, MessageId, ThreadId, UserId};

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A message of this device is durable here and waits for its turn.
    MessageQueued(Box<Message>),
    /// A message of this device has its place in the thread.
    MessageSent(Box<Message>),
    /// A message of this device was given up, or the relay says that it did not reach a recipient; its reason stands in the
    /// message. It may be retried.
    MessageFailed(Box<Message>),
    /// A message of this device was cancelled: nobody got it, and nobody will.
    MessageCancelled(Box<Message>),
    /// Every recipient of a message of this account has it. Of many messages at once the newest hundred of a thread are told
    /// one by one, here and in [`Event::MessageRead`]; [`Event::MarksMoved`] tells of them all.
    MessageDelivered(Box<Message>),
    /// Every recipient of a message of this account has read it.
    MessageRead(Box<Message>),
    /// Somebody has got or has read more of a thread than before; this account itself, too.
    MarksMoved {
        /// Where.
        thread: ThreadId,
        /// Who.
        user_id: UserId,
        /// The newest message that a device of theirs has.
        delivered_up_to: Option<MessageId>,
        /// The newest message that they have read.
        read_up_to: Option<MessageId>,
    },
    /// A thread shows otherwise in the inbox: its last message or that one's state, what is unread, or the preferences.
    InboxChanged {
        /// Which.
        thread: ThreadId,
    },
    /// The settings of the account are others than before.
    SettingsChanged(AccountSettings),
    /// A message of somebody else, or of another device of this account.
    MessageReceived(Box<Message>),
    /// A message that could not be read: a placeholder with its reason stands in the thread.
    MessageUnreadable(Box<Message>),
    /// A placeholder became readable.
    MessageRecovered(Box<Message>),
    /// A message's time to live is over: what it said is gone from this device.
    MessageExpired(Box<Message>),
    /// The relay says that a message is gone whose own content does not say so: it stays.
    RemovalRefused {
        /// Where.
        thread: ThreadId,
        /// Which.
        message_id: MessageId,
    },
    /// The relay delivered a message again; it was dropped.
    DuplicateDropped {
        /// Where.
        thread: ThreadId,
        /// Whose.
        sender: UserId,
        /// From which device.
        device: DeviceId,
    },
    /// The relay delivered something that the contract does not have. It was acknowledged, so that what comes behind it is
    /// not held up; if a message was lost by it, [`Event::MessageMissing`] tells.
    FrameRefused,
    /// A device says that it sent another message before this one, and that one is not here: it was lost or is held back, or
    /// another one stands under its number.
    MessageMissing {
        /// Where.
        thread: ThreadId,
        /// Whose.
        sender: UserId,
        /// From which device.
        device: DeviceId,
        /// The missing one's number.
        client_seq: ClientSeq,
    },
    /// A message came after one that the same device sent later.
    MessageReordered {
        /// Where.
        thread: ThreadId,
        /// Whose.
        sender: UserId,
        /// From which device.
        device: DeviceId,
        /// The late one's number.
        client_seq: ClientSeq,
    },
    /// A user has a new signed device list.
    DevicesChanged {
        /// Whose.
        user_id: UserId,
        /// Its version.
        version: u64,
    },
    /// A user's account key is not the one pinned, or a recovery says that all their devices are new under the same one: sending
    /// to them waits until the app accepts it. Told again when what is to be accepted is another list.
    AccountKeyChanged {
        /// Whose.
        user_id: UserId,
        /// Names the device list that is to be accepted, as it stands now.
        list_hash: String,
    },
    /// The relay served an older or forked device list, or a forged one: sending to that user stops.
    DeviceListRollback {
        /// Whose.
        user_id: UserId,
    },
    /// The relay asks for envelopes for a device that no signed list holds or whose user is not in the thread, or shows keys
    /// that the device did not sign: nothing is wrapped for it.
    RelayInconsistent {
        /// Whose device.
        user_id: UserId,
        /// Which.
        device_id: DeviceId,
    },
    /// How much of what was queued while this device was away is here; told now and then while it comes in.
    CatchUp {
        /// So much is here.
        done: u64,
        /// Of so much, as far as the relay has said by now.
        total: u64,
    },
    /// Everything that was queued while this device was away is here.
    CaughtUp,
    /// This device was away for so long that the relay no longer holds everything that waited for it. Messages of that time
    /// are lost to this device, and show [`UnreadableReason::Expired`]; other devices of the account may have them.
    QueueExpired,
    /// Somebody types in a watched thread, or does not any more. In no store.
    Typing {
        /// Where.
        thread: ThreadId,
        /// Who.
        user: UserId,
        /// Whether.
        typing: bool,
    },
    /// Somebody of a watched thread came or went. In no store.
    Presence {
        /// Who.
        user: UserId,
        /// Whether they are there.
        online: bool,
        /// Milliseconds since the Unix epoch, by the relay's clock: when they were last, if they let it be known.
        last_seen_ms: Option<u64>,
    },
    /// The connection's state changed.
    Connection(ConnectionState),
    /// Another device of this account was linked, or this one was.
    DeviceLinked {
        /// Which.
        device_id: DeviceId,
    },
    /// This device is no longer in its account's list: nothing is sent or received any more. Where the relay says so and
    /// shows no list that proves it, the device is disabled there: it asks again once an hour, or when it is told to connect.
    DeviceRevoked,
    /// Given by no engine, but by a stream whose reader was too slow: so many events are missing in this place. The store
    /// has what they said.
    Lagged {
        /// How many.
        missed: u64,
    },
}

impl Event {
    /// The thread that shows otherwise in the inbox after it.
    pub(crate) fn changes_inbox(&self) -> Option<ThreadId> {
        match self {
            Self::MessageQueued(message)
            | Self::MessageSent(message)
            | Self::MessageFailed(message)
            | Self::MessageCancelled(message)
            | Self::MessageDelivered(message)
            | Self::MessageRead(message)
            | Self::MessageReceived(message)
            | Self::MessageUnreadable(message)
            | Self::MessageExpired(message)
            | Self::MessageRecovered(message) => Some(message.thread),
            Self::MarksMoved { thread, .. } => Some(*thread),
            _ => None,
        }
    }
}

/// Where the connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// Nothing is tried, or the next try is due later.
    Offline {
        /// Milliseconds since the Unix epoch of the next try; none when the app asked to be offline.
        next_try_at_ms: Option<u64>,
    },
    /// The relay can be reached, but gives this device no access: its data was lost, the device was removed, or the client
    /// reaches the relay under another origin than it knows itself by. It is asked again.
    Refused {
        /// The relay's word.
        code: ErrorCode,
        /// Milliseconds since the Unix epoch of the next try.
        next_try_at_ms: u64,
    },
    /// A token or the socket is being had.
    Connecting,
    /// Connected; what was queued comes in.
    CatchingUp,
    /// Connected and caught up.
    Online,
    /// Another process or instance took this device's place at the relay; connect again to take it back.
    Replaced,
}

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnreadableReason {
    /// No session with that device opens it.
    NoSession,
    /// It names a prekey that this device does not have (any more).
    PrekeyMissing,
    /// The envelope was changed on its way.
    EnvelopeTampered,
    /// Envelope and ciphertext do not belong together, or the ciphertext was changed.
    CiphertextTampered,
    /// The envelope belongs to another message.
    Misplaced,
    /// It could not be reported, so it is not shown.
    Unfrankable,
    /// The content is not what this version or any other makes.
    Malformed,
    /// The sending device stands in no signed list of its user.
    UnknownDevice,
    /// The sending device was removed from its account.
    DeviceRevoked,
    /// The device's identity is not the one that its account signed.
    IdentityChanged,
    /// The sender holds a newer device list than the relay shows.
    DeviceListRollback,
    /// A key that was used before.
    KeyReused,
    /// A protocol version that this client does not speak.
    UnknownVersion,
    /// The message jumps further ahead than a session follows.
    TooFarAhead,
    /// Its sender's device was asked for it and no longer has what opens it.
    NoLongerHeld,
    /// This device was away for longer than the relay keeps for it what opens a message.
    Expired,
}

impl UnreadableReason {
    /// Every reason.
    pub const ALL: &[Self] = &[
        Self::NoSession,
        Self::PrekeyMissing,
        Self::EnvelopeTampered,
        Self::CiphertextTampered,
        Self::Misplaced,
        Self::Unfrankable,
        Self::Malformed,
        Self::UnknownDevice,
        Self::DeviceRevoked,
        Self::IdentityChanged,
        Self::DeviceListRollback,
        Self::KeyReused,
        Self::UnknownVersion,
        Self::TooFarAhead,
        Self::NoLongerHeld,
        Self::Expired,
    ];

    /// Stable, for logs and other languages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSession => "no_session",
            Self::PrekeyMissing => "prekey_missing",
            Self::EnvelopeTampered => "envelope_tampered",
            Self::CiphertextTampered => "ciphertext_tampered",
            Self::Misplaced => "misplaced",
            Self::Unfrankable => "unfrankable",
            Self::Malformed => "malformed",
            Self::UnknownDevice => "unknown_device",
            Self::DeviceRevoked => "device_revoked",
            Self::IdentityChanged => "identity_changed",
            Self::DeviceListRollback => "device_list_rollback",
            Self::KeyReused => "key_reused",
            Self::UnknownVersion => "unknown_version",
            Self::TooFarAhead => "too_far_ahead",
            Self::NoLongerHeld => "no_longer_held",
            Self::Expired => "expired",
        }
    }

    /// The reason of that text; none for one of a later version.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == text)
    }
}
