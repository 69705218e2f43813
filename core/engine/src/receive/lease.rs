//! What one transaction of receiving holds on lease: read once from its rows, stepped in memory, written back once at its end.
//!
//! A batch is mostly several messages of each of a few devices. Nothing here outlives the transaction, and each ratchet is
//! saved under the version that it was read with.

use super::parked::parked_messages;
use crate::EngineError;
use crate::trust;
use sealwire_crypto::device::DeviceList;
use sealwire_crypto::ratchet::SessionRecord;
use sealwire_store::{HeldRange, PinnedAccount, Rows, StoreError, Transaction};
use sealwire_wire::{ClientSeq, DeviceId, MessageId, ThreadId, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A user's device.
type Device = (UserId, DeviceId);

/// Everything read and not written back yet.
#[derive(Default)]
pub(super) struct Lease {
    sessions: BTreeMap<Device, Session>,
    users: BTreeMap<UserId, User>,
    threads: BTreeSet<ThreadId>,
    ends: BTreeMap<(ThreadId, UserId, DeviceId), Option<HeldRange>>,
    /// Messages that were parked before, by whose list they wait for.
    parked: BTreeMap<UserId, BTreeSet<MessageId>>,
}

struct Session {
    /// Of the row as it was read; none where there is no row.
    version: Option<u64>,
    /// None where there is no row, or one that cannot be read.
    record: Option<Rc<SessionRecord>>,
    stepped: bool,
}

/// What is held of a user's lists and account key.
pub(super) struct User {
    pub(super) newest: Option<DeviceList>,
    pub(super) pinned: Option<PinnedAccount>,
}

impl Lease {
    /// The record of a device's sessions. One that cannot be read opens nothing; a prekey message makes a new one.
    pub(super) fn session(
        &mut self,
        rows: &Rows,
        user: &UserId,
        device: DeviceId,
    ) -> Result<Option<Rc<SessionRecord>>, StoreError> {
        let name = (user.clone(), device);
        if let Some(held) = self.sessions.get(&name) {
            return Ok(held.record.clone());
        }
        let row = rows.session(user, device)?;
        let record = row
            .as_ref()
            .and_then(|row| SessionRecord::from_bytes(&row.record).ok())
            .map(Rc::new);
        let held = Session {
            version: row.map(|row| row.version),
            record: record.clone(),
            stepped: false,
        };
        self.sessions.insert(name, held);
        Ok(record)
    }

    /// A message of this device opened: its record after that.
    pub(super) fn step(
        &mut self,
        rows: &Rows,
        user: &UserId,
        device: DeviceId,
        record: SessionRecord,
    ) -> Result<(), StoreError> {
        let name = (user.clone(), device);
        if !self.sessions.contains_key(&name) {
            self.session(rows, user, device)?;
        }
        if let Some(held) = self.sessions.get_mut(&name) {
            held.record = Some(Rc::new(record));
            held.stepped = true;
        }
        Ok(())
    }

    /// Saves every record that was stepped: whoever needs one next reads it anew.
    pub(super) fn give_back(&mut self, tx: &mut Transaction<'_>) -> Result<(), StoreError> {
        for ((user, device), session) in std::mem::take(&mut self.sessions) {
            if let Some(record) = session.record.filter(|_| session.stepped) {
                tx.save_session(&user, device, session.version, &record.to_bytes())?;
            }
        }
        Ok(())
    }

    /// A user's newest verified list and pinned account key. No transaction of receiving changes them.
    pub(super) fn user(&mut self, rows: &Rows, user: &UserId) -> Result<&User, EngineError> {
        if !self.users.contains_key(user) {
            let read = User {
                newest: trust::newest_list(rows, user)?,
                pinned: rows.pinned_account(user)?,
            };
            self.users.insert(user.clone(), read);
        }
        self.users
            .get(user)
            .ok_or_else(|| EngineError::Internal("a user just read is gone".to_owned()))
    }

    /// Whether this message came before the transaction, and waits for that user's list.
    pub(super) fn is_parked(
        &mut self,
        rows: &Rows,
        user: &UserId,
        message: MessageId,
    ) -> Result<bool, StoreError> {
        if let Some(parked) = self.parked.get(user) {
            return Ok(parked.contains(&message));
        }
        let parked = parked_messages(rows, user)?;
        let is_parked = parked.contains(&message);
        self.parked.insert(user.clone(), parked);
        Ok(is_parked)
    }

    /// Whether this is the first time that the transaction meets this thread.
    pub(super) fn meets(&mut self, thread: ThreadId) -> bool {
        self.threads.insert(thread)
    }

    /// The ends of what is held of this device in this thread.
    pub(super) fn ends(
        &mut self,
        rows: &Rows,
        thread: ThreadId,
        user: &UserId,
        device: DeviceId,
    ) -> Result<Option<HeldRange>, StoreError> {
        let name = (thread, user.clone(), device);
        if let Some(ends) = self.ends.get(&name) {
            return Ok(*ends);
        }
        let ends = rows.client_seq_range(thread, user, device)?;
        self.ends.insert(name, ends);
        Ok(ends)
    }

    /// A row with this number and digest is held now, and none was taken away.
    pub(super) fn put(
        &mut self,
        thread: ThreadId,
        user: &UserId,
        device: DeviceId,
        number: ClientSeq,
        digest: [u8; 32],
    ) {
        if let Some(ends) = self.ends.get_mut(&(thread, user.clone(), device)) {
            let held = ends.unwrap_or(HeldRange {
                lowest: number,
                highest: number,
                digest_of_highest: None,
            });
            let is_highest = number >= held.highest;
            *ends = Some(HeldRange {
                lowest: held.lowest.min(number),
                highest: held.highest.max(number),
                digest_of_highest: if is_highest {
                    Some(digest)
                } else {
                    held.digest_of_highest
                },
            });
        }
    }

    /// Rows came or went in another way than by [`Lease::put`].
    pub(super) fn forget_ends(&mut self) {
        self.ends.clear();
    }
}
