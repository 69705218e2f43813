//! X3DH and PQXDH: two devices that never met agree on the root of a session.
//!
//! X3DH, revision 1, section 3.3 (initiator) and 3.4 (responder): version 3 of the wire protocol. PQXDH, revision 3, the same
//! sections: version 4, with the secret of a key encapsulation after the others.

use zeroize::{Zeroize, Zeroizing};

use crate::bundle::PreKeyBundle;
use crate::keys::{
    BaseKey, EphemeralKeyPair, IdentityKey, IdentityKeyPair, KemType, OneTimePreKeyPair,
    SignedPreKeyPair,
};
use crate::primitives::{KemSecret, NoSharedSecret, hkdf_sha256};
use crate::ratchet::RootKey;

/// X3DH, section 2.2: `F`, so that the input is never a valid encoding of a key.
const DOMAIN_SEPARATION: [u8; 32] = [0xff; 32];

/// The application's `info` (X3DH, section 2.1) as the deployed version 3 has it.
const X3DH_INFO: &[u8] = b"WhisperText";

/// The `info` of version 4 (PQXDH, section 2.2: application, curve, hash and mechanism). Each mechanism has its own, so that
/// sessions of two mechanisms never share a root.
fn info(kem: Option<KemType>) -> &'static [u8] {
    match kem {
        None => X3DH_INFO,
        Some(KemType::MlKem1024) => b"Sealwire_X25519_SHA-256_ML-KEM-1024",
        #[cfg(feature = "kyber-round3")]
        Some(KemType::Kyber1024) => b"WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024",
    }
}

/// The secret of a key encapsulation and the mechanism that it comes from.
type Encapsulated<'a> = (KemType, &'a KemSecret);

/// The initiator's side. `base` is forgotten afterwards.
pub(crate) fn initiate(
    ours: &IdentityKeyPair,
    base: &EphemeralKeyPair,
    bundle: &PreKeyBundle,
    kem: Option<Encapsulated<'_>>,
) -> Result<RootKey, NoSharedSecret> {
    let their_identity = bundle.identity_key();
    let their_prekey = bundle.signed_prekey();
    let agreed = [
        Some(ours.pair().agree(their_prekey.as_public_key())?),
        Some(base.pair().agree(their_identity.as_public_key())?),
        Some(base.pair().agree(their_prekey.as_public_key())?),
        bundle
            .one_time_prekey()
            .map(|(_, key)| base.pair().agree(key.as_public_key()))
            .transpose()?,
    ];
    Ok(derive_root(&agreed, kem))
}

/// The responder's side, from the keys that the first message names.
pub(crate) fn respond(
    ours: &IdentityKeyPair,
    (signed, one_time): (&SignedPreKeyPair, Option<&OneTimePreKeyPair>),
    kem: Option<Encapsulated<'_>>,
    their_identity: &IdentityKey,
    their_base: &BaseKey,
) -> Result<RootKey, NoSharedSecret> {
    let their_base = their_base.as_public_key();
    let agreed = [
        Some(signed.pair().agree(their_identity.as_public_key())?),
        Some(ours.pair().agree(their_base)?),
        Some(signed.pair().agree(their_base)?),
        one_time
            .map(|key| key.pair().agree(their_base))
            .transpose()?,
    ];
    Ok(derive_root(&agreed, kem))
}

/// `SK` of section 3.3. The second half of the output (a chain on the signed prekey) has no use in the ordinary flow.
fn derive_root(
    agreed: &[Option<Zeroizing<[u8; 32]>>; 4],
    kem: Option<Encapsulated<'_>>,
) -> RootKey {
    let mut ikm = Zeroizing::new([0; 6 * 32]);
    let mut length = 0;
    let secrets = agreed
        .iter()
        .flatten()
        .chain(kem.map(|(_, secret)| secret))
        .map(|secret| &**secret);
    for (slot, part) in ikm
        .chunks_exact_mut(32)
        .zip(core::iter::once(&DOMAIN_SEPARATION).chain(secrets))
    {
        slot.copy_from_slice(part);
        length += part.len();
    }
    let mut okm: [u8; 64] = hkdf_sha256(None, &ikm[..length], info(kem.map(|(kind, _)| kind)));
    let mut root = [0; 32];
    root.copy_from_slice(&okm[..32]);
    okm.zeroize();
    RootKey::new(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(one_time: bool, kem: Option<KemType>) -> String {
        let secret = |byte| Some(Zeroizing::new([byte; 32]));
        let one_time = secret(4).filter(|_| one_time);
        let agreed = [secret(1), secret(2), secret(3), one_time];
        let carried = Zeroizing::new([5; 32]);
        hex::encode(derive_root(&agreed, kem.map(|kind| (kind, &carried))).as_bytes())
    }

    /// By Python's hmac and hashlib, as docs/protocol/sessions.md has the input and the labels.
    #[test]
    fn roots_of_known_secrets() {
        let kem = Some(KemType::MlKem1024);
        let expected = [
            (
                root(false, None),
                "c8ce474196f6b3235cc3e0f71e522ba80b986334fb41de8ad9ea8ce8d58f1707",
            ),
            (
                root(true, None),
                "0e18056f1b0947b2bb3593b56baa38317bd4fef7cab2ef1e52850769c915650a",
            ),
            (
                root(false, kem),
                "42ae29586dd26f7f7d24c471cee600225a8bf67c1f4978ba4f1e83555bf0eb87",
            ),
            (
                root(true, kem),
                "76d772ab35001bd6f150eb0aa838c45052b5b60e73d790108dc1df42ae84e8bb",
            ),
            #[cfg(feature = "kyber-round3")]
            (
                root(true, Some(KemType::Kyber1024)),
                "f8db7484c285311aba34ed2fcee24c80ab75b9e27b99c44be4e2222c29af1ced",
            ),
        ];
        for (root, expected) in expected {
            assert_eq!(root, expected);
        }
    }
}
