//! Frames that waited for a device list: opened, or given their placeholder, once it was asked for.

use super::{Outcome, Receiver, Waiting, concerns_a_row};
use crate::trust::newest_list;
use crate::{Engine, EngineError};
use sealwire_store::{ParkedFrame, Rows, StoreError, Transaction};
use sealwire_wire::contract::{ControlMessage, MessageRow, read_json};
use sealwire_wire::{MessageId, UserId};
use std::collections::BTreeSet;

/// So much is looked at in one transaction, in bytes: an app extension has some 24 MB for everything.
const AT_ONCE_BYTES: u64 = 1024 * 1024;

impl Engine {
    /// In the order of their arrival; what cannot be opened with the list that the relay shows will not be. If it fails,
    /// they stay parked.
    pub(crate) fn unpark(&mut self, user: &UserId) -> Result<(), EngineError> {
        self.trust.retake.insert(user.clone());
        self.reopen_parked(user, Waiting::GiveUp)?;
        self.trust.retake.remove(user);
        Ok(())
    }

    /// Between the commit of a list and that of what waited for it the process may have ended, or the disk been full: what the
    /// list opens comes before what the same devices sent later, which needs no wait any more.
    pub(crate) fn retake_parked(&mut self) -> Result<(), EngineError> {
        while let Some(user) = self.trust.retake.first().cloned() {
            self.reopen_parked(&user, Waiting::Stay)?;
            self.trust.retake.remove(&user);
        }
        Ok(())
    }

    fn reopen_parked(&mut self, user: &UserId, waiting: Waiting) -> Result<(), EngineError> {
        if self.me().is_err() {
            return Ok(());
        }
        let mut after = None;
        loop {
            let frames = self.store.parked_frames(user, after, AT_ONCE_BYTES)?;
            let Some(last) = frames.last() else {
                return Ok(());
            };
            after = Some(last.id);
            match self.take_parked(user, &frames, waiting) {
                // Something about one of them: the others are taken without it.
                Err(error) if concerns_a_row(&error) => {
                    for frame in &frames {
                        match self.take_parked(user, std::slice::from_ref(frame), waiting) {
                            Err(error) if concerns_a_row(&error) => self.refuse_parked(frame)?,
                            taken => taken?,
                        }
                    }
                }
                taken => taken?,
            }
        }
    }

    /// All of them in one commit.
    fn take_parked(
        &mut self,
        user: &UserId,
        frames: &[ParkedFrame],
        waiting: Waiting,
    ) -> Result<(), EngineError> {
        let outcomes = self.receiving(waiting, |receiver, tx| {
            tx.step("receive.parked");
            let mut outcomes = Vec::new();
            for frame in frames {
                receiver.take_parked(tx, user, frame, &mut outcomes)?;
            }
            Ok(outcomes)
        })?;
        for outcome in outcomes {
            self.tell(outcome);
        }
        Ok(())
    }

    /// One that fails by itself would fail again, and keep back whoever waits for the same list.
    fn refuse_parked(&mut self, frame: &ParkedFrame) -> Result<(), EngineError> {
        match read_json::<MessageRow>(&frame.frame.frame) {
            Ok(row) => {
                self.refuse_alone(&row)?;
            }
            Err(_) => {
                self.tell(Outcome::Refused);
            }
        }
        self.store.transaction(|tx| tx.delete_parked(frame.id))?;
        Ok(())
    }
}

/// The messages among what waits for this user's list.
pub(super) fn parked_messages(
    rows: &Rows,
    user: &UserId,
) -> Result<BTreeSet<MessageId>, StoreError> {
    let (mut messages, mut after) = (BTreeSet::new(), None);
    loop {
        let frames = rows.parked_frames(user, after, AT_ONCE_BYTES)?;
        let Some(last) = frames.last() else {
            return Ok(messages);
        };
        after = Some(last.id);
        let read = frames
            .iter()
            .filter_map(|parked| read_json::<MessageRow>(&parked.frame.frame).ok());
        messages.extend(read.map(|row| row.id));
    }
}

impl Receiver<'_> {
    fn take_parked(
        &mut self,
        tx: &mut Transaction<'_>,
        user: &UserId,
        parked: &ParkedFrame,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), EngineError> {
        if let Ok(row) = read_json::<MessageRow>(&parked.frame.frame) {
            let outcome = self.take(tx, &row)?;
            let waits_on = match outcome {
                Outcome::Parked { .. } => true,
                // Unless the device is gone that sent it, and no other list may come that holds it.
                Outcome::Waits { .. } => {
                    self.waits_for_consent(tx, user)?
                        || newest_list(tx, user)?
                            .is_some_and(|list| list.device(row.sender_device_id.get()).is_some())
                }
                _ => false,
            };
            outcomes.push(outcome);
            if waits_on {
                return Ok(());
            }
        } else if let Ok(control) = read_json::<ControlMessage>(&parked.frame.frame) {
            let heard = self.take_control(tx, &control)?;
            let waits_on = matches!(heard[..], [Outcome::Parked { .. } | Outcome::Waits { .. }]);
            outcomes.extend(heard);
            if waits_on {
                return Ok(());
            }
        }
        tx.delete_parked(parked.id)?;
        Ok(())
    }
}
