//! Linking mailboxes in memory.

use super::state::{MailboxState, SlotState, State};
use super::{Memory, Pending};
use crate::storage::{Mailboxes, SlotPut, SlotTaken};
use sealwire_wire::{IdempotencyKey, Timestamp};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

impl Mailboxes for Memory {
    fn create_mailbox(
        &self,
        id: String,
        expires_at: Timestamp,
        now: Timestamp,
        max: u64,
    ) -> Pending<'_, bool> {
        self.step(|state| {
            let open = state
                .mailboxes
                .values()
                .filter(|mailbox| mailbox.expires_at > now)
                .count();
            if open as u64 >= max {
                return false;
            }
            let mailbox = MailboxState {
                expires_at,
                slots: BTreeMap::new(),
            };
            state.mailboxes.insert(id, mailbox);
            true
        })
    }

    fn put_slot(
        &self,
        id: String,
        slot: u8,
        data: Vec<u8>,
        now: Timestamp,
    ) -> Pending<'_, SlotPut> {
        self.step(|state| {
            let Some(mailbox) = open(state, &id, now) else {
                return SlotPut::Gone;
            };
            match mailbox.slots.entry(slot) {
                Entry::Occupied(known) if known.get().written != data => SlotPut::Taken,
                Entry::Occupied(_) => SlotPut::Put,
                Entry::Vacant(place) => {
                    place.insert(SlotState {
                        written: data,
                        read_by: None,
                    });
                    SlotPut::Put
                }
            }
        })
    }

    fn take_slot(
        &self,
        id: String,
        slot: u8,
        reader: Option<IdempotencyKey>,
        now: Timestamp,
    ) -> Pending<'_, SlotTaken> {
        self.step(|state| {
            let Some(mailbox) = open(state, &id, now) else {
                return SlotTaken::Gone;
            };
            match mailbox.slots.get_mut(&slot) {
                None => SlotTaken::Empty,
                Some(slot) => match &slot.read_by {
                    Some(before) if before.is_none() || *before != reader => SlotTaken::Read,
                    _ => {
                        slot.read_by = Some(reader);
                        SlotTaken::Data(slot.written.clone())
                    }
                },
            }
        })
    }
}

fn open<'a>(state: &'a mut State, id: &str, now: Timestamp) -> Option<&'a mut MailboxState> {
    state
        .mailboxes
        .get_mut(id)
        .filter(|mailbox| mailbox.expires_at > now)
}
