//! On each connect: whether the relay gives out the keys that this device believes it does, and how many are left.

use super::signed::public;
use crate::requests::{Answer, Outgoing, Purpose};
use crate::{Engine, EngineError};
use sealwire_crypto::primitives::sha256;
use sealwire_store::PrekeyKind;
use sealwire_wire::contract::{PrekeyCheck, PrekeyCheckAnswer, PublicSignedPrekey};
use sealwire_wire::limits::PREKEYS_LOW;

/// Of [`PrekeyCheck::digest`].
const LABEL: &[u8] = b"Sealwire v1 repeated-use keys";

impl Engine {
    /// The socket is open: what was made and not uploaded is uploaded, then the relay is asked what it has.
    pub(crate) fn prekeys_are_to_be_checked(&mut self) {
        self.prekey_uploads.check_wanted = true;
        let waits =
            super::to_upload(&self.store).is_ok_and(|waiting| waiting.upload != Default::default());
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
        if answer.count.one_time_prekeys < PREKEYS_LOW {
            // A shortage that could not be noted is seen again.
            let _ = self.prekeys_run_low(answer.count.one_time_prekeys);
        }
        if !answer.matches && self.make_signed_prekey().is_ok_and(|made| made) {
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
        let identity = me.identity.public().to_bytes();
        Ok(Some(digest(&identity, me.registration_id, &public(row)?)))
    }
}

fn digest(identity: &[u8; 33], registration_id: u32, signed: &PublicSignedPrekey) -> [u8; 32] {
    sha256(
        &[
            LABEL,
            identity,
            &registration_id.to_be_bytes(),
            &signed.id.to_be_bytes(),
            signed.key.as_slice(),
            signed.signature.as_slice(),
        ]
        .concat(),
    )
}
