//! Files that people send: what stands in them, sealed as the SDK seals them, and opened again from what a message says.

use crate::Broken;
use crate::chance::Chance;
use crate::truth::MARKER;
use sealwire_crypto::attachment::{AttachmentPlan, CHUNK_BYTES, DigestBuilder, chunk_hash};
use sealwire_wire::AttachmentId;
use sealwire_wire::content::AttachmentPointer;

/// A file under way to the relay.
pub(crate) struct SealedFile {
    pub(crate) id: AttachmentId,
    pub(crate) sealed: Vec<u8>,
    pub(crate) pointer: AttachmentPointer,
}

/// How large a file becomes: mostly one chunk, now and then three.
pub(crate) fn drawn_size(chance: &mut Chance) -> u64 {
    match chance.below(20) {
        0 => 0,
        1 => chance.between(CHUNK_BYTES, 2 * CHUNK_BYTES + 1),
        _ => chance.between(1, 3_000),
    }
}

/// What stands in the file of this message.
pub(crate) fn file_of(number: u64, size: u64) -> Vec<u8> {
    let line = format!("{MARKER} in file {number}\n");
    line.bytes().cycle().take(size as usize).collect()
}

/// How large it is at the relay.
pub(crate) fn sealed_size(size: u64) -> Result<u64, Broken> {
    // Whatever the key: nothing but the length counts.
    let plan = AttachmentPlan::from_pointer(size, CHUNK_BYTES as u32, &[0; 32], &[0; 7]);
    let plan = plan.map_err(unsealed)?;
    Ok(plan.layout().encrypted_size())
}

/// Seals it under a key of its own.
pub(crate) fn seal(id: AttachmentId, file: &[u8], chance: Chance) -> Result<SealedFile, Broken> {
    let mut rng = chance.into_rng();
    let plan = AttachmentPlan::new(file.len() as u64, &mut rng).map_err(unsealed)?;
    let (layout, sealer) = (plan.layout(), plan.sealer());
    let (mut sealed, mut digest) = (Vec::new(), DigestBuilder::new());
    for index in 0..layout.chunk_count() {
        let range = layout.plain_range(index).unwrap_or_default();
        let plain = &file[range.start as usize..range.end as usize];
        let chunk = sealer.seal(index, plain).map_err(unsealed)?;
        digest.push_hash(&chunk_hash(&chunk));
        sealed.extend(chunk);
    }
    let pointer = AttachmentPointer {
        attachment_id: id.clone(),
        key: *plan.key().as_bytes(),
        nonce_prefix: *plan.nonce_prefix(),
        digest: digest.finish(),
        size: file.len() as u64,
        chunk_size: CHUNK_BYTES as u32,
        mime: "text/plain".to_owned(),
        name: "words.txt".to_owned(),
        media: Default::default(),
        thumbnail: None,
    };
    Ok(SealedFile {
        id,
        sealed,
        pointer,
    })
}

/// What a message's pointer makes of the bytes at the relay; why it makes nothing of them.
pub(crate) fn open(pointer: &AttachmentPointer, sealed: &[u8]) -> Result<Vec<u8>, String> {
    let AttachmentPointer {
        size,
        chunk_size,
        key,
        nonce_prefix,
        ..
    } = pointer;
    let plan = AttachmentPlan::from_pointer(*size, *chunk_size, key, nonce_prefix);
    let plan = plan.map_err(|error| error.to_string())?;
    let (layout, opener) = (plan.layout(), plan.opener());
    if layout.encrypted_size() != sealed.len() as u64 {
        return Err(format!("{} bytes are there", sealed.len()));
    }
    let (mut file, mut digest) = (Vec::new(), DigestBuilder::new());
    for index in 0..layout.chunk_count() {
        let range = layout.encrypted_range(index).unwrap_or_default();
        let chunk = &sealed[range.start as usize..range.end as usize];
        digest.push_hash(&chunk_hash(chunk));
        let plain = opener.open(index, chunk);
        file.extend_from_slice(&plain.map_err(|error| error.to_string())?);
    }
    if digest.finish() != pointer.digest {
        return Err("the digest is another".to_owned());
    }
    Ok(file)
}

fn unsealed(error: impl std::fmt::Display) -> Broken {
    Broken::new("a file can be sealed", error)
}
