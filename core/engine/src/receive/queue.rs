//! The device's queue without a socket: page by page through the same path as frames, acknowledged after the commit.

use super::history::IDLE_PAGES_MAX;
use crate::requests::{Answer, Outgoing, Purpose};
use crate::{CallId, Engine, EngineError, Reply};
use sealwire_wire::contract::{AcknowledgeQueue, ErrorCode, QueuePage, ServerEvent};

/// Entries of one page: an answer of messages of the largest size still fits what a transport takes.
const PAGE_ENTRIES: u32 = 100;
/// An `entry_id` is opaque, and no longer than this.
const ENTRY_ID_MAX: usize = 128;

/// A fetch of the queue, for whoever asked for one meanwhile.
#[derive(Default)]
pub(crate) struct QueueFetch {
    calls: Vec<CallId>,
    /// The engine wants it: its sockets do not live long enough.
    unasked: bool,
    fetched: u64,
    /// Pages in a row that brought no message.
    idle: u32,
    /// Everything is here; parked frames may wait for lists still.
    is_empty: bool,
}

impl QueueFetch {
    /// Whether the relay may be asked although the client is offline by the app's wish.
    pub(crate) fn runs(&self) -> bool {
        self.unasked || !self.calls.is_empty()
    }
}

impl Engine {
    pub(crate) fn fetch_queue(&mut self, call: CallId) -> Result<(), EngineError> {
        self.me()?;
        let runs = self.queue_fetch.runs();
        self.queue_fetch.calls.push(call);
        if !runs {
            self.ask_for_queue();
        }
        Ok(())
    }

    /// What the sockets do not bring to its end. It fails without a word: another socket is tried anyway.
    pub(crate) fn fetch_queue_unasked(&mut self) {
        if !self.queue_fetch.runs() {
            self.queue_fetch.unasked = true;
            self.ask_for_queue();
        }
    }

    /// The app wants to be offline: what it did not ask for itself ends here.
    pub(crate) fn queue_is_wanted_no_more(&mut self) {
        if self.queue_fetch.calls.is_empty() {
            self.queue_fetch = QueueFetch::default();
        }
        self.queue_fetch.unasked = false;
    }

    pub(crate) fn on_queue_page(&mut self, answer: Answer) {
        if !self.queue_fetch.runs() {
            return;
        }
        let taken = self
            .read_queue(answer)
            .and_then(|page| self.take_queue(page));
        match taken {
            Ok((entry_ids, has_more)) if entry_ids.is_empty() => {
                // More behind nothing would be asked for again and again.
                match has_more {
                    true => self.queue_fetch_ends(Some(EngineError::RelayGarbage { status: 200 })),
                    false => self.queue_fetch.is_empty = true,
                }
            }
            Ok((entry_ids, has_more)) => {
                let purpose = Purpose::QueueAck { has_more };
                self.request(
                    Outgoing::post("/v1/me/queue/ack", purpose)
                        .json(&AcknowledgeQueue { entry_ids }),
                );
            }
            Err(error) => {
                if matches!(
                    &error,
                    EngineError::Relay {
                        code: ErrorCode::InvalidCursor,
                        ..
                    }
                ) {
                    self.forget_marks_place();
                }
                self.queue_fetch_ends(Some(error));
            }
        }
    }

    pub(crate) fn on_queue_acknowledged(&mut self, has_more: bool, answer: Answer) {
        if !self.queue_fetch.runs() {
            return;
        }
        match answer.done() {
            Ok(()) if has_more => self.ask_for_queue(),
            Ok(()) => self.queue_fetch.is_empty = true,
            // What is here stays here; delivered again it is dropped.
            Err(error) => self.queue_fetch_ends(Some(error)),
        }
    }

    /// Without a socket a fetch has only this to ask for what it needs.
    pub(crate) fn drive_queue_fetch(&mut self) {
        if !self.queue_fetch.runs() {
            return;
        }
        if !self.may_send() && self.anchor_is_kept() {
            self.fetch_lists_due();
            if self.queue_fetch.is_empty {
                self.resync_due();
            }
            if self.requests_wait_for_token() {
                self.drive_token();
            }
        }
        if self.queue_fetch.is_empty && !self.trust.is_fetching() && !self.resync_is_reading() {
            // What is left to read is in the store, and read the next time.
            let failed = || EngineError::Network("a history could not be read again".to_owned());
            self.queue_fetch_ends(self.resync_is_under_way().then(failed));
        }
    }

    fn ask_for_queue(&mut self) {
        let since = self.marks_place().unwrap_or_default();
        let path = format!("/v1/me/queue?limit={PAGE_ENTRIES}&marks_since={since}");
        self.request(Outgoing::get(path, Purpose::QueuePage));
    }

    fn take_queue(&mut self, page: QueuePage) -> Result<(Vec<String>, bool), EngineError> {
        let (mut rows, mut controls) = (Vec::new(), Vec::new());
        let (mut others, mut entry_ids) = (Vec::new(), Vec::new());
        for item in page.entries {
            if item.entry_id.len() > ENTRY_ID_MAX {
                return Err(EngineError::RelayGarbage { status: 200 });
            }
            entry_ids.push(item.entry_id);
            match item.event {
                ServerEvent::Msg { message } => rows.push(*message),
                ServerEvent::Control { control } => controls.push(*control),
                other => others.push(other),
            }
        }
        // They come with the last page, and say what frames would.
        others.extend(page.marks.into_iter().map(|marks| ServerEvent::Marks {
            marks: Box::new(marks),
        }));
        let cursor = page.marks_cursor;
        others.extend(cursor.map(|cursor| ServerEvent::MarksEnd { cursor }));
        let added = self.receive(&rows)?;
        self.keep_marks(&others)?;
        self.take_removals(&others)?;
        self.receive_controls(&controls)?;
        for other in others {
            // These are of a socket, and mean nothing without one.
            if !matches!(
                other,
                ServerEvent::Ping { .. }
                    | ServerEvent::CaughtUp { .. }
                    | ServerEvent::CatchingUp { .. }
            ) {
                self.on_other(other);
            }
        }
        let fetch = &mut self.queue_fetch;
        fetch.fetched += entry_ids.len() as u64;
        fetch.idle = if added > 0 { 0 } else { fetch.idle + 1 };
        if fetch.idle >= IDLE_PAGES_MAX {
            return Err(EngineError::RelayGarbage { status: 200 });
        }
        Ok((entry_ids, page.has_more))
    }

    fn queue_fetch_ends(&mut self, error: Option<EngineError>) {
        let fetched = self.queue_fetch.fetched;
        let calls = std::mem::take(&mut self.queue_fetch).calls;
        let Some((first, others)) = calls.split_first() else {
            return;
        };
        let ended = |failed: bool| match failed {
            true => Err(EngineError::Network(
                "the queue could not be fetched".to_owned(),
            )),
            false => Ok(Reply::Fetched { entries: fetched }),
        };
        for call in others {
            self.done(*call, ended(error.is_some()));
        }
        self.done(*first, error.map_or_else(|| ended(false), Err));
    }
}
