//! The linking mailbox: eight ordered write-once slots of 4 KiB, each read once, for 10 minutes.

use crate::{Base64, Timestamp};
use serde::{Deserialize, Serialize};

/// The answer to `POST /v1/provisioning` (201): a fresh mailbox. Whoever knows its id may use it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// 16 random bytes in base64url without padding.
    pub id: String,
    /// After this it is gone.
    pub expires_at: Timestamp,
}

/// `PUT` and `GET /v1/provisioning/{id}/{slot}`, slot 0 to 7.
///
/// A reader that names itself by an Idempotency-Key may repeat a GET whose answer was lost; to everybody else the slot is read.
///
/// PUT: 204, or 409 `slot_taken` for other bytes. GET: 200 once; 404 `slot_empty` before it is written, 410 `slot_read` after it was read.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxSlot {
    /// Sealed under a key that the relay never sees; at most 4 KiB.
    pub data: Base64,
}
