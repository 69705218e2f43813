//! Protocol messages to single devices: checked, made durable, put into their queues.

use super::{Answer, Refusal, Service, Wake, Woken};
use crate::storage::{AcceptControl, Account, ControlAccepted, QueueSource};
use sealwire_wire::contract::{
    DeviceEnvelope, DeviceMismatch, DeviceName, ErrorCode, SendControl, SentControl,
};
use sealwire_wire::limits::{CONTROL_DEVICES_MAX, CONTROL_MAX, IDEMPOTENCY_TTL_MS};
use sealwire_wire::{IdempotencyKey, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};

impl Service {
    /// Accepts a control message. The answer is durable, and so is the body of every device.
    pub async fn send_control(
        &self,
        caller: &DeviceName,
        key: &IdempotencyKey,
        control: &SendControl,
    ) -> Answer<Woken<SentControl>> {
        self.authorise(caller).await?;
        check_shape(control)?;
        let now = self.clock.now();
        let earlier = self
            .storage
            .earlier_control(caller.clone(), key.clone(), now)
            .await?;
        if let Some(earlier) = earlier {
            return self.earlier_control(earlier).await;
        }
        let people: BTreeSet<UserId> = control.to.iter().map(|to| to.user_id.clone()).collect();
        self.check_shared(&caller.user_id, &people).await?;
        // Until the message is accepted and queued, its devices stay those that it was wrapped for.
        let people = Vec::from_iter(people);
        let mut everybody = people.clone();
        everybody.push(caller.user_id.clone());
        let _turn = self.list_locks.keep(&everybody).await;
        for user in &people {
            self.refuse_blocked(&caller.user_id, user).await?;
        }
        self.check_named(caller, &people, &control.to).await?;
        let id = self.mint(now)?;
        let step = AcceptControl {
            id,
            sender: caller.clone(),
            envelopes: control.to.clone(),
            created_at: Timestamp(id.time_ms()),
            key: key.clone(),
            key_expires_at: now.plus_ms(IDEMPOTENCY_TTL_MS),
        };
        match self.storage.accept_control(step).await? {
            ControlAccepted::Accepted => {
                let sent = SentControl {
                    id,
                    created_at: Timestamp(id.time_ms()),
                };
                Ok(self.queued_control(sent).await)
            }
            earlier => self.earlier_control(earlier).await,
        }
    }

    async fn earlier_control(&self, earlier: ControlAccepted) -> Answer<Woken<SentControl>> {
        match earlier {
            // A crash may have come between the row and its queue entries.
            ControlAccepted::Earlier(sent) => Ok(self.queued_control(sent).await),
            _ => Err(Refusal::new(
                ErrorCode::IdempotencyKeyReused,
                "this key was used for another request",
            )),
        }
    }

    async fn queued_control(&self, sent: SentControl) -> Woken<SentControl> {
        let queues = self.queue(QueueSource::Control { id: sent.id }).await;
        Woken {
            answer: sent,
            wake: Wake {
                queues,
                ..Wake::default()
            },
        }
    }

    /// Nobody writes to devices of strangers.
    async fn check_shared(&self, user: &UserId, people: &BTreeSet<UserId>) -> Answer<()> {
        let others: Vec<UserId> = people
            .iter()
            .filter(|person| *person != user)
            .cloned()
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        let sharing = self
            .storage
            .sharing_a_thread(user.clone(), others.clone())
            .await?;
        match others.iter().find(|other| !sharing.contains(other)) {
            None => Ok(()),
            Some(stranger) => Err(Refusal::new(
                ErrorCode::NoSharedThread,
                format!("you share no thread with {stranger}"),
            )),
        }
    }

    /// Each named device is live, under the registration that was named, and not the sending one.
    async fn check_named(
        &self,
        caller: &DeviceName,
        people: &[UserId],
        named: &[DeviceEnvelope],
    ) -> Answer<()> {
        let mut accounts: BTreeMap<&UserId, Account> = BTreeMap::new();
        for user in people {
            if let Some(account) = self.storage.account(user.clone()).await? {
                accounts.insert(user, account);
            }
        }
        let mut mismatch = DeviceMismatch::default();
        for to in named {
            let name = DeviceName {
                user_id: to.user_id.clone(),
                device_id: to.device_id,
            };
            let live = accounts
                .get(&to.user_id)
                .and_then(|account| {
                    account
                        .live()
                        .find(|device| device.device_id == to.device_id)
                })
                .filter(|_| name != *caller);
            match live {
                None => mismatch.extra.push(name),
                Some(device) if device.registration_id != to.registration_id => {
                    mismatch.stale.push(name);
                }
                Some(_) => {}
            }
        }
        if mismatch == DeviceMismatch::default() {
            Ok(())
        } else {
            Err(Refusal::mismatch(mismatch))
        }
    }
}

fn check_shape(control: &SendControl) -> Answer<()> {
    let too_large = |detail: String| Err(Refusal::new(ErrorCode::TooLarge, detail));
    let against = |detail: &str| Err(Refusal::new(ErrorCode::Unprocessable, detail));
    if control.to.len() > CONTROL_DEVICES_MAX {
        return too_large(format!(
            "a control message goes to at most {CONTROL_DEVICES_MAX} devices"
        ));
    }
    if control.to.iter().any(|to| to.body.0.len() > CONTROL_MAX) {
        return too_large(format!(
            "a control message has at most {CONTROL_MAX} bytes a device"
        ));
    }
    if control.to.is_empty() || control.to.iter().any(|to| to.body.0.is_empty()) {
        return against("a control message goes to somebody, and none of its bodies is empty");
    }
    let devices: BTreeSet<_> = control
        .to
        .iter()
        .map(|to| (&to.user_id, to.device_id))
        .collect();
    if devices.len() < control.to.len() {
        return against("a device stands twice");
    }
    Ok(())
}
