//! The relay's stamp on every message: with it a report proves who sent what and when (protocol, message franking).

use super::{Answer, Refusal};
use sealwire_crypto::primitives::hmac_sha256;
use sealwire_crypto::transcript::Transcript;
use sealwire_wire::contract::{DeviceName, ErrorCode, Stamp};
use sealwire_wire::{Bytes32, MessageId, ThreadId, Timestamp};
use zeroize::ZeroizeOnDrop;

const LABEL: &str = "Sealwire v1 franking stamp";

/// What is stamped.
pub(super) struct Stamped<'a> {
    pub(super) commitment: &'a Bytes32,
    pub(super) sender: &'a DeviceName,
    pub(super) thread: ThreadId,
    pub(super) message: MessageId,
    pub(super) revision: u32,
    pub(super) at: Timestamp,
}

/// The key of the relay's stamps.
#[derive(ZeroizeOnDrop)]
pub(super) struct FrankingKey {
    #[zeroize(skip)]
    id: u32,
    key: [u8; 32],
}

impl FrankingKey {
    /// Under which the first key is kept.
    pub(super) const NAME: &'static str = "franking 1";

    pub(super) fn first(key: [u8; 32]) -> Self {
        Self { id: 1, key }
    }

    pub(super) fn stamp(&self, stamped: &Stamped<'_>) -> Answer<Stamp> {
        let text = Transcript::new(LABEL)
            .u32(self.id)
            .fixed(&stamped.commitment.0)
            .bytes(stamped.sender.user_id.as_str().as_bytes())
            .u32(stamped.sender.device_id.get())
            .fixed(stamped.thread.as_bytes())
            .fixed(&stamped.message.to_bytes())
            .u32(stamped.revision)
            .u64(stamped.at.0)
            .finish()
            .map_err(|error| Refusal::new(ErrorCode::InvalidRequest, error.to_string()))?;
        Ok(Stamp {
            key_id: self.id,
            mac: Bytes32(hmac_sha256(&self.key, &text)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_fits_one_message_alone() {
        let key = FrankingKey::first([3; 32]);
        let sender = DeviceName {
            user_id: "alice".parse().unwrap(),
            device_id: sealwire_wire::DeviceId::FIRST,
        };
        let stamped = |commitment: &Bytes32, number, revision, at| {
            key.stamp(&Stamped {
                commitment,
                sender: &sender,
                thread: ThreadId::direct(&sender.user_id, &sender.user_id),
                message: MessageId::from_u128(number),
                revision,
                at: Timestamp(at),
            })
            .unwrap()
        };
        let base = stamped(&Bytes32([1; 32]), 7, 0, 9);
        assert_eq!(base, stamped(&Bytes32([1; 32]), 7, 0, 9));
        for other in [
            stamped(&Bytes32([2; 32]), 7, 0, 9),
            stamped(&Bytes32([1; 32]), 8, 0, 9),
            stamped(&Bytes32([1; 32]), 7, 1, 9),
            stamped(&Bytes32([1; 32]), 7, 0, 10),
        ] {
            assert_ne!(base.mac, other.mac);
        }
    }
}
