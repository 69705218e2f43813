//! From a source to encrypted bytes and the digest that proves them.

use super::cipher::{CHUNKS_AT_ONCE, ChunkCipher, SealedChunk};
use super::source::Source;
use super::spool::{Sealed, Spool};
use crate::Error;
use crate::runtime::Runtime;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
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
    let (mut under_cipher, mut next) = (FuturesOrdered::new(), 0);
    loop {
        while under_cipher.len() < CHUNKS_AT_ONCE
            && let Some(range) = layout.plain_range(next)
        {
            // A chunk has 64 KiB.
            let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            let plain = source
                .next(length, runtime)
                .await
                .map_err(Error::AttachmentSource)?;
            under_cipher.push_back(cipher.seal(plan, next, plain));
            next += 1;
        }
        let Some(sealed) = under_cipher.next().await else {
            break;
        };
        let SealedChunk { bytes, hash } =
            sealed.map_err(|error| Error::AttachmentSource(io::Error::other(error)))?;
        digest.push_hash(&hash);
        spool.append(bytes, runtime).await.map_err(spooling)?;
    }
    source
        .expect_end(runtime)
        .await
        .map_err(Error::AttachmentSource)?;
    Ok((spool.seal().map_err(spooling)?, digest.finish()))
}
