//! Which message key sealed which message that left a device: a key that seals two things is a broken promise.

use crate::Broken;
use sealwire_crypto::audit::{self, SealedWith};
use sealwire_crypto::primitives::sha256;
use sealwire_crypto::ratchet::{PreKeyMessage, RatchetMessage};
use sealwire_wire::contract::{DeviceEnvelope, DeviceName, EnvelopeType};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

type Hash = [u8; 32];
/// By sender, recipient, ratchet key and number.
type Place = (DeviceName, DeviceName, Vec<u8>, u32);

/// Every message key that was used. While it lives it hears of everything that its thread seals.
pub(crate) struct UsedKeys {
    /// By message: its key. What is sealed and never committed does not leave, and its key may seal another.
    sealed: Rc<RefCell<BTreeMap<Hash, Hash>>>,
    /// By key: the message that left.
    left: BTreeMap<Hash, Hash>,
    by_place: BTreeMap<Place, Hash>,
}

impl UsedKeys {
    pub(crate) fn new() -> Self {
        let sealed = Rc::<RefCell<BTreeMap<_, _>>>::default();
        let heard = Rc::clone(&sealed);
        audit::listen(Some(Box::new(move |SealedWith { key, message }| {
            heard.borrow_mut().insert(message, key);
        })));
        Self {
            sealed,
            left: BTreeMap::new(),
            by_place: BTreeMap::new(),
        }
    }

    /// Envelopes leave a device.
    pub(crate) fn leave(
        &mut self,
        sender: &DeviceName,
        envelopes: &[DeviceEnvelope],
    ) -> Result<(), Broken> {
        for envelope in envelopes {
            let body = envelope.body.as_slice();
            let parsed = match envelope.kind {
                EnvelopeType::Prekey => PreKeyMessage::parse(body).map(|m| m.message().clone()),
                EnvelopeType::Ratchet => RatchetMessage::parse(body),
            };
            let message =
                parsed.map_err(|error| Broken::new("envelopes are of the protocol", error))?;
            let counter = message.counter();
            let broken = |invariant| {
                let to = (&envelope.user_id, envelope.device_id);
                let detail = format!(
                    "{}/{} to {}/{}, number {counter}",
                    sender.user_id, sender.device_id, to.0, to.1
                );
                Err(Broken::new(invariant, detail))
            };
            // A prekey message around it may be made anew; what the key seals may not.
            let digest = sha256(message.as_bytes());
            let Some(key) = self.sealed.borrow().get(&digest).copied() else {
                return broken("what leaves was sealed under a key that was told of");
            };
            if *self.left.entry(key).or_insert(digest) != digest {
                return broken("no message key encrypts twice");
            }
            let recipient = DeviceName {
                user_id: envelope.user_id.clone(),
                device_id: envelope.device_id,
            };
            let chain = message.ratchet_key().to_bytes().to_vec();
            let place = (sender.clone(), recipient, chain, counter);
            if *self.by_place.entry(place).or_insert(digest) != digest {
                return broken("no number of a chain is used twice");
            }
        }
        Ok(())
    }
}

impl Drop for UsedKeys {
    fn drop(&mut self) {
        audit::listen(None);
    }
}
