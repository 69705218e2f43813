//! What did not reach its recipients, in memory.

use super::messages::keep;
use super::queues::{append, is_live, queue_messages};
use super::state::{Entry, MessageState, State, ThreadState, What};
use super::{Memory, Pending};
use crate::storage::{Ended, FailUndelivered, Failure, Failures, Requeue, Requeued};
use sealwire_wire::contract::{
    DeviceEnvelope, DeviceName, EnvelopeBody, FailedRecipient, FailureReason, Removal,
    RemovalReason, SentMessage, ServerEvent,
};
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};
use std::collections::BTreeSet;

impl Failures for Memory {
    fn expired_messages(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Pending<'_, Vec<(ThreadId, MessageId)>> {
        self.step(|state| {
            let mut due: Vec<_> = state
                .threads
                .iter()
                .flat_map(|(id, thread)| thread.messages.values().map(move |one| (id, one)))
                .filter_map(|(id, one)| Some((expires_at(one)?, *id, one.row.id)))
                .filter(|(at, ..)| *at <= now)
                .collect();
            due.sort_unstable();
            let due = due.into_iter().take(limit as usize);
            due.map(|(_, thread, id)| (thread, id)).collect()
        })
    }

    fn expire_message(
        &self,
        thread: ThreadId,
        id: MessageId,
        now: Timestamp,
    ) -> Pending<'_, Ended> {
        self.step(|state| {
            let Some(of) = state.threads.get(&thread) else {
                return Ended::default();
            };
            let Some(message) = of.messages.get(&id) else {
                return Ended::default();
            };
            if expires_at(message).is_none_or(|at| at > now) {
                return Ended::default();
            }
            let sender = message.row.sender_id.clone();
            let people = of.record.participants.clone();
            // Whatever waits for it later finds its place among the others.
            let mut told = queue_messages(state, thread, id, now);
            let mut failures = Vec::new();
            for user in people.iter().filter(|user| **user != sender) {
                failures.extend(fail(state, thread, id, user, FailureReason::Expired, now));
            }
            let had = devices_that_had(state, thread, id, &people);
            let removal = Removal {
                reason: RemovalReason::Expired,
                at: now,
            };
            let mut waiting = Vec::new();
            if let Some((of, message)) = both(state, thread, id) {
                *of += 1;
                message.change = *of;
                message.row.ciphertext.0.clear();
                message.row.removed = Some(removal);
                waiting = std::mem::take(&mut message.envelopes).into_keys().collect();
            }
            for device in waiting {
                let was = What::Message(thread, id);
                for entry in entries(state, &device).filter(|entry| entry.what == was) {
                    entry.what = What::Gone(thread, id);
                }
            }
            for device in &had {
                let event = ServerEvent::Del {
                    thread_id: thread,
                    message_id: id,
                    removed: removal,
                };
                append(state, device, What::Other(event), now);
            }
            told.extend(had);
            Ended { told, failures }
        })
    }

    fn fail_undelivered(&self, step: FailUndelivered) -> Pending<'_, Vec<Failure>> {
        self.step(|state| {
            let thread = step.thread_id;
            let Some(of) = state.threads.get(&thread) else {
                return Vec::new();
            };
            let waiting: Vec<MessageId> = of
                .messages
                .values()
                .filter(|one| one.row.sender_id == step.sender)
                .filter(|one| one.envelopes.keys().any(|to| to.user_id == step.recipient))
                .map(|one| one.row.id)
                .collect();
            let mut failures = Vec::new();
            for id in waiting {
                let failed = fail(state, thread, id, &step.recipient, step.reason, step.at);
                if failed.is_some() {
                    let mut dropped = Vec::new();
                    if let Some((_, message)) = both(state, thread, id) {
                        message.envelopes.retain(|to, _| {
                            let stays = to.user_id != step.recipient;
                            if !stays {
                                dropped.push(to.clone());
                            }
                            stays
                        });
                    }
                    for device in dropped {
                        take_out(state, &device, &What::Message(thread, id));
                    }
                }
                failures.extend(failed);
            }
            failures
        })
    }

    fn failures_of(&self, thread: ThreadId, id: MessageId) -> Pending<'_, Vec<FailedRecipient>> {
        self.step(|state| {
            let of = state.failures.iter();
            of.filter(|((of, message, _), _)| (*of, *message) == (thread, id))
                .map(|(_, failure)| failure.failed.clone())
                .collect()
        })
    }

    fn failures_after(&self, sender: UserId, after: u64, limit: u32) -> Pending<'_, Vec<Failure>> {
        self.step(|state| {
            let mut found: Vec<Failure> = state
                .failures
                .values()
                .filter(|failure| failure.sender_id == sender && failure.number > after)
                .cloned()
                .collect();
            found.sort_unstable_by_key(|failure| failure.number);
            found.truncate(limit as usize);
            found
        })
    }

    fn requeue(&self, step: Requeue) -> Pending<'_, Option<Requeued>> {
        self.step(|state| {
            let (name, thread) = (&step.name, step.name.thread_id);
            let of = state.threads.get(&thread)?;
            let id = *of.by_send.get(&(name.sender.clone(), name.client_seq))?;
            let row = &of.messages.get(&id)?.row;
            if row.requeued_at.unwrap_or(row.created_at) >= step.at {
                return None;
            }
            let failed_for = |user: &UserId| {
                let known = state.failures.get(&(thread, id, user.clone()));
                known.is_some_and(|failure| failure.failed.reason.is_some())
            };
            let fresh: Vec<_> = step
                .envelopes
                .iter()
                .filter(|envelope| failed_for(&envelope.user_id))
                .filter(|envelope| is_live(state, &addressee(envelope)))
                .cloned()
                .collect();
            if fresh.is_empty() {
                return None;
            }
            let (change, message) = both(state, thread, id)?;
            *change += 1;
            message.change = *change;
            message.row.ciphertext = step.ciphertext.clone();
            message.row.stamp = step.stamp.clone();
            message.row.requeued_at = Some(step.at);
            message.row.removed = None;
            let created_at = message.row.created_at;
            let (mut told, mut users) = (Vec::new(), BTreeSet::new());
            for one in fresh {
                let device = addressee(&one);
                users.insert(one.user_id);
                let body = EnvelopeBody {
                    kind: one.kind,
                    body: one.body,
                };
                message.envelopes.insert(device.clone(), body);
                told.push(device);
            }
            for device in &told {
                append(state, device, What::Message(thread, id), step.at);
            }
            let failures = users
                .iter()
                .map(|user| put(state, thread, id, &name.sender.user_id, user, None, step.at))
                .collect();
            keep(state, name.clone(), &step.key, step.key_expires_at);
            Some(Requeued {
                answer: SentMessage {
                    id,
                    thread_id: thread,
                    sender_id: name.sender.user_id.clone(),
                    sender_device_id: name.sender.device_id,
                    client_seq: name.client_seq,
                    created_at,
                    requeued_at: Some(step.at),
                },
                told,
                failures,
            })
        })
    }
}

fn addressee(envelope: &DeviceEnvelope) -> DeviceName {
    DeviceName {
        user_id: envelope.user_id.clone(),
        device_id: envelope.device_id,
    }
}

/// A message that has not reached this recipient fails for them, unless it had failed before.
pub(super) fn fail(
    state: &mut State,
    thread: ThreadId,
    id: MessageId,
    recipient: &UserId,
    reason: FailureReason,
    at: Timestamp,
) -> Option<Failure> {
    let of = state.threads.get(&thread)?;
    let sender = of.messages.get(&id)?.row.sender_id.clone();
    let reached = match state.failures.get(&(thread, id, recipient.clone())) {
        Some(known) => known.failed.reason.is_some(),
        None => {
            has_got(of, id, recipient)
                || state
                    .delivered_ahead
                    .contains(&(thread, recipient.clone(), id))
        }
    };
    (!reached).then(|| put(state, thread, id, &sender, recipient, Some(reason), at))
}

/// What is on its way again has reached its recipient: no word on it any more, the marks say it.
pub(super) fn reached_again(
    state: &mut State,
    thread: ThreadId,
    id: MessageId,
    user: &UserId,
) -> bool {
    let place = (thread, id, user.clone());
    let known = state.failures.get(&place);
    let was = known.is_some_and(|failure| failure.failed.reason.is_none());
    if was {
        state.failures.remove(&place);
    }
    was
}

fn has_got(thread: &ThreadState, id: MessageId, user: &UserId) -> bool {
    let mark = thread.marks.get(user);
    mark.and_then(|mark| mark.mark.delivered)
        .is_some_and(|reached| reached.up_to >= id)
}

fn put(
    state: &mut State,
    thread: ThreadId,
    id: MessageId,
    sender: &UserId,
    recipient: &UserId,
    reason: Option<FailureReason>,
    at: Timestamp,
) -> Failure {
    state.last_failure += 1;
    let failure = Failure {
        number: state.last_failure,
        thread_id: thread,
        sender_id: sender.clone(),
        failed: FailedRecipient {
            message_id: id,
            user_id: recipient.clone(),
            reason,
            at,
        },
    };
    let place = (thread, id, recipient.clone());
    state.failures.insert(place, failure.clone());
    failure
}

fn expires_at(message: &MessageState) -> Option<Timestamp> {
    let row = &message.row;
    let from = row.requeued_at.unwrap_or(row.created_at);
    let ttl = row.ttl_seconds.filter(|_| row.removed.is_none())?;
    Some(from.plus_ms(u64::from(ttl) * 1000))
}

/// The thread's change number, and a message of it.
fn both(
    state: &mut State,
    thread: ThreadId,
    id: MessageId,
) -> Option<(&mut u64, &mut MessageState)> {
    let thread = state.threads.get_mut(&thread)?;
    let message = thread.messages.get_mut(&id)?;
    Some((&mut thread.last_change, message))
}

/// Live devices that were there before the message, the sending one apart, with nothing of it waiting, of nobody for whom it
/// failed.
fn devices_that_had(
    state: &State,
    thread: ThreadId,
    id: MessageId,
    people: &[UserId],
) -> Vec<DeviceName> {
    let Some(message) = state
        .threads
        .get(&thread)
        .and_then(|thread| thread.messages.get(&id))
    else {
        return Vec::new();
    };
    let row = &message.row;
    let queued_at = row.requeued_at.unwrap_or(row.created_at);
    people
        .iter()
        .filter(|user| !state.failures.contains_key(&(thread, id, (*user).clone())))
        .filter_map(|user| Some((user, state.accounts.get(user)?)))
        .flat_map(|(user, account)| account.devices.values().map(move |device| (user, device)))
        .filter(|(_, device)| device.is_live() && device.registered_at <= queued_at)
        .map(|(user, device)| DeviceName {
            user_id: user.clone(),
            device_id: device.device_id,
        })
        .filter(|name| (&name.user_id, name.device_id) != (&row.sender_id, row.sender_device_id))
        .filter(|name| !message.envelopes.contains_key(name))
        .collect()
}

fn take_out(state: &mut State, device: &DeviceName, what: &What) {
    if let Some(queue) = state.queues.get_mut(device) {
        queue.placed.retain(|_, entry| entry.what != *what);
        for lane in queue.lanes.values_mut() {
            lane.retain(|entry| entry.what != *what);
        }
    }
}

/// Everything in the device's queue.
fn entries<'a>(
    state: &'a mut State,
    device: &DeviceName,
) -> impl Iterator<Item = &'a mut Entry> + use<'a> {
    let queue = state.queues.get_mut(device).into_iter();
    queue.flat_map(|queue| {
        let waiting = queue.lanes.values_mut().flatten();
        queue.placed.values_mut().chain(waiting)
    })
}
