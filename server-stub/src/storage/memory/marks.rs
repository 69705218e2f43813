//! Marks in memory.

use super::state::{MarkState, State, ThreadState, What};
use super::{Memory, Pending};
use crate::storage::{ChangedMarks, FirstMoves, Mark, Marks, Moved, RaiseRead, Raised, Reached};
use sealwire_wire::contract::DeviceName;
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};

impl Marks for Memory {
    fn raise_read(&self, step: RaiseRead) -> Pending<'_, Option<Moved>> {
        self.step(|state| {
            let to = Reached {
                up_to: step.up_to,
                at: step.at,
            };
            raise(state, step.thread_id, &step.user_id, |mark| Raised {
                delivered: push(&mut mark.delivered, &mut mark.mark.delivered, to),
                read: push(&mut mark.read, &mut mark.mark.read, to),
                shown_read: step.shown && push(&mut mark.shown_read, &mut mark.mark.shown_read, to),
            })
        })
    }

    fn marks(&self, thread: ThreadId) -> Pending<'_, Vec<Mark>> {
        self.step(|state| {
            let thread = state.threads.get(&thread);
            thread.map_or_else(Vec::new, |thread| {
                thread
                    .marks
                    .values()
                    .map(|mark| mark.mark.clone())
                    .collect()
            })
        })
    }

    fn marks_changed(&self, user: UserId, after: u64, limit: u32) -> Pending<'_, ChangedMarks> {
        self.step(|state| {
            let newest = state.last_mark_change;
            let after = if after > newest { 0 } else { after };
            let mut changed = BTreeMap::new();
            for (id, thread) in &state.threads {
                if thread.record.participants.contains(&user) {
                    for mark in thread.marks.values() {
                        let change = if mark.mark.user_id == user {
                            mark.change
                        } else {
                            mark.shown_change
                        };
                        if change > after {
                            changed.insert(change, (*id, mark.mark.clone()));
                        }
                    }
                }
            }
            let has_more = changed.len() > limit as usize;
            let page: Vec<_> = changed.into_iter().take(limit as usize).collect();
            ChangedMarks {
                up_to: match page.last() {
                    Some((change, _)) if has_more => *change,
                    _ => newest,
                },
                marks: page.into_iter().map(|(_, mark)| mark).collect(),
                has_more,
            }
        })
    }

    fn first_moves(&self, thread: ThreadId, id: MessageId) -> Pending<'_, Vec<FirstMoves>> {
        self.step(|state| {
            let first = |moves: &[Reached]| {
                let covering = moves.iter().find(|reached| reached.up_to >= id);
                covering.map(|reached| reached.at)
            };
            let thread = state.threads.get(&thread);
            thread.map_or_else(Vec::new, |thread| {
                let all = thread.marks.iter().map(|(user, mark)| FirstMoves {
                    user_id: user.clone(),
                    delivered_at: first(&mark.delivered),
                    read_at: first(&mark.read),
                    shown_read_at: first(&mark.shown_read),
                });
                all.collect()
            })
        })
    }
}

/// Raises the delivered marks of the device's user for messages that the device has just acknowledged.
pub(super) fn delivered(
    state: &mut State,
    device: &DeviceName,
    acknowledged: Vec<(ThreadId, MessageId)>,
    now: Timestamp,
) -> Vec<Moved> {
    let threads: BTreeSet<ThreadId> = acknowledged.iter().map(|(thread, _)| *thread).collect();
    let mut all = Vec::new();
    for id in threads {
        let Some(thread) = state.threads.get(&id) else {
            continue;
        };
        let of_others = |id: &MessageId| {
            let message = thread.messages.get(id);
            message.is_some_and(|message| message.row.sender_id != device.user_id)
        };
        let place = (device.clone(), id);
        let newest = acknowledged
            .iter()
            .filter(|(of, message)| *of == id && of_others(message))
            .map(|(_, message)| *message)
            .chain(state.acknowledged_ahead.get(&place).copied())
            .max();
        let hole = waiting(state, device, id);
        let up_to = match (newest, hole) {
            (Some(reached), Some(hole)) if hole < reached => {
                let below = thread.messages.keys().rev();
                let below = below.copied().find(|id| *id < hole && of_others(id));
                let ahead = acknowledged
                    .iter()
                    .filter(|(of, message)| *of == id && *message > hole && of_others(message));
                state
                    .delivered_ahead
                    .extend(ahead.map(|(_, message)| (id, device.user_id.clone(), *message)));
                state.acknowledged_ahead.insert(place, reached);
                below
            }
            _ => {
                state.acknowledged_ahead.remove(&place);
                state.delivered_ahead.retain(|(of, user, message)| {
                    (*of, user) != (id, &device.user_id)
                        || newest.is_some_and(|up_to| *message > up_to)
                });
                newest
            }
        };
        if let Some(up_to) = up_to {
            all.extend(raise(state, id, &device.user_id, |mark| {
                let to = Reached { up_to, at: now };
                Raised {
                    delivered: push(&mut mark.delivered, &mut mark.mark.delivered, to),
                    ..Raised::default()
                }
            }));
        }
    }
    all
}

/// The oldest message of the thread that waits in the device's queue, of those that reached no other device.
fn waiting(state: &State, device: &DeviceName, thread: ThreadId) -> Option<MessageId> {
    let marks = &state.threads.get(&thread)?.marks;
    let mark = marks
        .get(&device.user_id)
        .and_then(|known| known.mark.delivered);
    let queue = state.queues.get(device)?;
    let entries = queue.placed.values().chain(queue.lanes.values().flatten());
    entries
        .filter_map(|entry| match &entry.what {
            What::Message(of, id) if *of == thread => Some(*id),
            _ => None,
        })
        .filter(|id| mark.is_none_or(|mark| mark.up_to < *id))
        .min()
}

/// Does the moves to a mark; the mark, if it moved.
/// A message below the delivered mark was on its way again and is there: the mark says so with its time.
pub(super) fn delivered_again(
    state: &mut State,
    thread: ThreadId,
    user: &UserId,
    now: Timestamp,
) -> Option<Moved> {
    raise(state, thread, user, |known| {
        match &mut known.mark.delivered {
            Some(reached) => {
                reached.at = now;
                Raised::DELIVERED
            }
            None => Raised::default(),
        }
    })
}

fn raise(
    state: &mut State,
    thread: ThreadId,
    user: &UserId,
    moves: impl FnOnce(&mut MarkState) -> Raised,
) -> Option<Moved> {
    let ThreadState { marks, record, .. } = state.threads.get_mut(&thread)?;
    let known = marks.entry(user.clone()).or_insert_with(|| MarkState {
        mark: Mark::none(user.clone()),
        change: 0,
        shown_change: 0,
        delivered: Vec::new(),
        read: Vec::new(),
        shown_read: Vec::new(),
    });
    let raised = moves(known);
    if raised == Raised::default() {
        return None;
    }
    state.last_mark_change += 1;
    known.change = state.last_mark_change;
    known.mark.version += 1;
    if raised.delivered || raised.shown_read {
        known.shown_change = state.last_mark_change;
        known.mark.shown_version += 1;
    }
    Some(Moved {
        thread_id: thread,
        participants: record.participants.clone(),
        mark: known.mark.clone(),
        raised,
    })
}

/// Whether the mark moved: not if it stands there or above.
fn push(moves: &mut Vec<Reached>, mark: &mut Option<Reached>, to: Reached) -> bool {
    if mark.is_some_and(|mark| mark.up_to >= to.up_to) {
        return false;
    }
    *mark = Some(to);
    moves.push(to);
    true
}
