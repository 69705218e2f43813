//! Registering devices: the first one of an account, and those that a grant lets in.

use super::live_devices::LiveDevice;
use super::{Answer, Refusal, Service, public_data};
use crate::storage::{
    Account, AdmitDevice, Admitted, DeviceRecord, DeviceState, ListRecord, OpenAccount, Opened,
};
use sealwire_crypto::device::DeviceList;
use sealwire_crypto::primitives::sha256;
use sealwire_wire::contract::{
    DeviceName, ErrorCode, RegisterDevice, RegisteredDevice, ReservedDevice, SignedGrant,
    SignedList,
};
use sealwire_wire::{DeviceId, UserId};
use std::sync::Arc;

/// Devices that one account ever had. They are read with every request of the account, and no person links so many.
const EVER_REGISTERED_MAX: usize = 1_000;

impl Service {
    /// Registers a device. `platform_user` is the user that a valid platform token names, if one was shown.
    pub async fn register_device(
        &self,
        request: &RegisterDevice,
        platform_user: Option<&UserId>,
    ) -> Answer<RegisteredDevice> {
        let device = self.device_record(request).await?;
        let state = match (&request.grant, &request.list) {
            (Some(_), Some(_)) => {
                return Err(Refusal::new(
                    ErrorCode::Unprocessable,
                    "a list opens an account, a grant joins one: send one of them",
                ));
            }
            (Some(grant), None) => self.admit(request, grant, device).await?,
            (None, list) => {
                self.open(request, list.as_ref(), device, platform_user)
                    .await?
            }
        };
        Ok(RegisteredDevice {
            user_id: request.user_id.clone(),
            device_id: request.device_id,
            active: state == DeviceState::Live,
        })
    }

    /// The next device id of the caller's account, never given out again.
    pub async fn reserve_device_id(&self, caller: &DeviceName) -> Answer<ReservedDevice> {
        self.authorise(caller).await?;
        match self
            .storage
            .reserve_device_id(caller.user_id.clone())
            .await?
        {
            Some(device_id) => Ok(ReservedDevice { device_id }),
            None => Err(Refusal::new(
                ErrorCode::DeviceLimit,
                "this account's device ids have run out",
            )),
        }
    }

    /// Whether the device is live: in the newest list of its user, registered, and not disabled. 403 `device_revoked` else.
    ///
    /// Every method that takes a caller asks this itself; sockets ask it again when they are woken.
    pub async fn authorise(&self, caller: &DeviceName) -> Answer<()> {
        let live = self.live_devices(&caller.user_id).await?;
        if live.iter().any(|device| device.id == caller.device_id) {
            Ok(())
        } else {
            Err(not_live())
        }
    }

    /// The live devices of a user; none without an account.
    pub(super) async fn live_devices(&self, user: &UserId) -> Answer<Arc<[LiveDevice]>> {
        let unknown = match self.live_devices.of(user) {
            Ok(known) => return Ok(known),
            Err(unknown) => unknown,
        };
        let Some(account) = self.storage.account(user.clone()).await? else {
            return Ok(Arc::new([]));
        };
        let live = account.live().map(|device| LiveDevice {
            id: device.device_id,
            registration_id: device.registration_id,
        });
        let live: Arc<[LiveDevice]> = live.collect();
        self.live_devices.keep(unknown, user, &live);
        Ok(live)
    }

    /// The caller's account, if the calling device is live.
    pub(super) async fn live_account(&self, caller: &DeviceName) -> Answer<Account> {
        let account = self.storage.account(caller.user_id.clone()).await?;
        account
            .filter(|account| {
                account
                    .live()
                    .any(|device| device.device_id == caller.device_id)
            })
            .ok_or_else(not_live)
    }

    async fn device_record(&self, request: &RegisterDevice) -> Answer<DeviceRecord> {
        let identity = public_data::identity_key(request.identity_key.as_slice())?;
        if request.prekeys.signed_prekey.is_none() {
            return Err(Refusal::new(
                ErrorCode::Unprocessable,
                "a registration brings a signed prekey",
            ));
        }
        self.check_signatures(&request.prekeys, &identity).await?;
        let as_json = serde_json::to_vec(request)
            .map_err(|error| Refusal::new(ErrorCode::InvalidBody, error.to_string()))?;
        Ok(DeviceRecord {
            device_id: request.device_id,
            registration_id: request.registration_id,
            identity_key: identity.to_bytes(),
            registered_by: sha256(&as_json),
            registered_at: self.clock.now(),
            state: DeviceState::Registered,
            disabled_at: None,
        })
    }

    async fn open(
        &self,
        request: &RegisterDevice,
        list: Option<&SignedList>,
        device: DeviceRecord,
        platform_user: Option<&UserId>,
    ) -> Answer<DeviceState> {
        match platform_user {
            None => {
                return Err(Refusal::new(
                    ErrorCode::Unauthorized,
                    "the platform's token opens an account",
                ));
            }
            Some(user) if *user != request.user_id => {
                return Err(Refusal::new(
                    ErrorCode::Forbidden,
                    "the platform's token is of another user",
                ));
            }
            Some(_) => {}
        }
        if let Some(account) = self.storage.account(request.user_id.clone()).await? {
            return repeated_opening(&account, &device);
        }
        let list = list.ok_or_else(|| {
            Refusal::new(
                ErrorCode::Unprocessable,
                "the first device brings list version 1",
            )
        })?;
        let verified = public_data::list(list).verify_first(request.user_id.as_str())?;
        let names_this_device = request.device_id == DeviceId::FIRST
            && verified
                .devices()
                .iter()
                .all(|entry| fits(&device, entry.registration_id, &entry.identity_key));
        if !names_this_device {
            return Err(Refusal::new(
                ErrorCode::Unprocessable,
                "list version 1 holds device 1 with the keys of this registration",
            ));
        }
        let step = OpenAccount {
            user_id: request.user_id.clone(),
            device: DeviceRecord {
                state: DeviceState::Live,
                ..device.clone()
            },
            list: ListRecord {
                version: verified.version,
                hash: verified.hash,
                signed: list.clone(),
            },
            prekeys: request.prekeys.clone(),
        };
        match self.storage.open_account(step).await? {
            Opened::Opened => Ok(DeviceState::Live),
            // Somebody was faster; it may have been this very request.
            Opened::Exists => match self.storage.account(request.user_id.clone()).await? {
                Some(account) => repeated_opening(&account, &device),
                None => Err(account_exists()),
            },
        }
    }

    async fn admit(
        &self,
        request: &RegisterDevice,
        grant: &SignedGrant,
        device: DeviceRecord,
    ) -> Answer<DeviceState> {
        let account = self
            .storage
            .account(request.user_id.clone())
            .await?
            .ok_or_else(|| {
                Refusal::new(
                    ErrorCode::UserUnknown,
                    "no such account: open it with list version 1",
                )
            })?;
        // A repeat is answered before the grant is looked at again: it may have run out since.
        if let Some(known) = account.device(device.device_id)
            && known.registered_by == device.registered_by
        {
            return Ok(known.state);
        }
        let newest = DeviceList::danger_restore_verified(&public_data::list(&account.list.signed))?;
        let verified = public_data::grant(grant).verify(&newest, self.clock.now().0)?;
        if verified.device_id != request.device_id.get() {
            return Err(Refusal::new(
                ErrorCode::GrantInvalid,
                "the grant is for another device id",
            ));
        }
        if account.devices.len() >= EVER_REGISTERED_MAX {
            return Err(Refusal::new(
                ErrorCode::DeviceLimit,
                format!("an account registers at most {EVER_REGISTERED_MAX} devices in its life"),
            ));
        }
        let step = AdmitDevice {
            user_id: request.user_id.clone(),
            device,
            nonce: verified.nonce,
            prekeys: request.prekeys.clone(),
        };
        match self.storage.admit_device(step).await? {
            Admitted::Admitted => Ok(DeviceState::Registered),
            Admitted::Repeated(state) => Ok(state),
            Admitted::GrantUsed => Err(Refusal::new(ErrorCode::GrantUsed, "ask for a new grant")),
            Admitted::IdTaken => Err(Refusal::new(
                ErrorCode::DeviceIdTaken,
                "another device registered with this id: reserve a new one",
            )),
            Admitted::NotReserved => Err(Refusal::new(
                ErrorCode::GrantInvalid,
                "the grant is for a device id that was never reserved",
            )),
        }
    }
}

/// Whether a list's entry is this device as it registered.
pub(super) fn fits(
    device: &DeviceRecord,
    registration_id: u32,
    identity_key: &sealwire_crypto::keys::IdentityKey,
) -> bool {
    device.registration_id == registration_id && device.identity_key == identity_key.to_bytes()
}

fn repeated_opening(account: &Account, device: &DeviceRecord) -> Answer<DeviceState> {
    account
        .device(device.device_id)
        .filter(|known| known.registered_by == device.registered_by)
        .map(|known| known.state)
        .ok_or_else(account_exists)
}

fn account_exists() -> Refusal {
    Refusal::new(
        ErrorCode::AccountExists,
        "the account has devices: link this one from one of them",
    )
}

pub(super) fn not_live() -> Refusal {
    Refusal::new(
        ErrorCode::DeviceRevoked,
        "this device is disabled, or not in its user's newest list",
    )
}
