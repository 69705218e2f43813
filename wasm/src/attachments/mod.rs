//! Attachments' bytes between JavaScript and the SDK, chunk by chunk.

mod bytes;
mod sink;
mod source;

pub(crate) use bytes::JsBytes;
pub(crate) use sink::Sink;
pub(crate) use source::Source;
