//! What the app may look at without waiting: connection, account, role.

use crate::NetworkRole;
use sealwire_engine::ConnectionState;
use sealwire_wire::{DeviceId, UserId};
use std::sync::{Arc, Mutex, PoisonError};

/// As the driver last knew it.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) connection: ConnectionState,
    pub(crate) account: Option<(UserId, DeviceId)>,
    pub(crate) role: NetworkRole,
    pub(crate) suspended: bool,
}

/// Written by the driver, read by whoever holds the client.
#[derive(Clone)]
pub(crate) struct Status(Arc<Mutex<State>>);

impl Status {
    pub(crate) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn get(&self) -> State {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
