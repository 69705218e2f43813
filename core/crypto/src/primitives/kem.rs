//! Key encapsulation: ML-KEM-1024 (FIPS 203), and for tests with the official builds Kyber-1024 as it was in round 3.
//!
//! A decapsulation key is its seed `d ‖ z` (FIPS 203, section 7.1): all else follows from it.

use ml_kem::{Decapsulate, Encapsulate, KeyExport, ml_kem_1024};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// An encapsulation key, 384 k + 32 bytes (FIPS 203, table 3). Round 3 has the same.
pub const KEM_PUBLIC_LENGTH: usize = 1_568;

/// A ciphertext, 32 (d_u k + d_v) bytes (FIPS 203, table 3). Round 3 has the same.
pub const KEM_CIPHERTEXT_LENGTH: usize = 1_568;

/// The two random strings that a pair is made of.
pub const KEM_SEED_LENGTH: usize = 64;

/// What both sides get.
pub type KemSecret = Zeroizing<[u8; 32]>;

/// The bytes fail the modulus check (FIPS 203, section 7.2): a coefficient is 3,329 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the encapsulation key has a coefficient beyond the modulus")]
pub struct NotReduced;

/// ML-KEM-1024's `KeyGen_internal`: the encapsulation key of a seed.
pub fn ml_kem_1024_public(seed: &[u8; KEM_SEED_LENGTH]) -> [u8; KEM_PUBLIC_LENGTH] {
    let pair = ml_kem_1024::DecapsulationKey::from_seed((*seed).into());
    pair.encapsulation_key().to_bytes().into()
}

/// ML-KEM-1024's check of an encapsulation key that came from outside.
pub fn ml_kem_1024_check(public: &[u8; KEM_PUBLIC_LENGTH]) -> Result<(), NotReduced> {
    encapsulation_key(public).map(|_| ())
}

/// ML-KEM-1024's `Encaps`: a ciphertext and the secret that it carries.
pub fn ml_kem_1024_encapsulate(
    public: &[u8; KEM_PUBLIC_LENGTH],
    rng: &mut impl CryptoRng,
) -> Result<([u8; KEM_CIPHERTEXT_LENGTH], KemSecret), NotReduced> {
    let (ciphertext, mut secret) = encapsulation_key(public)?.encapsulate_with_rng(rng);
    let kept = Zeroizing::new(secret.into());
    zeroize::Zeroize::zeroize(&mut secret);
    Ok((ciphertext.into(), kept))
}

/// ML-KEM-1024's `Decaps`: an altered ciphertext gives a secret that nobody else has (implicit rejection).
pub fn ml_kem_1024_decapsulate(
    seed: &[u8; KEM_SEED_LENGTH],
    ciphertext: &[u8; KEM_CIPHERTEXT_LENGTH],
) -> KemSecret {
    let pair = ml_kem_1024::DecapsulationKey::from_seed((*seed).into());
    decapsulate(&pair, ciphertext)
}

pub(super) fn decapsulate(
    pair: &ml_kem_1024::DecapsulationKey,
    ciphertext: &[u8; KEM_CIPHERTEXT_LENGTH],
) -> KemSecret {
    let mut secret = pair.decapsulate(ciphertext.into());
    let kept = Zeroizing::new(secret.into());
    zeroize::Zeroize::zeroize(&mut secret);
    kept
}

fn encapsulation_key(
    public: &[u8; KEM_PUBLIC_LENGTH],
) -> Result<ml_kem_1024::EncapsulationKey, NotReduced> {
    ml_kem_1024::EncapsulationKey::new(public.into()).map_err(|_| NotReduced)
}

/// Kyber-1024 of round 3: same sizes as ML-KEM-1024, other secrets.
#[cfg(feature = "kyber-round3")]
pub(super) mod round_3 {
    use super::*;
    use libcrux_ml_kem::mlkem1024::{MlKem1024Ciphertext, MlKem1024PublicKey, portable};

    /// The encapsulation key of a seed.
    pub fn kyber_1024_public(seed: &[u8; KEM_SEED_LENGTH]) -> [u8; KEM_PUBLIC_LENGTH] {
        *portable::kyber_generate_key_pair(*seed).pk()
    }

    /// The check of ML-KEM: every honest key passes it in round 3 too, which asked for none.
    pub fn kyber_1024_check(public: &[u8; KEM_PUBLIC_LENGTH]) -> Result<(), NotReduced> {
        portable::validate_public_key(&MlKem1024PublicKey::from(*public))
            .then_some(())
            .ok_or(NotReduced)
    }

    /// A ciphertext and the secret that it carries.
    pub fn kyber_1024_encapsulate(
        public: &[u8; KEM_PUBLIC_LENGTH],
        rng: &mut impl CryptoRng,
    ) -> Result<([u8; KEM_CIPHERTEXT_LENGTH], KemSecret), NotReduced> {
        kyber_1024_check(public)?;
        let mut random = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *random);
        let public = MlKem1024PublicKey::from(*public);
        let (ciphertext, secret) = portable::kyber_encapsulate(&public, *random);
        let mut bytes = [0; KEM_CIPHERTEXT_LENGTH];
        bytes.copy_from_slice(ciphertext.as_ref());
        Ok((bytes, Zeroizing::new(secret)))
    }

    /// The secret of a ciphertext; an altered one gives a secret that nobody else has.
    pub fn kyber_1024_decapsulate(
        seed: &[u8; KEM_SEED_LENGTH],
        ciphertext: &[u8; KEM_CIPHERTEXT_LENGTH],
    ) -> KemSecret {
        let pair = portable::kyber_generate_key_pair(*seed);
        let ciphertext = MlKem1024Ciphertext::from(*ciphertext);
        Zeroizing::new(portable::kyber_decapsulate(pair.private_key(), &ciphertext))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;
    use rand_chacha::ChaCha20Rng;
    use rand_core::{SeedableRng, TryCryptoRng, TryRng};

    /// Known answers; the file says whose.
    const VECTORS: &str = include_str!("vectors/ml_kem_1024.txt");

    /// The values of one vector, each under its name.
    struct Vector(Vec<(&'static str, Vec<u8>)>);

    impl Vector {
        fn all() -> Vec<Self> {
            let mut vectors: Vec<Self> = Vec::new();
            for line in VECTORS.lines() {
                match line.split_once(" = ") {
                    Some((name, value)) => {
                        let value = hex::decode(value).unwrap();
                        vectors.last_mut().unwrap().0.push((name, value));
                    }
                    None => vectors.push(Self(Vec::new())),
                }
            }
            vectors
        }

        fn get<const N: usize>(&self, wanted: &str) -> Option<[u8; N]> {
            let found = self.0.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.clone().try_into().unwrap())
        }

        fn seed(&self) -> Option<[u8; KEM_SEED_LENGTH]> {
            let (d, z) = (self.get::<32>("d")?, self.get::<32>("z")?);
            [d, z].concat().try_into().ok()
        }
    }

    /// The m of a vector as the randomness of an encapsulation.
    struct Fixed([u8; 32]);

    impl TryRng for Fixed {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unreachable!("encapsulation takes 32 bytes")
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            unreachable!("encapsulation takes 32 bytes")
        }
        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            bytes.copy_from_slice(&self.0);
            Ok(())
        }
    }

    impl TryCryptoRng for Fixed {}

    #[test]
    fn cctv_encapsulation() {
        let vectors = Vector::all();
        let checked = vectors.iter().filter_map(|vector| {
            let public = vector.get("ek")?;
            let mut random = Fixed(vector.get("m")?);
            let (ciphertext, secret) = ml_kem_1024_encapsulate(&public, &mut random).unwrap();
            assert_eq!(Some(ciphertext), vector.get("c"));
            assert_eq!(Some(*secret), vector.get("k"));
            Some(())
        });
        assert_eq!(checked.count(), 1);
    }

    /// FIPS 203, algorithm 18: what a ciphertext that does not fit the key gives.
    #[test]
    fn implicit_rejection() {
        let vectors = Vector::all();
        let checked = vectors.iter().filter_map(|vector| {
            let secret = ml_kem_1024_decapsulate(&vector.seed()?, &vector.get("c")?);
            assert_eq!(Some(*secret), vector.get("k"));
            Some(())
        });
        assert_eq!(checked.count(), 1);
    }

    /// FIPS 203, section 6.3: implicit rejection.
    #[test]
    fn an_altered_ciphertext_gives_another_secret_always_the_same() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let seed = [5; KEM_SEED_LENGTH];
        let public = ml_kem_1024_public(&seed);
        let (mut ciphertext, secret) = ml_kem_1024_encapsulate(&public, &mut rng).unwrap();
        assert_eq!(ml_kem_1024_decapsulate(&seed, &ciphertext), secret);
        ciphertext[700] ^= 1;
        let other = ml_kem_1024_decapsulate(&seed, &ciphertext);
        assert_ne!(other, secret);
        assert_eq!(ml_kem_1024_decapsulate(&seed, &ciphertext), other);
    }

    /// FIPS 203, section 7.2: the modulus check, at the first, a middle and the last coefficient.
    #[test]
    fn a_coefficient_beyond_the_modulus_is_refused() {
        let public = ml_kem_1024_public(&[5; KEM_SEED_LENGTH]);
        assert_eq!(ml_kem_1024_check(&public), Ok(()));
        // Twelve bits each, two in three bytes: 3,329 and 4,095 in place of the first of a pair.
        for (at, low, high) in [(0, 0x01, 0x0d), (768, 0xff, 0x0f), (1_533, 0x01, 0x0d)] {
            let mut public = public;
            public[at] = low;
            public[at + 1] = (public[at + 1] & 0xf0) | high;
            assert_eq!(ml_kem_1024_check(&public), Err(NotReduced));
            let refused = ml_kem_1024_encapsulate(&public, &mut ChaCha20Rng::seed_from_u64(1));
            assert_eq!(refused.err(), Some(NotReduced));
        }
    }

    /// The two crates that the decision page compares, one against the other.
    #[cfg(feature = "kyber-round3")]
    #[test]
    fn another_implementation_agrees() {
        use libcrux_ml_kem::mlkem1024::portable;
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        for number in 0..20u8 {
            let seed = [number; KEM_SEED_LENGTH];
            let theirs = portable::generate_key_pair(seed);
            assert_eq!(&ml_kem_1024_public(&seed), theirs.pk());
            let (ciphertext, secret) = ml_kem_1024_encapsulate(theirs.pk(), &mut rng).unwrap();
            let opened = portable::decapsulate(theirs.private_key(), &ciphertext.into());
            assert_eq!(*secret, opened);
            let mut altered = ciphertext;
            altered[usize::from(number)] ^= 1;
            let rejected = portable::decapsulate(theirs.private_key(), &altered.into());
            assert_eq!(*ml_kem_1024_decapsulate(&seed, &altered), rejected);
        }
    }

    #[cfg(feature = "kyber-round3")]
    #[test]
    fn round_3_agrees_with_itself_and_not_with_the_standard() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let seed = [9; KEM_SEED_LENGTH];
        let public = round_3::kyber_1024_public(&seed);
        assert_ne!(public, ml_kem_1024_public(&seed));
        let (ciphertext, secret) = round_3::kyber_1024_encapsulate(&public, &mut rng).unwrap();
        assert_eq!(round_3::kyber_1024_decapsulate(&seed, &ciphertext), secret);
        assert_ne!(ml_kem_1024_decapsulate(&seed, &ciphertext), secret);
    }
}
