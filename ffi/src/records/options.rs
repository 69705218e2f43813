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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendOptions {
    /// It disappears from every device and from the relay so many seconds after the relay accepted it: between one and a
    /// year's; none: never.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub ttl_seconds: Option<i64>,
}

impl From<SendOptions> for sealwire::SendOptions {
    fn from(options: SendOptions) -> Self {
        match options.ttl_seconds {
            Some(seconds) => Self::default().ttl_seconds(count(seconds)),
            None => Self::default(),
        }
    }
}
