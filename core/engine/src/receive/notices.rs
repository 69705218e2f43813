//! What the relay tells beside messages: lists, prekeys, the end of a catch-up, who is there.

use crate::{Engine, EngineError, Event};
use sealwire_wire::contract::{ClientFrame, ServerEvent};

impl Engine {
    pub(super) fn on_other(&mut self, event: ServerEvent) {
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
