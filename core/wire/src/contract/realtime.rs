//! The frames of `GET /v1/realtime`: JSON envelopes `{ "t": …, "frame_seq": n, … }`.

use super::{ControlMessage, ErrorCode, MessageRow, Removal, ThreadMarks, ThreadPreferences};
use crate::{MessageId, ThreadId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A frame from the relay.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields")]
pub struct ServerFrame {
    /// Rising from 1, per connection.
    pub frame_seq: u64,
    /// What it says.
    #[serde(flatten)]
    pub event: ServerEvent,
}

/// What a frame from the relay says. A field's name has the same type in all of them.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", try_from = "Fields")]
pub enum ServerEvent {
    /// A message, with this device's envelope.
    Msg {
        /// The message.
        message: Box<MessageRow>,
    },
    /// A message is gone from the relay: only a tombstone is left.
    Del {
        /// Where.
        thread_id: ThreadId,
        /// Which.
        message_id: MessageId,
        /// Why and when.
        removed: Removal,
    },
    /// A protocol message to this device.
    Control {
        /// The message.
        control: Box<ControlMessage>,
    },
    /// Somebody's first device has everything up to this message. Live only: at catch-up `marks` says it.
    Delivered {
        /// Where.
        thread_id: ThreadId,
        /// Who.
        user_id: UserId,
        /// Up to which message.
        up_to_msg_id: MessageId,
        /// The relay's clock.
        at: Timestamp,
        /// [`super::UserMarks::version`] after it.
        version: u64,
    },
    /// Somebody has read everything up to this message, which is delivered by that too. Live only.
    Read {
        /// Where.
        thread_id: ThreadId,
        /// Who; this user's own come to their other devices, receipts off or on.
        user_id: UserId,
        /// Up to which message.
        up_to_msg_id: MessageId,
        /// The relay's clock.
        at: Timestamp,
        /// [`super::UserMarks::version`] after it.
        version: u64,
    },
    /// Marks of one thread: at catch-up one for each thread in which they changed since `marks_since`, before `caught_up`;
    /// live when a message failed for a recipient.
    Marks {
        /// The marks.
        marks: Box<ThreadMarks>,
    },
    /// The end of the marks of a catch-up, before `caught_up`.
    MarksEnd {
        /// The next `marks_since`.
        cursor: String,
    },
    /// A thread changed: its members, its metadata, or this user's own preferences in it.
    Thread {
        /// Which.
        thread_id: ThreadId,
        /// This user's own preferences, if it was those.
        #[serde(skip_serializing_if = "Option::is_none")]
        mine: Option<ThreadPreferences>,
    },
    /// Somebody types, or stopped to. Best effort, never stored; fades 5 s after the last one.
    Typing {
        /// Where.
        thread_id: ThreadId,
        /// Who.
        user_id: UserId,
        /// Whether they do.
        typing: bool,
    },
    /// Somebody came or went. Best effort, never stored.
    Presence {
        /// Who.
        user_id: UserId,
        /// Whether a device of theirs is connected and in use.
        online: bool,
        /// When they were last, where they are not now.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_seen_at: Option<Timestamp>,
    },
    /// A user published a device list.
    Devices {
        /// Whose.
        user_id: UserId,
        /// The newest version.
        version: u64,
    },
    /// This device's one-time prekeys run low.
    PrekeysLow {
        /// How many are left.
        remaining: u32,
        /// And of its one-time KEM prekeys; none of a device that never uploaded a KEM prekey.
        #[serde(skip_serializing_if = "Option::is_none")]
        remaining_kem: Option<u32>,
    },
    /// The first frame of a connection: how much will be replayed.
    CatchingUp {
        /// Events that were queued when the connection began.
        queued: u64,
        /// The relay's clock.
        #[serde(skip_serializing_if = "Option::is_none")]
        now: Option<Timestamp>,
    },
    /// The replay of what was queued is complete; from here on live.
    CaughtUp {
        /// How many queued events were replayed.
        replayed: u64,
    },
    /// Queued events had expired: read each thread by `since`.
    Resync {},
    /// Answer with pong.
    Ping {
        /// The relay's clock.
        now: Timestamp,
    },
    /// Something that this client sent was wrong; a close follows.
    Error {
        /// What.
        code: ErrorCode,
        /// In words.
        detail: String,
    },
    /// A frame of a later version: nothing to do, but it counts for the acknowledgement.
    Unknown,
}

/// A frame to the relay. Printed, it does not show the token.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Everything up to this frame is committed in the client's store.
    ClientAck {
        /// Of this connection.
        frame_seq: u64,
    },
    /// Answer to ping.
    Pong {},
    /// A fresh token, before the one of the upgrade ends.
    Auth {
        /// As in the header.
        token: String,
    },
    /// Typing and presence are wanted of these threads, and of no others any more.
    Subscribe {
        /// At most [`crate::limits::SUBSCRIPTIONS_MAX`], all the caller's own.
        thread_ids: Vec<ThreadId>,
    },
    /// This user types, or stopped to. At most one every [`crate::limits::TYPING_INTERVAL_MS`] a thread is passed on.
    Typing {
        /// Where.
        thread_id: ThreadId,
        /// Whether.
        typing: bool,
    },
    /// Whether the app is in use on this device.
    Presence {
        /// Whether.
        online: bool,
    },
}

impl fmt::Debug for ClientFrame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientAck { frame_seq } => write!(out, "ClientAck({frame_seq})"),
            Self::Pong {} => out.write_str("Pong"),
            Self::Auth { .. } => out.write_str("Auth"),
            Self::Subscribe { thread_ids } => {
                write!(out, "Subscribe({} threads)", thread_ids.len())
            }
            Self::Typing { typing, .. } => write!(out, "Typing({typing})"),
            Self::Presence { online } => write!(out, "Presence({online})"),
        }
    }
}

/// Why the relay closed a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// 4000: the socket's queue was full; connect again and catch up.
    CatchUp,
    /// 4001: a newer socket of this device took over; do not reconnect by yourself.
    Replaced,
    /// 4002: get a token, connect again.
    TokenExpired,
    /// 4003: the device is no longer live.
    DeviceRevoked,
    /// 4004: a frame that the contract does not have.
    ProtocolError,
    /// 1001: the relay ends; reconnect with jitter.
    GoingAway,
    /// Anything else.
    Other(u16),
}

impl CloseCode {
    /// The number on the wire.
    pub fn to_u16(self) -> u16 {
        match self {
            Self::CatchUp => 4000,
            Self::Replaced => 4001,
            Self::TokenExpired => 4002,
            Self::DeviceRevoked => 4003,
            Self::ProtocolError => 4004,
            Self::GoingAway => 1001,
            Self::Other(code) => code,
        }
    }

    /// The meaning of a number on the wire.
    pub fn from_u16(code: u16) -> Self {
        match code {
            4000 => Self::CatchUp,
            4001 => Self::Replaced,
            4002 => Self::TokenExpired,
            4003 => Self::DeviceRevoked,
            4004 => Self::ProtocolError,
            1001 => Self::GoingAway,
            other => Self::Other(other),
        }
    }
}

/// The fields of all frames. Serde's own way to read a tagged frame collects it before it knows what it is; the code for that is 15 KB
/// of a browser's download.
#[derive(Deserialize)]
struct Fields {
    t: Tag,
    frame_seq: Option<u64>,
    message: Option<Box<MessageRow>>,
    control: Option<Box<ControlMessage>>,
    marks: Option<Box<ThreadMarks>>,
    thread_id: Option<ThreadId>,
    message_id: Option<MessageId>,
    user_id: Option<UserId>,
    up_to_msg_id: Option<MessageId>,
    removed: Option<Removal>,
    at: Option<Timestamp>,
    now: Option<Timestamp>,
    last_seen_at: Option<Timestamp>,
    version: Option<u64>,
    cursor: Option<String>,
    mine: Option<ThreadPreferences>,
    typing: Option<bool>,
    online: Option<bool>,
    remaining: Option<u32>,
    remaining_kem: Option<u32>,
    queued: Option<u64>,
    #[serde(default)]
    replayed: u64,
    code: Option<ErrorCode>,
    detail: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tag {
    Msg,
    Del,
    Control,
    Delivered,
    Read,
    Marks,
    MarksEnd,
    Thread,
    Typing,
    Presence,
    Devices,
    PrekeysLow,
    CatchingUp,
    CaughtUp,
    Resync,
    Ping,
    Error,
    #[serde(other)]
    Unknown,
}

#[derive(thiserror::Error, Debug)]
#[error("missing field `{0}`")]
struct Missing(&'static str);

impl TryFrom<Fields> for ServerFrame {
    type Error = Missing;

    fn try_from(fields: Fields) -> Result<Self, Missing> {
        Ok(Self {
            frame_seq: fields.frame_seq.ok_or(Missing("frame_seq"))?,
            event: fields.try_into()?,
        })
    }
}

impl TryFrom<Fields> for ServerEvent {
    type Error = Missing;

    fn try_from(fields: Fields) -> Result<Self, Missing> {
        let thread_id = fields.thread_id.ok_or(Missing("thread_id"));
        let message_id = fields.message_id.ok_or(Missing("message_id"));
        let user_id = fields.user_id.ok_or(Missing("user_id"));
        let up_to_msg_id = fields.up_to_msg_id.ok_or(Missing("up_to_msg_id"));
        let at = fields.at.ok_or(Missing("at"));
        let version = fields.version.ok_or(Missing("version"));
        Ok(match fields.t {
            Tag::Msg => Self::Msg {
                message: fields.message.ok_or(Missing("message"))?,
            },
            Tag::Del => Self::Del {
                thread_id: thread_id?,
                message_id: message_id?,
                removed: fields.removed.ok_or(Missing("removed"))?,
            },
            Tag::Control => Self::Control {
                control: fields.control.ok_or(Missing("control"))?,
            },
            Tag::Delivered => Self::Delivered {
                thread_id: thread_id?,
                user_id: user_id?,
                up_to_msg_id: up_to_msg_id?,
                at: at?,
                version: version?,
            },
            Tag::Read => Self::Read {
                thread_id: thread_id?,
                user_id: user_id?,
                up_to_msg_id: up_to_msg_id?,
                at: at?,
                version: version?,
            },
            Tag::Marks => Self::Marks {
                marks: fields.marks.ok_or(Missing("marks"))?,
            },
            Tag::MarksEnd => Self::MarksEnd {
                cursor: fields.cursor.ok_or(Missing("cursor"))?,
            },
            Tag::Thread => Self::Thread {
                thread_id: thread_id?,
                mine: fields.mine,
            },
            Tag::Typing => Self::Typing {
                thread_id: thread_id?,
                user_id: user_id?,
                typing: fields.typing.ok_or(Missing("typing"))?,
            },
            Tag::Presence => Self::Presence {
                user_id: user_id?,
                online: fields.online.ok_or(Missing("online"))?,
                last_seen_at: fields.last_seen_at,
            },
            Tag::Devices => Self::Devices {
                user_id: user_id?,
                version: version?,
            },
            Tag::PrekeysLow => Self::PrekeysLow {
                remaining: fields.remaining.ok_or(Missing("remaining"))?,
                remaining_kem: fields.remaining_kem,
            },
            Tag::CatchingUp => Self::CatchingUp {
                queued: fields.queued.ok_or(Missing("queued"))?,
                now: fields.now,
            },
            Tag::CaughtUp => Self::CaughtUp {
                replayed: fields.replayed,
            },
            Tag::Resync => Self::Resync {},
            Tag::Ping => Self::Ping {
                now: fields.now.ok_or(Missing("now"))?,
            },
            Tag::Error => Self::Error {
                code: fields.code.ok_or(Missing("code"))?,
                detail: fields.detail.ok_or(Missing("detail"))?,
            },
            Tag::Unknown => Self::Unknown,
        })
    }
}
