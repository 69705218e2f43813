//! What is on the screen. Keys and news go in, wishes come out; nothing here waits for anything.

mod dialog;
mod keys;
mod news;

pub use dialog::Dialog;
pub use news::{Conversation, InboxLine, News};

use sealwire::{ConnectionState, DeviceId, Message, NetworkRole, ThreadId, UserId};
use std::collections::BTreeMap;
use std::time::Instant;
use tui_input::Input;

/// Messages asked for at once.
pub const PAGE: u32 = 50;

/// Everything that is shown.
pub struct App {
    /// Whose device this is; none before it is registered or linked.
    pub me: Option<(UserId, DeviceId)>,
    /// The connection line.
    pub connection: ConnectionState,
    /// Whether this process speaks for the device.
    pub role: NetworkRole,
    /// How far the catch-up is: done and total.
    pub catch_up: Option<(u64, u64)>,
    /// The inbox, newest first.
    pub inbox: Vec<InboxLine>,
    /// Which line of it is marked.
    pub marked: usize,
    /// The thread that is open.
    pub open: Option<Conversation>,
    /// Where keys go.
    pub focus: Focus,
    /// What is being written.
    pub compose: Input,
    /// What was begun in threads that are not open, or could not be sent there.
    pub drafts: BTreeMap<ThreadId, String>,
    /// What lies over everything else.
    pub dialog: Option<Dialog>,
    /// One line that says what went wrong, or well.
    pub notice: Option<String>,
    /// Who types where, and since when that is known.
    pub typing: BTreeMap<(ThreadId, UserId), Instant>,
    /// Who is there, and when those who are not were last, in milliseconds since the Unix epoch.
    pub presence: BTreeMap<UserId, (bool, Option<u64>)>,
    /// Whether to end.
    pub over: bool,
}

/// Where keys go while no dialog is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The list of threads.
    Inbox,
    /// The line that is being written.
    Compose,
}

/// What the app wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Make an account.
    Register(String),
    /// Become a device of an existing account.
    StartLinking,
    /// Let the device that shows this code in.
    LinkDevice(String),
    /// Believe the account key that this user has now, if the person says so.
    AcceptKey(String),
    /// Answer the question.
    Answer(bool),
    /// Stop a linking.
    CancelLinking,
    /// Open the thread with this user.
    OpenWith(String),
    /// Show this thread.
    Open(ThreadId),
    /// More of the open thread, before the message with this local id.
    Older(ThreadId, i64),
    /// Send words.
    Send(ThreadId, String),
    /// Send what failed once more.
    Retry(i64),
    /// Take back what is not sent yet.
    Cancel(i64),
    /// This person types, or stopped to.
    Typing(ThreadId, bool),
    /// Find words in all threads.
    Search(String),
    /// Be offline, or online again.
    GoOnline(bool),
}

impl App {
    /// The app of this device.
    pub fn new(me: Option<(UserId, DeviceId)>, connection: ConnectionState) -> Self {
        let dialog = me.is_none().then(Dialog::welcome);
        Self {
            me,
            connection,
            role: NetworkRole::Held,
            catch_up: None,
            inbox: Vec::new(),
            marked: 0,
            open: None,
            focus: Focus::Inbox,
            compose: Input::default(),
            drafts: BTreeMap::new(),
            dialog,
            notice: None,
            typing: BTreeMap::new(),
            presence: BTreeMap::new(),
            over: false,
        }
    }

    /// Whether the app wants to be offline.
    pub fn is_offline(&self) -> bool {
        matches!(
            self.connection,
            ConnectionState::Offline {
                next_try_at_ms: None
            }
        )
    }

    /// Own messages of the open thread that were given up, newest first.
    pub fn newest_failed(&self) -> Option<&Message> {
        let open = self.open.as_ref()?;
        let failed =
            |message: &&Message| matches!(message.state, sealwire::MessageState::Failed { .. });
        open.messages.iter().rev().find(failed)
    }
}
