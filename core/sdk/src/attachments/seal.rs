//! From a source to encrypted bytes and the digest that proves them.

use super::ChunkCipher;
use super::source::Source;
use super::spool::{Sealed, Spool};
use crate::Error;
use crate::runtime::Runtime;
use sealwire_crypto::attachment::{AttachmentPlan, DigestBuilder};
use std::io;
use std::path::Path;

/// The encrypted bytes, and their digest for the pointer.
pub(super) async fn seal(
    mut source: Source,
    plan: &AttachmentPlan,
    cipher: &dyn ChunkCipher,
    folder: &Path,
    runtime: &dyn Runtime,
) -> Result<(Sealed, [u8; 32]), Error> {
    let layout = plan.layout();
    let spooling = |error: io::Error| Error::System(error);
    let mut spool = Spool::new(layout.encrypted_size(), folder, runtime)
        .await
        .map_err(spooling)?;
    let mut digest = DigestBuilder::new();
    for index in 0..layout.chunk_count() {
        let range = layout.plain_range(index).unwrap_or_default();
        // A chunk has 64 KiB.
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let plain = source
            .next(length, runtime)
            .await
            .map_err(Error::AttachmentSource)?;
        let sealed = cipher
            .seal(plan, index, &plain)
            .await
            .map_err(|error| Error::AttachmentSource(io::Error::other(error)))?;
        digest.push(&sealed);
        spool.append(sealed, runtime).await.map_err(spooling)?;
    }
    source
        .expect_end(runtime)
        .await
        .map_err(Error::AttachmentSource)?;
    Ok((spool.seal().map_err(spooling)?, digest.finish()))
}
