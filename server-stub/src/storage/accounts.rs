//! Accounts: their devices, the grants spent on them, and every version of their signed device list.

use super::Pending;
use sealwire_wire::contract::{DeviceName, PrekeyUpload, SignedList};
use sealwire_wire::{DeviceId, Timestamp, UserId};

/// One registered device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Which.
    pub device_id: DeviceId,
    /// As registered.
    pub registration_id: u32,
    /// As registered: the 33 bytes of the public identity key.
    pub identity_key: [u8; 33],
    /// SHA-256 of the registration, so that a repeat is known.
    pub registered_by: [u8; 32],
    /// When.
    pub registered_at: Timestamp,
    /// Where it stands.
    pub state: DeviceState,
    /// Since when it is disabled, whatever its lists say.
    pub disabled_at: Option<Timestamp>,
}

impl DeviceRecord {
    /// Whether the newest list holds it and nobody has disabled it.
    pub fn is_live(&self) -> bool {
        self.state == DeviceState::Live && self.disabled_at.is_none()
    }
}

/// Where a device stands. It only ever moves down this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// Registered, in no list yet.
    Registered,
    /// In the newest list; live unless it is disabled.
    Live,
    /// Was in a list, and is no longer: never live again.
    Removed,
}

/// One published version of a device list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRecord {
    /// From 1.
    pub version: u64,
    /// SHA-256 of the payload.
    pub hash: [u8; 32],
    /// As received.
    pub signed: SignedList,
}

/// An account with its newest list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The id that the next reservation gives.
    pub next_device_id: u32,
    /// Every device that ever registered, by id.
    pub devices: Vec<DeviceRecord>,
    /// The newest version.
    pub list: ListRecord,
}

impl Account {
    /// The device with this id.
    pub fn device(&self, id: DeviceId) -> Option<&DeviceRecord> {
        self.devices.iter().find(|device| device.device_id == id)
    }

    /// The devices of the newest list that nobody has disabled.
    pub fn live(&self) -> impl Iterator<Item = &DeviceRecord> {
        self.devices.iter().filter(|device| device.is_live())
    }

    /// The devices of the newest list.
    pub fn listed(&self) -> impl Iterator<Item = &DeviceRecord> {
        self.devices
            .iter()
            .filter(|device| device.state == DeviceState::Live)
    }
}

/// A new account with its first device.
#[derive(Debug, Clone)]
pub struct OpenAccount {
    /// Whose.
    pub user_id: UserId,
    /// Its first device, live.
    pub device: DeviceRecord,
    /// Version 1, which holds that device alone.
    pub list: ListRecord,
    /// The device's prekeys.
    pub prekeys: PrekeyUpload,
}

/// Whether [`Accounts::open_account`] made the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// It did.
    Opened,
    /// There was one.
    Exists,
}

/// A further device, let in by a grant.
#[derive(Debug, Clone)]
pub struct AdmitDevice {
    /// Whose.
    pub user_id: UserId,
    /// The device, registered but in no list.
    pub device: DeviceRecord,
    /// The grant's nonce, to be spent.
    pub nonce: [u8; 16],
    /// The device's prekeys.
    pub prekeys: PrekeyUpload,
}

/// What became of [`Accounts::admit_device`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// Stored, and the nonce is spent.
    Admitted,
    /// This very registration was stored before; the device stands there now.
    Repeated(DeviceState),
    /// The nonce was spent before.
    GrantUsed,
    /// Another device has the id.
    IdTaken,
    /// The id was never reserved, or there is no such account.
    NotReserved,
}

/// The next version of a list.
#[derive(Debug, Clone)]
pub struct AppendList {
    /// Whose.
    pub user_id: UserId,
    /// The hash of the version that this one continues.
    pub prev_hash: [u8; 32],
    /// The new version.
    pub list: ListRecord,
    /// The devices that it holds.
    pub holds: Vec<DeviceId>,
}

/// What became of [`Accounts::append_list`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is the newest version; states of devices follow it.
    Appended,
    /// It does not continue the newest version, or there is no such account.
    Conflict,
    /// It holds a device that is not registered, or was removed before.
    NotRegistered(DeviceId),
}

/// Steps within one account.
pub trait Accounts {
    /// Makes an account, if there is none.
    fn open_account(&self, step: OpenAccount) -> Pending<'_, Opened>;

    /// The account of a user.
    fn account(&self, user: UserId) -> Pending<'_, Option<Account>>;

    /// The next device id, never given again; none without an account, or when ids have run out.
    fn reserve_device_id(&self, user: UserId) -> Pending<'_, Option<DeviceId>>;

    /// Spends a grant on a device: both or neither.
    fn admit_device(&self, step: AdmitDevice) -> Pending<'_, Admitted>;

    /// Publishes the next version, by compare-and-set on version and hash.
    fn append_list(&self, step: AppendList) -> Pending<'_, Appended>;

    /// Disables a device, if there is one: it has no queue, no envelopes and no prekeys any more. The first time counts.
    fn disable_device(&self, device: DeviceName, at: Timestamp) -> Pending<'_, ()>;

    /// Versions after `since`, oldest first.
    fn lists_after(&self, user: UserId, since: u64, limit: u32) -> Pending<'_, Vec<ListRecord>>;
}
