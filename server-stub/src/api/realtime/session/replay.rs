//! What a device is sent: its queue page by page, marks and the end of the catch-up, then what is pushed.

use super::super::ended::Ended;
use super::super::pushes::Waiting;
use super::{Ready, Session, What};
use crate::service::{Answer, QueuedPage};
use sealwire_wire::contract::ServerEvent;
use sealwire_wire::limits::PREKEYS_LOW;
use std::pin::Pin;

/// Queue entries read at once: each may hold 64 KiB. Twice as many after a page of small ones, up to the largest.
pub(super) const PAGE: usize = 20;
const PAGE_MAX: usize = 100;
/// Ciphertext of a page of small ones, at most.
const SMALL_PAGE: usize = 128 * 1024;

/// A page of the queue, on its way from storage.
pub(super) type Reading = Pin<Box<dyn Future<Output = Answer<QueuedPage>> + Send>>;

impl Session {
    /// The first frame: how much there is to replay.
    pub(super) async fn greet(&mut self) -> Result<(), Ended> {
        let queued = self
            .state
            .service()
            .queue_length(&self.device)
            .await
            .map_err(Ended::refused)?;
        let now = Some(self.state.now());
        self.say(ServerEvent::CatchingUp { queued, now });
        Ok(())
    }

    /// Begins to read the next entries of the queue, while those before them are written.
    pub(super) fn read_on(&mut self) {
        let room = self.frames.room().saturating_sub(self.ready.len());
        if !self.behind || self.reading.is_some() || room == 0 || self.ready.len() >= PAGE {
            return;
        }
        let limit = room.min(self.page) as u32;
        let (state, device) = (self.state.clone(), self.device.clone());
        let after = self.position;
        let reading = async move { state.service().queue_page(&device, after, limit).await };
        self.reading = Some(Box::pin(reading));
    }

    /// Gets the entries of a page ready.
    pub(super) fn take_page(&mut self, page: QueuedPage) {
        self.behind = page.has_more;
        if let Some(replayed) = &mut self.replayed {
            *replayed += page.entries.len() as u64;
        }
        let sizes = page.entries.iter().map(|entry| match &entry.event {
            ServerEvent::Msg { message } => message.ciphertext.0.len(),
            _ => 0,
        });
        self.page = if sizes.sum::<usize>() <= SMALL_PAGE {
            (self.page * 2).min(PAGE_MAX)
        } else {
            PAGE
        };
        for entry in page.entries {
            self.position = entry.position;
            self.ready.push_back(Ready {
                what: What::Event(entry.event),
                entry: Some(entry.position),
            });
        }
    }

    /// At the end of the queue: the marks that moved since the client last heard of them, then that it has caught up.
    pub(super) async fn catch_up_marks(&mut self) -> Result<(), Ended> {
        let page = self
            .state
            .service()
            .marks_after(&self.device, self.marks_since)
            .await
            .map_err(Ended::refused)?;
        self.marks_since = page.cursor;
        for marks in page.threads {
            let marks = Box::new(marks);
            self.say(ServerEvent::Marks { marks });
        }
        if !page.has_more
            && let Some(replayed) = self.replayed.take()
        {
            let metrics = self.state.metrics();
            metrics.replays.add(1);
            metrics.replayed.add(replayed);
            let cursor = self
                .state
                .service()
                .write_marks_cursor(&self.device.user_id, self.marks_since)
                .map_err(Ended::refused)?;
            self.say(ServerEvent::MarksEnd { cursor });
            self.say(ServerEvent::CaughtUp { replayed });
            self.count_prekeys().await?;
        }
        Ok(())
    }

    /// Frames what was pushed, as far as it is the next after what was framed; the rest is read from storage.
    pub(super) fn take_pushes(&mut self, pushed: Waiting) {
        self.behind = pushed.look;
        for push in pushed.messages {
            if push.position <= self.position {
                continue;
            }
            if push.after > self.position || self.frames.room() <= self.ready.len() {
                self.behind = true;
                return;
            }
            self.position = push.position;
            self.ready.push_back(Ready {
                entry: Some(push.position),
                what: What::Pushed(push.message),
            });
        }
    }

    /// Tells the client when its one-time prekeys run low. Told again at the next key given out, so none is waited for.
    pub(super) async fn count_prekeys(&mut self) -> Result<(), Ended> {
        let count = self
            .state
            .service()
            .prekey_count(&self.device)
            .await
            .map_err(Ended::refused)?;
        let remaining = count.one_time_prekeys;
        let remaining_kem = count
            .last_resort_kem_prekey_id
            .map(|_| count.one_time_kem_prekeys);
        if remaining.min(remaining_kem.unwrap_or(u32::MAX)) < PREKEYS_LOW {
            self.say(ServerEvent::PrekeysLow {
                remaining,
                remaining_kem,
            });
        }
        Ok(())
    }
}

/// The page that is being read.
pub(super) async fn read(reading: &mut Option<Reading>) -> Answer<QueuedPage> {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}
