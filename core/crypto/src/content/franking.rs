//! Message franking: the sender commits to what it said, so that a report proves itself and reveals nothing else.
//!
//! Grubbs, Lu, Ristenpart, "Message Franking via Committing Authenticated Encryption", 2017: an HMAC under a key inside
//! the content; its key has one length, so that no two keys are padded to the same block.

use super::proto::Content;
use super::{FrankingKey, MAX_CIPHERTEXT_BYTES};
use crate::primitives::{constant_time_eq, hmac_sha256};
use crate::protobuf::decode_secret;
use crate::transcript::{FieldTooLong, Transcript};
use zeroize::Zeroizing;

const LABEL: &str = "Sealwire v1 commitment";

/// Why a reported content proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// No content, or longer than any that was ever sealed.
    #[error("the reported bytes are no content")]
    Malformed,
    /// This sender did not commit to this content in this thread.
    #[error("the commitment does not belong to this content, sender and thread")]
    NotCommitted,
}

/// The body that `sender` committed to: what a relay checks of a report, after its own stamp over the commitment.
pub fn reported_body(
    content_bytes: &[u8],
    thread_id: &[u8; 16],
    sender: &str,
    commitment: &[u8; 32],
) -> Result<Zeroizing<Vec<u8>>, ReportError> {
    if content_bytes.len() > MAX_CIPHERTEXT_BYTES {
        return Err(ReportError::Malformed);
    }
    let mut content =
        decode_secret::<Content>(content_bytes).map_err(|_| ReportError::Malformed)?;
    let key = content.franking_key.as_slice().try_into();
    let key = FrankingKey::from_bytes(key.map_err(|_| ReportError::Malformed)?);
    let actual = commit(&key, thread_id, sender, &content.body)
        .map_err(|FieldTooLong| ReportError::Malformed)?;
    if !constant_time_eq(&actual, commitment) {
        return Err(ReportError::NotCommitted);
    }
    Ok(Zeroizing::new(std::mem::take(&mut content.body)))
}

/// C = HMAC-SHA256(F, label ‖ thread id ‖ sender ‖ body).
pub(super) fn commit(
    key: &FrankingKey,
    thread_id: &[u8; 16],
    sender: &str,
    body: &[u8],
) -> Result<[u8; 32], FieldTooLong> {
    let text = Transcript::new(LABEL)
        .fixed(thread_id)
        .bytes(sender.as_bytes())
        .body(body)
        .finish()
        .map(Zeroizing::new)?;
    Ok(hmac_sha256(key.as_bytes(), &text))
}
