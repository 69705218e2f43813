//! Sealing a body once, and opening it where it belongs.

use super::franking::{ReportError, commit, reported_body};
use super::padding::{pad, unpad};
use super::proto::Content;
use super::{ContentKey, FrankingKey, MAX_BODY_BYTES, MAX_CIPHERTEXT_BYTES, Position};
use crate::device::is_user_id;
use crate::primitives::{
    NotAuthentic, aes256_gcm_open, aes256_gcm_seal, constant_time_eq, hkdf_sha256, sha256,
};
use crate::transcript::{FieldTooLong, Transcript};
use prost::Message as _;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

const LABEL: &str = "Sealwire v1 content";

/// The tag of AES-GCM at the end of every ciphertext (NIST SP 800-38D).
pub(super) const TAG_BYTES: usize = 16;

/// A sealed body, and what its envelopes and its request carry.
pub struct SealedContent {
    /// K, for the envelopes.
    pub key: ContentKey,
    /// What the relay stores, once.
    pub ciphertext: Vec<u8>,
    /// D = SHA-256(ciphertext).
    pub digest: [u8; 32],
    /// C, which the relay stamps.
    pub commitment: [u8; 32],
    /// `Content` before padding: what the other side keeps for a report.
    pub content_bytes: Zeroizing<Vec<u8>>,
}

/// An opened content.
pub struct OpenedContent {
    /// What was sealed.
    pub body: Zeroizing<Vec<u8>>,
    /// `Content` as received, without padding: keep it, a report needs these bytes.
    pub content_bytes: Zeroizing<Vec<u8>>,
}

/// Why a body was not sealed. Nothing was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Shorten the body or send it as an attachment.
    #[error("a body may have at most {max} bytes")]
    TooLarge {
        /// [`MAX_BODY_BYTES`].
        max: usize,
    },
    /// The position's sender is no user id.
    #[error("the sender is no user id")]
    Sender,
}

/// Why a content did not open. Nothing of it may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not the ciphertext that the envelope names.
    #[error("the ciphertext is not the one that the envelope names")]
    Digest,
    /// Altered, moved to another position, or sealed under another key.
    #[error("the ciphertext was altered or does not belong here")]
    Tampered,
    /// The sender's padding is wrong.
    #[error("the content is not padded as it must be")]
    Padding,
    /// Longer than allowed, or no content inside.
    #[error("not a well-formed content")]
    Malformed,
    /// The commitment does not fit: shown, it could never be reported.
    #[error("the sender did not commit to this content")]
    Unfrankable,
}

/// Seals `body` for `position` under a fresh key.
pub fn seal(
    position: Position<'_>,
    body: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<SealedContent, SealError> {
    const TOO_LARGE: SealError = SealError::TooLarge {
        max: MAX_BODY_BYTES,
    };
    if body.len() > MAX_BODY_BYTES {
        return Err(TOO_LARGE);
    }
    if !is_user_id(position.sender) {
        return Err(SealError::Sender);
    }
    let franking_key = FrankingKey::generate(rng);
    let commitment = commit(&franking_key, position.thread_id, position.sender, body)
        .map_err(|FieldTooLong| TOO_LARGE)?;
    let content = Content {
        body: body.to_vec(),
        franking_key: franking_key.as_bytes().to_vec(),
    };
    let content_bytes = Zeroizing::new(content.encode_to_vec());
    let key = ContentKey::generate(rng);
    let aad = position.aad().map_err(|FieldTooLong| SealError::Sender)?;
    let ciphertext = CipherKey::of(&key)
        .seal(&aad, &pad(&content_bytes))
        .ok_or(TOO_LARGE)?;
    Ok(SealedContent {
        key,
        digest: sha256(&ciphertext),
        ciphertext,
        commitment,
        content_bytes,
    })
}

/// Opens the ciphertext at `position`, if it is the one that the envelope names.
pub fn open(
    position: Position<'_>,
    key: &ContentKey,
    ciphertext: &[u8],
    expected_digest: &[u8; 32],
    expected_commitment: &[u8; 32],
) -> Result<OpenedContent, OpenError> {
    if ciphertext.len() > MAX_CIPHERTEXT_BYTES {
        return Err(OpenError::Malformed);
    }
    if !constant_time_eq(&sha256(ciphertext), expected_digest) {
        return Err(OpenError::Digest);
    }
    let aad = position.aad().map_err(|FieldTooLong| OpenError::Tampered)?;
    let padded = CipherKey::of(key)
        .open(&aad, ciphertext)
        .map_err(|NotAuthentic| OpenError::Tampered)?;
    let content = unpad(&padded).ok_or(OpenError::Padding)?;
    let body = reported_body(
        content,
        position.thread_id,
        position.sender,
        expected_commitment,
    )
    .map_err(|error| match error {
        ReportError::Malformed => OpenError::Malformed,
        ReportError::NotCommitted => OpenError::Unfrankable,
    })?;
    Ok(OpenedContent {
        body,
        content_bytes: Zeroizing::new(content.to_vec()),
    })
}

impl Position<'_> {
    /// label ‖ thread id ‖ sender ‖ device ‖ client_seq ‖ kind.
    pub(super) fn aad(&self) -> Result<Vec<u8>, FieldTooLong> {
        Transcript::new(LABEL)
            .fixed(self.thread_id)
            .bytes(self.sender.as_bytes())
            .u32(self.device)
            .u64(self.client_seq)
            .u8(self.kind as u8)
            .finish()
    }
}

/// The cipher key and nonce that one content key stands for.
pub(super) struct CipherKey(Zeroizing<[u8; 44]>);

impl CipherKey {
    /// (key 32 ‖ nonce 12) = HKDF-SHA256(ikm K, info `Sealwire v1 content`).
    pub(super) fn of(key: &ContentKey) -> Self {
        Self(Zeroizing::new(hkdf_sha256(
            None,
            key.as_bytes(),
            LABEL.as_bytes(),
        )))
    }

    pub(super) fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        let (key, nonce) = self.parts()?;
        aes256_gcm_seal(key, nonce, aad, plaintext).ok()
    }

    fn open(&self, aad: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
        let (key, nonce) = self.parts().ok_or(NotAuthentic)?;
        aes256_gcm_open(key, nonce, aad, ciphertext)
    }

    fn parts(&self) -> Option<(&[u8; 32], &[u8; 12])> {
        let (key, rest) = self.0.split_first_chunk()?;
        Some((key, rest.first_chunk()?))
    }
}
