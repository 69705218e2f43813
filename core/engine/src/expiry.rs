//! Messages that disappear: what the content itself says of it counts.

mod lifetime;

pub(crate) use lifetime::LifetimeClock;

use crate::{Engine, EngineError, Event};
use sealwire_store::{LocalId, MessageKind, Store, Transaction};
use sealwire_wire::contract::{Removal, RemovalReason};
use sealwire_wire::{MessageId, ThreadId, Timestamp};

/// Messages that expire in one commit.
const EXPIRE_AT_ONCE: u32 = 100;
/// Under this setting lies the clock by which they disappear.
const LIFETIME_CLOCK: &str = "lifetime_clock";

/// The clock by which messages disappear, and what of it is kept.
pub(crate) struct Lifetime {
    pub(crate) clock: LifetimeClock,
    kept: Option<LifetimeClock>,
}

impl Lifetime {
    pub(crate) fn restore(store: &Store, now: Timestamp) -> Result<Self, EngineError> {
        let kept = store.setting(LIFETIME_CLOCK)?;
        let kept = kept.and_then(|bytes| LifetimeClock::from_bytes(&bytes));
        Ok(Self {
            clock: kept.unwrap_or(LifetimeClock::starting(now)),
            kept,
        })
    }
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

/// The time to live of a message runs from when the relay took it in.
pub(crate) fn note_expiry(
    tx: &mut Transaction<'_>,
    id: LocalId,
    ttl_seconds: Option<u32>,
    clock: &LifetimeClock,
    taken_in_at: Timestamp,
) -> Result<(), EngineError> {
    let Some(seconds) = ttl_seconds else {
        return Ok(());
    };
    let from = clock.of_relay(taken_in_at);
    Ok(tx.set_expiry(id, from.plus_ms(u64::from(seconds) * 1_000))?)
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
    /// The device's clock went on, or was set. After a doubtful gap what the relay said before it may still lie in the socket: only
    /// another socket tells its time now. Whether the one that there was is closed for it.
    pub(crate) fn time_goes_on(&mut self) -> bool {
        self.lifetime.clock.look(self.now) && self.renew_socket()
    }

    /// Takes away what is over. What could not be taken away now is tried at the next input.
    pub(crate) fn expire_due(&mut self) {
        self.keep_lifetime();
        let by = self.lifetime.clock.now();
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
        let next = self.lifetime.clock.on_device(next);
        Some(next.max(self.now.plus_ms(1)))
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
    pub(crate) fn relay_says_time(&mut self, time: Timestamp) {
        self.lifetime.clock.relay_says(time);
        self.keep_lifetime();
    }

    fn keep_lifetime(&mut self) {
        let clock = self.lifetime.clock;
        if self
            .lifetime
            .kept
            .is_some_and(|kept| !clock.is_news_to(&kept))
        {
            return;
        }
        let stored = self
            .store
            .transaction(|tx| tx.set_setting(LIFETIME_CLOCK, &clock.to_bytes()));
        // Else it is tried again at the next input.
        if stored.is_ok() {
            self.lifetime.kept = Some(clock);
        }
    }
}
