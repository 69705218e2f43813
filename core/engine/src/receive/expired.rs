//! Rows of history without an envelope: what opened them was kept for this device for as long as the relay keeps anything, and
//! never fetched.

use super::{Outcome, Receiver, Waiting};
use crate::{EngineError, UnreadableReason};
use sealwire_store::{ParkReason, Transaction};
use sealwire_wire::contract::{MessageKind, MessageRow};

impl Receiver<'_> {
    /// A row that is not held. Its place shows why there is nothing to read, so that everybody counts the same as unread.
    pub(super) fn take_expired(
        &mut self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
    ) -> Result<Outcome, EngineError> {
        if row.kind != MessageKind::Message || !self.was_listed_at(tx, row)? {
            return Ok(Outcome::Ignored);
        }
        // It did come: what was acknowledged has no envelope at the relay any more, whatever it waits for here.
        if self.waiting == Waiting::Park && self.lease.is_parked(tx, &row.sender_id, row.id)? {
            return Ok(Outcome::Ignored);
        }
        // Somebody new wrote first: whether there is such an account is asked for before there is a thread with it.
        let is_strange = self.lease.user(tx, &row.sender_id)?.newest.is_none()
            && tx.thread(row.thread_id)?.is_none();
        if is_strange && self.may_wait(tx, &row.sender_id)? {
            return self.park(tx, row, ParkReason::UnknownDevice, None);
        }
        self.hold_place(tx, row, UnreadableReason::Expired)
    }

    /// Whether this device was in its account's list when the row was made. What is older was never meant for it. The list has
    /// the clock of the device that signed it, and the row the relay's: nothing better tells.
    fn was_listed_at(
        &mut self,
        tx: &Transaction<'_>,
        row: &MessageRow,
    ) -> Result<bool, EngineError> {
        let own = self.lease.user(tx, &self.me.user)?;
        let entry = own
            .newest
            .as_ref()
            .and_then(|list| list.device(self.me.device.get()));
        Ok(entry.is_some_and(|entry| entry.added_at_ms < row.created_at.0))
    }
}
