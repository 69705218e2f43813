//! Where an attachment's bytes go and come from; the bytes themselves never pass through here.

use crate::requests::{Answer, Outgoing, Purpose};
use crate::{CallId, Engine, EngineError, Reply};
use sealwire_wire::AttachmentId;
use sealwire_wire::contract::{CreateAttachment, ErrorCode};

impl Engine {
    pub(crate) fn create_attachment(&mut self, call: CallId, size: u64) -> Result<(), EngineError> {
        self.reachable()?;
        let ask = Outgoing::post("/v1/attachments", Purpose::CreateAttachment { call });
        self.request(ask.json(&CreateAttachment { size }));
        Ok(())
    }

    pub(crate) fn locate_attachment(
        &mut self,
        call: CallId,
        id: &AttachmentId,
    ) -> Result<(), EngineError> {
        self.reachable()?;
        self.request(Outgoing::get(
            format!("/v1/attachments/{id}"),
            Purpose::LocateAttachment { call },
        ));
        Ok(())
    }

    pub(crate) fn on_attachment_created(&mut self, call: CallId, answer: Answer) {
        self.done(call, answer.read().map(Reply::Upload));
    }

    pub(crate) fn on_attachment_located(&mut self, call: CallId, answer: Answer) {
        self.done(call, answer.read().map(Reply::Download));
    }

    /// A call that needs the relay now: this device has an account and the app wants to be online.
    pub(crate) fn reachable(&self) -> Result<(), EngineError> {
        self.me()?;
        if self.connection.access.refused() == Some(ErrorCode::DeviceRevoked) {
            return Err(EngineError::DeviceRevoked);
        }
        if self.online {
            Ok(())
        } else {
            Err(EngineError::Offline)
        }
    }
}
