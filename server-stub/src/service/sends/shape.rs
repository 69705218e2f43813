//! What can be said of a send without looking at anything else.

use crate::service::{Answer, Refusal};
use sealwire_crypto::primitives::sha256;
use sealwire_crypto::transcript::Transcript;
use sealwire_wire::MessageId;
use sealwire_wire::contract::{ErrorCode, MessageKind, SendMessage};
use sealwire_wire::limits::{
    ATTACHMENTS_PER_MESSAGE_MAX, CIPHERTEXT_MAX, ENVELOPE_MAX, ENVELOPES_MAX, TTL_MAX_SECONDS,
};
use std::collections::BTreeSet;

const FINGERPRINT_LABEL: &str = "Sealwire v1 send fingerprint";
/// Users whose list versions a send may name: the most that a thread has.
const PARTICIPANTS_MAX: usize = 250;

/// Whether every part is within its bounds.
pub(super) fn check_shape(message: &SendMessage) -> Answer<()> {
    let too_large = |detail: String| Err(Refusal::new(ErrorCode::TooLarge, detail));
    let against = |detail: &str| Err(Refusal::new(ErrorCode::Unprocessable, detail));
    if message.ciphertext.0.len() > CIPHERTEXT_MAX {
        return too_large(format!("a ciphertext has at most {CIPHERTEXT_MAX} bytes"));
    }
    if message.envelopes.len() > ENVELOPES_MAX {
        return too_large(format!("at most {ENVELOPES_MAX} envelopes"));
    }
    if message
        .envelopes
        .iter()
        .any(|envelope| envelope.body.0.len() > ENVELOPE_MAX)
    {
        return too_large(format!("an envelope has at most {ENVELOPE_MAX} bytes"));
    }
    if message.ciphertext.0.is_empty()
        || message
            .envelopes
            .iter()
            .any(|envelope| envelope.body.0.is_empty())
    {
        return against("a ciphertext or an envelope is empty");
    }
    let devices: BTreeSet<_> = message
        .envelopes
        .iter()
        .map(|envelope| (&envelope.user_id, envelope.device_id))
        .collect();
    if devices.len() < message.envelopes.len() {
        return against("two envelopes for one device");
    }
    if message.kind == MessageKind::Reaction || message.target_msg_id.is_some() {
        return against("this relay takes messages without a target");
    }
    if message
        .ttl_seconds
        .is_some_and(|ttl| !(1..=TTL_MAX_SECONDS).contains(&ttl))
    {
        return against("a ttl is a second to a year");
    }
    if message.attachment_ids.len() > ATTACHMENTS_PER_MESSAGE_MAX {
        return against("too many attachments");
    }
    if message.device_list_versions.len() > PARTICIPANTS_MAX {
        return against("list versions of more users than a thread has");
    }
    Ok(())
}

/// What makes two sends the same content: SHA-256(ciphertext), kind, target, ttl.
pub(super) fn fingerprint(message: &SendMessage) -> Answer<[u8; 32]> {
    let kind = match message.kind {
        MessageKind::Message => 1,
        MessageKind::Reaction => 2,
    };
    let target = message.target_msg_id.map(MessageId::to_bytes);
    let ttl = message.ttl_seconds.map(u32::to_be_bytes);
    Transcript::new(FINGERPRINT_LABEL)
        .fixed(&sha256(message.ciphertext.as_slice()))
        .u8(kind)
        .bytes(target.as_ref().map_or(&[], |target| &target[..]))
        .bytes(ttl.as_ref().map_or(&[], |ttl| &ttl[..]))
        .finish()
        .map(|text| sha256(&text))
        .map_err(|error| Refusal::new(ErrorCode::InvalidRequest, error.to_string()))
}
