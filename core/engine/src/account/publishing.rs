//! The next version of this account's list, signed here and sent to the relay, whatever changes in it.

use super::internal;
use crate::requests::{Outgoing, Purpose};
use crate::{Engine, EngineError, trust};
use sealwire_crypto::device::{DeviceListError, ListChange};
use sealwire_wire::contract::PublishDeviceList;

impl Engine {
    /// The newest list that this device holds of its own account, with this change, signed by the account and this device.
    pub(super) fn next_list(
        &mut self,
        change: &ListChange,
    ) -> Result<PublishDeviceList, EngineError> {
        let me = self.me()?.clone();
        let account = me.account.as_ref().ok_or(EngineError::AccountKeyMissing)?;
        let newest = trust::newest_list(&self.store, &me.user)?
            .ok_or_else(|| internal("this account's own list is missing"))?;
        let signed = newest.sign_next(
            account,
            me.device.get(),
            &me.identity,
            change,
            self.now.0,
            &mut self.rng,
        );
        let list = signed.map_err(|error| match error {
            DeviceListError::TooManyDevices { .. } => EngineError::DeviceLimit,
            error => internal(error),
        })?;
        Ok(PublishDeviceList {
            list: trust::to_wire(&list)?,
        })
    }
}

/// The request that publishes it. The relay takes it if no other version came first.
pub(super) fn publish(list: &PublishDeviceList, purpose: Purpose) -> Outgoing {
    Outgoing::put("/v1/me/devices/list", purpose).json(list)
}
