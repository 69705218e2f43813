//! Envelope, then content, each checked against what came beside it. Nothing is written here.

use super::classify::Refusal;
use super::{NUMBER_MAX, Receiver};
use crate::UnreadableReason;
use crate::prekeys::{kem_pair, secret32};
use sealwire_crypto::content::{ContentKind, OpenedContent, Position};
use sealwire_crypto::envelope::EnvelopePlaintext;
use sealwire_crypto::keys::{BaseKey, OneTimePreKeyPair, RatchetKey, SignedPreKeyPair};
use sealwire_crypto::ratchet::{
    self, KemPreKey, OpenError, Opened, PreKeyMessage, PreKeys, RatchetMessage, Sender,
    SessionPolicy, SessionRecord, SkippedKey, Version,
};
use sealwire_store::Rows;
use sealwire_wire::content::{Body, ThreadFacts};
use sealwire_wire::contract::{EnvelopeBody, EnvelopeType, MessageKind, MessageRow};
use sealwire_wire::{DeviceId, ThreadId, UserId};

/// Base keys remembered of one device for sessions begun without a one-time prekey of either kind.
const USED_BASE_KEYS_MAX: u64 = 10_000;

/// A kept key's session, chain and number in it.
type KeptName = (BaseKey, RatchetKey, u32);

/// The device that something came from, as the relay says; its session proves it.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) user: &'a UserId,
    pub(super) device: DeviceId,
}

/// An envelope that opened, with everything of the session that is to be committed with it.
pub(super) struct OpenedEnvelope {
    pub(super) ratchet: Opened,
    /// Sessions of the record before the step, and the kept key that was used.
    pub(super) sessions_before: Vec<BaseKey>,
    pub(super) used: Option<KeptName>,
}

/// A row that opened, with everything that is to be committed with it.
pub(super) struct OpenedRow {
    /// None where something else than its envelope opened it.
    pub(super) envelope: Option<OpenedEnvelope>,
    pub(super) content: OpenedContent,
    pub(super) digest: [u8; 32],
    pub(super) body: Body,
    /// The other user of the 1:1 thread.
    pub(super) peer: UserId,
}

impl<'a> Origin<'a> {
    pub(super) fn of(row: &'a MessageRow) -> Self {
        Self {
            user: &row.sender_id,
            device: row.sender_device_id,
        }
    }
}

impl Receiver<'_> {
    pub(super) fn open(
        &mut self,
        rows: &Rows,
        row: &MessageRow,
        envelope: &EnvelopeBody,
    ) -> Result<OpenedRow, Refusal> {
        let opened = self.open_envelope(rows, Origin::of(row), envelope)?;
        let plaintext = EnvelopePlaintext::decode(&opened.ratchet.plaintext)
            .map_err(|_| Refusal::Unreadable(UnreadableReason::Malformed))?;
        let row_opened = self.open_content(rows, row, &plaintext)?;
        self.check_not_downgraded(
            rows,
            Origin::of(row),
            &opened,
            plaintext.device_list_version,
        )?;
        Ok(OpenedRow {
            envelope: Some(opened),
            ..row_opened
        })
    }

    /// What a device sealed for this one in their session.
    pub(super) fn open_envelope(
        &mut self,
        rows: &Rows,
        origin: Origin<'_>,
        envelope: &EnvelopeBody,
    ) -> Result<OpenedEnvelope, Refusal> {
        let entry = self.sender(rows, origin)?;
        let sender = Sender {
            identity_key: entry.identity_key,
            registration_id: entry.registration_id,
            policy: self.me.policy,
        };
        let record = self.lease.session(rows, origin.user, origin.device)?;
        let sessions_before = record.iter().flat_map(|record| record.sessions()).collect();
        let (ratchet, used) =
            self.step_ratchet(rows, origin, envelope, &sender, record.as_deref())?;
        Ok(OpenedEnvelope {
            ratchet,
            sessions_before,
            used,
        })
    }

    /// The content of a row with the plaintext of its envelope, from wherever that came.
    pub(super) fn open_content(
        &mut self,
        rows: &Rows,
        row: &MessageRow,
        plaintext: &EnvelopePlaintext,
    ) -> Result<OpenedRow, Refusal> {
        let version = plaintext.device_list_version;
        if version > NUMBER_MAX {
            return Err(Refusal::Unreadable(UnreadableReason::Malformed));
        }
        self.check_list_version(rows, &row.sender_id, row.sender_device_id, version)?;
        let position = Position {
            thread_id: row.thread_id.as_bytes(),
            sender: row.sender_id.as_str(),
            device: row.sender_device_id.get(),
            client_seq: row.client_seq.0,
            kind: match row.kind {
                MessageKind::Message => ContentKind::Message,
                MessageKind::Reaction => ContentKind::Reaction,
            },
        };
        let content = plaintext.open(
            position,
            row.revision,
            &row.commitment.0,
            row.ciphertext.as_slice(),
        )?;
        let body = Body::decode(&content.body)
            .map_err(|_| Refusal::Unreadable(UnreadableReason::Malformed))?;
        if body.prev.is_some_and(|prev| prev.client_seq.0 > NUMBER_MAX) {
            return Err(Refusal::Unreadable(UnreadableReason::Malformed));
        }
        let peer = self.peer(row, &body)?;
        Ok(OpenedRow {
            envelope: None,
            content,
            digest: plaintext.digest,
            body,
            peer,
        })
    }

    fn step_ratchet(
        &mut self,
        rows: &Rows,
        origin: Origin<'_>,
        envelope: &EnvelopeBody,
        sender: &Sender,
        record: Option<&SessionRecord>,
    ) -> Result<(Opened, Option<KeptName>), Refusal> {
        match envelope.kind {
            EnvelopeType::Ratchet => {
                let message =
                    RatchetMessage::parse(envelope.body.as_slice()).map_err(OpenError::from)?;
                let record = record.ok_or(OpenError::NoSession)?;
                if record.their_identity() != sender.identity_key {
                    return Err(OpenError::IdentityChanged.into());
                }
                let kept = kept_key(rows, origin, Some(record), &message)?;
                let used = kept.as_ref().map(name);
                let opened = ratchet::open(record, &message, kept, self.rng)?;
                Ok((opened, used))
            }
            EnvelopeType::Prekey => {
                let message =
                    PreKeyMessage::parse(envelope.body.as_slice()).map_err(OpenError::from)?;
                let kept = kept_key(rows, origin, record, message.message())?;
                let used = kept.as_ref().map(name);
                let opened = match record.filter(|record| record.has_session(&message.base_key())) {
                    Some(record) if record.their_identity() != sender.identity_key => {
                        return Err(OpenError::IdentityChanged.into());
                    }
                    Some(record) => ratchet::open_repeated(record, &message, kept, self.rng)?,
                    None => self.accept(rows, origin, sender, record, &message, kept)?,
                };
                Ok((opened, used))
            }
        }
    }

    /// A session that the peer begins, with the prekeys that its message names.
    fn accept(
        &mut self,
        rows: &Rows,
        origin: Origin<'_>,
        sender: &Sender,
        record: Option<&SessionRecord>,
        message: &PreKeyMessage,
        kept: Option<SkippedKey>,
    ) -> Result<Opened, Refusal> {
        let Origin { user, device } = origin;
        let base_key = message.base_key().to_bytes();
        if rows.base_key_used(user, device, message.signed_prekey_id(), &base_key)? {
            return Err(Refusal::AskResend(UnreadableReason::KeyReused));
        }
        let kem = match message.kem_prekey_id() {
            Some(id) => Some(rows.kem_prekey(id)?.ok_or(OpenError::PreKeyMissing)?),
            None => None,
        };
        let without_one_time = message.one_time_prekey_id().is_none()
            && kem.as_ref().is_none_or(|kem| kem.last_resort);
        if without_one_time && rows.count_used_base_keys(user, device)? >= USED_BASE_KEYS_MAX {
            return Err(Refusal::AskResend(UnreadableReason::PrekeyMissing));
        }
        let signed = rows
            .signed_prekey(message.signed_prekey_id())?
            .ok_or(OpenError::PreKeyMissing)?;
        // Begun before this device spoke PQXDH: there was nothing else to begin with.
        let policy = if signed.listed_version < u32::from(Version::Pqxdh.number()) {
            SessionPolicy::allow_x3dh()
        } else {
            sender.policy
        };
        let sender = &Sender { policy, ..*sender };
        let signed = SignedPreKeyPair::from_secret_bytes(signed.id, &*secret32(&signed.secret)?);
        let pair = kem.as_ref().map(kem_pair).transpose()?;
        let one_time = match message.one_time_prekey_id() {
            Some(id) => {
                let secret = rows.one_time_prekey(id)?.ok_or(OpenError::PreKeyMissing)?;
                Some(OneTimePreKeyPair::from_secret_bytes(
                    id,
                    &*secret32(&secret)?,
                ))
            }
            None => None,
        };
        let prekeys = PreKeys {
            signed: &signed,
            one_time: one_time.as_ref(),
            kem: pair
                .as_ref()
                .zip(kem.as_ref())
                .map(|(pair, row)| KemPreKey {
                    pair,
                    last_resort: row.last_resort,
                }),
        };
        // Sessions with an identity that the account no longer lists are of no use.
        let record = record.filter(|record| record.their_identity() == sender.identity_key);
        Ok(ratchet::accept(
            record,
            &self.me.identity,
            sender,
            message,
            prekeys,
            kept,
            self.rng,
        )?)
    }

    /// The other user of the thread, as the content says it; the thread's id is made of exactly these two.
    fn peer(&self, row: &MessageRow, body: &Body) -> Result<UserId, Refusal> {
        let misplaced = || Refusal::Unreadable(UnreadableReason::Misplaced);
        let ThreadFacts::Direct { to } = &body.thread else {
            return Err(misplaced());
        };
        let me = &self.me.user;
        let concerns_me = row.sender_id == *me || to == me;
        if !concerns_me || ThreadId::direct(&row.sender_id, to) != row.thread_id {
            return Err(misplaced());
        }
        Ok(if row.sender_id == *me {
            to.clone()
        } else {
            row.sender_id.clone()
        })
    }
}

/// The key that was kept when this message was passed over.
fn kept_key(
    rows: &Rows,
    origin: Origin<'_>,
    record: Option<&SessionRecord>,
    message: &RatchetMessage,
) -> Result<Option<SkippedKey>, Refusal> {
    if record.is_some_and(|record| record.is_still_to_come(message)) {
        return Ok(None);
    }
    let ratchet_key = message.ratchet_key().to_bytes();
    let kept = rows.skipped_keys(origin.user, origin.device, &ratchet_key, message.counter())?;
    let Some(kept) = kept.into_iter().next() else {
        return Ok(None);
    };
    let Ok(session) = BaseKey::from_bytes(&kept.base_key) else {
        return Ok(None);
    };
    Ok(Some(SkippedKey::new(
        session,
        message.ratchet_key(),
        message.counter(),
        &kept.seed,
    )))
}

fn name(kept: &SkippedKey) -> KeptName {
    (kept.session(), kept.ratchet_key(), kept.counter())
}
