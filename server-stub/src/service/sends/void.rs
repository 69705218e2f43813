//! Voiding a number, so that an app can cancel for certain what may have reached the relay.

use crate::service::threads::check_participant;
use crate::service::{Answer, Service};
use crate::storage::SendName;
use sealwire_wire::contract::{DeviceName, VoidedSend};
use sealwire_wire::{ClientSeq, ThreadId};

/// For how long a number stays void: a day longer than a client tries to send at most (49 days), so that no request for it can
/// still be on its way.
const VOID_TTL_MS: u64 = 50 * 24 * 60 * 60 * 1_000;

impl Service {
    /// The message that the number named already, or nothing: then no later send of it is taken, also one that is on its way.
    ///
    /// The thread need not be there: it may be the first message that is cancelled.
    pub async fn void_send(
        &self,
        caller: &DeviceName,
        thread: ThreadId,
        client_seq: ClientSeq,
    ) -> Answer<VoidedSend> {
        self.authorise(caller).await?;
        if let Some(record) = self.storage.thread(thread).await? {
            check_participant(&record, &caller.user_id)?;
        }
        let name = SendName {
            thread_id: thread,
            sender: caller.clone(),
            client_seq,
        };
        let expires_at = self.clock.now().plus_ms(VOID_TTL_MS);
        let message = self.storage.void_send(name, expires_at).await?;
        Ok(VoidedSend { message })
    }
}
