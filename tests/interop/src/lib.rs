//! Two devices for the interoperability tests: one of the official library in a process of its own, one of ours.

mod npm_peer;
mod our_device;

pub use npm_peer::{NpmPeer, PeerError};
pub use our_device::OurDevice;

use rand_core::CryptoRng;
use sealwire_crypto::keys::IdentityKeyPair;
use serde::{Deserialize, Serialize};

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
}

/// A sealed message as it crosses: type 2 or 3, and its bytes as hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// 2 for an ordinary message, 3 for one that carries the beginning of its session.
    pub kind: u8,
    /// The message.
    pub body: String,
}

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
