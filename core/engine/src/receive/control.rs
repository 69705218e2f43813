//! Control messages in: opened in the session of the device that sealed them, and acted upon in the same commit.

use super::classify::Refusal;
use super::open::Origin;
use super::{Outcome, Receiver, Waiting, concerns_a_row};
use crate::fanout::recipient;
use crate::recovery::{answer_account_key, answer_resend};
use crate::trust::{newest_list, undisputed_list};
use crate::{Engine, EngineError};
use sealwire_crypto::keys::AccountKeyPair;
use sealwire_store::{ParkReason, Transaction};
use sealwire_wire::contract::ControlMessage;
use sealwire_wire::control::Control;

impl Engine {
    /// Commits what these say and what is answered, then tells.
    pub(super) fn receive_controls(
        &mut self,
        controls: &[ControlMessage],
    ) -> Result<(), EngineError> {
        if controls.is_empty() {
            return Ok(());
        }
        self.retake_parked()?;
        match self.take_controls(controls) {
            // Something about one of them: the others are heeded without it.
            Err(error) if concerns_a_row(&error) => {
                for control in controls {
                    match self.take_controls(std::slice::from_ref(control)) {
                        Err(error) if concerns_a_row(&error) => {
                            self.tell(Outcome::Refused);
                        }
                        taken => taken?,
                    }
                }
                Ok(())
            }
            taken => taken,
        }
    }

    fn take_controls(&mut self, controls: &[ControlMessage]) -> Result<(), EngineError> {
        let outcomes = self.receiving(Waiting::Park, |receiver, tx| {
            let mut outcomes = Vec::new();
            for control in controls {
                outcomes.extend(receiver.take_control(tx, control)?);
            }
            Ok(outcomes)
        })?;
        for outcome in outcomes {
            self.tell(outcome);
        }
        Ok(())
    }
}

impl Receiver<'_> {
    /// One control message. Delivered again it opens no more, and says nothing new.
    pub(super) fn take_control(
        &mut self,
        tx: &mut Transaction<'_>,
        control: &ControlMessage,
    ) -> Result<Vec<Outcome>, EngineError> {
        let origin = Origin {
            user: &control.sender_id,
            device: control.sender_device_id,
        };
        if self.me.is(origin.user, origin.device) {
            return Ok(Vec::new());
        }
        let opened = self
            .open_envelope(tx, origin, &control.envelope)
            .and_then(|opened| {
                // It names no list version: the newest one counts.
                let newest = newest_list(tx, origin.user)?.map_or(0, |list| list.version);
                self.check_not_downgraded(tx, origin, &opened, newest)?;
                Ok(opened)
            });
        let opened = match opened {
            Ok(opened) => opened,
            Err(Refusal::Failed(error)) => return Err(error),
            Err(Refusal::NeedsList(reason, version, _)) if self.may_wait(tx, origin.user)? => {
                return Ok(vec![self.park_frame(
                    tx,
                    control,
                    origin.user,
                    reason,
                    version,
                )?]);
            }
            Err(Refusal::AskResend(reason)) => {
                return Ok(match reason {
                    // Said before.
                    crate::UnreadableReason::KeyReused => Vec::new(),
                    _ => vec![Outcome::Unheard {
                        user: origin.user.clone(),
                        device: origin.device,
                    }],
                });
            }
            Err(Refusal::NeedsConsent) if self.may_wait(tx, origin.user)? => {
                let reason = ParkReason::UnknownDevice;
                return Ok(vec![self.park_frame(
                    tx,
                    control,
                    origin.user,
                    reason,
                    None,
                )?]);
            }
            // What stands where the true list belongs may give way to it.
            Err(Refusal::NeedsConsent | Refusal::NeedsList(..))
                if self.waiting == Waiting::GiveUp
                    && self.waits_for_consent(tx, origin.user)? =>
            {
                return Ok(vec![Outcome::Waits {
                    user: origin.user.clone(),
                    proven: None,
                    placeholder: Box::new(Outcome::Ignored),
                }]);
            }
            Err(Refusal::NeedsList(..) | Refusal::NeedsConsent | Refusal::Unreadable(_)) => {
                return Ok(Vec::new());
            }
        };
        // An envelope of a message, delivered in the wrong place: its key stays for the right one.
        let Ok(said) = Control::decode(&opened.ratchet.plaintext) else {
            return Ok(vec![Outcome::Refused]);
        };
        self.commit_ratchet(tx, origin, &opened)?;
        // What is answered is sealed in a session of the store.
        self.lease.give_back(tx)?;
        self.heed(tx, origin, &opened.ratchet.record.their_identity(), said)
    }

    fn heed(
        &mut self,
        tx: &mut Transaction<'_>,
        origin: Origin<'_>,
        identity: &sealwire_crypto::keys::IdentityKey,
        said: Control,
    ) -> Result<Vec<Outcome>, EngineError> {
        match said {
            Control::ResendAnswer(answer) => return self.take_answer(tx, origin, &answer),
            Control::AccountKeyAnswer(secret) if *origin.user == self.me.user => {
                return self.take_account_key(tx, &secret);
            }
            _ => {}
        }
        // Nothing is given to a device that the newest list does not hold with this identity.
        let to = recipient(tx, origin.user, origin.device)?;
        let Some(to) = to.filter(|to| to.identity == *identity) else {
            return Ok(Vec::new());
        };
        match said {
            Control::ResendRequest(request) => {
                answer_resend(tx, self.me, &to, &request, self.now, self.rng)?;
            }
            Control::AccountKeyRequest => {
                answer_account_key(tx, self.me, &to, self.now, self.rng)?;
            }
            Control::ResendAnswer(_) | Control::AccountKeyAnswer(_) | Control::Unknown => {}
        }
        Ok(Vec::new())
    }

    /// The account key, if it is the one that the account's list is signed with and this device lacks it.
    fn take_account_key(
        &self,
        tx: &mut Transaction<'_>,
        secret: &[u8; 32],
    ) -> Result<Vec<Outcome>, EngineError> {
        let pair = AccountKeyPair::from_secret_bytes(secret);
        let list = undisputed_list(tx, &self.me.user)?;
        let is_ours = list.is_some_and(|list| list.account_key == pair.public());
        let Some(mut account) = tx
            .account()?
            .filter(|account| is_ours && account.account_secret.is_none())
        else {
            return Ok(Vec::new());
        };
        account.account_secret = Some(pair.secret_bytes());
        tx.save_account(&account)?;
        Ok(vec![Outcome::HoldsAccountKey])
    }
}
