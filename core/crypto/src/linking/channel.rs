//! The sealed channel through the mailbox: one agreement, one key per direction, one nonce per slot.

use super::{LinkCode, LinkError, proto};
use crate::keys::role;
use crate::primitives::{aes256_gcm_open, aes256_gcm_seal, hkdf_sha256};
use crate::protobuf::{decode, decode_secret};
use crate::transcript::{FieldTooLong, Transcript};
use prost::Message as _;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

const KEYS_LABEL: &str = "Sealwire v1 link keys";
const SLOT_LABEL: &str = "Sealwire v1 link slot";

/// The largest slot that the relay keeps.
pub const MAX_SLOT_BYTES: usize = 4096;

role!(
    /// A key pair for one linking.
    LinkKeyPair,
    /// The public key of one side of a linking.
    LinkKey
);

/// Who writes a slot: each direction has a key of its own.
#[derive(Clone, Copy)]
pub(super) enum Writer {
    /// The existing device: slots 0 and 2.
    Existing,
    /// The new device: slot 1.
    New,
}

/// The keys that both sides hold once E has read the code and N the first slot.
pub(super) struct Channel {
    mailbox_id: [u8; 16],
    keys: Zeroizing<[u8; 64]>,
}

impl Channel {
    /// E's side: an ephemeral key against the one in the code. Its public half goes into slot 0.
    pub(super) fn to(
        code: &LinkCode,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, LinkKey), LinkError> {
        let ours = LinkKeyPair::generate(rng);
        let shared = ours.pair().agree(code.key.as_public_key());
        let shared = shared.map_err(|_| LinkError::BadKey)?;
        let channel = Self::derive(code.mailbox_id, &shared, &code.key, &ours.public())?;
        Ok((channel, ours.public()))
    }

    /// N's side: the key in its code against the one in slot 0.
    pub(super) fn from(
        mailbox_id: [u8; 16],
        ours: &LinkKeyPair,
        ephemeral: &LinkKey,
    ) -> Result<Self, LinkError> {
        let shared = ours.pair().agree(ephemeral.as_public_key());
        let shared = shared.map_err(|_| LinkError::BadKey)?;
        Self::derive(mailbox_id, &shared, &ours.public(), ephemeral)
    }

    /// Seals `step` into a slot. A slot is sealed once in the life of a channel: its number is the nonce.
    pub(super) fn seal(
        &self,
        writer: Writer,
        slot: u8,
        ephemeral: Option<&LinkKey>,
        step: proto::Step,
    ) -> Result<Vec<u8>, LinkError> {
        let message = proto::Message { step: Some(step) };
        let plaintext = Zeroizing::new(message.encode_to_vec());
        let aad = self.aad(slot)?;
        let sealed = aes256_gcm_seal(self.key(writer)?, &nonce(slot), &aad, &plaintext)
            .map_err(|_| LinkError::TooLarge)?;
        let slot = proto::Slot {
            ephemeral_key: ephemeral.map_or_else(Vec::new, |key| key.to_bytes().to_vec()),
            sealed,
        };
        let bytes = slot.encode_to_vec();
        if bytes.len() > MAX_SLOT_BYTES {
            return Err(LinkError::TooLarge);
        }
        Ok(bytes)
    }

    /// Opens a slot of the other side; a decline is an error here, whatever the step.
    pub(super) fn open(
        &self,
        writer: Writer,
        slot: u8,
        sealed: &[u8],
    ) -> Result<proto::Step, LinkError> {
        let aad = self.aad(slot)?;
        let plaintext = aes256_gcm_open(self.key(writer)?, &nonce(slot), &aad, sealed)
            .map_err(|_| LinkError::NotAuthentic)?;
        let message =
            decode_secret::<proto::Message>(&plaintext).map_err(|_| LinkError::Malformed)?;
        match message.step.ok_or(LinkError::Malformed)? {
            proto::Step::Declined(_) => Err(LinkError::Declined),
            step => Ok(step),
        }
    }

    /// HKDF-SHA256 over the agreement, bound to the mailbox and both public keys: E→N key ‖ N→E key.
    fn derive(
        mailbox_id: [u8; 16],
        shared: &[u8; 32],
        code_key: &LinkKey,
        ephemeral: &LinkKey,
    ) -> Result<Self, LinkError> {
        let info = Transcript::new(KEYS_LABEL)
            .fixed(&mailbox_id)
            .fixed(&code_key.to_bytes())
            .fixed(&ephemeral.to_bytes())
            .finish()?;
        Ok(Self {
            mailbox_id,
            keys: Zeroizing::new(hkdf_sha256(None, shared, &info)),
        })
    }

    fn key(&self, writer: Writer) -> Result<&[u8; 32], LinkError> {
        let key = match writer {
            Writer::Existing => self.keys.first_chunk(),
            Writer::New => self.keys.last_chunk(),
        };
        key.ok_or(LinkError::Malformed)
    }

    fn aad(&self, slot: u8) -> Result<Vec<u8>, LinkError> {
        Ok(Transcript::new(SLOT_LABEL)
            .fixed(&self.mailbox_id)
            .u8(slot)
            .finish()?)
    }
}

/// Reads a slot as the relay gave it.
pub(super) fn read_slot(bytes: &[u8]) -> Result<proto::Slot, LinkError> {
    if bytes.len() > MAX_SLOT_BYTES {
        return Err(LinkError::Malformed);
    }
    decode::<proto::Slot>(bytes).map_err(|_| LinkError::Malformed)
}

/// The slot's number, big-endian.
fn nonce(slot: u8) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[11] = slot;
    nonce
}

impl From<FieldTooLong> for LinkError {
    fn from(_: FieldTooLong) -> Self {
        Self::TooLarge
    }
}
