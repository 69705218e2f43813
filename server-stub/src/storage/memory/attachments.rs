//! What is known of attachments, in memory.

use super::state::AttachmentState;
use super::{Memory, Pending};
use crate::storage::{AttachmentRecord, Attachments, Completed};
use sealwire_wire::{AttachmentId, ThreadId, UserId};
use std::collections::BTreeSet;

impl Attachments for Memory {
    fn create_attachment(&self, record: AttachmentRecord) -> Pending<'_, ()> {
        self.step(|state| {
            let attachment = AttachmentState {
                record,
                threads: BTreeSet::new(),
            };
            state
                .attachments
                .insert(attachment.record.id.clone(), attachment);
        })
    }

    fn attachment_bytes(&self, owner: UserId) -> Pending<'_, u64> {
        self.step(|state| {
            let records = state.attachments.values().map(|made| &made.record);
            let of_owner = records.filter(|record| record.owner.user_id == owner);
            of_owner.map(|record| record.size).sum()
        })
    }

    fn attachment(&self, id: AttachmentId) -> Pending<'_, Option<AttachmentRecord>> {
        self.step(|state| {
            state
                .attachments
                .get(&id)
                .map(|attachment| attachment.record.clone())
        })
    }

    fn complete_attachment(&self, id: AttachmentId, digest: [u8; 32]) -> Pending<'_, Completed> {
        self.step(|state| {
            let Some(attachment) = state.attachments.get_mut(&id) else {
                return Completed::Unknown;
            };
            if *attachment.record.digest.get_or_insert(digest) == digest {
                Completed::Completed
            } else {
                Completed::Conflict
            }
        })
    }

    fn bind_attachment(&self, id: AttachmentId, thread: ThreadId) -> Pending<'_, ()> {
        self.step(|state| {
            if let Some(attachment) = state.attachments.get_mut(&id) {
                attachment.threads.insert(thread);
            }
        })
    }

    fn attachment_shared_with(&self, id: AttachmentId, user: UserId) -> Pending<'_, bool> {
        self.step(|state| {
            state.attachments.get(&id).is_some_and(|attachment| {
                let mut threads = attachment
                    .threads
                    .iter()
                    .filter_map(|id| state.threads.get(id));
                threads.any(|thread| thread.record.participants.contains(&user))
            })
        })
    }
}
