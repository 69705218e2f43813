//! How a client is opened, and how a message is sent.

use super::count;

/// What a client is opened with.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOptions {
    /// `https://relay.example`: scheme, host and port alone.
    pub relay: String,
    /// Where the encrypted store lies.
    pub store: StoreLocation,
    /// Connects to nothing until it is told to go online.
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub start_offline: bool,
    /// Allows `http://` to other hosts than this one. Messages stay encrypted, but tokens and who writes to whom can then be
    /// read, and used, by anybody on the way.
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub danger_allow_http: bool,
    /// For how many milliseconds a message that cannot leave is tried before it fails (`gave_up`); none: a day.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub give_up_after_ms: Option<i64>,
    /// What new sessions must have.
    #[cfg_attr(feature = "serde", serde(default))]
    pub session_policy: SessionPolicy,
}

/// What a new session must have. Sessions that are held go on until the other device speaks PQXDH.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionPolicy {
    /// A post-quantum part (PQXDH): devices that publish no KEM prekey are neither written to nor read in a new session, and
    /// messages for them wait.
    #[default]
    RequirePqxdh,
    /// With such devices sessions may begin too (X3DH); with devices whose signed list says that they speak PQXDH it changes
    /// nothing.
    AllowX3dh,
}

/// Where a store lies.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(
        tag = "type",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// A file, made by the first open; its folder must exist. On the web: a name in the origin's private file system.
    File {
        /// Its path.
        path: String,
    },
    /// Gone when the client closes, and the device with it. For tests.
    Memory,
}

/// How a message is sent.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SendOptions {
    /// It disappears from every device and from the relay so many seconds after the relay accepted it: between one and a
    /// year's; none: never.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub ttl_seconds: Option<i64>,
    /// 16 bytes that name this send: it is sent once, however often it is asked. A second call with them gives the message of
    /// the first and sends nothing. Make them of chance alone, or as a UUIDv7 is made, and never use them for another message:
    /// receivers see them. None: every call sends.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default, with = "serde_bytes"))]
    pub key: Option<Vec<u8>>,
}

impl TryFrom<SendOptions> for sealwire::SendOptions {
    type Error = sealwire::Error;

    fn try_from(options: SendOptions) -> Result<Self, sealwire::Error> {
        let mut given = Self::default();
        if let Some(seconds) = options.ttl_seconds {
            given = given.ttl_seconds(count(seconds));
        }
        if let Some(key) = options.key {
            given = given.key(send_key(key)?);
        }
        Ok(given)
    }
}

impl From<SessionPolicy> for sealwire::SessionPolicy {
    fn from(policy: SessionPolicy) -> Self {
        match policy {
            SessionPolicy::RequirePqxdh => Self::default(),
            SessionPolicy::AllowX3dh => Self::allow_x3dh(),
        }
    }
}

pub(super) fn send_key(key: Vec<u8>) -> Result<[u8; 16], sealwire::Error> {
    let key = key.try_into();
    key.map_err(|_| sealwire::ParseIdError::SendKey.into())
}

// Until it is sent, the key is the app's alone.
impl std::fmt::Debug for SendOptions {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SendOptions")
            .field("ttl_seconds", &self.ttl_seconds)
            .finish_non_exhaustive()
    }
}
