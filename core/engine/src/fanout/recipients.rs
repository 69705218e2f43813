//! The devices that a message is wrapped for: those of every participant's newest signed list, but this one.

use crate::EngineError;
use crate::account::{Me, speaks_pqxdh};
use crate::trust::newest_list;
use sealwire_crypto::keys::IdentityKey;
use sealwire_store::Rows;
use sealwire_wire::{DeviceId, UserId};
use std::collections::BTreeSet;

/// One device to wrap for.
#[derive(Clone)]
pub(crate) struct Recipient {
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    /// As its account signed it.
    pub(crate) registration_id: u32,
    /// As its account signed it.
    pub(crate) identity: IdentityKey,
    /// Whether sessions with it have a post-quantum part, as its account signed it.
    pub(crate) speaks_pqxdh: bool,
}

/// Every device of these users but this one, or the users whose list is not held yet.
pub(crate) fn recipients(
    rows: &Rows,
    me: &Me,
    users: &BTreeSet<UserId>,
) -> Result<Result<Vec<Recipient>, Vec<UserId>>, EngineError> {
    let (mut found, mut without_list) = (Vec::new(), Vec::new());
    for user in users {
        let Some(list) = newest_list(rows, user)? else {
            without_list.push(user.clone());
            continue;
        };
        for entry in list.devices() {
            let Ok(device) = DeviceId::new(entry.device_id) else {
                continue;
            };
            if !me.is(user, device) {
                found.push(Recipient {
                    user: user.clone(),
                    device,
                    registration_id: entry.registration_id,
                    identity: entry.identity_key,
                    speaks_pqxdh: speaks_pqxdh(&entry.protocol_versions),
                });
            }
        }
    }
    Ok(if without_list.is_empty() {
        Ok(found)
    } else {
        Err(without_list)
    })
}

/// One device, if its user's newest list holds it.
pub(crate) fn recipient(
    rows: &Rows,
    user: &UserId,
    device: DeviceId,
) -> Result<Option<Recipient>, EngineError> {
    let Some(list) = newest_list(rows, user)? else {
        return Ok(None);
    };
    Ok(list.device(device.get()).map(|entry| Recipient {
        user: user.clone(),
        device,
        registration_id: entry.registration_id,
        identity: entry.identity_key,
        speaks_pqxdh: speaks_pqxdh(&entry.protocol_versions),
    }))
}
