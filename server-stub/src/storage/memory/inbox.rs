//! The inbox in memory: counted anew each time.

use super::state::{PreferencesState, State, ThreadState, What};
use super::{Memory, Pending, queues};
use crate::storage::{Inbox, InboxRecord};
use sealwire_wire::contract::{DeviceName, MessageKind, ServerEvent, ThreadPreferences};
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};

impl Inbox for Memory {
    fn inbox(
        &self,
        user: UserId,
        before: Option<MessageId>,
        limit: u32,
    ) -> Pending<'_, Vec<InboxRecord>> {
        self.step(|state| {
            let own = state
                .threads
                .values()
                .filter(|thread| thread.record.participants.contains(&user));
            let mut all: Vec<InboxRecord> = own
                .map(|thread| record(thread, &user))
                .filter(|record| before.is_none_or(|before| record.place() < before))
                .collect();
            all.sort_by_key(|record| std::cmp::Reverse(record.place()));
            all.truncate(limit as usize);
            all
        })
    }

    fn put_preferences(
        &self,
        thread: ThreadId,
        user: UserId,
        mine: ThreadPreferences,
    ) -> Pending<'_, ()> {
        self.step(|state| {
            if let Some(thread) = state.threads.get_mut(&thread) {
                let preferences = PreferencesState {
                    mine,
                    queued: false,
                };
                thread.preferences.insert(user, preferences);
            }
        })
    }
}

fn record(thread: &ThreadState, user: &UserId) -> InboxRecord {
    let messages = || {
        let all = thread.messages.iter();
        all.filter(|(_, message)| message.row.kind == MessageKind::Message)
    };
    let mark = thread.marks.get(user).and_then(|mark| mark.mark.read);
    let unread = messages().filter(|(id, message)| {
        message.row.sender_id != *user
            && message.row.removed.is_none()
            && mark.is_none_or(|mark| **id > mark.up_to)
    });
    InboxRecord {
        thread: thread.record.clone(),
        last_message: messages().next_back().map(|(id, _)| *id),
        unread: unread.count() as u64,
        mine: mine(thread, user),
        marks: thread
            .marks
            .values()
            .map(|mark| mark.mark.clone())
            .collect(),
    }
}

/// What a user wants of a thread.
pub(super) fn mine(thread: &ThreadState, user: &UserId) -> ThreadPreferences {
    let preferences = thread.preferences.get(user);
    preferences.map_or_else(ThreadPreferences::default, |preferences| preferences.mine)
}

/// What a user wants of their threads is told to all their devices once more: one of them is new.
pub(super) fn tell_preferences_again(state: &mut State, user: &UserId) {
    for thread in state.threads.values_mut() {
        if let Some(preferences) = thread.preferences.get_mut(user) {
            preferences.queued = false;
        }
    }
}

/// The entries of all of a user's preferences that are due.
pub(super) fn queue_preferences_of(
    state: &mut State,
    user: &UserId,
    now: Timestamp,
) -> Vec<DeviceName> {
    let threads: Vec<ThreadId> = state.threads.keys().copied().collect();
    let queued = threads
        .into_iter()
        .flat_map(|thread| queue_preferences(state, thread, user, now));
    queued.collect()
}

/// The entries of all live devices, the one that set them too, for preferences that are due.
pub(super) fn queue_preferences(
    state: &mut State,
    thread_id: ThreadId,
    user: &UserId,
    now: Timestamp,
) -> Vec<DeviceName> {
    let thread = state.threads.get_mut(&thread_id);
    let Some(preferences) = thread.and_then(|thread| thread.preferences.get_mut(user)) else {
        return Vec::new();
    };
    if std::mem::replace(&mut preferences.queued, true) {
        return Vec::new();
    }
    let told: Vec<DeviceName> = state
        .accounts
        .get(user)
        .into_iter()
        .flat_map(|account| account.devices.values())
        .filter(|device| device.is_live())
        .map(|device| DeviceName {
            user_id: user.clone(),
            device_id: device.device_id,
        })
        .collect();
    for device in &told {
        let event = ServerEvent::Thread {
            thread_id,
            mine: None,
        };
        queues::append(state, device, What::Other(event), now);
    }
    told
}
