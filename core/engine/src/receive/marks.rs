//! What the relay says of marks: how far everybody is, whom a message did not reach, and what this account wants of a thread;
//! and which lists and histories are to be had again.
//!
//! It is the relay's word alone: nobody signs a receipt. So marks only rise, only for people of the thread, and open nothing.

use super::NUMBER_MAX;
use crate::account::Me;
use crate::settings::{self, is_cursor};
use crate::{Engine, EngineError, Event, Message, MessageContent, MessageState};
use sealwire_store::{LocalId, MarkMove, NewMark, NewUnreached, Rows, Transaction};
use sealwire_wire::contract::{
    FailedRecipient, FailureReason, ServerEvent, ThreadMarks, UserMarks,
};
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// Where the next catch-up's marks begin.
pub(crate) const MARKS_SINCE: &str = "marks_since";

/// Messages whose new state is told one by one, a thread and batch of frames; of older ones [`Event::MarksMoved`] alone tells.
const STATES_TOLD_MAX: u32 = 100;

/// What a batch of frames changed, committed when it is told.
#[derive(Default)]
pub(crate) struct MarkNews {
    moved: BTreeMap<(ThreadId, UserId), MarkMove>,
    /// Messages with another state than before, oldest first within their thread.
    states: Vec<Message>,
    /// Threads whose preferences are others than before.
    preferred: BTreeSet<ThreadId>,
}

/// Whether [`commit`] has anything to do with it.
pub(crate) fn is_kept(event: &ServerEvent) -> bool {
    matches!(
        event,
        ServerEvent::Delivered { .. }
            | ServerEvent::Read { .. }
            | ServerEvent::Marks { .. }
            | ServerEvent::MarksEnd { .. }
            | ServerEvent::Thread { mine: Some(_), .. }
            | ServerEvent::Devices { .. }
            | ServerEvent::Resync {}
    )
}

/// Takes in what these events say, in the transaction that the acknowledgement waits for.
pub(crate) fn commit<'a>(
    tx: &mut Transaction<'_>,
    me: &Me,
    events: impl IntoIterator<Item = &'a ServerEvent>,
) -> Result<MarkNews, EngineError> {
    let mut keeper = Keeper {
        me: &me.user,
        shows_reads: settings::held(tx)?.read_receipts,
        news: MarkNews::default(),
        arrived: BTreeSet::new(),
    };
    let mut unreached = BTreeSet::new();
    for event in events {
        match event {
            ServerEvent::Delivered {
                thread_id,
                user_id,
                up_to_msg_id,
                at,
                version,
            } => keeper.raise(
                tx,
                NewMark {
                    thread: *thread_id,
                    user: user_id.clone(),
                    delivered: Some((*up_to_msg_id, *at)),
                    read: None,
                    version: *version,
                },
            )?,
            ServerEvent::Read {
                thread_id,
                user_id,
                up_to_msg_id,
                at,
                version,
            } => keeper.raise(
                tx,
                NewMark {
                    thread: *thread_id,
                    user: user_id.clone(),
                    delivered: None,
                    read: Some((*up_to_msg_id, *at)),
                    version: *version,
                },
            )?,
            ServerEvent::Marks { marks } => {
                let ThreadMarks {
                    thread_id, failed, ..
                } = &**marks;
                for mark in &marks.marks {
                    keeper.raise(tx, new_mark(*thread_id, mark))?;
                }
                for failed in failed {
                    if keeper.note_failed(tx, *thread_id, failed)? {
                        unreached.insert((*thread_id, failed.message_id));
                    }
                }
            }
            ServerEvent::MarksEnd { cursor } if is_cursor(cursor) => {
                tx.set_setting(MARKS_SINCE, cursor.as_bytes())?;
            }
            ServerEvent::Thread {
                thread_id,
                mine: Some(mine),
            } if mine.muted_until.is_none_or(|at| at.0 <= NUMBER_MAX)
                && tx.set_preferences(*thread_id, mine)? =>
            {
                keeper.news.preferred.insert(*thread_id);
            }
            ServerEvent::Devices { user_id, .. } => tx.list_changed(user_id)?,
            ServerEvent::Resync {} => {
                super::resync::begin(tx)?;
                tx.all_lists_changed()?;
            }
            _ => {}
        }
    }
    unreached.append(&mut keeper.arrived);
    let mut news = keeper.news;
    news.states = states(tx, &me.user, &news.moved, &unreached)?;
    for message in &news.states {
        let arrived = matches!(message.state, MessageState::Delivered | MessageState::Read);
        if arrived && message.content == MessageContent::Removed {
            // Its time was over before; it was kept for a repeat.
            tx.delete_send(LocalId(message.local_id))?;
        }
    }
    Ok(news)
}

struct Keeper<'a> {
    me: &'a UserId,
    shows_reads: bool,
    news: MarkNews,
    /// What was on its way again and is there now.
    arrived: BTreeSet<(ThreadId, MessageId)>,
}

impl Keeper<'_> {
    fn raise(&mut self, tx: &mut Transaction<'_>, mut new: NewMark) -> Result<(), EngineError> {
        let times = [new.delivered, new.read].into_iter().flatten();
        let in_range = times
            .map(|(_, at)| at.0)
            .chain([new.version])
            .all(|n| n <= NUMBER_MAX);
        if !in_range || !takes_part(tx, self.me, new.thread, &new.user)? {
            return Ok(());
        }
        // Whoever lets nobody know what they have read is not shown what others have.
        if !self.shows_reads && new.user != *self.me {
            new.delivered = new.delivered.max(new.read);
            new.read = None;
        }
        let again = tx.on_their_way_again(new.thread, &new.user, STATES_TOLD_MAX)?;
        #[cfg(feature = "planted")]
        let held = lowered(tx, &new)?;
        let Some(moved) = tx.raise_marks(&new)? else {
            return Ok(());
        };
        #[cfg(feature = "planted")]
        let moved = MarkMove {
            before: held.unwrap_or(moved.before),
            ..moved
        };
        if moved.arrived {
            let reached = again
                .into_iter()
                .filter(|id| Some(*id) <= moved.after.delivered_up_to);
            self.arrived.extend(reached.map(|id| (new.thread, id)));
        }
        if moved.moved() {
            let name = (new.thread, new.user);
            let all = self.news.moved.entry(name).or_insert(moved);
            all.after = moved.after;
        }
        Ok(())
    }

    fn note_failed(
        &self,
        tx: &mut Transaction<'_>,
        thread: ThreadId,
        failed: &FailedRecipient,
    ) -> Result<bool, EngineError> {
        let placed = tx.thread(thread)?.is_some()
            && failed.user_id != *self.me
            && takes_part(tx, self.me, thread, &failed.user_id)?;
        if !placed || failed.at.0 > NUMBER_MAX {
            return Ok(false);
        }
        // A message of somebody else is nothing that this account waits for.
        let theirs = tx
            .message_by_id(thread, failed.message_id)?
            .is_some_and(|message| message.sender != *self.me);
        Ok(!theirs
            && tx.note_unreached(&NewUnreached {
                thread,
                message: failed.message_id,
                user: failed.user_id.clone(),
                reason: failed.reason.map(|reason| reason_code(reason).to_owned()),
                at: failed.at,
            })?)
    }
}

/// The marks that are held, made to fall where a simulation wants that they do.
#[cfg(feature = "planted")]
fn lowered(
    tx: &mut Transaction<'_>,
    new: &NewMark,
) -> Result<Option<sealwire_store::Marks>, EngineError> {
    let held = tx.marks(new.thread, &new.user)?;
    if crate::planted::has(crate::planted::Planted::MarksGoBack) {
        tx.lower_marks(new)?;
    }
    Ok(held)
}

/// Whether the marks of this user in this thread concern this account: a 1:1 thread's id is made of its two users.
fn takes_part(
    rows: &Rows,
    me: &UserId,
    thread: ThreadId,
    user: &UserId,
) -> Result<bool, EngineError> {
    Ok(match rows.thread(thread)? {
        Some(row) => user == me || row.peer.as_ref() == Some(user),
        // Own marks of a thread whose first message waits for something still.
        None => user == me || ThreadId::direct(me, user) == thread,
    })
}

fn new_mark(thread: ThreadId, mark: &UserMarks) -> NewMark {
    NewMark {
        thread,
        user: mark.user_id.clone(),
        delivered: mark
            .delivered_up_to
            .map(|id| (id, time_of(mark.delivered_at))),
        read: mark.read_up_to.map(|id| (id, time_of(mark.read_at))),
        version: mark.version,
    }
}

fn time_of(at: Option<Timestamp>) -> Timestamp {
    at.unwrap_or_default()
}

fn reason_code(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::Expired => "expired",
        FailureReason::Blocked => "blocked",
        FailureReason::Unknown => "unknown",
    }
}

/// The messages of this account that stand elsewhere than before, the newest of each thread.
fn states(
    rows: &Rows,
    me: &UserId,
    moved: &BTreeMap<(ThreadId, UserId), MarkMove>,
    unreached: &BTreeSet<(ThreadId, MessageId)>,
) -> Result<Vec<Message>, EngineError> {
    let mut states = BTreeMap::new();
    for ((thread, _), moved) in moved.iter().filter(|((_, user), _)| user != me) {
        let (before, after) = (&moved.before, &moved.after);
        let delivered_from = before.delivered_up_to.max(after.read_up_to);
        for (above, up_to, state) in [
            (before.read_up_to, after.read_up_to, MessageState::Read),
            (
                delivered_from,
                after.delivered_up_to,
                MessageState::Delivered,
            ),
        ] {
            let Some(up_to) = up_to.filter(|up_to| Some(*up_to) > above) else {
                continue;
            };
            for row in rows.own_between(*thread, above, up_to, STATES_TOLD_MAX)? {
                let message = Message::from_row(row);
                if message.state == state {
                    states.insert((*thread, message.id, message.local_id), message);
                }
            }
        }
    }
    for (thread, id) in unreached {
        if let Some(row) = rows.message_by_id(*thread, *id)? {
            let message = Message::from_row(row);
            states.insert((*thread, message.id, message.local_id), message);
        }
    }
    Ok(states.into_values().collect())
}

impl Engine {
    /// Tells what is committed.
    pub(crate) fn tell_marks(&mut self, news: MarkNews) {
        for message in news.states {
            let message = Box::new(message);
            self.event(match message.state {
                MessageState::Delivered => Event::MessageDelivered(message),
                MessageState::Read => Event::MessageRead(message),
                MessageState::Failed { .. } => Event::MessageFailed(message),
                // On its way again.
                _ => Event::MessageSent(message),
            });
        }
        for ((thread, user_id), moved) in news.moved {
            self.event(Event::MarksMoved {
                thread,
                user_id,
                delivered_up_to: moved.after.delivered_up_to,
                read_up_to: moved.after.read_up_to,
            });
        }
        for thread in news.preferred {
            self.inbox_changes(thread);
        }
    }
}
