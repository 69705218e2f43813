//! Publishing and reading signed device lists.

use super::{Answer, Refusal, Service, Woken};
use sealwire_wire::UserId;
use sealwire_wire::contract::{
    DeviceListsAnswer, DeviceListsQuery, DeviceName, ErrorCode, OwnDevices, SignedList,
    UserDeviceLists,
};

/// Versions of one user's list in one answer; whoever gets this many asks again from the last.
pub const LISTS_PER_ANSWER: usize = 100;

/// Who publishes a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publisher {
    /// A live device of the account.
    Device(DeviceName),
    /// The holder of a platform token of this user: recovery lists alone.
    Platform(UserId),
}

impl Service {
    /// Publishes version v+1. The newest version again, byte for byte, is a success.
    pub async fn publish_list(
        &self,
        publisher: &Publisher,
        list: &SignedList,
    ) -> Answer<Woken<()>> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// Versions of one user's list after `since`, oldest first, at most [`LISTS_PER_ANSWER`] of them.
    pub async fn device_lists(
        &self,
        caller: &DeviceName,
        user: &UserId,
        since: u64,
    ) -> Answer<UserDeviceLists> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// The same for up to 50 users; those without an account are left out.
    pub async fn query_device_lists(
        &self,
        caller: &DeviceName,
        query: &DeviceListsQuery,
    ) -> Answer<DeviceListsAnswer> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// The caller's own devices.
    pub async fn own_devices(&self, caller: &DeviceName) -> Answer<OwnDevices> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }
}
