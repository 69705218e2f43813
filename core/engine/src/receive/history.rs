//! A thread's history from where this device left off, page by page, through the same path as frames.

use crate::requests::{Answer, Outgoing, Purpose};
use crate::settings::is_cursor;
use crate::{CallId, Engine, EngineError, Reply};
use sealwire_wire::ThreadId;
use sealwire_wire::contract::{ErrorCode, MessagePage};
use sealwire_wire::limits::PAGE_SIZE_MAX;

/// So many pages in a row that bring nothing new, of a hundred rows each, and the relay is asked no further for now: where one
/// ends each with another cursor, the asking would have no end.
pub(super) const IDLE_PAGES_MAX: u32 = 1_000;

/// What the pages of one reading brought so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HistoryProgress {
    added: u64,
    /// Pages in a row that added nothing.
    idle: u32,
}

impl HistoryProgress {
    /// With one more page; none when there were too many that added nothing.
    fn with(self, added: u64) -> Option<Self> {
        let idle = if added > 0 { 0 } else { self.idle + 1 };
        (idle < IDLE_PAGES_MAX).then_some(Self {
            added: self.added + added,
            idle,
        })
    }
}

impl Engine {
    pub(crate) fn sync_thread(
        &mut self,
        call: CallId,
        thread: ThreadId,
    ) -> Result<(), EngineError> {
        self.ask_for_page(call, thread, HistoryProgress::default())
    }

    pub(crate) fn on_history(
        &mut self,
        call: CallId,
        thread: ThreadId,
        progress: HistoryProgress,
        answer: Answer,
    ) {
        let taken = self
            .read_history(answer)
            .and_then(|page| self.take_page(thread, &page));
        match taken {
            Ok((added, true)) => {
                let asked = progress
                    .with(added)
                    .ok_or(EngineError::RelayGarbage { status: 200 })
                    .and_then(|progress| self.ask_for_page(call, thread, progress));
                if let Err(error) = asked {
                    self.done(call, Err(error));
                }
            }
            Ok((added, false)) => self.done(
                call,
                Ok(Reply::Synced {
                    added: progress.added + added,
                }),
            ),
            Err(EngineError::Relay {
                code: ErrorCode::InvalidCursor,
                ..
            }) if self.forget_cursor(thread) => {
                if let Err(error) = self.ask_for_page(call, thread, progress) {
                    self.done(call, Err(error));
                }
            }
            Err(error) => self.done(call, Err(error)),
        }
    }

    /// The relay no longer knows the place: from the beginning again. Whether there was one.
    fn forget_cursor(&mut self, thread: ThreadId) -> bool {
        let held = self.store.thread(thread).ok().flatten();
        let stood_somewhere = held
            .and_then(|row| row.change_cursor)
            .is_some_and(|at| !at.is_empty());
        stood_somewhere
            && self
                .store
                .transaction(|tx| tx.set_change_cursor(thread, ""))
                .is_ok()
    }

    fn take_page(
        &mut self,
        thread: ThreadId,
        page: &MessagePage,
    ) -> Result<(u64, bool), EngineError> {
        if page.messages.iter().any(|row| row.thread_id != thread) {
            return Err(EngineError::RelayGarbage { status: 200 });
        }
        // It goes into a path as it is.
        if page
            .next_cursor
            .as_deref()
            .is_some_and(|cursor| !is_cursor(cursor))
        {
            return Err(EngineError::RelayGarbage { status: 200 });
        }
        let added = self.receive(&page.messages)?;
        let moved = match &page.next_cursor {
            Some(cursor) => {
                let before = self
                    .store
                    .thread(thread)?
                    .and_then(|thread| thread.change_cursor);
                self.store
                    .transaction(|tx| tx.set_change_cursor(thread, cursor))?;
                before.as_deref() != Some(cursor)
            }
            None => false,
        };
        // A cursor that does not move would be asked for again and again.
        Ok((added, page.has_more && moved))
    }

    fn ask_for_page(
        &mut self,
        call: CallId,
        thread: ThreadId,
        progress: HistoryProgress,
    ) -> Result<(), EngineError> {
        // Also between two pages: the app may have gone offline.
        self.reachable()?;
        let row = self
            .store
            .thread(thread)?
            .ok_or(EngineError::UnknownThread)?;
        let since = row.change_cursor.unwrap_or_default();
        let path = format!("/v1/threads/{thread}/messages?since={since}&page_size={PAGE_SIZE_MAX}");
        self.request(Outgoing::get(
            path,
            Purpose::History {
                call,
                thread,
                progress,
            },
        ));
        Ok(())
    }
}
