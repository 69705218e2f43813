//! Queues in memory, with the order between lanes drawn when they are read.

use super::failures::reached_again;
use super::state::{ControlState, Dice, Entry, Lane, QueueState, State, ThreadState, What};
use super::{Memory, Pending, inbox, marks};
use crate::storage::{DeviceRecord, DeviceState, Moved, QueueEntry, QueueSource, Queues};
use sealwire_wire::contract::{DeviceName, MessageRow, Removal, RemovalReason, ServerEvent};
use sealwire_wire::{Base64, MessageId, ThreadId, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};

impl Queues for Memory {
    fn queue(&self, source: QueueSource, now: Timestamp) -> Pending<'_, Vec<DeviceName>> {
        self.step(|state| match source {
            QueueSource::Message { thread_id, id } => queue_messages(state, thread_id, id, now),
            QueueSource::List { user_id, version } => queue_list(state, &user_id, version, now),
            QueueSource::Control { id } => queue_control(state, id, now),
            QueueSource::Preferences { thread_id, user_id } => {
                inbox::queue_preferences(state, thread_id, &user_id, now)
            }
        })
    }

    fn not_yet_queued(&self) -> Pending<'_, Vec<QueueSource>> {
        self.step(|state| {
            let messages = state.threads.iter().flat_map(|(thread_id, thread)| {
                let due = thread
                    .messages
                    .iter()
                    .filter(|(_, message)| !message.queued);
                due.map(|(id, _)| QueueSource::Message {
                    thread_id: *thread_id,
                    id: *id,
                })
            });
            let lists = state.accounts.iter().flat_map(|(user, account)| {
                account.to_queue.iter().map(|version| QueueSource::List {
                    user_id: user.clone(),
                    version: *version,
                })
            });
            let controls: BTreeSet<MessageId> = state
                .controls
                .iter()
                .filter(|(_, control)| !control.queued)
                .map(|((id, _), _)| *id)
                .collect();
            let controls = controls.into_iter().map(|id| QueueSource::Control { id });
            let preferences = state.threads.iter().flat_map(|(thread_id, thread)| {
                let due = thread.preferences.iter().filter(|(_, due)| !due.queued);
                due.map(|(user, _)| QueueSource::Preferences {
                    thread_id: *thread_id,
                    user_id: user.clone(),
                })
            });
            messages
                .chain(lists)
                .chain(controls)
                .chain(preferences)
                .collect()
        })
    }

    fn queue_after(
        &self,
        device: DeviceName,
        after: u64,
        limit: u32,
    ) -> Pending<'_, Vec<QueueEntry>> {
        self.step(|state| {
            let State {
                queues,
                dice,
                threads,
                controls,
                ..
            } = state;
            let Some(queue) = queues.get_mut(&device) else {
                return Vec::new();
            };
            let from = after.saturating_add(1);
            while queue.placed.range(from..).count() < limit as usize && place_one(queue, dice) {}
            let entries = queue.placed.range(from..).take(limit as usize);
            entries
                .filter_map(|(position, entry)| {
                    let event = match &entry.what {
                        What::Other(ServerEvent::Thread { thread_id, .. }) => {
                            let thread = threads.get(thread_id)?;
                            ServerEvent::Thread {
                                thread_id: *thread_id,
                                mine: Some(inbox::mine(thread, &device.user_id)),
                            }
                        }
                        What::Other(event) => event.clone(),
                        What::Control(id) => ServerEvent::Control {
                            control: Box::new(
                                controls.get(&(*id, device.clone()))?.message.clone(),
                            ),
                        },
                        What::Message(thread, id) => ServerEvent::Msg {
                            message: Box::new(
                                threads.get(thread)?.messages.get(id)?.read_by(&device),
                            ),
                        },
                        What::Gone(thread, id) => {
                            let row = threads.get(thread)?.messages.get(id)?.row.clone();
                            let (reason, at) = (RemovalReason::Expired, entry.queued_at);
                            ServerEvent::Msg {
                                message: Box::new(MessageRow {
                                    ciphertext: Base64(Vec::new()),
                                    removed: row.removed.or(Some(Removal { reason, at })),
                                    ..row
                                }),
                            }
                        }
                    };
                    Some(QueueEntry {
                        position: *position,
                        event,
                    })
                })
                .collect()
        })
    }

    fn acknowledge(
        &self,
        device: DeviceName,
        positions: Vec<u64>,
        now: Timestamp,
    ) -> Pending<'_, Vec<Moved>> {
        self.step(|state| {
            let Some(queue) = state.queues.get_mut(&device) else {
                return Vec::new();
            };
            let mut acknowledged = Vec::new();
            for position in positions {
                if let Some(entry) = queue.placed.remove(&position) {
                    drop_body(
                        &mut state.threads,
                        &mut state.controls,
                        &device,
                        &entry.what,
                    );
                    if let What::Message(thread, id) = entry.what {
                        acknowledged.push((thread, id));
                    }
                }
            }
            let mut again = BTreeSet::new();
            for (thread, id) in &acknowledged {
                if reached_again(state, *thread, *id, &device.user_id) {
                    again.insert(*thread);
                }
            }
            let mut moved = marks::delivered(state, &device, acknowledged, now);
            for thread in again {
                if !moved.iter().any(|moved| moved.thread_id == thread) {
                    moved.extend(marks::delivered_again(state, thread, &device.user_id, now));
                }
            }
            moved
        })
    }

    fn queued_entries(&self) -> Pending<'_, u64> {
        self.step(|state| {
            let lengths = state.queues.values().map(|queue| {
                let waiting: usize = queue.lanes.values().map(|lane| lane.len()).sum();
                (queue.placed.len() + waiting) as u64
            });
            lengths.sum()
        })
    }

    fn queue_length(&self, device: DeviceName) -> Pending<'_, u64> {
        self.step(|state| {
            state.queues.get(&device).map_or(0, |queue| {
                let waiting: usize = queue.lanes.values().map(|lane| lane.len()).sum();
                (queue.placed.len() + waiting) as u64
            })
        })
    }
}

/// The head of some lane gets the next place. Whether there was one.
fn place_one(queue: &mut QueueState, dice: &mut Dice) -> bool {
    queue.lanes.retain(|_, lane| !lane.is_empty());
    if queue.lanes.is_empty() {
        return false;
    }
    let drawn = dice.below(queue.lanes.len());
    let lane = queue.lanes.values_mut().nth(drawn);
    let Some(entry) = lane.and_then(|lane| lane.pop_front()) else {
        return false;
    };
    queue.last_position += 1;
    queue.placed.insert(queue.last_position, entry);
    true
}

pub(super) fn append(state: &mut State, device: &DeviceName, what: What, now: Timestamp) {
    let lane = match &what {
        What::Message(thread, _) | What::Gone(thread, _) => Lane::Thread(*thread),
        What::Other(ServerEvent::Del { thread_id, .. }) => Lane::Thread(*thread_id),
        What::Other(_) | What::Control(_) => Lane::Single(state.dice.below(usize::MAX) as u64),
    };
    let queue = state.queues.entry(device.clone()).or_default();
    queue.lanes.entry(lane).or_default().push_back(Entry {
        what,
        queued_at: now,
    });
}

/// What lay ready for a device under an entry of its queue.
pub(super) fn drop_body(
    threads: &mut BTreeMap<ThreadId, ThreadState>,
    controls: &mut BTreeMap<(MessageId, DeviceName), ControlState>,
    device: &DeviceName,
    what: &What,
) {
    match what {
        What::Message(thread, id) => {
            let thread = threads.get_mut(thread);
            if let Some(message) = thread.and_then(|thread| thread.messages.get_mut(id)) {
                message.envelopes.remove(device);
            }
        }
        What::Control(id) => drop(controls.remove(&(*id, device.clone()))),
        What::Gone(..) | What::Other(_) => {}
    }
}

fn queue_control(state: &mut State, id: MessageId, now: Timestamp) -> Vec<DeviceName> {
    let due: Vec<DeviceName> = state
        .controls
        .iter_mut()
        .filter(|((of, _), control)| *of == id && !control.queued)
        .map(|((_, device), control)| {
            control.queued = true;
            device.clone()
        })
        .collect();
    let mut told = Vec::new();
    for device in due {
        if is_live(state, &device) {
            append(state, &device, What::Control(id), now);
            told.push(device);
        } else {
            state.controls.remove(&(id, device));
        }
    }
    told
}

pub(super) fn queue_messages(
    state: &mut State,
    thread: ThreadId,
    upto: MessageId,
    now: Timestamp,
) -> Vec<DeviceName> {
    let mut due = Vec::new();
    if let Some(thread) = state.threads.get_mut(&thread) {
        for (id, message) in thread
            .messages
            .range_mut(..=upto)
            .filter(|(_, message)| !message.queued)
        {
            message.queued = true;
            due.extend(message.envelopes.keys().map(|device| (*id, device.clone())));
        }
    }
    let mut told = BTreeSet::new();
    for (id, device) in due {
        if is_live(state, &device) {
            append(state, &device, What::Message(thread, id), now);
            told.insert(device);
        } else {
            let what = What::Message(thread, id);
            drop_body(&mut state.threads, &mut state.controls, &device, &what);
        }
    }
    told.into_iter().collect()
}

fn queue_list(state: &mut State, user: &UserId, version: u64, now: Timestamp) -> Vec<DeviceName> {
    let Some(account) = state.accounts.get_mut(user) else {
        return Vec::new();
    };
    if !account.to_queue.remove(&version) {
        return Vec::new();
    }
    let removed: Vec<DeviceName> = account
        .devices
        .values()
        .filter(|device| device.state == DeviceState::Removed)
        .map(|device| name(user, device))
        .collect();
    for device in removed {
        retire(state, &device);
    }
    let mut people = BTreeSet::from([user.clone()]);
    for thread in state.threads.values() {
        if thread.record.participants.contains(user) {
            people.extend(thread.record.participants.iter().cloned());
        }
    }
    let preferred = inbox::queue_preferences_of(state, user, now);
    let mut told: Vec<DeviceName> = people
        .iter()
        .filter_map(|user| state.accounts.get(user).map(|account| (account, user)))
        .flat_map(|(account, user)| {
            let live = account.devices.values().filter(|device| device.is_live());
            live.map(|device| name(user, device))
        })
        .collect();
    for device in &told {
        let event = ServerEvent::Devices {
            user_id: user.clone(),
            version,
        };
        append(state, device, What::Other(event), now);
    }
    told.extend(preferred);
    told.sort();
    told.dedup();
    told
}

/// What lay ready for a device that reads no more.
pub(super) fn retire(state: &mut State, device: &DeviceName) {
    state.queues.remove(device);
    state.acknowledged_ahead.retain(|(of, _), _| of != device);
    state.prekeys.remove(device);
    state.controls.retain(|(_, to), _| to != device);
    for message in state
        .threads
        .values_mut()
        .flat_map(|thread| thread.messages.values_mut())
    {
        message.envelopes.remove(device);
    }
}

fn name(user: &UserId, device: &DeviceRecord) -> DeviceName {
    DeviceName {
        user_id: user.clone(),
        device_id: device.device_id,
    }
}

pub(super) fn is_live(state: &State, device: &DeviceName) -> bool {
    state
        .accounts
        .get(&device.user_id)
        .and_then(|account| account.devices.get(&device.device_id))
        .is_some_and(DeviceRecord::is_live)
}
