//! The frames of `GET /v1/realtime`: JSON envelopes `{ "t": …, "frame_seq": n, … }`.

use super::{ControlMessage, ErrorCode, MessageRow, Removal, ThreadMarks, ThreadPreferences};
use crate::{MessageId, ThreadId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A frame from the relay.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFrame {
    /// Rising from 1, per connection.
    pub frame_seq: u64,
    /// What it says.
    #[serde(flatten)]
    pub event: ServerEvent,
}

/// A frame that carries a message, which nearly all do, without the detour that a tag beside other fields asks of serde.
#[derive(Deserialize)]
struct MessageFrame {
    #[serde(rename = "t")]
    _tag: MessageTag,
    frame_seq: u64,
    message: Box<MessageRow>,
}

#[derive(Deserialize)]
enum MessageTag {
    #[serde(rename = "msg")]
    Msg,
}

impl ServerFrame {
    /// Reads a frame's text.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        match serde_json::from_str(text) {
            Ok(MessageFrame {
                frame_seq, message, ..
            }) => Ok(Self {
                frame_seq,
                event: ServerEvent::Msg { message },
            }),
            Err(_) => serde_json::from_str(text),
        }
    }
}

/// What a frame from the relay says.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remaining_kem: Option<u32>,
    },
    /// The first frame of a connection: how much will be replayed.
    CatchingUp {
        /// Events that were queued when the connection began.
        queued: u64,
        /// The relay's clock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        now: Option<Timestamp>,
    },
    /// The replay of what was queued is complete; from here on live.
    CaughtUp {
        /// How many queued events were replayed.
        #[serde(default)]
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
    #[serde(other)]
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
