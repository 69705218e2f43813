//! One envelope: what opens the content, in the recipient device's session. Ratchet, envelope and send log commit together.

use super::Recipient;
use crate::EngineError;
use crate::account::internal;
use sealwire_crypto::envelope::EnvelopePlaintext;
use sealwire_crypto::ratchet::{self, MessageKind, SessionRecord};
use sealwire_store::{LocalId, OutboxEnvelope, SendLogEntry, Transaction};
use sealwire_wire::Timestamp;
use sealwire_wire::contract::EnvelopeType;

/// Wraps for one device and keeps the envelope with the message's outbox entry.
pub(crate) fn wrap(
    tx: &mut Transaction<'_>,
    local_id: LocalId,
    device: &Recipient,
    plaintext: &EnvelopePlaintext,
    now: Timestamp,
) -> Result<(), EngineError> {
    let row = tx
        .session(&device.user, device.device)?
        .ok_or_else(|| EngineError::Internal("a session is missing that was there".to_owned()))?;
    #[cfg(feature = "planted")]
    let place = format!("{}/{}", device.user, device.device);
    #[cfg(feature = "planted")]
    let row = match crate::planted::record_of(tx, &place, &row.record)? {
        Some(record) => sealwire_store::SessionRow {
            record: record.into(),
            ..row
        },
        None => row,
    };
    let record = SessionRecord::from_bytes(&row.record).map_err(internal)?;
    let encoded = plaintext.encode();
    #[cfg(feature = "planted")]
    let before = record.clone();
    let (record, sealed) = ratchet::seal(&record, now.0, &encoded).map_err(internal)?;
    #[cfg(feature = "planted")]
    let record = match crate::planted::has_now(crate::planted::Planted::RatchetStepNotKept, 5) {
        true => before,
        false => record,
    };
    #[cfg(feature = "planted")]
    crate::planted::note_step(tx, &place, &row.record, &record.to_bytes())?;
    tx.save_session(
        &device.user,
        device.device,
        Some(row.version),
        &record.to_bytes(),
    )?;
    tx.save_envelope(
        local_id,
        &OutboxEnvelope {
            user: device.user.clone(),
            device: device.device,
            registration_id: device.registration_id,
            kind: match sealed.kind {
                MessageKind::PreKey => EnvelopeType::Prekey,
                MessageKind::Ratchet => EnvelopeType::Ratchet,
            },
            body: sealed.body,
        },
    )?;
    tx.log_send(&SendLogEntry {
        local_id,
        user: device.user.clone(),
        device: device.device,
        envelope: encoded,
        created_at: now,
    })?;
    Ok(())
}
