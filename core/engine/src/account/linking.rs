//! One linking under way, on either side: which step it is at, what is sent again, when it ends.

use super::join::JoinStage;
use super::let_in::LetInStage;
use crate::requests::{Access, Answer, Outgoing, Purpose};
use crate::{CallId, Engine, EngineError, QuestionId, Reply};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_core::Rng as _;
use sealwire_crypto::linking::LinkError;
use sealwire_wire::contract::{ErrorCode, MailboxSlot};
use sealwire_wire::{IdempotencyKey, Timestamp, limits};

/// Between two looks into an empty slot, in milliseconds.
const LOOK_EVERY_MS: u64 = 300;

/// A linking under way. It lives in memory, for as long as its mailbox does.
pub(crate) struct Linking {
    /// Which: answers to an earlier one are for nobody.
    pub(super) number: u64,
    pub(super) stage: Stage,
    /// Whoever waits for the end.
    pub(super) call: Option<CallId>,
    pub(super) mailbox: [u8; 16],
    expires_at: Timestamp,
    /// The name under which this device reads slots: a read whose answer was lost is repeated under it.
    reader: IdempotencyKey,
    /// The request that this step is about, to be made again while nothing final came back.
    current: Option<Outgoing>,
    again_at: Option<Timestamp>,
}

pub(super) enum Stage {
    /// This device joins an account.
    Join(JoinStage),
    /// This device lets another one in.
    LetIn(LetInStage),
    /// It ended before anybody asked how.
    Ended(Result<Reply, EngineError>),
}

/// What a request of a linking was about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkStep {
    number: u64,
    pub(super) step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    OpenMailbox,
    ReadOffer,
    Register,
    WriteAnswer,
    ReadFinish,
    Reserve,
    WriteOffer,
    ReadAnswer,
    Publish,
    WriteFinish,
    /// Best effort: the other side sees it, or runs into the mailbox's end.
    WriteDecline,
}

impl Linking {
    /// Whether no request of this linking is under way or due.
    pub(super) fn is_idle(&self) -> bool {
        self.current.is_none()
    }
}

impl Engine {
    /// A new linking; there is one at a time.
    pub(super) fn begin_linking(
        &mut self,
        stage: Stage,
        call: CallId,
        mailbox: [u8; 16],
    ) -> Result<(), EngineError> {
        let ended = |linking: &Linking| matches!(linking.stage, Stage::Ended(_));
        if self.linking.as_ref().is_some_and(|linking| !ended(linking)) {
            return Err(EngineError::LinkState(
                "a linking is under way: finish or cancel it first",
            ));
        }
        self.linkings += 1;
        let mut reader = [0; 16];
        self.rng.fill_bytes(&mut reader);
        let reader = URL_SAFE_NO_PAD
            .encode(reader)
            .parse()
            .map_err(super::internal)?;
        self.linking = Some(Linking {
            number: self.linkings,
            stage,
            call: Some(call),
            mailbox,
            expires_at: self.now.plus_ms(limits::PROVISIONING_TTL_MS),
            reader,
            current: None,
            again_at: None,
        });
        Ok(())
    }

    /// Whether a linking is under way: not one that ended and was not asked about.
    pub(super) fn is_linking(&self) -> bool {
        let stage = self.linking.as_ref().map(|linking| &linking.stage);
        stage.is_some_and(|stage| !matches!(stage, Stage::Ended(_)))
    }

    /// Waits for the end of the linking that [`crate::Call::StartLinking`] began.
    pub(crate) fn finish_linking(&mut self, call: CallId) -> Result<(), EngineError> {
        match self.linking.take() {
            Some(Linking {
                stage: Stage::Ended(result),
                ..
            }) => {
                self.done(call, result);
                Ok(())
            }
            Some(mut linking) if linking.call.is_none() => {
                linking.call = Some(call);
                self.linking = Some(linking);
                Ok(())
            }
            other => {
                self.linking = other;
                Err(EngineError::LinkState(
                    "no linking of this device is under way: start one first",
                ))
            }
        }
    }

    /// Not any more once the list that holds the device may be published: a device that was told no would stay in it.
    pub(crate) fn cancel_linking(&mut self) -> Result<(), EngineError> {
        let lets_in = |linking: &Linking| matches!(&linking.stage, Stage::LetIn(stage) if stage.is_published());
        if self.linking.as_ref().is_some_and(lets_in) {
            return Err(EngineError::LinkState(
                "the device is being added: this can no longer be cancelled",
            ));
        }
        if let Some(Linking {
            stage: Stage::Ended(_),
            ..
        }) = &self.linking
        {
            self.linking = None;
        }
        self.decline_linking();
        self.end_linking(Err(EngineError::LinkDeclined));
        self.linking = None;
        Ok(())
    }

    pub(crate) fn on_link_decided(&mut self, id: QuestionId, accepted: bool) {
        let Some(linking) = &self.linking else { return };
        let result = match &linking.stage {
            Stage::Join(stage) if stage.asks(id) => self.join_decided(accepted),
            Stage::LetIn(stage) if stage.asks(id) => self.let_in_decided(accepted),
            _ => return,
        };
        if let Err(error) = result {
            self.end_linking(Err(error));
        }
    }

    pub(crate) fn on_link_answer(&mut self, link: LinkStep, answer: Answer) {
        let Some(linking) = &mut self.linking else {
            return;
        };
        if linking.number != link.number || link.step == Step::WriteDecline {
            return;
        }
        if let Some(wait_ms) = again_in(link.step, &answer) {
            linking.again_at = Some(self.now.plus_ms(wait_ms));
            return;
        }
        linking.current = None;
        let result = match &linking.stage {
            Stage::Join(_) => self.join_answered(link.step, answer),
            Stage::LetIn(_) => self.let_in_answered(link.step, answer),
            Stage::Ended(_) => return,
        };
        if let Err(error) = result {
            self.end_linking(Err(error));
        }
    }

    /// Looks again, or sees that the time is over.
    pub(crate) fn poll_linking(&mut self) {
        let Some(linking) = &mut self.linking else {
            return;
        };
        if matches!(linking.stage, Stage::Ended(_)) {
            return;
        }
        if self.now >= linking.expires_at {
            return self.end_linking(Err(EngineError::LinkExpired));
        }
        if linking.again_at.is_some_and(|at| self.now >= at) {
            linking.again_at = None;
            if let Some(outgoing) = linking.current.clone() {
                self.request(outgoing);
            }
        }
    }

    pub(crate) fn linking_wakes_at(&self) -> Option<Timestamp> {
        let linking = self
            .linking
            .as_ref()
            .filter(|linking| !matches!(linking.stage, Stage::Ended(_)))?;
        Some(
            linking
                .again_at
                .map_or(linking.expires_at, |at| at.min(linking.expires_at)),
        )
    }

    /// Makes the request that the linking is about now.
    pub(super) fn link_request(&mut self, step: Step, make: impl FnOnce(Purpose) -> Outgoing) {
        let Some(linking) = &mut self.linking else {
            return;
        };
        let outgoing = make(Purpose::Link(LinkStep {
            number: linking.number,
            step,
        }));
        if step != Step::WriteDecline {
            linking.current = Some(outgoing.clone());
            linking.again_at = None;
        }
        self.request(outgoing);
    }

    pub(super) fn write_slot(&mut self, step: Step, slot: u8, bytes: Vec<u8>) {
        let path = self.slot_path(slot);
        let body = MailboxSlot { data: bytes.into() };
        self.link_request(step, |purpose| {
            Outgoing::put(path, purpose).with(Access::Open).json(&body)
        });
    }

    pub(super) fn read_slot(&mut self, step: Step, slot: u8) {
        let path = self.slot_path(slot);
        let Some(reader) = self.linking.as_ref().map(|linking| linking.reader.clone()) else {
            return;
        };
        self.link_request(step, |purpose| {
            Outgoing::get(path, purpose).with(Access::Open).once(reader)
        });
    }

    /// The linking is over: whoever waits is told, or whoever asks next.
    pub(super) fn end_linking(&mut self, result: Result<Reply, EngineError>) {
        let Some(linking) = &mut self.linking else {
            return;
        };
        let joining = matches!(linking.stage, Stage::Join(_));
        match linking.call.take() {
            Some(call) => {
                self.linking = None;
                self.done(call, result);
            }
            None if joining => linking.stage = Stage::Ended(result),
            None => self.linking = None,
        }
    }

    fn slot_path(&self, slot: u8) -> String {
        let mailbox = self
            .linking
            .as_ref()
            .map_or([0; 16], |linking| linking.mailbox);
        format!(
            "/v1/provisioning/{}/{slot}",
            URL_SAFE_NO_PAD.encode(mailbox)
        )
    }

    /// Tells the other side, where it still looks.
    pub(super) fn decline_linking(&mut self) {
        let Some(linking) = &mut self.linking else {
            return;
        };
        let declined = match &mut linking.stage {
            Stage::Join(stage) => stage.decline(),
            Stage::LetIn(stage) => stage.decline(),
            Stage::Ended(_) => None,
        };
        if let Some((slot, bytes)) = declined {
            self.write_slot(Step::WriteDecline, slot, bytes);
        }
    }
}

/// After how long the same request is made again; none if the answer says something.
fn again_in(step: Step, answer: &Answer) -> Option<u64> {
    // Another list came first, or the answer was lost: what the list is now decides, not the same request again.
    if step == Step::Publish {
        return None;
    }
    match answer {
        Answer::Refused(problem) if problem.code == ErrorCode::SlotEmpty => Some(LOOK_EVERY_MS),
        Answer::Refused(problem) if problem.retryable => {
            Some(problem.retry_after_ms.unwrap_or(0).max(2 * LOOK_EVERY_MS))
        }
        Answer::Garbage { .. } | Answer::Lost(_) => Some(2 * LOOK_EVERY_MS),
        Answer::Refused(_) | Answer::Fine(_) => None,
    }
}

/// What a slot holds.
pub(super) fn slot_bytes(answer: Answer) -> Result<Vec<u8>, EngineError> {
    match answer.read::<MailboxSlot>() {
        Ok(slot) => Ok(slot.data.0),
        Err(error) => Err(mailbox_error(error)),
    }
}

/// What the mailbox's refusals mean for a person.
pub(super) fn mailbox_error(error: EngineError) -> EngineError {
    match error {
        EngineError::Relay {
            code: ErrorCode::SlotRead,
            ..
        } => EngineError::LinkTampered("somebody else read the mailbox: show a new code"),
        EngineError::Relay {
            code: ErrorCode::SlotTaken,
            ..
        } => EngineError::LinkTampered("somebody else wrote to the mailbox: show a new code"),
        EngineError::Relay {
            code: ErrorCode::NotFound,
            ..
        } => EngineError::LinkExpired,
        other => other,
    }
}

impl From<LinkError> for EngineError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Declined => Self::LinkDeclined,
            LinkError::NotAuthentic => {
                Self::LinkTampered("a step was not sealed by the other device")
            }
            LinkError::Malformed | LinkError::WrongStep | LinkError::TooLarge => {
                Self::LinkTampered("a step is not what it should be")
            }
            LinkError::BadKey => Self::LinkTampered("the other side's key is of no use"),
            LinkError::Grant => {
                Self::LinkTampered("the grant belongs to another account or device")
            }
            LinkError::Consent => Self::LinkTampered("the new device did not agree to be listed"),
            LinkError::AccountKey => {
                Self::LinkTampered("the account key is not the one that was offered")
            }
            _ => Self::LinkTampered("a step did not hold"),
        }
    }
}
