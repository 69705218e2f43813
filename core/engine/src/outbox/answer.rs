//! What the relay said to a send: stored, wrap again, later, or never.

use super::repeat::{note_requeued, note_time};
use super::{Outbox, Repair};
use crate::backoff::{obeying, wait_ms};
use crate::requests::Answer;
use crate::{Engine, EngineError, Event, Message};
use sealwire_store::{LocalId, OutboxEntry, OutboxState, crash};
use sealwire_wire::contract::{DeviceMismatch, DeviceName, ErrorCode, Problem, SentMessage};
use sealwire_wire::limits::ENVELOPES_MAX;
use sealwire_wire::{ThreadId, UserId};
use std::collections::BTreeSet;

/// Devices of strangers that are told of: more say nothing more.
const STRANGERS_MAX: usize = 10;
/// Rounds of wrapping again before a message rests.
const ROUNDS_MAX: u32 = 3;

impl Engine {
    pub(crate) fn on_send_answer(&mut self, local_id: LocalId, thread: ThreadId, answer: Answer) {
        crash::point("send.answered");
        self.outbox.in_flight.remove(&thread);
        let Ok(Some(entry)) = self.store.outbox_entry(local_id) else {
            return;
        };
        self.note_whether_heard(local_id, &answer);
        match answer {
            Answer::Refused(Problem {
                code: ErrorCode::ClientSeqVoid,
                ..
            }) if entry.state == OutboxState::Cancelling => self.is_cancelled(&entry),
            // Another try of it may be on its way still: only the relay can say what becomes of it.
            Answer::Refused(problem) if entry.state == OutboxState::Cancelling => {
                let wish = problem.retry_after_ms;
                match wish.is_none() && is_final(&problem) {
                    true => self.due_now(&entry),
                    false => self.rest(&entry, wish),
                }
            }
            Answer::Refused(Problem {
                code: ErrorCode::DeviceMismatch,
                device_mismatch,
                ..
            }) => {
                self.on_mismatch(&entry, device_mismatch.unwrap_or_default());
            }
            Answer::Refused(problem) if is_final(&problem) => {
                self.give_up(&entry, problem.code.as_str());
            }
            answer => match answer.read::<SentMessage>() {
                Ok(sent) => self.on_sent(&entry, &sent),
                Err(error) => self.rest(&entry, error.retry_after_ms()),
            },
        }
    }

    pub(super) fn note_whether_heard(&mut self, local_id: LocalId, answer: &Answer) {
        match answer {
            Answer::Lost(_) => self.outbox.unheard.insert(local_id),
            _ => self.outbox.unheard.remove(&local_id),
        };
    }

    /// The message stays, sealed or not, and is tried again later.
    pub(super) fn rest(&mut self, entry: &OutboxEntry, at_least_ms: Option<u64>) {
        let may_end = entry.state != OutboxState::Cancelling;
        if may_end && self.is_too_old(entry) && self.give_up(entry, "gave_up") {
            return;
        }
        let wait = obeying(at_least_ms, wait_ms(entry.attempts, &mut self.rng));
        let next = self.now.plus_ms(wait);
        // If even this cannot be written, the next look comes at the next input.
        let _ = self.store.transaction(|tx| {
            tx.note_attempt(entry.local_id, entry.attempts.saturating_add(1), 0, next)
        });
    }

    /// The relay is heard again: what waited only because it was not waits no longer.
    pub(crate) fn outbox_is_heard(&mut self) {
        let (unheard, now) = (std::mem::take(&mut self.outbox.unheard), self.now);
        for head in self.store.outbox_heads().unwrap_or_default() {
            if unheard.contains(&head.local_id) && head.next_attempt_at > now {
                let _ = self
                    .store
                    .transaction(|tx| tx.note_attempt(head.local_id, 0, 0, now));
            }
        }
    }

    fn due_now(&mut self, entry: &OutboxEntry) {
        let (id, now) = (entry.local_id, self.now);
        let _ = self
            .store
            .transaction(|tx| tx.note_attempt(id, entry.attempts, 0, now));
    }

    /// No list or bundle of this user is to be had: what is too old waits for none any longer. Own devices are wrapped for
    /// in every thread.
    pub(crate) fn cannot_wrap_for(&mut self, user: &UserId) {
        let Ok(me) = self.me().cloned() else { return };
        for head in self.store.outbox_heads().unwrap_or_default() {
            if *user != me.user && head.thread != ThreadId::direct(&me.user, user) {
                continue;
            }
            if let Ok(Some(entry)) = self.store.outbox_entry(head.local_id)
                && self.waits_for(&entry, user)
                && self.is_too_old(&entry)
            {
                self.give_up(&entry, "gave_up");
            }
        }
    }

    /// Whether this entry cannot leave without a list or bundle of that user.
    fn waits_for(&self, entry: &OutboxEntry, user: &UserId) -> bool {
        let Outbox {
            in_flight, repairs, ..
        } = &self.outbox;
        !in_flight.contains(&entry.thread)
            && match entry.state {
                OutboxState::Unsent => {
                    entry.sealed.is_none()
                        || repairs.contains_key(&entry.local_id)
                        || self.trust.distrusts(user)
                }
                OutboxState::Repeating => true,
                _ => false,
            }
    }

    /// Whether that could be written.
    pub(super) fn give_up(&mut self, entry: &OutboxEntry, code: &str) -> bool {
        // The relay has it: whom it did not reach it has not reached this time either.
        let is_repeat = entry.state == OutboxState::Repeating;
        let now = self.lifetime.clock.now();
        let failed = self.store.transaction(|tx| -> Result<(), EngineError> {
            if is_repeat {
                return Ok(tx.mark_outbox_sent(entry.local_id, now)?);
            }
            tx.fail_message(entry.local_id, code)?;
            Ok(tx.set_outbox_failed(entry.local_id, true)?)
        });
        if failed.is_ok() {
            self.outbox.repairs.remove(&entry.local_id);
            self.show(entry.local_id, Event::MessageFailed);
        }
        failed.is_ok()
    }

    pub(super) fn on_sent(&mut self, entry: &OutboxEntry, sent: &SentMessage) {
        // The answer to something else: the relay will be asked again.
        if sent.thread_id != entry.thread || sent.client_seq != entry.client_seq {
            return self.rest(entry, None);
        }
        let lifetime = self.lifetime.clock;
        let stored = self.store.transaction(|tx| -> Result<(), EngineError> {
            tx.step("send.confirmed");
            tx.confirm_sent(entry.local_id, sent.id, sent.created_at)?;
            note_requeued(tx, entry, sent)?;
            tx.mark_outbox_sent(entry.local_id, lifetime.now())?;
            note_time(tx, entry, sent, &lifetime)
        });
        match stored {
            Ok(()) => {
                self.outbox.repairs.remove(&entry.local_id);
                self.is_founded(entry.thread);
                self.show(entry.local_id, Event::MessageSent);
            }
            Err(_) => self.rest(entry, None),
        }
    }

    fn on_mismatch(&mut self, entry: &OutboxEntry, mismatch: DeviceMismatch) {
        if entry.rounds >= ROUNDS_MAX {
            return self.rest(entry, None);
        }
        let Ok(mismatch) = self.of_the_thread(entry.thread, mismatch) else {
            return self.rest(entry, None);
        };
        // The relay takes it with an envelope for that device alone, and the app's policy lets it have none: until that device
        // is updated, nothing that is tried ends otherwise.
        let without_envelope = mismatch.missing.iter().chain(&mismatch.stale);
        if self.bundles.refuses_any(without_envelope)
            && self.give_up(entry, "post_quantum_keys_missing")
        {
            return;
        }
        let now = self.now;
        let noted = self.store.transaction(|tx| -> Result<(), EngineError> {
            for extra in &mismatch.extra {
                tx.delete_envelope(entry.local_id, &extra.user_id, extra.device_id)?;
            }
            Ok(tx.note_attempt(
                entry.local_id,
                entry.attempts,
                entry.rounds.saturating_add(1),
                now,
            )?)
        });
        if noted.is_err() {
            return;
        }
        self.outbox.not_live.extend(mismatch.extra.iter().cloned());
        let repair = Repair::of(&mismatch);
        #[cfg(feature = "planted")]
        if crate::planted::has(crate::planted::Planted::SealedSendSurvivesRelink) {
            return;
        }
        // Whoever is named has a list that this device does not know yet; the same goes for who is gone.
        for device in repair.wrap.iter().chain(&mismatch.extra) {
            self.hurry_for([&device.user_id]);
            self.want_lists(device.user_id.clone());
        }
        if !repair.wrap.is_empty() {
            self.outbox.repairs.insert(entry.local_id, repair);
        }
    }

    /// What the mismatch says of the people of this thread. The relay has no say in who they are: a device of anybody else
    /// is told of, and gets nothing.
    fn of_the_thread(
        &mut self,
        thread: ThreadId,
        mut mismatch: DeviceMismatch,
    ) -> Result<DeviceMismatch, EngineError> {
        let me = self.me()?.user.clone();
        let peer = self.store.thread(thread)?.and_then(|row| row.peer);
        let takes_part =
            |device: &DeviceName| device.user_id == me || peer.as_ref() == Some(&device.user_id);
        let named = mismatch.missing.iter().chain(&mismatch.stale);
        let strangers = named
            .filter(|device| !takes_part(device))
            .take(STRANGERS_MAX);
        let strangers: BTreeSet<_> = strangers.cloned().collect();
        for list in [
            &mut mismatch.missing,
            &mut mismatch.extra,
            &mut mismatch.stale,
        ] {
            list.retain(takes_part);
            // No send has more envelopes, whatever the relay names.
            list.truncate(ENVELOPES_MAX);
        }
        for DeviceName { user_id, device_id } in strangers {
            self.event(Event::RelayInconsistent { user_id, device_id });
        }
        Ok(mismatch)
    }

    pub(crate) fn show(&mut self, id: LocalId, event: impl FnOnce(Box<Message>) -> Event) {
        if let Ok(Some(row)) = self.store.message(id) {
            self.event(event(Box::new(Message::from_row(row))));
        }
    }
}

/// Whether the relay will say the same however often it is asked.
pub(crate) fn is_final_code(code: ErrorCode) -> bool {
    matches!(code.status(), 400..=499)
        && !code.retryable()
        && !matches!(code.status(), 401 | 408 | 429)
}

/// Whether the same bytes can never be accepted.
pub(crate) fn is_final(problem: &Problem) -> bool {
    !problem.retryable && !matches!(problem.status, 401 | 408 | 429 | 500..)
}
