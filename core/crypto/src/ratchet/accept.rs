//! Decrypting the messages of a session that a peer began: the first one makes the session, the others find it.

use rand_core::CryptoRng;

use super::beginning::Beginning;
use super::open::{BeganSession, OpenError, Opened, open_late};
use super::policy::SessionPolicy;
use super::prekey_message::PreKeyMessage;
use super::record::SessionRecord;
use super::session::{Ends, Session};
use super::skipped_key::SkippedKey;
use crate::agreement;
use crate::keys::{
    IdentityKey, IdentityKeyPair, KemKeyPair, KemType, OneTimePreKeyPair, SignedPreKeyPair,
};
use crate::primitives::KemSecret;

/// The sending device as its account's signed list has it. A prekey message proves its identity key but not its
/// registration, so both are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// Its identity key.
    pub identity_key: IdentityKey,
    /// Its registration.
    pub registration_id: u32,
    /// What a session that it begins must have.
    pub policy: SessionPolicy,
}

/// The prekeys of ours that the message names.
#[derive(Clone, Copy)]
pub struct PreKeys<'a> {
    /// Always.
    pub signed: &'a SignedPreKeyPair,
    /// If the message names one.
    pub one_time: Option<&'a OneTimePreKeyPair>,
    /// If the message names one.
    pub kem: Option<KemPreKey<'a>>,
}

/// A KEM prekey of ours.
#[derive(Clone, Copy)]
pub struct KemPreKey<'a> {
    /// The pair.
    pub pair: &'a KemKeyPair,
    /// Whether it is kept for when the one-time KEM prekeys have run out: then using it does not use it up.
    pub last_resort: bool,
}

/// Opens a message that carries the beginning of its session. If the record holds that session already it is used, and no
/// new agreement is made.
///
/// The caller has checked [`PreKeyMessage::base_key`] against the names it remembers (see [`BeganSession`]).
pub fn accept(
    record: Option<&SessionRecord>,
    ours: &IdentityKeyPair,
    sender: &Sender,
    message: &PreKeyMessage,
    prekeys: PreKeys<'_>,
    kept: Option<SkippedKey>,
    rng: &mut impl CryptoRng,
) -> Result<Opened, OpenError> {
    let ends = Ends {
        ours: ours.public(),
        theirs: message.identity_key(),
    };
    if ends.theirs != sender.identity_key
        || record.is_some_and(|record| record.ends.theirs != ends.theirs)
    {
        return Err(OpenError::IdentityChanged);
    }
    if message.registration_id() != sender.registration_id {
        return Err(OpenError::RegistrationChanged);
    }
    // Sessions of an identity that this device no longer has are of no use.
    let record = record.filter(|record| record.ends.ours == ends.ours);
    if let Some(record) = record.filter(|record| record.has_session(&message.base_key())) {
        return open_repeated(record, message, kept, rng);
    }

    if !sender.policy.allows(message.version()) {
        return Err(OpenError::X3dhRefused);
    }
    let signed = Some(prekeys.signed)
        .filter(|key| key.id() == message.signed_prekey_id())
        .ok_or(OpenError::PreKeyMissing)?;
    let one_time = message
        .one_time_prekey_id()
        .map(|id| {
            prekeys
                .one_time
                .filter(|key| key.id() == id)
                .ok_or(OpenError::PreKeyMissing)
        })
        .transpose()?;
    let kem = prekeys
        .kem
        .filter(|kem| message.kem_prekey_id() == Some(kem.pair.id()));
    let secret = decapsulate(message, kem)?;
    let root = agreement::respond(
        ours,
        (signed, one_time),
        secret.as_ref().map(|(kind, secret)| (*kind, secret)),
        &message.identity_key(),
        &message.base_key(),
    )?;
    let opened = Session::respond(&root, &signed.as_ratchet_pair(), message, &ends, rng)?;

    let one_time_kem = kem.filter(|kem| !kem.last_resort).map(|kem| kem.pair.id());
    let mut record = record.cloned().unwrap_or_else(|| SessionRecord::new(ends));
    let forget_chains = record.promote(None, opened.session);
    Ok(Opened {
        keep: opened.keep,
        forget_chains,
        consumed_one_time: message.one_time_prekey_id(),
        consumed_one_time_kem: one_time_kem,
        began: Some(BeganSession {
            base_key: message.base_key(),
            signed_prekey_id: message.signed_prekey_id(),
            kem_prekey_id: message.kem_prekey_id(),
            had_one_time: one_time.is_some() || one_time_kem.is_some(),
        }),
        ..Opened::new(record, opened.plaintext)
    })
}

/// The KEM secret of a message of version 4; `None` for one of version 3.
fn decapsulate(
    message: &PreKeyMessage,
    kem: Option<KemPreKey<'_>>,
) -> Result<Option<(KemType, KemSecret)>, OpenError> {
    let Some(encapsulation) = &message.prekeys.kem else {
        return Ok(None);
    };
    let pair = kem.ok_or(OpenError::PreKeyMissing)?.pair;
    let secret = pair
        .decapsulate(&encapsulation.ciphertext)
        .ok_or(OpenError::Malformed)?;
    Ok(Some((pair.kind(), secret)))
}

/// Opens one more message of a session that the record holds: no prekey is needed, all may be gone.
pub fn open_repeated(
    record: &SessionRecord,
    message: &PreKeyMessage,
    kept: Option<SkippedKey>,
    rng: &mut impl CryptoRng,
) -> Result<Opened, OpenError> {
    let (place, session) = record
        .place_of(&message.base_key())
        .ok_or(OpenError::NoSession)?;
    if message.identity_key() != record.ends.theirs {
        return Err(OpenError::IdentityChanged);
    }
    if message.registration_id() != session.their_registration_id {
        return Err(OpenError::RegistrationChanged);
    }
    if !matches!(session.beginning, Beginning::Theirs(began) if began == message.prekeys.fingerprint())
    {
        return Err(OpenError::NotAuthentic);
    }
    let kept = kept.filter(|kept| kept.session() == session.base_key);
    if let Some(opened) = open_late(record, message.message(), kept) {
        return opened;
    }
    let opened = session.open(&record.ends, message.message(), rng)?;
    Ok(Opened::in_order(record, place, opened))
}
