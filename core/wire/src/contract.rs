//! The JSON of the relay contract: bodies, answers, frames.
//!
//! Unknown fields are ignored on reading, so that either side may be newer than the other.

mod attachments;
mod auth;
mod control;
mod devices;
mod marks;
mod messages;
mod prekeys;
mod problem;
mod provisioning;
mod queue;
mod realtime;
mod settings;
mod threads;

pub use attachments::{AttachmentDownload, AttachmentUpload, CreateAttachment};
pub use auth::{Challenge, ChallengeRequest, PlatformTokenRequest, Token, TokenRequest};
pub use control::{ControlMessage, SendControl, SentControl};
pub use devices::{
    DeviceListsAnswer, DeviceListsQuery, KnownDeviceList, OwnDevice, OwnDevices, PublishDeviceList,
    RegisterDevice, RegisteredDevice, ReservedDevice, SignedGrant, SignedList, UserDeviceLists,
};
pub use marks::{
    FailedRecipient, FailureReason, MarkRead, Receipt, Receipts, RecipientState, ThreadMarks,
    UserMarks,
};
pub use messages::{
    DeviceEnvelope, DeviceMismatch, DeviceName, EnvelopeBody, EnvelopeType, MessageKind,
    MessagePage, MessageRow, Removal, RemovalReason, SendMessage, SentMessage, Stamp, VoidedSend,
};
pub use prekeys::{
    Bundle, BundlesAnswer, BundlesQuery, PrekeyCheck, PrekeyCheckAnswer, PrekeyCount, PrekeyUpload,
    PublicKemPrekey, PublicPrekey, PublicSignedPrekey, UserBundles, WantedBundles,
};
pub use problem::{ErrorCode, Problem};
pub use provisioning::{Mailbox, MailboxSlot};
pub use queue::{AcknowledgeQueue, QueueItem, QueuePage};
pub use realtime::{ClientFrame, CloseCode, ServerEvent, ServerFrame};
pub use settings::{AccountSettings, Blocks, DirectMessages};
pub use threads::{
    CreateThread, Inbox, InboxThread, Notifications, Thread, ThreadKind, ThreadPreferences,
};

use serde::de::{DeserializeOwned, Error as _};

/// How bearer tokens travel in the WebSocket upgrade of a browser: `Sec-WebSocket-Protocol: sealwire.v1, bearer.<token>`.
pub const WEBSOCKET_PROTOCOL: &str = "sealwire.v1";
/// The prefix of the token in that header.
pub const WEBSOCKET_BEARER_PREFIX: &str = "bearer.";
/// The media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Reads a body, an answer or a kept row.
///
/// As text: what is read from bytes would be a second copy of every type's reading, which a web page has to load.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let text = std::str::from_utf8(bytes).map_err(serde_json::Error::custom)?;
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests;
