//! The chain of one user's lists as the store holds it.

use crate::EngineError;
use crate::account::internal;
use sealwire_crypto::device::{DeviceList, SignedDeviceList};
use sealwire_store::{DeviceListRow, PinnedAccount, Rows, Transaction};
use sealwire_wire::UserId;

/// The newest list of a user that was verified here.
pub(crate) fn newest_list(rows: &Rows, user: &UserId) -> Result<Option<DeviceList>, EngineError> {
    rows.newest_list(user)?.map(|row| restore(&row)).transpose()
}

/// One verified version.
pub(crate) fn list_at(
    rows: &Rows,
    user: &UserId,
    version: u64,
) -> Result<Option<DeviceList>, EngineError> {
    rows.list(user, version)?
        .map(|row| restore(&row))
        .transpose()
}

/// The newest list that nobody has to be asked about: under the pinned account key, before any recovery that is not accepted.
pub(crate) fn undisputed_list(
    rows: &Rows,
    user: &UserId,
) -> Result<Option<DeviceList>, EngineError> {
    let newest = newest_list(rows, user)?;
    let Some(pinned) = rows
        .pinned_account(user)?
        .filter(|pinned| pinned.offered_key.is_some())
    else {
        return Ok(newest);
    };
    let mut list = newest;
    while let Some(disputed) = list.as_ref().filter(|list| is_disputed(&pinned, list)) {
        list = list_at(rows, user, disputed.version.saturating_sub(1))?;
    }
    Ok(list)
}

/// Whether the app is still to accept this list: it has another account key than the pinned one, or came with or after a recovery.
pub(crate) fn is_disputed(pinned: &PinnedAccount, list: &DeviceList) -> bool {
    let recovered = pinned.offered_since;
    pinned.offered_key.is_some()
        && (list.account_key.to_bytes() != pinned.account_key
            || recovered.is_some_and(|since| list.version >= since))
}

/// Version 1: the account key first seen is the one that counts from now on.
pub(crate) fn keep_first(
    tx: &mut Transaction<'_>,
    user: &UserId,
    signed: &SignedDeviceList,
    list: &DeviceList,
) -> Result<(), EngineError> {
    tx.pin_account(user, &list.account_key.to_bytes())?;
    keep(tx, user, signed, list)
}

/// One more verified version.
pub(super) fn keep(
    tx: &mut Transaction<'_>,
    user: &UserId,
    signed: &SignedDeviceList,
    list: &DeviceList,
) -> Result<(), EngineError> {
    let row = DeviceListRow {
        version: list.version,
        bytes: signed.to_bytes(),
        hash: list.hash,
    };
    Ok(tx.append_list(user, &row)?)
}

fn restore(row: &DeviceListRow) -> Result<DeviceList, EngineError> {
    let signed = SignedDeviceList::from_bytes(&row.bytes).map_err(internal)?;
    DeviceList::danger_restore_verified(&signed).map_err(internal)
}
