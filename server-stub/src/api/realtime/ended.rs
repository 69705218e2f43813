//! Why a socket ends, and what its client is told.

use crate::service::Refusal;
use sealwire_wire::contract::{CloseCode, ErrorCode};

/// Why a socket ends.
pub(super) struct Ended {
    pub(super) code: CloseCode,
    pub(super) reason: &'static str,
    /// Told in a frame before the close.
    pub(super) error: Option<ErrorCode>,
}

impl Ended {
    pub(super) fn new(code: CloseCode, reason: &'static str) -> Self {
        Self {
            code,
            reason,
            error: None,
        }
    }

    pub(super) fn told(code: CloseCode) -> Self {
        let reason = match code {
            CloseCode::Replaced => "a newer socket of this device took over",
            CloseCode::TokenExpired => "the token has ended",
            CloseCode::DeviceRevoked => "the device is no longer listed",
            CloseCode::GoingAway => "the relay ends",
            _ => "",
        };
        Self::new(code, reason)
    }

    pub(super) fn stalled() -> Self {
        Self::new(CloseCode::CatchUp, "the socket took no frame for too long")
    }

    pub(super) fn protocol(reason: &'static str) -> Self {
        Self {
            code: CloseCode::ProtocolError,
            reason,
            error: Some(ErrorCode::InvalidRequest),
        }
    }

    pub(super) fn flooding() -> Self {
        Self {
            code: CloseCode::ProtocolError,
            reason: "too many frames in too short a time",
            error: Some(ErrorCode::RateLimited),
        }
    }

    pub(super) fn panicked() -> Self {
        tracing::error!("a socket's task panicked");
        Self::new(CloseCode::CatchUp, "the relay failed")
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        match refusal.code() {
            ErrorCode::DeviceRevoked => Self::told(CloseCode::DeviceRevoked),
            code => {
                tracing::warn!(%code, "a socket's queue can not be served");
                Self::new(CloseCode::CatchUp, "the queue can not be served now")
            }
        }
    }
}
