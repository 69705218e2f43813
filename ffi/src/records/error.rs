//! Errors: the row of the one table, and what this error says besides.

use super::number;

/// Why an operation failed. What it was to do was not done, unless the text says otherwise.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorInfo {
    /// Stable, the same in every language.
    pub code: String,
    /// What it is about.
    pub group: ErrorGroup,
    /// What happened and what to do, for a developer: the table's text of the code.
    pub text: String,
    /// This error in its own words, with what lies behind it.
    pub detail: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// Not before so many milliseconds, where the relay said so.
    pub retry_after_ms: Option<i64>,
    /// The values of this error; those that its code does not have are none.
    pub fields: ErrorFields,
}

/// The values of an error.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorFields {
    /// How large it was.
    pub bytes: Option<i64>,
    /// How large it may be.
    pub max_bytes: Option<i64>,
    /// How many, or how long in seconds, it may be.
    pub max: Option<i64>,
    /// What the store is: its schema, or its generation.
    pub found: Option<i64>,
    /// What it should be, at most or at least.
    pub expected: Option<i64>,
    /// The HTTP status of the answer.
    pub status: Option<i64>,
    /// Whose.
    pub user_id: Option<String>,
    /// In the system's or the relay's words, or the code of the reason (`message_failed`).
    pub reason: Option<String>,
}

/// What an error is about.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorGroup {
    /// The client itself: how it was opened, and that it lives.
    Client,
    /// The store's file and its key.
    Store,
    /// The way to the relay, and whether it can serve now.
    Network,
    /// The account and its devices.
    Account,
    /// Linking a further device.
    Linking,
    /// A message or its thread.
    Message,
    /// A file.
    Attachment,
    /// The relay's contract: client and relay do not fit together, or the client mends it by itself.
    Contract,
}

impl From<&sealwire::Error> for ErrorInfo {
    fn from(error: &sealwire::Error) -> Self {
        let wait = error.retry_after();
        Self {
            detail: chain(error),
            retry_after_ms: wait.map(|wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
            fields: error.fields().into(),
            ..Self::from(error.info())
        }
    }
}

impl From<sealwire::Error> for ErrorInfo {
    fn from(error: sealwire::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&sealwire::ErrorInfo> for ErrorInfo {
    fn from(info: &sealwire::ErrorInfo) -> Self {
        use sealwire::ErrorGroup as Group;
        Self {
            code: info.code.to_owned(),
            group: match info.group {
                Group::Store => ErrorGroup::Store,
                Group::Network => ErrorGroup::Network,
                Group::Account => ErrorGroup::Account,
                Group::Linking => ErrorGroup::Linking,
                Group::Message => ErrorGroup::Message,
                Group::Attachment => ErrorGroup::Attachment,
                Group::Contract => ErrorGroup::Contract,
                _ => ErrorGroup::Client,
            },
            text: info.text.to_owned(),
            detail: String::new(),
            retryable: info.retryable,
            retry_after_ms: None,
            fields: ErrorFields::default(),
        }
    }
}

impl From<sealwire::ErrorFields> for ErrorFields {
    fn from(fields: sealwire::ErrorFields) -> Self {
        Self {
            bytes: fields.bytes.map(number),
            max_bytes: fields.max_bytes.map(number),
            max: fields.max.map(number),
            found: fields.found.map(number),
            expected: fields.expected.map(number),
            status: fields.status.map(i64::from),
            user_id: fields.user_id,
            reason: fields.reason,
        }
    }
}

/// The error and its causes, each once.
fn chain(error: &sealwire::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let next = error.to_string();
        if !words.contains(&next) {
            words = format!("{words}: {next}");
        }
        cause = error.source();
    }
    words
}
