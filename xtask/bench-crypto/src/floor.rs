//! What the primitives of this backend cost, and what a step of a session would take if it were nothing else.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sealwire_crypto::keys::IdentityKeyPair;
use sealwire_crypto::primitives::{
    HmacSha256, X25519Secret, aes256_cbc_decrypt, aes256_cbc_encrypt, hkdf_sha256, hmac_sha256,
};

use crate::sessions::time;
use crate::timing::{Effort, alone, each};
use crate::trouble::{Done, said};

/// Of the message of 100 bytes: both identities, version, key, counters and the ciphertext are under its MAC.
const UNDER_THE_MAC: usize = 33 + 33 + 1 + 35 + 4 + 2 + 112;

/// Nanoseconds of each primitive.
pub(crate) struct Costs {
    agree: f64,
    new_pair: f64,
    verify: f64,
    subgroup: f64,
    /// One step of a chain: two HMACs under one key.
    chain: f64,
    message_keys: f64,
    root: f64,
    mac: f64,
    cbc_encrypt: f64,
    cbc_decrypt: f64,
}

/// The least that a step takes, and of what.
pub(crate) struct Floor {
    curve: f64,
    hashes: f64,
    cipher: f64,
    counts: &'static str,
}

impl Costs {
    pub(crate) fn measure(effort: Effort) -> Done<Self> {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let (ours, theirs) = (
            X25519Secret::new(&[7; 32]),
            X25519Secret::new(&[8; 32]).public(),
        );
        let identity = IdentityKeyPair::generate(&mut rng);
        let signature = identity.sign(&mut rng, &[5; 33]);
        let signer = identity.public();
        let (key, covered) = ([9; 32], [1; UNDER_THE_MAC]);
        let encrypted = aes256_cbc_encrypt(&key, &[2; 16], &[3; 100]);
        Ok(Self {
            agree: alone(effort, each(|| ours.agree(&theirs).map_err(said)))?,
            new_pair: alone(effort, each(|| Ok(X25519Secret::new(&[7; 32]).public())))?,
            verify: alone(
                effort,
                each(|| signer.verify(&[5; 33], &signature).map_err(said)),
            )?,
            subgroup: alone(
                effort,
                each(|| Ok(signer.as_public_key().is_torsion_free())),
            )?,
            chain: alone(
                effort,
                each(|| {
                    let key = HmacSha256::new(&key);
                    Ok((key.of(&[&[1]]), key.of(&[&[2]])))
                }),
            )?,
            message_keys: alone(
                effort,
                each(|| Ok(hkdf_sha256::<80>(None, &key, b"WhisperMessageKeys"))),
            )?,
            root: alone(
                effort,
                each(|| Ok(hkdf_sha256::<64>(Some(&key), &key, b"WhisperRatchet"))),
            )?,
            mac: alone(effort, each(|| Ok(hmac_sha256(&key, &covered))))?,
            cbc_encrypt: alone(
                effort,
                each(|| Ok(aes256_cbc_encrypt(&key, &[2; 16], &[3; 100]))),
            )?,
            cbc_decrypt: alone(
                effort,
                each(|| aes256_cbc_decrypt(&key, &[2; 16], &encrypted).map_err(said)),
            )?,
        })
    }

    pub(crate) fn encrypt(&self) -> Floor {
        Floor {
            curve: 0.0,
            hashes: self.message(),
            cipher: self.cbc_encrypt,
            counts: "3 HMAC and an HKDF of 80 bytes, AES of 7 blocks",
        }
    }

    pub(crate) fn decrypt(&self) -> Floor {
        Floor {
            cipher: self.cbc_decrypt,
            ..self.encrypt()
        }
    }

    pub(crate) fn ping_pong(&self) -> Floor {
        Floor {
            curve: 4.0 * self.agree + 2.0 * self.new_pair,
            hashes: 4.0 * self.message() + 4.0 * self.root,
            cipher: 2.0 * (self.cbc_encrypt + self.cbc_decrypt),
            counts: "4 agreements, 2 new pairs, 12 HMAC, 8 HKDF, AES",
        }
    }

    pub(crate) fn establish(&self) -> Floor {
        Floor {
            curve: 11.0 * self.agree + 3.0 * self.new_pair + self.verify + self.subgroup,
            hashes: 2.0 * self.message() + 5.0 * self.root,
            cipher: self.cbc_encrypt + self.cbc_decrypt,
            counts: "11 agreements, 3 new pairs, a signature checked, a base key checked for its subgroup, 6 HMAC, 7 HKDF, AES",
        }
    }

    /// The hashes of one message, on one side.
    fn message(&self) -> f64 {
        self.chain + self.message_keys + self.mac
    }

    /// What one of each takes, for the book.
    pub(crate) fn described(&self) -> String {
        let of = |name: &str, nanos: f64| format!("{name} {}", time(nanos));
        [
            of("an agreement", self.agree),
            of("a new pair", self.new_pair),
            of("checking a signature", self.verify),
            of("checking a key's subgroup", self.subgroup),
            of("a step of a chain (two HMAC)", self.chain),
            of("message keys (HKDF, 80 bytes)", self.message_keys),
            of("a step of the root (HKDF, 64 bytes)", self.root),
            of("the MAC of a message of 100 bytes", self.mac),
            of("AES-256-CBC of it", self.cbc_encrypt),
            of("and back", self.cbc_decrypt),
        ]
        .join(", ")
    }
}

impl Floor {
    fn sum(&self) -> f64 {
        self.curve + self.hashes + self.cipher
    }

    /// Where the time goes.
    pub(crate) fn beside(&self, took: f64) -> String {
        let percent = |part: f64| format!("{:.0} %", 100.0 * part / took);
        let rest = (took - self.sum()).max(0.0);
        format!(
            "its floor is {} ({}), {:.2} × of it: curve {}, hashes {}, AES {}, copying, wiping and encoding {}",
            time(self.sum()),
            self.counts,
            took / self.sum(),
            percent(self.curve),
            percent(self.hashes),
            percent(self.cipher),
            percent(rest)
        )
    }
}
