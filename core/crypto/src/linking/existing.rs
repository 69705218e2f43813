//! The existing device's side (E).

use super::channel::{Channel, Writer, read_slot};
use super::{LinkCode, LinkError, LinkKey, LinkOffer, proto};
use crate::device::{NewDevice, has_consented, within_bounds};
use crate::keys::{AccountKey, AccountKeyPair, IdentityKey};
use crate::signature::Signature;
use rand_core::CryptoRng;

/// E has read the code and may offer its account.
pub struct LinkSender {
    channel: Channel,
    ephemeral: LinkKey,
}

/// E has offered and waits for the answer in slot 1.
pub struct LinkConfirmer {
    channel: Channel,
    user_id: String,
    account_key: AccountKey,
    device_id: u32,
}

/// E knows the new device. It asks its user, publishes the list that holds it, and finishes.
pub struct LinkFinisher {
    channel: Channel,
    account_key: AccountKey,
}

impl LinkSender {
    /// The agreement with the device that showed `code`.
    pub fn new(code: &LinkCode, rng: &mut impl CryptoRng) -> Result<Self, LinkError> {
        let (channel, ephemeral) = Channel::to(code, rng)?;
        Ok(Self { channel, ephemeral })
    }

    /// The bytes of slot 0. A failed upload repeats these bytes.
    pub fn seal_offer(self, offer: &LinkOffer) -> Result<(LinkConfirmer, Vec<u8>), LinkError> {
        let step = proto::Step::Offer(proto::Offer {
            user_id: offer.user_id.clone(),
            account_key: offer.account_key.to_bytes().to_vec(),
            device_id: offer.device_id,
            grant: offer.grant.to_bytes(),
        });
        let slot = self
            .channel
            .seal(Writer::Existing, 0, Some(&self.ephemeral), step)?;
        let confirmer = LinkConfirmer {
            channel: self.channel,
            user_id: offer.user_id.clone(),
            account_key: offer.account_key,
            device_id: offer.device_id,
        };
        Ok((confirmer, slot))
    }

    /// The bytes of slot 0, if E's user says no.
    pub fn decline(self) -> Result<Vec<u8>, LinkError> {
        let step = proto::Step::Declined(proto::Declined {});
        self.channel
            .seal(Writer::Existing, 0, Some(&self.ephemeral), step)
    }
}

impl LinkConfirmer {
    /// Reads slot 1: the device as it may be put on the list, its agreement checked.
    pub fn open_answer(
        self,
        slot: &[u8],
        now_ms: u64,
    ) -> Result<(LinkFinisher, NewDevice), LinkError> {
        let slot = read_slot(slot)?;
        let step = self.channel.open(Writer::New, 1, &slot.sealed)?;
        let proto::Step::Answer(answer) = step else {
            return Err(LinkError::WrongStep);
        };
        if !within_bounds(&answer.protocol_versions, &answer.features) {
            return Err(LinkError::Malformed);
        }
        let identity_key =
            IdentityKey::from_bytes(&answer.identity_key).map_err(|_| LinkError::Malformed)?;
        let device_signature =
            Signature::from_bytes(&answer.device_signature).map_err(|_| LinkError::Consent)?;
        if !has_consented(
            &identity_key,
            &self.user_id,
            &self.account_key,
            &device_signature,
        ) {
            return Err(LinkError::Consent);
        }
        let device = NewDevice {
            device_id: self.device_id,
            registration_id: answer.registration_id,
            identity_key,
            added_at_ms: now_ms,
            protocol_versions: answer.protocol_versions,
            features: answer.features,
            device_signature,
        };
        let finisher = LinkFinisher {
            channel: self.channel,
            account_key: self.account_key,
        };
        Ok((finisher, device))
    }

    /// The bytes of slot 2, if E's user gives up before an answer came.
    pub fn decline(self) -> Result<Vec<u8>, LinkError> {
        decline_finish(&self.channel)
    }
}

impl LinkFinisher {
    /// The bytes of slot 2: the account's secret key. Only after the list that holds the new device is published.
    pub fn seal_finish(self, account: &AccountKeyPair) -> Result<Vec<u8>, LinkError> {
        if account.public() != self.account_key {
            return Err(LinkError::AccountKey);
        }
        let step = proto::Step::Finish(proto::Finish {
            account_secret: account.secret_bytes().to_vec(),
        });
        self.channel.seal(Writer::Existing, 2, None, step)
    }

    /// The bytes of slot 2, if E's user says no to the device.
    pub fn decline(self) -> Result<Vec<u8>, LinkError> {
        decline_finish(&self.channel)
    }
}

fn decline_finish(channel: &Channel) -> Result<Vec<u8>, LinkError> {
    let step = proto::Step::Declined(proto::Declined {});
    channel.seal(Writer::Existing, 2, None, step)
}
