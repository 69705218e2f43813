//! Attachments: a file is sealed chunk by chunk, uploaded, and named in a message; or fetched, opened and proved.
//!
//! A file of any size takes the memory of a few chunks.

mod cipher;
mod download;
mod piece;
mod retry;
mod seal;
mod source;
mod spool;
mod upload;

pub use cipher::{ChunkCipher, RustCipher, SealedChunk};
pub(crate) use download::Download;
pub use piece::{ForeignBytes, Piece, PieceSource};
pub use sealwire_crypto::attachment::{
    AttachmentLayout, AttachmentPlan, OpenChunkError, SealChunkError,
};
pub use source::Attachment;
pub(crate) use spool::remove_leftovers;
pub(crate) use upload::Upload;

use url::Url;

/// Reads, encrypts and hashes an attachment as for an upload, and drops it: how many encrypted bytes that were.
#[cfg(feature = "test-doors")]
pub async fn seal_and_drop(
    attachment: Attachment,
    cipher: &dyn ChunkCipher,
    runtime: &dyn crate::runtime::Runtime,
) -> Result<u64, crate::Error> {
    let source = attachment.from.open(runtime).await?;
    let bytes = source.size();
    let mut random = rand_core::UnwrapErr(getrandom::SysRng);
    let plan = AttachmentPlan::new(bytes, &mut random)
        .map_err(|_| crate::Error::AttachmentTooLarge { bytes })?;
    seal::seal(source, &plan, cipher, std::path::Path::new(""), runtime).await?;
    Ok(plan.layout().encrypted_size())
}

/// A URL that the relay signed, on whatever host. From a relay that is reached over TLS, never one in the clear.
fn signed_url(text: &str, relay_is_private: bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let allowed = url.scheme() == "https" || (url.scheme() == "http" && !relay_is_private);
    allowed.then_some(url)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_over_tls_sends_nobody_into_the_clear() {
        for (text, over_tls, in_the_clear) in [
            ("https://blobs.example/a?s=1", true, true),
            ("http://blobs.example/a", false, true),
            ("file:///etc/passwd", false, false),
            ("blobs.example", false, false),
        ] {
            assert_eq!(signed_url(text, true).is_some(), over_tls, "{text}");
            assert_eq!(signed_url(text, false).is_some(), in_the_clear, "{text}");
        }
    }
}
