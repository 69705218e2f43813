//! Protocol messages to single devices: no place in a thread, no history, no unread.

use super::{DeviceEnvelope, EnvelopeBody};
use crate::{DeviceId, MessageId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// `POST /v1/control` with the header `Idempotency-Key`: 202 [`SentControl`] once durable.
///
/// Only to own devices and to devices of people who share a thread with the sender; 403 `no_shared_thread` otherwise.
/// A device that is not live, or has another registration: 409 `device_mismatch`, and nothing is stored.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendControl {
    /// 1 to 100 devices, each once; a body of at most 18 KiB for each.
    pub to: Vec<DeviceEnvelope>,
}

/// The answer to [`SendControl`] (202).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentControl {
    /// Names it in each recipient's frame.
    pub id: MessageId,
    /// The relay's clock.
    pub created_at: Timestamp,
}

/// A control message as its recipient gets it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlMessage {
    /// As answered to the sender.
    pub id: MessageId,
    /// The sender.
    pub sender_id: UserId,
    /// The sending device.
    pub sender_device_id: DeviceId,
    /// For this device.
    pub envelope: EnvelopeBody,
    /// The relay's clock.
    pub created_at: Timestamp,
}
