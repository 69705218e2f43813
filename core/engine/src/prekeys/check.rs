//! On each connect: whether the relay gives out the keys that this device believes it does, and how many are left.

use super::public_kem;
use super::signed::public;
use crate::requests::{Answer, Outgoing, Purpose};
use crate::{Engine, EngineError};
use sealwire_crypto::primitives::sha256;
use sealwire_store::PrekeyKind;
use sealwire_wire::contract::{
    PrekeyCheck, PrekeyCheckAnswer, PublicKemPrekey, PublicSignedPrekey,
};

/// Of [`PrekeyCheck::digest`].
const LABEL: &[u8] = b"Sealwire v1 repeated-use keys";

impl Engine {
    /// The socket is open: what was made and not uploaded is uploaded, then the relay is asked what it has.
    pub(crate) fn prekeys_are_to_be_checked(&mut self) {
        self.prekey_uploads.check_wanted = true;
        let waits = super::anything_to_upload(&self.store).unwrap_or(false);
        self.prekey_uploads.wanted |= waits;
    }

    pub(super) fn check_prekeys_when_due(&mut self) {
        let uploads = &self.prekey_uploads;
        if !uploads.check_wanted || uploads.wanted || uploads.under_way {
            return;
        }
        self.prekey_uploads.check_wanted = false;
        if let Ok(Some(digest)) = self.digest_of_what_is_uploaded() {
            let check = PrekeyCheck {
                digest: digest.into(),
            };
            self.request(Outgoing::post("/v1/prekeys/check", Purpose::CheckPrekeys).json(&check));
        }
    }

    /// No answer is no harm: the next connect asks again.
    pub(crate) fn on_prekeys_checked(&mut self, answer: Answer) {
        let Ok(answer) = answer.read::<PrekeyCheckAnswer>() else {
            return;
        };
        let count = answer.count;
        let kem = count
            .last_resort_kem_prekey_id
            .map(|_| count.one_time_kem_prekeys);
        if count.one_time_prekeys.min(kem.unwrap_or(u32::MAX)) < self.few_one_time() {
            // A shortage that could not be noted is seen again.
            let _ = self.prekeys_run_low(count.one_time_prekeys, kem);
        }
        if !answer.matches && self.make_repeated_prekeys().is_ok_and(|made| made) {
            self.prekey_uploads.wanted = true;
            self.prekey_uploads.rotate_at = None;
        }
    }

    fn digest_of_what_is_uploaded(&self) -> Result<Option<[u8; 32]>, EngineError> {
        let me = self.me()?;
        let uploaded = self
            .store
            .prekey_ids(PrekeyKind::Signed)?
            .first_not_uploaded;
        let signed = self.store.signed_prekeys()?;
        let Some(row) = signed.iter().find(|row| row.id < uploaded) else {
            return Ok(None);
        };
        let uploaded = self.store.prekey_ids(PrekeyKind::Kem)?.first_not_uploaded;
        let last_resorts = self.store.last_resort_kem_prekeys()?;
        let last_resort = last_resorts.iter().find(|row| row.id < uploaded);
        let last_resort = last_resort.map(public_kem).transpose()?;
        let identity = me.identity.public().to_bytes();
        Ok(Some(digest(
            &identity,
            me.registration_id,
            &public(row)?,
            last_resort.as_ref(),
        )))
    }
}

fn digest(
    identity: &[u8; 33],
    registration_id: u32,
    signed: &PublicSignedPrekey,
    last_resort: Option<&PublicKemPrekey>,
) -> [u8; 32] {
    let mut text = [
        LABEL,
        identity,
        &registration_id.to_be_bytes(),
        &signed.id.to_be_bytes(),
        signed.key.as_slice(),
        signed.signature.as_slice(),
    ]
    .concat();
    if let Some(kem) = last_resort {
        text.extend_from_slice(&kem.id.to_be_bytes());
        text.extend_from_slice(kem.key.as_slice());
        text.extend_from_slice(kem.signature.as_slice());
    }
    sha256(&text)
}
