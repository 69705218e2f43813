//! Two devices for the interoperability tests: one of another implementation in a process of its own, one of ours.

mod conversation;
mod our_device;
mod peer;
mod recorded;

pub use conversation::{Conversation, Seeds};
pub use our_device::OurDevice;
pub use peer::{Peer, PeerError, PeerKind, Refusal};
pub use recorded::{Fields, Recorded, Said, Step};

use rand_chacha::ChaCha20Rng;
use rand_core::CryptoRng;
use sealwire_crypto::keys::IdentityKeyPair;
use serde::{Deserialize, Serialize};

/// Whatever went wrong, said in words.
pub type Failure = Box<dyn std::error::Error>;

/// A prekey bundle as it crosses between the processes, bytes as hexadecimal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bundle {
    /// The registration of the device.
    pub registration_id: u32,
    /// 33 bytes.
    pub identity_key: String,
    /// The number of the signed prekey.
    pub signed_prekey_id: u32,
    /// 33 bytes.
    pub signed_prekey: String,
    /// 64 bytes.
    pub signed_prekey_signature: String,
    /// The number of the one-time prekey, if there is one.
    pub one_time_prekey_id: Option<u32>,
    /// 33 bytes.
    pub one_time_prekey: Option<String>,
    /// In a bundle of version 4.
    pub kem_prekey: Option<KemPrekey>,
}

/// A signed KEM prekey as it crosses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KemPrekey {
    /// Its number.
    pub id: u32,
    /// 1,569 bytes.
    pub key: String,
    /// 64 bytes.
    pub signature: String,
}

/// Which KEM prekey a bundle shall have.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct KemRequest {
    /// Its number.
    pub id: u32,
    /// Whether it outlives its first use.
    pub last_resort: bool,
}

/// A sealed message as it crosses: type 2 or 3, and its bytes as hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// 2 for an ordinary message, 3 for one that carries the beginning of its session.
    pub kind: u8,
    /// The message.
    pub body: String,
}

/// One device of each side, which know of each other.
pub fn devices(
    kind: PeerKind,
    (our_sign, peer_sign): (bool, bool),
    mut rng: ChaCha20Rng,
) -> Result<(OurDevice, Peer), PeerError> {
    let ours = identity_of_sign(our_sign, &mut rng);
    let theirs = identity_of_sign(peer_sign, &mut rng);
    let peer = Peer::start(kind, &theirs, PEER_REGISTRATION)?;
    let us = OurDevice::new(
        ours,
        OUR_REGISTRATION,
        theirs.public(),
        PEER_REGISTRATION,
        rng,
    );
    Ok((us, peer))
}

const OUR_REGISTRATION: u32 = 1_111;
const PEER_REGISTRATION: u32 = 2_222;

/// An identity whose Edwards point has the sign asked for: half of all identities have each.
pub fn identity_of_sign(negative: bool, rng: &mut impl CryptoRng) -> IdentityKeyPair {
    loop {
        let identity = IdentityKeyPair::generate(rng);
        let signature = identity.sign(rng, b"which sign").to_bytes();
        if (signature[63] & 0x80 != 0) == negative {
            return identity;
        }
    }
}
