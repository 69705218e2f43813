//! X3DH: two devices that never met agree on the root of a session.
//!
//! X3DH, revision 1, section 3.3 (initiator) and 3.4 (responder). Version 3 of the wire protocol.

use zeroize::{Zeroize, Zeroizing};

use crate::bundle::PreKeyBundle;
use crate::keys::{
    BaseKey, EphemeralKeyPair, IdentityKey, IdentityKeyPair, OneTimePreKeyPair, SignedPreKeyPair,
};
use crate::primitives::{NoSharedSecret, hkdf_sha256};
use crate::ratchet::RootKey;

/// X3DH, section 2.2: `F`, so that the input is never a valid encoding of a key.
const DOMAIN_SEPARATION: [u8; 32] = [0xff; 32];

/// The application's `info` (X3DH, section 2.1) as the deployed version 3 has it.
const INFO: &[u8] = b"WhisperText";

/// The initiator's side. `base` is forgotten afterwards.
pub(crate) fn initiate(
    ours: &IdentityKeyPair,
    base: &EphemeralKeyPair,
    bundle: &PreKeyBundle,
) -> Result<RootKey, NoSharedSecret> {
    let their_identity = bundle.identity_key();
    let their_prekey = bundle.signed_prekey();
    derive_root([
        Some(ours.pair().agree(their_prekey.as_public_key())?),
        Some(base.pair().agree(their_identity.as_public_key())?),
        Some(base.pair().agree(their_prekey.as_public_key())?),
        bundle
            .one_time_prekey()
            .map(|(_, key)| base.pair().agree(key.as_public_key()))
            .transpose()?,
    ])
}

/// The responder's side, from the keys that the first message names.
pub(crate) fn respond(
    ours: &IdentityKeyPair,
    signed: &SignedPreKeyPair,
    one_time: Option<&OneTimePreKeyPair>,
    their_identity: &IdentityKey,
    their_base: &BaseKey,
) -> Result<RootKey, NoSharedSecret> {
    let their_base = their_base.as_public_key();
    derive_root([
        Some(signed.pair().agree(their_identity.as_public_key())?),
        Some(ours.pair().agree(their_base)?),
        Some(signed.pair().agree(their_base)?),
        one_time
            .map(|key| key.pair().agree(their_base))
            .transpose()?,
    ])
}

/// `SK` of X3DH, section 3.3. The second half of the output (a chain on the signed prekey) has no use in the ordinary flow.
fn derive_root(agreed: [Option<Zeroizing<[u8; 32]>>; 4]) -> Result<RootKey, NoSharedSecret> {
    let mut ikm = Zeroizing::new([0; 5 * 32]);
    let mut length = 0;
    let secrets = agreed.iter().flatten().map(|secret| &**secret);
    for (slot, part) in ikm
        .chunks_exact_mut(32)
        .zip(core::iter::once(&DOMAIN_SEPARATION).chain(secrets))
    {
        slot.copy_from_slice(part);
        length += part.len();
    }
    let mut okm: [u8; 64] = hkdf_sha256(None, &ikm[..length], INFO);
    let mut root = [0; 32];
    root.copy_from_slice(&okm[..32]);
    okm.zeroize();
    Ok(RootKey::new(root))
}
