//! The way out: the stored bytes until the relay has them, or until the device is gone.

use crate::backoff::{WISH_MAX_MS, obeying, wait_ms};
use crate::fanout::recipient;
use crate::outbox::is_final;
use crate::requests::{Answer, Outgoing, Purpose};
use crate::{Engine, EngineError};
use sealwire_store::{OutgoingControl, StoreError};
use sealwire_wire::contract::{DeviceEnvelope, ErrorCode, Problem, SendControl};
use sealwire_wire::{Timestamp, limits};
use std::collections::BTreeSet;

/// How many are on their way at once.
const IN_FLIGHT_MAX: u32 = 8;

/// Those under way.
#[derive(Default)]
pub(crate) struct ControlSends {
    in_flight: BTreeSet<i64>,
}

impl Engine {
    pub(crate) fn send_controls_due(&mut self) {
        for one in self.next_controls() {
            if !self.control_sends.in_flight.contains(&one.id) && self.is_due(&one) {
                self.send_control(&one);
            }
        }
    }

    fn send_control(&mut self, one: &OutgoingControl) {
        let control = &one.control;
        let listed = match recipient(&self.store, &control.user, control.device) {
            Ok(listed) => listed,
            // It cannot be told now. What is behind it goes first.
            Err(_) => return self.rest_control(one, None),
        };
        let gone = listed.is_none_or(|device| device.registration_id != control.registration_id);
        let stale = self.now.since_ms(control.created_at) > limits::QUEUE_TTL_MS;
        if gone || stale {
            return self.drop_control(one.id);
        }
        self.control_sends.in_flight.insert(one.id);
        let body = SendControl {
            to: vec![DeviceEnvelope {
                user_id: control.user.clone(),
                device_id: control.device,
                registration_id: control.registration_id,
                kind: control.kind,
                body: control.body.clone().into(),
            }],
        };
        let purpose = Purpose::Control { id: one.id };
        self.request(
            Outgoing::post("/v1/control", purpose)
                .json(&body)
                .once(control.idempotency_key.clone()),
        );
    }

    pub(crate) fn on_control_sent(&mut self, id: i64, answer: Answer) {
        self.control_sends.in_flight.remove(&id);
        let Ok(Some(one)) = self.store.outgoing_control(id) else {
            return;
        };
        match answer {
            Answer::Fine(_) => self.drop_control(id),
            // Of another registration, or gone: the list says which. What it was about is asked for again if it is not.
            Answer::Refused(Problem {
                code: ErrorCode::DeviceMismatch,
                ..
            }) => {
                self.want_lists(one.control.user.clone());
                self.drop_control(id);
            }
            Answer::Refused(problem) if is_final(&problem) => self.drop_control(id),
            other => {
                let wish = other.done().err().and_then(|error| error.retry_after_ms());
                self.rest_control(&one, wish);
            }
        }
    }

    fn rest_control(&mut self, one: &OutgoingControl, wish: Option<u64>) {
        let wait = obeying(wish, wait_ms(one.attempts, &mut self.rng));
        let next = self.now.plus_ms(wait);
        let attempts = one.attempts.saturating_add(1);
        // If even this cannot be written, the next look comes at the next input.
        let _ = self.store.transaction(|tx| -> Result<(), StoreError> {
            tx.note_control_attempt(one.id, attempts, next)
        });
    }

    /// The relay is heard again: nothing waits only because it was not.
    pub(crate) fn controls_are_heard(&mut self) {
        let now = self.now;
        let waiting = self.next_controls().into_iter();
        for one in waiting.filter(|one| one.next_attempt_at > now) {
            let _ = self.store.transaction(|tx| -> Result<(), StoreError> {
                tx.note_control_attempt(one.id, 0, now)
            });
        }
    }

    pub(crate) fn controls_wake_at(&self) -> Option<Timestamp> {
        if !self.online {
            return None;
        }
        let waiting = self.next_controls().into_iter();
        let waiting = waiting.filter(|one| !self.control_sends.in_flight.contains(&one.id));
        waiting
            .map(|one| one.next_attempt_at)
            .filter(|at| *at > self.now)
            .min()
    }

    /// Those that are looked at. What is for somebody of whom the relay shows nothing that holds waits, whoever it was that
    /// lied, and takes nobody's place. What cannot be read now is read at the next input.
    fn next_controls(&self) -> Vec<OutgoingControl> {
        self.store
            .outgoing_controls_but_for(self.trust.distrusted_users(), IN_FLIGHT_MAX)
            .unwrap_or_default()
    }

    /// No wait is longer than the longest: such a one was noted under a clock that ran ahead and was set since.
    fn is_due(&self, one: &OutgoingControl) -> bool {
        one.next_attempt_at <= self.now || one.next_attempt_at.since_ms(self.now) > WISH_MAX_MS
    }

    fn drop_control(&mut self, id: i64) {
        // What stays is tried once more, and answered as it was.
        let _ = self
            .store
            .transaction(|tx| -> Result<bool, EngineError> { Ok(tx.delete_control(id)?) });
    }
}
