//! Every way in which the service says no: the problem that travels, and nothing else.

use super::NoRandomness;
use crate::storage::StorageError;
use sealwire_wire::contract::{DeviceMismatch, ErrorCode, Problem};
use std::fmt;

/// What the service answers.
pub type Answer<T> = Result<T, Refusal>;

/// The problem+json of a request that was refused. Nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(Box<Problem>);

impl Refusal {
    /// A refusal with this code and a sentence for a developer.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    /// The envelopes are not those of the live devices.
    pub(super) fn mismatch(mismatch: DeviceMismatch) -> Self {
        let mut refusal = Self::new(
            ErrorCode::DeviceMismatch,
            "wrap for the named devices alone and send again",
        );
        refusal.0.device_mismatch = Some(mismatch);
        refusal
    }

    /// Not before so many milliseconds.
    pub(crate) fn retry_after_ms(mut self, ms: u64) -> Self {
        self.0.retry_after_ms = Some(ms);
        self
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The body to answer with; its `status` is the HTTP status.
    pub fn into_problem(self) -> Problem {
        *self.0
    }

    /// The body to answer with.
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.0.code, self.0.detail)
    }
}

impl std::error::Error for Refusal {}

impl From<NoRandomness> for Refusal {
    fn from(error: NoRandomness) -> Self {
        Self::new(ErrorCode::Unavailable, error.to_string())
    }
}

/// How long a client waits before it tries a relay again that could not write.
const STORAGE_RETRY_MS: u64 = 5_000;

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        let code = match &error {
            StorageError::Full => ErrorCode::StorageFull,
            StorageError::Unavailable(detail) => {
                tracing::error!(detail, "storage failed");
                ErrorCode::Unavailable
            }
        };
        // The cause stays in the log: a client can do nothing with it.
        Self::new(code, "nothing was stored, try again later").retry_after_ms(STORAGE_RETRY_MS)
    }
}
