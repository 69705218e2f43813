//! Marks: how far everybody has got and read, as each may see it.
//!
//! A read mark is shown to others only where both sides keep read receipts on. Own devices always see their user's.

use super::cursor::{self, Kind};
use super::{Answer, LiveEvent, Refusal, Service, Wake};
use crate::storage::{ChangedMarks, FirstMoves, Mark, Moved, RaiseRead, Reached};
use sealwire_wire::contract::{
    DeviceName, ErrorCode, FailedRecipient, Receipt, Receipts, RecipientState, ServerEvent,
    ThreadMarks, UserMarks,
};
use sealwire_wire::{MessageId, ThreadId, UserId};

/// Marks of one page at catch-up.
const PAGE: u32 = 500;

/// Some of the marks that a device has not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarksPage {
    /// One a thread.
    pub threads: Vec<ThreadMarks>,
    /// Where to go on, now or at the next connection.
    pub cursor: MarksCursor,
    /// Whether there were more.
    pub has_more: bool,
}

/// A place among the changes of marks, and among the words on messages that did not reach somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MarksCursor {
    marks: u64,
    failures: u64,
}

impl Service {
    /// Everything up to this message is read.
    pub async fn mark_read(
        &self,
        caller: &DeviceName,
        thread: ThreadId,
        up_to: MessageId,
    ) -> Answer<Wake> {
        self.authorise(caller).await?;
        self.own_thread(&caller.user_id, thread).await?;
        if !self
            .storage
            .threads_of_message(up_to)
            .await?
            .contains(&thread)
        {
            return Err(Refusal::new(
                ErrorCode::NotFound,
                "no such message in this thread",
            ));
        }
        let shown = self.privacy(&caller.user_id).await?.settings.read_receipts;
        let at = self.clock.now();
        let raised = self
            .storage
            .raise_read(RaiseRead {
                thread_id: thread,
                user_id: caller.user_id.clone(),
                up_to,
                shown,
                at,
            })
            .await?;
        let mut wake = Wake::default();
        if let Some(moved) = raised {
            let new = Reached { up_to, at };
            wake.live = self.tell_read(caller, &moved, new, shown).await?;
        }
        Ok(wake)
    }

    /// How far a message has come, for each recipient.
    pub async fn receipts(&self, caller: &DeviceName, message: MessageId) -> Answer<Receipts> {
        let row = self.message(caller, message).await?;
        let thread = self.own_thread(&caller.user_id, row.thread_id).await?;
        let moves = self.storage.first_moves(row.thread_id, message).await?;
        // What did not reach somebody is the sender's to know.
        let failures = if caller.user_id == row.sender_id {
            self.storage.failures_of(row.thread_id, message).await?
        } else {
            Vec::new()
        };
        let mut recipients = Vec::new();
        for user in thread.participants {
            if user == row.sender_id {
                continue;
            }
            let shown = self.shows_reads(&user, &caller.user_id).await?;
            let is_own = user == caller.user_id;
            let covered = moves.iter().find(|moves| moves.user_id == user);
            let failed = failures.iter().find(|failed| failed.user_id == user);
            recipients.push(match failed {
                Some(failed) => not_reached(failed),
                None => receipt(user, covered, is_own, shown),
            });
        }
        Ok(Receipts {
            message_id: message,
            recipients,
        })
    }

    /// The place that a text names; without one, the beginning.
    pub fn marks_cursor(&self, caller: &UserId, text: Option<&str>) -> Answer<MarksCursor> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(MarksCursor::default());
        };
        let place = cursor::read(&self.relay_key, Kind::Marks, own_scope(caller), text)?;
        Ok(MarksCursor {
            marks: place as u64,
            failures: (place >> 64) as u64,
        })
    }

    /// The text of a place.
    pub fn write_marks_cursor(&self, caller: &UserId, place: MarksCursor) -> Answer<String> {
        cursor::write(
            &self.relay_key,
            Kind::Marks,
            own_scope(caller),
            u128::from(place.failures) << 64 | u128::from(place.marks),
        )
    }

    /// Marks that changed after a place, as the caller may see them.
    pub async fn marks_after(&self, caller: &DeviceName, after: MarksCursor) -> Answer<MarksPage> {
        self.authorise(caller).await?;
        let ChangedMarks {
            marks,
            up_to,
            has_more,
        } = self
            .storage
            .marks_changed(caller.user_id.clone(), after.marks, PAGE)
            .await?;
        let mut threads = Vec::new();
        for (thread_id, mark) in marks {
            let mark = self.as_seen(&caller.user_id, mark).await?;
            of_thread(&mut threads, thread_id).marks.push(mark);
        }
        let failures = self
            .storage
            .failures_after(caller.user_id.clone(), after.failures, PAGE)
            .await?;
        let cursor = MarksCursor {
            marks: up_to,
            failures: failures.last().map_or(after.failures, |last| last.number),
        };
        let has_more = has_more || failures.len() == PAGE as usize;
        for failure in failures {
            let of = of_thread(&mut threads, failure.thread_id);
            of.failed.push(failure.failed);
        }
        Ok(MarksPage {
            threads,
            cursor,
            has_more,
        })
    }

    /// A mark as one user may see it.
    pub(super) async fn as_seen(&self, viewer: &UserId, mark: Mark) -> Answer<UserMarks> {
        let is_own = mark.user_id == *viewer;
        let read = if is_own {
            mark.read
        } else if self.shows_reads(&mark.user_id, viewer).await? {
            mark.shown_read
        } else {
            None
        };
        Ok(UserMarks {
            version: if is_own {
                mark.version
            } else {
                mark.shown_version
            },
            user_id: mark.user_id,
            delivered_up_to: mark.delivered.map(|reached| reached.up_to),
            delivered_at: mark.delivered.map(|reached| reached.at),
            read_up_to: read.map(|reached| reached.up_to),
            read_at: read.map(|reached| reached.at),
        })
    }

    /// Whether both keep read receipts on.
    async fn shows_reads(&self, reader: &UserId, viewer: &UserId) -> Answer<bool> {
        Ok(self.privacy(reader).await?.settings.read_receipts
            && self.privacy(viewer).await?.settings.read_receipts)
    }

    /// Whom to tell what of a read mark that moved.
    async fn tell_read(
        &self,
        reader: &DeviceName,
        moved: &Moved,
        new: Reached,
        shown: bool,
    ) -> Answer<Vec<LiveEvent>> {
        let Moved {
            thread_id, mark, ..
        } = moved;
        let read = |version| ServerEvent::Read {
            thread_id: *thread_id,
            user_id: reader.user_id.clone(),
            up_to_msg_id: new.up_to,
            at: new.at,
            version,
        };
        let (mut told_read, mut told_delivered) = (Vec::new(), Vec::new());
        for user in &moved.participants {
            if *user == reader.user_id {
                continue;
            }
            if shown && self.privacy(user).await?.settings.read_receipts {
                told_read.push(user.clone());
            } else {
                told_delivered.push(user.clone());
            }
        }
        let live = |to, event| LiveEvent {
            to,
            except: Some(reader.clone()),
            event,
        };
        let mut all = Vec::new();
        if moved.raised.read {
            all.push(live(vec![reader.user_id.clone()], read(mark.version)));
        }
        if moved.raised.shown_read && !told_read.is_empty() {
            all.push(live(told_read, read(mark.shown_version)));
        }
        if moved.raised.delivered && !told_delivered.is_empty() {
            all.push(live(
                told_delivered,
                delivered_event(moved, new, mark.shown_version),
            ));
        }
        Ok(all)
    }
}

/// Whom to tell that a device's acknowledgement moved its user's mark: everybody else, and the user's other devices.
pub(super) fn delivered(device: &DeviceName, moved: Moved) -> Vec<LiveEvent> {
    let Some(reached) = moved.mark.delivered else {
        return Vec::new();
    };
    let (own, others): (Vec<_>, Vec<_>) = moved
        .participants
        .iter()
        .cloned()
        .partition(|user| *user == device.user_id);
    [
        (own, moved.mark.version),
        (others, moved.mark.shown_version),
    ]
    .into_iter()
    .filter(|(to, _)| !to.is_empty())
    .map(|(to, version)| LiveEvent {
        to,
        except: Some(device.clone()),
        event: delivered_event(&moved, reached, version),
    })
    .collect()
}

fn delivered_event(moved: &Moved, reached: Reached, version: u64) -> ServerEvent {
    ServerEvent::Delivered {
        thread_id: moved.thread_id,
        user_id: moved.mark.user_id.clone(),
        up_to_msg_id: reached.up_to,
        at: reached.at,
        version,
    }
}

/// The marks of this thread among them, added if they are not there.
fn of_thread(threads: &mut Vec<ThreadMarks>, thread_id: ThreadId) -> &mut ThreadMarks {
    let known = threads
        .iter()
        .position(|marks| marks.thread_id == thread_id);
    let at = known.unwrap_or_else(|| {
        threads.push(ThreadMarks {
            thread_id,
            marks: Vec::new(),
            failed: Vec::new(),
        });
        threads.len() - 1
    });
    &mut threads[at]
}

/// The receipt of somebody whom a message did not reach, or is on its way to again.
fn not_reached(failed: &FailedRecipient) -> Receipt {
    let state = match failed.reason {
        Some(_) => RecipientState::Failed,
        None => RecipientState::Sent,
    };
    Receipt {
        user_id: failed.user_id.clone(),
        state,
        delivered_at: None,
        read_at: None,
        failed_at: failed.reason.map(|_| failed.at),
        reason: failed.reason,
    }
}

fn receipt(user_id: UserId, moves: Option<&FirstMoves>, is_own: bool, shown: bool) -> Receipt {
    let delivered_at = moves.and_then(|moves| moves.delivered_at);
    let read_at = moves.and_then(|moves| match (is_own, shown) {
        (true, _) => moves.read_at,
        (false, true) => moves.shown_read_at,
        (false, false) => None,
    });
    let state = match (delivered_at, read_at) {
        (_, Some(_)) => RecipientState::Read,
        (Some(_), None) => RecipientState::Delivered,
        (None, None) => RecipientState::Sent,
    };
    Receipt {
        user_id,
        state,
        delivered_at,
        read_at,
        failed_at: None,
        reason: None,
    }
}

/// What a cursor over all threads of one user is bound to: the id of their thread with themselves.
pub(super) fn own_scope(user: &UserId) -> ThreadId {
    ThreadId::direct(user, user)
}
