//! Bugs that a simulation can switch on in its own thread, to see that it finds them. In no build that an app carries.

use crate::EngineError;
use sealwire_store::{PrekeyKind, Rows, Store, Transaction};
use std::cell::Cell;

macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)*) => {
        /// A bug that can be switched on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Planted {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Planted {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name, as it is asked for.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

bugs! {
    /// Frames are acknowledged though what they said could not be committed.
    AckBeforeCommit = "ack-before-commit";
    /// A message that comes again is told of again.
    NoDedup = "no-dedup";
    /// A retry seals the message anew instead of sending the same bytes.
    RetrySealsAgain = "retry-seals-again";
    /// What comes together with the end of the catch-up is taken in the wrong order.
    ReorderAtCaughtUp = "reorder-at-caught-up";
    /// Of the sessions' steps for a message every fifth is forgotten: its key is used again.
    RatchetStepNotKept = "ratchet-step-not-kept";
    /// What was sealed goes out as it is, though a device was linked since: it is not wrapped for that one.
    SealedSendSurvivesRelink = "sealed-send-survives-relink";
    /// One-time prekeys are deleted while the relay still hands them out.
    PrekeyDeletedEarly = "prekey-deleted-early";
    /// A session's last step for a message is gone after a process ended: its key is used again.
    KeyReusedAfterCrash = "key-reused-after-crash";
    /// How far somebody is in a thread is taken as it comes, also where it was further before.
    MarksGoBack = "marks-go-back";
    /// A device list that is older than the one held takes its place.
    DeviceListRollbackAccepted = "device-list-rollback-accepted";
    /// At the relay: a socket that ends removes its device's newer one from the open ones.
    OldSocketRemovesNewOne = "old-socket-removes-new-one";
    /// In the store: a commit is left to the system, and a power loss takes it.
    CommitsNotSynced = "commits-not-synced";
}

thread_local! {
    static SWITCHED_ON: Cell<Option<Planted>> = const { Cell::new(None) };
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

/// Switches this bug on in every engine of this thread, and all others off.
pub fn plant(bug: Option<Planted>) {
    SWITCHED_ON.set(bug);
    ASKED.set(0);
}

/// Whether it is switched on.
pub(crate) fn has(bug: Planted) -> bool {
    SWITCHED_ON.get() == Some(bug)
}

/// The same, once in so many times that it is asked.
pub(crate) fn has_now(bug: Planted, once_in: u64) -> bool {
    let asked = ASKED.get() + 1;
    ASKED.set(asked);
    has(bug) && asked.is_multiple_of(once_in)
}

/// At the start of a process, what some of them do there.
pub(crate) fn begin(store: &mut Store) -> Result<(), EngineError> {
    if has(Planted::PrekeyDeletedEarly) {
        store.transaction(|tx| tx.prune_oldest_one_time_prekeys(PrekeyKind::OneTime, u32::MAX))?;
    }
    if has(Planted::KeyReusedAfterCrash) {
        let life = life(store)? + 1;
        store.transaction(|tx| tx.set_setting(LIFE, &life.to_be_bytes()))?;
    }
    Ok(())
}

/// The record that a session is taken to have: where its last step came in an earlier process, the one before that.
pub(crate) fn record_of(
    tx: &Transaction<'_>,
    place: &str,
    held: &[u8],
) -> Result<Option<Vec<u8>>, EngineError> {
    if !has(Planted::KeyReusedAfterCrash) {
        return Ok(None);
    }
    let Some(noted) = tx.setting(&format!("{STEP}{place}"))? else {
        return Ok(None);
    };
    let (noted_life, records) = noted.split_at(8);
    let (length, records) = records.split_at(8);
    let length = u64::from_be_bytes(length.try_into().unwrap_or_default());
    let (before, after) = records.split_at(length as usize);
    let is_lost = after == held && noted_life != life(tx)?.to_be_bytes();
    Ok(is_lost.then(|| before.to_vec()))
}

/// A session was stepped.
pub(crate) fn note_step(
    tx: &mut Transaction<'_>,
    place: &str,
    before: &[u8],
    after: &[u8],
) -> Result<(), EngineError> {
    if !has(Planted::KeyReusedAfterCrash) {
        return Ok(());
    }
    let life = life(tx)?.to_be_bytes();
    let length = (before.len() as u64).to_be_bytes();
    let noted = [&life, &length, before, after].concat();
    Ok(tx.set_setting(&format!("{STEP}{place}"), &noted)?)
}

/// Under these settings lie the number of the process, and the last step of each session.
const LIFE: &str = "planted life";
const STEP: &str = "planted step ";

fn life(rows: &Rows) -> Result<u64, EngineError> {
    let bytes = rows.setting(LIFE)?;
    Ok(bytes.map_or(0, |bytes| {
        u64::from_be_bytes(bytes.as_slice().try_into().unwrap_or_default())
    }))
}
