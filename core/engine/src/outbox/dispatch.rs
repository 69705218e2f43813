//! What may leave now: the first unsent message of each thread, once everything that it needs is at hand.

use super::Repair;
use crate::account::Me;
use crate::backoff::WISH_MAX_MS;
use crate::fanout::{Recipient, lacks_session, recipient, recipients};
use crate::requests::{Outgoing, Purpose};
use crate::{Engine, EngineError, Event};
use sealwire_store::{OutboxEntry, OutboxEnvelope, OutboxState, SealedSend, Store};
use sealwire_wire::content::{Body, Kind};
use sealwire_wire::contract::{DeviceEnvelope, DeviceName, MessageKind, SendMessage};
use sealwire_wire::limits::IDEMPOTENCY_TTL_MS;
use sealwire_wire::{AttachmentId, ThreadId, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// Before a message that waits on something else is looked at again without any input, in milliseconds.
const LOOK_AGAIN_MS: u64 = 5_000;

/// Threads with a request under way at once: as many as a phone's connections carry well. Each request ends in its time.
const IN_FLIGHT_MAX: usize = 16;

impl Engine {
    pub(crate) fn dispatch_due(&mut self) {
        let Ok(heads) = self.store.outbox_heads() else {
            return;
        };
        for head in heads {
            if self.outbox.in_flight.len() >= IN_FLIGHT_MAX {
                return;
            }
            if self.outbox.in_flight.contains(&head.thread) || self.rests(head.next_attempt_at) {
                continue;
            }
            let Ok(Some(entry)) = self.store.outbox_entry(head.local_id) else {
                continue;
            };
            if entry.state == OutboxState::Cancelling {
                self.ask_to_void(&entry);
                continue;
            }
            // What fails here fails for want of the store; the message stays and is looked at again.
            if let Err(error) = self.dispatch(&entry) {
                self.rest(&entry, error.retry_after_ms());
            }
        }
    }

    /// Begins to have what a send to this thread would need. It may come to nothing, and nothing waits for it.
    pub(crate) fn prepare_to_send(&mut self, thread: ThreadId) {
        let prepared = self.recipients_of(thread).and_then(|found| match found {
            Some((_, devices)) => self.with_sessions(devices).map(drop),
            None => Ok(()),
        });
        // Nothing was promised: a send will say what is wrong.
        let _ = prepared;
    }

    /// The relay knows no such user: what waits for their list waits in vain.
    pub(crate) fn give_up_for_unknown(&mut self, user: &UserId) {
        let Ok(me) = self.me().cloned() else { return };
        let thread = ThreadId::direct(&me.user, user);
        let head_of_thread = |store: &Store| {
            let heads = store.outbox_heads().unwrap_or_default();
            let head = heads.into_iter().find(|head| head.thread == thread)?;
            store.outbox_entry(head.local_id).ok().flatten()
        };
        while let Some(head) = head_of_thread(&self.store).filter(|head| head.sealed.is_none()) {
            if !self.give_up(&head, "user_unknown") {
                return;
            }
        }
    }

    pub(crate) fn outbox_wakes_at(&self) -> Option<Timestamp> {
        // A device that was removed sends nothing any more: what it has waits for nothing.
        if !self.online || self.me().is_err() {
            return None;
        }
        let due = self.store.outbox_next_due().ok().flatten()?;
        // A head that is due already waits for an answer, a list or a bundle: those are inputs of their own.
        Some(if self.rests(due) {
            due
        } else {
            self.now.plus_ms(LOOK_AGAIN_MS)
        })
    }

    /// Whether that time is still to come. No rest is longer than the longest: such a one was noted under a clock that ran
    /// ahead and was set since.
    fn rests(&self, until: Timestamp) -> bool {
        until > self.now && until.since_ms(self.now) <= WISH_MAX_MS
    }

    fn dispatch(&mut self, head: &OutboxEntry) -> Result<(), EngineError> {
        let Some((peer, devices)) = self.recipients_of(head.thread)? else {
            // Nothing will come of itself: the app has to accept the key, and may retry after that.
            if self.is_too_old(head) && self.waits_for_consent(head.thread)? {
                self.give_up(head, "account_key_changed");
            }
            return Ok(());
        };
        let me = self.me()?.clone();
        #[cfg(feature = "planted")]
        let head = &self.without_seal(head)?;
        match self.outbox.repairs.get(&head.local_id).cloned() {
            Some(repair) if head.sealed.is_some() => self.repair(&me, head, &repair)?,
            _ if head.sealed.is_none() => self.seal_when_ready(&me, head, &devices)?,
            _ if head.state == OutboxState::Repeating
                && !self.wrap_for_repeat(head, &devices)? =>
            {
                return Ok(());
            }
            _ => {}
        }
        self.send_if_sealed(&me, head, &peer, &devices)
    }

    #[cfg(feature = "planted")]
    fn without_seal(&mut self, head: &OutboxEntry) -> Result<OutboxEntry, EngineError> {
        if crate::planted::has(crate::planted::Planted::RetrySealsAgain) {
            self.store.transaction(|tx| tx.forget_seal(head.local_id))?;
        }
        let entry = self.store.outbox_entry(head.local_id)?;
        entry.ok_or(EngineError::UnknownMessage)
    }

    /// The other user of this thread and everybody's devices; none while their lists are not at hand, or not to be trusted.
    fn recipients_of(
        &mut self,
        thread: ThreadId,
    ) -> Result<Option<(UserId, Vec<Recipient>)>, EngineError> {
        let me = self.me()?.clone();
        let row = self.store.thread(thread)?;
        let peer = row
            .and_then(|row| row.peer)
            .ok_or(EngineError::UnknownThread)?;
        let users: BTreeSet<UserId> = [me.user.clone(), peer.clone()].into();
        if users.iter().any(|user| self.trust.distrusts(user)) || self.awaits_acceptance(&users)? {
            return Ok(None);
        }
        match recipients(&self.store, &me, &users)? {
            Ok(devices) => Ok(Some((peer, devices))),
            Err(without_list) => {
                for user in without_list {
                    if !self.trust.awaits(&user) {
                        self.want_lists(user);
                    }
                }
                self.fetch_lists_due();
                Ok(None)
            }
        }
    }

    /// Seals once there is a session with each device; those without a bundle are passed over.
    fn seal_when_ready(
        &mut self,
        me: &Me,
        head: &OutboxEntry,
        devices: &[Recipient],
    ) -> Result<(), EngineError> {
        let devices: Vec<_> = devices
            .iter()
            .filter(|device| !self.outbox.not_live.contains(&name(device)))
            .cloned()
            .collect();
        let Some(ready) = self.with_sessions(devices)? else {
            return Ok(());
        };
        self.seal(me, head, &ready)
    }

    /// The devices that a session is held with, once nothing is left to fetch.
    pub(super) fn with_sessions(
        &mut self,
        devices: Vec<Recipient>,
    ) -> Result<Option<Vec<Recipient>>, EngineError> {
        let (mut ready, mut without) = (Vec::new(), Vec::new());
        for device in devices {
            if !lacks_session(&self.store, &device, self.now)? {
                ready.push(device);
            } else if !self.bundles.leaves_out(&device, self.now) {
                without.push(device);
            }
        }
        if without.is_empty() {
            return Ok(Some(ready));
        }
        self.want_bundles(&without);
        Ok(None)
    }

    /// Wraps for the devices that the relay named, and for no device that no signed list holds.
    fn repair(&mut self, me: &Me, head: &OutboxEntry, repair: &Repair) -> Result<(), EngineError> {
        if repair
            .wrap
            .iter()
            .any(|device| self.trust.awaits(&device.user_id))
        {
            return Ok(());
        }
        let (mut devices, mut unlisted) = (Vec::new(), Vec::new());
        for device in &repair.wrap {
            match recipient(&self.store, &device.user_id, device.device_id)? {
                Some(listed) if !me.is(&device.user_id, device.device_id) => devices.push(listed),
                _ => unlisted.push(device.clone()),
            }
        }
        let Some(ready) = self.with_sessions(devices)? else {
            return Ok(());
        };
        self.wrap_again(head, &ready)?;
        self.outbox.repairs.remove(&head.local_id);
        for DeviceName { user_id, device_id } in unlisted {
            self.event(Event::RelayInconsistent { user_id, device_id });
        }
        Ok(())
    }

    fn send_if_sealed(
        &mut self,
        me: &Me,
        head: &OutboxEntry,
        peer: &UserId,
        devices: &[Recipient],
    ) -> Result<(), EngineError> {
        let Some(entry) = self.store.outbox_entry(head.local_id)? else {
            return Ok(());
        };
        let Some(sealed) = &entry.sealed else {
            return Ok(());
        };
        if self.outbox.repairs.contains_key(&head.local_id) {
            return Ok(());
        }
        if sealed.registration_id != me.registration_id {
            // Another device made it, which this one no longer is: nobody could open it, and it may not stand before the others.
            self.give_up(&entry, "gave_up");
            return Ok(());
        }
        let mut envelopes = self.store.outbox_envelopes(head.local_id)?;
        // A device that was removed since the wrapping gets nothing any more, whatever the relay would do with it.
        envelopes.retain(|envelope| {
            devices
                .iter()
                .any(|device| (&device.user, device.device) == (&envelope.user, envelope.device))
        });
        let users = BTreeSet::from([me.user.clone(), peer.clone()]);
        let body = SendMessage {
            to: Some(peer.clone()),
            device_list_versions: self.list_versions(&users)?,
            ..request_body(&entry, sealed, envelopes)
        };
        self.outbox.in_flight.insert(head.thread);
        let purpose = Purpose::Send {
            local_id: head.local_id,
            thread: head.thread,
        };
        let path = format!("/v1/threads/{}/messages", head.thread);
        self.request(
            Outgoing::post(path, purpose)
                .json(&body)
                .once(head.idempotency_key.clone()),
        );
        Ok(())
    }

    fn list_versions(
        &self,
        users: &BTreeSet<UserId>,
    ) -> Result<BTreeMap<UserId, u64>, EngineError> {
        let mut versions = BTreeMap::new();
        for user in users {
            if let Some(list) = self.store.newest_list(user)? {
                versions.insert(user.clone(), list.version);
            }
        }
        Ok(versions)
    }

    fn waits_for_consent(&self, thread: ThreadId) -> Result<bool, EngineError> {
        let peer = self.store.thread(thread)?.and_then(|row| row.peer);
        let users = [Some(self.me()?.user.clone()), peer];
        self.awaits_acceptance(&users.into_iter().flatten().collect())
    }

    fn awaits_acceptance(&self, users: &BTreeSet<UserId>) -> Result<bool, EngineError> {
        for user in users {
            if self
                .store
                .pinned_account(user)?
                .is_some_and(|pinned| pinned.offered_key.is_some())
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a message that was tried in vain just now has been tried for long enough: in time that passed, whatever the device's
    /// clock was set to meanwhile. A repeat is tried since it was asked for, and makes sense only as long as the relay knows its
    /// key.
    pub(super) fn is_too_old(&self, head: &OutboxEntry) -> bool {
        let now = self.lifetime.clock.now();
        let unknown = head
            .sent_at
            .is_some_and(|at| now.since_ms(at) >= IDEMPOTENCY_TTL_MS);
        unknown || now.since_ms(head.waits_since) > self.config.give_up_after_ms
    }
}

pub(super) fn name(device: &Recipient) -> DeviceName {
    DeviceName {
        user_id: device.user.clone(),
        device_id: device.device,
    }
}

fn request_body(
    entry: &OutboxEntry,
    sealed: &SealedSend,
    envelopes: Vec<OutboxEnvelope>,
) -> SendMessage {
    SendMessage {
        client_seq: entry.client_seq,
        ciphertext: sealed.ciphertext.clone().into(),
        commitment: sealed.commitment.into(),
        envelopes: envelopes
            .into_iter()
            .map(|envelope| DeviceEnvelope {
                user_id: envelope.user,
                device_id: envelope.device,
                registration_id: envelope.registration_id,
                kind: envelope.kind,
                body: envelope.body.into(),
            })
            .collect(),
        device_list_versions: BTreeMap::new(),
        kind: MessageKind::Message,
        target_msg_id: None,
        ttl_seconds: Body::decode(&entry.body)
            .ok()
            .and_then(|body| body.ttl_seconds),
        attachment_ids: attachment_ids(&entry.body),
        urgent: true,
        to: None,
    }
}

/// The attachments that live as long as the message.
fn attachment_ids(body: &[u8]) -> Vec<AttachmentId> {
    match Body::decode(body).map(|body| body.kind) {
        Ok(Kind::Attachment { file, .. }) => {
            let thumbnail = file
                .thumbnail
                .as_ref()
                .map(|thumbnail| thumbnail.attachment_id.clone());
            [file.attachment_id.clone()]
                .into_iter()
                .chain(thumbnail)
                .collect()
        }
        _ => Vec::new(),
    }
}
