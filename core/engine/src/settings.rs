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
    /// Questions about settings that are under way.
    asking: usize,
    /// Two of them were under way together: the relay took them in an order that only one asked after both tells.
    crossed: bool,
    /// Questions about preferences that are under way.
    preferring: usize,
    /// Threads whose preferences the relay told of meanwhile.
    told: BTreeSet<ThreadId>,
}

impl SettingsAsked {
    fn asks(&mut self) {
        self.crossed |= self.asking > 0;
        self.asking += 1;
    }

    /// An answer is there: whether nothing else was asked or set beside it.
    fn is_plain(&mut self) -> bool {
        self.asking = self.asking.saturating_sub(1);
        !self.crossed
    }

    /// Whether the relay has to be asked once more, now that nothing is under way.
    fn is_open(&mut self) -> bool {
        self.asking == 0 && std::mem::take(&mut self.crossed)
    }

    /// The preferences of threads are asked for, or set.
    pub(crate) fn prefers(&mut self) {
        self.preferring += 1;
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

    /// An answer about preferences is there: the threads that the relay told of meanwhile, of which it may know something older.
    pub(crate) fn overtaken(&mut self) -> BTreeSet<ThreadId> {
        self.preferring = self.preferring.saturating_sub(1);
        match self.preferring {
            0 => std::mem::take(&mut self.told),
            _ => self.told.clone(),
        }
    }
}

impl Engine {
    /// The settings of the account, as the relay last told this device; the defaults until it did.
    pub fn account_settings(rows: &Rows) -> Result<AccountSettings, StoreError> {
        held(rows)
    }

    /// Other devices may have set them: asked for with each connection.
    pub(crate) fn fetch_settings(&mut self) {
        self.settings_asked.asks();
        self.request(Outgoing::get(PATH, Purpose::Settings { call: None }));
    }

    pub(crate) fn set_settings(
        &mut self,
        call: CallId,
        settings: &AccountSettings,
    ) -> Result<(), EngineError> {
        self.reachable()?;
        self.settings_asked.asks();
        let purpose = Purpose::Settings { call: Some(call) };
        self.request(Outgoing::put(PATH, purpose).json(settings));
        Ok(())
    }

    pub(crate) fn on_settings(&mut self, call: Option<CallId>, answer: Answer) {
        let plain = self.settings_asked.is_plain();
        let kept = answer.read::<AccountSettings>().and_then(|settings| {
            // What was set counts until the relay says how it ended; what was only read beside that may be from before it.
            match plain || call.is_some() {
                true => self.keep_settings(settings),
                false => Ok(settings),
            }
        });
        if self.settings_asked.is_open() {
            self.fetch_settings();
        }
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
        self.settings_asked.prefers();
        self.request(Outgoing::put(path, purpose).json(preferences));
        Ok(())
    }

    pub(crate) fn on_thread_preferences(&mut self, call: CallId, thread: ThreadId, answer: Answer) {
        let overtaken = self.settings_asked.overtaken().contains(&thread);
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
