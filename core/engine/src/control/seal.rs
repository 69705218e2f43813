//! Sealing: session and ciphertext change in one commit, and the ciphertext is what every try sends.

use crate::EngineError;
use crate::account::internal;
use crate::engine::Random;
use crate::fanout::Recipient;
use rand_core::Rng as _;
use sealwire_crypto::ratchet::{self, MessageKind, SessionRecord};
use sealwire_store::{NewControl, Transaction};
use sealwire_wire::contract::EnvelopeType;
use sealwire_wire::control::Control;
use sealwire_wire::{Timestamp, hexadecimal};

/// Seals for one device, in the session held with it, and puts it on its way.
pub(crate) fn seal_control(
    tx: &mut Transaction<'_>,
    to: &Recipient,
    control: &Control,
    now: Timestamp,
    rng: &mut Random,
) -> Result<(), EngineError> {
    let row = tx
        .session(&to.user, to.device)?
        .ok_or_else(|| internal("a session is missing that was there"))?;
    let record = SessionRecord::from_bytes(&row.record).map_err(internal)?;
    let plaintext = control.encode().map_err(internal)?;
    let (record, sealed) = ratchet::seal(&record, now.0, &plaintext).map_err(internal)?;
    tx.save_session(&to.user, to.device, Some(row.version), &record.to_bytes())?;
    let mut key = [0; 16];
    rng.fill_bytes(&mut key);
    let key = hexadecimal(&key);
    tx.queue_control(&NewControl {
        user: to.user.clone(),
        device: to.device,
        registration_id: to.registration_id,
        kind: match sealed.kind {
            MessageKind::PreKey => EnvelopeType::Prekey,
            MessageKind::Ratchet => EnvelopeType::Ratchet,
        },
        body: sealed.body,
        idempotency_key: key.parse().map_err(internal)?,
        created_at: now,
    })?;
    Ok(())
}
