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
    PublicPrekey, PublicSignedPrekey, UserBundles, WantedBundles,
};
pub use problem::{ErrorCode, Problem};
pub use provisioning::{Mailbox, MailboxSlot};
pub use queue::{AcknowledgeQueue, QueueItem, QueuePage};
pub use realtime::{ClientFrame, CloseCode, ServerEvent, ServerFrame};
pub use settings::{AccountSettings, Blocks, DirectMessages};
pub use threads::{
    CreateThread, Inbox, InboxThread, Notifications, Thread, ThreadKind, ThreadPreferences,
};

/// How bearer tokens travel in the WebSocket upgrade of a browser: `Sec-WebSocket-Protocol: sealwire.v1, bearer.<token>`.
pub const WEBSOCKET_PROTOCOL: &str = "sealwire.v1";
/// The prefix of the token in that header.
pub const WEBSOCKET_BEARER_PREFIX: &str = "bearer.";
/// The media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

#[cfg(test)]
mod tests;
