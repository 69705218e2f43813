//! What happens at a client.

use super::{AccountSettings, Message, number};

/// Something happened. Events only notify: everything they say can be read from the client as well.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(
        tag = "type",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )
)]
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A message of this device is durable here and waits for its turn.
    MessageQueued {
        /// The message.
        message: Message,
    },
    /// A message of this device has its place in the thread.
    MessageSent {
        /// The message.
        message: Message,
    },
    /// A message of this device was given up, or did not reach a recipient. It may be retried.
    MessageFailed {
        /// The message, with its reason.
        message: Message,
    },
    /// A message of this device was cancelled: nobody got it, and nobody will.
    MessageCancelled {
        /// The message.
        message: Message,
    },
    /// Every recipient of a message of this account has it. Of many at once the newest hundred of a thread are told one by one,
    /// here and in `MessageRead`; `MarksMoved` tells of them all.
    MessageDelivered {
        /// The message.
        message: Message,
    },
    /// Every recipient of a message of this account has read it.
    MessageRead {
        /// The message.
        message: Message,
    },
    /// Somebody has got or has read more of a thread than before; this account itself, too.
    MarksMoved {
        /// Where.
        thread: String,
        /// Who.
        user: String,
        /// The newest message that a device of theirs has.
        delivered_up_to: Option<String>,
        /// The newest message that they have read.
        read_up_to: Option<String>,
    },
    /// A thread shows otherwise in the inbox.
    InboxChanged {
        /// Which.
        thread: String,
    },
    /// The settings of the account are others than before.
    SettingsChanged {
        /// All of them.
        settings: AccountSettings,
    },
    /// A message of somebody else, or of another device of this account.
    MessageReceived {
        /// The message.
        message: Message,
    },
    /// A message that could not be read: a placeholder with its reason stands in the thread.
    MessageUnreadable {
        /// The placeholder.
        message: Message,
    },
    /// A placeholder became readable.
    MessageRecovered {
        /// The message.
        message: Message,
    },
    /// A message's time to live is over: what it said is gone from this device.
    MessageExpired {
        /// The message.
        message: Message,
    },
    /// The relay says that a message is gone whose own content does not say so: it stays.
    RemovalRefused {
        /// Where.
        thread: String,
        /// Which.
        message_id: String,
    },
    /// The relay delivered a message again; it was dropped.
    DuplicateDropped {
        /// Where.
        thread: String,
        /// Whose.
        sender: String,
        /// From which device.
        device: i64,
    },
    /// The relay delivered something that the contract does not have.
    FrameRefused,
    /// A device says that it sent another message before this one, and that one is not here.
    MessageMissing {
        /// Where.
        thread: String,
        /// Whose.
        sender: String,
        /// From which device.
        device: i64,
        /// The missing one's number.
        client_seq: i64,
    },
    /// A message came after one that the same device sent later.
    MessageReordered {
        /// Where.
        thread: String,
        /// Whose.
        sender: String,
        /// From which device.
        device: i64,
        /// The late one's number.
        client_seq: i64,
    },
    /// A user has a new signed device list.
    DevicesChanged {
        /// Whose.
        user: String,
        /// Its version.
        version: i64,
    },
    /// A user's account key is not the one pinned: sending to them waits until the app accepts it.
    AccountKeyChanged {
        /// Whose.
        user: String,
        /// Names the device list that is to be accepted.
        list_hash: String,
    },
    /// The relay served an older, forked or forged device list: sending to that user stops.
    DeviceListRollback {
        /// Whose.
        user: String,
    },
    /// The relay asks for envelopes for a device that is not one, or shows keys that the device did not sign.
    RelayInconsistent {
        /// Whose device.
        user: String,
        /// Which.
        device: i64,
    },
    /// How much of what was queued while this device was away is here.
    CatchUp {
        /// So much is here.
        done: i64,
        /// Of so much, as far as the relay has said by now.
        total: i64,
    },
    /// Everything that was queued while this device was away is here.
    CaughtUp,
    /// This device was away for so long that the relay no longer holds everything that waited for it.
    QueueExpired,
    /// Somebody types in a watched thread, or does not any more.
    Typing {
        /// Where.
        thread: String,
        /// Who.
        user: String,
        /// Whether.
        typing: bool,
    },
    /// Somebody of a watched thread came or went.
    Presence {
        /// Who.
        user: String,
        /// Whether they are there.
        online: bool,
        /// When they were last, by the relay's clock, if they let it be known.
        last_seen_ms: Option<i64>,
    },
    /// The connection's state changed.
    Connection {
        /// To this.
        state: ConnectionState,
    },
    /// Another device of this account was linked, or this one was.
    DeviceLinked {
        /// Which.
        device: i64,
    },
    /// This device is no longer in its account's list: nothing is sent or received any more.
    DeviceRevoked,
    /// The reader was too slow: so many events are missing in this place. The store has what they said.
    Lagged {
        /// How many.
        missed: i64,
    },
    /// An event of a later version.
    Other,
}

/// Where the connection stands.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(
        tag = "type",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    /// Nothing is tried, or the next try is due later.
    Offline {
        /// When the next try is due; none when the app asked to be offline.
        next_try_at_ms: Option<i64>,
    },
    /// The relay can be reached, but gives this device no access. It is asked again.
    Refused {
        /// The relay's word, a code of the table of errors.
        code: String,
        /// When the next try is due.
        next_try_at_ms: i64,
    },
    /// A token or the socket is being had.
    Connecting,
    /// Connected; what was queued comes in.
    CatchingUp,
    /// Connected and caught up.
    Online,
    /// Another process or instance took this device's place at the relay; go online again to take it back.
    Replaced,
}

impl From<sealwire::Event> for Event {
    fn from(event: sealwire::Event) -> Self {
        use sealwire::Event as From;
        match event {
            From::MessageQueued(message) => Self::MessageQueued {
                message: (*message).into(),
            },
            From::MessageSent(message) => Self::MessageSent {
                message: (*message).into(),
            },
            From::MessageFailed(message) => Self::MessageFailed {
                message: (*message).into(),
            },
            From::MessageCancelled(message) => Self::MessageCancelled {
                message: (*message).into(),
            },
            From::MessageDelivered(message) => Self::MessageDelivered {
                message: (*message).into(),
            },
            From::MessageRead(message) => Self::MessageRead {
                message: (*message).into(),
            },
            From::MessageReceived(message) => Self::MessageReceived {
                message: (*message).into(),
            },
            From::MessageUnreadable(message) => Self::MessageUnreadable {
                message: (*message).into(),
            },
            From::MessageRecovered(message) => Self::MessageRecovered {
                message: (*message).into(),
            },
            From::MessageExpired(message) => Self::MessageExpired {
                message: (*message).into(),
            },
            From::MarksMoved {
                thread,
                user_id,
                delivered_up_to,
                read_up_to,
            } => Self::MarksMoved {
                thread: thread.to_string(),
                user: user_id.to_string(),
                delivered_up_to: delivered_up_to.map(|id| id.to_string()),
                read_up_to: read_up_to.map(|id| id.to_string()),
            },
            From::InboxChanged { thread } => Self::InboxChanged {
                thread: thread.to_string(),
            },
            From::SettingsChanged(settings) => Self::SettingsChanged {
                settings: settings.into(),
            },
            From::RemovalRefused { thread, message_id } => Self::RemovalRefused {
                thread: thread.to_string(),
                message_id: message_id.to_string(),
            },
            From::DuplicateDropped {
                thread,
                sender,
                device,
            } => Self::DuplicateDropped {
                thread: thread.to_string(),
                sender: sender.to_string(),
                device: device.get().into(),
            },
            From::FrameRefused => Self::FrameRefused,
            From::MessageMissing {
                thread,
                sender,
                device,
                client_seq,
            } => Self::MessageMissing {
                thread: thread.to_string(),
                sender: sender.to_string(),
                device: device.get().into(),
                client_seq: number(client_seq.0),
            },
            From::MessageReordered {
                thread,
                sender,
                device,
                client_seq,
            } => Self::MessageReordered {
                thread: thread.to_string(),
                sender: sender.to_string(),
                device: device.get().into(),
                client_seq: number(client_seq.0),
            },
            From::DevicesChanged { user_id, version } => Self::DevicesChanged {
                user: user_id.to_string(),
                version: number(version),
            },
            From::AccountKeyChanged { user_id, list_hash } => Self::AccountKeyChanged {
                user: user_id.to_string(),
                list_hash,
            },
            From::DeviceListRollback { user_id } => Self::DeviceListRollback {
                user: user_id.to_string(),
            },
            From::RelayInconsistent { user_id, device_id } => Self::RelayInconsistent {
                user: user_id.to_string(),
                device: device_id.get().into(),
            },
            From::CatchUp { done, total } => Self::CatchUp {
                done: number(done),
                total: number(total),
            },
            From::CaughtUp => Self::CaughtUp,
            From::QueueExpired => Self::QueueExpired,
            From::Typing {
                thread,
                user,
                typing,
            } => Self::Typing {
                thread: thread.to_string(),
                user: user.to_string(),
                typing,
            },
            From::Presence {
                user,
                online,
                last_seen_ms,
            } => Self::Presence {
                user: user.to_string(),
                online,
                last_seen_ms: last_seen_ms.map(number),
            },
            From::Connection(state) => Self::Connection {
                state: state.into(),
            },
            From::DeviceLinked { device_id } => Self::DeviceLinked {
                device: device_id.get().into(),
            },
            From::DeviceRevoked => Self::DeviceRevoked,
            From::Lagged { missed } => Self::Lagged {
                missed: number(missed),
            },
            _ => Self::Other,
        }
    }
}

impl From<sealwire::ConnectionState> for ConnectionState {
    fn from(state: sealwire::ConnectionState) -> Self {
        use sealwire::ConnectionState as From;
        match state {
            From::Offline { next_try_at_ms } => Self::Offline {
                next_try_at_ms: next_try_at_ms.map(number),
            },
            From::Refused {
                code,
                next_try_at_ms,
            } => Self::Refused {
                code: code.as_str().to_owned(),
                next_try_at_ms: number(next_try_at_ms),
            },
            From::Connecting => Self::Connecting,
            From::CatchingUp => Self::CatchingUp,
            From::Online => Self::Online,
            From::Replaced => Self::Replaced,
        }
    }
}
