//! The new device's side (N).

use super::channel::{Channel, LinkKeyPair, Writer, read_slot};
use super::{LinkCode, LinkError, LinkKey, LinkOffer, proto};
use crate::device::{SignedRegistrationGrant, consent_to_listing, is_user_id, within_bounds};
use crate::keys::{AccountKey, AccountKeyPair, IdentityKeyPair};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// N waits, its code on the screen.
pub struct LinkSecret {
    mailbox_id: [u8; 16],
    pair: LinkKeyPair,
}

/// N was offered an account and asks its user.
pub struct LinkJoiner {
    channel: Channel,
    offer: LinkOffer,
}

/// N has answered and waits for the account key in slot 2.
pub struct LinkWaiter {
    channel: Channel,
    account_key: AccountKey,
}

/// What N tells of itself, beside its identity key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceTraits {
    /// Its registration id.
    pub registration_id: u32,
    /// Protocol versions that it speaks.
    pub protocol_versions: Vec<u32>,
    /// Optional abilities, by name.
    pub features: Vec<String>,
}

impl LinkSecret {
    /// A key for one linking through the mailbox that the relay opened.
    pub fn new(mailbox_id: [u8; 16], rng: &mut impl CryptoRng) -> Self {
        Self {
            mailbox_id,
            pair: LinkKeyPair::generate(rng),
        }
    }

    /// What to show.
    pub fn code(&self) -> LinkCode {
        LinkCode {
            mailbox_id: self.mailbox_id,
            key: self.pair.public(),
        }
    }

    /// Reads slot 0. A slot is written once: what does not open now never will.
    pub fn open_offer(self, slot: &[u8]) -> Result<LinkJoiner, LinkError> {
        let slot = read_slot(slot)?;
        let ephemeral =
            LinkKey::from_bytes(&slot.ephemeral_key).map_err(|_| LinkError::Malformed)?;
        let channel = Channel::from(self.mailbox_id, &self.pair, &ephemeral)?;
        let step = channel.open(Writer::Existing, 0, &slot.sealed)?;
        let proto::Step::Offer(offer) = step else {
            return Err(LinkError::WrongStep);
        };
        if !is_user_id(&offer.user_id) || offer.device_id == 0 {
            return Err(LinkError::Malformed);
        }
        let offer = LinkOffer {
            account_key: AccountKey::from_bytes(&offer.account_key)
                .map_err(|_| LinkError::Malformed)?,
            grant: SignedRegistrationGrant::from_bytes(&offer.grant)
                .map_err(|_| LinkError::Grant)?,
            device_id: offer.device_id,
            user_id: offer.user_id,
        };
        let granted = offer.grant.check_account(&offer.account_key);
        let fits = granted.is_ok_and(|grant| {
            grant.user_id == offer.user_id && grant.device_id == offer.device_id
        });
        if !fits {
            return Err(LinkError::Grant);
        }
        Ok(LinkJoiner { channel, offer })
    }
}

impl LinkJoiner {
    /// What was offered: show the user id and ask before answering.
    pub fn offer(&self) -> &LinkOffer {
        &self.offer
    }

    /// The bytes of slot 1: who this device is, and its agreement to be listed. A failed upload repeats these bytes.
    pub fn seal_answer(
        self,
        identity: &IdentityKeyPair,
        traits: &DeviceTraits,
        rng: &mut impl CryptoRng,
    ) -> Result<(LinkWaiter, Vec<u8>), LinkError> {
        if !within_bounds(&traits.protocol_versions, &traits.features) {
            return Err(LinkError::TooLarge);
        }
        let (user_id, account_key) = (&self.offer.user_id, self.offer.account_key);
        let device_signature = consent_to_listing(identity, user_id, &account_key, rng)
            .map_err(|_| LinkError::Malformed)?;
        let step = proto::Step::Answer(proto::Answer {
            identity_key: identity.public().to_bytes().to_vec(),
            registration_id: traits.registration_id,
            protocol_versions: traits.protocol_versions.clone(),
            features: traits.features.clone(),
            device_signature: device_signature.to_bytes().to_vec(),
        });
        let slot = self.channel.seal(Writer::New, 1, None, step)?;
        let waiter = LinkWaiter {
            channel: self.channel,
            account_key,
        };
        Ok((waiter, slot))
    }

    /// The bytes of slot 1, if N's user says no.
    pub fn decline(self) -> Result<Vec<u8>, LinkError> {
        let step = proto::Step::Declined(proto::Declined {});
        self.channel.seal(Writer::New, 1, None, step)
    }
}

impl LinkWaiter {
    /// Reads slot 2: the account's secret key, if it is the one whose public half was offered.
    pub fn open_finish(self, slot: &[u8]) -> Result<AccountKeyPair, LinkError> {
        let slot = read_slot(slot)?;
        let step = self.channel.open(Writer::Existing, 2, &slot.sealed)?;
        let proto::Step::Finish(finish) = step else {
            return Err(LinkError::WrongStep);
        };
        let secret: Zeroizing<[u8; 32]> = finish
            .account_secret
            .as_slice()
            .try_into()
            .map(Zeroizing::new)
            .map_err(|_| LinkError::Malformed)?;
        let account = AccountKeyPair::from_secret_bytes(&secret);
        if account.public() != self.account_key {
            return Err(LinkError::AccountKey);
        }
        Ok(account)
    }
}
