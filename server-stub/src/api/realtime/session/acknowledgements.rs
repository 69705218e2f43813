//! What a client says that it has committed: its entries are deleted from the queue, beside everything else.

use super::super::ended::Ended;
use super::Session;
use crate::api::owned::{Owned, owned};
use crate::service::{ACKNOWLEDGE_MAX, Answer};
use sealwire_wire::contract::ErrorCode;

/// The first of the unfinished entries, under way.
pub(super) struct Deleting {
    some: usize,
    step: Owned<()>,
}

impl Session {
    pub(super) fn acknowledge(&mut self, frame_seq: u64) -> Result<(), Ended> {
        let entries = self
            .frames
            .acknowledge(frame_seq)
            .map_err(|_| Ended::protocol("client_ack of a frame that was never sent"))?;
        self.unfinished.extend(entries);
        self.delete_acknowledged();
        Ok(())
    }

    /// Begins to delete what is acknowledged, beside everything else; what is acknowledged meanwhile goes with the next.
    pub(super) fn delete_acknowledged(&mut self) {
        if self.deleting.is_some() || self.unfinished.is_empty() {
            return;
        }
        let some = self.unfinished.len().min(ACKNOWLEDGE_MAX);
        let positions = self.unfinished[..some].to_vec();
        let (state, device) = (self.state.clone(), self.device.clone());
        let step = owned(async move {
            let wake = state.service().acknowledge(&device, &positions).await?;
            state.sockets().wake(&wake);
            Ok(())
        });
        self.deleting = Some(Deleting { some, step });
    }

    /// Takes note of what became of it.
    pub(super) fn deleted(&mut self, deleted: Answer<()>) -> Result<(), Ended> {
        let some = self.deleting.take().map_or(0, |deleting| deleting.some);
        match deleted {
            Ok(()) => {
                self.unfinished.drain(..some);
                self.delete_acknowledged();
                Ok(())
            }
            Err(refusal) if refusal.code() == ErrorCode::DeviceRevoked => {
                Err(Ended::refused(refusal))
            }
            // What stays undeleted is replayed at the next connection, where the client drops it as a repeat.
            Err(refusal) if self.unfinished.len() > ACKNOWLEDGE_MAX => Err(Ended::refused(refusal)),
            _ => Ok(()),
        }
    }

    /// What the client acknowledged before it went does not come again.
    pub(super) async fn delete_the_rest(&mut self) {
        while self.deleting.is_some() {
            let deleted = finished(&mut self.deleting).await;
            if self.deleted(deleted).is_err() {
                return;
            }
        }
    }
}

/// How the deletion under way ended.
pub(super) async fn finished(deleting: &mut Option<Deleting>) -> Answer<()> {
    match deleting {
        Some(deleting) => (&mut deleting.step).await,
        None => std::future::pending().await,
    }
}
