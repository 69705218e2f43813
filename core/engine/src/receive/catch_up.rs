//! How much of what waited for this device is here.

use super::marks::MARKS_SINCE;
use crate::settings::is_cursor;
use crate::{Engine, Event};
use sealwire_wire::Timestamp;
use sealwire_wire::contract::ServerEvent;

/// Progress is told this often at most, in milliseconds.
const TOLD_EVERY_MS: u64 = 200;

/// The catch-up of this connection; none before it begins and after it ends.
#[derive(Default)]
pub(crate) struct CatchUp(Option<Progress>);

struct Progress {
    done: u64,
    total: u64,
    told_at: Timestamp,
}

/// Whether the relay had it in this device's queue, as it has messages.
fn is_queued(event: &ServerEvent) -> bool {
    matches!(
        event,
        ServerEvent::Del { .. }
            | ServerEvent::Thread { .. }
            | ServerEvent::Devices { .. }
            | ServerEvent::Resync {}
    )
}

impl Engine {
    /// A batch of frames is committed: so many messages, and these.
    pub(super) fn catch_up_hears(&mut self, messages: usize, others: &[ServerEvent]) {
        for event in others {
            if let ServerEvent::CatchingUp { queued, .. } = event {
                self.catch_up_begins(*queued);
            }
        }
        let others = others.iter().filter(|event| is_queued(event)).count();
        self.catch_up_goes_on((messages + others) as u64);
    }

    fn catch_up_begins(&mut self, total: u64) {
        self.catch_up = CatchUp(Some(Progress {
            done: 0,
            total,
            told_at: self.now,
        }));
        if total > 0 {
            self.event(Event::CatchUp { done: 0, total });
        }
    }

    fn catch_up_goes_on(&mut self, more: u64) {
        let now = self.now;
        let CatchUp(Some(progress)) = &mut self.catch_up else {
            return;
        };
        progress.done = progress.done.saturating_add(more);
        // What was queued meanwhile comes too.
        progress.total = progress.total.max(progress.done);
        if more > 0 && now.since_ms(progress.told_at) >= TOLD_EVERY_MS {
            progress.told_at = now;
            let (done, total) = (progress.done, progress.total);
            self.event(Event::CatchUp { done, total });
        }
    }

    /// Everything that was queued is here; histories that are read again come first.
    pub(super) fn catch_up_ends(&mut self) {
        if let CatchUp(Some(progress)) = std::mem::take(&mut self.catch_up) {
            let done = progress.done;
            if done > 0 {
                self.event(Event::CatchUp { done, total: done });
            }
        }
        self.fetch_settings();
        if self.resync_lets_catch_up_end() {
            self.is_caught_up();
        } else {
            // The relay is heard all the same: what waits for it need not wait for the histories.
            self.outbox_is_heard();
            self.reads_are_heard();
        }
    }

    /// Where this catch-up's marks begin; none: with all.
    pub(crate) fn marks_place(&self) -> Option<String> {
        let held = self.store.setting(MARKS_SINCE).ok().flatten();
        held.and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|place| !place.is_empty() && is_cursor(place))
    }

    /// The relay may not know the place any more: with all of them the next time.
    pub(crate) fn forget_marks_place(&mut self) {
        // A place that could not be forgotten is refused again.
        let _ = self.store.transaction(|tx| tx.remove_setting(MARKS_SINCE));
    }
}
