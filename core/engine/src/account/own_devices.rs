//! The account's own devices as the relay knows them, and disabling one that is lost.

use crate::requests::{Answer, Outgoing, Purpose};
use crate::{CallId, Engine, EngineError, HttpMethod, Reply};
use sealwire_wire::DeviceId;
use sealwire_wire::contract::OwnDevices;

/// Registered devices that no list holds count towards no limit of the contract; a relay that names more is not believed.
const SHOWN_MAX: usize = 100;

impl Engine {
    pub(crate) fn own_devices(&mut self, call: CallId) -> Result<(), EngineError> {
        self.reachable()?;
        self.request(Outgoing::get(
            "/v1/me/devices",
            Purpose::OwnDevices { call },
        ));
        Ok(())
    }

    pub(crate) fn on_own_devices(&mut self, call: CallId, answer: Answer) {
        let devices = answer.read::<OwnDevices>().map(|mut own| {
            own.devices.truncate(SHOWN_MAX);
            Reply::Devices(own.devices)
        });
        self.done(call, devices);
    }

    pub(crate) fn disable_device(
        &mut self,
        call: CallId,
        device: DeviceId,
    ) -> Result<(), EngineError> {
        self.reachable()?;
        let path = format!("/v1/devices/{device}");
        let purpose = Purpose::DisableDevice { call };
        self.request(Outgoing::new(HttpMethod::Delete, path, purpose));
        Ok(())
    }

    pub(crate) fn on_device_disabled(&mut self, call: CallId, answer: Answer) {
        self.done(call, answer.done().map(|()| Reply::Nothing));
    }
}
