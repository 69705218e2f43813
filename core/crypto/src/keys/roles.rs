//! One pair of types for each thing that a key is used for.

/// A public key type and its pair, both newtypes of the shared core.
macro_rules! role {
    ($(#[$pair_doc:meta])* $pair:ident, $(#[$public_doc:meta])* $public:ident $(, id: $id_doc:literal)?) => {
        $(#[$public_doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $public($crate::keys::PublicKey);

        impl $public {
            /// Reads the 33 bytes `0x05 ‖ u`.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, $crate::keys::KeyError> {
                $crate::keys::PublicKey::from_bytes(bytes).map(Self)
            }

            /// The 33 bytes `0x05 ‖ u`.
            pub fn to_bytes(&self) -> [u8; $crate::keys::PublicKey::LENGTH] {
                self.0.to_bytes()
            }

            /// The key without its role.
            pub fn as_public_key(&self) -> &$crate::keys::PublicKey {
                &self.0
            }
        }

        impl core::fmt::Debug for $public {
            fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(formatter, concat!(stringify!($public), "({:?})"), self.0)
            }
        }

        $(#[$pair_doc])*
        #[derive(Clone, zeroize::ZeroizeOnDrop)]
        pub struct $pair {
            pair: $crate::keys::KeyPair,
            $(#[doc = $id_doc] #[zeroize(skip)] id: u32,)?
        }

        role!(@constructors $pair $public $($id_doc)?);

        impl $pair {
            /// The 32 secret bytes, for the encrypted store and nothing else.
            pub fn secret_bytes(&self) -> zeroize::Zeroizing<[u8; 32]> {
                zeroize::Zeroizing::new(*self.pair.secret_bytes())
            }

            /// The public half.
            pub fn public(&self) -> $public {
                $public(self.pair.public())
            }

            #[allow(dead_code, reason = "not every role agrees or signs")]
            pub(crate) fn pair(&self) -> &$crate::keys::KeyPair {
                &self.pair
            }
        }
    };
    (@constructors $pair:ident $public:ident) => {
        impl $pair {
            /// A new pair.
            pub fn generate(rng: &mut impl rand_core::CryptoRng) -> Self {
                Self { pair: $crate::keys::KeyPair::generate(rng) }
            }

            /// The pair of a stored secret (clamped on the way in).
            pub fn from_secret_bytes(secret: &[u8; 32]) -> Self {
                Self { pair: $crate::keys::KeyPair::from_secret_bytes(secret) }
            }
        }
    };
    (@constructors $pair:ident $public:ident $id_doc:literal) => {
        impl $pair {
            /// A new pair under this id.
            pub fn generate(id: u32, rng: &mut impl rand_core::CryptoRng) -> Self {
                Self { pair: $crate::keys::KeyPair::generate(rng), id }
            }

            /// The pair of a stored secret (clamped on the way in).
            pub fn from_secret_bytes(id: u32, secret: &[u8; 32]) -> Self {
                Self { pair: $crate::keys::KeyPair::from_secret_bytes(secret), id }
            }

            #[doc = $id_doc]
            pub fn id(&self) -> u32 {
                self.id
            }
        }
    };
}
pub(crate) use role;

use super::KeyPair;

role!(
    /// What a device is (X3DH: `IK`): signs its prekeys and agrees on sessions for as long as the device lives.
    IdentityKeyPair,
    /// The public identity of a device.
    IdentityKey
);

role!(
    /// What an account is: signs its device lists, shared by its devices, kept in the backup. Never part of a session.
    AccountKeyPair,
    /// The public identity of an account, the one that a safety number shows.
    AccountKey
);

role!(
    /// A medium-term prekey (X3DH: `SPK`), signed by the identity and renewed from time to time.
    SignedPreKeyPair,
    /// The public half of a signed prekey.
    SignedPreKey,
    id: "The number that the peers name it by."
);

role!(
    /// A prekey for a single session (X3DH: `OPK`): deleted with the first message that it opens.
    OneTimePreKeyPair,
    /// The public half of a one-time prekey.
    OneTimePreKey,
    id: "The number that the peers name it by."
);

role!(
    /// The key made for one agreement (X3DH: `EK`) and gone after it.
    EphemeralKeyPair,
    /// The public half of the key made for one agreement. It names the session: no two sessions share one.
    BaseKey
);

role!(
    /// Our half of one turn of the Diffie-Hellman ratchet.
    RatchetKeyPair,
    /// The public half of a ratchet pair. It names a chain of messages.
    RatchetKey
);

impl RatchetKeyPair {
    /// Both halves as one's own store kept them: a session is read for every message, and working the public half out takes
    /// longer than all the rest of that.
    pub(crate) fn danger_restore(secret: &[u8; 32], public: RatchetKey) -> Self {
        Self {
            pair: KeyPair::restore(secret, public.0),
        }
    }
}

impl SignedPreKeyPair {
    /// The responder's first ratchet pair is its signed prekey (Double Ratchet, section 7.1).
    pub(crate) fn as_ratchet_pair(&self) -> RatchetKeyPair {
        RatchetKeyPair {
            pair: self.pair.clone(),
        }
    }
}

impl SignedPreKey {
    /// The initiator's first view of the responder's ratchet key (Double Ratchet, section 7.1).
    pub(crate) fn as_ratchet_key(&self) -> RatchetKey {
        RatchetKey(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn a_stored_pair_is_the_same_pair() {
        let pair = SignedPreKeyPair::generate(7, &mut ChaCha20Rng::seed_from_u64(1));
        let restored = SignedPreKeyPair::from_secret_bytes(pair.id(), &pair.secret_bytes());
        assert_eq!(restored.public(), pair.public());
        assert_eq!(restored.secret_bytes(), pair.secret_bytes());
        assert_eq!(restored.id(), 7);
    }

    #[test]
    fn both_sides_agree_on_one_secret() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let ours = IdentityKeyPair::generate(&mut rng);
        let theirs = EphemeralKeyPair::generate(&mut rng);
        assert_eq!(
            ours.pair().agree(theirs.public().as_public_key()),
            theirs.pair().agree(ours.public().as_public_key())
        );
    }

    #[test]
    fn a_public_key_prints_its_role_and_bytes() {
        let key = IdentityKeyPair::from_secret_bytes(&[1; 32]).public();
        assert_eq!(
            format!("{key:?}"),
            format!("IdentityKey({})", hex::encode(key.to_bytes()))
        );
        assert_eq!(IdentityKey::from_bytes(&key.to_bytes()), Ok(key));
    }
}
