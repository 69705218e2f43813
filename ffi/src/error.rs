//! The one error of every call.

use crate::faults::Fault;
use crate::records::ErrorInfo;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CallError {
    /// With everything that there is to know of it.
    #[error("{}: {} ({})", info.code, info.text, info.detail)]
    Failed {
        /// The row of the table of errors, and this error's values.
        info: ErrorInfo,
    },
}

impl CallError {
    /// What there is to know of it.
    pub fn info(&self) -> &ErrorInfo {
        let Self::Failed { info } = self;
        info
    }
}

impl From<Fault> for CallError {
    fn from(Fault(place): Fault) -> Self {
        let mut info = ErrorInfo::from(sealwire::Error::Internal("a call panicked"));
        info.fields.reason = Some(place);
        Self::Failed { info }
    }
}

impl From<sealwire::Error> for CallError {
    fn from(error: sealwire::Error) -> Self {
        Self::Failed {
            info: ErrorInfo::from(&error),
        }
    }
}

/// Every code that there is.
#[uniffi::export]
pub fn error_table() -> Vec<ErrorInfo> {
    let rows = sealwire::Error::table().iter();
    rows.map(|info| ErrorInfo::from(*info)).collect()
}
