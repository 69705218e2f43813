//! Beginning a session with a device from its prekey bundle.

use rand_core::CryptoRng;

use super::beginning::{NamedPreKeys, Pending};
use super::record::SessionRecord;
use super::session::{Ends, Session};
use crate::agreement;
use crate::bundle::PreKeyBundle;
use crate::keys::{EphemeralKeyPair, IdentityKeyPair};
use crate::primitives::NoSharedSecret;

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
}

/// A record whose current session is a new one; the one before is archived.
pub fn begin(
    record: Option<&SessionRecord>,
    ours: &IdentityKeyPair,
    our_registration_id: u32,
    bundle: &PreKeyBundle,
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

    let base = EphemeralKeyPair::generate(rng);
    let root = agreement::initiate(ours, &base, bundle)?;
    let pending = Pending {
        our_registration_id,
        prekeys: NamedPreKeys {
            signed: bundle.signed_prekey_id(),
            one_time: bundle.one_time_prekey().map(|(id, _)| id),
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
