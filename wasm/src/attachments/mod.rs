//! Attachments' bytes between JavaScript and the SDK, chunk by chunk.

mod sink;
mod source;

pub(crate) use sink::Sink;
pub(crate) use source::Source;
