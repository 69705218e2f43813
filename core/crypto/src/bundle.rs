//! What a device publishes so that others can begin a session with it while it is offline.
//!
//! X3DH, revision 1, section 3.2; PQXDH, revision 3, section 3.2. A [`PreKeyBundle`] exists only with signatures that were checked.

use rand_core::CryptoRng;

use crate::keys::{IdentityKey, IdentityKeyPair, KemPublicKey, OneTimePreKey, SignedPreKey};
use crate::ratchet::Version;
use crate::signature::Signature;

/// Why a bundle was refused. Nothing was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Whoever made this prekey does not hold the identity key: fetch the bundle again, and do not send to it.
    #[error("the signed prekey is not signed by the bundle's identity key")]
    BadSignature,
    /// The same of the KEM prekey.
    #[error("the KEM prekey is not signed by the bundle's identity key")]
    BadKemSignature,
}

/// The keys of one device, for one new session with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreKeyBundle {
    registration_id: u32,
    device_id: u32,
    identity_key: IdentityKey,
    signed_prekey_id: u32,
    signed_prekey: SignedPreKey,
    one_time_prekey: Option<(u32, OneTimePreKey)>,
    kem_prekey: Option<(u32, KemPublicKey)>,
}

impl PreKeyBundle {
    /// A bundle as it was served, if the identity key signed the prekey.
    ///
    /// Whether the identity key is the right one is for the caller to know: it compares it with the signed device list.
    pub fn new(
        registration_id: u32,
        device_id: u32,
        identity_key: IdentityKey,
        signed_prekey_id: u32,
        signed_prekey: SignedPreKey,
        signed_prekey_signature: &Signature,
        one_time_prekey: Option<(u32, OneTimePreKey)>,
    ) -> Result<Self, BundleError> {
        identity_key
            .verify(&signed_prekey.to_bytes(), signed_prekey_signature)
            .map_err(|_| BundleError::BadSignature)?;
        Ok(Self {
            registration_id,
            device_id,
            identity_key,
            signed_prekey_id,
            signed_prekey,
            one_time_prekey,
            kem_prekey: None,
        })
    }

    /// The bundle with a KEM prekey, one-time or last resort, if the identity key signed it: for a session of version 4.
    pub fn with_kem_prekey(
        self,
        id: u32,
        key: KemPublicKey,
        signature: &Signature,
    ) -> Result<Self, BundleError> {
        self.identity_key
            .verify(&key.to_bytes(), signature)
            .map_err(|_| BundleError::BadKemSignature)?;
        Ok(Self {
            kem_prekey: Some((id, key)),
            ..self
        })
    }

    /// The registration that these keys belong to.
    pub fn registration_id(&self) -> u32 {
        self.registration_id
    }

    /// The device within its account.
    pub fn device_id(&self) -> u32 {
        self.device_id
    }

    /// Who the device is.
    pub fn identity_key(&self) -> IdentityKey {
        self.identity_key
    }

    /// The number of the signed prekey.
    pub fn signed_prekey_id(&self) -> u32 {
        self.signed_prekey_id
    }

    /// The signed prekey.
    pub fn signed_prekey(&self) -> SignedPreKey {
        self.signed_prekey
    }

    /// The one-time prekey and its number, unless the device has run out of them.
    pub fn one_time_prekey(&self) -> Option<(u32, OneTimePreKey)> {
        self.one_time_prekey
    }

    /// The agreement that a session from this bundle begins with.
    pub fn version(&self) -> Version {
        match self.kem_prekey {
            Some(_) => Version::Pqxdh,
            None => Version::X3dh,
        }
    }

    /// The KEM prekey and its number: without one the session would be of version 3.
    pub fn kem_prekey(&self) -> Option<(u32, &KemPublicKey)> {
        self.kem_prekey.as_ref().map(|(id, key)| (*id, key))
    }
}

impl IdentityKeyPair {
    /// The signature under which a signed prekey is published: over its 33 bytes.
    pub fn sign_prekey(&self, rng: &mut impl CryptoRng, prekey: &SignedPreKey) -> Signature {
        self.sign(rng, &prekey.to_bytes())
    }

    /// The signature under which a KEM prekey is published: over its type byte and key.
    pub fn sign_kem_prekey(&self, rng: &mut impl CryptoRng, prekey: &KemPublicKey) -> Signature {
        self.sign(rng, &prekey.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KemKeyPair, OneTimePreKeyPair, SignedPreKeyPair};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn only_the_identity_that_signed_the_prekey_can_publish_it() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let identity = IdentityKeyPair::generate(&mut rng);
        let prekey = SignedPreKeyPair::generate(4, &mut rng).public();
        let signature = identity.sign_prekey(&mut rng, &prekey);
        let bundle = |identity| PreKeyBundle::new(1, 2, identity, 4, prekey, &signature, None);
        assert!(bundle(identity.public()).is_ok());
        assert_eq!(
            bundle(IdentityKeyPair::generate(&mut rng).public()),
            Err(BundleError::BadSignature)
        );
    }
    #[test]
    fn only_the_identity_that_signed_the_kem_prekey_can_publish_it() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let identity = IdentityKeyPair::generate(&mut rng);
        let prekey = SignedPreKeyPair::generate(4, &mut rng).public();
        let signature = identity.sign_prekey(&mut rng, &prekey);
        let bundle =
            PreKeyBundle::new(1, 2, identity.public(), 4, prekey, &signature, None).unwrap();
        assert_eq!(bundle.version(), Version::X3dh);
        let kem = KemKeyPair::generate(5, &mut rng).public();
        let signed = identity.sign_kem_prekey(&mut rng, &kem);
        let with_kem = bundle
            .clone()
            .with_kem_prekey(5, kem.clone(), &signed)
            .unwrap();
        assert_eq!(with_kem.version(), Version::Pqxdh);
        let other = KemKeyPair::generate(5, &mut rng).public();
        let eve = IdentityKeyPair::generate(&mut rng).sign_kem_prekey(&mut rng, &kem);
        for (key, signature) in [(other, signed), (kem, eve)] {
            let refused = bundle.clone().with_kem_prekey(5, key, &signature);
            assert_eq!(refused.err(), Some(BundleError::BadKemSignature));
        }
    }

    #[test]
    fn a_bundle_says_what_it_was_made_of() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let identity = IdentityKeyPair::generate(&mut rng);
        let prekey = SignedPreKeyPair::generate(4, &mut rng).public();
        let one_time = OneTimePreKeyPair::generate(6, &mut rng).public();
        let kem = KemKeyPair::generate(5, &mut rng).public();
        let signature = identity.sign_prekey(&mut rng, &prekey);
        let kem_signature = identity.sign_kem_prekey(&mut rng, &kem);
        let of = Some((6, one_time));
        let bundle = PreKeyBundle::new(11, 12, identity.public(), 4, prekey, &signature, of)
            .and_then(|bundle| bundle.with_kem_prekey(5, kem.clone(), &kem_signature))
            .unwrap();
        assert_eq!((bundle.registration_id(), bundle.device_id()), (11, 12));
        assert_eq!(bundle.identity_key(), identity.public());
        assert_eq!(bundle.signed_prekey_id(), 4);
        assert_eq!(bundle.signed_prekey(), prekey);
        assert_eq!(bundle.one_time_prekey(), Some((6, one_time)));
        assert_eq!(bundle.kem_prekey(), Some((5, &kem)));
    }
}
