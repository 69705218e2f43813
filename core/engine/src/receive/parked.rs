//! Frames that waited for a device list: opened, or given their placeholder, once it was asked for.

use super::Outcome;
use crate::trust::newest_list;
use crate::{Engine, EngineError};
use sealwire_wire::UserId;
use sealwire_wire::contract::{ControlMessage, MessageRow, read_json};

impl Engine {
    /// In the order of their arrival; what cannot be opened with the list that the relay shows will not be. If it fails,
    /// they stay parked.
    pub(crate) fn unpark(&mut self, user: &UserId) -> Result<(), EngineError> {
        if self.me().is_err() {
            return Ok(());
        }
        let outcomes = self.receiving(true, |receiver, tx| {
            let mut outcomes = Vec::new();
            for parked in tx.parked_frames(user)? {
                if let Ok(row) = read_json::<MessageRow>(&parked.frame.frame) {
                    let outcome = receiver.take(tx, &row)?;
                    // Unless the device is gone that sent it.
                    let waits_on = matches!(outcome, Outcome::Waits { .. })
                        && newest_list(tx, user)?
                            .is_some_and(|list| list.device(row.sender_device_id.get()).is_some());
                    outcomes.push(outcome);
                    if waits_on {
                        continue;
                    }
                } else if let Ok(control) = read_json::<ControlMessage>(&parked.frame.frame) {
                    outcomes.extend(receiver.take_control(tx, &control)?);
                }
                tx.delete_parked(parked.id)?;
            }
            Ok(outcomes)
        })?;
        for outcome in outcomes {
            self.tell(outcome);
        }
        Ok(())
    }
}
