//! Sealing once, wrapping for each device, and keeping all of it with the ratchets' new state in one commit.

use crate::account::{Me, internal};
use crate::fanout::{Recipient, wrap};
use crate::{Engine, EngineError};
use sealwire_crypto::content::{ContentKey, ContentKind, Position, seal};
use sealwire_crypto::envelope::EnvelopePlaintext;
use sealwire_store::{OutboxEntry, Rows, SealedSend};
use sealwire_wire::content::Body;
use zeroize::Zeroizing;

impl Engine {
    pub(super) fn seal(
        &mut self,
        me: &Me,
        head: &OutboxEntry,
        devices: &[Recipient],
    ) -> Result<(), EngineError> {
        let Self {
            store, rng, now, ..
        } = self;
        store.transaction(|tx| -> Result<(), EngineError> {
            tx.step("send.sealed");
            let mut body = Body::decode(&head.body).map_err(internal)?;
            body.prev = tx.last_sent(head.thread, &me.user, me.device)?;
            let position = Position {
                thread_id: head.thread.as_bytes(),
                sender: me.user.as_str(),
                device: me.device.get(),
                client_seq: head.client_seq.0,
                kind: ContentKind::Message,
            };
            let sealed = seal(position, &Zeroizing::new(body.encode()), rng).map_err(internal)?;
            tx.note_sealed(
                head.local_id,
                &sealed.content_bytes,
                &sealed.digest,
                &sealed.commitment,
                body.prev,
            )?;
            let kept = SealedSend {
                key: Zeroizing::new(*sealed.key.as_bytes()),
                ciphertext: sealed.ciphertext,
                digest: sealed.digest,
                commitment: sealed.commitment,
                registration_id: me.registration_id,
            };
            tx.save_sealed(head.local_id, &kept)?;
            let plaintext = envelope_plaintext(tx, me, head, &kept)?;
            devices
                .iter()
                .try_for_each(|device| wrap(tx, head.local_id, device, &plaintext, *now))
        })
    }

    /// The same key and ciphertext for devices that the first wrapping did not have, or had under an old registration.
    pub(super) fn wrap_again(
        &mut self,
        head: &OutboxEntry,
        devices: &[Recipient],
    ) -> Result<(), EngineError> {
        let me = self.me()?.clone();
        let Self { store, now, .. } = self;
        store.transaction(|tx| -> Result<(), EngineError> {
            tx.step("send.wrapped_again");
            let entry = tx
                .outbox_entry(head.local_id)?
                .ok_or(EngineError::UnknownMessage)?;
            let Some(sealed) = &entry.sealed else {
                return Ok(());
            };
            let plaintext = envelope_plaintext(tx, &me, head, sealed)?;
            devices
                .iter()
                .try_for_each(|device| wrap(tx, head.local_id, device, &plaintext, *now))
        })
    }
}

fn envelope_plaintext(
    rows: &Rows,
    me: &Me,
    head: &OutboxEntry,
    sealed: &SealedSend,
) -> Result<EnvelopePlaintext, EngineError> {
    let list = rows.newest_list(&me.user)?;
    Ok(EnvelopePlaintext {
        key: ContentKey::from_bytes(&sealed.key),
        digest: sealed.digest,
        commitment: sealed.commitment,
        thread_id: *head.thread.as_bytes(),
        client_seq: head.client_seq.0,
        revision: 0,
        device_list_version: list.map_or(0, |list| list.version),
    })
}
