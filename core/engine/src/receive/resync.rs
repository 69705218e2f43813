//! This device was away for longer than the relay keeps things for it: every thread's history is read again, from where it
//! was read up to, before the catch-up counts as ended. What is left to read is in the store, so that a restart goes on.

use super::history::IDLE_PAGES_MAX;
use super::marks;
use crate::backoff::Backoff;
use crate::outbox::is_final_code;
use crate::requests::{Answer, Outgoing, Purpose};
use crate::settings::is_cursor;
use crate::{Engine, EngineError, Event};
use sealwire_store::Transaction;
use sealwire_wire::contract::{
    ErrorCode, Inbox, InboxThread, MessagePage, ServerEvent, ThreadKind, ThreadMarks,
};
use sealwire_wire::limits::{INBOX_PAGE_MAX, PAGE_SIZE_MAX};
use sealwire_wire::{ThreadId, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// The next page of the relay's list of threads; none once it was read to its end.
const THREADS_PAGE: &str = "resync_threads_page";
/// Histories that are read at one time.
const READ_AT_ONCE: usize = 2;
/// Threads that are read again: whatever the relay names, no account has more.
const THREADS_MAX: u64 = 100_000;

/// How often a page that is none is asked for.
const GARBLED_MAX: u32 = 3;

/// How far it is, beside what the store holds.
#[derive(Default)]
pub(crate) struct Resync {
    under_way: bool,
    listing: bool,
    reading: BTreeSet<ThreadId>,
    /// Histories whose pages were not of the contract, and how often in a row.
    garbled: BTreeMap<ThreadId, u32>,
    /// Pages in a row, of the list or of histories, that brought nothing new.
    idle: u32,
    backoff: Backoff,
    /// The relay's queue is through; the end of the catch-up waits for the histories alone.
    caught_up: bool,
}

impl Resync {
    pub(crate) fn hurry(&mut self, now: Timestamp) {
        self.backoff.hurry(now);
    }

    fn read_one_more(&mut self, news: bool) {
        self.idle = if news { 0 } else { self.idle.saturating_add(1) };
    }
}

/// Everything is to be read again.
pub(super) fn begin(tx: &mut Transaction<'_>) -> Result<(), EngineError> {
    tx.resync_all()?;
    Ok(tx.set_setting(THREADS_PAGE, b"")?)
}

impl Engine {
    /// Goes on with what was begun before a restart.
    pub(crate) fn restore_resync(&mut self) -> Result<(), EngineError> {
        self.resync.under_way =
            self.store.setting(THREADS_PAGE)?.is_some() || self.store.count_resyncs()? > 0;
        Ok(())
    }

    /// The relay's queue is through. Whether the catch-up is too; if not, it ends with the last history.
    pub(crate) fn resync_lets_catch_up_end(&mut self) -> bool {
        self.resync.caught_up = self.resync.under_way;
        !self.resync.under_way
    }

    /// A new connection has its own catch-up.
    pub(crate) fn resync_has_new_connection(&mut self) {
        self.resync.caught_up = false;
    }

    pub(super) fn resync_is_under_way(&self) -> bool {
        self.resync.under_way
    }

    /// Whether something of it is on its way, or asked for as soon as may be.
    pub(super) fn resync_is_reading(&self) -> bool {
        let resync = &self.resync;
        resync.listing
            || !resync.reading.is_empty()
            || (resync.under_way && resync.backoff.is_due(self.now))
    }

    pub(crate) fn resync_due(&mut self) {
        if !self.resync.under_way || !self.resync.backoff.is_due(self.now) {
            return;
        }
        // What cannot be read now is read at the next input.
        let Ok(page) = self.store.setting(THREADS_PAGE) else {
            return;
        };
        let listed = page.is_none();
        if let Some(cursor) = page.filter(|_| !self.resync.listing) {
            self.resync.listing = true;
            // It was looked at before it was kept.
            let cursor = String::from_utf8(cursor).unwrap_or_default();
            let path = match cursor.as_str() {
                "" => format!("/v1/threads?limit={INBOX_PAGE_MAX}"),
                cursor => format!("/v1/threads?limit={INBOX_PAGE_MAX}&cursor={cursor}"),
            };
            self.settings_asked.prefers();
            self.request(Outgoing::get(path, Purpose::ResyncThreads));
        }
        let Ok(waiting) = self.store.resyncs(2 * READ_AT_ONCE as u32) else {
            return;
        };
        if waiting.is_empty() && listed && !self.resync.listing {
            return self.resync_is_through();
        }
        for (thread, since) in waiting {
            if self.resync.reading.len() >= READ_AT_ONCE {
                return;
            }
            if self.resync.reading.insert(thread) {
                let path = format!(
                    "/v1/threads/{thread}/messages?since={since}&page_size={PAGE_SIZE_MAX}"
                );
                self.request(Outgoing::get(path, Purpose::ResyncHistory { thread }));
            }
        }
    }

    pub(crate) fn resync_wakes_at(&self) -> Option<Timestamp> {
        let resync = &self.resync;
        (self.online && resync.under_way)
            .then(|| resync.backoff.due_at())
            .flatten()
            .filter(|at| *at > self.now)
    }

    pub(crate) fn on_resync_threads(&mut self, answer: Answer) {
        self.resync.listing = false;
        let overtaken = self.settings_asked.overtaken();
        match answer
            .read::<Inbox>()
            .and_then(|page| self.take_threads(&page, &overtaken))
        {
            Ok(()) => self.resync_got_on(),
            Err(EngineError::Relay { code, .. }) if is_final_code(code) => self.end_listing(),
            Err(error) => self.resync_rests(&error),
        }
    }

    pub(crate) fn on_resync_history(&mut self, thread: ThreadId, answer: Answer) {
        self.resync.reading.remove(&thread);
        let taken = self
            .read_history(answer)
            .and_then(|page| self.take_again(thread, &page));
        match taken {
            Ok(()) => {
                self.resync.garbled.remove(&thread);
                self.resync_got_on();
            }
            Err(EngineError::Relay {
                code: ErrorCode::InvalidCursor,
                ..
            }) => self.read_from_the_beginning(thread),
            // Not this account's any more, or never was.
            Err(EngineError::Relay { code, .. }) if is_final_code(code) => {
                let _ = self.store.transaction(|tx| tx.end_resync(thread));
            }
            Err(EngineError::RelayGarbage { status: 200 }) if self.is_garbled_again(thread) => {
                let ended = self.store.transaction(|tx| tx.end_resync(thread));
                if ended.is_ok() {
                    self.resync.garbled.remove(&thread);
                    self.resync.backoff.succeeded();
                    self.event(Event::FrameRefused);
                }
            }
            Err(error) => self.resync_rests(&error),
        }
    }

    /// Whether this history was asked for often enough: what is wrong with it stands before everything else.
    fn is_garbled_again(&mut self, thread: ThreadId) -> bool {
        let times = self.resync.garbled.entry(thread).or_default();
        *times += 1;
        *times >= GARBLED_MAX
    }

    /// The relay no longer knows the place; where that was the beginning, nothing can be read.
    fn read_from_the_beginning(&mut self, thread: ThreadId) {
        let _ = self.store.transaction(|tx| match tx.resync(thread)? {
            Some(since) if !since.is_empty() => tx.resynced_to(thread, ""),
            _ => tx.end_resync(thread),
        });
    }

    fn take_again(&mut self, thread: ThreadId, page: &MessagePage) -> Result<(), EngineError> {
        let garbage = || EngineError::RelayGarbage { status: 200 };
        if page.messages.iter().any(|row| row.thread_id != thread) {
            return Err(garbage());
        }
        let next = page.next_cursor.as_deref();
        if next.is_some_and(|cursor| !is_cursor(cursor)) {
            return Err(garbage());
        }
        let added = self.receive(&page.messages)?;
        self.resync.read_one_more(added > 0);
        self.store.transaction(|tx| -> Result<(), EngineError> {
            let before = tx.resync(thread)?;
            if let Some(next) = next {
                tx.resynced_to(thread, next)?;
            }
            // A place that does not move would be read again and again.
            if !page.has_more || next.is_none() || before.as_deref() == next {
                tx.end_resync(thread)?;
            }
            Ok(())
        })
    }

    /// Threads that this device does not know are read from their beginning; they become threads of its own when a message
    /// of them opens, and not by the relay's word.
    fn take_threads(
        &mut self,
        page: &Inbox,
        overtaken: &BTreeSet<ThreadId>,
    ) -> Result<(), EngineError> {
        let me = self.me()?.clone();
        let next = page
            .next_cursor
            .as_deref()
            .filter(|cursor| is_cursor(cursor));
        let (added, news) = self.store.transaction(|tx| -> Result<_, EngineError> {
            let mut added = false;
            for thread in page.threads.iter().take(INBOX_PAGE_MAX as usize) {
                let id = thread.thread.id;
                if is_of(&me.user, thread)
                    && tx.thread(id)?.is_none()
                    && tx.count_resyncs()? < THREADS_MAX
                {
                    tx.want_resync(id)?;
                    added = true;
                }
            }
            let before = tx.setting(THREADS_PAGE)?;
            match next.filter(|next| Some(next.as_bytes()) != before.as_deref()) {
                Some(next) => tx.set_setting(THREADS_PAGE, next.as_bytes())?,
                None => tx.remove_setting(THREADS_PAGE)?,
            }
            let said = page.threads.iter().flat_map(what_it_says);
            let said: Vec<_> = said
                .filter(|event| match event {
                    ServerEvent::Thread { thread_id, .. } => !overtaken.contains(thread_id),
                    _ => true,
                })
                .collect();
            Ok((added, marks::commit(tx, &me, &said)?))
        })?;
        self.resync.read_one_more(added);
        self.tell_marks(news);
        Ok(())
    }

    fn end_listing(&mut self) {
        let _ = self.store.transaction(|tx| tx.remove_setting(THREADS_PAGE));
    }

    /// On to the next page at once; after too many that brought nothing, with waits in between.
    fn resync_got_on(&mut self) {
        if self.resync.idle < IDLE_PAGES_MAX {
            self.resync.backoff.succeeded();
        } else {
            self.resync_rests(&EngineError::RelayGarbage { status: 200 });
        }
    }

    fn resync_rests(&mut self, error: &EngineError) {
        let Self {
            resync, rng, now, ..
        } = self;
        resync.backoff.failed(*now, error.retry_after_ms(), rng);
    }

    fn resync_is_through(&mut self) {
        self.resync.under_way = false;
        if std::mem::take(&mut self.resync.caught_up) {
            self.is_caught_up();
        }
    }

    /// Committed by [`begin`].
    pub(super) fn resync_has_begun(&mut self) {
        self.resync.under_way = true;
    }
}

/// Whether the relay's word of the thread holds: a 1:1 thread's id is made of its two users.
fn is_of(me: &UserId, thread: &InboxThread) -> bool {
    let others = &thread.thread.participants;
    thread.thread.kind == ThreadKind::Direct
        && others.len() <= 2
        && others
            .iter()
            .any(|user| ThreadId::direct(me, user) == thread.thread.id)
}

/// As frames would say it.
fn what_it_says(thread: &InboxThread) -> [ServerEvent; 2] {
    let thread_id = thread.thread.id;
    [
        ServerEvent::Marks {
            marks: Box::new(ThreadMarks {
                thread_id,
                marks: thread.marks.clone(),
                failed: Vec::new(),
            }),
        },
        ServerEvent::Thread {
            thread_id,
            mine: Some(thread.mine),
        },
    ]
}
