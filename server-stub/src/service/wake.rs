//! Whose sockets should look again. The queue in storage is the truth; a wake-up that is lost loses nothing.

use super::Pushed;
use sealwire_wire::UserId;
use sealwire_wire::contract::{DeviceName, ServerEvent};

/// What a step did to other devices, known once it is durable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wake {
    /// Devices whose queue has something new: their sockets read on with [`super::Service::queue_page`].
    pub queues: Vec<DeviceName>,
    /// Devices that are no longer live: their sockets are closed.
    pub revoked: Vec<DeviceName>,
    /// The message that is new in all of [`Wake::queues`], for sockets that have read everything before it.
    pub pushed: Option<Pushed>,
    /// What open sockets are told now, and nobody later: the next catch-up says it another way.
    pub live: Vec<LiveEvent>,
}

/// An event that is passed on once and never queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveEvent {
    /// For every socket of these users.
    pub to: Vec<UserId>,
    /// Without the one of this device.
    pub except: Option<DeviceName>,
    /// What it says.
    pub event: ServerEvent,
}

/// An answer, and whom to wake for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Woken<T> {
    /// What the caller is told.
    pub answer: T,
    /// Whose sockets should look again.
    pub wake: Wake,
}
