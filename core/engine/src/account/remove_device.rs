//! Taking a device out of the account: the next version of its list, signed without it.

use super::publishing::publish;
use crate::requests::{Answer, Purpose};
use crate::{CallId, Engine, EngineError, Reply, trust};
use sealwire_crypto::device::ListChange;
use sealwire_wire::DeviceId;
use sealwire_wire::contract::ErrorCode;

/// Lists published for one removal before giving up: each time another one had come first.
const ROUNDS_MAX: u8 = 3;

/// A removal under way. It lives in memory: a list that is out stays out.
pub(crate) struct Removal {
    call: CallId,
    device: DeviceId,
    rounds: u8,
    /// Whether the list is published, or refused for one that came first: what the relay shows decides.
    waits_for_list: bool,
}

impl Engine {
    pub(crate) fn remove_device(
        &mut self,
        call: CallId,
        device: DeviceId,
    ) -> Result<(), EngineError> {
        self.reachable()?;
        let me = self.me()?;
        if me.account.is_none() {
            return Err(EngineError::AccountKeyMissing);
        }
        if me.device == device {
            return Err(EngineError::OwnDevice);
        }
        if !self.own_list_holds(device)? {
            return Err(EngineError::UnknownDevice);
        }
        if self.removal.is_some() {
            return Err(EngineError::LinkState(
                "another device is being removed: wait for that first",
            ));
        }
        self.removal = Some(Removal {
            call,
            device,
            rounds: 0,
            waits_for_list: false,
        });
        self.publish_without().inspect_err(|_| self.removal = None)
    }

    pub(crate) fn on_list_without(&mut self, call: CallId, answer: Answer) {
        let Some(removal) = self.removal.as_mut().filter(|removal| removal.call == call) else {
            return;
        };
        match answer.done() {
            Ok(())
            | Err(EngineError::Relay {
                code: ErrorCode::DeviceListConflict,
                ..
            }) => {
                removal.waits_for_list = true;
                if let Ok(me) = self.me() {
                    let user = me.user.clone();
                    self.want_lists(user);
                }
            }
            Err(error) => self.end_removal(Err(error)),
        }
    }

    /// This account's list is as new as the relay shows it.
    pub(crate) fn removal_sees_own_list(&mut self) {
        let Some(removal) = self
            .removal
            .as_mut()
            .filter(|removal| removal.waits_for_list)
        else {
            return;
        };
        removal.waits_for_list = false;
        let (device, rounds) = (removal.device, removal.rounds);
        match self.own_list_holds(device) {
            Ok(false) => self.end_removal(Ok(Reply::Nothing)),
            Ok(true) if rounds >= ROUNDS_MAX => {
                let other_first = "the device list changed each time: try again".to_owned();
                self.end_removal(Err(EngineError::Relay {
                    code: ErrorCode::DeviceListConflict,
                    detail: other_first,
                    retry_after_ms: None,
                }));
            }
            Ok(true) => {
                if let Err(error) = self.publish_without() {
                    self.end_removal(Err(error));
                }
            }
            Err(error) => self.end_removal(Err(error)),
        }
    }

    /// What the relay shows cannot be seen now: whether the list is out is found out at the next call.
    pub(crate) fn give_up_removal(&mut self, error: EngineError) {
        self.end_removal(Err(error));
    }

    fn publish_without(&mut self) -> Result<(), EngineError> {
        let Some(removal) = &mut self.removal else {
            return Ok(());
        };
        removal.rounds += 1;
        let purpose = Purpose::RemoveDevice { call: removal.call };
        let change = ListChange {
            put: Vec::new(),
            remove: vec![removal.device.get()],
        };
        let next = self.next_list(&change)?;
        self.request(publish(&next, purpose));
        Ok(())
    }

    fn own_list_holds(&self, device: DeviceId) -> Result<bool, EngineError> {
        let newest = trust::newest_list(&self.store, &self.me()?.user)?;
        Ok(newest.is_some_and(|list| list.device(device.get()).is_some()))
    }

    fn end_removal(&mut self, result: Result<Reply, EngineError>) {
        if let Some(removal) = self.removal.take() {
            self.done(removal.call, result);
        }
    }
}
