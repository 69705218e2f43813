//! What the relay delivers: frames and history rows take one path, and are acknowledged after the commit.

mod catch_up;
mod classify;
mod commit;
mod control;
mod expired;
mod history;
mod lease;
mod marks;
mod notices;
mod open;
mod order;
mod outcome;
mod pages;
mod parked;
mod queue;
mod removed;
mod reopen;
mod resync;
mod sender;
mod take;

pub(crate) use catch_up::CatchUp;
pub(crate) use history::HistoryProgress;
pub(crate) use queue::QueueFetch;
pub(crate) use resync::Resync;

use crate::account::Me;
use crate::engine::Random;
use crate::expiry::LifetimeClock;
use crate::{Engine, EngineError, Event, UnreadableReason};
use lease::Lease;
use outcome::{Outcome, duplicate};
use sealwire_store::{StoreError, Transaction, crash};
use sealwire_wire::Timestamp;
use sealwire_wire::contract::{ClientFrame, MessageRow, ServerEvent, ServerFrame};

/// Numbers of rows are counts and times: none that is true comes near this, and the store keeps none above it.
const NUMBER_MAX: u64 = i64::MAX as u64;

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

/// What becomes of a frame that needs the network.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// It is parked.
    Park,
    /// It is parked already, and stays so.
    Stay,
    /// The sender's list was just fetched: what is still missing stays missing.
    GiveUp,
}

/// What every step of receiving needs.
struct Receiver<'a> {
    me: &'a Me,
    now: Timestamp,
    /// By which messages disappear.
    lifetime: LifetimeClock,
    rng: &'a mut Random,
    waiting: Waiting,
    lease: Lease,
}

impl Engine {
    /// Frames in order: messages in one commit, then everything else, then one acknowledgement for all.
    pub(crate) fn on_frames(&mut self, frames: Vec<String>) {
        let (mut rows, mut controls, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let (mut highest, mut broken) = (None, false);
        for text in frames {
            let Ok(frame) = serde_json::from_str::<ServerFrame>(&text) else {
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
        #[cfg(feature = "planted")]
        if crate::planted::has(crate::planted::Planted::ReorderAtCaughtUp) {
            let ends = |event: &ServerEvent| matches!(event, ServerEvent::CaughtUp { .. });
            if others.iter().any(ends) {
                rows.reverse();
            }
        }
        #[cfg(feature = "planted")]
        if crate::planted::has(crate::planted::Planted::AckBeforeCommit)
            && let Some(frame_seq) = highest
        {
            self.send_frame(&ClientFrame::ClientAck { frame_seq });
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
            crash::point("receive.to_acknowledge");
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
        self.retake_parked()?;
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
        let outcomes = self.receiving(Waiting::Park, |receiver, tx| {
            let outcomes = rows.iter().map(|row| receiver.take(tx, row));
            outcomes.collect::<Result<Vec<_>, _>>()
        })?;
        let added = outcomes.into_iter().map(|outcome| self.tell(outcome));
        Ok(added.map(u64::from).sum())
    }

    /// What can neither be taken nor refused as usual: delivered again it would fare no better, and everything behind it
    /// would wait for ever.
    fn refuse_alone(&mut self, row: &MessageRow) -> Result<u64, EngineError> {
        let held = self.receiving(Waiting::Park, |receiver, tx| {
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
        waiting: Waiting,
        work: impl FnOnce(&mut Receiver<'_>, &mut Transaction<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let me = self.me()?.clone();
        let lifetime = self.lifetime.clock;
        let Self {
            store, rng, now, ..
        } = self;
        store.transaction(|tx| {
            tx.step("receive.frames");
            let mut receiver = Receiver {
                me: &me,
                now: *now,
                lifetime,
                rng,
                waiting,
                lease: Lease::default(),
            };
            let done = work(&mut receiver, tx)?;
            receiver.lease.give_back(tx)?;
            Ok(done)
        })
    }

    /// Commits what frames say of marks, of preferences, and of lists and histories to have again; then tells.
    fn keep_marks(&mut self, events: &[ServerEvent]) -> Result<(), EngineError> {
        if !events.iter().any(marks::is_kept) {
            return Ok(());
        }
        let me = self.me()?.clone();
        let news = self.store.transaction(|tx| {
            tx.step("receive.marks");
            marks::commit(tx, &me, events)
        })?;
        self.settings_asked.hears(events);
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
