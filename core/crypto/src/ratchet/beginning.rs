//! What a session remembers of how it began: until it is answered all of it, afterwards what keeps its name honest.

use super::version::Version;
use crate::keys::KemCiphertext;
use crate::primitives::sha256;

/// Who began a session, and what is left of its beginning.
#[derive(Clone)]
pub(super) enum Beginning {
    /// We did, and the peer has not answered: its messages carry the beginning.
    Unanswered(Pending),
    /// We did, and no message will carry the beginning any more.
    Ours,
    /// The peer did, with prekeys of ours. Its further messages must name the same: no MAC covers the names.
    Theirs(Fingerprint),
}

/// The prekeys that a session began with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedPreKeys {
    pub(super) signed: u32,
    pub(super) one_time: Option<u32>,
    pub(super) kem: Option<Encapsulation>,
}

/// A secret on its way to the holder of a KEM prekey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encapsulation {
    pub(super) prekey_id: u32,
    pub(super) ciphertext: KemCiphertext,
}

/// What goes with every message until the peer has answered.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) our_registration_id: u32,
    pub(super) prekeys: NamedPreKeys,
    pub(super) began_at_ms: u64,
}

/// Half a SHA-256 of the prekeys named: to be compared, in every session that a peer began, with what its messages name. To
/// find other names of the same fingerprint takes 2^128 tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(pub(super) [u8; 16]);

impl NamedPreKeys {
    /// The agreement that these are named for.
    pub(super) fn version(&self) -> Version {
        match self.kem {
            Some(_) => Version::Pqxdh,
            None => Version::X3dh,
        }
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut text = self.signed.to_be_bytes().to_vec();
        text.push(self.one_time.is_some().into());
        text.extend(self.one_time.unwrap_or_default().to_be_bytes());
        if let Some(kem) = &self.kem {
            text.extend(kem.prekey_id.to_be_bytes());
            text.extend(kem.ciphertext.to_bytes());
        }
        let mut half = [0; 16];
        half.copy_from_slice(&sha256(&text)[..16]);
        Fingerprint(half)
    }
}
