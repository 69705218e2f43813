//! What the app has read: durable here first, then told the relay, the highest mark of each thread alone.

use crate::backoff::{obeying, wait_ms};
use crate::requests::{Answer, Outgoing, Purpose};
use crate::{Engine, EngineError, Event, Reply};
use sealwire_store::{MarkMove, NewMark};
use sealwire_wire::contract::MarkRead;
use sealwire_wire::{MessageId, ThreadId, Timestamp};
use std::collections::BTreeSet;

/// Threads whose marks are told at one time: sends have the line first.
const AT_ONCE: usize = 2;

/// What is under way, beside what the store holds.
#[derive(Default)]
pub(crate) struct Reading {
    in_flight: BTreeSet<ThreadId>,
}

impl Engine {
    /// Everything up to this message is read, or up to the newest. A lower mark than the one that stands changes nothing.
    pub(crate) fn mark_read(
        &mut self,
        thread: ThreadId,
        up_to: Option<MessageId>,
    ) -> Result<Reply, EngineError> {
        let (user, now) = (self.me()?.user.clone(), self.now);
        let moved = self
            .store
            .transaction(|tx| -> Result<Option<MarkMove>, EngineError> {
                tx.step("read.marked");
                if tx.thread(thread)?.is_none() {
                    return Err(EngineError::UnknownThread);
                }
                let up_to = match up_to {
                    Some(id) => match tx.message_by_id(thread, id)? {
                        Some(_) => id,
                        None => return Err(EngineError::UnknownMessage),
                    },
                    None => match tx.newest_confirmed_id(thread)? {
                        Some(id) => id,
                        None => return Ok(None),
                    },
                };
                let held = tx.marks(thread, &user)?;
                if held.and_then(|marks| marks.read_up_to) >= Some(up_to) {
                    return Ok(None);
                }
                let moved = tx.raise_marks(&NewMark {
                    thread,
                    user: user.clone(),
                    delivered: None,
                    read: Some((up_to, now)),
                    version: 0,
                })?;
                tx.want_read_told(thread, up_to, now)?;
                Ok(moved)
            })?;
        if let Some(moved) = moved {
            self.event(Event::MarksMoved {
                thread,
                user_id: user,
                delivered_up_to: moved.after.delivered_up_to,
                read_up_to: moved.after.read_up_to,
            });
        }
        Ok(Reply::Nothing)
    }

    pub(crate) fn tell_reads_due(&mut self) {
        // What cannot be read now is told at the next input.
        let Ok(due) = self.store.read_uploads_due(self.now, 2 * AT_ONCE as u32) else {
            return;
        };
        for upload in due {
            if self.reading.in_flight.len() >= AT_ONCE {
                return;
            }
            let (thread, up_to) = (upload.thread, upload.up_to);
            if self.reading.in_flight.insert(thread) {
                let path = format!("/v1/threads/{thread}/read");
                let purpose = Purpose::TellRead { thread, up_to };
                self.request(Outgoing::post(path, purpose).json(&MarkRead {
                    up_to_msg_id: up_to,
                }));
            }
        }
    }

    pub(crate) fn reads_wake_at(&self) -> Option<Timestamp> {
        let next = self.store.read_uploads_next_due().ok().flatten();
        next.filter(|at| self.online && *at > self.now)
    }

    /// The relay is heard again: what waited only because it was not waits no longer.
    pub(crate) fn reads_are_heard(&mut self) {
        let now = self.now;
        // What cannot be hurried goes at its time.
        let _ = self.store.transaction(|tx| tx.wake_read_uploads(now));
    }

    pub(crate) fn on_read_told(&mut self, thread: ThreadId, up_to: MessageId, answer: Answer) {
        self.reading.in_flight.remove(&thread);
        let (told, wish) = match answer {
            Answer::Fine(_) => (true, None),
            // It stays read here; the relay does not want to know.
            Answer::Refused(problem) => (crate::outbox::is_final(&problem), problem.retry_after_ms),
            _ => (false, None),
        };
        let (failures, now) = (self.failures_to_tell(thread), self.now);
        let next = now.plus_ms(obeying(wish, wait_ms(failures, &mut self.rng)));
        // What cannot be noted is told once more: the mark does not fall by that.
        let _ = self.store.transaction(|tx| {
            tx.step("read.told");
            match told {
                true => tx.read_told(thread, up_to),
                false => tx.rest_read_upload(thread, next),
            }
        });
    }

    fn failures_to_tell(&self, thread: ThreadId) -> u32 {
        let upload = self.store.read_upload(thread).ok().flatten();
        upload.map_or(0, |upload| upload.attempts)
    }
}
