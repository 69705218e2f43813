//! What this account lets others do and see, whom it blocks, and what it wants of a thread. The relay keeps it; this device
//! keeps the last that it was told of settings and preferences.

use crate::requests::{Answer, Outgoing, Purpose};
use crate::{CallId, Engine, EngineError, Event, HttpMethod, Reply};
use sealwire_store::{Rows, StoreError};
use sealwire_wire::contract::{AccountSettings, Blocks, ServerEvent, ThreadPreferences, read_json};
use sealwire_wire::limits::BLOCKS_MAX;
use sealwire_wire::{ThreadId, UserId};
use std::collections::BTreeSet;

const PATH: &str = "/v1/me/settings";
const SETTINGS: &str = "account_settings";

/// The settings of the account, as the relay last told this device; the defaults until it did.
pub(crate) fn held(rows: &Rows) -> Result<AccountSettings, StoreError> {
    let held = rows.setting(SETTINGS)?;
    Ok(held
        .and_then(|bytes| read_json(&bytes).ok())
        .unwrap_or_default())
}

/// Characters that a query carries unchanged (RFC 3986, section 2.3), as long as an id may be.
pub(crate) fn is_cursor(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.len() <= 128 && text.bytes().all(unreserved)
}

/// What is asked of the relay about settings and preferences, to tell which of its answers is the newer.
#[derive(Default)]
pub(crate) struct SettingsAsked {
    /// Questions about settings so far; each has its number.
    asked: u64,
    /// The question whose answer is held.
    held: u64,
    /// Questions about preferences that are under way.
    preferring: usize,
    /// Threads whose preferences the relay told of meanwhile.
    told: BTreeSet<ThreadId>,
}

impl SettingsAsked {
    fn next(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    /// The relay tells what holds, unasked: to every device, whichever set it.
    pub(crate) fn hears(&mut self, events: &[ServerEvent]) {
        if self.preferring == 0 {
            return;
        }
        for event in events {
            if let ServerEvent::Thread {
                thread_id,
                mine: Some(_),
            } = event
            {
                self.told.insert(*thread_id);
            }
        }
    }

    /// An answer about a thread's preferences is there: whether it may be older than what the relay told meanwhile.
    fn is_overtaken(&mut self, thread: ThreadId) -> bool {
        self.preferring = self.preferring.saturating_sub(1);
        let overtaken = self.told.contains(&thread);
        if self.preferring == 0 {
            self.told.clear();
        }
        overtaken
    }
}

impl Engine {
    /// The settings of the account, as the relay last told this device; the defaults until it did.
    pub fn account_settings(rows: &Rows) -> Result<AccountSettings, StoreError> {
        held(rows)
    }

    /// Other devices may have set them: asked for with each connection.
    pub(crate) fn fetch_settings(&mut self) {
        let purpose = Purpose::Settings {
            call: None,
            number: self.settings_asked.next(),
        };
        self.request(Outgoing::get(PATH, purpose));
    }

    pub(crate) fn set_settings(
        &mut self,
        call: CallId,
        settings: &AccountSettings,
    ) -> Result<(), EngineError> {
        self.reachable()?;
        let purpose = Purpose::Settings {
            call: Some(call),
            number: self.settings_asked.next(),
        };
        self.request(Outgoing::put(PATH, purpose).json(settings));
        Ok(())
    }

    pub(crate) fn on_settings(&mut self, call: Option<CallId>, number: u64, answer: Answer) {
        let kept = answer.read::<AccountSettings>().and_then(|settings| {
            match number < self.settings_asked.held {
                // An answer to a later question came first.
                true => Ok(settings),
                false => {
                    let kept = self.keep_settings(settings)?;
                    self.settings_asked.held = number;
                    Ok(kept)
                }
            }
        });
        match call {
            Some(call) => self.done(call, kept.map(Reply::Settings)),
            // Asked for again with the next connection.
            None => drop(kept),
        }
    }

    pub(crate) fn set_block(
        &mut self,
        call: CallId,
        user: &UserId,
        blocked: bool,
    ) -> Result<(), EngineError> {
        if blocked && self.me()?.user == *user {
            return Err(EngineError::OwnUser);
        }
        self.reachable()?;
        let method = match blocked {
            true => HttpMethod::Put,
            false => HttpMethod::Delete,
        };
        let path = format!("/v1/blocks/{user}");
        self.request(Outgoing::new(method, path, Purpose::Block { call }));
        Ok(())
    }

    pub(crate) fn on_block_set(&mut self, call: CallId, answer: Answer) {
        self.done(call, answer.done().map(|()| Reply::Nothing));
    }

    pub(crate) fn blocked_users(&mut self, call: CallId) -> Result<(), EngineError> {
        self.reachable()?;
        self.request(Outgoing::get("/v1/blocks", Purpose::Blocks { call }));
        Ok(())
    }

    pub(crate) fn on_blocks(&mut self, call: CallId, answer: Answer) {
        let users = answer.read::<Blocks>().map(|mut blocks| {
            blocks.users.truncate(BLOCKS_MAX);
            Reply::Users(blocks.users)
        });
        self.done(call, users);
    }

    pub(crate) fn set_thread_preferences(
        &mut self,
        call: CallId,
        thread: ThreadId,
        preferences: &ThreadPreferences,
    ) -> Result<(), EngineError> {
        self.reachable()?;
        if self.store.thread(thread)?.is_none() {
            return Err(EngineError::UnknownThread);
        }
        let path = format!("/v1/threads/{thread}/me");
        let purpose = Purpose::ThreadPreferences { call, thread };
        self.settings_asked.preferring += 1;
        self.request(Outgoing::put(path, purpose).json(preferences));
        Ok(())
    }

    pub(crate) fn on_thread_preferences(&mut self, call: CallId, thread: ThreadId, answer: Answer) {
        let overtaken = self.settings_asked.is_overtaken(thread);
        let kept = answer.read::<ThreadPreferences>().and_then(|held| {
            if overtaken {
                return Ok(Reply::Preferences(held));
            }
            let changed = self
                .store
                .transaction(|tx| tx.set_preferences(thread, &held))?;
            if changed {
                self.inbox_changes(thread);
            }
            Ok(Reply::Preferences(held))
        });
        self.done(call, kept);
    }

    fn keep_settings(&mut self, settings: AccountSettings) -> Result<AccountSettings, EngineError> {
        if held(&self.store)? != settings {
            let kept = serde_json::to_vec(&settings).map_err(crate::account::internal)?;
            self.store
                .transaction(|tx| tx.set_setting(SETTINGS, &kept))?;
            self.event(Event::SettingsChanged(settings));
        }
        Ok(settings)
    }
}
