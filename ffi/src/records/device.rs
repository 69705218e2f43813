//! Accounts and devices.

use super::time;

/// Whose device this is.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: String,
    /// The number of this device in the account.
    pub device: i64,
}

/// A registered device of this account.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDevice {
    /// Which device.
    pub device: i64,
    /// Whether the newest signed list holds it.
    pub active: bool,
    /// When it registered.
    pub registered_at_ms: i64,
    /// Since when it is disabled.
    pub disabled_at_ms: Option<i64>,
}

/// On the new device: is this the account that it is to join?
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinAccount {
    /// Whose account.
    pub user: String,
    /// The number that this device would have in it.
    pub device: i64,
}

/// On the existing device: may this device join the account, and read its messages from now on?
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
#[derive(Clone, PartialEq, Eq)]
pub struct AddDevice {
    /// The number that it would have.
    pub device: i64,
    /// Its public identity key, as it came over the agreement.
    #[cfg_attr(feature = "serde", serde(with = "serde_bytes"))]
    pub identity_key: Vec<u8>,
}

/// Whether this process speaks for the device.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkRole {
    /// It does.
    Held,
    /// Another process has the store open and speaks for the device.
    Waiting,
}

impl From<(sealwire::UserId, sealwire::DeviceId)> for Account {
    fn from((user, device): (sealwire::UserId, sealwire::DeviceId)) -> Self {
        Self {
            user: user.to_string(),
            device: device.get().into(),
        }
    }
}

impl From<sealwire::OwnDevice> for OwnDevice {
    fn from(device: sealwire::OwnDevice) -> Self {
        Self {
            device: device.device_id.get().into(),
            active: device.active,
            registered_at_ms: time(device.registered_at),
            disabled_at_ms: device.disabled_at.map(time),
        }
    }
}

impl From<sealwire::JoinAccount> for JoinAccount {
    fn from(question: sealwire::JoinAccount) -> Self {
        Self {
            user: question.user.to_string(),
            device: question.device.get().into(),
        }
    }
}

impl From<sealwire::AddDevice> for AddDevice {
    fn from(question: sealwire::AddDevice) -> Self {
        Self {
            device: question.device.get().into(),
            identity_key: question.identity_key.to_vec(),
        }
    }
}

impl From<sealwire::NetworkRole> for NetworkRole {
    fn from(role: sealwire::NetworkRole) -> Self {
        match role {
            sealwire::NetworkRole::Held => Self::Held,
            sealwire::NetworkRole::Waiting => Self::Waiting,
        }
    }
}

// A person compares it; a log has no use for it.
impl std::fmt::Debug for AddDevice {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("AddDevice")
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}
