//! What a peer is asked, and what it answers: a line of JSON each.
//!
//! `{"do": "sendText", …}` is answered by `{"ok": …}` or `{"error": "words"}`, one after the other. When the requests end, so
//! does the peer.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a device is to do. An answer comes when it is done.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Request {
    /// Open the client whose store is in this folder, connected to this relay.
    Open {
        /// Its URL.
        relay: String,
        /// The peer's own.
        folder: PathBuf,
    },
    /// Make an account with this device as its first; gives the device's number.
    Register {
        /// Whose.
        user: String,
    },
    /// Begin to become a further device; gives the code.
    StartLinking,
    /// Join the account that answers, and catch up; gives the device's number.
    FinishLinking,
    /// Let in the device that shows this code; gives its number.
    LinkDevice {
        /// As `StartLinking` gave it.
        code: String,
    },
    /// The thread with somebody; gives its id.
    DirectThread {
        /// With whom.
        user: String,
    },
    /// Send words.
    SendText {
        /// Where.
        thread: String,
        /// Which.
        text: String,
    },
    /// Send a file as `image/png`.
    SendPicture {
        /// Where.
        thread: String,
        /// The file.
        path: PathBuf,
        /// Words beside it.
        caption: String,
    },
    /// Disconnect.
    GoOffline,
    /// Connect, and wait for everything that was queued.
    GoOnline,
    /// Wait until the thread holds so many messages.
    WaitForMessages {
        /// Where.
        thread: String,
        /// How many.
        count: usize,
        /// For how long at most.
        within_ms: u64,
    },
    /// Wait until so many messages of this account are read.
    WaitUntilRead {
        /// Where.
        thread: String,
        /// How many.
        count: usize,
        /// For how long at most.
        within_ms: u64,
    },
    /// Mark the thread as read up to its newest message.
    MarkRead {
        /// Where.
        thread: String,
    },
    /// How many messages the thread holds; gives their number.
    CountMessages {
        /// Where.
        thread: String,
    },
    /// How many messages are unread; gives their number.
    CountUnread,
    /// The thread as it is in the store, oldest first, with the digests of the downloaded pictures; gives a [`History`].
    History {
        /// Where.
        thread: String,
    },
    /// Close the client.
    Close,
}

/// A thread as one device holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Oldest first.
    pub rows: Vec<Row>,
    /// How far each got: what one person sent is what the other received.
    pub states: Vec<String>,
}

/// One message: the same on every device of everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its place in the thread.
    pub id: String,
    /// Who sent it.
    pub sender: String,
    /// With which device.
    pub device: u32,
    /// Its words, or its picture's caption.
    pub text: String,
    /// The SHA-256 of its picture's bytes, in hex.
    pub picture: Option<String>,
}
