//! Attachments: the relay hands out signed URLs, the bytes go there.

use crate::{AttachmentId, Timestamp};
use serde::{Deserialize, Serialize};

/// `POST /v1/attachments` (201): room for one encrypted attachment.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateAttachment {
    /// The encrypted size in bytes; the upload must have exactly this many. 413 above the limit.
    pub size: u64,
}

/// Where to put it: `PUT` with the bytes as body; the same bytes may be put again.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentUpload {
    /// Its id.
    pub id: AttachmentId,
    /// Absolute, signed; needs no token.
    pub upload_url: String,
    /// After this the URL is void.
    pub expires_at: Timestamp,
}

/// `GET /v1/attachments/{id}`: where to get it (ranges allowed).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentDownload {
    /// Its id.
    pub id: AttachmentId,
    /// Absolute, signed; needs no token.
    pub download_url: String,
    /// The encrypted size in bytes.
    pub size: u64,
    /// After this the URL is void.
    pub expires_at: Timestamp,
}
