//! Whether one device's messages come whole and in its order: each names the one before it, by number and by digest.

use super::Receiver;
use crate::{EngineError, Event};
use sealwire_store::Rows;
use sealwire_wire::content::Previous;
use sealwire_wire::contract::MessageRow;

impl Receiver<'_> {
    /// What is wrong with this message's place among those of its device; asked before it is put in.
    pub(super) fn check_order(
        &mut self,
        rows: &Rows,
        row: &MessageRow,
        prev: Option<Previous>,
    ) -> Result<Vec<Event>, EngineError> {
        let (thread, sender, device) = (row.thread_id, &row.sender_id, row.sender_device_id);
        let mut faults = Vec::new();
        let ends = self.lease.ends(rows, thread, sender, device)?;
        // Only one with a higher number can name it. What was sent once more comes late by its sender's will; should the relay only
        // say so, the one that names it was told of as lacking it, or its tombstone stood there.
        if row.requeued_at.is_none()
            && ends.is_some_and(|ends| row.client_seq < ends.highest)
            && rows.named_as_prev(thread, sender, device, row.client_seq)?
        {
            faults.push(Event::MessageReordered {
                thread,
                sender: sender.clone(),
                device,
                client_seq: row.client_seq,
            });
        }
        let Some(prev) = prev else { return Ok(faults) };
        // What was sent before the first message that came from this device was never meant for this one.
        let expected = ends.filter(|ends| prev.client_seq >= ends.lowest);
        let is_held = match expected {
            None => true,
            Some(ends) if prev.client_seq == ends.highest => {
                may_be(ends.digest_of_highest, prev.digest)
            }
            Some(_) => {
                let held = rows.message_by_client_seq(thread, sender, device, prev.client_seq)?;
                held.is_some_and(|held| {
                    may_be(held.digest.filter(|_| held.revision == 0), prev.digest)
                })
            }
        };
        // It may wait for a device list.
        if !is_held && rows.count_parked_for(sender)? == 0 {
            faults.push(Event::MessageMissing {
                thread,
                sender: sender.clone(),
                device,
                client_seq: prev.client_seq,
            });
        }
        Ok(faults)
    }
}

/// Whether what is held is what the sender sent before. A placeholder holds the number alone: what it stands for is not known.
fn may_be(held: Option<[u8; 32]>, named: [u8; 32]) -> bool {
    held.is_none_or(|held| held == named)
}
