//! Who sent it: the device as its account's signed lists have it.

use super::Receiver;
use super::classify::Refusal;
use super::open::{OpenedEnvelope, Origin};
use crate::UnreadableReason;
use crate::account::speaks_pqxdh;
use crate::trust::{is_disputed, list_at};
use sealwire_crypto::device::DeviceEntry;
use sealwire_crypto::ratchet::{OpenError, Version};
use sealwire_store::{ParkReason, RemovalState, Rows};
use sealwire_wire::{DeviceId, UserId};

impl Receiver<'_> {
    /// The sending device's entry. A device removed a moment ago still counts until everything before that is here.
    pub(super) fn sender(
        &mut self,
        rows: &Rows,
        origin: Origin<'_>,
    ) -> Result<DeviceEntry, Refusal> {
        let Origin { user, device } = origin;
        let unknown = || {
            Refusal::NeedsList(
                ParkReason::UnknownDevice,
                None,
                UnreadableReason::UnknownDevice,
            )
        };
        let held = self.lease.user(rows, user)?;
        let newest = held.newest.as_ref().ok_or_else(unknown)?;
        if let Some(entry) = newest.device(device.get()) {
            // A recovery proves nothing but that somebody holds an account key, another one or a copy of this: its devices
            // speak for this user once the app says so.
            let waits = held
                .pinned
                .as_ref()
                .is_some_and(|pinned| is_disputed(pinned, newest));
            return if waits {
                Err(Refusal::NeedsConsent)
            } else {
                Ok(entry.clone())
            };
        }
        match rows
            .device_removal(user, device)?
            .map(|removal| (removal.state, removal.since_version))
        {
            Some((RemovalState::Refused, _)) => {
                Err(Refusal::Unreadable(UnreadableReason::DeviceRevoked))
            }
            Some((RemovalState::Pending, since)) => {
                let before = list_at(rows, user, since.saturating_sub(1))?;
                before
                    .and_then(|list| list.device(device.get()).cloned())
                    .ok_or_else(unknown)
            }
            None => Err(unknown()),
        }
    }

    /// A session of X3DH that began when both devices were listed with PQXDH: nobody honest begins one. What was queued before
    /// either of them was upgraded was sealed under an older list of its sender, or for an older prekey of this device.
    pub(super) fn check_not_downgraded(
        &mut self,
        rows: &Rows,
        origin: Origin<'_>,
        opened: &OpenedEnvelope,
        version: u64,
    ) -> Result<(), Refusal> {
        let Some(began) = opened.ratchet.began else {
            return Ok(());
        };
        let pqxdh = u32::from(Version::Pqxdh.number());
        let prekey = rows.signed_prekey(began.signed_prekey_id)?;
        if began.kem_prekey_id.is_some()
            || prekey.is_none_or(|prekey| prekey.listed_version < pqxdh)
        {
            return Ok(());
        }
        let list = list_at(rows, origin.user, version)?;
        let entry = list
            .as_ref()
            .and_then(|list| list.device(origin.device.get()));
        if entry.is_some_and(|entry| speaks_pqxdh(&entry.protocol_versions)) {
            return Err(OpenError::X3dhRefused.into());
        }
        Ok(())
    }

    /// The list version that the envelope names: known here, and holding the sending device.
    pub(super) fn check_list_version(
        &mut self,
        rows: &Rows,
        user: &UserId,
        device: DeviceId,
        version: u64,
    ) -> Result<(), Refusal> {
        let held = self.lease.user(rows, user)?.newest.as_ref();
        let newest = held.map_or(0, |list| list.version);
        if version > newest {
            let hidden = UnreadableReason::DeviceListRollback;
            return Err(Refusal::NeedsList(
                ParkReason::NewerList,
                Some(version),
                hidden,
            ));
        }
        let held_it = match held.filter(|list| list.version == version) {
            Some(list) => list.device(device.get()).is_some(),
            None => list_at(rows, user, version)?
                .is_some_and(|list| list.device(device.get()).is_some()),
        };
        if held_it {
            Ok(())
        } else {
            Err(Refusal::Unreadable(UnreadableReason::UnknownDevice))
        }
    }
}
