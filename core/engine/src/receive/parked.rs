//! Frames that waited for a device list: opened, or given their placeholder, once it was asked for.

use super::{Outcome, Receiver};
use crate::{Engine, EngineError};
use sealwire_wire::UserId;
use sealwire_wire::contract::MessageRow;

impl Engine {
    /// In the order of their arrival; what cannot be opened with the list that the relay shows will not be.
    pub(crate) fn unpark(&mut self, user: &UserId) {
        let Ok(me) = self.me().cloned() else { return };
        let Self {
            store, rng, now, ..
        } = self;
        let outcomes = store.transaction(|tx| -> Result<Vec<Outcome>, EngineError> {
            let mut receiver = Receiver {
                me: &me,
                now: *now,
                rng,
                settled: true,
            };
            let mut outcomes = Vec::new();
            for parked in tx.parked_frames(user)? {
                if let Ok(row) = serde_json::from_slice::<MessageRow>(&parked.frame.frame) {
                    let outcome = receiver.take(tx, &row)?;
                    // There is a list that opens it, and the relay hides that: it waits on behind its placeholder.
                    let waits_on = matches!(outcome, Outcome::Hidden { .. });
                    outcomes.push(outcome);
                    if waits_on {
                        continue;
                    }
                }
                tx.delete_parked(parked.id)?;
            }
            Ok(outcomes)
        });
        match outcomes {
            Ok(outcomes) => {
                for outcome in outcomes {
                    self.tell(outcome);
                }
            }
            // They stay parked, and the list is asked for again.
            Err(_) => self.want_lists(user.clone()),
        }
    }
}
