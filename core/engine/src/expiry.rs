//! Messages that disappear: what the content itself says of it counts, by the relay's clock.

use crate::{Engine, EngineError, Event};
use sealwire_store::{LocalId, MessageKind, Transaction};
use sealwire_wire::contract::{Removal, RemovalReason};
use sealwire_wire::{MessageId, ThreadId, Timestamp};

/// Messages that expire in one commit.
const EXPIRE_AT_ONCE: u32 = 100;
/// Under this setting lies by how many milliseconds the relay's clock is ahead of this one's.
const RELAY_AHEAD: &str = "relay_clock_ahead_ms";
/// Clocks that differ by less, in milliseconds, need no write.
const SAME_TIME_MS: u64 = 1_000;

/// The relay's clock as this device knows it.
#[derive(Default)]
pub(crate) struct RelayTime {
    ahead_ms: i64,
}

/// What an app is to do with what the relay says of a message that is gone.
pub(crate) enum Removed {
    /// Its own content says so too: it is a tombstone now.
    Expired(LocalId),
    /// Its own content says no such thing.
    Refused,
    /// There is nothing to take away.
    Nothing,
}

/// The time to live of a message runs from then.
pub(crate) fn note_expiry(
    tx: &mut Transaction<'_>,
    id: LocalId,
    ttl_seconds: Option<u32>,
    from: Timestamp,
) -> Result<(), EngineError> {
    match ttl_seconds {
        Some(seconds) => Ok(tx.set_expiry(id, from.plus_ms(u64::from(seconds) * 1_000))?),
        None => Ok(()),
    }
}

/// The relay says that this message is gone. Only the content can prove it; an unreadable one may be resent yet.
pub(crate) fn take_away(
    tx: &mut Transaction<'_>,
    id: LocalId,
    removal: Removal,
) -> Result<Removed, EngineError> {
    let Some(held) = tx.message(id)? else {
        return Ok(Removed::Nothing);
    };
    if matches!(held.kind, MessageKind::Tombstone | MessageKind::Placeholder) {
        return Ok(Removed::Nothing);
    }
    if removal.reason != RemovalReason::Expired || tx.expiry(id)?.is_none() {
        return Ok(Removed::Refused);
    }
    tx.expire_message(id)?;
    Ok(Removed::Expired(id))
}

impl Engine {
    /// Takes away what is over. What could not be taken away now is tried at the next input.
    pub(crate) fn expire_due(&mut self) {
        let by = self.relay_now();
        if !self
            .store
            .next_expiry()
            .is_ok_and(|next| next.is_some_and(|at| at <= by))
        {
            return;
        }
        loop {
            let expired = self
                .store
                .transaction(|tx| tx.expire_messages(by, EXPIRE_AT_ONCE))
                .unwrap_or_default();
            for id in &expired {
                self.show(*id, Event::MessageExpired);
            }
            if expired.len() < EXPIRE_AT_ONCE as usize {
                return;
            }
        }
    }

    pub(crate) fn expiry_wakes_at(&self) -> Option<Timestamp> {
        let next = self.store.next_expiry().ok().flatten()?;
        let next = next.0.saturating_add_signed(-self.relay_time.ahead_ms);
        Some(Timestamp(next.max(self.now.0 + 1)))
    }

    /// A frame said that a message is gone.
    pub(crate) fn on_removed(
        &mut self,
        thread: ThreadId,
        message_id: MessageId,
        removal: Removal,
    ) -> Result<(), EngineError> {
        let removed =
            self.store
                .transaction(|tx| match tx.message_by_id(thread, message_id)? {
                    Some(held) => take_away(tx, held.local_id, removal),
                    None => Ok(Removed::Nothing),
                })?;
        match removed {
            Removed::Expired(id) => self.show(id, Event::MessageExpired),
            Removed::Refused => self.event(Event::RemovalRefused { thread, message_id }),
            Removed::Nothing => {}
        }
        Ok(())
    }

    /// The relay says what time it is.
    pub(crate) fn relay_says_time(&mut self, relay: Timestamp) {
        // As far as a timestamp of the contract goes.
        let (Ok(there), Ok(here)) = (i64::try_from(relay.0), i64::try_from(self.now.0)) else {
            return;
        };
        let ahead_ms = there.saturating_sub(here);
        let moved = ahead_ms.abs_diff(self.relay_time.ahead_ms) > SAME_TIME_MS;
        self.relay_time.ahead_ms = ahead_ms;
        if moved {
            // Not kept, it is told again.
            let bytes = ahead_ms.to_be_bytes();
            let _ = self
                .store
                .transaction(|tx| tx.set_setting(RELAY_AHEAD, &bytes));
        }
    }

    pub(crate) fn restore_relay_time(&mut self) -> Result<(), EngineError> {
        let kept = self.store.setting(RELAY_AHEAD)?;
        if let Some(bytes) = kept.and_then(|bytes| bytes.try_into().ok()) {
            self.relay_time.ahead_ms = i64::from_be_bytes(bytes);
        }
        Ok(())
    }

    fn relay_now(&self) -> Timestamp {
        Timestamp(self.now.0.saturating_add_signed(self.relay_time.ahead_ms))
    }
}
