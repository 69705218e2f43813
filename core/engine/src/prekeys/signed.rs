//! The prekeys that are used many times, the signed one and the last-resort KEM one: new ones every week, the old ones for as
//! long as a message may still name them.

use super::{make_last_resort, make_one_time_kem, secret32};
use crate::engine::Random;
use crate::{Engine, EngineError};
use sealwire_crypto::keys::{IdentityKeyPair, SignedPreKeyPair};
use sealwire_store::{PrekeyKind, SignedPrekeyRow, Transaction};
use sealwire_wire::Timestamp;
use sealwire_wire::contract::PublicSignedPrekey;
use zeroize::Zeroizing;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// How long a signed prekey is given out (X3DH, section 4.5: "once a week, or once a month").
const ROTATE_AFTER_MS: u64 = 7 * DAY_MS;
/// How long the one before is kept after that: as long as a session may go unanswered.
const KEEP_MS: u64 = 30 * DAY_MS;
/// Signed prekeys that are held, whatever a relay says of them: those of a year.
const HELD_MAX: usize = 64;

/// Makes the next signed prekey. Only what is uploaded after that names it.
pub(super) fn make_signed(
    tx: &mut Transaction<'_>,
    identity: &IdentityKeyPair,
    listed_version: u32,
    now: Timestamp,
    rng: &mut Random,
) -> Result<(), EngineError> {
    let id = tx.take_prekey_ids(PrekeyKind::Signed, 1)?;
    let pair = SignedPreKeyPair::generate(id, rng);
    let signature = identity.sign_prekey(rng, &pair.public());
    tx.insert_signed_prekey(&SignedPrekeyRow {
        id,
        secret: Zeroizing::new(pair.secret_bytes().to_vec()),
        signature: signature.to_bytes(),
        created_at: now,
        listed_version,
    })?;
    Ok(())
}

/// As it is given out.
pub(super) fn public(row: &SignedPrekeyRow) -> Result<PublicSignedPrekey, EngineError> {
    let pair = SignedPreKeyPair::from_secret_bytes(row.id, &*secret32(&row.secret)?);
    Ok(PublicSignedPrekey {
        id: row.id,
        key: pair.public().to_bytes().into(),
        signature: row.signature.to_vec().into(),
    })
}

impl Engine {
    pub(super) fn rotate_signed_prekey_when_due(&mut self) {
        if self
            .prekey_uploads
            .rotate_at
            .is_some_and(|at| at > self.now)
        {
            return;
        }
        // What cannot be made now is made at the next turn.
        if self.make_first_kem_prekeys().is_ok_and(|made| made) {
            self.prekey_uploads.wanted = true;
        }
        let next = match self.newest_signed_at() {
            Ok(Some(at)) if !self.is_old(at) => Some(at.plus_ms(ROTATE_AFTER_MS)),
            Ok(_) if self.make_repeated_prekeys().is_ok_and(|made| made) => {
                self.prekey_uploads.wanted = true;
                Some(self.now.plus_ms(ROTATE_AFTER_MS))
            }
            _ => None,
        };
        self.prekey_uploads.rotate_at = next.or(Some(self.now.plus_ms(DAY_MS)));
    }

    /// Whether one more of each was made; not where so many are held already.
    pub(super) fn make_repeated_prekeys(&mut self) -> Result<bool, EngineError> {
        let identity = self.me()?.identity.clone();
        let listed_version = self.listed_version()?;
        let Self {
            store, rng, now, ..
        } = self;
        store.transaction(|tx| {
            if tx.signed_prekeys()?.len() >= HELD_MAX {
                return Ok(false);
            }
            make_signed(tx, &identity, listed_version, *now, rng)?;
            make_last_resort(tx, &identity, *now, rng)?;
            Ok(true)
        })
    }

    /// A device that was set up before there were KEM prekeys makes its first.
    fn make_first_kem_prekeys(&mut self) -> Result<bool, EngineError> {
        let identity = self.me()?.identity.clone();
        let stock = self.one_time_stock();
        let Self {
            store, rng, now, ..
        } = self;
        if !store.last_resort_kem_prekeys()?.is_empty() {
            return Ok(false);
        }
        store.transaction(|tx| {
            make_last_resort(tx, &identity, *now, rng)?;
            make_one_time_kem(tx, &identity, stock, *now, rng)?;
            Ok(true)
        })
    }

    /// The list names a higher version of this device than it did when its signed prekey was made: one that is made now tells
    /// messages that were queued before that from such as nobody honest sends.
    pub(crate) fn renew_prekeys_when_listed(&mut self) -> Result<(), EngineError> {
        let listed_version = self.listed_version()?;
        let held = self.store.signed_prekeys()?;
        let renews = held
            .first()
            .is_some_and(|newest| newest.listed_version < listed_version);
        if renews && self.make_repeated_prekeys()? {
            self.prekey_uploads.wanted = true;
        }
        Ok(())
    }

    /// Everything that was sent until now is here: what was replaced long ago is named by nothing that is still to come.
    pub(crate) fn forget_old_signed_prekeys(&mut self) {
        let now = self.now;
        // Kept for longer than it had to be is no harm.
        let _ = self.store.transaction(|tx| -> Result<(), EngineError> {
            if tx.count_parked()? > 0 {
                return Ok(());
            }
            let uploaded = tx.prekey_ids(PrekeyKind::Signed)?.first_not_uploaded;
            let held = tx.signed_prekeys()?;
            let given_out = held.iter().filter(|row| row.id < uploaded);
            let replaced = given_out.clone().skip(1);
            for (newer, old) in given_out.zip(replaced) {
                if now.since_ms(newer.created_at) >= KEEP_MS {
                    tx.delete_signed_prekey(old.id)?;
                }
            }
            let uploaded = tx.prekey_ids(PrekeyKind::Kem)?.first_not_uploaded;
            let held = tx.last_resort_kem_prekeys()?;
            let given_out = held.iter().filter(|row| row.id < uploaded);
            let replaced = given_out.clone().skip(1);
            for (newer, old) in given_out.zip(replaced) {
                if now.since_ms(newer.created_at) >= KEEP_MS {
                    tx.delete_kem_prekey(old.id)?;
                }
            }
            Ok(())
        });
    }

    fn newest_signed_at(&self) -> Result<Option<Timestamp>, EngineError> {
        let held = self.store.signed_prekeys()?;
        Ok(held.first().map(|row| row.created_at))
    }

    /// One that was made under a clock far ahead would never grow old.
    fn is_old(&self, made_at: Timestamp) -> bool {
        self.now.since_ms(made_at) >= ROTATE_AFTER_MS || made_at.since_ms(self.now) > DAY_MS
    }
}
