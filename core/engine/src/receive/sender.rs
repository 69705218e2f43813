//! Who sent it: the device as its account's signed lists have it.

use super::Receiver;
use super::classify::Refusal;
use super::open::{OpenedEnvelope, Origin};
use crate::account::speaks_pqxdh;
use crate::trust::{is_disputed, list_at};
use crate::{EngineError, UnreadableReason};
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
        // A recovery proves nothing but that somebody holds an account key, another one or a copy of this: its devices speak for
        // this user once the app says so, those too that a later list of it no longer names.
        let waits = |list| {
            let pinned = held.pinned.as_ref();
            pinned.is_some_and(|pinned| is_disputed(pinned, list))
        };
        if let Some(entry) = newest.device(device.get()) {
            return if waits(newest) {
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
                let before = list_at(rows, user, since.saturating_sub(1))?.ok_or_else(unknown)?;
                if waits(&before) {
                    return Err(Refusal::NeedsConsent);
                }
                before.device(device.get()).cloned().ok_or_else(unknown)
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
        let held = self.lease.user(rows, user)?;
        let newest = held.newest.as_ref().map_or(0, |list| list.version);
        if version > newest {
            let hidden = UnreadableReason::DeviceListRollback;
            return Err(Refusal::NeedsList(
                ParkReason::NewerList,
                Some(version),
                hidden,
            ));
        }
        let older;
        let named = match held.newest.as_ref() {
            Some(list) if list.version == version => Some(list),
            _ => {
                older = list_at(rows, user, version)?;
                older.as_ref()
            }
        };
        let reason = UnreadableReason::UnknownDevice;
        match named {
            Some(list) if list.device(device.get()).is_some() => Ok(()),
            // Nobody accepted it: the true list of this number may come in its place, and hold the device.
            Some(list)
                if held
                    .pinned
                    .as_ref()
                    .is_some_and(|pinned| is_disputed(pinned, list)) =>
            {
                Err(Refusal::NeedsList(ParkReason::NewerList, None, reason))
            }
            _ => Err(Refusal::Unreadable(reason)),
        }
    }

    /// Whether the newest lists of this user wait for the app's word: others may come in their place.
    pub(super) fn waits_for_consent(
        &mut self,
        rows: &Rows,
        user: &UserId,
    ) -> Result<bool, EngineError> {
        let pinned = self.lease.user(rows, user)?.pinned.as_ref();
        Ok(pinned.is_some_and(|pinned| pinned.offered_key.is_some()))
    }
}
