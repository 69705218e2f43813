//! Attachments: a file is sealed chunk by chunk, uploaded, and named in a message; or fetched, opened and proved.
//!
//! A file of any size takes the memory of a few chunks.

mod cipher;
mod download;
mod retry;
mod seal;
mod source;
mod spool;
mod upload;

pub use cipher::{ChunkCipher, RustCipher};
pub(crate) use download::Download;
pub use sealwire_crypto::attachment::{
    AttachmentLayout, AttachmentPlan, OpenChunkError, SealChunkError,
};
pub use source::Attachment;
pub(crate) use spool::remove_leftovers;
pub(crate) use upload::Upload;

/// How far a transfer got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Encrypted bytes that went through. A transfer that has to begin anew begins at 0.
    pub done: u64,
    /// Of so many.
    pub total: u64,
}

/// Told of progress, on the client's own threads.
#[cfg(not(target_family = "wasm"))]
pub(crate) type OnProgress = std::sync::Arc<dyn Fn(Progress) + Send + Sync>;
/// Told of progress.
#[cfg(target_family = "wasm")]
pub(crate) type OnProgress = std::sync::Arc<dyn Fn(Progress)>;
