//! Encrypting one plaintext for a peer device.

use super::beginning::Beginning;
use super::prekey_message::PreKeyMessage;
use super::record::SessionRecord;

/// Why nothing was encrypted. The record is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No session to send on: begin one from a bundle.
    #[error("there is no session to send on")]
    NoSession,
    /// The peer has not answered for 30 days: begin a new session from a fresh bundle.
    #[error("the session was never answered and is too old to send on")]
    Unanswered,
    /// The chain has used all its numbers: begin a new session.
    #[error("the sending chain is exhausted")]
    Exhausted,
}

/// Which of the two forms a sealed message has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// Type 2: the session is known to both.
    Ratchet,
    /// Type 3: carries what the receiver needs to begin the session.
    PreKey,
}

/// A message as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedMessage {
    /// How to parse the body.
    pub kind: MessageKind,
    /// The bytes.
    pub body: Vec<u8>,
}

/// The message, and the record to store before it leaves: until the peer has answered, every message carries the beginning.
pub fn seal(
    record: &SessionRecord,
    now_ms: u64,
    plaintext: &[u8],
) -> Result<(SessionRecord, SealedMessage), SealError> {
    if record.current.is_some() && !record.is_usable_for_sending(now_ms) {
        return Err(SealError::Unanswered);
    }
    let mut record = record.clone();
    let ends = record.ends;
    let session = record.current.as_mut().ok_or(SealError::NoSession)?;
    let message = session.seal(&ends, plaintext).ok_or(SealError::Exhausted)?;
    let sealed = match &session.beginning {
        Beginning::Ours | Beginning::Theirs(_) => SealedMessage {
            kind: MessageKind::Ratchet,
            body: message.as_bytes().to_vec(),
        },
        Beginning::Unanswered(pending) => SealedMessage {
            kind: MessageKind::PreKey,
            body: PreKeyMessage {
                registration_id: pending.our_registration_id,
                prekeys: pending.prekeys.clone(),
                base_key: session.base_key,
                identity_key: ends.ours,
                message,
            }
            .to_bytes(),
        },
    };
    Ok((record, sealed))
}
