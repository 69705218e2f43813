//! What the account lets others do and see, and what it wants of a thread.

use super::time;

/// The settings of the account.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountSettings {
    /// Who may begin a 1:1 thread with this user.
    pub direct_messages: DirectMessages,
    /// Whether read receipts go out; without them none of others are shown either.
    pub read_receipts: bool,
    /// Whether others see when this user is online or was; without it none of others is shown either.
    pub presence: bool,
}

/// Who may begin a 1:1 thread with a user. Whoever the user has written to may always answer.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectMessages {
    /// Anybody.
    Everyone,
    /// Whom the platform counts as followers.
    Followers,
    /// Whom the platform has verified.
    Verified,
    /// Nobody.
    Nobody,
}

/// What this account wants of a thread.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadPreferences {
    /// No notifications until then; none for not muted.
    pub muted_until_ms: Option<i64>,
    /// Which messages notify.
    pub notifications: Notifications,
}

/// Which messages of a thread notify.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notifications {
    /// Every one.
    All,
    /// Those that name the user.
    Mentions,
    /// Not any.
    Nothing,
}

impl From<sealwire::AccountSettings> for AccountSettings {
    fn from(settings: sealwire::AccountSettings) -> Self {
        use sealwire::DirectMessages as From;
        Self {
            direct_messages: match settings.direct_messages {
                From::Everyone => DirectMessages::Everyone,
                From::Followers => DirectMessages::Followers,
                From::Verified => DirectMessages::Verified,
                From::None => DirectMessages::Nobody,
            },
            read_receipts: settings.read_receipts,
            presence: settings.presence,
        }
    }
}

impl From<AccountSettings> for sealwire::AccountSettings {
    fn from(settings: AccountSettings) -> Self {
        Self {
            direct_messages: match settings.direct_messages {
                DirectMessages::Everyone => sealwire::DirectMessages::Everyone,
                DirectMessages::Followers => sealwire::DirectMessages::Followers,
                DirectMessages::Verified => sealwire::DirectMessages::Verified,
                DirectMessages::Nobody => sealwire::DirectMessages::None,
            },
            read_receipts: settings.read_receipts,
            presence: settings.presence,
        }
    }
}

impl From<sealwire::ThreadPreferences> for ThreadPreferences {
    fn from(preferences: sealwire::ThreadPreferences) -> Self {
        Self {
            muted_until_ms: preferences.muted_until.map(time),
            notifications: match preferences.notifications {
                sealwire::Notifications::All => Notifications::All,
                sealwire::Notifications::Mentions => Notifications::Mentions,
                sealwire::Notifications::None => Notifications::Nothing,
            },
        }
    }
}

impl From<ThreadPreferences> for sealwire::ThreadPreferences {
    /// A time before 1970 is 1970: not muted any more.
    fn from(preferences: ThreadPreferences) -> Self {
        let muted = preferences.muted_until_ms;
        Self {
            muted_until: muted.map(|ms| sealwire::Timestamp(u64::try_from(ms).unwrap_or(0))),
            notifications: match preferences.notifications {
                Notifications::All => sealwire::Notifications::All,
                Notifications::Mentions => sealwire::Notifications::Mentions,
                Notifications::Nothing => sealwire::Notifications::None,
            },
        }
    }
}
