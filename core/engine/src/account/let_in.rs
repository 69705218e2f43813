//! Letting a device in: read its code, offer the account, ask the user, publish the list that holds it, hand over the key.

use super::linking::{Stage, Step, mailbox_error, slot_bytes};
use super::publishing::publish;
use crate::requests::{Answer, Outgoing};
use crate::{CallId, Engine, EngineError, Event, Question, QuestionId, Reply, trust};
use rand_core::Rng as _;
use sealwire_crypto::device::{ListChange, NewDevice, RegistrationGrant};
use sealwire_crypto::linking::{LinkCode, LinkConfirmer, LinkFinisher, LinkOffer, LinkSender};
use sealwire_store::crash;
use sealwire_wire::contract::{ErrorCode, ReservedDevice};
use sealwire_wire::{DeviceId, limits};

/// Lists published for one new device before giving up: each time another one had come first.
const PUBLISH_ROUNDS_MAX: u8 = 3;

/// How far the existing device is.
pub(super) enum LetInStage {
    /// A device id is reserved.
    Reserving(LinkSender),
    /// The offer was made.
    Offering(LinkConfirmer, DeviceId),
    /// The user is asked.
    Asking(QuestionId, LinkFinisher, Box<NewDevice>),
    /// The list that holds the device is published.
    Publishing(LinkFinisher, Box<NewDevice>, u8),
    /// The account key is handed over.
    Finishing(DeviceId),
    /// Between two of these.
    Moving,
}

impl LetInStage {
    pub(super) fn asks(&self, id: QuestionId) -> bool {
        matches!(self, Self::Asking(asked, ..) if *asked == id)
    }

    /// Whether the list that holds the device may be out.
    pub(super) fn is_published(&self) -> bool {
        matches!(self, Self::Publishing(..) | Self::Finishing(_))
    }

    /// The slot that tells the other side of a no, while it still looks there.
    pub(super) fn decline(&mut self) -> Option<(u8, Vec<u8>)> {
        let (slot, sealed) = match std::mem::replace(self, Self::Moving) {
            Self::Reserving(sender) => (0, sender.decline()),
            Self::Offering(confirmer, _) => (2, confirmer.decline()),
            Self::Asking(_, finisher, _) | Self::Publishing(finisher, ..) => {
                (2, finisher.decline())
            }
            Self::Finishing(_) | Self::Moving => return None,
        };
        sealed.ok().map(|bytes| (slot, bytes))
    }
}

impl Engine {
    pub(crate) fn link_device(&mut self, call: CallId, code: &str) -> Result<(), EngineError> {
        self.reachable()?;
        if self.me()?.account.is_none() {
            return Err(EngineError::AccountKeyMissing);
        }
        let devices = trust::newest_list(&self.store, &self.me()?.user)?;
        if devices.is_some_and(|list| list.devices().len() >= limits::DEVICES_MAX) {
            return Err(EngineError::DeviceLimit);
        }
        let code: LinkCode =
            code.parse()
                .map_err(|error: sealwire_crypto::linking::LinkCodeError| {
                    EngineError::LinkCodeInvalid(error.to_string())
                })?;
        let sender = LinkSender::new(&code, &mut self.rng)?;
        self.begin_linking(
            Stage::LetIn(LetInStage::Reserving(sender)),
            call,
            code.mailbox_id,
        )?;
        self.link_request(Step::Reserve, |purpose| {
            Outgoing::post("/v1/me/devices/reserve", purpose)
        });
        Ok(())
    }

    pub(super) fn let_in_answered(
        &mut self,
        step: Step,
        answer: Answer,
    ) -> Result<(), EngineError> {
        crash::point("link.let_in_answered");
        match (self.take_let_in_stage()?, step) {
            (LetInStage::Reserving(sender), Step::Reserve) => {
                self.offer(sender, answer.read::<ReservedDevice>()?.device_id)
            }
            // Whoever reads a code twice finds its first slot written.
            (LetInStage::Offering(..), Step::WriteOffer) if matches!(&answer, Answer::Refused(problem) if problem.code == ErrorCode::SlotTaken) => {
                Err(EngineError::LinkExpired)
            }
            (stage @ LetInStage::Offering(..), Step::WriteOffer) => {
                answer.done().map_err(mailbox_error)?;
                self.set_let_in_stage(stage);
                self.read_slot(Step::ReadAnswer, 1);
                Ok(())
            }
            (LetInStage::Offering(confirmer, device_id), Step::ReadAnswer) => {
                let (finisher, device) = confirmer.open_answer(&slot_bytes(answer)?, self.now.0)?;
                let question = Question::AddDevice {
                    device_id,
                    identity_key: device.identity_key.to_bytes(),
                };
                let id = self.ask(question);
                self.set_let_in_stage(LetInStage::Asking(id, finisher, Box::new(device)));
                Ok(())
            }
            (LetInStage::Publishing(finisher, device, rounds), Step::Publish) => {
                self.published(finisher, device, rounds, answer)
            }
            (LetInStage::Finishing(device_id), Step::WriteFinish) => {
                // The list is published: the device belongs to the account, whether it got the key or not.
                answer.done().map_err(mailbox_error)?;
                self.event(Event::DeviceLinked { device_id });
                self.end_linking(Ok(Reply::Linked { device_id }));
                Ok(())
            }
            (stage, _) => {
                self.set_let_in_stage(stage);
                Ok(())
            }
        }
    }

    pub(super) fn let_in_decided(&mut self, accepted: bool) -> Result<(), EngineError> {
        if !accepted {
            self.decline_linking();
            return Err(EngineError::LinkDeclined);
        }
        let LetInStage::Asking(_, finisher, device) = self.take_let_in_stage()? else {
            return Ok(());
        };
        self.publish(finisher, device, 0)
    }

    /// This account's list is as new as the relay shows it: a publication that waited for that goes on.
    pub(crate) fn own_list_is_fresh(&mut self) {
        let waits = self.linking.as_ref().is_some_and(|linking| {
            matches!(linking.stage, Stage::LetIn(LetInStage::Publishing(..))) && linking.is_idle()
        });
        if !waits {
            return;
        }
        let result = match self.take_let_in_stage() {
            Ok(LetInStage::Publishing(finisher, device, rounds)) => {
                self.publish(finisher, device, rounds)
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            self.end_linking(Err(error));
        }
    }

    fn offer(&mut self, sender: LinkSender, device_id: DeviceId) -> Result<(), EngineError> {
        let me = self.me()?.clone();
        let account = me.account.as_ref().ok_or(EngineError::AccountKeyMissing)?;
        let mut nonce = [0; 16];
        self.rng.fill_bytes(&mut nonce);
        let grant = RegistrationGrant {
            user_id: me.user.to_string(),
            device_id: device_id.get(),
            nonce,
            // By the relay's clock; twice the mailbox's life leaves room for one that goes a little wrong.
            expires_at_ms: self.now.plus_ms(2 * limits::PROVISIONING_TTL_MS).0,
        }
        .sign(account, me.device.get(), &me.identity, &mut self.rng)
        .map_err(super::internal)?;
        let (confirmer, slot) = sender.seal_offer(&LinkOffer {
            user_id: me.user.to_string(),
            account_key: account.public(),
            device_id: device_id.get(),
            grant,
        })?;
        self.set_let_in_stage(LetInStage::Offering(confirmer, device_id));
        self.write_slot(Step::WriteOffer, 0, slot);
        Ok(())
    }

    /// Signs the next version with the device in it, unless the newest one holds it already.
    fn publish(
        &mut self,
        finisher: LinkFinisher,
        mut device: Box<NewDevice>,
        rounds: u8,
    ) -> Result<(), EngineError> {
        let newest = trust::newest_list(&self.store, &self.me()?.user)?
            .ok_or_else(|| super::internal("this account's own list is missing"))?;
        if newest
            .device(device.device_id)
            .is_some_and(|entry| entry.identity_key == device.identity_key)
        {
            return self.hand_over(finisher, device.device_id);
        }
        if rounds >= PUBLISH_ROUNDS_MAX {
            let gave_up = EngineError::LinkTampered("the device list could not be published");
            return self.let_nobody_in(finisher, gave_up);
        }
        // People took their time: nothing that came meanwhile is wrapped for it.
        device.added_at_ms = self.now.0;
        let change = ListChange {
            put: vec![(*device).clone()],
            remove: Vec::new(),
        };
        let next = match self.next_list(&change) {
            Ok(next) => next,
            Err(error) => return self.let_nobody_in(finisher, error),
        };
        self.set_let_in_stage(LetInStage::Publishing(finisher, device, rounds + 1));
        self.link_request(Step::Publish, |purpose| publish(&next, purpose));
        Ok(())
    }

    /// The list as the relay shows it then says whether it was published, also when the answer was lost.
    fn published(
        &mut self,
        finisher: LinkFinisher,
        device: Box<NewDevice>,
        rounds: u8,
        answer: Answer,
    ) -> Result<(), EngineError> {
        match answer.done() {
            Err(EngineError::Relay {
                code,
                detail,
                retry_after_ms,
            }) if !code.retryable() && code != ErrorCode::DeviceListConflict => {
                let refused = EngineError::Relay {
                    code,
                    detail,
                    retry_after_ms,
                };
                self.let_nobody_in(finisher, refused)
            }
            _ => {
                let user = self.me()?.user.clone();
                self.set_let_in_stage(LetInStage::Publishing(finisher, device, rounds));
                self.want_lists(user);
                Ok(())
            }
        }
    }

    /// The new device waits for an end: it gets one.
    fn let_nobody_in(
        &mut self,
        finisher: LinkFinisher,
        why: EngineError,
    ) -> Result<(), EngineError> {
        if let Ok(bytes) = finisher.decline() {
            self.write_slot(Step::WriteDecline, 2, bytes);
        }
        Err(why)
    }

    fn hand_over(&mut self, finisher: LinkFinisher, device_id: u32) -> Result<(), EngineError> {
        let me = self.me()?.clone();
        let account = me.account.as_ref().ok_or(EngineError::AccountKeyMissing)?;
        let slot = finisher.seal_finish(account)?;
        self.set_let_in_stage(LetInStage::Finishing(
            DeviceId::new(device_id).map_err(super::internal)?,
        ));
        self.write_slot(Step::WriteFinish, 2, slot);
        Ok(())
    }

    fn take_let_in_stage(&mut self) -> Result<LetInStage, EngineError> {
        match self.linking.as_mut().map(|linking| &mut linking.stage) {
            Some(Stage::LetIn(stage)) => Ok(std::mem::replace(stage, LetInStage::Moving)),
            _ => Err(EngineError::LinkState(
                "no linking of another device is under way",
            )),
        }
    }

    fn set_let_in_stage(&mut self, stage: LetInStage) {
        if let Some(linking) = &mut self.linking {
            linking.stage = Stage::LetIn(stage);
        }
    }
}
