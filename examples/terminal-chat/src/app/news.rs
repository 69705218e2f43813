//! What happened: it changes what is shown.

use super::{App, Dialog};
use sealwire::{ConnectionState, DeviceId, Message, MessageState, NetworkRole, ThreadId, UserId};
use std::time::{Duration, Instant};
use tui_input::Input;

/// Typing fades this long after the last word of it.
const TYPING_SHOWN: Duration = Duration::from_secs(5);

/// One line of the inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct InboxLine {
    /// Which thread.
    pub thread: ThreadId,
    /// Who is on the other side.
    pub name: String,
    /// Its last message.
    pub last: Option<Message>,
    /// Messages that nobody on this account has read.
    pub unread: u64,
}

/// The thread that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Which.
    pub thread: ThreadId,
    /// Who is on the other side.
    pub name: String,
    /// Oldest first.
    pub messages: Vec<Message>,
    /// Whether the store has more before them.
    pub has_older: bool,
    /// Messages scrolled up from the newest.
    pub scrolled: usize,
}

/// Something that happened.
#[derive(Debug)]
pub enum News {
    /// This device belongs to an account now.
    Account(UserId, DeviceId),
    /// The connection's state, and whether this process is the one that connects.
    Connection(ConnectionState, NetworkRole),
    /// How much of what was queued is here.
    CatchUp(u64, u64),
    /// Everything that was queued is here.
    CaughtUp,
    /// The inbox as it stands.
    Inbox(Vec<InboxLine>),
    /// A thread was opened.
    Opened(Conversation),
    /// The newest messages of a thread as they stand, oldest first.
    Newest(ThreadId, Vec<Message>),
    /// The page before, oldest first; empty at the beginning of the thread.
    Older(ThreadId, Vec<Message>),
    /// Somebody types, or stopped to.
    Typing(ThreadId, UserId, bool),
    /// Somebody came or went; when they were last, in milliseconds since the Unix epoch, if they let it be known.
    Presence(UserId, bool, Option<u64>),
    /// What these words found.
    Found(String, Vec<Message>),
    /// Show this code to an existing device.
    LinkCode(String),
    /// Yes or no? And what to say after a yes, until it is done.
    Question(String, String),
    /// A linking or registration ended, with a word on how.
    Done(String),
    /// It did not work: why.
    Failed(String),
    /// These words could not be sent to this thread: why.
    NotSent(ThreadId, String, String),
    /// One line to show.
    Notice(String),
}

impl App {
    /// Takes in what happened, at this time.
    pub fn on_news(&mut self, news: News, now: Instant) {
        match news {
            News::Account(user, device) => {
                self.me = Some((user, device));
                self.dialog = None;
            }
            News::Connection(state, role) => {
                self.role = role;
                self.connection = state;
                if state != ConnectionState::CatchingUp {
                    self.catch_up = None;
                }
            }
            News::CatchUp(done, total) => self.catch_up = Some((done, total)),
            News::CaughtUp => self.catch_up = None,
            News::Inbox(lines) => self.show_inbox(lines),
            News::Opened(conversation) => {
                self.keep_draft();
                let draft = self.drafts.remove(&conversation.thread);
                self.compose = Input::new(draft.unwrap_or_default());
                self.open = Some(conversation);
                self.dialog = None;
                self.focus = super::Focus::Compose;
                self.mark_open_line();
            }
            News::Newest(thread, newest) => self.show_newest(thread, newest),
            News::Older(thread, older) => {
                if let Some(open) = self.open.as_mut().filter(|open| open.thread == thread) {
                    open.has_older = !older.is_empty();
                    open.messages.splice(0..0, older);
                }
            }
            News::Typing(thread, user, true) => {
                self.typing.insert((thread, user), now);
            }
            News::Typing(thread, user, false) => {
                self.typing.remove(&(thread, user));
            }
            News::Presence(user, online, last_seen_ms) => {
                self.presence.insert(user, (online, last_seen_ms));
            }
            News::Found(for_words, new) => {
                if let Some(Dialog::Search {
                    words,
                    found,
                    marked,
                }) = &mut self.dialog
                    && words.value() == for_words
                {
                    *found = new;
                    *marked = 0;
                }
            }
            News::LinkCode(code) => self.dialog = Some(Dialog::Code(code)),
            News::Question(text, then) => self.dialog = Some(Dialog::Question { text, then }),
            News::Done(text) => {
                self.dialog = None;
                self.notice = Some(text);
            }
            News::Failed(text) => {
                self.dialog = self.me.is_none().then(Dialog::welcome);
                self.notice = Some(text);
            }
            News::NotSent(thread, text, why) => {
                self.give_back(thread, text);
                self.notice = Some(why);
            }
            News::Notice(text) => self.notice = Some(text),
        }
    }

    /// Puts away what is being written, for when its thread is opened again.
    pub(super) fn keep_draft(&mut self) {
        let written = std::mem::take(&mut self.compose).value().to_owned();
        if let Some(open) = &self.open
            && !written.is_empty()
        {
            self.drafts.insert(open.thread, written);
        }
    }

    /// Before what was written since.
    fn give_back(&mut self, thread: ThreadId, text: String) {
        let is_open = self.open.as_ref().is_some_and(|open| open.thread == thread);
        let since = match is_open {
            true => self.compose.value(),
            false => self.drafts.get(&thread).map_or("", String::as_str),
        };
        let whole = match since.is_empty() {
            true => text,
            false => format!("{text} {since}"),
        };
        if is_open {
            self.compose = Input::new(whole);
        } else {
            self.drafts.insert(thread, whole);
        }
    }

    /// Forgets typing that nobody repeated.
    pub fn fade(&mut self, now: Instant) {
        self.typing
            .retain(|_, since| now.duration_since(*since) < TYPING_SHOWN);
    }

    /// Who types in the open thread.
    pub fn who_types(&self) -> Option<&UserId> {
        let open = self.open.as_ref()?;
        let here = |(thread, _): &&(ThreadId, UserId)| *thread == open.thread;
        self.typing.keys().find(here).map(|(_, user)| user)
    }

    /// The newest own message that is still here alone.
    pub fn newest_unsent(&self) -> Option<&Message> {
        let open = self.open.as_ref()?;
        let pending = |message: &&Message| message.state == MessageState::Pending;
        open.messages.iter().rev().find(pending)
    }

    fn show_inbox(&mut self, lines: Vec<InboxLine>) {
        let marked = self.inbox.get(self.marked).map(|line| line.thread);
        self.inbox = lines;
        self.marked = marked
            .and_then(|thread| self.inbox.iter().position(|line| line.thread == thread))
            .unwrap_or(0);
    }

    fn mark_open_line(&mut self) {
        let open = self.open.as_ref().map(|open| open.thread);
        if let Some(at) = self.inbox.iter().position(|line| Some(line.thread) == open) {
            self.marked = at;
        }
    }

    /// The newest page replaces what it covers; what was read above it stays.
    fn show_newest(&mut self, thread: ThreadId, newest: Vec<Message>) {
        let Some(open) = self.open.as_mut().filter(|open| open.thread == thread) else {
            return;
        };
        let before = open.messages.len();
        let covered = newest
            .first()
            .and_then(|first| {
                let same = |message: &Message| message.local_id == first.local_id;
                open.messages.iter().position(same)
            })
            .unwrap_or(0);
        open.messages.truncate(covered);
        open.messages.extend(newest);
        // Whoever reads further up stays where they are.
        if open.scrolled > 0 {
            open.scrolled += open.messages.len().saturating_sub(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(name: &str) -> ThreadId {
        ThreadId::direct(&"alice".parse().unwrap(), &name.parse().unwrap())
    }

    fn opened(name: &str) -> News {
        News::Opened(Conversation {
            thread: thread(name),
            name: name.to_owned(),
            messages: Vec::new(),
            has_older: false,
            scrolled: 0,
        })
    }

    fn refused(name: &str) -> News {
        News::NotSent(thread(name), "too long".to_owned(), "why".to_owned())
    }

    #[test]
    fn words_that_were_refused_are_in_the_line_again_before_what_was_written_since() {
        let offline = ConnectionState::Offline {
            next_try_at_ms: None,
        };
        let me = ("alice".parse().unwrap(), DeviceId::new(1).unwrap());
        let mut app = App::new(Some(me), offline);
        let now = Instant::now();
        app.on_news(opened("bob"), now);
        app.on_news(refused("bob"), now);
        assert_eq!(app.compose.value(), "too long");
        assert_eq!(app.notice.as_deref(), Some("why"));
        app.on_news(refused("bob"), now);
        assert_eq!(app.compose.value(), "too long too long");
        // To another thread it is not carried over, and it waits in its own.
        app.on_news(opened("carol"), now);
        assert_eq!(app.compose.value(), "");
        app.on_news(refused("bob"), now);
        assert_eq!(app.compose.value(), "");
        app.on_news(opened("bob"), now);
        assert_eq!(app.compose.value(), "too long too long too long");
    }
}
