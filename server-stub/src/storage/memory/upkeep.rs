//! The relay's own keys and the sweeper, in memory.

use super::failures::fail;
use super::queues::{append, drop_body};
use super::state::{Entry, State, What};
use super::{Memory, Pending};
use crate::storage::{Failure, SweepBounds, SweptRows, Upkeep};
use sealwire_wire::contract::{DeviceName, FailureReason, ServerEvent};
use sealwire_wire::{AttachmentId, MessageId, ThreadId, Timestamp, UserId};

impl Upkeep for Memory {
    fn secret(&self, name: String, fresh: [u8; 32]) -> Pending<'_, [u8; 32]> {
        self.step(|state| *state.secrets.entry(name).or_insert(fresh))
    }

    fn spend_nonce(&self, nonce: [u8; 32], expires_at: Timestamp) -> Pending<'_, bool> {
        self.step(|state| state.nonces.insert(nonce, expires_at).is_none())
    }

    fn sweep(&self, bounds: SweepBounds) -> Pending<'_, SweptRows> {
        self.step(|state| {
            state
                .mailboxes
                .retain(|_, mailbox| mailbox.expires_at > bounds.now);
            state
                .nonces
                .retain(|_, expires_at| *expires_at > bounds.now);
            state.voids.retain(|_, expires_at| *expires_at > bounds.now);
            state.kept.retain(|_, kept| kept.expires_at > bounds.now);
            let devices: Vec<DeviceName> = state.queues.keys().cloned().collect();
            let mut unfetched = Vec::new();
            for device in devices {
                for what in sweep_queue(state, &device, bounds) {
                    if let What::Message(thread, id) = what {
                        unfetched.push((thread, id, device.user_id.clone()));
                    }
                }
            }
            let failures = unfetched
                .into_iter()
                .filter_map(|(thread, id, user)| fail_unfetched(state, thread, id, &user, bounds))
                .collect();
            let forgotten: Vec<AttachmentId> = state
                .attachments
                .values()
                .filter(|attachment| attachment.threads.is_empty())
                .filter(|attachment| attachment.record.created_at < bounds.unnamed_before)
                .map(|attachment| attachment.record.id.clone())
                .collect();
            state.attachments.retain(|id, _| !forgotten.contains(id));
            SweptRows {
                attachments: forgotten,
                failures,
                has_more: false,
            }
        })
    }
}

fn fail_unfetched(
    state: &mut State,
    thread: ThreadId,
    id: MessageId,
    user: &UserId,
    bounds: SweepBounds,
) -> Option<Failure> {
    let message = state.threads.get(&thread)?.messages.get(&id)?;
    let waits = message.envelopes.keys().any(|to| to.user_id == *user);
    if waits || message.row.sender_id == *user {
        return None;
    }
    fail(state, thread, id, user, FailureReason::Expired, bounds.now)
}

/// The entries that went.
fn sweep_queue(state: &mut State, device: &DeviceName, bounds: SweepBounds) -> Vec<What> {
    let Some(queue) = state.queues.get_mut(device) else {
        return Vec::new();
    };
    let resync = What::Other(ServerEvent::Resync {});
    let mut old = Vec::new();
    let mut told = false;
    let mut stays = |entry: &Entry| {
        let is_resync = entry.what == resync;
        told |= is_resync;
        let stays = is_resync || entry.queued_at >= bounds.queued_before;
        if !stays {
            old.push(entry.what.clone());
        }
        stays
    };
    queue.placed.retain(|_, entry| stays(entry));
    for lane in queue.lanes.values_mut() {
        lane.retain(&mut stays);
    }
    for what in &old {
        drop_body(&mut state.threads, &mut state.controls, device, what);
    }
    if !old.is_empty() && !told {
        append(state, device, resync, bounds.now);
    }
    old
}
