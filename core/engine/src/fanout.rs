//! From one message to an envelope for each device: who they are, a session with each, the wrapping.

mod recipients;
mod sessions;
mod wrap;

pub(crate) use recipients::{Recipient, recipient, recipients};
pub use sessions::session_protocol;
pub(crate) use sessions::{BundleRefusal, Bundles, begin_from_bundle, lacks_session};
pub(crate) use wrap::wrap;
