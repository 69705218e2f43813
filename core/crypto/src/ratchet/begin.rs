//! Beginning a session with a device from its prekey bundle.

use rand_core::CryptoRng;

use super::beginning::{Encapsulation, NamedPreKeys, Pending};
use super::policy::SessionPolicy;
use super::record::SessionRecord;
use super::session::{Ends, Session};
use crate::agreement;
use crate::bundle::PreKeyBundle;
use crate::keys::{EphemeralKeyPair, IdentityKeyPair};
use crate::primitives::{NoSharedSecret, NotReduced};

/// Why no session was begun. The record is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    /// The record holds sessions with another identity of the peer: decide about the change, then begin without the record.
    #[error("the bundle's identity key is not the one of the sessions held")]
    IdentityChanged,
    /// The record belongs to another identity of ours: it is of no use to this device.
    #[error("the sessions held belong to another identity of this device")]
    OurIdentityChanged,
    /// A key of the bundle has a small order: no honest device publishes one.
    #[error("a key of the bundle gives no shared secret")]
    BadKey,
    /// The bundle has no KEM prekey, and the [`SessionPolicy`] refuses sessions without: the device has to publish one.
    #[error("the bundle has no KEM prekey, and the policy asks for PQXDH")]
    X3dhRefused,
}

/// A record whose current session is a new one; the one before is archived.
pub fn begin(
    record: Option<&SessionRecord>,
    ours: &IdentityKeyPair,
    our_registration_id: u32,
    bundle: &PreKeyBundle,
    policy: SessionPolicy,
    now_ms: u64,
    rng: &mut impl CryptoRng,
) -> Result<SessionRecord, AgreementError> {
    let ends = Ends {
        ours: ours.public(),
        theirs: bundle.identity_key(),
    };
    let mut record = record.cloned().unwrap_or_else(|| SessionRecord::new(ends));
    if record.ends.theirs != ends.theirs {
        return Err(AgreementError::IdentityChanged);
    }
    if record.ends.ours != ends.ours {
        return Err(AgreementError::OurIdentityChanged);
    }

    if !policy.allows(bundle.version()) {
        return Err(AgreementError::X3dhRefused);
    }

    let base = EphemeralKeyPair::generate(rng);
    let encapsulated = bundle
        .kem_prekey()
        .map(|(_, key)| key.encapsulate(rng))
        .transpose()?;
    let kem = encapsulated
        .as_ref()
        .map(|(ciphertext, secret)| (ciphertext.kind(), secret));
    let root = agreement::initiate(ours, &base, bundle, kem)?;
    let pending = Pending {
        our_registration_id,
        prekeys: NamedPreKeys {
            signed: bundle.signed_prekey_id(),
            one_time: bundle.one_time_prekey().map(|(id, _)| id),
            kem: bundle
                .kem_prekey()
                .zip(encapsulated)
                .map(|((prekey_id, _), (ciphertext, _))| Encapsulation {
                    prekey_id,
                    ciphertext,
                }),
        },
        began_at_ms: now_ms,
    };
    let session = Session::initiate(
        &root,
        base.public(),
        bundle.registration_id(),
        bundle.signed_prekey().as_ratchet_key(),
        pending,
        rng,
    )?;
    record.promote(None, session);
    Ok(record)
}

impl From<NoSharedSecret> for AgreementError {
    fn from(_: NoSharedSecret) -> Self {
        Self::BadKey
    }
}

impl From<NotReduced> for AgreementError {
    fn from(_: NotReduced) -> Self {
        Self::BadKey
    }
}
