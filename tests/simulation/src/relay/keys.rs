//! Which ratchet keys were seen on the wire, and what each encrypted: a key that encrypts two things is a broken promise.

use crate::Broken;
use sealwire_crypto::primitives::sha256;
use sealwire_crypto::ratchet::{PreKeyMessage, RatchetMessage};
use sealwire_wire::contract::{DeviceEnvelope, DeviceName, EnvelopeType};
use std::collections::BTreeMap;

/// By sender, recipient, ratchet key and number.
type Place = (DeviceName, DeviceName, Vec<u8>, u32);

/// Every message key that was used.
#[derive(Default)]
pub(crate) struct UsedKeys(BTreeMap<Place, [u8; 32]>);

impl UsedKeys {
    pub(super) fn take(
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
            let recipient = DeviceName {
                user_id: envelope.user_id.clone(),
                device_id: envelope.device_id,
            };
            // A prekey message around it may be made anew; what the key encrypts may not.
            let (key, counter) = (message.ratchet_key().to_bytes().to_vec(), message.counter());
            let place = (sender.clone(), recipient, key, counter);
            let digest = sha256(message.as_bytes());
            let first = *self.0.entry(place).or_insert(digest);
            if first != digest {
                let detail = format!("{}/{}, number {counter}", sender.user_id, sender.device_id);
                return Err(Broken::new("no message key encrypts twice", detail));
            }
        }
        Ok(())
    }
}
