//! Joining an account: this device shows a code, is offered an account, asks its user, registers, gets the account key.

use super::Me;
use super::linking::{Stage, Step, mailbox_error, slot_bytes};
use crate::requests::{Access, Answer, Outgoing};
use crate::{CallId, Engine, EngineError, Event, Question, QuestionId, Reply, prekeys, trust};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealwire_crypto::linking::{DeviceTraits, LinkJoiner, LinkSecret, LinkWaiter};
use sealwire_store::{AccountState, crash};
use sealwire_wire::contract::{Mailbox, RegisterDevice};
use sealwire_wire::{DeviceId, UserId};

/// How far this device is.
pub(super) enum JoinStage {
    /// The mailbox is asked for.
    Opening,
    /// The code is shown.
    Showing(LinkSecret),
    /// The user is asked.
    Asking(QuestionId, LinkJoiner),
    /// The relay registers this device; what slot 1 will say is ready.
    Registering(LinkWaiter, Vec<u8>),
    /// The existing device is to publish the list.
    Waiting(LinkWaiter),
    /// Between two of these.
    Moving,
}

impl JoinStage {
    pub(super) fn asks(&self, id: QuestionId) -> bool {
        matches!(self, Self::Asking(asked, _) if *asked == id)
    }

    /// The slot that tells the other side of a no, while it still looks there.
    pub(super) fn decline(&mut self) -> Option<(u8, Vec<u8>)> {
        match std::mem::replace(self, Self::Moving) {
            Self::Asking(_, joiner) => joiner.decline().ok().map(|bytes| (1, bytes)),
            _ => None,
        }
    }
}

impl Engine {
    pub(crate) fn start_linking(&mut self, call: CallId) -> Result<(), EngineError> {
        match &self.me {
            Some(me) if me.state != AccountState::Registering => {
                return Err(EngineError::AlreadyRegistered);
            }
            Some(_) if self.registers() => {
                return Err(EngineError::LinkState(
                    "this device is being registered: wait for the answer",
                ));
            }
            // Keys of a registration or linking that came to nothing.
            Some(_) if !self.is_linking() => self.forget_account()?,
            _ => {}
        }
        self.begin_linking(Stage::Join(JoinStage::Opening), call, [0; 16])?;
        self.link_request(Step::OpenMailbox, |purpose| {
            Outgoing::post("/v1/provisioning", purpose).with(Access::Open)
        });
        Ok(())
    }

    pub(super) fn join_answered(&mut self, step: Step, answer: Answer) -> Result<(), EngineError> {
        crash::point("link.join_answered");
        match (self.take_join_stage()?, step) {
            (JoinStage::Opening, Step::OpenMailbox) => self.show_code(answer.read()?),
            (JoinStage::Showing(secret), Step::ReadOffer) => {
                let joiner = secret.open_offer(&slot_bytes(answer)?)?;
                self.ask_to_join(joiner)
            }
            (JoinStage::Registering(waiter, slot), Step::Register) => {
                answer.done()?;
                self.set_join_stage(JoinStage::Waiting(waiter));
                self.write_slot(Step::WriteAnswer, 1, slot);
                Ok(())
            }
            (JoinStage::Waiting(waiter), Step::WriteAnswer) => {
                answer.done().map_err(mailbox_error)?;
                self.set_join_stage(JoinStage::Waiting(waiter));
                self.read_slot(Step::ReadFinish, 2);
                Ok(())
            }
            (JoinStage::Waiting(waiter), Step::ReadFinish) => {
                let account = waiter.open_finish(&slot_bytes(answer)?)?;
                self.join_account(account)
            }
            (stage, _) => {
                self.set_join_stage(stage);
                Ok(())
            }
        }
    }

    pub(super) fn join_decided(&mut self, accepted: bool) -> Result<(), EngineError> {
        if !accepted {
            self.decline_linking();
            return Err(EngineError::LinkDeclined);
        }
        let JoinStage::Asking(_, joiner) = self.take_join_stage()? else {
            return Ok(());
        };
        let offer = joiner.offer().clone();
        let user: UserId = offer.user_id.parse().map_err(super::internal)?;
        let device = DeviceId::new(offer.device_id).map_err(super::internal)?;
        let me = Me::fresh(
            user,
            device,
            None,
            self.config.session_policy,
            &mut self.rng,
        );
        // Durable before the relay or the other device hears of these keys.
        self.keep_new_device(me.clone())?;
        let traits = DeviceTraits {
            registration_id: me.registration_id,
            protocol_versions: me.protocol_versions(),
            features: Vec::new(),
        };
        let (waiter, slot) = joiner.seal_answer(&me.identity, &traits, &mut self.rng)?;
        let body = RegisterDevice {
            user_id: me.user,
            device_id: me.device,
            identity_key: me.identity.public().to_bytes().into(),
            registration_id: me.registration_id,
            prekeys: prekeys::to_upload(&self.store)?.upload,
            list: None,
            grant: Some(trust::grant_to_wire(&offer.grant)?),
        };
        self.set_join_stage(JoinStage::Registering(waiter, slot));
        self.link_request(Step::Register, |purpose| {
            Outgoing::post("/v1/devices", purpose)
                .with(Access::Open)
                .json(&body)
        });
        Ok(())
    }

    fn show_code(&mut self, mailbox: Mailbox) -> Result<(), EngineError> {
        let id = URL_SAFE_NO_PAD
            .decode(&mailbox.id)
            .ok()
            .and_then(|id| id.try_into().ok());
        let id: [u8; 16] = id.ok_or(EngineError::RelayGarbage { status: 201 })?;
        let secret = LinkSecret::new(id, &mut self.rng);
        let code = secret.code().to_string();
        let Some(linking) = &mut self.linking else {
            return Ok(());
        };
        linking.mailbox = id;
        if let Some(call) = linking.call.take() {
            self.done(call, Ok(Reply::LinkCode(code)));
        }
        self.set_join_stage(JoinStage::Showing(secret));
        self.read_slot(Step::ReadOffer, 0);
        Ok(())
    }

    fn ask_to_join(&mut self, joiner: LinkJoiner) -> Result<(), EngineError> {
        let offer = joiner.offer();
        let question = Question::JoinAccount {
            user_id: offer.user_id.parse().map_err(super::internal)?,
            device_id: DeviceId::new(offer.device_id).map_err(super::internal)?,
        };
        let id = self.ask(question);
        self.set_join_stage(JoinStage::Asking(id, joiner));
        Ok(())
    }

    /// The list that holds this device is published, and the account key is here.
    fn join_account(
        &mut self,
        account: sealwire_crypto::keys::AccountKeyPair,
    ) -> Result<(), EngineError> {
        let Some(mut me) = self.me.clone() else {
            return Err(EngineError::NotRegistered);
        };
        let uploaded = prekeys::to_upload(&self.store)?;
        me.account = Some(account);
        me.state = AccountState::Registered;
        let row = me.to_row(&self.config.relay_origin);
        let now = self.now;
        self.store.transaction(|tx| -> Result<(), EngineError> {
            tx.step("link.joined");
            uploaded.ends.mark(tx, now)?;
            Ok(tx.save_account(&row)?)
        })?;
        let reply = Reply::Registered {
            user_id: me.user.clone(),
            device_id: me.device,
        };
        self.want_lists(me.user.clone());
        self.event(Event::DeviceLinked {
            device_id: me.device,
        });
        self.me = Some(me);
        self.end_linking(Ok(reply));
        Ok(())
    }

    fn take_join_stage(&mut self) -> Result<JoinStage, EngineError> {
        match self.linking.as_mut().map(|linking| &mut linking.stage) {
            Some(Stage::Join(stage)) => Ok(std::mem::replace(stage, JoinStage::Moving)),
            _ => Err(EngineError::LinkState(
                "no linking of this device is under way",
            )),
        }
    }

    fn set_join_stage(&mut self, stage: JoinStage) {
        if let Some(linking) = &mut self.linking {
            linking.stage = Stage::Join(stage);
        }
    }
}
