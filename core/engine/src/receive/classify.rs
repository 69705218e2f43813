//! The one judge of what could not be opened: wait for the network, or a placeholder with its reason.

use super::{Outcome, Receiver, duplicate};
use crate::account::internal;
use crate::trust::newest_list;
use crate::{EngineError, Message, UnreadableReason};
use sealwire_crypto::content::OpenError as ContentError;
use sealwire_crypto::envelope::EnvelopeOpenError;
use sealwire_crypto::ratchet::OpenError;
use sealwire_store::{
    Inserted, LocalId, MessageKind, MessageState, NewMessage, ParkReason, StoreError, ThreadKind,
    Transaction,
};
use sealwire_wire::contract::MessageRow;

/// Why a row did not open. The ratchets are as they were.
pub(super) enum Refusal {
    /// It may open once the sender's list was fetched.
    NeedsList(ParkReason, Option<u64>, UnreadableReason),
    /// It may open once the app has accepted the account key that its sender is listed under.
    NeedsConsent,
    /// Not in the sessions that the two devices have: in a new one the sender's device can tell what opens it.
    AskResend(UnreadableReason),
    /// It will not open.
    Unreadable(UnreadableReason),
    /// The store failed: nothing is decided.
    Failed(EngineError),
}

impl Receiver<'_> {
    pub(super) fn refuse(
        &mut self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
        refusal: Refusal,
        placeholder: Option<LocalId>,
    ) -> Result<Outcome, EngineError> {
        let asks = matches!(refusal, Refusal::AskResend(_));
        let (reason, waits) = match refusal {
            Refusal::Failed(error) => return Err(error),
            Refusal::NeedsList(park, version, _) if self.may_wait(tx, &row.sender_id)? => {
                return self.park(tx, row, park, version);
            }
            // What stands where the true list belongs may give way to it.
            Refusal::NeedsList(_, None, reason)
                if self.waits_for_consent(tx, &row.sender_id)? =>
            {
                (reason, Some(None))
            }
            Refusal::NeedsList(_, version, reason) => (reason, version.map(Some)),
            Refusal::NeedsConsent => {
                if self.may_wait(tx, &row.sender_id)? {
                    self.park(tx, row, ParkReason::UnknownDevice, None)?;
                }
                (UnreadableReason::IdentityChanged, Some(None))
            }
            Refusal::AskResend(reason) | Refusal::Unreadable(reason) => (reason, None),
        };
        let outcome = match placeholder {
            Some(id) => {
                tx.set_placeholder_reason(id, reason.as_str())?;
                duplicate(row)
            }
            None => self.hold_place(tx, row, reason)?,
        };
        if asks {
            let placed = match &outcome {
                Outcome::Unreadable(message) => Some(LocalId(message.local_id)),
                _ => placeholder,
            };
            placed.map_or(Ok(()), |id| self.keep_to_ask_for(tx, row, id))?;
        }
        Ok(match waits {
            Some(proven) => Outcome::Waits {
                user: row.sender_id.clone(),
                proven,
                placeholder: Box::new(outcome),
            },
            None => outcome,
        })
    }

    /// A row in the thread that says why there is nothing to read.
    pub(super) fn hold_place(
        &mut self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
        reason: UnreadableReason,
    ) -> Result<Outcome, EngineError> {
        let peer = if row.sender_id == self.me.user {
            None
        } else {
            Some(&row.sender_id)
        };
        match peer {
            // Of somebody who has no account: the relay could make up any number of them.
            Some(peer)
                if newest_list(tx, peer)?.is_none() && tx.thread(row.thread_id)?.is_none() =>
            {
                return Ok(Outcome::Refused);
            }
            Some(peer) if sealwire_wire::ThreadId::direct(&self.me.user, peer) == row.thread_id => {
                tx.ensure_thread(row.thread_id, ThreadKind::Direct, Some(peer), self.now)?;
            }
            // A thread that this device cannot place gets no row: nobody would find it.
            _ if tx.thread(row.thread_id)?.is_none() => return Ok(Outcome::Ignored),
            _ => {}
        }
        self.lease.forget_ends();
        let inserted = tx.insert_message(&NewMessage {
            thread: row.thread_id,
            sender: row.sender_id.clone(),
            sender_device: row.sender_device_id,
            client_seq: row.client_seq,
            revision: row.revision,
            message_id: Some(row.id),
            uid: None,
            kind: MessageKind::Placeholder,
            state: MessageState::Unreadable,
            reason: Some(reason.as_str().to_owned()),
            content: None,
            text: None,
            commitment: None,
            stamp: Some(row.stamp.clone()),
            digest: None,
            prev: None,
            created_at: Some(row.created_at),
            local_at: self.now,
        })?;
        match inserted {
            Inserted::New(id) => {
                let message = tx
                    .message(id)?
                    .ok_or_else(|| internal("a row just written is gone"))?;
                Ok(Outcome::Unreadable(Message::from_row(message)))
            }
            Inserted::Duplicate(_) => Ok(duplicate(row)),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        Self::Failed(error)
    }
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        Self::AskResend(match error {
            OpenError::Malformed | OpenError::NotAuthentic => UnreadableReason::EnvelopeTampered,
            OpenError::NoSession => UnreadableReason::NoSession,
            OpenError::AlreadyUsed => UnreadableReason::KeyReused,
            OpenError::TooFarAhead => UnreadableReason::TooFarAhead,
            OpenError::PreKeyMissing => UnreadableReason::PrekeyMissing,
            // In a session that begins from this device's own bundle it can be told again: what the app's policy refuses, what a
            // later version sealed, and what somebody on the way made to look like that.
            OpenError::X3dhRefused | OpenError::UnknownVersion(_) | OpenError::UnknownKem(_) => {
                UnreadableReason::UnknownVersion
            }
            OpenError::IdentityChanged => {
                return Self::Unreadable(UnreadableReason::IdentityChanged);
            }
            OpenError::RegistrationChanged => {
                return Self::NeedsList(
                    ParkReason::NewerList,
                    None,
                    UnreadableReason::IdentityChanged,
                );
            }
        })
    }
}

impl From<EnvelopeOpenError> for Refusal {
    fn from(error: EnvelopeOpenError) -> Self {
        Self::Unreadable(match error {
            EnvelopeOpenError::Thread
            | EnvelopeOpenError::ClientSeq
            | EnvelopeOpenError::Revision => UnreadableReason::Misplaced,
            EnvelopeOpenError::Content(ContentError::Digest | ContentError::Tampered) => {
                UnreadableReason::CiphertextTampered
            }
            EnvelopeOpenError::Commitment
            | EnvelopeOpenError::Content(ContentError::Unfrankable) => {
                UnreadableReason::Unfrankable
            }
            EnvelopeOpenError::Content(ContentError::Padding | ContentError::Malformed) => {
                UnreadableReason::Malformed
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use UnreadableReason::*;

    fn asks(error: OpenError) -> Option<UnreadableReason> {
        match Refusal::from(error) {
            Refusal::AskResend(reason) => Some(reason),
            _ => None,
        }
    }

    fn never(error: impl Into<Refusal>) -> Option<UnreadableReason> {
        match error.into() {
            Refusal::Unreadable(reason) => Some(reason),
            _ => None,
        }
    }

    #[test]
    fn what_another_session_can_bring_is_asked_for() {
        for (error, reason) in [
            (OpenError::Malformed, EnvelopeTampered),
            (OpenError::NotAuthentic, EnvelopeTampered),
            (OpenError::NoSession, NoSession),
            (OpenError::AlreadyUsed, KeyReused),
            (OpenError::TooFarAhead, TooFarAhead),
            (OpenError::PreKeyMissing, PrekeyMissing),
            (OpenError::X3dhRefused, UnknownVersion),
            (OpenError::UnknownVersion(5), UnknownVersion),
            (OpenError::UnknownKem(0x0b), UnknownVersion),
        ] {
            assert_eq!(asks(error), Some(reason), "{error}");
        }
    }

    #[test]
    fn what_no_session_can_bring_is_unreadable_for_good() {
        assert_eq!(never(OpenError::IdentityChanged), Some(IdentityChanged));
        for (error, reason) in [
            (EnvelopeOpenError::Thread, Misplaced),
            (EnvelopeOpenError::ClientSeq, Misplaced),
            (EnvelopeOpenError::Revision, Misplaced),
            (EnvelopeOpenError::Commitment, Unfrankable),
            (
                EnvelopeOpenError::Content(ContentError::Digest),
                CiphertextTampered,
            ),
            (
                EnvelopeOpenError::Content(ContentError::Tampered),
                CiphertextTampered,
            ),
            (
                EnvelopeOpenError::Content(ContentError::Unfrankable),
                Unfrankable,
            ),
            (EnvelopeOpenError::Content(ContentError::Padding), Malformed),
            (
                EnvelopeOpenError::Content(ContentError::Malformed),
                Malformed,
            ),
        ] {
            assert_eq!(never(error), Some(reason), "{error}");
        }
    }

    #[test]
    fn a_registration_that_the_list_does_not_have_waits_for_the_list() {
        let refusal = Refusal::from(OpenError::RegistrationChanged);
        let waits = matches!(
            refusal,
            Refusal::NeedsList(ParkReason::NewerList, None, IdentityChanged)
        );
        assert!(waits);
    }

    #[test]
    fn a_store_that_failed_decides_nothing() {
        let refusal = Refusal::from(StoreError::DiskFull);
        assert!(matches!(refusal, Refusal::Failed(EngineError::Store(_))));
    }
}
