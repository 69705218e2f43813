//! What the relay delivers: frames and history rows take one path, and are acknowledged after the commit.

mod catch_up;
mod classify;
mod commit;
mod control;
mod expired;
mod history;
mod lease;
mod marks;
mod open;
mod order;
mod pages;
mod parked;
mod queue;
mod removed;
mod reopen;
mod resync;
mod sender;

pub(crate) use catch_up::CatchUp;
pub(crate) use history::HistoryProgress;
pub(crate) use queue::QueueFetch;
pub(crate) use resync::Resync;

use crate::account::Me;
use crate::engine::Random;
use crate::expiry::{LifetimeClock, note_expiry};
use crate::view::ttl_seconds;
use crate::{Engine, EngineError, Event, Message, UnreadableReason};
use lease::Lease;
use sealwire_store::{ParkReason, StoreError, Transaction};
use sealwire_wire::contract::{ClientFrame, MessageRow, ServerEvent, ServerFrame};
use sealwire_wire::{DeviceId, MessageId, ThreadId, Timestamp, UserId};

/// What one row became. All of it is committed when this is looked at.
enum Outcome {
    /// A message is in the store, and this is wrong with its place among those of its device.
    Received(Message, Vec<Event>),
    /// A placeholder became readable.
    Recovered(Message),
    /// A placeholder stands in the thread.
    Unreadable(Message),
    /// Held already.
    Duplicate {
        thread: ThreadId,
        sender: UserId,
        device: DeviceId,
    },
    /// Kept raw until this user's list was fetched.
    Parked { user: UserId },
    /// A message of this device, whose 202 was lost, has its place.
    Confirmed(Message),
    /// It may be read once something else happens, and waits parked behind its placeholder: its sender proved a list that the
    /// relay does not show, or the app has not accepted the account key that its sender is listed under.
    Waits {
        user: UserId,
        /// The list version that was proved.
        proven: Option<u64>,
        placeholder: Box<Outcome>,
    },
    /// Its time to live is over.
    Expired(Message),
    /// The relay says that it is gone, and its content does not.
    RemovalRefused {
        thread: ThreadId,
        message_id: MessageId,
    },
    /// A control message of that device did not open.
    Unheard { user: UserId, device: DeviceId },
    /// The account key came, which this device had missed.
    HoldsAccountKey,
    /// Nothing for this device.
    Ignored,
    /// Not of the contract: there is no place that it could hold.
    Refused,
}

/// Numbers of rows are counts and times: none that is true comes near this, and the store keeps none above it.
const NUMBER_MAX: u64 = i64::MAX as u64;

/// Frames that wait for one user's list: a day of a lively conversation.
const PARKED_PER_USER_MAX: u64 = 1_000;
/// Frames that wait, whomever for.
const PARKED_MAX: u64 = 20_000;

/// What can be said of a frame that says nothing else: it was here.
#[derive(serde::Deserialize)]
struct Numbered {
    frame_seq: u64,
}

/// The relay's time, where an event says it.
fn said_time(event: &ServerEvent) -> Option<Timestamp> {
    match event {
        ServerEvent::Ping { now } => Some(*now),
        ServerEvent::CatchingUp { now, .. } => *now,
        _ => None,
    }
}

/// What every step of receiving needs.
struct Receiver<'a> {
    me: &'a Me,
    now: Timestamp,
    /// By which messages disappear.
    lifetime: LifetimeClock,
    rng: &'a mut Random,
    /// Whether the sender's list was just fetched: what is still missing then stays missing.
    settled: bool,
    lease: Lease,
}

impl Engine {
    /// Frames in order: messages in one commit, then everything else, then one acknowledgement for all.
    pub(crate) fn on_frames(&mut self, frames: Vec<String>) {
        let (mut rows, mut controls, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let (mut highest, mut broken) = (None, false);
        for text in frames {
            let Ok(frame) = ServerFrame::from_json(&text) else {
                // Delivered again it would read no better, and everything behind it would wait for ever.
                let Ok(Numbered { frame_seq }) = serde_json::from_str(&text) else {
                    broken = true;
                    break;
                };
                highest = Some(frame_seq);
                self.event(Event::FrameRefused);
                continue;
            };
            highest = Some(frame.frame_seq);
            match frame.event {
                ServerEvent::Msg { message } => rows.push(*message),
                ServerEvent::Control { control } => controls.push(*control),
                other => {
                    // Before any message: by it their times to live are read.
                    if let Some(time) = said_time(&other) {
                        self.relay_says_time(time);
                    }
                    others.push(other);
                }
            }
        }
        // Not committed is not acknowledged: the relay delivers them again.
        if self.receive(&rows).is_err()
            || self.receive_controls(&controls).is_err()
            || self.keep_marks(&others).is_err()
            || self.take_removals(&others).is_err()
        {
            return self.drop_socket();
        }
        self.catch_up_hears(rows.len() + controls.len(), &others);
        for other in others {
            self.on_other(other);
        }
        if let Some(frame_seq) = highest {
            self.send_frame(&ClientFrame::ClientAck { frame_seq });
        }
        if broken {
            self.drop_socket();
        }
    }

    /// Commits what these rows are to this device, then tells.
    pub(crate) fn receive(&mut self, rows: &[MessageRow]) -> Result<u64, EngineError> {
        if rows.is_empty() {
            return Ok(0);
        }
        match self.take_all(rows) {
            // Something about one of them: the others are taken without it.
            Err(error) if concerns_a_row(&error) => {
                let mut added = 0;
                for row in rows {
                    added += match self.take_all(std::slice::from_ref(row)) {
                        Err(error) if concerns_a_row(&error) => self.refuse_alone(row)?,
                        taken => taken?,
                    };
                }
                Ok(added)
            }
            taken => taken,
        }
    }

    /// All of them in one commit; how many messages were added.
    fn take_all(&mut self, rows: &[MessageRow]) -> Result<u64, EngineError> {
        let outcomes = self.receiving(false, |receiver, tx| {
            let outcomes = rows.iter().map(|row| receiver.take(tx, row));
            outcomes.collect::<Result<Vec<_>, _>>()
        })?;
        let added = outcomes.into_iter().map(|outcome| self.tell(outcome));
        Ok(added.map(u64::from).sum())
    }

    /// What can neither be taken nor refused as usual: delivered again it would fare no better, and everything behind it
    /// would wait for ever.
    fn refuse_alone(&mut self, row: &MessageRow) -> Result<u64, EngineError> {
        let held = self.receiving(false, |receiver, tx| {
            receiver.hold_place(tx, row, UnreadableReason::Malformed)
        });
        let outcome = match held {
            Err(error) if concerns_a_row(&error) => Outcome::Refused,
            held => held?,
        };
        Ok(u64::from(self.tell(outcome)))
    }

    /// One transaction of receiving. What it leases is given back at its end, so that all of it commits together.
    fn receiving<T>(
        &mut self,
        settled: bool,
        work: impl FnOnce(&mut Receiver<'_>, &mut Transaction<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let me = self.me()?.clone();
        let lifetime = self.lifetime.clock;
        let Self {
            store, rng, now, ..
        } = self;
        store.transaction(|tx| {
            let mut receiver = Receiver {
                me: &me,
                now: *now,
                lifetime,
                rng,
                settled,
                lease: Lease::default(),
            };
            let done = work(&mut receiver, tx)?;
            receiver.lease.give_back(tx)?;
            Ok(done)
        })
    }

    /// Whether a message was added.
    fn tell(&mut self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Received(message, faults) => {
                self.has_written(message.thread, &message.sender);
                self.event(Event::MessageReceived(Box::new(message)));
                faults.into_iter().for_each(|fault| self.event(fault));
            }
            Outcome::Recovered(message) => self.event(Event::MessageRecovered(Box::new(message))),
            Outcome::Unreadable(message) => self.event(Event::MessageUnreadable(Box::new(message))),
            Outcome::Confirmed(message) => self.event(Event::MessageSent(Box::new(message))),
            Outcome::Waits {
                user,
                proven,
                placeholder,
            } => {
                if let Some(version) = proven {
                    self.distrust_below(&user, version);
                }
                // Its placeholder stands already: nothing new to tell.
                if matches!(*placeholder, Outcome::Duplicate { .. }) {
                    return false;
                }
                return self.tell(*placeholder);
            }
            Outcome::Duplicate {
                thread,
                sender,
                device,
            } => {
                self.event(Event::DuplicateDropped {
                    thread,
                    sender,
                    device,
                });
                return false;
            }
            Outcome::Parked { user } => {
                self.want_lists(user);
                return false;
            }
            Outcome::Expired(message) => {
                self.event(Event::MessageExpired(Box::new(message)));
                return false;
            }
            Outcome::RemovalRefused { thread, message_id } => {
                self.event(Event::RemovalRefused { thread, message_id });
                return false;
            }
            Outcome::Unheard { user, device } => {
                self.cannot_hear(user, device);
                return false;
            }
            Outcome::HoldsAccountKey => {
                self.restore_account_key();
                return false;
            }
            Outcome::Ignored => return false,
            Outcome::Refused => {
                self.event(Event::FrameRefused);
                return false;
            }
        }
        true
    }

    fn on_other(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::Devices { user_id, .. } => self.lists_may_be_old(user_id),
            ServerEvent::PrekeysLow {
                remaining,
                remaining_kem,
            } => {
                // A shortage that could not be noted is told again.
                let _ = self.prekeys_run_low(remaining, remaining_kem);
            }
            ServerEvent::CaughtUp { .. } => {
                self.catch_up_ends();
                self.refuse_removed_devices();
            }
            ServerEvent::Ping { .. } => {
                self.send_frame(&ClientFrame::Pong {});
            }
            ServerEvent::Resync {} => {
                self.resync_has_begun();
                self.queue_expired();
            }
            ServerEvent::Error { .. } | ServerEvent::Unknown => {}
            ServerEvent::Msg { .. } => {}
            ServerEvent::CatchingUp { .. } => {}
            ServerEvent::Del { .. } => {}
            ServerEvent::Control { .. } => {}
            ServerEvent::Delivered { .. } | ServerEvent::Read { .. } => {}
            ServerEvent::Marks { .. } | ServerEvent::MarksEnd { .. } => {}
            ServerEvent::Thread { .. } => {}
            ServerEvent::Typing {
                thread_id,
                user_id,
                typing,
            } => self.on_typing(thread_id, user_id, typing),
            ServerEvent::Presence {
                user_id,
                online,
                last_seen_at,
            } => self.event(Event::Presence {
                user: user_id,
                online,
                last_seen_ms: last_seen_at.map(|at| at.0),
            }),
        }
    }

    /// Commits what frames say of marks, of preferences, and of lists and histories to have again; then tells.
    fn keep_marks(&mut self, events: &[ServerEvent]) -> Result<(), EngineError> {
        if !events.iter().any(marks::is_kept) {
            return Ok(());
        }
        let me = self.me()?.clone();
        let news = self
            .store
            .transaction(|tx| marks::commit(tx, &me, events))?;
        self.tell_marks(news);
        Ok(())
    }

    /// Takes away what the relay says is gone; then tells.
    fn take_removals(&mut self, events: &[ServerEvent]) -> Result<(), EngineError> {
        for event in events {
            if let ServerEvent::Del {
                thread_id,
                message_id,
                removed,
            } = event
            {
                match self.on_removed(*thread_id, *message_id, *removed) {
                    // It fails again if it comes again; what it names goes when its own time is over.
                    Err(error) if concerns_a_row(&error) => {}
                    taken => taken?,
                }
            }
        }
        Ok(())
    }

    /// This device was away for longer than the relay keeps things for it: what it was told of lists is gone too.
    fn queue_expired(&mut self) {
        // Lists that cannot be looked up now are found old by the next message that needs them.
        for (user, _) in self.store.list_versions().unwrap_or_default() {
            self.lists_may_be_old(user);
        }
        self.event(Event::QueueExpired);
    }

    /// What a removed device sent before it was removed is here by now: from it nothing more is taken.
    fn refuse_removed_devices(&mut self) {
        let refused = self.store.transaction(|tx| -> Result<(), EngineError> {
            for removal in tx.pending_removals()? {
                // Until the app accepts the list's account key, the devices before it are the ones that it knows.
                let settled = tx
                    .pinned_account(&removal.user)?
                    .is_none_or(|pinned| pinned.offered_key.is_none());
                if settled && tx.count_parked_for(&removal.user)? == 0 {
                    tx.refuse_device(&removal.user, removal.device)?;
                }
            }
            Ok(())
        });
        // Tried again with the next catch-up.
        let _ = refused;
    }
}

impl Receiver<'_> {
    /// One row: nothing of the store changes unless the row opens, is parked, or gets its placeholder.
    fn take(&mut self, tx: &mut Transaction<'_>, row: &MessageRow) -> Result<Outcome, EngineError> {
        if row.client_seq.0 > NUMBER_MAX || row.created_at.0 > NUMBER_MAX {
            return Ok(Outcome::Refused);
        }
        if let Some(removal) = row.removed {
            return self.take_removed(tx, row, removal);
        }
        if self.me.is(&row.sender_id, row.sender_device_id) {
            return self.take_own(tx, row);
        }
        let held = self.held(tx, row)?;
        let placeholder = match held {
            Some(held) if held.kind == sealwire_store::MessageKind::Placeholder => {
                Some(held.local_id)
            }
            // Said to be gone before it came, and queued anew since.
            Some(held) if row.envelope.is_some() && tx.give_number_up(held.local_id)? => {
                self.lease.forget_ends();
                None
            }
            Some(_) => return Ok(duplicate(row)),
            None => None,
        };
        if let Some(id) = placeholder
            && let Some(outcome) = self.open_with_answer(tx, row, id)?
        {
            return Ok(outcome);
        }
        let Some(envelope) = &row.envelope else {
            return match placeholder {
                Some(_) => Ok(Outcome::Ignored),
                None => self.take_expired(tx, row),
            };
        };
        match self.open(tx, row, envelope) {
            Ok(opened) => self.commit(tx, row, opened, placeholder),
            Err(refusal) => self.refuse(tx, row, refusal, placeholder),
        }
    }

    /// The row that is held under the number of this one.
    fn held(
        &mut self,
        tx: &Transaction<'_>,
        row: &MessageRow,
    ) -> Result<Option<sealwire_store::Message>, StoreError> {
        let (thread, user, device) = (row.thread_id, &row.sender_id, row.sender_device_id);
        let ends = self.lease.ends(tx, thread, user, device)?;
        if ends.is_none_or(|ends| row.client_seq > ends.highest) {
            return Ok(None);
        }
        tx.message_by_client_seq(thread, user, device, row.client_seq)
    }

    /// This device's own message, come back through history: its 202 may have been lost.
    fn take_own(&self, tx: &mut Transaction<'_>, row: &MessageRow) -> Result<Outcome, EngineError> {
        let held = tx.message_by_client_seq(
            row.thread_id,
            &row.sender_id,
            row.sender_device_id,
            row.client_seq,
        )?;
        let Some(held) = held.filter(|held| held.message_id.is_none() && held.digest.is_some())
        else {
            return Ok(Outcome::Ignored);
        };
        let digest = sealwire_crypto::primitives::sha256(row.ciphertext.as_slice());
        if held.digest != Some(digest) {
            return Ok(Outcome::Ignored);
        }
        tx.confirm_sent(held.local_id, row.id, row.created_at)?;
        tx.mark_outbox_sent(held.local_id, self.lifetime.now())?;
        let from = row.requeued_at.unwrap_or(row.created_at);
        note_expiry(tx, held.local_id, ttl_seconds(&held), &self.lifetime, from)?;
        Ok(match tx.message(held.local_id)? {
            Some(message) => Outcome::Confirmed(Message::from_row(message)),
            None => Outcome::Ignored,
        })
    }

    /// Whoever floods with frames that need the network gets placeholders for what is too much.
    fn can_park(&self, tx: &Transaction<'_>, user: &UserId) -> Result<bool, EngineError> {
        Ok(tx.count_parked_for(user)? < PARKED_PER_USER_MAX && tx.count_parked()? < PARKED_MAX)
    }

    fn park(
        &self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
        reason: ParkReason,
        version: Option<u64>,
    ) -> Result<Outcome, EngineError> {
        // A row that was read from JSON can be written as JSON.
        let frame = serde_json::to_vec(row).map_err(crate::account::internal)?;
        tx.park_frame(&sealwire_store::NewParkedFrame {
            frame,
            reason,
            waits_for: row.sender_id.clone(),
            version,
            received_at: self.now,
        })?;
        Ok(Outcome::Parked {
            user: row.sender_id.clone(),
        })
    }
}

/// Whether an error is of one row, and not of the store: the same row fails again, and another one need not.
fn concerns_a_row(error: &EngineError) -> bool {
    match error {
        EngineError::Store(error) => matches!(
            error,
            StoreError::StaleSession
                | StoreError::NoSuch(_)
                | StoreError::Conflict(_)
                | StoreError::OutOfRange(_)
        ),
        EngineError::Internal(_) => true,
        _ => false,
    }
}

fn duplicate(row: &MessageRow) -> Outcome {
    Outcome::Duplicate {
        thread: row.thread_id,
        sender: row.sender_id.clone(),
        device: row.sender_device_id,
    }
}
