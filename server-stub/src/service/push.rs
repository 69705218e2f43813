//! A message on its way from its send to open sockets, without a way through storage: it is durable, and each device's entry
//! of it says behind which other entry it stands.

use super::QueuePosition;
use crate::storage::{AcceptMessage, QueuePlace};
use sealwire_wire::contract::{DeviceName, EnvelopeBody, MessageRow};
use std::sync::{Arc, OnceLock};

/// A durable message, and the places it got.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// The message.
    pub message: Arc<PushedMessage>,
    /// The devices that have an envelope of it, in the order of those, and where it stands in their queues.
    pub places: Vec<(DeviceName, Option<QueuePlace>)>,
}

/// A durable message, with every envelope.
#[derive(Debug)]
pub struct PushedMessage {
    step: Arc<AcceptMessage>,
    common: OnceLock<Option<String>>,
}

/// The next entry of a device's queue, for whoever has read up to [`Push::after`], or further, but not to itself.
#[derive(Debug, Clone)]
pub struct Push {
    /// The last entry before it that waited.
    pub after: QueuePosition,
    /// Its own place.
    pub position: QueuePosition,
    /// What it is.
    pub message: Arc<PushedMessage>,
}

impl PushedMessage {
    pub(super) fn new(step: Arc<AcceptMessage>) -> Self {
        Self {
            step,
            common: OnceLock::new(),
        }
    }

    /// The row, without an envelope.
    pub fn row(&self) -> &MessageRow {
        &self.step.row
    }

    /// What this device reads beside the row.
    pub fn envelope_of(&self, device: &DeviceName) -> Option<EnvelopeBody> {
        let own = |envelope: &&sealwire_wire::contract::DeviceEnvelope| {
            envelope.device_id == device.device_id && envelope.user_id == device.user_id
        };
        let envelope = self.step.envelopes.iter().find(own)?;
        Some(EnvelopeBody {
            kind: envelope.kind,
            body: envelope.body.clone(),
        })
    }

    /// What every device's frame has in common, made by the first that needs it.
    pub fn common(&self, make: impl FnOnce(&MessageRow) -> Option<String>) -> Option<&str> {
        self.common.get_or_init(|| make(self.row())).as_deref()
    }
}

impl Pushed {
    /// The push to the device in this place; none when the engine did not know the place.
    pub fn push(&self, place: Option<QueuePlace>) -> Option<Push> {
        place.map(|place| Push {
            after: QueuePosition(place.after),
            position: QueuePosition(place.position),
            message: Arc::clone(&self.message),
        })
    }
}

impl PartialEq for Pushed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.message, &other.message)
    }
}

impl Eq for Pushed {}
