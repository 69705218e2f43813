//! The keys of the post-quantum half of an agreement: a type byte, then the bytes of the mechanism.
//!
//! PQXDH, revision 3, section 2.2 (`EncodeKEM`). A prekey that is kept for when the others run out (the last resort) and one for
//! a single session have the same form; who holds the secret knows which it is.

use std::sync::Arc;

use rand_core::CryptoRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::primitives as mechanism;
use crate::primitives::{
    KEM_CIPHERTEXT_LENGTH, KEM_PUBLIC_LENGTH, KEM_SEED_LENGTH, KemSecret, NotReduced,
};

/// The mechanism. The number is the type byte in front of keys and ciphertexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KemType {
    /// ML-KEM-1024 (FIPS 203): every bundle of ours.
    MlKem1024 = 0x0a,
    /// Kyber-1024 as it was in round 3: with the official builds, in tests.
    #[cfg(feature = "kyber-round3")]
    Kyber1024 = 0x08,
}

/// Bytes that are no KEM key or ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KemError {
    /// Keys and ciphertexts are 1,569 bytes.
    #[error("a KEM key or ciphertext of {0} bytes is none")]
    Length(usize),
    /// The first byte names a mechanism that this build does not have.
    #[error("KEM type {0:#04x} is not known")]
    Type(u8),
    /// A coefficient of the key lies beyond the modulus: a second spelling of some other key.
    #[error("the KEM key is not written canonically")]
    NotCanonical,
}

/// What others encapsulate to: checked when it was read, so that it can be used.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KemPublicKey {
    kind: KemType,
    bytes: Arc<[u8; KEM_PUBLIC_LENGTH]>,
}

/// What carries a secret to whoever holds the key pair. Every string of the right length is one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KemCiphertext {
    kind: KemType,
    bytes: Arc<[u8; KEM_CIPHERTEXT_LENGTH]>,
}

/// A prekey of ours. Only its seed is kept; the rest is worked out when it is asked for.
#[derive(Clone, ZeroizeOnDrop)]
pub struct KemKeyPair {
    #[zeroize(skip)]
    id: u32,
    #[zeroize(skip)]
    kind: KemType,
    seed: [u8; KEM_SEED_LENGTH],
}

impl KemType {
    fn from_byte(byte: u8) -> Result<Self, KemError> {
        match byte {
            0x0a => Ok(Self::MlKem1024),
            #[cfg(feature = "kyber-round3")]
            0x08 => Ok(Self::Kyber1024),
            _ => Err(KemError::Type(byte)),
        }
    }

    /// The type byte, and exactly as many bytes after it as every mechanism here has.
    fn split<const N: usize>(bytes: &[u8]) -> Result<(Self, Arc<[u8; N]>), KemError> {
        let (kind, rest) = bytes.split_first().ok_or(KemError::Length(0))?;
        let kind = Self::from_byte(*kind)?;
        let rest = rest.try_into().map_err(|_| KemError::Length(bytes.len()))?;
        Ok((kind, Arc::new(rest)))
    }

    fn join(self, rest: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + rest.len());
        bytes.push(self as u8);
        bytes.extend_from_slice(rest);
        bytes
    }
}

impl KemPublicKey {
    /// How many bytes [`KemPublicKey::to_bytes`] gives.
    pub const LENGTH: usize = 1 + KEM_PUBLIC_LENGTH;

    /// Reads `type ‖ key`, with the modulus check of FIPS 203, section 7.2.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KemError> {
        let (kind, bytes) = KemType::split(bytes)?;
        match kind {
            KemType::MlKem1024 => mechanism::ml_kem_1024_check(&bytes),
            #[cfg(feature = "kyber-round3")]
            KemType::Kyber1024 => mechanism::kyber_1024_check(&bytes),
        }
        .map_err(|NotReduced| KemError::NotCanonical)?;
        Ok(Self { kind, bytes })
    }

    /// `type ‖ key`: what travels, and what the identity key signs.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.kind.join(&*self.bytes)
    }

    /// The mechanism.
    pub fn kind(&self) -> KemType {
        self.kind
    }

    /// A new secret, and the ciphertext that carries it.
    pub(crate) fn encapsulate(
        &self,
        rng: &mut impl CryptoRng,
    ) -> Result<(KemCiphertext, KemSecret), NotReduced> {
        let (bytes, secret) = match self.kind {
            KemType::MlKem1024 => mechanism::ml_kem_1024_encapsulate(&self.bytes, rng),
            #[cfg(feature = "kyber-round3")]
            KemType::Kyber1024 => mechanism::kyber_1024_encapsulate(&self.bytes, rng),
        }?;
        let ciphertext = KemCiphertext {
            kind: self.kind,
            bytes: Arc::new(bytes),
        };
        Ok((ciphertext, secret))
    }
}

impl KemCiphertext {
    /// How many bytes [`KemCiphertext::to_bytes`] gives.
    pub const LENGTH: usize = 1 + KEM_CIPHERTEXT_LENGTH;

    /// Reads `type ‖ ciphertext`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KemError> {
        let (kind, bytes) = KemType::split(bytes)?;
        Ok(Self { kind, bytes })
    }

    /// `type ‖ ciphertext`.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.kind.join(&*self.bytes)
    }

    /// The mechanism.
    pub fn kind(&self) -> KemType {
        self.kind
    }
}

impl KemKeyPair {
    /// How many bytes [`KemKeyPair::seed_bytes`] gives.
    pub const SEED_LENGTH: usize = KEM_SEED_LENGTH;

    /// A new pair of ML-KEM-1024 under this id.
    pub fn generate(id: u32, rng: &mut impl CryptoRng) -> Self {
        Self::generate_of(KemType::MlKem1024, id, rng)
    }

    /// A new pair of the mechanism named.
    pub fn generate_of(kind: KemType, id: u32, rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; KEM_SEED_LENGTH]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(kind, id, &seed)
    }

    /// The pair of a stored seed.
    pub fn from_seed(kind: KemType, id: u32, seed: &[u8; KEM_SEED_LENGTH]) -> Self {
        let seed = *seed;
        Self { id, kind, seed }
    }

    /// The seed, for the encrypted store and nothing else.
    pub fn seed_bytes(&self) -> Zeroizing<[u8; KEM_SEED_LENGTH]> {
        Zeroizing::new(self.seed)
    }

    /// The number that the peers name it by.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The mechanism.
    pub fn kind(&self) -> KemType {
        self.kind
    }

    /// The public half, worked out anew: as much work as making the pair.
    pub fn public(&self) -> KemPublicKey {
        let bytes = match self.kind {
            KemType::MlKem1024 => mechanism::ml_kem_1024_public(&self.seed),
            #[cfg(feature = "kyber-round3")]
            KemType::Kyber1024 => mechanism::kyber_1024_public(&self.seed),
        };
        KemPublicKey {
            kind: self.kind,
            bytes: Arc::new(bytes),
        }
    }

    /// The secret that a ciphertext carries; `None` if it is of another mechanism. One that was made for another key, or altered,
    /// gives a secret that nobody else has.
    pub(crate) fn decapsulate(&self, ciphertext: &KemCiphertext) -> Option<KemSecret> {
        (ciphertext.kind == self.kind).then(|| match self.kind {
            KemType::MlKem1024 => mechanism::ml_kem_1024_decapsulate(&self.seed, &ciphertext.bytes),
            #[cfg(feature = "kyber-round3")]
            KemType::Kyber1024 => mechanism::kyber_1024_decapsulate(&self.seed, &ciphertext.bytes),
        })
    }
}

/// Enough to tell two apart: they are long.
macro_rules! debug_by_digest {
    ($($name:ident),*) => {
        $(impl core::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let digest = mechanism::sha256(&*self.bytes);
                write!(formatter, concat!(stringify!($name), "({:?}, "), self.kind)?;
                digest[..8].iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))?;
                write!(formatter, "…)")
            }
        })*
    };
}
debug_by_digest!(KemPublicKey, KemCiphertext);

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    fn pair() -> KemKeyPair {
        KemKeyPair::generate(7, &mut ChaCha20Rng::seed_from_u64(1))
    }

    #[test]
    fn a_pair_of_a_stored_seed_opens_what_was_made_for_it() {
        let pair = pair();
        let restored = KemKeyPair::from_seed(pair.kind(), pair.id(), &pair.seed_bytes());
        assert_eq!(restored.public(), pair.public());
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let (ciphertext, secret) = pair.public().encapsulate(&mut rng).unwrap();
        assert_eq!(restored.decapsulate(&ciphertext), Some(secret));
    }

    #[test]
    fn bytes_come_back_as_they_went_in() {
        let public = pair().public();
        let bytes = public.to_bytes();
        assert_eq!((bytes.len(), bytes[0]), (KemPublicKey::LENGTH, 0x0a));
        assert_eq!(KemPublicKey::from_bytes(&bytes), Ok(public.clone()));
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let (ciphertext, _) = public.encapsulate(&mut rng).unwrap();
        let bytes = ciphertext.to_bytes();
        assert_eq!((bytes.len(), bytes[0]), (KemCiphertext::LENGTH, 0x0a));
        assert_eq!(KemCiphertext::from_bytes(&bytes), Ok(ciphertext));
    }

    #[test]
    fn another_length_or_type_is_refused() {
        let bytes = pair().public().to_bytes();
        for length in [1, 2, 1_568] {
            let refused = Err(KemError::Length(length));
            assert_eq!(KemPublicKey::from_bytes(&bytes[..length]), refused);
        }
        let longer = [&bytes[..], &[0]].concat();
        let refused = Some(KemError::Length(1_570));
        assert_eq!(KemPublicKey::from_bytes(&longer).err(), refused);
        assert_eq!(KemCiphertext::from_bytes(&longer).err(), refused);
        assert_eq!(KemPublicKey::from_bytes(&[]), Err(KemError::Length(0)));
        // Kyber-768, and nothing at all.
        for kind in [0x07, 0x00, 0xff] {
            let renamed = [&[kind], &bytes[1..]].concat();
            let refused = Some(KemError::Type(kind));
            assert_eq!(KemPublicKey::from_bytes(&renamed).err(), refused);
            assert_eq!(KemCiphertext::from_bytes(&renamed).err(), refused);
        }
    }

    #[cfg(not(feature = "kyber-round3"))]
    #[test]
    fn kyber_of_round_3_is_not_known_to_what_ships() {
        let renamed = [&[0x08], &pair().public().to_bytes()[1..]].concat();
        let refused = KemPublicKey::from_bytes(&renamed).err();
        assert_eq!(refused, Some(KemError::Type(0x08)));
    }

    #[cfg(feature = "kyber-round3")]
    #[test]
    fn keys_and_ciphertexts_of_round_3_travel_under_their_own_type() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let pair = KemKeyPair::generate_of(KemType::Kyber1024, 7, &mut rng);
        let public = KemPublicKey::from_bytes(&pair.public().to_bytes()).unwrap();
        assert_eq!((public.kind(), public.to_bytes()[0]), (pair.kind(), 0x08));
        let (sent, secret) = public.encapsulate(&mut rng).unwrap();
        let ciphertext = KemCiphertext::from_bytes(&sent.to_bytes()).unwrap();
        assert_eq!(ciphertext.kind(), KemType::Kyber1024);
        assert_eq!(pair.decapsulate(&ciphertext), Some(secret));
        let mut not_reduced = public.to_bytes();
        not_reduced[1..4].fill(0xff);
        let refused = KemPublicKey::from_bytes(&not_reduced).err();
        assert_eq!(refused, Some(KemError::NotCanonical));
    }

    #[cfg(feature = "kyber-round3")]
    #[test]
    fn a_ciphertext_of_another_mechanism_is_not_opened() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let kyber = KemKeyPair::generate_of(KemType::Kyber1024, 7, &mut rng);
        let (ciphertext, _) = kyber.public().encapsulate(&mut rng).unwrap();
        assert!(pair().decapsulate(&ciphertext).is_none());
    }

    #[test]
    fn a_key_that_is_not_reduced_is_refused() {
        let mut bytes = pair().public().to_bytes();
        bytes[1..4].fill(0xff);
        let refused = KemPublicKey::from_bytes(&bytes).err();
        assert_eq!(refused, Some(KemError::NotCanonical));
    }
}
