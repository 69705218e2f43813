//! Control messages in memory.

use super::state::{ControlState, Kept, KeptFor, State};
use super::{Memory, Pending};
use crate::storage::{AcceptControl, ControlAccepted, Controls};
use sealwire_wire::contract::{ControlMessage, DeviceName, EnvelopeBody, SentControl};
use sealwire_wire::{IdempotencyKey, Timestamp, UserId};

impl Controls for Memory {
    fn earlier_control(
        &self,
        sender: DeviceName,
        key: IdempotencyKey,
        now: Timestamp,
    ) -> Pending<'_, Option<ControlAccepted>> {
        self.step(|state| earlier(state, &sender, &key, now))
    }

    fn accept_control(&self, step: AcceptControl) -> Pending<'_, ControlAccepted> {
        self.step(|state| {
            if let Some(earlier) = earlier(state, &step.sender, &step.key, step.created_at) {
                return earlier;
            }
            for one in step.envelopes {
                let to = DeviceName {
                    user_id: one.user_id,
                    device_id: one.device_id,
                };
                let message = ControlMessage {
                    id: step.id,
                    sender_id: step.sender.user_id.clone(),
                    sender_device_id: step.sender.device_id,
                    envelope: EnvelopeBody {
                        kind: one.kind,
                        body: one.body,
                    },
                    created_at: step.created_at,
                };
                let control = ControlState {
                    message,
                    queued: false,
                };
                state.controls.insert((step.id, to), control);
            }
            let place = (step.sender, step.key.as_str().to_owned());
            let kept = Kept {
                of: KeptFor::Control(step.id),
                expires_at: step.key_expires_at,
            };
            state.kept.insert(place, kept);
            ControlAccepted::Accepted
        })
    }

    fn sharing_a_thread(&self, user: UserId, others: Vec<UserId>) -> Pending<'_, Vec<UserId>> {
        self.step(|state| {
            let shares = |other: &UserId| {
                state.threads.values().any(|thread| {
                    let people = &thread.record.participants;
                    people.contains(&user) && people.contains(other)
                })
            };
            others.into_iter().filter(shares).collect()
        })
    }
}

fn earlier(
    state: &State,
    sender: &DeviceName,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Option<ControlAccepted> {
    let kept = state
        .kept
        .get(&(sender.clone(), key.as_str().to_owned()))
        .filter(|kept| kept.expires_at > now)?;
    Some(match &kept.of {
        KeptFor::Control(id) => ControlAccepted::Earlier(SentControl {
            id: *id,
            created_at: Timestamp(id.time_ms()),
        }),
        KeptFor::Send(_) => ControlAccepted::KeyReused,
    })
}
