//! The life of a message of this device, from the app's call to the relay's 202.
//!
//! Durable before the call returns; sealed once, right before it first leaves; the same bytes at every retry. Inside a
//! thread one at a time and in order; a stuck thread delays no other.

mod answer;
mod cancel;
mod dispatch;
mod enqueue;
mod repeat;
mod seal;

pub(crate) use answer::{is_final, is_final_code};
pub(crate) use enqueue::searchable;

use sealwire_store::LocalId;
use sealwire_wire::contract::{DeviceMismatch, DeviceName};
use sealwire_wire::{ThreadId, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// What is under way, beside what the store holds.
#[derive(Default)]
pub(crate) struct Outbox {
    in_flight: BTreeSet<ThreadId>,
    repairs: BTreeMap<LocalId, Repair>,
    /// Devices that a list holds but the relay no longer delivers to; until the next list.
    not_live: BTreeSet<DeviceName>,
    /// Messages whose last try got no answer at all: due again as soon as the relay is heard.
    unheard: BTreeSet<LocalId>,
}

/// Envelopes that the relay asked for.
#[derive(Default, Clone)]
struct Repair {
    wrap: BTreeSet<DeviceName>,
}

impl Repair {
    fn of(mismatch: &DeviceMismatch) -> Self {
        Self {
            wrap: mismatch
                .missing
                .iter()
                .chain(&mismatch.stale)
                .cloned()
                .collect(),
        }
    }
}

impl crate::Engine {
    pub(crate) fn outbox_knows_new_list(&mut self, user: &UserId) {
        self.outbox
            .not_live
            .retain(|device| device.user_id != *user);
    }
}
